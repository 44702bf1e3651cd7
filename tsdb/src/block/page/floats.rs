//! A page of `f64`, bit-exact for every value.
//!
//! What exporters send are mostly integers and short decimals. Where `value = m / 10^scale` holds bit by bit for an
//! integer `m` of at most 53 bits, the integers are stored; the division that brings a value back is the
//! correctly rounded one, so the text `0.1` and the page agree. Values that no scale fits (NaN, infinities, -0.0, a stray
//! long fraction) are exceptions, as long as they are few; their place in the column repeats the value before.
//!
//! # Layout
//!
//! | field | | |
//! |---|---|---|
//! | form | u8 | 0..=12: decimals of that scale; 13: the bits in the order of the values; 14: `pco` on the floats |
//! | exceptions | varint | number of them; each: position as the gap to the last one (varint), bits (8 bytes) |
//! | rest | | [`integers`] for forms up to 13, a [`pco_page`] for 14 |

use std::ops::Range;

use bedrock::codec::{ByteReader, DecodeError, Expected, pco_page, varint};

use super::{Scratch, integers};

/// Powers of ten that scale decimals; all are exact.
const POWERS: [f64; 13] = [1.0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12];
/// The bits as an integer that ascends with the value.
const ORDERED: u8 = 13;
/// Floats as `pco` takes them.
const PCO: u8 = 14;
const _: () = assert!(POWERS.len() == ORDERED as usize);

/// Integers up to here are exact as `f64`.
const INTEGER_MAX: f64 = 9_007_199_254_740_992.0;
/// One exception takes about as much as this many values.
const VALUES_PER_EXCEPTION: usize = 24;

/// Appends the page of `values`, of which there is at least one, in the smallest encoding.
pub(crate) fn encode(values: &[f64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let mut column = std::mem::take(&mut scratch.decimals);
    let mut exceptions = Vec::new();
    if let Some(scale) = to_decimals(values, &mut column, &mut exceptions) {
        out.push(scale);
        write_exceptions(values, &exceptions, out);
        integers::encode(&column, scratch, out);
    } else {
        let start = out.len();
        out.push(ORDERED);
        split_non_finite(values, &mut column, &mut exceptions);
        write_exceptions(values, &exceptions, out);
        let head = out.len();
        integers::encode(&column, scratch, out);
        scratch.candidate.clear();
        scratch.floats.clear();
        scratch.floats.extend(column.iter().map(|&ordered| from_ordered(ordered)));
        pco_page::encode(&scratch.floats, pco_page::LEVEL_DEFAULT, &mut scratch.candidate);
        if scratch.candidate.len() < out.len() - head {
            out.truncate(head);
            out.extend_from_slice(&scratch.candidate);
            if let Some(form) = out.get_mut(start) {
                *form = PCO;
            }
        }
    }
    scratch.decimals = column;
}

/// What a reader wants of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Content {
    /// The values, bit by bit.
    Values,
    /// Stale markers; what is none may come back as any number. Decimals hold none but among their exceptions, and are not
    /// decoded.
    Presence,
}

/// Appends the values at the positions `wanted` of a page of `count` to `out`. The page must fill `page`.
///
/// About 1 ns a value in packed blocks and 2 ns in `pco`; see [`integers::decode_map`] for those before `wanted`.
///
/// # Panics
///
/// Where `wanted` reaches beyond `count`.
pub(crate) fn decode(
    page: &[u8],
    count: usize,
    wanted: Range<usize>,
    content: Content,
    scratch: &mut Scratch,
    out: &mut Vec<f64>,
) -> Result<(), DecodeError> {
    let mut reader = ByteReader::new(page);
    let form = reader.u8("form of float page")?;
    let exceptions = read_exceptions(&mut reader, count)?;
    let rest = reader.rest();
    let base = out.len();
    if content == Content::Presence && form < ORDERED {
        out.resize(base + wanted.len(), 0.0);
        put_exceptions(&exceptions, &wanted, base, out);
        return Ok(());
    }
    let Scratch { integers, floats, .. } = scratch;
    let all = wanted.clone();
    match form {
        PCO => {
            pco_page::decode(rest, count, floats)?;
            out.extend_from_slice(floats.get(all).unwrap_or(&[]));
        }
        ORDERED => integers::decode_map(rest, count, all, integers, from_ordered, out)?,
        0 => integers::decode_map(rest, count, all, integers, |integer| integer as f64, out)?,
        scale => {
            let Some(&power) = POWERS.get(usize::from(scale)) else {
                return Err(reader.error(
                    "form of float page",
                    Expected::AtMost(u64::from(PCO)),
                    scale.into(),
                ));
            };
            integers::decode_map(rest, count, all, integers, |integer| integer as f64 / power, out)?;
        }
    }
    put_exceptions(&exceptions, &wanted, base, out);
    Ok(())
}

