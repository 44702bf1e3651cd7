//! A copy of the store while it runs: hard links to its blocks, which never change, and a manifest of its own. Where
//! the target is on another file system the blocks are copied.

use std::path::Path;
use std::sync::Arc;

use super::lifecycle::Inner;
use super::{Signal, StoredBlock, locked};
use crate::block::block_name;
use crate::disk::{create_dir_durable, link_dir, read_file, write_file};
use crate::error::{Error, Result};
use crate::manifest::{BLOCKS_DIR, MANIFEST_NAME};

impl<K: Signal> Inner<K> {
    pub(super) fn snapshot_to(&self, target: &Path) -> Result<()> {
        if self.disk.file_bytes(&target.join(MANIFEST_NAME))?.is_some() {
            let problem = format!("{} has a store already", target.display());
            return Err(Error::Invalid { what: "directory of a snapshot", problem });
        }
        self.flush()?;
        // While the manifest is held no block leaves, so the copy is of one moment.
        let manifest = locked(&self.manifest);
        create_dir_durable(&*self.disk, target)?;
        let blocks = target.join(BLOCKS_DIR);
        self.disk.create_dir(&blocks)?;
        let current = Arc::clone(&locked(&self.state).blocks);
        for block in current.iter() {
            let name = block_name(block.facts().number);
            link_dir(&*self.disk, block.dir().path(), &blocks.join(name))?;
        }
        self.disk.sync_dir(&blocks)?;
        let bytes = read_file(&*self.disk, &self.dir.join(MANIFEST_NAME))?;
        write_file(&*self.disk, &target.join(MANIFEST_NAME), &bytes)?;
        drop(manifest);
        self.disk.sync_dir(target)
    }
}
