//! Float chunks that grow: see `format` for the bits.

use bytes::Bytes;

use super::bits::{BitReader, BitWriter};
use super::format::{self, ChunkKind, HEADER_BYTES};
use super::tail::{self, Marks, State};
use super::{CHUNK_SAMPLES_MAX, Chunk};

/// Leading zeros that five bits can say.
const LEADING_MAX: u32 = 31;
/// A chunk of a few samples, or of many constant ones, never moves.
const FIRST_CAPACITY: usize = 64;
/// No window is in force yet: no XOR fits into it.
const NO_WINDOW: u8 = u8::MAX;
/// The code in front of a change of interval in 64 bits.
const TIME_ESCAPE: u64 = 0b1111;
/// Length of [`TIME_ESCAPE`].
pub(super) const TIME_ESCAPE_BITS: u32 = 4;

/// A float chunk that grows: 104 bytes of state and the packed bits.
///
/// ```
/// use tsdb::chunk::{FloatSamples, OpenFloats};
///
/// let mut open = OpenFloats::new();
/// open.append(1_000, 1.0, 0);
/// open.append(16_000, 2.5, 0);
/// let chunk = open.seal().expect("two samples");
/// let mut samples = FloatSamples::default();
/// chunk.decode_floats(&mut samples)?;
/// assert_eq!(samples.timestamps_ms, [1_000, 16_000]);
/// assert_eq!(samples.values, [1.0, 2.5]);
/// # Ok::<(), tsdb::chunk::ChunkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenFloats {
    bits: BitWriter,
    /// None in a short chunk.
    marks: Option<Box<Marks>>,
    min_time_ms: i64,
    time_ms: i64,
    interval_ms: i64,
    value_bits: u64,
    start_ms: i64,
    count: u16,
    starts_from: u16,
    leading: u8,
    trailing: u8,
}

impl Default for OpenFloats {
    fn default() -> Self {
        OpenFloats::new()
    }
}

impl OpenFloats {
    /// An empty chunk.
    pub fn new() -> Self {
        let mut room = Vec::with_capacity(FIRST_CAPACITY);
        room.resize(HEADER_BYTES, 0);
        OpenFloats {
            bits: BitWriter::behind(room),
            marks: None,
            min_time_ms: 0,
            time_ms: 0,
            interval_ms: 0,
            value_bits: 0,
            start_ms: 0,
            count: 0,
            starts_from: u16::MAX,
            leading: NO_WINDOW,
            trailing: 0,
        }
    }

    /// Appends a sample. `start_ms` 0 is an unknown start. Order of time is the caller's business: any timestamp
    /// is stored as it is. About 3 ns.
    ///
    /// # Panics
    ///
    /// Where the chunk already holds [`CHUNK_SAMPLES_MAX`] samples.
    #[inline]
    pub fn append(&mut self, time_ms: i64, value: f64, start_ms: i64) {
        assert!(usize::from(self.count) < CHUNK_SAMPLES_MAX, "an open chunk is sealed before it is full");
        let value_bits = value.to_bits();
        if self.count == 0 {
            self.min_time_ms = time_ms;
            self.bits.write(time_ms.cast_unsigned(), 64);
            self.bits.write(value_bits, 64);
        } else {
            let interval_ms = time_ms.wrapping_sub(self.time_ms);
            let change = interval_ms.wrapping_sub(self.interval_ms);
            self.interval_ms = interval_ms;
            self.append_changes(change, value_bits ^ self.value_bits);
        }
        self.time_ms = time_ms;
        self.value_bits = value_bits;
        if start_ms != 0 || self.starts_from != u16::MAX {
            self.append_start(start_ms);
        }
        self.count += 1;
        if Marks::are_due(self.count) {
            self.mark();
        }
    }

