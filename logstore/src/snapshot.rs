//! A consistent view of a store: heads and blocks as they were at one moment.

use std::sync::Arc;

use bedrock::Result;
use bedrock::labels::{Labels, Matcher};
use bedrock::store::{LiveBlock, Parts};

use crate::block::{Block, MINUTE_NS, MinuteCount};
use crate::head::HeadView;
use crate::scan;
use crate::source::{
    BatchSink, BucketCount, BucketRequest, BucketSink, LogSource, Order, ScanParts, Selection,
};
use crate::store::Logs;

/// A snapshot of a [`crate::Db`]. Cheap to make and to clone; it sees every entry that was committed before it was
/// made, once, and none that came later. Blocks that it reads stay on disk until it is dropped.
#[derive(Clone, Debug)]
pub struct Snapshot {
    pub(crate) heads: Vec<Arc<HeadView>>,
    pub(crate) blocks: Vec<LiveBlock<Block>>,
}

/// A head or a block: streams in order of labels with rows in order of time.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Part<'s> {
    Head(&'s HeadView),
    Block(&'s LiveBlock<Block>),
}

impl<'s> Part<'s> {
    /// Positions of the streams that match, ascending.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Vec<u32> {
        match self {
            Part::Head(head) => head.select(matchers),
            Part::Block(block) => block.select(matchers),
        }
    }

    /// The labels of the streams at some positions, which ascend.
    pub(crate) fn labels(&self, positions: &[u32]) -> Vec<Labels> {
        match self {
            Part::Head(head) => positions.iter().map(|position| head.labels(*position).clone()).collect(),
            Part::Block(block) => block.labels(positions),
        }
    }
}

impl Snapshot {
    pub(crate) fn of(parts: &Parts<Logs>) -> Self {
        Snapshot { heads: parts.heads.clone(), blocks: parts.blocks.to_vec() }
    }

    /// The parts that may hold rows in `[start_ns, end_ns)`, blocks first.
    pub(crate) fn parts(&self, start_ns: i64, end_ns: i64) -> Vec<Part<'_>> {
        let overlapping = |block: &&LiveBlock<Block>| {
            block.time_range().is_some_and(|(first, last)| first < end_ns && start_ns <= last)
        };
        let blocks = self.blocks.iter().filter(overlapping).map(Part::Block);
        blocks.chain(self.heads.iter().filter(|head| !head.is_empty()).map(|head| Part::Head(head))).collect()
    }
}

impl LogSource for Snapshot {
    fn streams(&self, matchers: &[Matcher], start_ns: i64, end_ns: i64) -> Result<Vec<Labels>> {
        let mut streams = Vec::new();
        for part in self.parts(start_ns, end_ns) {
            let selected = part.select(matchers);
            let present = match part {
                Part::Head(head) => selected
                    .into_iter()
                    .filter(|&stream| head.entries(stream, start_ns, end_ns).next().is_some())
                    .collect(),
                Part::Block(block) => scan::streams_of_block(block, selected, start_ns, end_ns)?,
            };
            streams.extend(part.labels(&present));
        }
        streams.sort();
        streams.dedup();
        Ok(streams)
    }

    fn scan(&self, selection: &Selection<'_>, sink: &mut BatchSink<'_>) -> Result<()> {
        match selection.order {
            Order::PerStream => scan::per_stream(self, selection, sink),
            Order::Forward | Order::Backward => scan::by_time(self, selection, sink),
        }
    }

    fn parts<'s>(&'s self, selection: &'s Selection<'_>) -> Result<Option<Box<dyn ScanParts + 's>>> {
        Ok(Some(Box::new(scan::StreamParts::new(self, selection))))
    }

    /// Answers where every bucket is made of whole minutes, no head holds a matching
    /// stream, no block that does has metadata or something deleted, and no two blocks hold
    /// rows of one stream that may be equal.
    fn bucket_counts(&self, request: &BucketRequest<'_>, sink: &mut BucketSink<'_>) -> Result<bool> {
        if request.width_ns % MINUTE_NS != 0 || request.origin_ns % MINUTE_NS != 0 || request.width_ns <= 0 {
            return Ok(false);
        }
        let end_ns =
            request.origin_ns.saturating_add(request.width_ns.saturating_mul(request.buckets as i64));
        let parts = self.parts(request.origin_ns, end_ns.saturating_add(1));
        let mut counts: Vec<(Labels, Vec<MinuteCount>)> = Vec::new();
        for part in parts {
            let selected = part.select(request.matchers);
            match part {
                Part::Head(_) if !selected.is_empty() => return Ok(false),
                Part::Block(block)
                    if !selected.is_empty()
                        && (!block.is_without_metadata() || block.deleted().is_some()) =>
                {
                    return Ok(false);
                }
                Part::Head(_) => {}
                Part::Block(block) => {
                    let minutes = selected.iter().map(|&stream| block.minutes(stream));
                    counts.extend(block.labels(&selected).into_iter().zip(minutes));
                }
            }
        }
        counts.sort_by(|(a, _), (b, _)| a.cmp(b));
        let streams: Vec<_> = counts.chunk_by(|(a, _), (b, _)| a == b).collect();
        if streams.iter().any(|parts| minutes_meet(parts)) {
            return Ok(false);
        }
        for parts in streams {
            let mut buckets = vec![BucketCount::default(); request.buckets];
            for count in parts.iter().flat_map(|(_, minutes)| minutes.iter()) {
                // Minute m ends at m minutes; the bucket that ends there or later is the first whose end reaches it.
                let behind = count.minute - request.origin_ns / MINUTE_NS - 1;
                let bucket = behind.div_euclid(request.width_ns / MINUTE_NS);
                if let Some(bucket) = usize::try_from(bucket).ok().and_then(|bucket| buckets.get_mut(bucket))
                {
                    bucket.lines += count.lines;
                    bucket.line_bytes += count.line_bytes;
                }
            }
            if let Some((labels, _)) = parts.first() {
                sink(labels, &buckets);
            }
        }
        Ok(true)
    }
}

/// Whether two blocks have rows of one stream in the same minute: only then may an entry be in both.
fn minutes_meet(parts: &[(Labels, Vec<MinuteCount>)]) -> bool {
    let mut minutes: Vec<i64> =
        parts.iter().flat_map(|(_, counts)| counts.iter().map(|c| c.minute)).collect();
    if parts.len() < 2 {
        return false;
    }
    let all = minutes.len();
    minutes.sort_unstable();
    minutes.dedup();
    minutes.len() < all
}
