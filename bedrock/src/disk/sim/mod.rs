//! Files in memory that fail as media fail, deterministically by seed.
//!
//! Every operation that changes something is counted from 0, and so is every read. A test runs a workload once to
//! learn how many there are, then once per number with a [`Fault`] at it. After a power loss every handle is dead;
//! [`SimDisk::restart`] gives the disk that the next process finds: what was durable, and of the rest a subset that
//! the seed chose under the fault model of [`crate::disk`].
//!
//! ```
//! use std::path::Path;
//! use bedrock::disk::{Disk, Fault, SimDisk};
//!
//! let disk = SimDisk::new(7);
//! disk.inject(Fault::power_loss_at(2));
//! let mut file = disk.create(Path::new("a"))?; // operation 0
//! file.append(b"never synced")?; // operation 1
//! assert!(file.sync().is_err()); // operation 2 dies
//! let disk = disk.restart();
//! assert!(disk.file_bytes(Path::new("a"))?.is_none_or(|bytes| bytes <= 12));
//! # bedrock::Result::Ok(())
//! ```

mod fault;
mod file;
mod medium;
mod names;

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{DirLock, Disk, Entry, ReadFile, WriteFile, checked_range};
use crate::error::{Error, Result};
use medium::Medium;
use names::NodeId;

pub use fault::Fault;

/// Files in memory that fail as media fail. Clones share one medium.
#[derive(Clone, Debug)]
pub struct SimDisk {
    medium: Arc<Mutex<Medium>>,
}

impl SimDisk {
    /// An empty disk without faults. What survives a power loss is decided by the seed.
    pub fn new(seed: u64) -> Self {
        SimDisk { medium: Arc::new(Mutex::new(Medium::new(seed))) }
    }

    /// Adds a fault to those that are still to come.
    pub fn inject(&self, fault: Fault) {
        self.medium().faults.push(fault);
    }

    /// Forgets all faults: the disk works, and what they broke stays broken.
    pub fn clear_faults(&self) {
        self.medium().faults.clear();
    }

    /// How many operations that change something were tried so far.
    pub fn operations(&self) -> u64 {
        self.medium().operations
    }

    /// How many reads and maps were tried so far.
    pub fn reads(&self) -> u64 {
        self.medium().reads
    }

    /// Whether a fault has struck.
    pub fn has_failed(&self) -> bool {
        self.medium().has_failed
    }

    /// The disk as the next process finds it after the power went at this moment: counters start at 0, there are
    /// no faults and no locks, and everything is durable. Handles of the old disk stay dead.
    pub fn restart(&self) -> SimDisk {
        let mut medium = self.medium();
        medium.is_down = true;
        SimDisk { medium: Arc::new(Mutex::new(medium.after_power_loss())) }
    }

    /// A disk of its own with the same content, durable and pending, as if a second medium had been copied.
    pub fn fork(&self) -> SimDisk {
        SimDisk { medium: Arc::new(Mutex::new(self.medium().clone())) }
    }

    /// Changes the bytes of a file at rest, as rot or a foreign hand would: durable and uncounted.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where there is no such file.
    pub fn damage(&self, path: &Path, change: impl FnOnce(&mut Vec<u8>)) -> Result<()> {
        let mut medium = self.medium();
        let id = medium.names.file("damage", path)?;
        medium.file_mut(id).damage(change);
        Ok(())
    }

