//! The bytes of a chunk.
//!
//! ```text
//! 0        1         3                                  end-2       end
//! | kind   | count   | samples, most significant bit first | starts from |
//! | u8     | u16 LE  | padded to a byte                     | u16 LE, only with STARTS |
//! ```
//!
//! `kind` is [`ChunkKind`] in the low bits and the flag [`STARTS`]. Unknown start timestamps cost that one flag: where
//! it is set, the last two bytes name the first sample that has a start field; samples before it have none.
//!
//! A float sample is a timestamp field, a value field and, from `starts from` on, a start field:
//!
//! | field | code | payload |
//! |---|---|---|
//! | timestamp, first | | 64 bits |
//! | timestamp | `0` | the interval is that of the previous sample (the very first interval is compared with 0) |
//! | | `10`, `110`, `1110`, `1111` | change of interval in 6, 11, 18 or 64 bits, two's complement |
//! | value, first | | 64 bits |
//! | value | `0` | the bits of the previous value |
//! | | `10` | XOR with the previous value, in the window of significant bits in force |
//! | | `11` | leading zeros (5 bits, at most 31), length of the window less one (6 bits), then the window |
//! | start | `0` / `1` | that of the previous sample (0 before the first) / 64 bits |
//!
//! At scrapes every 15 s with 4 ms of jitter a timestamp takes 8 bits, without jitter 1 bit.
//! Arithmetic on timestamps wraps, so any two `i64` may follow each other.
//!
//! The end of an open chunk is handed to readers, and never written, as a [`TAIL`]: the state of a decoder behind one sample,
//! and the bits that follow, which begin inside of the first byte.
//!
//! ```text
//! 0        1         3        11       19         27         28       29       30
//! | TAIL   | count   | time   | value  | interval | trailing | length | skip   | samples |
//! | u8     | u16 LE  | i64 LE | u64 LE | i64 LE   | u8       | u8     | u8     |         |
//! ```
//!
//! `count` includes the sample that the state gives. `trailing` and `length` are the window in force, `skip` the bits that
//! belong to samples before.
//!
//! Version 1 of this layout is the only one; a later one takes new kind numbers.

use super::ChunkError;

/// Bytes of kind and count.
pub(super) const HEADER_BYTES: usize = 3;
/// Bytes of the trailer that names the first sample with a start field.
pub(super) const TRAILER_BYTES: usize = 2;
/// Flag in the kind byte: the chunk has a trailer, and samples have start fields.
pub(super) const STARTS: u8 = 0x80;
/// The kind byte of the end of an open float chunk, which no file has.
pub(super) const TAIL: u8 = 0x41;
/// Bytes before the samples of a tail.
pub(super) const TAIL_BYTES: usize = HEADER_BYTES + 3 * 8 + 3;
/// What a chunk holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ChunkKind {
    /// Float samples.
    Float,
    /// Native histograms.
    Histogram,
}

impl ChunkKind {
    /// The number of the kind in the header.
    pub(super) fn number(self) -> u8 {
        match self {
            ChunkKind::Float => 1,
            ChunkKind::Histogram => 2,
        }
    }
}

/// The checked header of a chunk.
#[derive(Clone, Copy, Debug)]
pub(super) struct Header {
    pub(super) kind: ChunkKind,
    /// Whether it is a [`TAIL`].
    pub(super) is_tail: bool,
    pub(super) count: usize,
    /// The first sample with a start field; `count` where none has one.
    pub(super) starts_from: usize,
    /// Where the bits of the samples end, in bytes.
    pub(super) samples_end: usize,
}

impl Header {
    /// Reads the header and, where there is one, the trailer.
    pub(super) fn read(data: &[u8]) -> Result<Self, ChunkError> {
        let [kind, low, high, ..] = *data else {
            return Err(ChunkError { offset: 0, what: "header is cut short" });
        };
        let count = usize::from(u16::from_le_bytes([low, high]));
        if count == 0 {
            return Err(ChunkError { offset: 1, what: "chunk without samples" });
        }
        let (starts_from, samples_end) = match (kind & STARTS != 0, data) {
            (false, _) => (count, data.len()),
            (true, [_, _, _, .., low, high]) => {
                (usize::from(u16::from_le_bytes([*low, *high])), data.len() - TRAILER_BYTES)
            }
            (true, _) => return Err(ChunkError { offset: HEADER_BYTES, what: "trailer is cut short" }),
        };
        let is_tail = kind == TAIL;
        let kind = match kind & !STARTS {
            1 => ChunkKind::Float,
            2 => ChunkKind::Histogram,
            _ if is_tail => ChunkKind::Float,
            _ => return Err(ChunkError { offset: 0, what: "unknown kind of chunk" }),
        };
        Ok(Header { kind, is_tail, count, starts_from: starts_from.min(count), samples_end })
    }
}

/// Wraps sample bits into a chunk: header in front, trailer behind. `bytes` starts with room for the header.
pub(super) fn finish(mut bytes: Vec<u8>, kind: ChunkKind, count: u16, starts_from: Option<u16>) -> Vec<u8> {
    let flag = if starts_from.is_some() { STARTS } else { 0 };
    if let Some([first, second, third]) = bytes.first_chunk_mut::<HEADER_BYTES>() {
        *first = kind.number() | flag;
        [*second, *third] = count.to_le_bytes();
    }
    if let Some(starts_from) = starts_from {
        bytes.extend_from_slice(&starts_from.to_le_bytes());
    }
    bytes
}
