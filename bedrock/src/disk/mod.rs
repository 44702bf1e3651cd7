//! The medium: a small trait that every store writes and reads through, and three of them.
//!
//! | disk | is |
//! |---|---|
//! | [`FsDisk`] | the file system of the machine |
//! | [`MemDisk`] | files in memory, for stores that need no durability, and for tests that need speed |
//! | [`SimDisk`] | files in memory that fail as media fail: power loss, EIO, a full disk, flipped bits |
//!
//! # What we assume of a medium
//!
//! 1. Bytes of a file are durable once a [`WriteFile::sync`] that began after their append has returned `Ok`.
//! 2. A name is durable once a [`Disk::sync_dir`] of its directory that began after the change has returned `Ok`.
//!    Syncing a file does not make its name durable, and syncing a directory makes no bytes durable.
//! 3. Until then a power loss may keep or lose each append and each change of a name on its own, in any subset:
//!    a lost append that lies before a kept one reads as arbitrary bytes, and an append may be torn at any byte.
//! 4. A rename is atomic: after a power loss the name means the old file or the new one, never neither.
//! 5. After a sync has failed, the bytes or names it was asked for are in an unknown state, and a later sync that
//!    succeeds proves nothing about them. Whoever sees a failed sync stops writing, and the next process, which
//!    cannot know, writes again what it will depend on.
//! 6. Bytes at rest may rot: everything read is checked by its reader against a checksum of its format.
//!
//! # What we promise the medium
//!
//! Files only grow, by appends from one writer, and a file that may be mapped is never truncated or rewritten:
//! this is what makes a mapping sound. An I/O error under a mapping is a signal that kills the process and that no
//! library can turn into an error, so that bulk data is read by [`ReadFile::read_at`] unless the user chose
//! otherwise; [`ReadFile::map`] is meant for footers and indexes.
//!
//! ```
//! use std::path::Path;
//! use bedrock::disk::{Disk, MemDisk};
//!
//! let disk = MemDisk::new();
//! disk.create_dir(Path::new("store"))?;
//! let mut file = disk.create(Path::new("store/greeting"))?;
//! file.append(b"hello")?;
//! file.sync()?;
//! disk.sync_dir(Path::new("store"))?;
//! let file = disk.open(Path::new("store/greeting"))?;
//! assert_eq!(file.read_at(1, 3)?, "ell");
//! # bedrock::Result::Ok(())
//! ```

mod fs;
mod mem;
mod sim;
#[cfg(test)]
mod tests;
mod whole;

use std::any::Any;
use std::fmt::Debug;
use std::path::Path;

use bytes::Bytes;

use crate::error::{Error, Result};

pub use fs::FsDisk;
pub use mem::MemDisk;
pub use sim::{Fault, SimDisk};
pub use whole::{create_dir_durable, link_dir, link_or_copy, read_file, remove_dir_all, write_file};

/// The ending of names that no reader takes seriously: whoever opens a directory removes what carries it.
pub const TEMPORARY_SUFFIX: &str = ".tmp";

/// A tree of directories and append-only files. Paths mean what they mean to the disk; all methods take `&self`
/// and may be called from several threads.
///
/// Every method returns [`Error::Io`] with the operation and the path where the medium refuses, unless it says
/// otherwise.
pub trait Disk: Debug + Send + Sync {
    /// Makes a directory and those above it. One that exists is left as it is.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses, or where a file has the name.
    fn create_dir(&self, path: &Path) -> Result<()>;

    /// What a directory holds, sorted by name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where there is no such directory or the medium refuses.
    fn list(&self, dir: &Path) -> Result<Vec<Entry>>;

    /// The length of a file in bytes, or `None` where there is no file of that name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses.
    fn file_bytes(&self, path: &Path) -> Result<Option<u64>>;

    /// Makes an empty file and opens it for writing.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the name is taken or the medium refuses.
    fn create(&self, path: &Path) -> Result<Box<dyn WriteFile>>;

