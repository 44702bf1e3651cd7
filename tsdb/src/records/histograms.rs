//! A native histogram as the log has it.
//!
//! ```text
//! flags            u8: counter reset hint in bits 0 and 1; bit 2: every count is a whole number below 2^53
//! schema           zigzag
//! zero threshold   f64
//! sum              f64
//! spans            positive, then negative: varint, then per span: offset (zigzag), length (varint)
//! custom values    varint, then f64 each
//! counts           count, zero count, positive buckets, negative buckets: varints of the differences between
//!                  neighbours (zigzag) where bit 2 is set, f64 each otherwise
//! ```

use bedrock::codec::{ByteReader, DecodeError, Expected, varint};
use bedrock::histogram::{CounterResetHint, Histogram, Span};

/// Set where all counts are whole numbers.
const WHOLE: u8 = 1 << 2;
/// The largest count that is written as a whole number.
const WHOLE_MAX: f64 = (1_u64 << 53) as f64;

/// Appends a histogram.
pub(crate) fn write_histogram(histogram: &Histogram, out: &mut Vec<u8>) {
    let counts = || {
        let scalars = [histogram.count, histogram.zero_count].into_iter();
        scalars
            .chain(histogram.positive_buckets.iter().copied())
            .chain(histogram.negative_buckets.iter().copied())
    };
    let whole = counts().all(|count| {
        count.fract() == 0.0 && (0.0..WHOLE_MAX).contains(&count) && count.to_bits() != (-0.0_f64).to_bits()
    });
    out.push(hint_number(histogram.counter_reset_hint) | if whole { WHOLE } else { 0 });
    varint::write_zigzag(i64::from(histogram.schema), out);
    out.extend_from_slice(&histogram.zero_threshold.to_le_bytes());
    out.extend_from_slice(&histogram.sum.to_le_bytes());
    for spans in [&histogram.positive_spans, &histogram.negative_spans] {
        varint::write(spans.len() as u64, out);
        for span in spans {
            varint::write_zigzag(i64::from(span.offset), out);
            varint::write(u64::from(span.length), out);
        }
    }
    varint::write(histogram.custom_values.len() as u64, out);
    for bound in &histogram.custom_values {
        out.extend_from_slice(&bound.to_le_bytes());
    }
    varint::write(histogram.positive_buckets.len() as u64, out);
    varint::write(histogram.negative_buckets.len() as u64, out);
    let mut previous = 0;
    for count in counts() {
        if whole {
            let count = count as i64;
            varint::write_zigzag(count - previous, out);
            previous = count;
        } else {
            out.extend_from_slice(&count.to_le_bytes());
        }
    }
}

/// Reads what [`write_histogram`] wrote.
///
/// # Errors
///
/// [`DecodeError`] where the bytes are no histogram.
pub(crate) fn read_histogram(reader: &mut ByteReader<'_>) -> Result<Histogram, DecodeError> {
    let flags = reader.u8("flags of a histogram")?;
    let schema = reader.zigzag("schema")?;
    let schema = i32::try_from(schema)
        .map_err(|_| reader.error("schema", Expected::Form("32 bits"), schema.cast_unsigned()))?;
    let zero_threshold = reader.f64("zero threshold")?;
    let sum = reader.f64("sum")?;
    let positive_spans = read_spans(reader)?;
    let negative_spans = read_spans(reader)?;
    let custom_count = reader.count("custom values", reader.remaining() / 8)?;
    let mut custom_values = Vec::with_capacity(custom_count);
    for _ in 0..custom_count {
        custom_values.push(reader.f64("custom value")?);
    }
    let positive = reader.count("positive buckets", reader.remaining())?;
    let negative = reader.count("negative buckets", reader.remaining())?;
    let mut counts = Counts { whole: flags & WHOLE != 0, previous: 0 };
    let count = counts.next(reader)?;
    let zero_count = counts.next(reader)?;
    let positive_buckets = (0..positive).map(|_| counts.next(reader)).collect::<Result<_, _>>()?;
    let negative_buckets = (0..negative).map(|_| counts.next(reader)).collect::<Result<_, _>>()?;
    Ok(Histogram {
        counter_reset_hint: hint_of(flags),
        schema,
        zero_threshold,
        zero_count,
        count,
        sum,
        positive_spans,
        positive_buckets,
        negative_spans,
        negative_buckets,
        custom_values,
    })
}

fn read_spans(reader: &mut ByteReader<'_>) -> Result<Vec<Span>, DecodeError> {
    let count = reader.count("spans", reader.remaining() / 2)?;
    let mut spans = Vec::with_capacity(count);
    for _ in 0..count {
        let (offset, length) = (reader.zigzag("offset of a span")?, reader.varint("length of a span")?);
        match (i32::try_from(offset), u32::try_from(length)) {
            (Ok(offset), Ok(length)) => spans.push(Span { offset, length }),
            _ => return Err(reader.error("span", Expected::Form("32 bits"), length)),
        }
    }
    Ok(spans)
}

struct Counts {
    whole: bool,
    previous: i64,
}

impl Counts {
    fn next(&mut self, reader: &mut ByteReader<'_>) -> Result<f64, DecodeError> {
        if !self.whole {
            return reader.f64("count");
        }
        self.previous = self.previous.wrapping_add(reader.zigzag("count")?);
        Ok(self.previous as f64)
    }
}

fn hint_number(hint: CounterResetHint) -> u8 {
    match hint {
        CounterResetHint::Unknown => 0,
        CounterResetHint::CounterReset => 1,
        CounterResetHint::NotCounterReset => 2,
        CounterResetHint::Gauge => 3,
    }
}

fn hint_of(flags: u8) -> CounterResetHint {
    match flags & 3 {
        0 => CounterResetHint::Unknown,
        1 => CounterResetHint::CounterReset,
        2 => CounterResetHint::NotCounterReset,
        _ => CounterResetHint::Gauge,
    }
}
