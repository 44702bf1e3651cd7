//! What can go wrong in a log store.

use crate::ingest::MetadataError;
use crate::logql::QueryError;

/// The result of a call on the store.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with its facts.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The disk, or a file on it.
    #[error(transparent)]
    Store(#[from] bedrock::Error),
    /// A stream without labels was named.
    #[error("a stream needs at least one label")]
    NoLabels,
    /// An entry is beyond a limit. It was not added; the rest of the batch is as it was.
    #[error("{what} are limited to {max}, stream {stream} has {found}")]
    Limit {
        /// What is limited.
        what: &'static str,
        /// The limit in force.
        max: usize,
        /// What was given.
        found: usize,
        /// The labels of the stream.
        stream: String,
    },
    /// A metadata name cannot become a label name. The entry was not added.
    #[error(transparent)]
    Metadata(#[from] MetadataError),
    /// What is to be deleted is no query that could run.
    #[error(transparent)]
    Query(#[from] QueryError),
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