    /// Opens an existing file for writing at its end.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where there is no such file or the medium refuses.
    fn append(&self, path: &Path) -> Result<Box<dyn WriteFile>>;

    /// Opens a file for reading. The handle stays good when the name is removed or given to another file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where there is no such file or the medium refuses.
    fn open(&self, path: &Path) -> Result<Box<dyn ReadFile>>;

    /// Gives a file or directory another name, atomically. A file of the new name is replaced. Where both are names of
    /// one file (a hard link), both stay, as POSIX has it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where there is nothing to rename, where a directory with entries has the new name, or where
    /// the medium refuses.
    fn rename(&self, from: &Path, to: &Path) -> Result<()>;

    /// Gives a file a second name. Both stay until each is removed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the new name is taken or the medium refuses.
    fn hard_link(&self, from: &Path, to: &Path) -> Result<()>;

    /// Removes the name of a file.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where there is no such file or the medium refuses.
    fn remove_file(&self, path: &Path) -> Result<()>;

    /// Removes an empty directory; [`remove_dir_all`] empties it first.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the directory has entries or the medium refuses.
    fn remove_dir(&self, path: &Path) -> Result<()>;

    /// Makes the names inside a directory durable: those made, renamed and removed before the call.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses; the names are then in an unknown state.
    fn sync_dir(&self, dir: &Path) -> Result<()>;

    /// Takes the write lock of a directory until the returned value is dropped. The lock lives in a file named
    /// `lock` inside the directory and vanishes with the process.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] where it is taken, by this process or another.
    fn lock(&self, dir: &Path) -> Result<DirLock>;
}

/// A file open for writing at its end. Dropping it closes it without a sync.
pub trait WriteFile: Debug + Send {
    /// Adds bytes at the end. They are readable at once and durable after the next [`WriteFile::sync`].
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses; a part of the bytes may then be in the file.
    fn append(&mut self, bytes: &[u8]) -> Result<()>;

    /// Makes all bytes appended so far durable. About 0.1 ms on a good SSD, 1 to 10 ms elsewhere.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses; the bytes are then in an unknown state for good.
    fn sync(&mut self) -> Result<()>;
}

/// A file open for reading, from any thread.
pub trait ReadFile: Debug + Send + Sync {
    /// The length in bytes at this moment.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses.
    fn bytes(&self) -> Result<u64>;

    /// Reads exactly `len` bytes from `offset`. Allocates `len` bytes, after having checked that the file holds
    /// them, so that a length from a damaged file cannot exhaust memory.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the file ends before; [`Error::Io`] where the medium refuses.
    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes>;

    /// The whole file as it is now, without a copy where the medium allows; slices of it stay good for as long as
    /// they live, also when the name is removed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses.
    fn map(&self) -> Result<Bytes>;
}

/// One name in a directory.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Entry {
    /// The name without its directory.
    pub name: String,
    /// Whether it names a directory.
    pub is_dir: bool,
}

/// The write lock of a directory, given back on drop.
pub struct DirLock {
    _held: Box<dyn Any + Send + Sync>,
}

impl DirLock {
    /// Wraps whatever gives the lock back when it is dropped.
    pub fn new(held: impl Any + Send + Sync) -> Self {
        DirLock { _held: Box::new(held) }
    }
}

impl Debug for DirLock {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("DirLock")
    }
}

/// Checks that a file of `file_bytes` holds `len` bytes from `offset`, and gives their range.
fn checked_range(path: &Path, file_bytes: u64, offset: u64, len: usize) -> Result<std::ops::Range<usize>> {
    let end = offset.checked_add(len as u64).filter(|end| *end <= file_bytes);
    let range = end.and_then(|end| Some(usize::try_from(offset).ok()?..usize::try_from(end).ok()?));
    range.ok_or_else(|| {
        let expected = format!("{len} bytes from there on");
        Error::corrupt(path, offset, "length of the file", expected, format!("a file of {file_bytes} bytes"))
    })
}
