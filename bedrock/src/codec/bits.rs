//! Streams of bit fields: the first field lies in the lowest bits of the first byte.
//!
//! Both ends work on 64-bit words and touch memory once in eight bytes, so a field costs 1 to 2 ns either way.
//! The stream itself does not know where it ends: zero bits fill the last byte, and the reader of a format knows how
//! many fields to ask for.

use super::{DecodeError, Expected};

/// The widest field that [`BitReader::peek`] shows.
pub const PEEK_BITS: u32 = 56;

/// Writes bit fields. A finished stream can be continued: see [`BitWriter::resume`].
///
/// ```
/// use bedrock::codec::bits::{BitReader, BitWriter};
///
/// let mut writer = BitWriter::default();
/// writer.write(0b101, 3);
/// writer.write(u64::MAX, 64);
/// let bytes = writer.finish();
/// let mut reader = BitReader::new(&bytes);
/// assert_eq!(reader.read("kind", 3)?, 0b101);
/// assert_eq!(reader.read("bits", 64)?, u64::MAX);
/// # Ok::<(), bedrock::codec::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct BitWriter {
    bytes: Vec<u8>,
    /// The bits that are not in `bytes` yet, from the lowest; fewer than 64.
    word: u64,
    word_bits: u32,
}

impl BitWriter {
    /// A writer that appends to `bytes`, at the next whole byte.
    pub fn append_to(bytes: Vec<u8>) -> Self {
        BitWriter { bytes, word: 0, word_bits: 0 }
    }

    /// A writer that continues after the first `bit_length` bits of `bytes`. Bits behind them are dropped; a length
    /// beyond the bytes is cut to them.
    pub fn resume(mut bytes: Vec<u8>, bit_length: usize) -> Self {
        let whole = bit_length / 8;
        let word_bits = (bit_length % 8) as u32;
        let partial = bytes.get(whole).copied().unwrap_or_default();
        let word_bits = if whole < bytes.len() { word_bits } else { 0 };
        bytes.truncate(whole);
        BitWriter { bytes, word: u64::from(partial) & ((1 << word_bits) - 1), word_bits }
    }

    /// Appends the low `width` bits of `value`; bits above them are ignored.
    ///
    /// # Panics
    ///
    /// Where `width` is above 64.
    #[inline]
    pub fn write(&mut self, value: u64, width: u32) {
        assert!(width <= 64, "a field has 64 bits at most, not {width}");
        let value = value & low_mask(width);
        self.word |= value << self.word_bits;
        let filled = self.word_bits + width;
        if filled < 64 {
            self.word_bits = filled;
            return;
        }
        self.bytes.extend_from_slice(&self.word.to_le_bytes());
        // What did not fit: a shift by 64 happens where the field began a word, and leaves nothing.
        self.word = value.checked_shr(64 - self.word_bits).unwrap_or_default();
        self.word_bits = filled - 64;
    }

    /// Number of bits written, counting whole bytes that were there before.
    pub fn bit_length(&self) -> usize {
        self.bytes.len() * 8 + self.word_bits as usize
    }

    /// Number of bytes that the stream takes when it is finished here.
    pub fn byte_length(&self) -> usize {
        self.bit_length().div_ceil(8)
    }

    /// Appends the stream as it stands to `out`, the last byte filled with zero bits, and stays open.
    pub fn copy_to(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.bytes);
        let tail = self.word.to_le_bytes();
        out.extend_from_slice(&tail[..self.word_bits.div_ceil(8) as usize]);
    }

    /// The bytes, the last one filled with zero bits.
    pub fn finish(mut self) -> Vec<u8> {
        let tail = self.word.to_le_bytes();
        self.bytes.extend_from_slice(&tail[..self.word_bits.div_ceil(8) as usize]);
        self.bytes
    }
}

