//! From the bits of a float chunk, or of the tail of one, to columns.

use super::bits::{BitReader, PEEK_BITS};
use super::float::{TIME_ESCAPE_BITS, interval_change};
use super::format::{ChunkKind, HEADER_BYTES, Header, TAIL_BYTES};
use super::tail::{self, State};
use super::{ChunkError, FloatSamples};

/// Appends the samples of a float chunk to `out`.
///
/// # Errors
///
/// [`ChunkError`] where the bytes are not a float chunk; what `out` then holds of it is unspecified.
pub fn decode_floats(data: &[u8], out: &mut FloatSamples) -> Result<(), ChunkError> {
    let header = Header::read(data)?;
    if header.kind != ChunkKind::Float {
        return Err(ChunkError { offset: 0, what: "float chunk expected, other kind found" });
    }
    let samples = data.get(..header.samples_end).unwrap_or(&[]);
    let (front, in_front) = if header.is_tail { (TAIL_BYTES, 1) } else { (HEADER_BYTES, 0) };
    // A sample takes two bits at least, so a hostile count cannot make this large.
    if samples.len().saturating_sub(front) * 4 + in_front < header.count {
        return Err(ChunkError { offset: 1, what: "more samples announced than the bytes can hold" });
    }
    let decoder =
        if header.is_tail { Decoder::behind(&tail::read(samples)?, samples) } else { Decoder::new(samples)? };
    if header.starts_from == header.count && out.start_timestamps_ms.is_empty() {
        decoder.plain(header.count, out)
    } else {
        decoder.with_starts(&header, out)
    }
}

/// What the decoder carries from sample to sample.
struct Decoder<'a> {
    bits: BitReader<'a>,
    time_ms: i64,
    interval_ms: i64,
    value_bits: u64,
    trailing: u32,
    length: u32,
}

impl<'a> Decoder<'a> {
    /// At the first sample of a chunk.
    fn new(samples: &'a [u8]) -> Result<Self, ChunkError> {
        let mut bits = BitReader::new(samples, HEADER_BYTES);
        let time_ms = bits.read(64).cast_signed();
        let value_bits = bits.read(64);
        bits.check()?;
        Ok(Decoder { bits, time_ms, interval_ms: 0, value_bits, trailing: 0, length: 0 })
    }

    /// At the sample that a state stands behind.
    fn behind(state: &State, samples: &'a [u8]) -> Self {
        let &State { time_ms, interval_ms, value_bits, position, trailing, length } = state;
        let bits = BitReader::at_bit(samples, position);
        let (trailing, length) = (u32::from(trailing), u32::from(length));
        Decoder { bits, time_ms, interval_ms, value_bits, trailing, length }
    }

    /// Decodes samples without start fields.
    fn plain(mut self, count: usize, out: &mut FloatSamples) -> Result<(), ChunkError> {
        let base = out.timestamps_ms.len();
        out.timestamps_ms.resize(base + count, self.time_ms);
        out.values.resize(base + count, f64::from_bits(self.value_bits));
        let times = out.timestamps_ms.iter_mut().skip(base + 1);
        let values = out.values.iter_mut().skip(base + 1);
        for (time_ms, value) in times.zip(values) {
            self.next()?;
            *time_ms = self.time_ms;
            *value = f64::from_bits(self.value_bits);
        }
        self.bits.check()
    }

    fn with_starts(mut self, header: &Header, out: &mut FloatSamples) -> Result<(), ChunkError> {
        let mut start_ms = 0;
        for index in 0..header.count {
            if index > 0 {
                self.next()?;
            }
            if index >= header.starts_from && self.bits.read(1) == 1 {
                start_ms = self.bits.read(64).cast_signed();
            }
            self.bits.check()?;
            out.push(self.time_ms, f64::from_bits(self.value_bits), start_ms);
        }
        Ok(())
    }

    /// Reads the timestamp and the value of the next sample. One load serves both where the value fits into it.
    #[inline(always)]
    fn next(&mut self) -> Result<(), ChunkError> {
        let mut word = self.bits.peek();
        let (change, mut used) = interval_change(word);
        let change = change.unwrap_or_else(|| {
            self.bits.skip(TIME_ESCAPE_BITS);
            let change = self.bits.read(64).cast_signed();
            (word, used) = (self.bits.peek(), 0);
            change
        });
        self.interval_ms = self.interval_ms.wrapping_add(change);
        self.time_ms = self.time_ms.wrapping_add(self.interval_ms);
        word <<= used;
        if word >> 63 == 0 {
            self.bits.skip(used + 1);
            return Ok(());
        }
        let code_bits = if word >> 62 == 0b11 {
            let leading = (word >> 57 & 31) as u32;
            self.length = (word >> 51 & 63) as u32 + 1;
            let Some(trailing) = 64_u32.checked_sub(leading + self.length) else {
                return Err(ChunkError { offset: self.bits.offset(), what: "window of more than 64 bits" });
            };
            self.trailing = trailing;
            13
        } else {
            2
        };
        used += code_bits;
        let window = if used + self.length <= PEEK_BITS && self.length > 0 {
            self.bits.skip(used + self.length);
            (word << code_bits) >> (64 - self.length)
        } else {
            self.bits.skip(used);
            self.bits.read(self.length)
        };
        self.value_bits ^= window << self.trailing;
        Ok(())
    }
}
