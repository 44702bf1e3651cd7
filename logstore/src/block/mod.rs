//! Blocks: entries at rest, immutable.
//!
//! A block holds rows sorted by stream (in order of labels) and time, cut into row groups of some MB of lines, so
//! that many small streams compress together. Its `index` section, loaded at open, holds the streams, what each row
//! group holds of them, where its pages are, and counters by stream and minute; its `pages` section holds the pages,
//! read when a query needs them.

mod format;
mod group;
mod index;
mod metadata;
mod streams;
#[cfg(feature = "fulltext")]
mod words;

mod writer;

mod reader;

pub(crate) use format::{GroupMeta, MINUTE_NS, MinuteCount};
pub(crate) use reader::{Block, DecodedGroup, GroupTimes, Want};
pub(crate) use writer::BlockWriter;