/// Puts the exceptions among the positions `wanted` in their places, which begin at `base`.
fn put_exceptions(exceptions: &[(usize, u64)], wanted: &Range<usize>, base: usize, out: &mut [f64]) {
    for (position, bits) in exceptions {
        if wanted.contains(position)
            && let Some(value) = out.get_mut(base + position - wanted.start)
        {
            *value = f64::from_bits(*bits);
        }
    }
}

/// Brings the values to integers of the smallest common scale; `None` where too many are no decimals.
fn to_decimals(values: &[f64], column: &mut Vec<i64>, exceptions: &mut Vec<usize>) -> Option<u8> {
    let exceptions_max = values.len() / VALUES_PER_EXCEPTION;
    let mut scale = 0;
    for &value in values {
        match scale_of(value, scale) {
            Some(needed) => scale = needed,
            None => exceptions.push(0),
        }
        if exceptions.len() > exceptions_max {
            return None;
        }
    }
    // A larger scale can push large values beyond the exact integers: those become exceptions too.
    exceptions.clear();
    column.clear();
    let mut last = 0;
    for (position, &value) in values.iter().enumerate() {
        match decimal(value, scale) {
            Some(integer) => last = integer,
            None => exceptions.push(position),
        }
        column.push(last);
    }
    fill_front(column, exceptions);
    (exceptions.len() <= exceptions_max).then_some(scale as u8)
}

/// The smallest scale from `scale` on at which a value is a decimal.
fn scale_of(value: f64, scale: usize) -> Option<usize> {
    (scale..POWERS.len()).find(|&scale| decimal(value, scale).is_some())
}

/// The integer that a value is at a scale, where it comes back bit by bit.
#[inline]
fn decimal(value: f64, scale: usize) -> Option<i64> {
    let power = POWERS.get(scale)?;
    let scaled = (value * power).round_ties_even();
    if scaled.abs() > INTEGER_MAX || scaled.is_nan() {
        return None;
    }
    let integer = scaled as i64;
    (((integer as f64) / power).to_bits() == value.to_bits()).then_some(integer)
}

/// Brings finite values to ordered bits; the others are exceptions.
fn split_non_finite(values: &[f64], column: &mut Vec<i64>, exceptions: &mut Vec<usize>) {
    exceptions.clear();
    column.clear();
    let exceptions_max = values.len() / VALUES_PER_EXCEPTION;
    let mut last = 0;
    for (position, &value) in values.iter().enumerate() {
        if value.is_finite() || exceptions.len() >= exceptions_max {
            last = to_ordered(value);
        } else {
            exceptions.push(position);
        }
        column.push(last);
    }
    fill_front(column, exceptions);
}

/// Exceptions at the very front repeat the first value after them, not zero.
fn fill_front(column: &mut [i64], exceptions: &[usize]) {
    let front = exceptions.iter().enumerate().take_while(|(index, position)| index == *position).count();
    if let Some(&first) = column.get(front) {
        column.iter_mut().take(front).for_each(|value| *value = first);
    }
}

fn to_ordered(value: f64) -> i64 {
    let bits = value.to_bits().cast_signed();
    if bits < 0 { bits ^ i64::MAX } else { bits }
}

fn from_ordered(ordered: i64) -> f64 {
    f64::from_bits((if ordered < 0 { ordered ^ i64::MAX } else { ordered }).cast_unsigned())
}

fn write_exceptions(values: &[f64], exceptions: &[usize], out: &mut Vec<u8>) {
    varint::write(exceptions.len() as u64, out);
    let mut next = 0;
    for &position in exceptions {
        let Some(value) = values.get(position) else { continue };
        varint::write((position - next) as u64, out);
        out.extend_from_slice(&value.to_bits().to_le_bytes());
        next = position + 1;
    }
}

fn read_exceptions(reader: &mut ByteReader<'_>, count: usize) -> Result<Vec<(usize, u64)>, DecodeError> {
    let exceptions = reader.count("exceptions of float page", count.min(reader.remaining() / 8))?;
    let mut read = Vec::with_capacity(exceptions);
    let mut next = 0;
    for _ in 0..exceptions {
        let position = next + reader.count("position of exception", count - next.min(count))?;
        read.push((position, reader.u64("bits of exception")?));
        next = position + 1;
    }
    Ok(read)
}
