//! The loop over all ways in which one small file can rot.

use std::path::Path;

use bedrock::disk::{Disk, SimDisk};

/// One way in which a file was changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rot {
    /// The byte at this offset has other bits.
    Flipped(usize),
    /// The file ends at this length.
    Truncated(usize),
}

/// Calls `check` with a copy of the disk for every byte of the file flipped and for every length it can be cut to.
/// The check opens the store and panics unless it finds an error or data that is right. Each byte is flipped in one
/// bit, which walks, and in all: files of some kilobytes take milliseconds.
pub fn for_every_rot(disk: &SimDisk, path: &Path, check: impl Fn(SimDisk, Rot)) {
    let len = disk.file_bytes(path).ok().flatten().unwrap_or(0) as usize;
    assert!(len > 0, "{} is no file with bytes", path.display());
    let rotten = |change: &dyn Fn(&mut Vec<u8>), rot| {
        let copy = disk.fork();
        let damaged = copy.damage(path, change);
        assert!(damaged.is_ok(), "{damaged:?}");
        check(copy, rot);
    };
    for at in 0..len {
        for mask in [1 << (at % 8), 0xff] {
            rotten(&|bytes| bytes[at] ^= mask, Rot::Flipped(at));
        }
        rotten(&|bytes| bytes.truncate(at), Rot::Truncated(at));
    }
}

/// The files below a directory, at any depth.
pub fn files_below(disk: &dyn Disk, dir: &Path) -> Vec<std::path::PathBuf> {
    let mut files = Vec::new();
    for entry in disk.list(dir).unwrap_or_default() {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            files.extend(files_below(disk, &path));
        } else {
            files.push(path);
        }
    }
    files
}
