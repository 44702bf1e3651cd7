//! A page of `i64`.
//!
//! # Layout
//!
//! | field | | |
//! |---|---|---|
//! | way | u8 | see below |
//! | first | zigzag varint | the first value |
//! | step | varint | all differences are multiples of it, at least 1 (not for a constant) |
//! | rest | | by way, of the values `(value - first) / step` |
//!
//! | way | rest |
//! |---|---|
//! | 0 constant | nothing |
//! | 1 packed | [`integer`]: plain, differences, or differences of differences in packed blocks of 128 |
//! | 2 runs | usual difference (zigzag); number of changes (varint); per change the number of usual differences before it (varint) and the difference (zigzag) |
//! | 3 pco | a [`pco_page`] |
//!
//! Runs are for counters that stand still and timestamps without jitter: a change takes two or three bytes.

use std::ops::Range;

use bedrock::codec::{ByteReader, DecodeError, Expected, delta, integer, pco_page, varint};

use super::Scratch;

const CONSTANT: u8 = 0;
const PACKED: u8 = 1;
const RUNS: u8 = 2;
const PCO: u8 = 3;

/// `pco` unpacks at 1 to 2 ns a value and packed blocks at 0.3 ns: it has to save this many percent.
const PCO_SAVES_PERCENT: usize = 10;
/// Beyond this level the bins of `pco` cost more than they save on a page of this size.
const PCO_LEVEL: usize = 6;
/// Below so many bytes of the other ways, `pco` cannot save what its own header takes.
const PCO_BYTES_MIN: usize = 48;

/// Appends the page of `values`, of which there is at least one, in the smallest encoding.
pub(crate) fn encode(values: &[i64], scratch: &mut Scratch, out: &mut Vec<u8>) {
    let Some(&first) = values.first() else { return };
    let start = out.len();
    out.push(CONSTANT);
    varint::write_zigzag(first, out);
    if values.iter().all(|&value| value == first) {
        return;
    }
    let step = common_step(values);
    varint::write(step, out);
    let Scratch { integers, differences, packed, candidate, .. } = scratch;
    integers.clear();
    integers.extend(values.iter().map(|&value| steps(value, first, step)));

    let mut way = PACKED;
    packed.clear();
    integer::encode(integers, differences, packed);
    differences.clear();
    differences.extend_from_slice(integers);
    delta::encode(differences);
    candidate.clear();
    if write_runs(differences.get(1..).unwrap_or(&[]), packed.len(), candidate) {
        way = RUNS;
        std::mem::swap(packed, candidate);
    }
    if packed.len() >= PCO_BYTES_MIN {
        candidate.clear();
        pco_page::encode_differences(integers, order(integers, differences), PCO_LEVEL, candidate);
        if candidate.len() * 100 < packed.len() * (100 - PCO_SAVES_PERCENT) {
            way = PCO;
            std::mem::swap(packed, candidate);
        }
    }
    if let Some(byte) = out.get_mut(start) {
        *byte = way;
    }
    out.extend_from_slice(packed);
}

/// Appends `map` of the values at the positions `wanted` to `out`; the page has `count` values, at least one, and must
/// fill `page`. A position before `wanted` costs an addition, or nothing where it lies in a run. `scratch` is
/// overwritten.
///
/// # Panics
///
/// Where `wanted` reaches beyond `count`.
pub(crate) fn decode_map<T: Clone>(
    page: &[u8],
    count: usize,
    wanted: Range<usize>,
    scratch: &mut Vec<i64>,
    map: impl Fn(i64) -> T,
    out: &mut Vec<T>,
) -> Result<(), DecodeError> {
    assert!(wanted.end <= count, "positions up to {} of {count} values", wanted.end);
    let mut reader = ByteReader::new(page);
    let way = reader.u8("way of integer page")?;
    let first = reader.zigzag("first value of integer page")?;
    if way == CONSTANT {
        out.resize(out.len() + wanted.len(), map(first));
        return reader.finish("constant integer page");
    }
    let step = reader.varint("step of integer page")?.cast_signed();
    let map = |steps: i64| map(steps.wrapping_mul(step).wrapping_add(first));
    match way {
        PACKED => integer::decode_map(&mut reader, count, wanted, scratch, map, out)?,
        RUNS => read_runs(&mut reader, count, wanted, map, out)?,
        PCO => {
            let rest = reader.take("pco of integer page", reader.remaining())?;
            pco_page::decode(rest, count, scratch)?;
            out.extend(scratch.get(wanted).unwrap_or(&[]).iter().map(|&steps| map(steps)));
        }
        other => {
            return Err(reader.error("way of integer page", Expected::AtMost(u64::from(PCO)), other.into()));
        }
    }
    reader.finish("integer page")
}

/// Decodes all `count` values, at least one, into `out`, replacing what it held. The page must fill `page`.
pub(crate) fn decode(
    page: &[u8],
    count: usize,
    scratch: &mut Vec<i64>,
    out: &mut Vec<i64>,
) -> Result<(), DecodeError> {
    out.clear();
    decode_map(page, count, 0..count, scratch, |value| value, out)
}