/// Reads bit fields.
///
/// [`BitReader::read`] checks every field. A decoder of prefix codes looks with [`BitReader::peek`], which shows zeros
/// beyond the end, and takes what it understood with [`BitReader::skip`], which is checked.
#[derive(Clone, Debug)]
pub struct BitReader<'a> {
    rest: &'a [u8],
    /// The next bits, from the lowest; bits at and above `word_bits` may hold more of the stream or zeros.
    word: u64,
    word_bits: u32,
    bit_length: u64,
}

impl<'a> BitReader<'a> {
    /// A reader at the first bit.
    pub fn new(bytes: &'a [u8]) -> Self {
        BitReader { rest: bytes, word: 0, word_bits: 0, bit_length: bytes.len() as u64 * 8 }
    }

    /// Number of bits left, with those that fill the last byte.
    #[inline]
    pub fn remaining_bits(&self) -> u64 {
        self.rest.len() as u64 * 8 + u64::from(self.word_bits)
    }

    /// Number of bits read.
    pub fn position_bits(&self) -> u64 {
        self.bit_length - self.remaining_bits()
    }

    /// Fills the word to at least [`PEEK_BITS`] bits, or with all that is left.
    #[inline]
    fn refill(&mut self) {
        if let Some(front) = self.rest.first_chunk::<8>() {
            // Bits that do not fit are read again by the next refill: only whole bytes are taken.
            self.word |= u64::from_le_bytes(*front) << self.word_bits;
            let taken = (63 - self.word_bits) / 8;
            self.rest = &self.rest[taken as usize..];
            self.word_bits += taken * 8;
        } else {
            self.refill_slowly();
        }
    }

    #[cold]
    fn refill_slowly(&mut self) {
        while self.word_bits <= PEEK_BITS
            && let Some((&byte, rest)) = self.rest.split_first()
        {
            self.word |= u64::from(byte) << self.word_bits;
            self.word_bits += 8;
            self.rest = rest;
        }
    }

    /// The next [`PEEK_BITS`] bits (more may be set above them), zeros beyond the end. Takes nothing.
    #[inline]
    pub fn peek(&mut self) -> u64 {
        if self.word_bits < PEEK_BITS {
            self.refill();
        }
        self.word
    }

    /// Takes `width` bits, at most [`PEEK_BITS`], that were looked at with [`BitReader::peek`].
    ///
    /// # Errors
    ///
    /// Where fewer bits are left than `width`.
    #[inline]
    pub fn skip(&mut self, what: &'static str, width: u32) -> Result<(), DecodeError> {
        if width > self.word_bits {
            self.refill();
            if width > self.word_bits {
                return Err(self.short(what, width));
            }
        }
        self.word = self.word.checked_shr(width).unwrap_or_default();
        self.word_bits -= width;
        Ok(())
    }

    /// Reads a field of `width` bits.
    ///
    /// # Errors
    ///
    /// Where fewer bits are left, or the width, which may come from the stream itself, is above 64.
    #[inline]
    pub fn read(&mut self, what: &'static str, width: u32) -> Result<u64, DecodeError> {
        if width <= PEEK_BITS {
            let value = self.peek() & low_mask(width);
            self.skip(what, width)?;
            return Ok(value);
        }
        self.read_wide(what, width)
    }

    fn read_wide(&mut self, what: &'static str, width: u32) -> Result<u64, DecodeError> {
        if width > 64 || u64::from(width) > self.remaining_bits() {
            return Err(self.short(what, width));
        }
        let low = self.read(what, 32)?;
        let high = self.read(what, width - 32)?;
        Ok(low | high << 32)
    }

    #[cold]
    fn short(&self, what: &'static str, width: u32) -> DecodeError {
        let (expected, found) = if width > 64 {
            (Expected::Form("a field of at most 64 bits"), u64::from(width))
        } else {
            (Expected::Form("more bits than are left"), self.remaining_bits())
        };
        DecodeError { what, position: self.position_bits() / 8, expected, found }
    }
}

#[inline]
fn low_mask(width: u32) -> u64 {
    u64::MAX.checked_shr(64 - width).unwrap_or_default()
}

#[cfg(test)]
mod tests;
