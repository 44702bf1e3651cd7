//! The file system of the machine. The only file of the workspace that names `std::fs` and `memmap2`.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::{DirLock, Disk, Entry, ReadFile, WriteFile, checked_range};
use crate::error::{Error, Result};

/// The file that carries the lock of a directory.
const LOCK_NAME: &str = "lock";

/// The file system of the machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct FsDisk;

impl FsDisk {
    /// The file system of the machine; paths are those of the process.
    pub fn new() -> Self {
        FsDisk
    }
}

impl Disk for FsDisk {
    fn create_dir(&self, path: &Path) -> Result<()> {
        fs::create_dir_all(path).map_err(|e| Error::io("create directory", path, e))
    }

    fn list(&self, dir: &Path) -> Result<Vec<Entry>> {
        let refused = |e| Error::io("list", dir, e);
        let mut entries = Vec::new();
        for entry in fs::read_dir(named(dir)).map_err(refused)? {
            let entry = entry.map_err(refused)?;
            let is_dir = entry.file_type().map_err(refused)?.is_dir();
            // A name that is not UTF-8 was not written by us.
            if let Ok(name) = entry.file_name().into_string() {
                entries.push(Entry { name, is_dir });
            }
        }
        entries.sort();
        Ok(entries)
    }

    fn file_bytes(&self, path: &Path) -> Result<Option<u64>> {
        match fs::metadata(path) {
            Ok(facts) if facts.is_file() => Ok(Some(facts.len())),
            Ok(_) => Ok(None),
            Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(e) => Err(Error::io("inspect", path, e)),
        }
    }

    fn create(&self, path: &Path) -> Result<Box<dyn WriteFile>> {
        let file = OpenOptions::new().append(true).create_new(true).open(path);
        let file = file.map_err(|e| Error::io("create", path, e))?;
        Ok(Box::new(FsWriter { file, path: path.to_owned() }))
    }

    fn append(&self, path: &Path) -> Result<Box<dyn WriteFile>> {
        let file = OpenOptions::new().append(true).open(path);
        let file = file.map_err(|e| Error::io("open for append", path, e))?;
        Ok(Box::new(FsWriter { file, path: path.to_owned() }))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn ReadFile>> {
        let file = File::open(path).map_err(|e| Error::io("open", path, e))?;
        Ok(Box::new(FsReader { file, path: path.to_owned() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        fs::rename(from, to).map_err(|e| Error::io("rename", from, e))
    }

    fn hard_link(&self, from: &Path, to: &Path) -> Result<()> {
        fs::hard_link(from, to).map_err(|e| Error::io("hard link", to, e))
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        fs::remove_file(path).map_err(|e| Error::io("remove", path, e))
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        fs::remove_dir(path).map_err(|e| Error::io("remove directory", path, e))
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        // Windows has no handle of a directory to sync: its file systems journal names on their own.
        if cfg!(windows) {
            return Ok(());
        }
        let synced = File::open(named(dir)).and_then(|dir| dir.sync_all());
        synced.map_err(|e| Error::io("sync directory", dir, e))
    }

    fn lock(&self, dir: &Path) -> Result<DirLock> {
        let path = dir.join(LOCK_NAME);
        let file = OpenOptions::new().write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(|e| Error::io("open for lock", &path, e))?;
        match file.try_lock() {
            Ok(()) => Ok(DirLock::new(file)),
            Err(TryLockError::WouldBlock) => Err(Error::Locked { path: dir.to_owned() }),
            Err(TryLockError::Error(e)) => Err(Error::io("lock", &path, e)),
        }
    }
}

/// The directory above a bare file name is the empty path, which the system wants to see as a dot.
fn named(dir: &Path) -> &Path {
    if dir.as_os_str().is_empty() { Path::new(".") } else { dir }
}

#[derive(Debug)]
struct FsWriter {
    file: File,
    path: PathBuf,
}

impl WriteFile for FsWriter {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(|e| Error::io("append", &self.path, e))
    }

    fn sync(&mut self) -> Result<()> {
        // The length is metadata that is needed to read the data, so fdatasync covers it.
        self.file.sync_data().map_err(|e| Error::io("sync", &self.path, e))
    }
}

#[derive(Debug)]
struct FsReader {
    file: File,
    path: PathBuf,
}

impl ReadFile for FsReader {
    fn bytes(&self) -> Result<u64> {
        Ok(self.file.metadata().map_err(|e| Error::io("inspect", &self.path, e))?.len())
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        checked_range(&self.path, self.bytes()?, offset, len)?;
        let mut bytes = vec![0; len];
        read_exact_at(&self.file, &mut bytes, offset).map_err(|e| Error::io("read", &self.path, e))?;
        Ok(Bytes::from(bytes))
    }

    fn map(&self) -> Result<Bytes> {
        if self.bytes()? == 0 {
            return Ok(Bytes::new());
        }
        #[expect(unsafe_code, reason = "a memory map is unsafe to make")]
        // SAFETY: the mapping is private to this process and read-only. It is undefined to map a file that shrinks
        // or changes under the map; no writer of the workspace does that: `WriteFile` can only append, a file gets
        // new bytes by a rename over its name, which leaves the mapped inode alone, and the directory lock keeps
        // other stores away. Foreign programs that truncate a store's files are outside of what we can defend.
        let map = unsafe { memmap2::Mmap::map(&self.file) };
        Ok(Bytes::from_owner(map.map_err(|e| Error::io("map", &self.path, e))?))
    }
}

#[cfg(unix)]
fn read_exact_at(file: &File, bytes: &mut [u8], offset: u64) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, offset)
}

#[cfg(windows)]
fn read_exact_at(file: &File, mut bytes: &mut [u8], mut offset: u64) -> io::Result<()> {
    while !bytes.is_empty() {
        match std::os::windows::fs::FileExt::seek_read(file, bytes, offset) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(n) => {
                bytes = &mut bytes[n..];
                offset += n as u64;
            }
            Err(e) if e.kind() == io::ErrorKind::Interrupted => {}
            Err(e) => return Err(e),
        }
    }
    Ok(())
}
