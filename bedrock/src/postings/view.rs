//! Roaring lists read in place: no allocation, no `unsafe`, and any bytes are safe to look at.
//!
//! # Layout
//!
//! The [portable Roaring format](https://github.com/RoaringBitmap/RoaringFormatSpec): a cookie, per container its upper
//! 16 bits and cardinality, offsets (which follow from the rest and are skipped), then the containers: up to 4,096
//! lower halves as an array, more as a bitset of 8 KiB, or runs.

//!
//! # Why not a library's view
//!
//! `croaring` has views over mapped bytes, but takes them on trust: damaged bytes are undefined behaviour there. The
//! bench `postings` of this workspace or-s 500 lists of 1,000 ids and keeps 500 of them: this view takes as long as
//! croaring's views in their fastest order, and a fifth of what it takes `roaring` to make sets of the lists first.
//! The two libraries read and write the same layout, and tests hold this view against both.

use super::union::{Union, set};
use crate::codec::{ByteReader, DecodeError, Expected};

const COOKIE_PLAIN: u32 = 12346;
const COOKIE_RUNS: u16 = 12347;
/// Lists with runs and fewer containers than this have no offsets.
const OFFSETS_MIN: usize = 4;
const ARRAY_MAX: usize = 4096;
const BITSET_BYTES: usize = 8192;
const CONTAINERS_MAX: usize = 1 << 16;

const WHAT: &str = "posting list";

/// One container of a list.
#[derive(Clone, Copy, Debug)]
enum Container<'a> {
    /// Lower halves, two bytes each.
    Array(&'a [u8]),
    /// 65,536 bits.
    Bitset(&'a [u8]),
    /// Start and length less one of each run, two bytes each.
    Runs(&'a [u8]),
}

/// The containers of a list in ascending order.
struct Containers<'a> {
    /// Upper half and cardinality less one of the containers to come.
    heads: std::slice::Iter<'a, [u8; 4]>,
    /// One bit a container, set where it holds runs; empty where none does.
    run_bits: &'a [u8],
    index: usize,
    body: ByteReader<'a>,
}

impl<'a> Containers<'a> {
    fn new(list: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = ByteReader::new(list);
        let cookie = reader.u32(WHAT)?;
        let mut run_bits: &[u8] = &[];
        let mut with_offsets = true;
        let count = if cookie == COOKIE_PLAIN {
            reader.u32(WHAT)? as usize
        } else if cookie as u16 == COOKIE_RUNS {
            let count = (cookie >> 16) as usize + 1;
            run_bits = reader.take(WHAT, count.div_ceil(8))?;
            with_offsets = count >= OFFSETS_MIN;
            count
        } else {
            return Err(reader.error(
                WHAT,
                Expected::Form("the cookie of a Roaring list"),
                u64::from(cookie),
            ));
        };
        if count > CONTAINERS_MAX {
            return Err(reader.error(WHAT, Expected::AtMost(CONTAINERS_MAX as u64), count as u64));
        }
        let (heads, _) = reader.take(WHAT, count * 4)?.as_chunks::<4>();
        if with_offsets {
            reader.take(WHAT, count * 4)?;
        }
        Ok(Containers { heads: heads.iter(), run_bits, index: 0, body: reader })
    }

    fn next(&mut self) -> Result<Option<(u16, Container<'a>)>, DecodeError> {
        let Some(&[upper_low, upper_high, count_low, count_high]) = self.heads.next() else {
            return Ok(None);
        };
        let upper = u16::from_le_bytes([upper_low, upper_high]);
        let count = usize::from(u16::from_le_bytes([count_low, count_high])) + 1;
        let has_runs =
            self.run_bits.get(self.index / 8).is_some_and(|byte| byte >> (self.index % 8) & 1 == 1);
        self.index += 1;
        let container = if has_runs {
            let runs = usize::from(self.body.u16(WHAT)?);
            Container::Runs(self.body.take(WHAT, runs * 4)?)
        } else if count <= ARRAY_MAX {
            Container::Array(self.body.take(WHAT, count * 2)?)
        } else {
            Container::Bitset(self.body.take(WHAT, BITSET_BYTES)?)
        };
        Ok(Some((upper, container)))
    }
}

/// Adds a list to a union. Containers of chunks that are not wanted are skipped.
pub(super) fn add_to(list: &[u8], union: &mut Union<'_>) -> Result<(), DecodeError> {
    let mut containers = Containers::new(list)?;
    while let Some((upper, container)) = containers.next()? {
        let Some(chunk) = union.chunk(upper) else { continue };
        match container {
            Container::Array(bytes) => {
                for lower in bytes.as_chunks::<2>().0 {
                    set(chunk, u16::from_le_bytes(*lower));
                }
            }
            Container::Bitset(bytes) => {
                for (word, bytes) in chunk.iter_mut().zip(bytes.as_chunks::<8>().0) {
                    *word |= u64::from_le_bytes(*bytes);
                }
            }
            Container::Runs(bytes) => {
                for &[start_low, start_high, more_low, more_high] in bytes.as_chunks::<4>().0 {
                    let start = u16::from_le_bytes([start_low, start_high]);
                    let more = u16::from_le_bytes([more_low, more_high]);
                    set_run(chunk, start, start.saturating_add(more));
                }
            }
        }
    }
    Ok(())
}

/// Sets the bits `first..=last`.
fn set_run(chunk: &mut [u64], first: u16, last: u16) {
    let (first_word, last_word) = (usize::from(first / 64), usize::from(last / 64));
    let from_first = u64::MAX << (first % 64);
    let upto_last = u64::MAX >> (63 - last % 64);
    if first_word == last_word {
        chunk[first_word] |= from_first & upto_last;
        return;
    }
    chunk[first_word] |= from_first;
    chunk[first_word + 1..last_word].fill(u64::MAX);
    chunk[last_word] |= upto_last;
}

#[cfg(test)]
mod tests;
