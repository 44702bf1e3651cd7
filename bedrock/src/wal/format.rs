//! The layout of a segment. All numbers are little-endian.
//!
//! ```text
//! segment = header frame*
//!
//! header   0  magic "TRISWAL"     7 bytes
//!          7  version             u8   1
//!          8  segment             u64  the number in its name
//!         16  previous_end        u64  bytes of the segment before that count; 0 in the first
//!         24  header_crc          u32  CRC-32 of bytes 0..24
//!
//! frame    0  frame_crc           u32  CRC-32 of: segment u64, offset of the frame u64, bytes 4..16
//!          4  payload_bytes       u32  0: no record, but a frame that only says what was synced
//!          8  synced              u32  offset in this segment up to which a sync had succeeded
//!         12  payload_crc         u32  CRC-32 of the payload
//!         16  payload
//! ```
//!
//! A segment is named by its number in 16 hexadecimal digits and `.wal`. It is made under a temporary name and gets
//! its own once the header is durable, so that a header that does not check out is damage and never a torn tail.
//! The number and the offset inside of `frame_crc` keep bytes of another segment, or a copy of a frame inside of a
//! payload, from passing for a frame.
//!
//! Invariants: `header_len <= synced <= offset of the frame`; `payload_bytes <= RECORD_BYTES_MAX`.
//!
//! Versions: 1, the first.

use std::ops::Range;
use std::path::{Path, PathBuf};

use super::WalPosition;
use crate::error::{Error, Result};

const MAGIC: &[u8; 7] = b"TRISWAL";
/// The version that this build writes, and the newest that it reads.
pub(super) const VERSION: u8 = 1;

const VERSION_AT: usize = MAGIC.len();
const SEGMENT_AT: Range<usize> = VERSION_AT + 1..VERSION_AT + 9;
const PREVIOUS_END_AT: Range<usize> = SEGMENT_AT.end..SEGMENT_AT.end + 8;
const HEADER_CRC_AT: Range<usize> = PREVIOUS_END_AT.end..PREVIOUS_END_AT.end + 4;
/// Bytes of a segment's header.
pub(super) const HEADER_BYTES: usize = HEADER_CRC_AT.end;

const FRAME_CRC_AT: Range<usize> = 0..4;
const PAYLOAD_BYTES_AT: Range<usize> = FRAME_CRC_AT.end..FRAME_CRC_AT.end + 4;
const SYNCED_AT: Range<usize> = PAYLOAD_BYTES_AT.end..PAYLOAD_BYTES_AT.end + 4;
const PAYLOAD_CRC_AT: Range<usize> = SYNCED_AT.end..SYNCED_AT.end + 4;
/// Bytes of a frame before its payload.
pub(super) const FRAME_HEADER_BYTES: usize = PAYLOAD_CRC_AT.end;

/// No record is larger, and no segment is asked to be, so that offsets of a segment fit a u32.
pub(super) const RECORD_BYTES_MAX: u64 = 1 << 30;

const _: () = assert!(HEADER_BYTES == 28 && FRAME_HEADER_BYTES == 16);
const _: () = assert!(2 * RECORD_BYTES_MAX + (HEADER_BYTES + FRAME_HEADER_BYTES) as u64 <= u32::MAX as u64);

/// The number of the first segment of a log.
pub(super) const FIRST_SEGMENT: u64 = WalPosition::START.segment + 1;
/// The number of the last segment that a log can have: far away, and it spares us overflows.
pub(super) const LAST_SEGMENT: u64 = u64::MAX >> 16;

const SUFFIX: &str = ".wal";
const NAME_DIGITS: usize = 16;

pub(super) fn segment_path(dir: &Path, segment: u64) -> PathBuf {
    dir.join(format!("{segment:0NAME_DIGITS$x}{SUFFIX}"))
}

/// The number in the name of a segment, or `None` where the name is not one that [`segment_path`] makes.
pub(super) fn segment_of(name: &str) -> Option<u64> {
    let digits = name.strip_suffix(SUFFIX).filter(|digits| digits.len() == NAME_DIGITS)?;
    let is_canonical = digits.bytes().all(|b| b.is_ascii_digit() || (b'a'..=b'f').contains(&b));
    let segment = is_canonical.then(|| u64::from_str_radix(digits, 16).ok())??;
    (FIRST_SEGMENT..=LAST_SEGMENT).contains(&segment).then_some(segment)
}

fn u32_at(bytes: &[u8], range: Range<usize>) -> Option<u32> {
    Some(u32::from_le_bytes(bytes.get(range)?.try_into().ok()?))
}

fn u64_at(bytes: &[u8], range: Range<usize>) -> Option<u64> {
    Some(u64::from_le_bytes(bytes.get(range)?.try_into().ok()?))
}

