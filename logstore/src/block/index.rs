//! The index of an open block: which streams match, and where their rows are.

use bedrock::Result;
use bedrock::labels::{Labels, Matcher};
use bedrock::postings::{HeadPostings, PostingsReader};

use super::format::{GroupMeta, MinuteCount};
use super::streams::{MinuteTable, StreamTable};

/// Streams, groups, counters and postings of an open block: some 60 bytes a stream and 8 more for each group that it is
/// in.
#[derive(Debug)]
pub(super) struct BlockIndex {
    pub(super) level: u8,
    streams: StreamTable,
    pub(super) groups: Vec<GroupMeta>,
    minutes: MinuteTable,
    postings: PostingsReader,
}

/// What an index is made of while it is read.
#[derive(Debug, Default)]
pub(super) struct IndexParts {
    pub(super) level: u8,
    pub(super) streams: StreamTable,
    pub(super) groups: Vec<GroupMeta>,
    pub(super) minutes: MinuteTable,
    pub(super) postings: HeadPostings,
}

impl IndexParts {
    /// Adds the next stream.
    pub(super) fn push(&mut self, labels: &Labels) {
        self.postings.add(self.streams.len() as u32, labels);
        self.streams.push(labels);
    }
}

impl BlockIndex {
    /// Packs an index that was read.
    ///
    /// # Errors
    ///
    /// Where the postings are larger than their layout allows.
    pub(super) fn new(mut parts: IndexParts) -> Result<Self> {
        parts.streams.finish();
        // A tree costs 120 bytes a value, what is written 10: trees are for indexes that grow.
        let postings = parts.postings.write(Some)?;
        let postings = PostingsReader::open(postings.into(), "postings of an open block", 0)?;
        let IndexParts { level, streams, groups, minutes, .. } = parts;
        Ok(BlockIndex { level, streams, groups, minutes, postings })
    }

    /// Positions of the streams that satisfy the matchers, ascending, which is in order of labels.
    pub(super) fn select(&self, matchers: &[Matcher]) -> Vec<u32> {
        let ids = self.postings.select(matchers);
        ids.expect("the postings were written at open").iter().collect()
    }

    /// Number of streams.
    pub(super) fn streams(&self) -> usize {
        self.streams.len()
    }

    /// The labels at some positions, which ascend.
    pub(super) fn labels(&self, positions: &[u32]) -> Vec<Labels> {
        self.streams.labels(positions)
    }

    /// The counters of a stream, ascending by minute.
    pub(super) fn minutes(&self, position: u32) -> Vec<MinuteCount> {
        self.minutes.minutes(position)
    }
}
