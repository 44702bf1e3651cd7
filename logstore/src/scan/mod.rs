//! Walks the rows of a snapshot.
//!
//! A row is found in one of several parts (blocks and heads). Streams are numbered over all parts in order of labels;
//! every part then gives its rows as segments: rows of one stream, ascending in time, decoded together. Where one part
//! alone has a stream its segments are handed out as they are; where several have it, rows are merged by time and equal
//! entries are handed out once.

mod by_time;
mod cursor;
mod emit;
mod merge;
mod parts;

use std::ops::ControlFlow;

use bedrock::Result;

pub(crate) use by_time::by_time;
pub(crate) use cursor::{Cursor, Segment, SelectedRun, selected_runs, wanted_rows, without_deleted};
pub(crate) use merge::MergedRows;
pub(crate) use parts::StreamParts;

use bedrock::labels::Labels;
use bedrock::store::LiveBlock;

use crate::block::Block;
use crate::snapshot::{Part, Snapshot};
use crate::source::{BatchSink, ScanParts, Selection};

/// Walks a snapshot stream by stream, on the caller's thread.
pub(crate) fn per_stream(
    snapshot: &Snapshot,
    selection: &Selection<'_>,
    sink: &mut BatchSink<'_>,
) -> Result<()> {
    let parts = StreamParts::new(snapshot, selection);
    let mut flow = ControlFlow::Continue(());
    for part in 0..parts.len() {
        parts.walk(part, &mut |batch| {
            flow = sink(batch);
            flow
        })?;
        if flow == ControlFlow::Break(()) {
            break;
        }
    }
    Ok(())
}

/// The selected streams of all parts under one numbering.
pub(crate) struct Streams<'s> {
    /// Labels by number, ascending.
    pub(crate) labels: Vec<Labels>,
    /// Every part with its selected streams: position in the part and number, ascending.
    pub(crate) parts: Vec<(Part<'s>, Vec<(u32, u32)>)>,
    /// Whether some stream is in more than one part, so that an entry may be stored twice.
    pub(crate) shared: bool,
}

impl<'s> Streams<'s> {
    pub(crate) fn select(snapshot: &'s Snapshot, selection: &Selection<'_>) -> Self {
        let parts: Vec<(Part<'s>, Vec<u32>, Vec<Labels>)> = snapshot
            .parts(selection.start_ns, selection.end_ns)
            .into_iter()
            .map(|part| (part, part.select(selection.matchers)))
            .filter(|(_, selected)| !selected.is_empty())
            .map(|(part, selected)| {
                let labels = part.labels(&selected);
                (part, selected, labels)
            })
            .collect();
        let mut labels: Vec<Labels> =
            parts.iter().flat_map(|(_, _, labels)| labels.iter().cloned()).collect();
        let all = labels.len();
        labels.sort_unstable();
        labels.dedup();
        let shared = labels.len() < all;
        let number = |of: &Labels| labels.binary_search(of).unwrap_or_default() as u32;
        let parts = parts
            .into_iter()
            .map(|(part, selected, labels)| {
                let numbered = selected.into_iter().zip(labels.iter().map(number)).collect();
                (part, numbered)
            })
            .collect();
        Streams { labels, parts, shared }
    }
}

/// Of the selected streams of a block those with a row in `[start_ns, end_ns)` that is not deleted.
pub(crate) fn streams_of_block(
    block: &LiveBlock<Block>,
    selected: Vec<u32>,
    start_ns: i64,
    end_ns: i64,
) -> Result<Vec<u32>> {
    let whole = block.time_range().is_some_and(|(first, last)| start_ns <= first && last < end_ns);
    if whole && block.deleted().is_none() {
        return Ok(selected);
    }
    let selected: Vec<(u32, u32)> = selected.into_iter().map(|stream| (stream, stream)).collect();
    let mut present = Vec::new();
    let mut first = 0;
    for group in block.groups() {
        let base = first;
        first += group.rows;
        let runs = selected_runs(group, &selected);
        if runs.is_empty() || group.last_ns < start_ns || end_ns <= group.first_ns {
            continue;
        }
        let wanted = wanted_rows(group, &block.times(group)?, &runs, (start_ns, end_ns));
        let wanted = without_deleted(wanted, block, base);
        let inside = runs.iter().filter(|run| wanted.any_in(run.first, run.end)).map(|run| run.stream);
        present.extend(inside);
    }
    present.dedup();
    Ok(present)
}
