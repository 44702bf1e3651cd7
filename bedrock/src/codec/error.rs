//! What a decoder found instead of what its layout asks for.

use std::fmt;
use std::path::Path;

use crate::error::Error;

/// Bytes that are not what a layout says they must be. Small and without allocation: decoders of hostile input may
/// make millions of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what} at byte {position}: expected {expected}, found {found}")]
pub struct DecodeError {
    /// The structure or field that was being read.
    pub what: &'static str,
    /// Where it starts, in bytes from the start of what the decoder was given (plus the reader's base).
    pub position: u64,
    /// What the layout asks for.
    pub expected: Expected,
    /// The value found; the number of bytes left where too few are left.
    pub found: u64,
}

/// What a layout asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Expected {
    /// At least this many bytes.
    Bytes(u64),
    /// A number up to this limit.
    AtMost(u64),
    /// This number.
    Exactly(u64),
    /// What the words say.
    Form(&'static str),
}

impl fmt::Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Expected::Bytes(count) => write!(f, "{count} bytes"),
            Expected::AtMost(max) => write!(f, "at most {max}"),
            Expected::Exactly(value) => write!(f, "{value}"),
            Expected::Form(form) => f.write_str(form),
        }
    }
}

impl DecodeError {
    /// The error of the file that the bytes came from; they start at byte `offset` of it.
    pub fn in_file(self, path: impl AsRef<Path>, offset: u64) -> Error {
        let position = offset.saturating_add(self.position);
        Error::corrupt(path, position, self.what, self.expected.to_string(), self.found.to_string())
    }
}
