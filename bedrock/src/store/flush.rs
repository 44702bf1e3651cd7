//! From head to block.

use std::sync::PoisonError;

use super::lifecycle::{Frozen, Inner, in_order, open_wal};
use super::{LiveBlock, Place, Signal, StoredBlock, locked};
use crate::block::remove_unnamed;
use crate::error::{Error, Result};
use crate::manifest::{Edit, Manifest};
use crate::wal::Wal;

impl<K: Signal> Inner<K> {
    /// Writes what the heads hold to blocks.
    pub(super) fn flush(&self) -> Result<()> {
        let mut manifest = locked(&self.manifest);
        let is_new_log = self.heal(&manifest)?;
        // A head that an earlier flush could not write comes first.
        let left = locked(&self.state).frozen.clone();
        if let Some(frozen) = left {
            self.write_frozen(&mut manifest, &frozen)?;
        }
        match self.freeze(is_new_log)? {
            Some(frozen) => self.write_frozen(&mut manifest, &frozen),
            None => Ok(()),
        }
    }

    /// Begins a log that has failed anew. Nobody knows what the medium holds of its end; the head has every commit that
    /// was acknowledged, and goes into a block right behind this. Says whether there was anything to do.
    fn heal(&self, manifest: &Manifest) -> Result<bool> {
        if self.gate().as_ref().and_then(Wal::failure).is_none() {
            return Ok(false);
        }
        let mut gate = self.wal.write().unwrap_or_else(PoisonError::into_inner);
        *gate = Some(open_wal(&self.disk, &self.dir, self.options.durability, manifest, |_| Ok(()))?.0);
        Ok(true)
    }

    /// Freezes the active head behind a rotation of the log; `None` where it is empty and `even_empty` is false.
    fn freeze(&self, even_empty: bool) -> Result<Option<Frozen<K>>> {
        let gate = self.wal.write().unwrap_or_else(PoisonError::into_inner);
        let mut state = locked(&self.state);
        let size = self.signal.size(&state.active);
        if size.rows == 0 && !even_empty {
            return Ok(None);
        }
        let wal = gate.as_ref().ok_or(Error::ReadOnly { what: "flush" })?;
        let covered = wal.rotate()?;
        let mut head = std::mem::take(&mut state.active);
        state.frozen = Some(Frozen { view: self.signal.view(&mut head), size, covered });
        Ok(state.frozen.clone())
    }

    fn write_frozen(&self, manifest: &mut Manifest, frozen: &Frozen<K>) -> Result<()> {
        let number = manifest.next_block();
        let block = self.new_block(number, 0, |place| self.signal.write_head(&frozen.view, place))?;
        let edit = Edit { covered: Some(frozen.covered), ..Edit::default() };
        self.take_in(manifest, block.as_ref(), edit)?;
        {
            let mut state = locked(&self.state);
            state.blocks = in_order(state.blocks.iter().cloned().chain(block).collect());
            state.frozen = None;
        }
        self.gate().as_ref().map_or(Ok(()), |wal| wal.truncate_before(frozen.covered))
    }

    /// Writes a block and opens it. Nothing is left of one that fails.
    pub(super) fn new_block(
        &self,
        number: u64,
        level: u8,
        write: impl FnOnce(Place<'_>) -> Result<bool>,
    ) -> Result<Option<LiveBlock<K::Block>>> {
        let blocks = self.blocks_dir();
        let written = write(Place { disk: &*self.disk, blocks: &blocks, number, level });
        let opened = written.and_then(|is_there| {
            is_there.then(|| K::Block::open(&self.disk, &blocks, number).map(LiveBlock::new)).transpose()
        });
        opened.inspect_err(|_| remove_unnamed(&*self.disk, &blocks, number))
    }

    /// Applies an edit that takes a block in, too.
    pub(super) fn take_in(
        &self,
        manifest: &mut Manifest,
        block: Option<&LiveBlock<K::Block>>,
        edit: Edit,
    ) -> Result<()> {
        let added = block.map(|block| block.facts().number).into_iter().collect();
        let applied = manifest.apply(Edit { added, ..edit });
        // Behind the rename the manifest on the medium may name the block.
        if let Some(block) = block.filter(|_| applied.is_err() && !manifest.is_poisoned()) {
            block.dir().remove_when_unused();
        }
        applied
    }
}