    fn medium(&self) -> MutexGuard<'_, Medium> {
        self.medium.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Disk for SimDisk {
    fn create_dir(&self, path: &Path) -> Result<()> {
        let mut medium = self.medium();
        let mut missing: Vec<&Path> =
            path.ancestors().filter(|p| p.parent().is_some() && !medium.names.is_dir(p)).collect();
        while let Some(dir) = missing.pop() {
            medium.change("create directory", dir)?;
            medium.names.create_dir(dir)?;
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> Result<Vec<Entry>> {
        let mut medium = self.medium();
        medium.read("list", dir)?;
        medium.names.list(dir)
    }

    fn file_bytes(&self, path: &Path) -> Result<Option<u64>> {
        let mut medium = self.medium();
        medium.read("inspect", path)?;
        let id = medium.names.file("inspect", path).ok();
        Ok(id.map(|id| medium.file_mut(id).bytes().len() as u64))
    }

    fn create(&self, path: &Path) -> Result<Box<dyn WriteFile>> {
        let mut medium = self.medium();
        medium.change("create", path)?;
        let id = medium.create_file(path)?;
        Ok(Box::new(SimFile { disk: self.clone(), id, path: path.to_owned() }))
    }

    fn append(&self, path: &Path) -> Result<Box<dyn WriteFile>> {
        let mut medium = self.medium();
        medium.read("open for append", path)?;
        let id = medium.names.file("open for append", path)?;
        Ok(Box::new(SimFile { disk: self.clone(), id, path: path.to_owned() }))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn ReadFile>> {
        let mut medium = self.medium();
        medium.read("open", path)?;
        let id = medium.names.file("open", path)?;
        Ok(Box::new(SimFile { disk: self.clone(), id, path: path.to_owned() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut medium = self.medium();
        medium.change("rename", from)?;
        medium.names.rename(from, to)
    }

    fn hard_link(&self, from: &Path, to: &Path) -> Result<()> {
        let mut medium = self.medium();
        medium.change("hard link", to)?;
        medium.names.hard_link(from, to)
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        let mut medium = self.medium();
        medium.change("remove", path)?;
        medium.names.remove_file(path)
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        let mut medium = self.medium();
        medium.change("remove directory", path)?;
        medium.names.remove_dir(path)
    }

    fn sync_dir(&self, dir: &Path) -> Result<()> {
        let mut medium = self.medium();
        let result = medium.change("sync directory", dir);
        match result {
            Ok(()) => medium.names.sync_dir(dir),
            Err(_) => {
                medium.names.fail_sync_dir(dir);
                result
            }
        }
    }

    fn lock(&self, dir: &Path) -> Result<DirLock> {
        let mut medium = self.medium();
        medium.read("lock", dir)?;
        if !medium.locks.insert(dir.to_owned()) {
            return Err(Error::Locked { path: dir.to_owned() });
        }
        Ok(DirLock::new(HeldLock { disk: self.clone(), dir: dir.to_owned() }))
    }
}

struct HeldLock {
    disk: SimDisk,
    dir: PathBuf,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.disk.medium().locks.remove(&self.dir);
    }
}

/// An open file: its node stays when its name goes.
#[derive(Debug)]
struct SimFile {
    disk: SimDisk,
    id: NodeId,
    path: PathBuf,
}

impl WriteFile for SimFile {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        let mut medium = self.disk.medium();
        match medium.change("append", &self.path) {
            Ok(()) => medium.file_mut(self.id).append(bytes),
            Err(error) => {
                // What a refused append leaves behind is some part of its bytes. An append that a power loss cuts
                // short needs no such care: the power loss after it keeps any part of it.
                if !medium.is_down {
                    let part = medium.random.below(bytes.len() + 1);
                    medium.file_mut(self.id).append(&bytes[..part]);
                }
                return Err(error);
            }
        }
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        let mut medium = self.disk.medium();
        let result = medium.change("sync", &self.path);
        match result {
            Ok(()) => medium.file_mut(self.id).sync(),
            Err(_) => medium.file_mut(self.id).fail_sync(),
        }
        result
    }
}

impl ReadFile for SimFile {
    fn bytes(&self) -> Result<u64> {
        let mut medium = self.disk.medium();
        medium.read("inspect", &self.path)?;
        Ok(medium.file_mut(self.id).bytes().len() as u64)
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let mut medium = self.disk.medium();
        medium.read("read", &self.path)?;
        let bytes = medium.file_mut(self.id).bytes();
        let range = checked_range(&self.path, bytes.len() as u64, offset, len)?;
        Ok(Bytes::copy_from_slice(&bytes[range]))
    }

    fn map(&self) -> Result<Bytes> {
        let mut medium = self.disk.medium();
        medium.read("map", &self.path)?;
        Ok(Bytes::copy_from_slice(medium.file_mut(self.id).bytes()))
    }
}
