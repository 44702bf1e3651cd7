//! What can go wrong in a trace store.

use crate::otlp::OtlpError;

/// The result of a call on the store.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with its facts.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk, or a file on it.
    #[error(transparent)]
    Store(#[from] bedrock::Error),
    /// The bytes are no request. Nothing of it was stored.
    #[error("no OTLP request: {0}")]
    Otlp(#[from] OtlpError),
    /// Heads are full and flushing does not make room. Nothing was committed.
    #[error("the head holds {found} bytes of at most {max}, and flushing failed: {cause}")]
    HeadFull {
        /// The limit in force.
        max: usize,
        /// What the heads hold.
        found: usize,
        /// Why the flush failed.
        cause: bedrock::Error,
    },
}

impl From<bedrock::store::HeadFull> for Error {
    fn from(full: bedrock::store::HeadFull) -> Self {
        Error::HeadFull { max: full.max, found: full.found, cause: full.cause }
    }
}
