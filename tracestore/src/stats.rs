//! What a store holds, in numbers.

use bedrock::store::LifeStats;

use crate::store::Traces;

/// Numbers of a store at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Stats {
    /// Spans in memory.
    pub head_spans: u64,
    /// An estimate of the memory that they take.
    pub head_bytes: usize,
    /// Blocks on disk.
    pub blocks: usize,
    /// Spans in blocks.
    pub block_spans: u64,
    /// Traces in blocks; a trace in two of them counts twice.
    pub block_traces: u64,
    /// Bytes of blocks on disk.
    pub block_file_bytes: u64,
    /// Commits since the store was opened.
    pub commits: u64,
    /// Syncs of the log since the store was opened; commits that wait at the same time share one.
    pub wal_syncs: u64,
}

impl Stats {
    pub(crate) fn of(stats: &LifeStats<Traces>) -> Self {
        let blocks = &stats.blocks;
        Stats {
            head_spans: stats.head.rows,
            head_bytes: stats.head.bytes,
            blocks: blocks.len(),
            block_spans: blocks.iter().map(|block| block.spans()).sum(),
            block_traces: blocks.iter().map(|block| block.ids().len() as u64).sum(),
            block_file_bytes: blocks.iter().map(|block| block.file_bytes()).sum(),
            commits: stats.commits,
            wal_syncs: stats.wal_syncs,
        }
    }
}
