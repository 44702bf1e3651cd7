//! How a store is opened.

use std::time::Duration;

use bedrock::wal::Durability;

/// Options of a store. Every field has a default that suits a service with some thousand spans a second.
#[derive(Clone, Debug)]
pub struct Options {
    /// When a commit is durable. Default: every commit, before it returns.
    pub durability: Durability,
    /// A head of so many bytes is flushed to a block. Default 16 MiB.
    pub flush_bytes: usize,
    /// Commits wait for a flush while the heads hold more than this. Default 64 MiB.
    pub head_bytes_max: usize,
    /// So many neighbouring blocks of one level are compacted into one of the next. Default 8.
    pub compact_fan_in: usize,
    /// A block of so many spans is not compacted further. Default 50 million.
    pub block_spans_max: u64,
    /// Blocks whose last span is older than this are dropped, seen from the newest span or from now, whichever is
    /// earlier: a clock that runs ahead drops nothing. Default: kept.
    pub retention: Option<Duration>,
    /// While the blocks take more bytes on disk, the oldest is dropped. Default: no limit.
    pub retention_bytes: Option<u64>,
    /// Flush, compaction and retention run on a thread of the store's own. Where false, commits flush when they
    /// must and the caller drives the rest with [`crate::Db::tick`]. Default true.
    pub background: bool,
    /// Bytes of one request. Default 32 MiB.
    pub request_bytes_max: usize,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            durability: Durability::EveryCommit,
            flush_bytes: 16 << 20,
            head_bytes_max: 64 << 20,
            compact_fan_in: 8,
            block_spans_max: 50_000_000,
            retention: None,
            retention_bytes: None,
            background: true,
            request_bytes_max: 32 << 20,
        }
    }
}
