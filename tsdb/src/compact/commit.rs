//! Compaction and retention of a store: one edit of the manifest takes the new block in and lets the old ones go.

use std::collections::BTreeSet;
use std::sync::Arc;

use bedrock::manifest::Edit;

use super::{plan, run};
use crate::block::{Block, BlockMeta};
use crate::error::Result;
use crate::options::Retention;
use crate::retention;
use crate::state::{Payload, State};
use crate::store::{Db, Maintenance, Store, closed};
use crate::tombstones::{Tombstone, Tombstones};

/// What a compaction did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Compacted {
    /// Blocks written.
    pub written: usize,
    /// Blocks that were replaced.
    pub replaced: usize,
    /// Samples written.
    pub samples: u64,
}

impl Db {
    /// Compacts everything in blocks as far as it goes, also windows of time that are not over: every block becomes
    /// columnar, and what was deleted leaves the disk. The store compacts by itself what is due, see
    /// [`crate::compact`]. Commits and queries go on meanwhile; flushes and deletions wait. About 40 ns a sample.
    ///
    /// # Errors
    ///
    /// Where a block is damaged or the medium refuses: then the blocks before it are compacted, and nothing is lost.
    pub fn compact(&self) -> Result<Compacted> {
        self.store().compact(true)
    }
}

impl Store {
    /// Does all jobs there are, one after the other.
    pub(crate) fn compact(&self, full: bool) -> Result<Compacted> {
        let mut done = Compacted::default();
        while let Some(one) = self.compact_once(full)? {
            done.written += one.written;
            done.replaced += one.replaced;
            done.samples += one.samples;
        }
        Ok(done)
    }

    fn compact_once(&self, full: bool) -> Result<Option<Compacted>> {
        let mut maintenance = self.maintain("compact")?;
        if crate::head::read(&self.wal).is_none() {
            return Err(closed("compact").into());
        }
        let state = self.state();
        let metas: Vec<BlockMeta> = state.blocks.iter().map(|block| block.meta().clone()).collect();
        let deleted: BTreeSet<u64> = state.tombstones.iter().map(|tombstone| tombstone.block).collect();
        let Some(job) = plan(&metas, self.options().block_ms, full, |id| deleted.contains(&id)) else {
            return Ok(None);
        };
        let disk = &self.options().disk;
        let number = maintenance.manifest.next_block();
        let path = self.layout.block(number);
        let written = run(disk, &path, number, &job, &state.blocks, &state.tombstones);
        let opened = written.and_then(|meta| meta.map(|_| Block::open(&**disk, &path)).transpose());
        let block = match opened {
            Ok(block) => block,
            Err(error) => {
                self.remove_unnamed_blocks(&maintenance);
                return Err(error.into());
            }
        };
        let samples = block.as_ref().map_or(0, |block| block.meta().samples);
        let done = Compacted { written: usize::from(block.is_some()), replaced: job.sources.len(), samples };
        let added: Vec<Arc<Block>> = block.map(Arc::new).into_iter().collect();
        self.replace_blocks(&mut maintenance, added, &job.sources, &state.tombstones)?;
        drop(state);
        drop(maintenance);
        self.remove_retired()?;
        Ok(Some(done))
    }

    /// Drops the blocks that are too old or too much, and deletes what rules let go from the others.
    pub(crate) fn retain(&self) -> Result<()> {
        let retention = &self.options().retention;
        if *retention == Retention::default() {
            return Ok(());
        }
        let mut maintenance = self.maintain("retention")?;
        let state = self.state();
        let blocks: Vec<(BlockMeta, u64)> =
            state.blocks.iter().map(|block| (block.meta().clone(), block.bytes())).collect();
        let newest_ms =
            blocks.iter().map(|(block, _)| block.range.end).fold(self.head().max_time_ms(), i64::max);
        let expired = retention::expired(&blocks, newest_ms, retention.age_ms, retention.bytes);
        let tombstones = self.tombstones_by_rules(&state, &expired, newest_ms)?;
        if expired.is_empty() && tombstones == *state.tombstones {
            return Ok(());
        }
        self.replace_blocks(&mut maintenance, Vec::new(), &expired, &tombstones)?;
        drop(state);
        drop(maintenance);
        self.remove_retired()
    }

    /// The tombstones there are, and those of the rules for blocks that stay.
    fn tombstones_by_rules(&self, state: &State, expired: &[u64], newest_ms: i64) -> Result<Tombstones> {
        let mut tombstones = Tombstones::clone(&state.tombstones);
        let stays = |block: &&Arc<Block>| !expired.contains(&block.meta().id);
        for (rule, block) in self
            .options()
            .retention
            .rules
            .iter()
            .flat_map(|rule| state.blocks.iter().filter(stays).map(move |block| (rule, block)))
        {
            let meta = block.meta();
            let range = retention::expired_range(meta, newest_ms, rule.age_ms, self.options().block_ms);
            let Some(range) = range else { continue };
            let known = tombstones.of_block(meta.id);
            let series = retention::not_yet_deleted(block.select(&rule.matchers)?, range, &known);
            tombstones.push(Tombstone { block: meta.id, range, series });
        }
        Ok(tombstones)
    }

    /// Takes blocks in and lets others go, in the manifest and for new snapshots. Their files go with the last reader.
    pub(crate) fn replace_blocks(
        &self,
        maintenance: &mut Maintenance,
        added: Vec<Arc<Block>>,
        removed: &[u64],
        tombstones: &Tombstones,
    ) -> Result<()> {
        let mut tombstones = tombstones.clone();
        tombstones.retain_blocks(|block| !removed.contains(&block));
        let payload = Payload { tombstones: tombstones.clone(), ..maintenance.payload.clone() };
        let edit = Edit {
            added: added.iter().map(|block| block.meta().id).collect(),
            removed: removed.to_vec(),
            payload: Some(payload.encode()),
            ..Edit::default()
        };
        maintenance.manifest.apply(edit)?;
        maintenance.payload = payload;
        let tombstones = Arc::new(tombstones);
        let before = self.state();
        self.swap(|state| State {
            head: Arc::clone(&state.head),
            blocks: state
                .blocks
                .iter()
                .filter(|block| !removed.contains(&block.meta().id))
                .cloned()
                .chain(added)
                .collect(),
            tombstones,
            flush: state.flush,
        });
        let gone = before.blocks.iter().filter(|block| removed.contains(&block.meta().id));
        maintenance.retired.extend(gone.cloned());
        Ok(())
    }
}
