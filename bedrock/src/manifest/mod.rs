//! The manifest: which blocks a store consists of, and how much of its log they cover.
//!
//! An [`Edit`] takes blocks in, lets others go, moves the covered position of the log, raises the watermark of the
//! store's ids and replaces what else the store keeps here (tombstones, say), all at once or not at all.
//!
//! The manifest is one file, replaced by a rename. A block takes 8 bytes in it, so ten thousand blocks cost a write
//! of 80 kB and three syncs per edit, and stores edit once per flush or compaction. A log of edits would write less
//! and would have a tail of which nobody can tell whether it was torn or has rotted: an edit lost there turns good
//! blocks into orphans.
//!
//! ```
//! use std::path::Path;
//! use bedrock::disk::{Disk, MemDisk};
//! use bedrock::manifest::{Edit, Manifest, StoreKind};
//! use std::sync::Arc;
//!
//! const KIND: StoreKind = StoreKind { tag: *b"DEMO", version: 1 };
//! let disk = Arc::new(MemDisk::new());
//! let mut manifest = Manifest::open(disk.clone(), Path::new("store"), KIND)?;
//! let number = manifest.next_block();
//! // ... write and publish the block of that number, then:
//! manifest.apply(Edit { added: vec![number], ..Edit::default() })?;
//! drop(manifest);
//! let manifest = Manifest::open(disk, Path::new("store"), KIND)?;
//! assert!(manifest.state().blocks.contains(&number));
//! # bedrock::Result::Ok(())
//! ```

mod format;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

use std::collections::BTreeSet;

use bytes::Bytes;

use crate::wal::WalPosition;

pub use format::StoreKind;
pub use reader::read;
pub use writer::Manifest;

/// The name of the file in the directory of its store.
pub const MANIFEST_NAME: &str = "manifest";
/// Where a store keeps its blocks, below its own directory.
pub const BLOCKS_DIR: &str = "blocks";
/// Where a store keeps its log, below its own directory.
pub const WAL_DIR: &str = "wal";

/// What a manifest says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct State {
    /// The numbers of the blocks that the store consists of.
    pub blocks: BTreeSet<u64>,
    /// What lies before this position of the log is in blocks.
    pub covered: WalPosition,
    /// No block of this number or a higher one was ever committed.
    pub next_block: u64,
    /// A number of the store's own that only rises: ids below it have been given out.
    pub watermark: u64,
    /// What else the store keeps with its set of blocks; at most [`PAYLOAD_BYTES_MAX`].
    pub payload: Bytes,
}

/// No payload of a manifest is larger: it is written again with every edit.
pub const PAYLOAD_BYTES_MAX: usize = 64 << 20;

/// One change of a manifest, all of it or nothing.
#[derive(Clone, Debug, Default)]
pub struct Edit {
    /// Blocks that the store takes in. They are published.
    pub added: Vec<u64>,
    /// Blocks that the store lets go.
    pub removed: Vec<u64>,
    /// The new covered position of the log, where it moves. It never moves back.
    pub covered: Option<WalPosition>,
    /// The new watermark, where it rises.
    pub watermark: Option<u64>,
    /// The new payload, where it changes.
    pub payload: Option<Bytes>,
}
