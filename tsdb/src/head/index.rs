//! From labels to references, and from matchers to slots.
//!
//! The map is sharded by the hash of the labels; a shard keeps the labels (shared with the series) and the reference,
//! 24 bytes an entry and 8 to 20 of slack. The postings are one structure behind one lock, which a selection holds for
//! the set algebra alone.

use std::hash::{BuildHasher, BuildHasherDefault};
use std::sync::{Mutex, MutexGuard, RwLock};

use bedrock::labels::Labels;
use bedrock::postings::HeadPostings;
use rustc_hash::{FxHashMap, FxHasher};

use super::sync::held;

/// Shards of the map.
const SHARDS: usize = 16;

/// One shard: references by labels.
pub(crate) type Shard = FxHashMap<Labels, u64>;

/// The index of the head.
#[derive(Debug, Default)]
pub(crate) struct Index {
    shards: [Mutex<Shard>; SHARDS],
    pub(crate) postings: RwLock<HeadPostings>,
}

impl Index {
    /// The shard that holds a label set.
    pub(crate) fn shard(&self, labels: &Labels) -> MutexGuard<'_, Shard> {
        let hash = BuildHasherDefault::<FxHasher>::default().hash_one(labels);
        // The map inside uses the low and the top bits.
        let [first, ..] = &self.shards;
        held(self.shards.get((hash >> 40) as usize % SHARDS).unwrap_or(first))
    }

    /// Makes room for so many series in all.
    pub(crate) fn reserve(&self, series: usize) {
        for shard in &self.shards {
            // Shards differ by a few percent.
            held(shard).reserve(series / SHARDS + series / (SHARDS * 16));
        }
    }

    /// Enters a series that is in its slot already.
    pub(crate) fn enter(&self, labels: Labels, reference: u64) {
        let mut shard = self.shard(&labels);
        shard.insert(labels, reference);
    }

    /// The reference of a label set.
    pub(crate) fn get(&self, labels: &Labels) -> Option<u64> {
        self.shard(labels).get(labels).copied()
    }
}
