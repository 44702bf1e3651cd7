//! Histogram chunks: see `format` for header, timestamp and start fields.
//!
//! Buckets of one series rarely move, so where they lie (the layout) is written when it changes; a sample then is
//! its counts. Counts that are integers are stored as changes of their increase, so quiet buckets and steadily
//! growing ones take one bit; other counts are XORed with their predecessor, as the sum always is.
//!
//! A value field is, in this order:
//!
//! | part | bits |
//! |---|---|
//! | tag | `00` as before; `01` new counter reset hint; `10` new hint and layout; `11` stale marker, nothing follows |
//! | hint | 2, with `01` and `10` |
//! | layout | with `10`: schema (number), zero threshold (64), then positive and negative side: spans (number of them, offset and length each) and number of buckets; custom values (number of them, 64 each) |
//! | integers | 1: whether the counts are integers |
//! | sum | XOR with the last sum: `0` for none, else `1`, leading zeros (6), length less one (6), the bits |
//! | counts | count, zero count, positive buckets, negative buckets: numbers or XORs |
//!
//! A number is a signed integer in the first class that holds it: `0`; `10` + 4 bits; `110` + 8; `1110` + 13;
//! `11110` + 20; `111110` + 32; `111111` + 64. Where the layout or the flag for integers changes, all counts start
//! again from zero.

use std::sync::Arc;

use bedrock::histogram::{CounterResetHint, Histogram, Span};
use bedrock::series::STALE_NAN_BITS;
use bytes::Bytes;

use super::bits::{BitReader, BitWriter};
use super::float::{read_interval_change, write_interval_change};
use super::format::{self, ChunkKind, HEADER_BYTES, Header};
use super::{CHUNK_SAMPLES_MAX, Chunk, ChunkError, HistogramSamples};

/// Payload bits of the classes of a number.
const NUMBER_BITS: [u32; 7] = [0, 4, 8, 13, 20, 32, 64];
/// Integers up to here are exact as `f64`.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;

const TAG_SAME: u64 = 0b00;
const TAG_HINT: u64 = 0b01;
const TAG_LAYOUT: u64 = 0b10;
const TAG_STALE: u64 = 0b11;

/// The previous value of one count, and by how much it had grown.
#[derive(Clone, Copy, Debug, Default)]
struct Field {
    previous: u64,
    increase: i64,
}

/// What encoder and decoder both carry from sample to sample.
#[derive(Clone, Debug, Default)]
struct State {
    /// The last histogram that is no stale marker: layout and hint in force.
    last: Option<Arc<Histogram>>,
    integers: bool,
    sum_bits: u64,
    fields: Vec<Field>,
}

/// A histogram chunk that grows.
///
/// ```
/// use std::sync::Arc;
/// use bedrock::histogram::{Histogram, Span};
/// use tsdb::chunk::{HistogramSamples, OpenHistograms};
///
/// let histogram = Arc::new(Histogram {
///     count: 3.0,
///     sum: 4.5,
///     positive_spans: vec![Span { offset: 0, length: 2 }],
///     positive_buckets: vec![1.0, 2.0],
///     ..Histogram::default()
/// });
/// let mut open = OpenHistograms::new();
/// open.append(1_000, &histogram, 0);
/// let chunk = open.seal().expect("one sample");
/// let mut samples = HistogramSamples::default();
/// chunk.decode_histograms(&mut samples)?;
/// assert_eq!(samples.values, [histogram]);
/// # Ok::<(), tsdb::chunk::ChunkError>(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenHistograms {
    bits: BitWriter,
    min_time_ms: i64,
    time_ms: i64,
    interval_ms: i64,
    start_ms: i64,
    count: u16,
    starts_from: u16,
    state: State,
}

impl Default for OpenHistograms {
    fn default() -> Self {
        OpenHistograms::new()
    }
}

impl OpenHistograms {
    /// An empty chunk.
    pub fn new() -> Self {
        OpenHistograms {
            bits: BitWriter::behind(vec![0; HEADER_BYTES]),
            min_time_ms: 0,
            time_ms: 0,
            interval_ms: 0,
            start_ms: 0,
            count: 0,
            starts_from: u16::MAX,
            state: State::default(),
        }
    }

    /// Appends a sample; `start_ms` 0 is an unknown start. Any timestamp is stored as it is. O(buckets).
    ///
    /// # Panics
    ///
    /// Where the chunk already holds [`CHUNK_SAMPLES_MAX`] samples.
    pub fn append(&mut self, time_ms: i64, histogram: &Arc<Histogram>, start_ms: i64) {
        assert!(usize::from(self.count) < CHUNK_SAMPLES_MAX, "an open chunk is sealed before it is full");
        if self.count == 0 {
            self.min_time_ms = time_ms;
            self.bits.write(time_ms.cast_unsigned(), 64);
        } else {
            let interval_ms = time_ms.wrapping_sub(self.time_ms);
            write_interval_change(&mut self.bits, interval_ms.wrapping_sub(self.interval_ms));
            self.interval_ms = interval_ms;
        }
        self.time_ms = time_ms;
        self.state.write(&mut self.bits, histogram);
        if start_ms != 0 || self.starts_from != u16::MAX {
            self.append_start(start_ms);
        }
        self.count += 1;
    }

