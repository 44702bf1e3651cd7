//! A store that another process writes, opened for reading.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use super::lifecycle::{open_blocks, replay};
use super::{Parts, Signal, locked};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::manifest::{self, MANIFEST_NAME, WAL_DIR};
use crate::wal;

/// How often a store that changes while it is read is read again.
const ATTEMPTS: usize = 20;
/// How long the writer gets to finish what it was at.
const PAUSE: Duration = Duration::from_millis(5);

/// A store opened for reading, while another process may write it. It takes no lock and changes nothing on disk.
#[derive(Debug)]
pub struct ReadOnly<K: Signal> {
    signal: K,
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    parts: Mutex<Parts<K>>,
}

impl<K: Signal> ReadOnly<K> {
    /// Opens the store in `dir` as of the last commit in its log. Costs what opening it for writing costs.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where there is no store, [`Error::Corrupt`] where files do not check out, [`Error::Io`] where
    /// the medium refuses.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, signal: K) -> Result<Self> {
        let parts = Mutex::new(load(&signal, &disk, dir)?);
        Ok(ReadOnly { signal, disk, dir: dir.to_owned(), parts })
    }

    /// Moves on to the last commit that the log has now. Where it fails everything stays as it was.
    ///
    /// # Errors
    ///
    /// As [`ReadOnly::open`].
    pub fn refresh(&self) -> Result<()> {
        let parts = load(&self.signal, &self.disk, &self.dir)?;
        *locked(&self.parts) = parts;
        Ok(())
    }

    /// The store as it was at the last refresh.
    pub fn parts(&self) -> Parts<K> {
        locked(&self.parts).clone()
    }
}

/// Reads everything, again where the writer has moved on under our eyes.
fn load<K: Signal>(signal: &K, disk: &Arc<dyn Disk>, dir: &Path) -> Result<Parts<K>> {
    let mut attempt = 1;
    loop {
        match load_once(signal, disk, dir) {
            // A block or a segment may have gone between manifest and open, and the end of the log may have been in the
            // middle of an append. Real damage is still there at the last attempt.
            Err(Error::Io { .. } | Error::Corrupt { .. }) if attempt < ATTEMPTS => {
                attempt += 1;
                std::thread::sleep(PAUSE);
            }
            outcome => return outcome,
        }
    }
}

fn load_once<K: Signal>(signal: &K, disk: &Arc<dyn Disk>, dir: &Path) -> Result<Parts<K>> {
    let read = || manifest::read(&**disk, dir, K::KIND);
    let found = read()?.ok_or_else(|| Error::Invalid {
        what: "directory of a store",
        problem: format!("{} has no manifest", dir.display()),
    })?;
    // Blocks before the log: the log grows meanwhile, blocks only go.
    let blocks = open_blocks(disk, dir, &found)?;
    let mut head = K::Head::default();
    let log = dir.join(WAL_DIR);
    if disk.list(&log).is_ok() {
        wal::replay(&**disk, &log, found.covered, |record| replay(signal, &mut head, dir, &record))?;
    }
    // The log that was read belongs to this manifest: had it been cut meanwhile, commits could be missing between.
    if read()?.is_none_or(|now| now != found) {
        let (expected, path) = ("the one read before", dir.join(MANIFEST_NAME));
        return Err(Error::corrupt(path, 0, "manifest", expected, "another one"));
    }
    let heads = if signal.size(&head).rows > 0 { vec![signal.view(&mut head)] } else { Vec::new() };
    Ok(Parts { heads, blocks })
}
