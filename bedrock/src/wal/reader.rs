//! Reads the frames of one segment, a window at a time.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::format::{FRAME_HEADER_BYTES, FrameHeader, HEADER_BYTES, SegmentHeader, segment_path};
use crate::disk::{Disk, ReadFile};
use crate::error::{Error, Result};

/// How much is read from the medium at once.
const WINDOW_BYTES: usize = 256 << 10;

/// One frame that checks out.
pub(super) struct Frame {
    pub(super) offset: u64,
    pub(super) header: FrameHeader,
    pub(super) payload: Bytes,
}

impl Frame {
    pub(super) fn end(&self) -> u64 {
        self.offset + (FRAME_HEADER_BYTES + self.payload.len()) as u64
    }
}

/// What stands at an offset.
pub(super) enum Next {
    Frame(Frame),
    /// The bytes are used up.
    End,
    /// The bytes are not a frame: what was expected of them, and what they are.
    Broken {
        expected: String,
        found: String,
    },
}

/// A segment open for reading.
pub(super) struct SegmentReader {
    file: Box<dyn ReadFile>,
    path: PathBuf,
    pub(super) header: SegmentHeader,
    /// Where the reader stops: the bytes that count, as far as is known.
    end: u64,
    window_at: u64,
    window: Bytes,
}

impl SegmentReader {
    pub(super) fn open(disk: &dyn Disk, dir: &Path, segment: u64) -> Result<Self> {
        let path = segment_path(dir, segment);
        let file = disk.open(&path)?;
        let end = file.bytes()?;
        let header = file.read_at(0, end.min(HEADER_BYTES as u64) as usize)?;
        let header = SegmentHeader::decode(&path, &header, segment)?;
        Ok(SegmentReader { file, path, header, end, window_at: 0, window: Bytes::new() })
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// Says that only the bytes before `end` count, as the next segment has it.
    pub(super) fn limit(&mut self, end: u64) -> Result<()> {
        if end > self.end || end < HEADER_BYTES as u64 {
            let expected = format!("{end} bytes, as the next segment says");
            let found = format!("{} bytes", self.end);
            return Err(Error::corrupt(&self.path, self.end, "length of a WAL segment", expected, found));
        }
        self.end = end;
        Ok(())
    }

    /// What stands at `offset`, which is the end of the header or of a frame.
    pub(super) fn frame_at(&mut self, offset: u64) -> Result<Next> {
        let left = self.end.saturating_sub(offset);
        if left == 0 {
            return Ok(Next::End);
        }
        if left < FRAME_HEADER_BYTES as u64 {
            let found = format!("{left} bytes");
            return Ok(Next::Broken { expected: format!("{FRAME_HEADER_BYTES} bytes of a frame"), found });
        }
        let bytes = self.bytes_at(offset, FRAME_HEADER_BYTES)?;
        let Some(header) = FrameHeader::decode(&bytes, self.header.segment, offset) else {
            let expected = "a frame whose header matches its CRC".into();
            return Ok(Next::Broken { expected, found: format!("{:02x?}", &bytes[..]) });
        };
        let payload_at = offset + FRAME_HEADER_BYTES as u64;
        if u64::from(header.payload_bytes) > self.end - payload_at {
            let expected = format!("a payload of {} bytes", header.payload_bytes);
            return Ok(Next::Broken { expected, found: format!("{} bytes", self.end - payload_at) });
        }
        let payload = self.bytes_at(payload_at, header.payload_bytes as usize)?;
        let crc = crc32fast::hash(&payload);
        if crc != header.payload_crc {
            let expected = format!("a payload of CRC {:08x}", header.payload_crc);
            return Ok(Next::Broken { expected, found: format!("{crc:08x}") });
        }
        Ok(Next::Frame(Frame { offset, header, payload }))
    }

    /// Whether a frame behind `offset` vouches that bytes from `offset` on had been synced: then what is broken
    /// there is damage. Looks at every byte behind, at 1 to 2 ns each.
    pub(super) fn is_vouched_for(&mut self, offset: u64) -> Result<bool> {
        let mut at = offset + 1;
        while at + FRAME_HEADER_BYTES as u64 <= self.end {
            let len = (self.end - at).min(WINDOW_BYTES as u64) as usize;
            let window = self.file.read_at(at, len)?;
            let starts = window.windows(FRAME_HEADER_BYTES).zip(at..);
            for (bytes, start) in starts {
                let frame = FrameHeader::decode(bytes, self.header.segment, start);
                if frame.is_some_and(|frame| u64::from(frame.synced) > offset) {
                    return Ok(true);
                }
            }
            at += (len - FRAME_HEADER_BYTES + 1) as u64;
        }
        Ok(false)
    }

    /// `len` bytes at `offset`, both inside of the file.
    fn bytes_at(&mut self, offset: u64, len: usize) -> Result<Bytes> {
        let start = offset.checked_sub(self.window_at).and_then(|start| usize::try_from(start).ok());
        let held = start.and_then(|start| Some(start..start.checked_add(len)?));
        if let Some(range) = held.filter(|range| range.end <= self.window.len()) {
            return Ok(self.window.slice(range));
        }
        let want = (self.end - offset).min(len.max(WINDOW_BYTES) as u64) as usize;
        self.window = self.file.read_at(offset, want)?;
        self.window_at = offset;
        Ok(self.window.slice(..len))
    }
}