/// The greatest number that divides all differences, 1 where they are too large for exact steps.
fn common_step(values: &[i64]) -> u64 {
    let mut step = 0;
    for pair in values.windows(2) {
        let &[a, b] = pair else { continue };
        let Some(difference) = b.checked_sub(a) else { return 1 };
        step = greatest_common_divisor(step, difference.unsigned_abs());
        if step == 1 {
            return 1;
        }
    }
    let in_range = |&value: &i64| values.first().is_some_and(|first| value.checked_sub(*first).is_some());
    if values.iter().all(in_range) { step.clamp(1, i64::MAX.unsigned_abs()) } else { 1 }
}

fn greatest_common_divisor(mut a: u64, mut b: u64) -> u64 {
    while b != 0 {
        (a, b) = (b, a % b);
    }
    a
}

/// The order of differences, up to 2, whose distances from their median have the fewest bits. `pco` would find it out
/// by trying, at five times the cost of the encoding.
fn order(values: &[i64], scratch: &mut Vec<i64>) -> usize {
    scratch.clear();
    scratch.extend_from_slice(values);
    let mut best = (u64::MAX, 0);
    let mut sorted = Vec::with_capacity(values.len());
    for order in 0..=2 {
        if order > 0 {
            delta::encode(scratch);
            if !scratch.is_empty() {
                scratch.remove(0);
            }
        }
        sorted.clear();
        sorted.extend_from_slice(scratch);
        let middle = sorted.len() / 2;
        if middle == 0 {
            break;
        }
        let median = *sorted.select_nth_unstable(middle).1;
        let bits = |value: &i64| u64::from(u64::BITS - value.abs_diff(median).leading_zeros());
        let cost = scratch.iter().map(bits).sum::<u64>();
        if cost < best.0 {
            best = (cost, order);
        }
    }
    best.1
}

/// How many steps `value` is from `first`. With a step of 1 the difference wraps, as it does when it is added again.
fn steps(value: i64, first: i64, step: u64) -> i64 {
    let difference = value.wrapping_sub(first);
    if step == 1 { difference } else { difference / step.cast_signed() }
}

/// Appends the differences as runs of the most frequent one; gives up, with `false`, beyond `bytes_max`.
fn write_runs(differences: &[i64], bytes_max: usize, out: &mut Vec<u8>) -> bool {
    let Some(usual) = usual(differences) else { return false };
    let changes = differences.iter().filter(|&&difference| difference != usual).count();
    varint::write_zigzag(usual, out);
    varint::write(changes as u64, out);
    let mut run = 0;
    for &difference in differences {
        if difference == usual {
            run += 1;
            continue;
        }
        varint::write(run, out);
        varint::write_zigzag(difference, out);
        run = 0;
        if out.len() >= bytes_max {
            return false;
        }
    }
    out.len() < bytes_max
}

/// The difference that more than half of all have, where there is one (Boyer and Moore's majority vote).
fn usual(differences: &[i64]) -> Option<i64> {
    let (mut candidate, mut votes) = (0, 0_usize);
    for &difference in differences {
        if votes == 0 {
            candidate = difference;
        }
        if difference == candidate {
            votes += 1;
        } else {
            votes -= 1;
        }
    }
    let found = differences.iter().filter(|&&difference| difference == candidate).count();
    (found * 2 > differences.len()).then_some(candidate)
}

fn read_runs<T: Clone>(
    reader: &mut ByteReader<'_>,
    count: usize,
    wanted: Range<usize>,
    map: impl Fn(i64) -> T,
    out: &mut Vec<T>,
) -> Result<(), DecodeError> {
    let usual = reader.zigzag("usual difference")?;
    let changes = reader.count("changes of runs", count.saturating_sub(1))?;
    let mut stretch = Stretch { start: 0, first: 0, usual };
    for _ in 0..changes {
        let left = count - stretch.start - 1;
        let run = reader.count("length of run", left)?;
        if run == left {
            return Err(reader.error("values of runs", Expected::AtMost(count as u64), count as u64 + 1));
        }
        stretch.append(run + 1, &wanted, &map, out);
        let last = stretch.value(run);
        stretch.start += run + 1;
        stretch.first = last.wrapping_add(reader.zigzag("difference between runs")?);
    }
    stretch.append(count - stretch.start, &wanted, &map, out);
    Ok(())
}

/// Values that differ by the usual difference from one to the next.
struct Stretch {
    start: usize,
    first: i64,
    usual: i64,
}

impl Stretch {
    fn value(&self, index: usize) -> i64 {
        self.first.wrapping_add(self.usual.wrapping_mul(index as i64))
    }

    /// Appends what of the stretch, which has `length` values, is wanted.
    fn append<T: Clone>(
        &self,
        length: usize,
        wanted: &Range<usize>,
        map: impl Fn(i64) -> T,
        out: &mut Vec<T>,
    ) {
        let from = wanted.start.max(self.start);
        let to = wanted.end.min(self.start + length);
        if from >= to {
            return;
        }
        if self.usual == 0 {
            out.resize(out.len() + to - from, map(self.first));
        } else {
            out.extend((from - self.start..to - self.start).map(|index| map(self.value(index))));
        }
    }
}
