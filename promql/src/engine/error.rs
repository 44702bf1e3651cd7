//! Why a query has no answer.

/// The result of a query.
pub type Result<T, E = QueryError> = std::result::Result<T, E>;

/// Why a query has no answer.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum QueryError {
    /// The text is no query: syntax, types, or a part of the language that is switched off.
    #[error(transparent)]
    Parse(#[from] crate::ParseError),
    /// The query cannot be evaluated on this data.
    #[error("{message}")]
    Execution {
        /// What went wrong.
        message: String,
    },
    /// The query would use more than its limits allow.
    #[error("query processing would {what} (limit {max})")]
    Limit {
        /// What the query would do, for example "load too many samples into memory in query execution".
        what: &'static str,
        /// The limit in force.
        max: u64,
    },
    /// The caller stopped the query, or its time was up.
    #[error("{reason}")]
    Cancelled {
        /// Which of the two.
        reason: &'static str,
    },
    /// The source failed.
    #[error("expanding series: {0}")]
    Source(#[from] bedrock::Error),
}

impl QueryError {
    pub(crate) fn execution(message: impl Into<String>) -> Self {
        QueryError::Execution { message: message.into() }
    }
}
