//! Why a query is refused or fails, with the place in its text where there is one.

use std::ops::Range;

/// The result of everything about queries that can fail.
pub type Result<T> = std::result::Result<T, QueryError>;

/// What is wrong with a query, or what went wrong while it ran.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The text is no LogQL.
    #[error("{problem}, at byte {}", span.start)]
    Syntax {
        /// What is wrong, and what would be right.
        problem: String,
        /// The bytes of the query text that it is about.
        span: Range<usize>,
    },
    /// The text is LogQL and asks for something that has no meaning.
    #[error("{problem}")]
    Invalid {
        /// What is wrong, and what would be right.
        problem: String,
    },
    /// A limit that protects the process was reached.
    #[error("{what} is limited to {max}, got {found}")]
    Limit {
        /// What is limited, with its unit.
        what: &'static str,
        /// The limit in force.
        max: u64,
        /// The value that went over it.
        found: u64,
    },
    /// A line could not be processed, and the query does not say that such lines may be left out.
    #[error(
        "a line of {labels} failed with {error}; a filter such as `| __error__=\"\"` leaves such lines out"
    )]
    Pipeline {
        /// The value of `__error__`.
        error: String,
        /// The labels of the line.
        labels: String,
    },
    /// Two vectors cannot be combined as the query asks.
    #[error("{problem}")]
    Matching {
        /// Which rule of vector matching is broken.
        problem: &'static str,
    },
    /// The caller cancelled the query or its deadline passed.
    #[error("cancelled: {reason}")]
    Cancelled {
        /// Who stopped it: the caller, or the deadline.
        reason: &'static str,
    },
    /// The store failed.
    #[error(transparent)]
    Source(#[from] bedrock::Error),
}

impl QueryError {
    /// The text is no LogQL at these bytes.
    pub(crate) fn syntax(problem: impl Into<String>, span: Range<usize>) -> Self {
        QueryError::Syntax { problem: problem.into(), span }
    }

    /// The query asks for something that has no meaning.
    pub(crate) fn invalid(problem: impl Into<String>) -> Self {
        QueryError::Invalid { problem: problem.into() }
    }

    /// Where in the query text the problem lies, where that is known.
    pub fn span(&self) -> Option<Range<usize>> {
        match self {
            QueryError::Syntax { span, .. } => Some(span.clone()),
            _ => None,
        }
    }
}