    fn append_start(&mut self, start_ms: i64) {
        if self.starts_from == u16::MAX {
            self.starts_from = self.count;
        }
        let changed = start_ms != self.start_ms;
        self.bits.write(u64::from(changed), 1);
        if changed {
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

    /// The last histogram that is no stale marker.
    pub fn last_value(&self) -> Option<&Arc<Histogram>> {
        self.state.last.as_ref()
    }

    /// The bytes that the chunk would take if it were sealed now.
    pub fn encoded_bytes(&self) -> usize {
        self.bits.len() + if self.starts_from == u16::MAX { 0 } else { format::TRAILER_BYTES }
    }

    /// The heap memory that the packed bits take.
    pub fn heap_bytes(&self) -> usize {
        self.bits.capacity() + self.state.fields.capacity() * size_of::<Field>()
    }

    /// A copy of the samples so far as a chunk, `None` where there is no sample.
    pub fn snapshot(&self) -> Option<Chunk> {
        (self.count > 0).then(|| self.chunk(self.bits.snapshot(format::TRAILER_BYTES)))
    }

    /// Ends the chunk, `None` where there is no sample.
    pub fn seal(mut self) -> Option<Chunk> {
        let bits = std::mem::replace(&mut self.bits, BitWriter::behind(Vec::new()));
        (self.count > 0).then(|| self.chunk(bits.finish()))
    }

    fn chunk(&self, bytes: Vec<u8>) -> Chunk {
        let starts_from = (self.starts_from != u16::MAX).then_some(self.starts_from);
        let data = Bytes::from(format::finish(bytes, ChunkKind::Histogram, self.count, starts_from));
        Chunk { min_time_ms: self.min_time_ms, max_time_ms: self.time_ms, count: self.count, data }
    }
}

impl State {
    fn write(&mut self, bits: &mut BitWriter, histogram: &Arc<Histogram>) {
        if is_bare_stale_marker(histogram) {
            bits.write(TAG_STALE, 2);
            return;
        }
        let same_layout = self.last.as_ref().is_some_and(|last| same_layout(last, histogram));
        let same_hint =
            self.last.as_ref().is_some_and(|last| last.counter_reset_hint == histogram.counter_reset_hint);
        let tag = match (same_layout, same_hint) {
            (true, true) => TAG_SAME,
            (true, false) => TAG_HINT,
            (false, _) => TAG_LAYOUT,
        };
        bits.write(tag, 2);
        if tag != TAG_SAME {
            bits.write(hint_number(histogram.counter_reset_hint), 2);
        }
        let integers = counts(histogram).all(is_integer);
        if !same_layout {
            write_layout(bits, histogram);
        }
        if !same_layout || integers != self.integers {
            let fields = 2 + histogram.positive_buckets.len() + histogram.negative_buckets.len();
            self.fields.clear();
            self.fields.resize(fields, Field::default());
        }
        self.integers = integers;
        bits.write(u64::from(integers), 1);
        write_xor(bits, histogram.sum.to_bits() ^ self.sum_bits);
        self.sum_bits = histogram.sum.to_bits();
        for (field, count) in self.fields.iter_mut().zip(counts(histogram)) {
            if integers {
                let increase = (count as i64).wrapping_sub(field.previous.cast_signed());
                write_number(bits, increase.wrapping_sub(field.increase));
                *field = Field { previous: (count as i64).cast_unsigned(), increase };
            } else {
                write_xor(bits, count.to_bits() ^ field.previous);
                field.previous = count.to_bits();
            }
        }
        self.last = Some(Arc::clone(histogram));
    }

    fn read(&mut self, bits: &mut BitReader<'_>) -> Result<Arc<Histogram>, ChunkError> {
        let tag = bits.read(2);
        if tag == TAG_STALE {
            return Ok(Arc::new(Histogram { sum: f64::from_bits(STALE_NAN_BITS), ..Histogram::default() }));
        }
        let hint = (tag != TAG_SAME).then(|| hint_of(bits.read(2)));
        let mut histogram = match (&self.last, tag) {
            (_, TAG_LAYOUT) => {
                let histogram = read_layout(bits)?;
                let fields = 2 + histogram.positive_buckets.len() + histogram.negative_buckets.len();
                self.fields.clear();
                self.fields.resize(fields, Field::default());
                histogram
            }
            (Some(last), _) => Histogram::clone(last),
            (None, _) => {
                return Err(ChunkError { offset: bits.offset(), what: "first histogram without layout" });
            }
        };
        if let Some(hint) = hint {
            histogram.counter_reset_hint = hint;
        }
        let integers = bits.read(1) == 1;
        if integers != self.integers {
            self.fields.fill(Field::default());
        }
        self.integers = integers;
        self.sum_bits ^= read_xor(bits)?;
        histogram.sum = f64::from_bits(self.sum_bits);
        for (field, count) in self.fields.iter_mut().zip(counts_mut(&mut histogram)) {
            if integers {
                let increase = field.increase.wrapping_add(read_number(bits));
                *field = Field { previous: field.previous.wrapping_add(increase.cast_unsigned()), increase };
                *count = field.previous.cast_signed() as f64;
            } else {
                field.previous ^= read_xor(bits)?;
                *count = f64::from_bits(field.previous);
            }
        }
        bits.check()?;
        let histogram = Arc::new(histogram);
        self.last = Some(Arc::clone(&histogram));
        Ok(histogram)
    }
}

/// Appends the samples of a histogram chunk to `out`.
///
/// # Errors
///
/// [`ChunkError`] where the bytes are not a histogram chunk; what `out` then holds of it is unspecified.
pub fn decode(data: &[u8], out: &mut HistogramSamples) -> Result<(), ChunkError> {
    let header = Header::read(data)?;
    if header.kind != ChunkKind::Histogram {
        return Err(ChunkError { offset: 0, what: "histogram chunk expected, other kind found" });
    }
    let mut bits = BitReader::new(data.get(..header.samples_end).unwrap_or(&[]), HEADER_BYTES);
    let mut state = State::default();
    let (mut time_ms, mut interval_ms, mut start_ms) = (0_i64, 0_i64, 0);
    for index in 0..header.count {
        if index == 0 {
            time_ms = bits.read(64).cast_signed();
        } else {
            interval_ms = interval_ms.wrapping_add(read_interval_change(&mut bits));
            time_ms = time_ms.wrapping_add(interval_ms);
        }
        let histogram = state.read(&mut bits)?;
        if index >= header.starts_from && bits.read(1) == 1 {
            start_ms = bits.read(64).cast_signed();
        }
        bits.check()?;
        out.push(time_ms, histogram, start_ms);
    }
    Ok(())
}

/// The counts in the order in which they are stored.
fn counts(histogram: &Histogram) -> impl Iterator<Item = f64> + '_ {
    [histogram.count, histogram.zero_count]
        .into_iter()
        .chain(histogram.positive_buckets.iter().copied())
        .chain(histogram.negative_buckets.iter().copied())
}

/// As [`counts`], to be filled in.
fn counts_mut(histogram: &mut Histogram) -> impl Iterator<Item = &mut f64> {
    [&mut histogram.count, &mut histogram.zero_count]
        .into_iter()
        .chain(&mut histogram.positive_buckets)
        .chain(&mut histogram.negative_buckets)
}

/// Whether a count survives the way through `i64` bit by bit.
fn is_integer(count: f64) -> bool {
    count.abs() <= INTEGER_MAX && (count as i64 as f64).to_bits() == count.to_bits()
}

/// The stale marker as scrapers write it: nothing but the sum.
fn is_bare_stale_marker(histogram: &Histogram) -> bool {
    histogram.sum.to_bits() == STALE_NAN_BITS
        && histogram.counter_reset_hint == CounterResetHint::Unknown
        && histogram.positive_buckets.is_empty()
        && histogram.negative_buckets.is_empty()
        && counts(histogram).all(|count| count.to_bits() == 0)
        && same_layout(histogram, &Histogram::default())
}

fn same_layout(a: &Histogram, b: &Histogram) -> bool {
    let bits = |values: &[f64]| values.iter().map(|value| value.to_bits()).collect::<Vec<u64>>();
    a.schema == b.schema
        && a.zero_threshold.to_bits() == b.zero_threshold.to_bits()
        && a.positive_buckets.len() == b.positive_buckets.len()
        && a.negative_buckets.len() == b.negative_buckets.len()
        && a.positive_spans == b.positive_spans
        && a.negative_spans == b.negative_spans
        && bits(&a.custom_values) == bits(&b.custom_values)
}

fn write_layout(bits: &mut BitWriter, histogram: &Histogram) {
    write_number(bits, histogram.schema.into());
    bits.write(histogram.zero_threshold.to_bits(), 64);
    for (spans, buckets) in [
        (&histogram.positive_spans, &histogram.positive_buckets),
        (&histogram.negative_spans, &histogram.negative_buckets),
    ] {
        write_number(bits, spans.len() as i64);
        for span in spans {
            write_number(bits, span.offset.into());
            write_number(bits, span.length.into());
        }
        write_number(bits, buckets.len() as i64);
    }
    write_number(bits, histogram.custom_values.len() as i64);
    for value in &histogram.custom_values {
        bits.write(value.to_bits(), 64);
    }
}

/// Reads a layout: a histogram whose counts are all zero.
fn read_layout(bits: &mut BitReader<'_>) -> Result<Histogram, ChunkError> {
    let mut histogram = Histogram::default();
    let wrong = |bits: &BitReader<'_>, what| ChunkError { offset: bits.offset(), what };
    histogram.schema =
        i32::try_from(read_number(bits)).map_err(|_| wrong(bits, "schema of more than 32 bits"))?;
    histogram.zero_threshold = f64::from_bits(bits.read(64));
    for positive in [true, false] {
        // A span takes two bits and a bucket one bit a sample, which bounds what hostile bytes can ask for.
        let spans = read_length(bits, 2)?;
        let mut read = Vec::with_capacity(spans);
        for _ in 0..spans {
            let offset = i32::try_from(read_number(bits));
            let length = u32::try_from(read_number(bits));
            let (Ok(offset), Ok(length)) = (offset, length) else {
                return Err(wrong(bits, "span of more than 32 bits"));
            };
            read.push(Span { offset, length });
        }
        let buckets = vec![0.0; read_length(bits, 1)?];
        if positive {
            (histogram.positive_spans, histogram.positive_buckets) = (read, buckets);
        } else {
            (histogram.negative_spans, histogram.negative_buckets) = (read, buckets);
        }
    }
    let custom_values = read_length(bits, 64)?;
    histogram.custom_values = (0..custom_values).map(|_| f64::from_bits(bits.read(64))).collect();
    bits.check()?;
    Ok(histogram)
}

/// Reads a number of things that take at least `bits_each` bits each.
fn read_length(bits: &mut BitReader<'_>, bits_each: usize) -> Result<usize, ChunkError> {
    let number = read_number(bits);
    usize::try_from(number)
        .ok()
        .filter(|length| length.saturating_mul(bits_each) <= bits.remaining())
        .ok_or(ChunkError { offset: bits.offset(), what: "list longer than the chunk" })
}

fn hint_number(hint: CounterResetHint) -> u64 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::CounterReset => 1,
        CounterResetHint::NotCounterReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

fn hint_of(number: u64) -> CounterResetHint {
    match number {
        1 => CounterResetHint::CounterReset,
        2 => CounterResetHint::NotCounterReset,
        3 => CounterResetHint::Gauge,
        _ => CounterResetHint::Unknown,
    }
}

fn write_number(bits: &mut BitWriter, number: i64) {
    let class = NUMBER_BITS.iter().position(|&bits| match bits {
        0 => number == 0,
        64 => true,
        bits => number >> (bits - 1) == 0 || number >> (bits - 1) == -1,
    });
    let class = class.unwrap_or(NUMBER_BITS.len() - 1) as u32;
    if class == 6 {
        bits.write(0b11_1111, 6);
        bits.write(number.cast_unsigned(), 64);
        return;
    }
    bits.write((1 << (class + 1)) - 2, class + 1);
    if class == 0 {
        return;
    }
    let payload_bits = NUMBER_BITS.get(class as usize).copied().unwrap_or(64);
    bits.write(number.cast_unsigned() & ((1 << payload_bits) - 1), payload_bits);
}

fn read_number(bits: &mut BitReader<'_>) -> i64 {
    let class = bits.peek().leading_ones().min(6);
    bits.skip(class + u32::from(class < 6));
    let payload_bits = NUMBER_BITS.get(class as usize).copied().unwrap_or(64);
    if payload_bits == 0 {
        return 0;
    }
    (bits.read(payload_bits) << (64 - payload_bits)).cast_signed() >> (64 - payload_bits)
}

fn write_xor(bits: &mut BitWriter, xor: u64) {
    if xor == 0 {
        bits.write(0, 1);
        return;
    }
    let (leading, trailing) = (xor.leading_zeros(), xor.trailing_zeros());
    let length = 64 - leading - trailing;
    bits.write((1 << 12) | u64::from(leading) << 6 | u64::from(length - 1), 13);
    bits.write(xor >> trailing, length);
}

fn read_xor(bits: &mut BitReader<'_>) -> Result<u64, ChunkError> {
    if bits.read(1) == 0 {
        return Ok(0);
    }
    let leading = bits.read(6) as u32;
    let length = bits.read(6) as u32 + 1;
    match 64_u32.checked_sub(leading + length) {
        Some(trailing) => Ok(bits.read(length) << trailing),
        None => Err(ChunkError { offset: bits.offset(), what: "window of more than 64 bits" }),
    }
}
