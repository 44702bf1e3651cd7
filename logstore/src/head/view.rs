//! A head as a snapshot sees it.

use std::sync::Arc;

use bedrock::labels::{Labels, Matcher};
use bedrock::postings::HeadPostings;
use bytes::Bytes;

use super::{EntryRef, RUN_ENTRIES, Run};

/// Streams in order of labels with their entries in order of time. Immutable.
#[derive(Debug, Default)]
pub(crate) struct HeadView {
    /// Sorted by labels.
    streams: Vec<(Labels, Vec<Run>)>,
    /// Position in `streams` of every id of the postings.
    positions: Vec<u32>,
    postings: Arc<HeadPostings>,
    buffers: Vec<Bytes>,
}

impl HeadView {
    /// A view over streams in the order of their ids.
    pub(super) fn new(
        streams: Vec<(Labels, Vec<Run>)>,
        postings: Arc<HeadPostings>,
        buffers: Vec<Bytes>,
    ) -> Self {
        let mut sorted: Vec<(u32, (Labels, Vec<Run>))> = (0u32..).zip(streams).collect();
        sorted.sort_by(|(_, (a, _)), (_, (b, _))| a.cmp(b));
        let mut positions = vec![0; sorted.len()];
        for (position, (id, _)) in sorted.iter().enumerate() {
            positions[*id as usize] = position as u32;
        }
        let streams = sorted.into_iter().map(|(_, stream)| stream).collect();
        HeadView { streams, positions, postings, buffers }
    }

    /// Whether there is no stream.
    pub(crate) fn is_empty(&self) -> bool {
        self.streams.is_empty()
    }

    /// Positions of the streams that satisfy the matchers, ascending, which is in order of labels.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Vec<u32> {
        let ids = self.postings.select(matchers);
        let mut selected: Vec<u32> = ids.iter().map(|id| self.positions[id as usize]).collect();
        selected.sort_unstable();
        selected
    }

    /// The labels of the stream at `position`.
    pub(crate) fn labels(&self, position: u32) -> &Labels {
        &self.streams[position as usize].0
    }

    /// Number of streams.
    pub(crate) fn len(&self) -> usize {
        self.streams.len()
    }

    /// The entries of a stream with a time in `[start_ns, end_ns)`, ascending.
    pub(crate) fn entries(
        &self,
        position: u32,
        start_ns: i64,
        end_ns: i64,
    ) -> impl Iterator<Item = HeadEntry<'_>> {
        let runs = &self.streams[position as usize].1;
        let inside = runs
            .iter()
            .filter(move |run| run.last().is_some_and(|last| last.ts_ns >= start_ns))
            .take_while(move |run| run.first().is_some_and(|first| first.ts_ns < end_ns));
        inside.flat_map(move |run| {
            let from = run.partition_point(|entry| entry.ts_ns < start_ns);
            let to = run.partition_point(|entry| entry.ts_ns < end_ns);
            run[from..to].iter().map(|entry| self.entry(entry))
        })
    }

    /// Number of entries of a stream before `start_ns`.
    pub(crate) fn first_entry(&self, position: u32, start_ns: i64) -> usize {
        let runs = &self.streams[position as usize].1;
        let before = runs.partition_point(|run| run.last().is_some_and(|last| last.ts_ns < start_ns));
        let whole: usize = runs[..before].iter().map(|run| run.len()).sum();
        whole + runs.get(before).map_or(0, |run| run.partition_point(|entry| entry.ts_ns < start_ns))
    }

    /// The entry of a stream with `index` entries before it. All runs but the last are full.
    pub(crate) fn entry_at(&self, position: u32, index: usize) -> HeadEntry<'_> {
        let runs = &self.streams[position as usize].1;
        self.entry(&runs[index / RUN_ENTRIES][index % RUN_ENTRIES])
    }

    fn entry(&self, entry: &EntryRef) -> HeadEntry<'_> {
        let buffer = &self.buffers[entry.buffer as usize];
        let line_end = (entry.offset + entry.line_bytes) as usize;
        HeadEntry {
            ts_ns: entry.ts_ns,
            line: &buffer[entry.offset as usize..line_end],
            metadata: &buffer[line_end..line_end + entry.metadata_bytes as usize],
        }
    }
}

/// One entry of a head.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HeadEntry<'a> {
    pub(crate) ts_ns: i64,
    pub(crate) line: &'a [u8],
    /// Encoded pairs, see [`crate::batch::MetadataIter`].
    pub(crate) metadata: &'a [u8],
}
