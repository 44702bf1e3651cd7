//! A copy of the store while it runs.
//!
//! Blocks, sealed chunks and the checkpoint never change once they are written, so the copy has hard links to them and
//! takes no room of its own; only where the target is on another file system they are copied. The copy is a store like any
//! other, with an empty log: everything that was committed when the call began is in its blocks and its checkpoint.

use std::path::Path;

use bedrock::disk::{Disk, create_dir_durable, link_dir, link_or_copy, read_file, write_file};
use bedrock::manifest::MANIFEST_NAME;

use crate::error::Result;
use crate::head::read;
use crate::state::Layout;
use crate::store::{Db, Maintenance, Store, closed};

impl Db {
    /// Makes a copy of the store in `dir`, which must not exist yet. Commits go on meanwhile; flushes and compactions
    /// wait.
    ///
    /// ```
    /// # let base = tempfile::tempdir().expect("a directory");
    /// use tsdb::{Db, Options};
    ///
    /// let db = Db::open(base.path().join("store"), Options::default())?;
    /// db.snapshot_to(base.path().join("copy"))?;
    /// let copy = Db::open(base.path().join("copy"), Options::default())?;
    /// assert_eq!(copy.stats().head_series, 0);
    /// # Ok::<(), tsdb::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`bedrock::Error::Invalid`] where `dir` has a store already, and where the medium refuses: what is in `dir` then
    /// is no store.
    pub fn snapshot_to(&self, dir: impl AsRef<Path>) -> Result<()> {
        self.store().snapshot_to(dir.as_ref())
    }
}

impl Store {
    fn snapshot_to(&self, dir: &Path) -> Result<()> {
        let mut maintenance = self.maintain("snapshot")?;
        self.heal(&mut maintenance)?;
        {
            let wal = read(&self.wal);
            let Some(wal) = &*wal else { return Err(closed("snapshot").into()) };
            let flush = self.state().flush;
            self.checkpoint_and_edit(&mut maintenance, wal, Vec::new(), flush)?;
        }
        let disk = &*self.options().disk;
        let target = Layout { dir: dir.to_owned() };
        if disk.file_bytes(&target.manifest())?.is_some() {
            return Err(bedrock::Error::Invalid {
                what: "directory of a snapshot",
                problem: format!("{} has a store already", dir.display()),
            }
            .into());
        }
        create_dir_durable(disk, dir)?;
        self.link_parts(disk, &maintenance, &target)?;
        // The manifest comes last: a copy without it is no store. The log begins behind what it covers.
        write_file(disk, &target.manifest(), &read_file(disk, &self.layout.dir.join(MANIFEST_NAME))?)?;
        disk.sync_dir(dir)?;
        Ok(())
    }

    fn link_parts(&self, disk: &dyn Disk, maintenance: &Maintenance, target: &Layout) -> Result<()> {
        for below in [target.chunks(), target.blocks(), target.checkpoints()] {
            disk.create_dir(&below)?;
        }
        for number in &maintenance.manifest.state().blocks {
            link_dir(disk, &self.layout.block(*number), &target.block(*number))?;
        }
        let checkpoint = maintenance.payload.checkpoint;
        link_or_copy(disk, &self.layout.checkpoint(checkpoint), &target.checkpoint(checkpoint))?;
        for piece in self.head.chunks.files() {
            let (from, to) = (self.layout.chunks().join(&piece), target.chunks().join(&piece));
            link_or_copy(disk, &from, &to)?;
        }
        for below in [target.chunks(), target.blocks(), target.checkpoints()] {
            disk.sync_dir(&below)?;
        }
        Ok(())
    }
}
