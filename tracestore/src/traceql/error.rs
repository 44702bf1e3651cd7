//! What can be wrong with a query.

use std::ops::Range;

/// Why a query was not answered. Every variant is a set of facts; byte positions refer to the query's text.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The text is no query.
    #[error("at byte {}: found {found}, expected {expected}", at.start)]
    Syntax {
        /// Where.
        at: Range<usize>,
        /// What stands there.
        found: String,
        /// What could stand there.
        expected: String,
    },
    /// The query parses but has no meaning.
    #[error("at byte {}: {problem}: {part}", at.start)]
    Meaning {
        /// Where, as far as it is known.
        at: Range<usize>,
        /// The rule that it breaks.
        problem: &'static str,
        /// The part of the query.
        part: String,
    },
    /// The query parses, but the language reserves what it asks for.
    #[error("{feature} is part of the language but nothing answers it yet")]
    Unsupported {
        /// What it asks for.
        feature: String,
    },
    /// The query is of the other kind: a search where series were asked for, or the reverse.
    #[error("{expected} was asked for, the query gives {found}")]
    WrongKind {
        /// What the call needs.
        expected: &'static str,
        /// What the query gives.
        found: &'static str,
    },
    /// A parameter beside the query has no meaning.
    #[error("{parameter}: {problem}")]
    Parameter {
        /// Its name.
        parameter: &'static str,
        /// What is wrong with it.
        problem: String,
    },
    /// Evaluating failed on a span, and the caller asked to be told.
    #[error("evaluating {part}: {problem}")]
    Evaluation {
        /// The expression.
        part: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Reading the store failed, or a limit was reached.
    #[error(transparent)]
    Store(#[from] bedrock::Error),
}

impl QueryError {
    /// Whether the text alone, without any data, is at fault.
    pub fn is_about_the_query(&self) -> bool {
        matches!(
            self,
            QueryError::Syntax { .. }
                | QueryError::Meaning { .. }
                | QueryError::Unsupported { .. }
                | QueryError::WrongKind { .. }
                | QueryError::Parameter { .. }
        )
    }

    pub(crate) fn limit(what: &'static str, max: usize, found: usize) -> Self {
        QueryError::Store(bedrock::Error::Limit { what, max: max as u64, found: found as u64 })
    }
}
