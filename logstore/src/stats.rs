//! What a store holds, in numbers.

use bedrock::store::Lifecycle;

use crate::store::Logs;

/// What a check of all blocks found.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Blocks that were read.
    pub blocks: u64,
    /// Entries that check out, deleted ones among them.
    pub entries: u64,
    /// Everything that does not check out, with file and offset.
    pub problems: Vec<bedrock::Error>,
}

impl Verified {
    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.problems.is_empty()
    }

    pub(crate) fn of(life: &Lifecycle<Logs>) -> Self {
        let mut all = Verified::default();
        for block in life.stats().blocks.iter() {
            let (entries, problems) = block.check();
            all.blocks += 1;
            all.entries += entries;
            all.problems.extend(problems);
        }
        all
    }
}

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
    /// Entries in blocks, those that are deleted among them.
    pub block_entries: u64,
    /// Entries in blocks that are deleted: their bytes go with the next compaction.
    pub deleted_entries: u64,
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
            all.deleted_entries += block.deleted().map_or(0, bedrock::postings::Ids::len);
            all.block_raw_bytes += raw_bytes;
            all.block_file_bytes += block.file_bytes();
        }
        all
    }
}
