//! The layout of a manifest. All numbers are little-endian.
//!
//! ```text
//!  0  magic "TRISMAN"   7 bytes
//!  7  version           u8   1, of this layout
//!  8  tag               4 bytes: which store this is
//! 12  tag_version       u8   of the store's own formats
//! 13  zero              3 bytes
//! 16  covered.segment   u64
//! 24  covered.offset    u64
//! 32  next_block        u64
//! 40  watermark         u64
//! 48  blocks            u32  how many
//! 52  payload_bytes     u32
//! 56  block numbers     u64 each, ascending
//!     payload
//!     crc               u32  CRC-32 of everything before
//! ```
//!
//! Invariants: block numbers ascend and are below `next_block`; the file ends with the CRC.
//!
//! Versions: 1, the first.

use std::ops::Range;
use std::path::Path;

use bytes::Bytes;

use super::State;
use crate::error::{Error, Result};
use crate::wal::WalPosition;

const MAGIC: &[u8; 7] = b"TRISMAN";
/// The version that this build writes, and the newest that it reads.
pub(super) const VERSION: u8 = 1;

const VERSION_AT: usize = MAGIC.len();
const TAG_AT: Range<usize> = VERSION_AT + 1..VERSION_AT + 5;
const TAG_VERSION_AT: usize = TAG_AT.end;
const SEGMENT_AT: Range<usize> = TAG_VERSION_AT + 4..TAG_VERSION_AT + 12;
const OFFSET_AT: Range<usize> = SEGMENT_AT.end..SEGMENT_AT.end + 8;
const NEXT_BLOCK_AT: Range<usize> = OFFSET_AT.end..OFFSET_AT.end + 8;
const WATERMARK_AT: Range<usize> = NEXT_BLOCK_AT.end..NEXT_BLOCK_AT.end + 8;
const BLOCKS_AT: Range<usize> = WATERMARK_AT.end..WATERMARK_AT.end + 4;
const PAYLOAD_BYTES_AT: Range<usize> = BLOCKS_AT.end..BLOCKS_AT.end + 4;
const HEADER_BYTES: usize = PAYLOAD_BYTES_AT.end;
const BLOCK_BYTES: usize = size_of::<u64>();
const CRC_BYTES: usize = size_of::<u32>();

const _: () = assert!(HEADER_BYTES == 56);

/// Which store a directory belongs to, and the version of its formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoreKind {
    /// Four bytes that no other store has.
    pub tag: [u8; 4],
    /// The version that is written, and the newest that is read.
    pub version: u8,
}

pub(super) fn encode(kind: StoreKind, state: &State) -> Vec<u8> {
    let blocks_bytes = state.blocks.len() * BLOCK_BYTES;
    let mut bytes = Vec::with_capacity(HEADER_BYTES + blocks_bytes + state.payload.len() + CRC_BYTES);
    bytes.resize(HEADER_BYTES, 0);
    bytes[..VERSION_AT].copy_from_slice(MAGIC);
    bytes[VERSION_AT] = VERSION;
    bytes[TAG_AT].copy_from_slice(&kind.tag);
    bytes[TAG_VERSION_AT] = kind.version;
    bytes[SEGMENT_AT].copy_from_slice(&state.covered.segment.to_le_bytes());
    bytes[OFFSET_AT].copy_from_slice(&state.covered.offset.to_le_bytes());
    bytes[NEXT_BLOCK_AT].copy_from_slice(&state.next_block.to_le_bytes());
    bytes[WATERMARK_AT].copy_from_slice(&state.watermark.to_le_bytes());
    bytes[BLOCKS_AT].copy_from_slice(&(state.blocks.len() as u32).to_le_bytes());
    bytes[PAYLOAD_BYTES_AT].copy_from_slice(&(state.payload.len() as u32).to_le_bytes());
    for block in &state.blocks {
        bytes.extend_from_slice(&block.to_le_bytes());
    }
    bytes.extend_from_slice(&state.payload);
    let crc = crc32fast::hash(&bytes);
    bytes.extend_from_slice(&crc.to_le_bytes());
    bytes
}

pub(super) fn decode(path: &Path, bytes: &Bytes, kind: StoreKind) -> Result<State> {
    let damaged = |offset: usize, what, expected: String, found: String| {
        Error::corrupt(path, offset as u64, what, expected, found)
    };
    let unknown = |found, supported| Err(Error::Version { path: path.to_owned(), found, supported });
    let Some(header) = bytes.get(..HEADER_BYTES) else {
        let expected = format!("at least {HEADER_BYTES} bytes");
        return Err(damaged(0, "length of a manifest", expected, format!("{}", bytes.len())));
    };
    if !header.starts_with(MAGIC) {
        let found = format!("{:02x?}", &header[..VERSION_AT]);
        return Err(damaged(0, "magic of a manifest", format!("{MAGIC:02x?}"), found));
    }
    if header[VERSION_AT] != VERSION {
        return unknown(header[VERSION_AT], VERSION);
    }
    let u32_at = |range: Range<usize>| header[range].iter().rev().fold(0, |n, b| n << 8 | u32::from(*b));
    let u64_at = |range: Range<usize>| header[range].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
    let blocks_bytes = u64::from(u32_at(BLOCKS_AT)) * BLOCK_BYTES as u64;
    let payload_bytes = u64::from(u32_at(PAYLOAD_BYTES_AT));
    let expected_bytes = (HEADER_BYTES + CRC_BYTES) as u64 + blocks_bytes + payload_bytes;
    if bytes.len() as u64 != expected_bytes {
        let found = format!("{} bytes", bytes.len());
        return Err(damaged(
            BLOCKS_AT.start,
            "length of a manifest",
            format!("{expected_bytes} bytes"),
            found,
        ));
    }
    let body_bytes = bytes.len() - CRC_BYTES;
    let crc = crc32fast::hash(&bytes[..body_bytes]).to_le_bytes();
    if bytes[body_bytes..] != crc {
        let found = format!("{:02x?}", &bytes[body_bytes..]);
        return Err(damaged(body_bytes, "CRC of a manifest", format!("{crc:02x?}"), found));
    }
    if header[TAG_AT] != kind.tag {
        let (expected, found) =
            (kind.tag.escape_ascii().to_string(), header[TAG_AT].escape_ascii().to_string());
        return Err(damaged(TAG_AT.start, "kind of store", expected, found));
    }
    if header[TAG_VERSION_AT] == 0 || header[TAG_VERSION_AT] > kind.version {
        return unknown(header[TAG_VERSION_AT], kind.version);
    }
    let payload_at = HEADER_BYTES + blocks_bytes as usize;
    let (numbers, _) = bytes[HEADER_BYTES..payload_at].as_chunks::<BLOCK_BYTES>();
    let numbers: Vec<u64> = numbers.iter().map(|number| u64::from_le_bytes(*number)).collect();
    let next_block = u64_at(NEXT_BLOCK_AT);
    if !numbers.is_sorted_by(|a, b| a < b) || numbers.last().is_some_and(|last| *last >= next_block) {
        let expected = format!("ascending numbers below {next_block}");
        return Err(damaged(HEADER_BYTES, "block numbers", expected, format!("{} others", numbers.len())));
    }
    Ok(State {
        blocks: numbers.into_iter().collect(),
        covered: WalPosition { segment: u64_at(SEGMENT_AT), offset: u64_at(OFFSET_AT) },
        next_block,
        watermark: u64_at(WATERMARK_AT),
        payload: bytes.slice(payload_at..body_bytes),
    })
}
