//! How a store is opened.

use std::time::Duration;

use bedrock::wal::Durability;

use crate::ingest::Discovery;
use crate::limits::Limits;
use crate::retention::RetentionRule;

/// Options of a store. Every field has a default that suits a service with a few MB of logs a second.
///
/// ```
/// use logstore::{Db, Options};
///
/// let db = Db::in_memory(Options { flush_bytes: 8 << 20, ..Options::default() })?;
/// # db.close()?;
/// # Ok::<(), logstore::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// When a commit is durable. Default: every commit, before it returns.
    pub durability: Durability,
    /// A head of so many bytes is flushed to a block. Default 32 MiB.
    pub flush_bytes: usize,
    /// Commits wait for a flush while the heads hold more than this. Default 96 MiB.
    pub head_bytes_max: usize,
    /// So many neighbouring blocks of one level are compacted into one of the next. Default 8.
    pub compact_fan_in: usize,
    /// Blocks are not compacted into one of more bytes of lines, ends of lines included. Default 1 GiB.
    pub block_raw_bytes_max: u64,
    /// Entries older than this are dropped, block by block, seen from the newest entry or from now, whichever is
    /// earlier: a clock that runs ahead drops nothing. Default: kept.
    pub retention: Option<Duration>,
    /// Other ages for some streams, longer or shorter. The first rule that selects a stream holds for it. Default: none.
    pub retention_rules: Vec<RetentionRule>,
    /// While the blocks take more bytes on disk, the oldest is dropped. Default: no limit.
    pub retention_bytes: Option<u64>,
    /// Flush, compaction and retention run on a thread of the store's own. Where false, commits flush when they
    /// must and the caller drives the rest with [`crate::Db::tick`]. Default true.
    pub background: bool,
    /// What may be committed.
    pub limits: Limits,
    /// What is found out about entries on arrival. Default: nothing.
    pub discovery: Discovery,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            durability: Durability::EveryCommit,
            flush_bytes: 32 << 20,
            head_bytes_max: 96 << 20,
            compact_fan_in: 8,
            block_raw_bytes_max: 1 << 30,
            retention: None,
            retention_rules: Vec::new(),
            retention_bytes: None,
            background: true,
            limits: Limits::default(),
            discovery: Discovery::default(),
        }
    }
}