    /// Notes where a decoder is now.
    #[cold]
    fn mark(&mut self) {
        let length = 64_u32.saturating_sub(u32::from(self.leading) + u32::from(self.trailing)) as u8;
        let state = State {
            time_ms: self.time_ms,
            interval_ms: self.interval_ms,
            value_bits: self.value_bits,
            position: self.bits.position(),
            trailing: if length == 0 { 0 } else { self.trailing },
            length,
        };
        self.marks.get_or_insert_default().push(self.min_time_ms, self.count, &state);
    }

    /// Writes timestamp and value, in one go where both fit a word.
    #[inline(always)]
    fn append_changes(&mut self, time_change: i64, xor: u64) {
        let Some((time_code, time_bits)) = time_code(time_change) else {
            write_interval_change(&mut self.bits, time_change);
            return self.append_value(0, 0, xor);
        };
        self.append_value(time_code, time_bits, xor);
    }

    /// Writes the code of the timestamp and the value.
    #[inline(always)]
    fn append_value(&mut self, time_code: u64, time_bits: u32, xor: u64) {
        if xor == 0 {
            return self.bits.write(time_code << 1, time_bits + 1);
        }
        let leading = xor.leading_zeros().min(LEADING_MAX);
        let trailing = xor.trailing_zeros();
        let exact = 64 - leading - trailing;
        let fits = leading >= u32::from(self.leading) && trailing >= u32::from(self.trailing);
        let wide = 64_u32.saturating_sub(u32::from(self.leading) + u32::from(self.trailing));
        // A much smaller XOR in a wide window is worth the 11 bits of a new window.
        let (code, code_bits, length) = if fits && wide <= exact + 11 {
            (0b10, 2, wide)
        } else {
            self.leading = leading as u8;
            self.trailing = trailing as u8;
            ((0b11 << 11) | u64::from(leading) << 6 | u64::from(exact - 1), 13, exact)
        };
        let code = time_code << code_bits | code;
        let code_bits = time_bits + code_bits;
        if code_bits + length <= 64 {
            self.bits.write(code << length | xor >> self.trailing, code_bits + length);
        } else {
            self.bits.write(code, code_bits);
            self.bits.write(xor >> self.trailing, length);
        }
    }

    fn append_start(&mut self, start_ms: i64) {
        if self.starts_from == u16::MAX {
            self.starts_from = self.count;
        }
        if start_ms == self.start_ms {
            self.bits.write(0, 1);
        } else {
            self.bits.write(1, 1);
            self.bits.write(start_ms.cast_unsigned(), 64);
            self.start_ms = start_ms;
        }
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        usize::from(self.count)
    }

    /// Whether there is no sample yet.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The timestamp of the first sample in milliseconds; 0 where there is none.
    pub fn min_time_ms(&self) -> i64 {
        self.min_time_ms
    }

    /// The timestamp of the last sample in milliseconds; 0 where there is none.
    pub fn max_time_ms(&self) -> i64 {
        self.time_ms
    }

    /// The last value; 0.0 where there is none.
    pub fn last_value(&self) -> f64 {
        f64::from_bits(self.value_bits)
    }

    /// The last start timestamp that was given, 0 where there was none.
    pub fn last_start_ms(&self) -> i64 {
        self.start_ms
    }

    /// The bytes that the chunk would take if it were sealed now.
    pub fn encoded_bytes(&self) -> usize {
        self.bits.len() + if self.starts_from == u16::MAX { 0 } else { format::TRAILER_BYTES }
    }

    /// The heap memory that the packed bits, and marks inside of them, take.
    pub fn heap_bytes(&self) -> usize {
        self.bits.capacity() + self.marks.as_ref().map_or(0, |marks| size_of_val(&**marks))
    }

    /// A copy of the samples so far as a chunk, `None` where there is no sample. About 50 ns.
    pub fn snapshot(&self) -> Option<Chunk> {
        let room = if self.starts_from == u16::MAX { 0 } else { format::TRAILER_BYTES };
        (self.count > 0).then(|| self.chunk(self.bits.snapshot(room)))
    }

