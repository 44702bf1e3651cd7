//! One error type for disk, formats and limits. Every variant is a set of facts.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The result of everything in `bedrock` that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// What went wrong, with the facts that a caller or an operator needs to act on it.
///
/// The error is cheap to clone, because one failed fsync has to be told to every commit that waited for it.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The operating system refused an operation on a file or directory.
    #[error("{operation} {}: {source}", path.display())]
    Io {
        /// The operation in one word, for example `append` or `sync`.
        operation: &'static str,
        /// The file or directory it was tried on.
        path: PathBuf,
        /// What the operating system answered.
        source: Arc<io::Error>,
    },
    /// Bytes at rest are not what their format says they must be.
    #[error("{} is damaged at byte {offset}: {what}: expected {expected}, found {found}", path.display())]
    Corrupt {
        /// The damaged file.
        path: PathBuf,
        /// Offset in the file of the structure that does not check out, in bytes.
        offset: u64,
        /// The structure or field that was being read.
        what: &'static str,
        /// What the format asks for.
        expected: String,
        /// What the file holds.
        found: String,
    },
    /// A file was written by a version of the format that this build does not read.
    #[error("{} has format version {found}; this build reads up to {supported}", path.display())]
    Version {
        /// The file of the unknown version.
        path: PathBuf,
        /// The version byte in the file.
        found: u8,
        /// The newest version that this build reads.
        supported: u8,
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
    /// Another process, or another handle of this one, has the directory open for writing.
    #[error("{} is open for writing elsewhere", path.display())]
    Locked {
        /// The directory that is locked.
        path: PathBuf,
    },
    /// A sync failed earlier, so what is on the medium is unknown; writes are refused until the next open.
    #[error("the store refuses writes since an earlier failure: {cause}")]
    Poisoned {
        /// The failure that poisoned the store.
        cause: Arc<Error>,
    },
    /// A write was tried on a store that was opened read-only, or that has been closed.
    #[error("{what} needs a store that is open for writing")]
    ReadOnly {
        /// The call that was refused.
        what: &'static str,
    },
    /// The caller cancelled the work or its deadline passed.
    #[error("cancelled: {reason}")]
    Cancelled {
        /// Who stopped it: the caller, or the deadline.
        reason: &'static str,
    },
    /// The caller asked for something that has no meaning.
    #[error("{what}: {problem}")]
    Invalid {
        /// The argument or input.
        what: &'static str,
        /// What is wrong with it, and what would be right.
        problem: String,
    },
}

impl Error {
    /// Wraps an I/O error with the operation and the path it belongs to.
    pub fn io(operation: &'static str, path: impl AsRef<Path>, source: io::Error) -> Self {
        Error::Io { operation, path: path.as_ref().to_owned(), source: Arc::new(source) }
    }

    /// Says that `what` at `offset` of `path` is not as its format demands.
    pub fn corrupt(
        path: impl AsRef<Path>,
        offset: u64,
        what: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Self {
        Error::Corrupt {
            path: path.as_ref().to_owned(),
            offset,
            what,
            expected: expected.into(),
            found: found.into(),
        }
    }
}
