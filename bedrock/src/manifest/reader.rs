//! Reads a manifest without opening it for change.

use std::path::Path;

use super::format::{StoreKind, decode};
use super::{BLOCKS_DIR, MANIFEST_NAME, State, WAL_DIR};
use crate::disk::{Disk, TEMPORARY_SUFFIX, read_file};
use crate::error::{Error, Result};

/// What the manifest of the store in the directory `dir` says, or `None` where there is no store yet.
///
/// # Errors
///
/// [`Error::Corrupt`] where the manifest does not check out, or is missing while blocks or log are there;
/// [`Error::Version`] where a later version wrote it; [`Error::Io`].
pub fn read(disk: &dyn Disk, dir: &Path, kind: StoreKind) -> Result<Option<State>> {
    let path = dir.join(MANIFEST_NAME);
    if disk.file_bytes(&path)?.is_some() {
        return decode(&path, &read_file(disk, &path)?, kind).map(Some);
    }
    // The manifest is the first durable file of a store, so a store that has more has lost it. An error here must
    // not pass for an empty directory: a new manifest would make orphans of everything.
    let below = disk.list(dir)?.into_iter().filter(|e| e.is_dir && [BLOCKS_DIR, WAL_DIR].contains(&&*e.name));
    for directory in below {
        let entries = disk.list(&dir.join(&directory.name))?;
        if let Some(entry) = entries.iter().find(|entry| !entry.name.ends_with(TEMPORARY_SUFFIX)) {
            let found = format!("none, beside {}/{}", directory.name, entry.name);
            return Err(Error::corrupt(path, 0, "manifest", "a file of this name", found));
        }
    }
    Ok(None)
}