/// The first bytes of a segment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SegmentHeader {
    pub(super) segment: u64,
    pub(super) previous_end: u64,
}

impl SegmentHeader {
    pub(super) fn encode(self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[..VERSION_AT].copy_from_slice(MAGIC);
        bytes[VERSION_AT] = VERSION;
        bytes[SEGMENT_AT].copy_from_slice(&self.segment.to_le_bytes());
        bytes[PREVIOUS_END_AT].copy_from_slice(&self.previous_end.to_le_bytes());
        let crc = crc32fast::hash(&bytes[..HEADER_CRC_AT.start]);
        bytes[HEADER_CRC_AT].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// Reads the header of the segment that is named `segment`.
    pub(super) fn decode(path: &Path, bytes: &[u8], segment: u64) -> Result<Self> {
        let damaged = |what, expected: String, found: String| Error::corrupt(path, 0, what, expected, found);
        if !bytes.starts_with(MAGIC) {
            let found = bytes.get(..MAGIC.len()).unwrap_or(bytes);
            return Err(damaged("magic of a WAL segment", format!("{MAGIC:02x?}"), format!("{found:02x?}")));
        }
        match bytes.get(VERSION_AT) {
            Some(&VERSION) => {}
            Some(&found) => {
                return Err(Error::Version { path: path.to_owned(), found, supported: VERSION });
            }
            None => return Err(damaged("version of a WAL segment", "one byte".into(), "end of file".into())),
        }
        let fields =
            (u64_at(bytes, SEGMENT_AT), u64_at(bytes, PREVIOUS_END_AT), u32_at(bytes, HEADER_CRC_AT));
        let (Some(found_segment), Some(previous_end), Some(crc)) = fields else {
            let found = format!("{} bytes", bytes.len());
            return Err(damaged("header of a WAL segment", format!("{HEADER_BYTES} bytes"), found));
        };
        let computed = crc32fast::hash(&bytes[..HEADER_CRC_AT.start]);
        if crc != computed {
            return Err(damaged(
                "CRC of a WAL segment's header",
                format!("{computed:08x}"),
                format!("{crc:08x}"),
            ));
        }
        if found_segment != segment {
            let (expected, found) = (format!("{segment:x}"), format!("{found_segment:x}"));
            return Err(damaged("number of a WAL segment", expected, found));
        }
        Ok(SegmentHeader { segment, previous_end })
    }
}

/// What precedes a payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FrameHeader {
    pub(super) payload_bytes: u32,
    pub(super) synced: u32,
    pub(super) payload_crc: u32,
}

impl FrameHeader {
    /// The header of the frame at `offset` of `segment`.
    pub(super) fn encode(self, segment: u64, offset: u64) -> [u8; FRAME_HEADER_BYTES] {
        let mut bytes = [0; FRAME_HEADER_BYTES];
        bytes[PAYLOAD_BYTES_AT].copy_from_slice(&self.payload_bytes.to_le_bytes());
        bytes[SYNCED_AT].copy_from_slice(&self.synced.to_le_bytes());
        bytes[PAYLOAD_CRC_AT].copy_from_slice(&self.payload_crc.to_le_bytes());
        let crc = frame_crc(segment, offset, &bytes);
        bytes[FRAME_CRC_AT].copy_from_slice(&crc.to_le_bytes());
        bytes
    }

    /// The header at the start of `bytes`, or `None` where they are not the header of a frame at `offset` of
    /// `segment`. What it returns satisfies the invariants of the format.
    pub(super) fn decode(bytes: &[u8], segment: u64, offset: u64) -> Option<Self> {
        let bytes = bytes.get(..FRAME_HEADER_BYTES)?;
        let header = FrameHeader {
            payload_bytes: u32_at(bytes, PAYLOAD_BYTES_AT)?,
            synced: u32_at(bytes, SYNCED_AT)?,
            payload_crc: u32_at(bytes, PAYLOAD_CRC_AT)?,
        };
        // The cheap conditions first: the search for frames behind a torn one comes here for every byte.
        let synced = u64::from(header.synced);
        let is_sane = HEADER_BYTES as u64 <= synced
            && synced <= offset
            && u64::from(header.payload_bytes) <= RECORD_BYTES_MAX;
        (is_sane && u32_at(bytes, FRAME_CRC_AT)? == frame_crc(segment, offset, bytes)).then_some(header)
    }
}

fn frame_crc(segment: u64, offset: u64, header: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&segment.to_le_bytes());
    hasher.update(&offset.to_le_bytes());
    hasher.update(&header[FRAME_CRC_AT.end..]);
    hasher.finalize()
}
