//! From blocks to bigger blocks, and out of the store.

use std::sync::Arc;

use super::lifecycle::{Inner, in_order};
use super::plan::{Job, full_plan, plan};
use super::tombstones::Tombstones;
use super::{BlockFacts, LiveBlock, Signal, StoredBlock, locked};
use crate::error::Result;
use crate::manifest::Edit;

impl<K: Signal> Inner<K> {
    pub(super) fn facts(&self) -> Vec<BlockFacts> {
        let blocks = Arc::clone(&locked(&self.state).blocks);
        blocks.iter().map(|block| block.facts()).collect()
    }

    /// The blocks of which something is deleted.
    fn deleted_from(&self) -> impl Fn(u64) -> bool + use<K> {
        let blocks = Arc::clone(&locked(&self.state).blocks);
        let concerned = blocks.iter().filter(|block| block.deleted().is_some());
        let numbers: Vec<u64> = concerned.map(|block| block.facts().number).collect();
        move |number| numbers.contains(&number)
    }

    /// Does the compaction that is due, if one is.
    pub(super) fn compact_once(&self) -> Result<()> {
        let _rewriting = locked(&self.rewriting);
        let options = &self.options;
        let due = plan(&self.facts(), options.compact_fan_in, options.block_size_max, self.deleted_from());
        due.map_or(Ok(()), |job| self.compact_job(&job))
    }

    /// Makes as few blocks as the options allow.
    pub(super) fn compact_fully(&self) -> Result<()> {
        let _rewriting = locked(&self.rewriting);
        let jobs = full_plan(&self.facts(), self.options.block_size_max, self.deleted_from());
        jobs.iter().try_for_each(|job| self.compact_job(job))
    }

    /// Makes one block of some. Whoever calls it holds the right to take blocks away.
    fn compact_job(&self, job: &Job) -> Result<()> {
        let all = Arc::clone(&locked(&self.state).blocks);
        let is_source = |block: &&LiveBlock<K::Block>| job.sources.contains(&block.facts().number);
        let sources: Vec<LiveBlock<K::Block>> = all.iter().filter(is_source).cloned().collect();
        let number = locked(&self.manifest).next_block();
        let block =
            self.new_block(number, job.level, |place| self.signal.write_compacted(&sources, place))?;
        self.replace_blocks(&job.sources, block)
    }

    /// Takes blocks out of the store, and what is deleted from them, and puts one in their place. Their files go with
    /// their last reader.
    pub(super) fn replace_blocks(&self, removed: &[u64], added: Option<LiveBlock<K::Block>>) -> Result<()> {
        let mut manifest = locked(&self.manifest);
        let mut tombstones = Tombstones::of(manifest.state(), &self.dir)?;
        let forgotten = removed.iter().filter(|block| tombstones.forget(**block)).count();
        let payload = (forgotten > 0).then(|| tombstones.encode());
        let edit = Edit { removed: removed.to_vec(), payload, ..Edit::default() };
        self.take_in(&mut manifest, added.as_ref(), edit)?;
        let mut state = locked(&self.state);
        let is_gone = |block: &LiveBlock<K::Block>| removed.contains(&block.facts().number);
        let (gone, kept): (Vec<_>, Vec<_>) = state.blocks.iter().cloned().partition(is_gone);
        gone.iter().for_each(|block| block.dir().remove_when_unused());
        state.blocks = in_order(kept.into_iter().chain(added).collect());
        Ok(())
    }
}
