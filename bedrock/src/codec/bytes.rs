//! A reader over bytes that never panics and never reads past the end.

use super::{DecodeError, Expected, varint};

/// Reads fields off the front of a slice. Numbers are little-endian.
///
/// Every call names what it reads, so that an error says which field of which structure is damaged.
///
/// ```
/// use bedrock::codec::{ByteReader, varint};
///
/// let mut page = vec![7];
/// varint::write(300, &mut page);
/// let mut reader = ByteReader::new(&page);
/// assert_eq!(reader.u8("version")?, 7);
/// assert_eq!(reader.varint("rows")?, 300);
/// reader.finish("page")?;
/// # Ok::<(), bedrock::codec::DecodeError>(())
/// ```
#[derive(Clone, Debug)]
pub struct ByteReader<'a> {
    rest: &'a [u8],
    /// Position of `rest` plus `rest.len()`: constant, so that taking bytes touches one field only.
    end: u64,
}

impl<'a> ByteReader<'a> {
    /// A reader at the first byte, which is position 0 of its errors.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self::with_base(bytes, 0)
    }

    /// A reader whose first byte is at position `base` of its errors.
    pub fn with_base(bytes: &'a [u8], base: u64) -> Self {
        ByteReader { rest: bytes, end: base.saturating_add(bytes.len() as u64) }
    }

    /// Where the next byte is, from the base.
    pub fn position(&self) -> u64 {
        self.end - self.rest.len() as u64
    }

    /// Number of bytes left.
    pub fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Whether every byte was read.
    pub fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    /// The bytes left, without taking them.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// An error at the current position.
    pub fn error(&self, what: &'static str, expected: Expected, found: u64) -> DecodeError {
        DecodeError { what, position: self.position(), expected, found }
    }

    #[cold]
    fn short(&self, what: &'static str, needed: usize) -> DecodeError {
        self.error(what, Expected::Bytes(needed as u64), self.rest.len() as u64)
    }

    /// Takes the next `count` bytes.
    ///
    /// # Errors
    ///
    /// Where fewer are left; the reader then stays where it was. So do all its methods.
    #[inline]
    pub fn take(&mut self, what: &'static str, count: usize) -> Result<&'a [u8], DecodeError> {
        let Some((taken, rest)) = self.rest.split_at_checked(count) else {
            return Err(self.short(what, count));
        };
        self.rest = rest;
        Ok(taken)
    }

    /// Takes the next `N` bytes as an array.
    ///
    /// # Errors
    ///
    /// Where fewer are left.
    #[inline]
    pub fn array<const N: usize>(&mut self, what: &'static str) -> Result<[u8; N], DecodeError> {
        let Some((taken, rest)) = self.rest.split_first_chunk::<N>() else {
            return Err(self.short(what, N));
        };
        self.rest = rest;
        Ok(*taken)
    }

    /// Reads one byte.
    ///
    /// # Errors
    ///
    /// Where none is left.
    #[inline]
    pub fn u8(&mut self, what: &'static str) -> Result<u8, DecodeError> {
        let [byte] = self.array(what)?;
        Ok(byte)
    }

    /// Reads two bytes.
    ///
    /// # Errors
    ///
    /// Where fewer are left.
    #[inline]
    pub fn u16(&mut self, what: &'static str) -> Result<u16, DecodeError> {
        self.array(what).map(u16::from_le_bytes)
    }

    /// Reads four bytes.
    ///
    /// # Errors
    ///
    /// Where fewer are left.
    #[inline]
    pub fn u32(&mut self, what: &'static str) -> Result<u32, DecodeError> {
        self.array(what).map(u32::from_le_bytes)
    }

    /// Reads eight bytes.
    ///
    /// # Errors
    ///
    /// Where fewer are left.
    #[inline]
    pub fn u64(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        self.array(what).map(u64::from_le_bytes)
    }

    /// Reads eight bytes as a signed number.
    ///
    /// # Errors
    ///
    /// Where fewer are left.
    #[inline]
    pub fn i64(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        self.array(what).map(i64::from_le_bytes)
    }

    /// Reads eight bytes as the bits of a float.
    ///
    /// # Errors
    ///
    /// Where fewer are left.
    #[inline]
    pub fn f64(&mut self, what: &'static str) -> Result<f64, DecodeError> {
        self.array(what).map(f64::from_le_bytes)
    }

    /// Reads a [`varint`].
    ///
    /// # Errors
    ///
    /// Where the bytes end inside it or it does not fit 64 bits.
    #[inline]
    pub fn varint(&mut self, what: &'static str) -> Result<u64, DecodeError> {
        if let Some((&byte, rest)) = self.rest.split_first()
            && byte < 0x80
        {
            self.rest = rest;
            return Ok(u64::from(byte));
        }
        let Some((value, length)) = varint::read(self.rest) else {
            return Err(self.error(what, Expected::Form("a varint of 64 bits"), self.rest.len() as u64));
        };
        self.take(what, length)?;
        Ok(value)
    }

    /// Reads a signed number that was written with [`varint::write_zigzag`].
    ///
    /// # Errors
    ///
    /// Where the bytes end inside it or it does not fit 64 bits.
    #[inline]
    pub fn zigzag(&mut self, what: &'static str) -> Result<i64, DecodeError> {
        self.varint(what).map(varint::unzigzag)
    }

    /// Reads a count or length, which may be `max` at most. Limits belong where outside numbers come in: the count
    /// may then be used to allocate.
    ///
    /// # Errors
    ///
    /// Where it is no varint or above `max`.
    #[inline]
    pub fn count(&mut self, what: &'static str, max: usize) -> Result<usize, DecodeError> {
        let before = self.clone();
        let found = self.varint(what)?;
        match usize::try_from(found) {
            Ok(count) if count <= max => Ok(count),
            _ => {
                *self = before;
                Err(self.error(what, Expected::AtMost(max as u64), found))
            }
        }
    }

    /// Reads a length and as many bytes, written with [`write_bytes`].
    ///
    /// # Errors
    ///
    /// Where the length is no varint or more bytes than are left.
    #[inline]
    pub fn bytes(&mut self, what: &'static str) -> Result<&'a [u8], DecodeError> {
        let before = self.clone();
        let length = self.varint(what)?;
        let taken = usize::try_from(length).ok().and_then(|length| self.rest.split_at_checked(length));
        let Some((taken, rest)) = taken else {
            let error = self.error(what, Expected::Bytes(length), self.rest.len() as u64);
            *self = before;
            return Err(error);
        };
        self.rest = rest;
        Ok(taken)
    }

    /// Reads a length and as many bytes of UTF-8, written with [`write_bytes`].
    ///
    /// # Errors
    ///
    /// Where the bytes are not there or are not UTF-8.
    #[inline]
    pub fn text(&mut self, what: &'static str) -> Result<&'a str, DecodeError> {
        let before = self.clone();
        let bytes = self.bytes(what)?;
        str::from_utf8(bytes).map_err(|error| {
            let found = bytes.get(error.valid_up_to()).copied().unwrap_or_default();
            *self = before;
            self.error(what, Expected::Form("UTF-8"), u64::from(found))
        })
    }

    /// Says that the structure ends here.
    ///
    /// # Errors
    ///
    /// Where bytes are left over.
    pub fn finish(&self, what: &'static str) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            return Ok(());
        }
        Err(self.error(what, Expected::Form("no byte after its end"), self.rest.len() as u64))
    }
}

/// Appends a length and the bytes, for [`ByteReader::bytes`] and [`ByteReader::text`].
pub fn write_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    varint::write(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

#[cfg(test)]
mod tests;
