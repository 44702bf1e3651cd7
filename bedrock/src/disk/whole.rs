//! Whole files and directories, built from the operations of [`Disk`] alone.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{Disk, TEMPORARY_SUFFIX};
use crate::error::{Error, Result};

/// Reads a whole file into memory. For files whose size their writer bounds.
///
/// # Errors
///
/// [`crate::Error::Io`] where there is no such file or the medium refuses.
pub fn read_file(disk: &dyn Disk, path: &Path) -> Result<Bytes> {
    let file = disk.open(path)?;
    let len = usize::try_from(file.bytes()?).unwrap_or(usize::MAX);
    file.read_at(0, len)
}

/// Writes a file such that after a crash at any moment its name means the old bytes or the new ones, durably the
/// new ones once this has returned: temporary name, sync, rename, sync of the directory.
///
/// # Errors
///
/// [`crate::Error::Io`] where the medium refuses; the name then means the old bytes or the new ones.
pub fn write_file(disk: &dyn Disk, path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = with_suffix(path);
    if disk.file_bytes(&temporary)?.is_some() {
        disk.remove_file(&temporary)?;
    }
    let mut file = disk.create(&temporary)?;
    file.append(bytes)?;
    file.sync()?;
    drop(file);
    disk.rename(&temporary, path)?;
    disk.sync_dir(path.parent().unwrap_or(Path::new("")))
}

fn with_suffix(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(TEMPORARY_SUFFIX);
    PathBuf::from(name)
}

/// Makes a directory, and those above it, such that a power loss does not take it away. One that holds anything
/// was made durable before that was put into it, and is left as it is.
///
/// # Errors
///
/// [`Error::Io`] where the medium refuses. A directory above that may not be read cannot be synced, and is passed
/// over.
pub fn create_dir_durable(disk: &dyn Disk, dir: &Path) -> Result<()> {
    let Some(parent) = dir.parent() else { return Ok(()) };
    let is_new = match disk.list(dir) {
        Ok(entries) if !entries.is_empty() => return Ok(()),
        Ok(_) => false,
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => {
            create_dir_durable(disk, parent)?;
            disk.create_dir(dir)?;
            true
        }
        Err(error) => return Err(error),
    };
    match disk.sync_dir(parent) {
        Err(Error::Io { source, .. }) if source.kind() == ErrorKind::PermissionDenied => Ok(()),
        Err(error) => {
            if is_new {
                // The name is in doubt for good, so the next attempt has to make another.
                let _ = disk.remove_dir(dir);
            }
            Err(error)
        }
        Ok(()) => Ok(()),
    }
}

/// Removes a directory and all that is in it, entry by entry. The directory above is not synced.
///
/// # Errors
///
/// [`crate::Error::Io`] where the medium refuses; a part may then be gone.
pub fn remove_dir_all(disk: &dyn Disk, dir: &Path) -> Result<()> {
    for entry in disk.list(dir)? {
        let path = dir.join(&entry.name);
        if entry.is_dir {
            remove_dir_all(disk, &path)?;
        } else {
            disk.remove_file(&path)?;
        }
    }
    disk.remove_dir(dir)
}

/// How much of a file is copied at once.
const COPY_BYTES: u64 = 1 << 20;

/// Gives a file that does not change any more a second name, or copies it, durably, where the medium cannot: the names
/// may be on two file systems. A copy takes 1 MiB of memory.
///
/// # Errors
///
/// [`crate::Error::Io`] where the new name is taken or the medium refuses.
pub fn link_or_copy(disk: &dyn Disk, from: &Path, to: &Path) -> Result<()> {
    if disk.hard_link(from, to).is_ok() {
        return Ok(());
    }
    let from = disk.open(from)?;
    let mut to = disk.create(to)?;
    let (mut at, end) = (0, from.bytes()?);
    while at < end {
        let piece = from.read_at(at, (end - at).min(COPY_BYTES) as usize)?;
        to.append(&piece)?;
        at += piece.len() as u64;
    }
    to.sync()
}

/// Makes `to` hold a hard link to every file of `from`, and syncs it: a copy that costs no bytes, of a directory
/// whose files do not change any more. Where there can be no links the files are copied, see [`link_or_copy`].
///
/// # Errors
///
/// [`crate::Error::Io`] where a name in `to` is taken or the medium refuses.
pub fn link_dir(disk: &dyn Disk, from: &Path, to: &Path) -> Result<()> {
    disk.create_dir(to)?;
    for entry in disk.list(from)? {
        let (source, target) = (from.join(&entry.name), to.join(&entry.name));
        if entry.is_dir {
            link_dir(disk, &source, &target)?;
        } else {
            link_or_copy(disk, &source, &target)?;
        }
    }
    disk.sync_dir(to)
}
