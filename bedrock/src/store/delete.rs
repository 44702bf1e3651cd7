//! Deletion: effective at once, and physical when a block is compacted.
//!
//! What is in the head becomes a block first. So a deletion only ever concerns rows of blocks, which never move, and it
//! is one edit of the manifest: before it nothing is deleted, behind it everything, whatever fails and whenever the
//! power goes. What is committed later, even of the same content, is in other blocks and not concerned.

use std::sync::Arc;

use super::lifecycle::Inner;
use super::tombstones::Tombstones;
use super::{LiveBlock, Signal, StoredBlock, locked};
use crate::error::{Error, Result};
use crate::manifest::Edit;
use crate::postings::Ids;

impl<K: Signal> Inner<K> {
    /// Deletes the rows that `find` names in each block, as far as they are not deleted yet: how many.
    pub(super) fn delete<E: From<Error>>(
        &self,
        mut find: impl FnMut(&LiveBlock<K::Block>) -> std::result::Result<Ids, E>,
    ) -> std::result::Result<u64, E> {
        let _rewriting = locked(&self.rewriting);
        self.flush()?;
        let blocks = Arc::clone(&locked(&self.state).blocks);
        let mut found = Vec::new();
        for block in blocks.iter() {
            let mut rows = find(block)?;
            if let Some(deleted) = block.deleted() {
                rows -= deleted;
            }
            if !rows.is_empty() {
                found.push((block.facts().number, rows));
            }
        }
        self.bury(&found)?;
        Ok(found.iter().map(|(_, rows)| rows.len()).sum())
    }

    /// Makes rows deleted, for good and for every reader to come. Whoever calls it holds the right to take blocks away.
    pub(super) fn bury(&self, found: &[(u64, Ids)]) -> Result<()> {
        if found.is_empty() {
            return Ok(());
        }
        let mut manifest = locked(&self.manifest);
        let mut tombstones = Tombstones::of(manifest.state(), &self.dir)?;
        found.iter().for_each(|(block, rows)| tombstones.add(*block, rows));
        manifest.apply(Edit { payload: Some(tombstones.encode()), ..Edit::default() })?;
        let mut state = locked(&self.state);
        let buried = |block: &LiveBlock<K::Block>| {
            let number = block.facts().number;
            match found.iter().any(|(concerned, _)| *concerned == number) {
                true => block.with_deleted(tombstones.of_block(number)),
                false => block.clone(),
            }
        };
        state.blocks = Arc::new(state.blocks.iter().map(buried).collect());
        Ok(())
    }
}
