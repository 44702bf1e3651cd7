//! Samples leave the head for level-0 blocks, and the head goes into a checkpoint, so that the log can be cut.
//!
//! Both end in one edit of the manifest, which names the blocks, the checkpoint, and the position of the log from which a
//! recovery goes on. Before it everything is as if nothing had been done, after it the log before that position and the
//! checkpoint before are of no use.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use bedrock::block::remove_orphans;
use bedrock::manifest::Edit;
use bedrock::wal::{Wal, WalPosition};

use crate::block::{Block, BlockWriter};
use crate::error::Result;
use crate::head::{Head, Marked, read, write};
use crate::state::{Payload, State};
use crate::store::{Maintenance, Store, closed};

/// What a flush did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Flushed {
    /// Blocks written.
    pub blocks: usize,
    /// Samples in them.
    pub samples: u64,
}

impl Store {
    /// Moves everything before `until_ms` to blocks.
    pub(crate) fn flush_until(&self, until_ms: i64) -> Result<Flushed> {
        let mut maintenance = self.maintain("flush")?;
        self.heal(&mut maintenance)?;
        let wal = read(&self.wal);
        let Some(wal) = &*wal else { return Err(closed("flush").into()) };
        let flush = self.state().flush + 1;
        let marked = self.head.mark(until_ms, flush);
        if marked.is_empty() {
            return Ok(Flushed::default());
        }
        let blocks = self.write_blocks(&mut maintenance, &marked);
        let blocks = match blocks {
            Ok(blocks) => blocks,
            Err(error) => {
                self.remove_unnamed_blocks(&maintenance);
                return Err(error);
            }
        };
        let flushed =
            Flushed { blocks: blocks.len(), samples: blocks.iter().map(|block| block.meta().samples).sum() };
        // Whatever the blocks hold is durable in the log, too, so that no half of a commit outlives the other.
        self.checkpoint_and_edit(&mut maintenance, wal, blocks, flush)?;
        Ok(flushed)
    }

    fn write_blocks(&self, maintenance: &mut Maintenance, marked: &Marked) -> Result<Vec<Arc<Block>>> {
        let disk = &self.options().disk;
        let mut blocks = Vec::with_capacity(marked.slots.len());
        for &slot in &marked.slots {
            let number = maintenance.manifest.next_block();
            let path = self.layout.block(number);
            let mut writer = BlockWriter::create(disk, &path, number, number, 0)?;
            for series in self.head.marked(marked, slot) {
                let (labels, chunks) = series?;
                writer.add_chunks(&labels, &chunks)?;
            }
            if writer.finish()?.is_some() {
                blocks.push(Arc::new(Block::open(&**disk, &path)?));
            }
        }
        Ok(blocks)
    }

    /// Writes a checkpoint, so that the log before it can go.
    pub(crate) fn checkpoint(&self) -> Result<()> {
        let mut maintenance = self.maintain("checkpoint")?;
        self.heal(&mut maintenance)?;
        let wal = read(&self.wal);
        let Some(wal) = &*wal else { return Err(closed("checkpoint").into()) };
        let flush = self.state().flush;
        self.checkpoint_and_edit(&mut maintenance, wal, Vec::new(), flush)
    }

    /// The common end of flush and checkpoint.
    pub(crate) fn checkpoint_and_edit(
        &self,
        maintenance: &mut Maintenance,
        wal: &Wal,
        added: Vec<Arc<Block>>,
        flush: u32,
    ) -> Result<()> {
        let covered = wal.rotate()?;
        let before = maintenance.payload.checkpoint;
        // A number that a failed attempt used up is not used again: its file may be there.
        maintenance.last_checkpoint = maintenance.last_checkpoint.max(before) + 1;
        let number = maintenance.last_checkpoint;
        let disk = &*self.options().disk;
        let path = self.layout.checkpoint(number);
        let written = self.head.write_checkpoint(disk, &path, flush);
        let synced = written.and_then(|bytes| disk.sync_dir(&self.layout.checkpoints()).map(|()| bytes));
        let bytes = match synced {
            Ok(bytes) => bytes,
            Err(error) => {
                // What cannot be removed now goes at the next open.
                let _ = disk.remove_file(&path);
                return Err(error.into());
            }
        };
        let payload = Payload { checkpoint: number, ..maintenance.payload.clone() };
        let edit = Edit {
            added: added.iter().map(|block| block.meta().id).collect(),
            covered: Some(covered),
            watermark: Some(u64::from(self.head.generation())),
            payload: Some(payload.encode()),
            ..Edit::default()
        };
        maintenance.manifest.apply(edit)?;
        maintenance.payload = payload;
        self.checkpoint_bytes.store(bytes, Ordering::Relaxed);
        self.logged_before_checkpoint.store(wal.stats().bytes, Ordering::Relaxed);
        self.swap(|state| State {
            head: Arc::clone(&state.head),
            blocks: state.blocks.iter().cloned().chain(added).collect(),
            tombstones: Arc::clone(&state.tombstones),
            flush,
        });
        self.after_checkpoint(wal, covered, before, flush)?;
        Ok(())
    }

    /// Takes away what the edit has made useless.
    fn after_checkpoint(&self, wal: &Wal, covered: WalPosition, before: u64, flush: u32) -> Result<()> {
        self.head.release(flush);
        self.head.remove_unused_pieces()?;
        let disk = &*self.options().disk;
        if before != 0 && disk.file_bytes(&self.layout.checkpoint(before))?.is_some() {
            disk.remove_file(&self.layout.checkpoint(before))?;
        }
        wal.truncate_before(covered)?;
        Ok(())
    }

    /// Swaps the state that readers start from.
    pub(crate) fn swap(&self, next: impl FnOnce(&State) -> State) {
        let mut state = write(&self.state);
        let next = next(&state);
        *state = Arc::new(next);
    }

    /// Removes blocks that were written and never named, to give their space back.
    pub(crate) fn remove_unnamed_blocks(&self, maintenance: &Maintenance) {
        let mut live: BTreeSet<u64> = maintenance.manifest.state().blocks.clone();
        live.extend(maintenance.retired.iter().map(|block| block.meta().id));
        // What stays behind is removed at the next open.
        let _ = remove_orphans(&*self.options().disk, &self.layout.blocks(), &live);
    }
}

/// Up to where a head that has seen `newest_ms` is to be flushed: whole slots that no in-order sample, and few late ones,
/// can still fall into.
pub(crate) fn due_until_ms(newest_ms: i64, block_ms: i64, window_ms: i64) -> i64 {
    let settled_ms = newest_ms.saturating_sub(window_ms.max(block_ms / 2));
    settled_ms.div_euclid(block_ms).saturating_mul(block_ms)
}

impl Head {
    /// Where a flush of everything ends.
    pub(crate) fn behind_all_ms(&self) -> i64 {
        self.max_time_ms().saturating_add(1)
    }
}