    /// A copy of the samples from `since_ms` on, where timestamps ascend: as [`OpenFloats::snapshot`], and shorter by as much
    /// of the front as can be left out cheaply. For readers: it cannot be appended to a file.
    ///
    /// ```
    /// use tsdb::chunk::{FloatSamples, OpenFloats};
    ///
    /// let mut open = OpenFloats::new();
    /// (0..100).for_each(|second| open.append(second * 1_000, second as f64, 0));
    /// let mut samples = FloatSamples::default();
    /// open.tail(99_000).expect("some samples").decode_floats(&mut samples)?;
    /// assert!(samples.len() < 40);
    /// assert_eq!(samples.values.last(), Some(&99.0));
    /// # Ok::<(), tsdb::chunk::ChunkError>(())
    /// ```
    pub fn tail(&self, since_ms: i64) -> Option<Chunk> {
        let state = self.marks.as_ref().and_then(|marks| marks.before(self.min_time_ms, since_ms));
        let Some((before, state)) = state.filter(|_| self.starts_from == u16::MAX) else {
            return self.snapshot();
        };
        let count = self.count - before + 1;
        let data = Bytes::from(tail::write(&state, count, &self.bits));
        Some(Chunk { min_time_ms: state.time_ms, max_time_ms: self.time_ms, count, data })
    }

    /// Ends the chunk, `None` where there is no sample.
    pub fn seal(mut self) -> Option<Chunk> {
        let bits = std::mem::replace(&mut self.bits, BitWriter::behind(Vec::new()));
        (self.count > 0).then(|| self.chunk(bits.finish()))
    }

    fn chunk(&self, bytes: Vec<u8>) -> Chunk {
        let starts_from = (self.starts_from != u16::MAX).then_some(self.starts_from);
        let data = Bytes::from(format::finish(bytes, ChunkKind::Float, self.count, starts_from));
        Chunk { min_time_ms: self.min_time_ms, max_time_ms: self.time_ms, count: self.count, data }
    }
}

/// The code of a change of interval and its length in bits; `None` where it needs 64 bits behind [`TIME_ESCAPE`].
#[inline(always)]
fn time_code(change: i64) -> Option<(u64, u32)> {
    let payload = |bits: u32| change.cast_unsigned() & ((1 << bits) - 1);
    match change {
        0 => Some((0, 1)),
        -32..=31 => Some(((0b10 << 6) | payload(6), 2 + 6)),
        -1024..=1023 => Some(((0b110 << 11) | payload(11), 3 + 11)),
        -131_072..=131_071 => Some(((0b1110 << 18) | payload(18), 4 + 18)),
        _ => None,
    }
}

/// Writes by how much the interval between two samples changed.
pub(super) fn write_interval_change(bits: &mut BitWriter, change: i64) {
    match time_code(change) {
        Some((code, code_bits)) => bits.write(code, code_bits),
        None => {
            bits.write(TIME_ESCAPE, TIME_ESCAPE_BITS);
            bits.write(change.cast_unsigned(), 64);
        }
    }
}

/// Reads what [`write_interval_change`] wrote.
pub(super) fn read_interval_change(bits: &mut BitReader<'_>) -> i64 {
    let (change, code_bits) = interval_change(bits.peek());
    bits.skip(code_bits);
    change.unwrap_or_else(|| bits.read(64).cast_signed())
}

/// The change of interval that a word starts with and the bits it takes; `None` where 64 bits follow the code.
#[inline(always)]
pub(super) fn interval_change(word: u64) -> (Option<i64>, u32) {
    if word >> 63 == 0 {
        return (Some(0), 1);
    }
    if word >> 62 == 0b10 {
        return (Some((word << 2).cast_signed() >> (64 - 6)), 2 + 6);
    }
    match word.leading_ones() {
        2 => (Some((word << 3).cast_signed() >> (64 - 11)), 3 + 11),
        3 => (Some((word << 4).cast_signed() >> (64 - 18)), 4 + 18),
        _ => (None, TIME_ESCAPE_BITS),
    }
}
