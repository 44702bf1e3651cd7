//! The directories of blocks: their names, what a crash leaves behind, and when they go.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::disk::{Disk, TEMPORARY_SUFFIX, remove_dir_all};
use crate::error::Result;

const NAME_DIGITS: usize = 16;

/// The name of the directory of a block: its number in 16 hexadecimal digits.
pub fn block_name(number: u64) -> String {
    format!("{number:0NAME_DIGITS$x}")
}

/// The number in the name of a block's directory, or `None` where [`block_name`] makes no such name.
pub fn block_number(name: &str) -> Option<u64> {
    let number = u64::from_str_radix(name, 16).ok()?;
    (block_name(number) == name).then_some(number)
}

/// Removes from `blocks` what no manifest names: blocks that were not finished or not committed, and those that
/// were removed from the manifest and not yet from the disk. Returns the names of what is gone. To be called at
/// open, by the holder of the store's lock. Names that are not of our making are left alone.
///
/// # Errors
///
/// [`crate::Error::Io`] where the medium refuses; the next open goes on with it.
pub fn remove_orphans(disk: &dyn Disk, blocks: &Path, live: &BTreeSet<u64>) -> Result<Vec<String>> {
    let mut removed = Vec::new();
    for entry in disk.list(blocks)? {
        let is_temporary =
            entry.name.strip_suffix(TEMPORARY_SUFFIX).is_some_and(|n| block_number(n).is_some());
        let is_unnamed = block_number(&entry.name).is_some_and(|number| !live.contains(&number));
        if entry.is_dir && (is_temporary || is_unnamed) {
            remove_dir_all(disk, &blocks.join(&entry.name))?;
            removed.push(entry.name);
        }
    }
    if !removed.is_empty() {
        disk.sync_dir(blocks)?;
    }
    Ok(removed)
}

/// Removes what there is of a block that did not become part of its store. Where that fails, too, the next open does
/// it: who gives a block up has an error of more interest to tell.
pub(crate) fn remove_unnamed(disk: &dyn Disk, blocks: &Path, number: u64) {
    let name = block_name(number);
    for path in [blocks.join(format!("{name}{TEMPORARY_SUFFIX}")), blocks.join(name)] {
        if disk.list(&path).is_ok() {
            let _ = remove_dir_all(disk, &path);
        }
    }
}

/// The directory of a block in use. Readers share it; a block that has left the manifest is told so, and its files
/// go when the last reader does.
#[derive(Debug)]
pub struct BlockDir {
    disk: Arc<dyn Disk>,
    path: PathBuf,
    is_removed: AtomicBool,
}

impl BlockDir {
    /// Takes charge of a published block.
    pub fn new(disk: Arc<dyn Disk>, path: PathBuf) -> Self {
        BlockDir { disk, path, is_removed: AtomicBool::new(false) }
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Says that no manifest names the block any more: the directory is removed once this value is dropped. Where
    /// the removal fails, the next open does it.
    pub fn remove_when_unused(&self) {
        self.is_removed.store(true, Ordering::Release);
    }
}

impl Drop for BlockDir {
    fn drop(&mut self) {
        if self.is_removed.load(Ordering::Acquire) {
            // A reader that lets go has nobody to tell; what stays behind is an orphan at the next open.
            let _ = remove_dir_all(&*self.disk, &self.path);
        }
    }
}
