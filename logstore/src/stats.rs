//! What a store holds, in numbers.

use bedrock::store::Lifecycle;

use crate::store::Logs;

/// Numbers of a store at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Entries in memory, and late duplicates that have not been found yet.
    pub head_entries: u64,
    /// Streams in memory.
    pub head_streams: usize,
    /// An estimate of the memory that entries in memory take.
    pub head_bytes: usize,
    /// Blocks on disk.
    pub blocks: usize,
    /// Entries in blocks.
    pub block_entries: u64,
    /// Bytes of lines in blocks.
    pub block_raw_bytes: u64,
    /// Bytes of blocks on disk.
    pub block_file_bytes: u64,
    /// Commits since the store was opened.
    pub commits: u64,
    /// Syncs of the log since the store was opened; commits that wait at the same time share one.
    pub wal_syncs: u64,
}

impl Stats {
    pub(crate) fn of(life: &Lifecycle<Logs>) -> Self {
        let stats = life.stats();
        let mut all = Stats {
            head_entries: stats.head.rows,
            head_streams: life.with_head(crate::head::Head::streams),
            head_bytes: stats.head.bytes,
            blocks: stats.blocks.len(),
            commits: stats.commits,
            wal_syncs: stats.wal_syncs,
            ..Stats::default()
        };
        for block in stats.blocks.iter() {
            let (entries, raw_bytes) = block.size();
            all.block_entries += entries;
            all.block_raw_bytes += raw_bytes;
            all.block_file_bytes += block.file_bytes();
        }
        all
    }
}
