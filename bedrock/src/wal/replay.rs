//! Reads a log from a position to its end, and decides what of the end counts.

use std::path::Path;

use super::format::{FIRST_SEGMENT, HEADER_BYTES, LAST_SEGMENT, segment_of, segment_path};
use super::reader::{Frame, Next, SegmentReader};
use super::{WalPosition, WalRecord};
use crate::disk::Disk;
use crate::error::{Error, Result};

/// What a replay found.
#[derive(Clone, Debug, Default)]
pub struct Replay {
    /// Records given to the callback.
    pub records: u64,
    /// Their payloads, in bytes.
    pub payload_bytes: u64,
    /// The end of the last record that counts; the default where the log has no segment.
    pub end: WalPosition,
    /// Up to where the log is known to be durable.
    pub(super) synced: WalPosition,
    /// The torn tail, where there was one.
    pub cut: Option<Cut>,
}

/// A torn tail: bytes that were never synced and do not check out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cut {
    /// Where the tail begins. Nothing from here on is given to the callback.
    pub position: WalPosition,
    /// How much is cut, in bytes.
    pub bytes: u64,
    /// What was expected there, and what was found.
    pub reason: String,
}

/// Reads the records at `from` and behind it, in order, without changing anything. Needs one window of 256 KiB or
/// the largest record, and reads about 1 GB/s (the bench `wal`).
///
/// # Errors
///
/// [`Error::Corrupt`] where bytes that had been synced do not check out or a segment is missing, [`Error::Version`]
/// where a segment is of a later version, [`Error::Io`], and whatever the callback returns.
pub fn replay(
    disk: &dyn Disk,
    dir: &Path,
    from: WalPosition,
    mut visit: impl FnMut(WalRecord) -> Result<()>,
) -> Result<Replay> {
    let mut report = Replay::default();
    let mut segments = segments_from(disk, dir, from)?.into_iter().peekable();
    let mut next = segments.next().map(|segment| SegmentReader::open(disk, dir, segment)).transpose()?;
    while let Some(mut reader) = next.take() {
        if let Some(segment) = segments.next() {
            let following = SegmentReader::open(disk, dir, segment)?;
            reader.limit(following.header.previous_end)?;
            next = Some(following);
        }
        let is_last = next.is_none();
        read_segment(&mut reader, from, is_last, &mut report, &mut visit)?;
    }
    Ok(report)
}

/// The numbers of the segments that a replay reads: without a gap, from the one that `from` lies in.
fn segments_from(disk: &dyn Disk, dir: &Path, from: WalPosition) -> Result<Vec<u64>> {
    if from.segment > LAST_SEGMENT {
        let problem = format!("segment {}; a log has at most {LAST_SEGMENT}", from.segment);
        return Err(Error::Invalid { what: "position to replay from", problem });
    }
    let segments = segments(disk, dir)?;
    let mut expected = from.segment.max(FIRST_SEGMENT);
    let needed: Vec<u64> = segments.iter().copied().filter(|segment| *segment >= expected).collect();
    for &segment in &needed {
        if segment != expected {
            return Err(missing(dir, expected));
        }
        expected += 1;
    }
    if needed.is_empty() && !segments.is_empty() {
        return Err(missing(dir, expected));
    }
    Ok(needed)
}

fn missing(dir: &Path, segment: u64) -> Error {
    let path = segment_path(dir, segment);
    Error::corrupt(path, 0, "WAL segment", "a file of this name", "no such file")
}

/// The numbers of all segments, in order.
pub(super) fn segments(disk: &dyn Disk, dir: &Path) -> Result<Vec<u64>> {
    let mut segments: Vec<u64> =
        disk.list(dir)?.iter().filter(|entry| !entry.is_dir).filter_map(|e| segment_of(&e.name)).collect();
    segments.sort_unstable();
    Ok(segments)
}

fn read_segment(
    reader: &mut SegmentReader,
    from: WalPosition,
    is_last: bool,
    report: &mut Replay,
    visit: &mut impl FnMut(WalRecord) -> Result<()>,
) -> Result<()> {
    let segment = reader.header.segment;
    let mut offset = HEADER_BYTES as u64;
    if segment == from.segment {
        offset = offset.max(from.offset);
    }
    let mut synced = if is_last { HEADER_BYTES as u64 } else { reader.end() };
    loop {
        match reader.frame_at(offset)? {
            Next::End => break,
            Next::Frame(frame) => {
                if is_last {
                    synced = synced.max(u64::from(frame.header.synced));
                }
                offset = frame.end();
                deliver(segment, frame, report, visit)?;
            }
            Next::Broken { expected, found } => {
                if !is_last || reader.is_vouched_for(offset)? {
                    return Err(Error::corrupt(reader.path(), offset, "WAL frame", expected, found));
                }
                report.cut = Some(Cut {
                    position: WalPosition { segment, offset },
                    bytes: reader.end() - offset,
                    reason: format!("expected {expected}, found {found}"),
                });
                break;
            }
        }
    }
    report.end = WalPosition { segment, offset };
    report.synced = WalPosition { segment, offset: synced };
    Ok(())
}

fn deliver(
    segment: u64,
    frame: Frame,
    report: &mut Replay,
    visit: &mut impl FnMut(WalRecord) -> Result<()>,
) -> Result<()> {
    // A frame without a payload only says what was synced.
    if frame.payload.is_empty() {
        return Ok(());
    }
    report.records += 1;
    report.payload_bytes += frame.payload.len() as u64;
    visit(WalRecord { position: WalPosition { segment, offset: frame.offset }, payload: frame.payload })
}
