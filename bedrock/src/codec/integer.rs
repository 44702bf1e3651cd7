//! A column of `i64` whose shape is not known in advance: the smallest of four ways, chosen by size.
//!
//! # Layout
//!
//! One byte that names the way, then the first values as zigzag varints, then the rest as [`pack`] has it:
//!
//! | byte | way | first values | the rest | good for |
//! |---|---|---|---|---|
//! | 0 | constant | 1 | nothing | unset and default fields |
//! | 1 | plain | 0 | values | status codes, sizes |
//! | 2 | delta | 1 | differences | sorted times, counters |
//! | 3 | delta of delta | 2 | differences between differences | times at a fixed step |

use std::ops::Range;

use super::{ByteReader, DecodeError, Expected, delta, pack, varint};

const CONSTANT: u8 = 0;
const PLAIN: u8 = 1;
const DELTA: u8 = 2;
const DELTA_OF_DELTA: u8 = 3;

const WHAT: &str = "integer column";

/// Appends `values`; `scratch` is overwritten. O(values), about three passes over them.
///
/// ```
/// use bedrock::codec::{ByteReader, integer};
///
/// let times: Vec<i64> = (0..500).map(|i| 1_700_000_000_000 + 15_000 * i).collect();
/// let mut page = Vec::new();
/// integer::encode(&times, &mut Vec::new(), &mut page);
/// assert!(page.len() < 24);
/// let mut decoded = Vec::new();
/// integer::decode(&mut ByteReader::new(&page), times.len(), &mut decoded)?;
/// assert_eq!(decoded, times);
/// # Ok::<(), bedrock::codec::DecodeError>(())
/// ```
pub fn encode(values: &[i64], scratch: &mut Vec<i64>, out: &mut Vec<u8>) {
    let Some((&first, rest)) = values.split_first() else {
        out.push(PLAIN);
        return;
    };
    if rest.iter().all(|&value| value == first) {
        out.push(CONSTANT);
        varint::write_zigzag(first, out);
        return;
    }
    scratch.clear();
    scratch.extend_from_slice(values);
    delta::encode(scratch);
    let plain_bytes = pack::encoded_bytes_i64(values);
    let delta_bytes = first_bytes(scratch, 1) + pack::encoded_bytes_i64(&scratch[1..]);
    delta::encode(&mut scratch[1..]);
    let twice_bytes = first_bytes(scratch, 2) + pack::encoded_bytes_i64(&scratch[2..]);
    if plain_bytes <= delta_bytes && plain_bytes <= twice_bytes {
        out.push(PLAIN);
        pack::encode_i64(values, out);
        return;
    }
    let firsts = if twice_bytes < delta_bytes {
        out.push(DELTA_OF_DELTA);
        2
    } else {
        out.push(DELTA);
        delta::decode(&mut scratch[1..]);
        1
    };
    let (firsts, rest) = scratch.split_at(firsts);
    for &value in firsts {
        varint::write_zigzag(value, out);
    }
    pack::encode_i64(rest, out);
}

fn first_bytes(values: &[i64], count: usize) -> usize {
    values.iter().take(count).map(|&value| varint::length(varint::zigzag(value))).sum()
}

/// Decodes `count` values into `out`, replacing what it held.
///
/// A constant column says nothing about its length, so memory follows `count`, which must come from a header that
/// was checked against a limit.
///
/// # Errors
///
/// Where the input is cut or malformed.
pub fn decode(reader: &mut ByteReader<'_>, count: usize, out: &mut Vec<i64>) -> Result<(), DecodeError> {
    out.clear();
    match read_way(reader, count)? {
        Way::Constant(value) => out.resize(count, value),
        Way::Plain => pack::decode_i64(reader, count, out)?,
        Way::Delta { first } => {
            pack::decode_i64(reader, count - 1, out)?;
            let last = out.iter_mut().fold(first, |value, slot| {
                let difference = std::mem::replace(slot, value);
                value.wrapping_add(difference)
            });
            out.push(last);
        }
        Way::DeltaOfDelta { first, step } => {
            pack::decode_i64(reader, count - 2, out)?;
            let (value, step) = out.iter_mut().fold((first, step), |(value, step), slot| {
                let change = std::mem::replace(slot, value);
                (value.wrapping_add(step), step.wrapping_add(change))
            });
            out.extend([value, value.wrapping_add(step)]);
        }
    }
    Ok(())
}

