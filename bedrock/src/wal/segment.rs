//! The segment that is being written, and how a new one comes to be.

use std::path::{Path, PathBuf};

use super::WalPosition;
use super::format::{HEADER_BYTES, SegmentHeader, segment_path};
use crate::disk::{Disk, TEMPORARY_SUFFIX, WriteFile};
use crate::error::Result;

/// A segment under construction: bytes go in, nobody sees it until [`NewSegment::publish`].
pub(super) struct NewSegment {
    temporary: PathBuf,
    path: PathBuf,
    tail: Tail,
}

/// The segment at the end of the log.
pub(super) struct Tail {
    file: Box<dyn WriteFile>,
    pub(super) segment: u64,
    /// Bytes in the file.
    pub(super) end: u64,
}

impl NewSegment {
    pub(super) fn create(disk: &dyn Disk, dir: &Path, header: SegmentHeader) -> Result<Self> {
        let path = segment_path(dir, header.segment);
        let mut temporary = path.clone().into_os_string();
        temporary.push(TEMPORARY_SUFFIX);
        let temporary = PathBuf::from(temporary);
        if disk.file_bytes(&temporary)?.is_some() {
            disk.remove_file(&temporary)?;
        }
        let mut file = disk.create(&temporary)?;
        file.append(&header.encode())?;
        let tail = Tail { file, segment: header.segment, end: HEADER_BYTES as u64 };
        Ok(NewSegment { temporary, path, tail })
    }

    pub(super) fn tail(&mut self) -> &mut Tail {
        &mut self.tail
    }

    /// Makes the segment durable and part of the log.
    pub(super) fn publish(mut self, disk: &dyn Disk, dir: &Path) -> Result<Tail> {
        self.tail.sync()?;
        disk.rename(&self.temporary, &self.path)?;
        disk.sync_dir(dir)?;
        Ok(self.tail)
    }
}

impl Tail {
    pub(super) fn position(&self) -> WalPosition {
        WalPosition { segment: self.segment, offset: self.end }
    }

    pub(super) fn append(&mut self, frames: &[u8]) -> Result<()> {
        self.file.append(frames)?;
        self.end += frames.len() as u64;
        Ok(())
    }

    pub(super) fn sync(&mut self) -> Result<()> {
        self.file.sync()
    }
}
