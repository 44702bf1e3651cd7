//! Deletion: effective at once, in head and blocks alike; the bytes go when their block is compacted or dropped.
//!
//! The record in the log is the moment of truth. It carries the tombstones of the blocks, too: where the store dies before
//! the manifest has them, the next open takes them from there.

use std::sync::Arc;

use bedrock::labels::Matcher;
use bedrock::manifest::Edit;
use bedrock::time::TimeRange;

use crate::error::Result;
use crate::head::{read, write};
use crate::state::State;
use crate::store::{Db, Store, closed};
use crate::tombstones::{Tombstone, Tombstones};

/// What a deletion met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Deletion {
    /// Series of the head with samples in the range.
    pub head_series: usize,
    /// Series of blocks, summed over the blocks.
    pub block_series: u64,
}

impl Db {
    /// Deletes the samples of the series that satisfy all matchers in a range of time, in milliseconds, both ends
    /// inside. Samples that are appended afterwards stay, also inside of the range. Snapshots that exist go on to see
    /// what they saw. Costs O(series), and a rewrite of the manifest.
    ///
    /// ```
    /// use bedrock::labels::{Labels, MatchOp, Matcher};
    /// use bedrock::time::TimeRange;
    /// use tsdb::{Db, Options};
    ///
    /// let db = Db::in_memory(Options::default())?;
    /// let mut appender = db.appender();
    /// let up = appender.series(&Labels::from_pairs([("__name__", "up")]).expect("a label set"))?;
    /// appender.append(up, 1_000, 1.0);
    /// appender.commit()?;
    /// let up = Matcher::new(MatchOp::Equal, "__name__", "up").expect("a matcher");
    /// assert_eq!(db.delete(&[up], TimeRange::ALL)?.head_series, 1);
    /// # Ok::<(), tsdb::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the log or the manifest refuses.
    pub fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<Deletion> {
        self.store().delete(matchers, range)
    }
}

impl Store {
    fn delete(&self, matchers: &[Matcher], range: TimeRange) -> Result<Deletion> {
        let mut maintenance = self.maintain("delete")?;
        self.heal(&mut maintenance)?;
        let wal = read(&self.wal);
        let Some(wal) = &*wal else { return Err(closed("delete").into()) };
        let added = self.tombstones_for(matchers, range)?;
        let block_series = added.iter().map(|tombstone| tombstone.series.len()).sum();
        let mut tombstones = maintenance.payload.tombstones.clone();
        for tombstone in added.iter() {
            tombstones.push(tombstone.clone());
        }
        let tombstones = Arc::new(tombstones);
        let mut commit = 0;
        let (end, head_series) = {
            // No snapshot is taken between the deletion in the head and the one in the blocks.
            let mut state = write(&self.state);
            let publish = |number| {
                commit = number;
                *state = Arc::new(State {
                    head: Arc::clone(&state.head),
                    blocks: state.blocks.clone(),
                    tombstones: Arc::clone(&tombstones),
                    flush: state.flush,
                });
            };
            self.head.delete(matchers, range, &added.encode(), |record| wal.append(record), publish)?
        };
        maintenance.payload.tombstones = Tombstones::clone(&tombstones);
        maintenance.payload.deleted = commit;
        wal.wait(end)?;
        if block_series > 0 {
            let payload = Some(maintenance.payload.encode());
            maintenance.manifest.apply(Edit { payload, ..Edit::default() })?;
        }
        Ok(Deletion { head_series, block_series })
    }

    /// What a deletion means for the blocks there are.
    fn tombstones_for(&self, matchers: &[Matcher], range: TimeRange) -> Result<Tombstones> {
        let mut tombstones = Tombstones::default();
        for block in self.state().blocks.iter().filter(|block| block.meta().range.overlaps(&range)) {
            let series = block.select(matchers)?;
            tombstones.push(Tombstone { block: block.meta().id, range, series });
        }
        Ok(tombstones)
    }
}
