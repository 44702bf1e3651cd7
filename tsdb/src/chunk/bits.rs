//! Bits, most significant first, through a 64-bit accumulator.

use super::ChunkError;

/// Bits that [`BitReader::peek`] gives at least.
pub(super) const PEEK_BITS: u32 = 57;

/// The least room, in bytes, that a writer makes when it needs some.
const GROWTH_MIN: usize = 48;

/// Appends bits to bytes. Whole words leave the accumulator; the rest joins at [`BitWriter::finish`].
#[derive(Clone, Debug)]
pub(super) struct BitWriter {
    bytes: Vec<u8>,
    pending: u64,
    pending_bits: u32,
}

impl BitWriter {
    /// A writer that appends behind `bytes`.
    pub(super) fn behind(bytes: Vec<u8>) -> Self {
        BitWriter { bytes, pending: 0, pending_bits: 0 }
    }

    /// Appends the low `bits` (1 to 64) bits of `value`; bits above them must be zero.
    #[inline(always)]
    pub(super) fn write(&mut self, value: u64, bits: u32) {
        debug_assert!(bits > 0, "writing no bits");
        debug_assert!(bits == 64 || value >> bits == 0, "{value:#x} has more than {bits} bits");
        let room = 64 - self.pending_bits;
        if bits < room {
            self.pending |= value << (room - bits);
            self.pending_bits += bits;
            return;
        }
        let rest = bits - room;
        let word = self.pending | (value >> rest);
        if self.bytes.capacity() - self.bytes.len() < size_of::<u64>() {
            self.grow();
        }
        self.bytes.extend_from_slice(&word.to_be_bytes());
        self.pending = if rest == 0 { 0 } else { value << (64 - rest) };
        self.pending_bits = rest;
    }

    /// Makes room by half and not by twice: a head has a million of these, half full on average.
    #[cold]
    fn grow(&mut self) {
        self.bytes.reserve_exact((self.bytes.len() / 2).max(GROWTH_MIN));
    }

    /// Length in bytes if it were finished now.
    pub(super) fn len(&self) -> usize {
        self.bytes.len() + self.pending_bits.div_ceil(8) as usize
    }

    /// Capacity of the heap allocation in bytes.
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Bits written so far, those of the bytes in front included.
    pub(super) fn position(&self) -> usize {
        self.bytes.len() * 8 + self.pending_bits as usize
    }

    /// All bits written, padded with zeros to a byte, with room for `room` more bytes; the writer goes on unchanged.
    pub(super) fn snapshot(&self, room: usize) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.len() + room);
        self.copy_from(0, &mut bytes);
        bytes
    }

    /// Appends what [`BitWriter::snapshot`] gives from byte `start` on.
    pub(super) fn copy_from(&self, start: usize, out: &mut Vec<u8>) {
        out.extend_from_slice(self.bytes.get(start..).unwrap_or(&[]));
        let whole = self.pending_bits.div_ceil(8) as usize;
        let pending = self.pending.to_be_bytes();
        out.extend(pending.iter().take(whole).skip(start.saturating_sub(self.bytes.len())));
    }

    /// All bits written, padded with zeros to a byte.
    pub(super) fn finish(mut self) -> Vec<u8> {
        let mut bytes = std::mem::take(&mut self.bytes);
        let whole = self.pending_bits.div_ceil(8) as usize;
        bytes.extend(self.pending.to_be_bytes().iter().take(whole));
        bytes
    }
}

/// Reads bits; reading past the end is an error.
#[derive(Clone, Debug)]
pub(super) struct BitReader<'a> {
    data: &'a [u8],
    position: usize,
}

impl<'a> BitReader<'a> {
    /// Reads `data` from byte `start` on.
    pub(super) fn new(data: &'a [u8], start: usize) -> Self {
        BitReader::at_bit(data, start * 8)
    }

    /// Reads `data` from bit `position` on.
    pub(super) fn at_bit(data: &'a [u8], position: usize) -> Self {
        BitReader { data, position }
    }

    /// The offset of the next bit, rounded down to a byte.
    pub(super) fn offset(&self) -> usize {
        self.position / 8
    }

    /// Bits that are left.
    pub(super) fn remaining(&self) -> usize {
        (self.data.len() * 8).saturating_sub(self.position)
    }

    /// At least [`PEEK_BITS`] bits from the current position on, at the top of the word. Zeros follow the end.
    #[inline(always)]
    pub(super) fn peek(&self) -> u64 {
        let (byte, bit) = (self.position / 8, self.position % 8);
        let word = match self.data.get(byte..).and_then(|rest| rest.first_chunk::<8>()) {
            Some(bytes) => u64::from_be_bytes(*bytes),
            None => self.peek_tail(byte),
        };
        word << bit
    }

    /// The last word of the data, shifted so that it starts at `byte`.
    fn peek_tail(&self, byte: usize) -> u64 {
        let Some(last) = self.data.last_chunk::<8>() else {
            let mut padded = [0; 8];
            padded.iter_mut().zip(self.data.iter().skip(byte)).for_each(|(to, from)| *to = *from);
            return u64::from_be_bytes(padded);
        };
        let skipped = (byte - (self.data.len() - 8)) * 8;
        let shift = u32::try_from(skipped).unwrap_or(u32::MAX);
        u64::from_be_bytes(*last).checked_shl(shift).unwrap_or(0)
    }

    /// Moves on by `bits`. Whether that was inside the data is [`BitReader::check`]'s business.
    #[inline(always)]
    pub(super) fn skip(&mut self, bits: u32) {
        self.position += bits as usize;
    }

    /// Reads `bits` bits, at most 64; zeros where the data ends.
    #[inline(always)]
    pub(super) fn read(&mut self, bits: u32) -> u64 {
        if bits == 0 {
            return 0;
        }
        if bits <= PEEK_BITS {
            let value = self.peek() >> (64 - bits);
            self.skip(bits);
            return value;
        }
        let high = self.peek() >> 32;
        self.skip(32);
        let low = self.peek() >> (96 - bits);
        self.skip(bits - 32);
        (high << (bits - 32)) | low
    }

    /// Says whether everything read so far lay inside the data.
    #[inline(always)]
    pub(super) fn check(&self) -> Result<(), ChunkError> {
        if self.position <= self.data.len() * 8 {
            Ok(())
        } else {
            Err(ChunkError { offset: self.data.len(), what: "samples are cut short" })
        }
    }
}
