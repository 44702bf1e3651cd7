//! The manifest open for change.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{StoreKind, encode};
use super::{Edit, MANIFEST_NAME, PAYLOAD_BYTES_MAX, State, read};
use crate::disk::{Disk, TEMPORARY_SUFFIX, create_dir_durable};
use crate::error::{Error, Result};

/// The manifest of one store, open for change by the holder of the store's lock.
#[derive(Debug)]
pub struct Manifest {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    kind: StoreKind,
    state: State,
    failure: Option<Arc<Error>>,
}

impl Manifest {
    /// Opens the manifest of the store in `dir`, and makes what it says durable. Where there is no store yet, makes
    /// the directory and an empty manifest before anything else can be in it.
    ///
    /// # Errors
    ///
    /// Those of [`read`].
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, kind: StoreKind) -> Result<Self> {
        create_dir_durable(&*disk, dir)?;
        let state = read(&*disk, dir, kind)?.unwrap_or_default();
        let mut manifest =
            Manifest { disk, dir: dir.to_owned(), kind, state: State::default(), failure: None };
        // What was found may be a rename that the process before us could not sync. It is written again, before
        // anyone removes files that an older manifest names.
        manifest.replace(&state)?;
        manifest.state = state;
        Ok(manifest)
    }

    /// Makes the manifest of a store whose blocks lie in `dir` already, a snapshot or a salvaged one.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where `dir` has a manifest or the state names a block at or above `next_block`,
    /// [`Error::Io`] where the medium refuses.
    pub fn create(disk: Arc<dyn Disk>, dir: &Path, kind: StoreKind, state: State) -> Result<Self> {
        let is_taken = disk.file_bytes(&dir.join(MANIFEST_NAME))?.is_some();
        if is_taken || state.blocks.last().is_some_and(|last| *last >= state.next_block) {
            let problem = format!("{} has one, or next_block is too low", dir.display());
            return Err(Error::Invalid { what: "new manifest", problem });
        }
        let mut manifest =
            Manifest { disk, dir: dir.to_owned(), kind, state: State::default(), failure: None };
        manifest.replace(&state)?;
        manifest.state = state;
        Ok(manifest)
    }

    /// What the manifest says now.
    pub fn state(&self) -> &State {
        &self.state
    }

    /// Whether nobody knows what a power loss leaves, since an edit failed behind its rename.
    pub fn is_poisoned(&self) -> bool {
        self.failure.is_some()
    }

    /// A number for a new block, which no other call returns. It is given out again after the next open unless an
    /// edit that adds the block was applied; orphans are removed before that.
    pub fn next_block(&mut self) -> u64 {
        let number = self.state.next_block;
        self.state.next_block += 1;
        number
    }

    /// Applies an edit durably: after this has returned, and after a crash at any moment, the store consists of the
    /// blocks before the edit or of those behind it. Costs a write of the whole manifest and three syncs.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for an edit that contradicts the state, [`Error::Limit`] for a payload that is too large.
    /// [`Error::Io`] where the medium refuses: nothing has changed where that was before the rename, so a full disk
    /// costs one attempt. After it, what a power loss leaves is unknown; the manifest is then poisoned, and the
    /// files of the blocks named before and behind the edit must both stay.
    pub fn apply(&mut self, edit: Edit) -> Result<()> {
        if let Some(cause) = &self.failure {
            return Err(Error::Poisoned { cause: Arc::clone(cause) });
        }
        let next = self.state.after(edit)?;
        self.replace(&next)?;
        self.state = next;
        Ok(())
    }

    fn replace(&mut self, state: &State) -> Result<()> {
        let path = self.dir.join(MANIFEST_NAME);
        let temporary = self.dir.join(format!("{MANIFEST_NAME}{TEMPORARY_SUFFIX}"));
        if self.disk.file_bytes(&temporary)?.is_some() {
            self.disk.remove_file(&temporary)?;
        }
        let mut file = self.disk.create(&temporary)?;
        file.append(&encode(self.kind, state))?;
        file.sync()?;
        drop(file);
        let renamed = self.disk.rename(&temporary, &path).and_then(|()| self.disk.sync_dir(&self.dir));
        renamed.inspect_err(|error| self.failure = Some(Arc::new(error.clone())))
    }
}

impl State {
    /// The state behind an edit.
    fn after(&self, edit: Edit) -> Result<State> {
        let invalid = |problem| Err(Error::Invalid { what: "edit of a manifest", problem });
        let mut next = self.clone();
        for block in edit.removed {
            if !next.blocks.remove(&block) {
                return invalid(format!("removes block {block}, which is not there"));
            }
        }
        for block in edit.added {
            if block >= next.next_block || !next.blocks.insert(block) {
                return invalid(format!("adds block {block}, which is there or was never given out"));
            }
        }
        if let Some(covered) = edit.covered {
            if covered < next.covered {
                return invalid(format!("moves the log back from {:?} to {covered:?}", next.covered));
            }
            next.covered = covered;
        }
        if let Some(watermark) = edit.watermark {
            if watermark < next.watermark {
                return invalid(format!("lowers the watermark from {} to {watermark}", next.watermark));
            }
            next.watermark = watermark;
        }
        next.payload = edit.payload.unwrap_or(next.payload);
        if next.payload.len() > PAYLOAD_BYTES_MAX {
            let (max, found) = (PAYLOAD_BYTES_MAX as u64, next.payload.len() as u64);
            return Err(Error::Limit { what: "bytes of a manifest's payload", max, found });
        }
        Ok(next)
    }
}
