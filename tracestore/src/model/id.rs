//! Trace and span ids.

use std::fmt;

/// Why bytes or a text are no id.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IdError {
    /// More bytes than the id holds.
    #[error("a {what} has at most {max} bytes, got {found}")]
    TooLong {
        /// `trace id` or `span id`.
        what: &'static str,
        /// Bytes that fit.
        max: usize,
        /// Bytes given.
        found: usize,
    },
    /// A character that is no hexadecimal digit.
    #[error("a {what} is written in hexadecimal digits, found {found:?} at byte {offset}")]
    NotHex {
        /// `trace id` or `span id`.
        what: &'static str,
        /// The character.
        found: char,
        /// Its byte offset in the text.
        offset: usize,
    },
    /// No byte is set, so the id names nothing.
    #[error("a {what} with no bit set names nothing")]
    Zero {
        /// `trace id` or `span id`.
        what: &'static str,
    },
}

/// The 128-bit id of a trace. Shorter ids are padded with zeros on the left, as the tracing systems do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TraceId(pub [u8; 16]);

/// The 64-bit id of a span. No bit set means "no span": that is how a root names its parent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SpanId(pub [u8; 8]);

impl TraceId {
    /// From up to 16 bytes, padded on the left. No bytes give the id without any bit set.
    ///
    /// # Errors
    /// [`IdError::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdError> {
        padded(bytes, "trace id").map(TraceId)
    }

    /// From up to 32 hexadecimal digits, padded on the left.
    ///
    /// ```
    /// use tracestore::model::TraceId;
    /// assert_eq!(TraceId::from_hex("1f").unwrap().to_string(), "0000000000000000000000000000001f");
    /// ```
    ///
    /// # Errors
    /// [`IdError::TooLong`] and [`IdError::NotHex`].
    pub fn from_hex(text: &str) -> Result<Self, IdError> {
        from_hex(text, "trace id").map(TraceId)
    }

    /// Whether no bit is set.
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 16]
    }
}

impl SpanId {
    /// From up to 8 bytes, padded on the left. No bytes give the id without any bit set.
    ///
    /// # Errors
    /// [`IdError::TooLong`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, IdError> {
        padded(bytes, "span id").map(SpanId)
    }

    /// From up to 16 hexadecimal digits, padded on the left.
    ///
    /// # Errors
    /// [`IdError::TooLong`] and [`IdError::NotHex`].
    pub fn from_hex(text: &str) -> Result<Self, IdError> {
        from_hex(text, "span id").map(SpanId)
    }

    /// Whether no bit is set: no span, or as a parent id "this is a root".
    pub fn is_zero(&self) -> bool {
        self.0 == [0; 8]
    }
}

impl fmt::Display for TraceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

impl fmt::Display for SpanId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_hex(f, &self.0)
    }
}

fn write_hex(f: &mut fmt::Formatter<'_>, bytes: &[u8]) -> fmt::Result {
    bytes.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

fn padded<const N: usize>(bytes: &[u8], what: &'static str) -> Result<[u8; N], IdError> {
    let mut id = [0; N];
    let start = N.checked_sub(bytes.len()).ok_or(IdError::TooLong { what, max: N, found: bytes.len() })?;
    if let Some(tail) = id.get_mut(start..) {
        tail.copy_from_slice(bytes);
    }
    Ok(id)
}

fn from_hex<const N: usize>(text: &str, what: &'static str) -> Result<[u8; N], IdError> {
    let digits = text.len().div_ceil(2);
    if digits > N {
        return Err(IdError::TooLong { what, max: N, found: digits });
    }
    let mut id = [0; N];
    // From the right, so that an odd number of digits needs no case of its own.
    for (place, (offset, digit)) in text.char_indices().rev().enumerate() {
        let nibble = digit.to_digit(16).ok_or(IdError::NotHex { what, found: digit, offset })?;
        if let Some(byte) = (N - 1).checked_sub(place / 2).and_then(|index| id.get_mut(index)) {
            *byte |= (nibble as u8) << (4 * (place % 2));
        }
    }
    Ok(id)
}
