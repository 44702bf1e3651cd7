//! Cuts a damaged log at the damage.

use std::path::Path;

use super::format::{HEADER_BYTES, SegmentHeader, segment_of, segment_path};
use super::replay::segments;
use super::segment::NewSegment;
use super::{WalPosition, replay};
use crate::disk::Disk;
use crate::error::{Error, Result};

/// What a repair did.
#[derive(Clone, Debug, Default)]
pub struct Repair {
    /// The damage at which the log was cut, with its facts; `None` where there was none.
    pub damage: Option<Error>,
    /// Where the log ends now; records from here on are lost.
    pub end: WalPosition,
    /// Bytes of the log that were given up, frames included.
    pub lost_bytes: u64,
}

/// Cuts the log in `dir` at the first damage at or behind `from`, so that it opens again with everything before
/// it. What follows the damage is given up: records depend on those before them. A log without damage is left as
/// it is. The caller holds the lock of the store; a crash during a repair leaves a log that can be repaired.
///
/// # Errors
///
/// [`Error::Io`] where the medium refuses, and [`Error::Version`] where the log is of a later version.
pub fn repair(disk: &dyn Disk, dir: &Path, from: WalPosition) -> Result<Repair> {
    let mut report = Repair::default();
    loop {
        match replay(disk, dir, from, |_| Ok(())) {
            Ok(found) => {
                report.end = found.end;
                return Ok(report);
            }
            Err(error @ Error::Corrupt { .. }) => {
                report.lost_bytes += cut(disk, dir, &error)?;
                report.damage.get_or_insert(error);
            }
            Err(error) => return Err(error),
        }
    }
}

/// Removes the segments behind the damage, newest first so that what is left never has a gap, then bounds the
/// damaged one by a new segment that says how much of it counts. Returns the bytes given up.
fn cut(disk: &dyn Disk, dir: &Path, damage: &Error) -> Result<u64> {
    let Error::Corrupt { path, offset, .. } = damage else { return Err(damage.clone()) };
    let damaged = path.file_name().and_then(|name| segment_of(name.to_str()?));
    let damaged = damaged.ok_or_else(|| damage.clone())?;
    let keeps_start = *offset >= HEADER_BYTES as u64;
    let first_lost = if keeps_start { damaged + 1 } else { damaged };
    let mut lost_bytes = 0;
    for segment in segments(disk, dir)?.into_iter().filter(|s| *s >= first_lost).rev() {
        let path = segment_path(dir, segment);
        lost_bytes += disk.file_bytes(&path)?.unwrap_or(0);
        disk.remove_file(&path)?;
        disk.sync_dir(dir)?;
    }
    if keeps_start {
        lost_bytes += disk.file_bytes(path)?.unwrap_or(0).saturating_sub(*offset);
        let header = SegmentHeader { segment: damaged + 1, previous_end: *offset };
        NewSegment::create(disk, dir, header)?.publish(disk, dir)?;
    }
    Ok(lost_bytes)
}