/// Appends `map` of the values at the positions `wanted` of a column of `count` to `out`, in one pass behind the
/// unpacking; a position before them costs an addition or two. `scratch` is overwritten.
///
/// ```
/// use bedrock::codec::{ByteReader, integer};
///
/// let times: Vec<i64> = (0..500).map(|i| 1_700_000_000_000 + 15_000 * i + i % 3).collect();
/// let mut page = Vec::new();
/// integer::encode(&times, &mut Vec::new(), &mut page);
/// let mut seconds = Vec::new();
/// let mut reader = ByteReader::new(&page);
/// integer::decode_map(&mut reader, 500, 490..500, &mut Vec::new(), |ms| ms as f64 / 1e3, &mut seconds)?;
/// assert_eq!(seconds.len(), 10);
/// assert_eq!(seconds[0], times[490] as f64 / 1e3);
/// # Ok::<(), bedrock::codec::DecodeError>(())
/// ```
///
/// # Errors
///
/// Where the input is cut or malformed. `out` is then as it was.
///
/// # Panics
///
/// Where `wanted` reaches beyond `count`.
pub fn decode_map<T: Clone>(
    reader: &mut ByteReader<'_>,
    count: usize,
    wanted: Range<usize>,
    scratch: &mut Vec<i64>,
    map: impl Fn(i64) -> T,
    out: &mut Vec<T>,
) -> Result<(), DecodeError> {
    assert!(wanted.end <= count, "positions up to {} of {count} values", wanted.end);
    let (skipped, length) = (wanted.start, wanted.len());
    match read_way(reader, count)? {
        Way::Constant(value) => out.resize(out.len() + length, map(value)),
        Way::Plain => {
            pack::decode_i64(reader, count, scratch)?;
            out.extend(scratch[wanted].iter().map(|&value| map(value)));
        }
        Way::Delta { first } => {
            pack::decode_i64(reader, count - 1, scratch)?;
            let (before, differences) = scratch.split_at(skipped.min(count - 1));
            let mut value = before.iter().fold(first, |value, &difference| value.wrapping_add(difference));
            let kept = &differences[..length.min(differences.len())];
            out.extend(kept.iter().map(|&difference| {
                let next = value.wrapping_add(difference);
                map(std::mem::replace(&mut value, next))
            }));
            // The last value of a column has no difference behind it.
            out.extend((kept.len()..length).map(|_| map(value)));
        }
        Way::DeltaOfDelta { first, step } => {
            pack::decode_i64(reader, count - 2, scratch)?;
            let (before, changes) = scratch.split_at(skipped.min(count - 2));
            let (mut value, mut step) = (first, step);
            let mut walk = |change: i64| {
                let here = value;
                value = value.wrapping_add(step);
                step = step.wrapping_add(change);
                here
            };
            for change in before.iter().copied().chain((before.len()..skipped).map(|_| 0)) {
                walk(change);
            }
            let kept = &changes[..length.min(changes.len())];
            out.extend(kept.iter().map(|&change| map(walk(change))));
            out.extend((kept.len()..length).map(|_| map(walk(0))));
        }
    }
    Ok(())
}

/// How a column is stored, and its first values.
enum Way {
    Constant(i64),
    Plain,
    Delta { first: i64 },
    DeltaOfDelta { first: i64, step: i64 },
}

/// Reads what stands before the packed values, and checks that so many values have so many first ones.
fn read_way(reader: &mut ByteReader<'_>, count: usize) -> Result<Way, DecodeError> {
    let way = reader.u8(WHAT)?;
    let firsts = match way {
        CONSTANT => return Ok(Way::Constant(reader.zigzag(WHAT)?)),
        PLAIN => return Ok(Way::Plain),
        DELTA => 1,
        DELTA_OF_DELTA => 2,
        other => {
            return Err(reader.error(WHAT, Expected::AtMost(u64::from(DELTA_OF_DELTA)), u64::from(other)));
        }
    };
    if count < firsts {
        return Err(reader.error("rows of integer column", Expected::AtMost(count as u64), firsts as u64));
    }
    let first = reader.zigzag(WHAT)?;
    if firsts == 1 {
        Ok(Way::Delta { first })
    } else {
        Ok(Way::DeltaOfDelta { first, step: reader.zigzag(WHAT)? })
    }
}

#[cfg(test)]
mod tests;
