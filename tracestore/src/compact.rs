//! Compaction: small blocks become bigger ones, and the pieces of a trace come together. What to compact is
//! `bedrock::store`'s to decide.

use std::collections::{BTreeMap, VecDeque};
use std::ops::Range;

use bedrock::Result;
use bedrock::store::{LiveBlock, Salvaged};

use crate::block::{Block, BlockWriter, GatheredTrace, GroupBatch, SpanRow};
use crate::memory::{StoredTrace, saturated};
use crate::merge;
use crate::model::{Trace, TraceId};

/// Decoded groups that are kept of each source. Sources and result are in order of time, so the pieces of a trace
/// are in the groups at hand unless they came late.
const GROUPS_KEPT: usize = 2;

/// Where the pieces of a trace are: source and place in it.
struct Pieces {
    start_ns: u64,
    spans: usize,
    places: Vec<(usize, usize)>,
}

/// Writes the traces of `sources` that are not deleted, each in one piece. Holds two decoded groups of each source, one
/// group of the new block, and 48 bytes a trace; of a trace that fills a group on its own some 150 bytes a span, column
/// by column.
///
/// # Errors
///
/// Where a source does not check out or the disk refuses.
pub(crate) fn copy_traces(sources: &[LiveBlock<Block>], writer: &mut BlockWriter<'_>) -> Result<()> {
    let mut traces: BTreeMap<TraceId, Pieces> = BTreeMap::new();
    for (source, block) in sources.iter().enumerate() {
        let mut place = 0;
        for group in block.groups() {
            for summary in block.summaries(group, place)? {
                let here = place;
                place += 1;
                if block.is_deleted(here as u32) {
                    continue;
                }
                let pieces = traces.entry(summary.id).or_insert_with(|| Pieces {
                    start_ns: summary.start_ns,
                    spans: 0,
                    places: Vec::new(),
                });
                pieces.spans += summary.rows.len();
                pieces.start_ns = pieces.start_ns.min(summary.start_ns);
                pieces.places.push((source, here));
            }
        }
    }
    let mut order: Vec<(TraceId, Pieces)> = traces.into_iter().collect();
    order.sort_by_key(|(id, pieces)| (pieces.start_ns, *id));
    let mut readers: Vec<GroupReader> =
        sources.iter().map(|block| GroupReader { block: block.clone(), kept: VecDeque::new() }).collect();
    for (id, pieces) in order {
        if pieces.spans >= merge::SPANS_MIN {
            writer.gathered(&gathered(sources, id, &pieces)?)?;
            continue;
        }
        let mut trace = Trace { id, spans: Vec::new() };
        for (source, place) in pieces.places {
            trace.spans.extend(readers[source].trace(place)?.spans);
        }
        let stored = StoredTrace::new(trace);
        write(&stored, writer)?;
    }
    Ok(())
}

/// A huge trace.
fn gathered<'b>(sources: &'b [LiveBlock<Block>], id: TraceId, pieces: &Pieces) -> Result<GatheredTrace<'b>> {
    let mut batches = Vec::with_capacity(pieces.places.len());
    for (source, place) in &pieces.places {
        let block = sources.get(*source).and_then(|block| Some((block, block.group_of(*place)?.0)));
        let Some((block, group)) = block else { continue };
        batches.extend(GroupBatch::open(block, group, |trace| trace.id == id)?);
    }
    GatheredTrace::new(batches)
}

fn write(stored: &StoredTrace, writer: &mut BlockWriter<'_>) -> Result<()> {
    let rows: Vec<SpanRow<'_>> = stored.trace().spans.iter().map(SpanRow::model).collect();
    writer.trace(&rows, stored.summary())
}

/// Writes the traces of a damaged block that check out and are not deleted: those of every group of which all pages do.
///
/// # Errors
///
/// Where the disk refuses what is written.
pub(crate) fn salvage_traces(block: &LiveBlock<Block>, writer: &mut BlockWriter<'_>) -> Result<Salvaged> {
    let mut salvaged = Salvaged::default();
    let mut first = 0;
    for (number, group) in block.groups().iter().enumerate() {
        let places = first..first + group.traces as u32;
        first = places.end;
        if block.check_group(number).is_err() {
            // How many of its spans were deleted stands in a page that may be lost.
            salvaged.lose(group.spans as u64, saturated(group.start_ns), saturated(group.end_ns));
            continue;
        }
        salvaged.kept_rows += salvage_group(block, number, places, writer)?;
    }
    Ok(salvaged)
}

/// Writes what is not deleted of a sound group, and says how many spans that is.
fn salvage_group(
    block: &LiveBlock<Block>,
    number: usize,
    places: Range<u32>,
    writer: &mut BlockWriter<'_>,
) -> Result<u64> {
    let is_huge = block.groups().get(number).is_some_and(|group| group.spans >= merge::SPANS_MIN);
    if is_huge && places.len() == 1 {
        if block.is_deleted(places.start) {
            return Ok(0);
        }
        let trace = GatheredTrace::new(GroupBatch::open(block, number, |_| true)?.into_iter().collect())?;
        writer.gathered(&trace)?;
        return Ok(trace.spans() as u64);
    }
    let mut kept = 0;
    let traces = block.decode_traces(number, None)?;
    for (_, trace) in places.zip(traces).filter(|(place, _)| !block.is_deleted(*place)) {
        let stored = StoredTrace::new(trace);
        write(&stored, writer)?;
        kept += stored.len() as u64;
    }
    Ok(kept)
}

/// The traces of one source, decoded group by group.
struct GroupReader {
    block: LiveBlock<Block>,
    /// Number of the group, place of its first trace, and its traces.
    kept: VecDeque<(usize, usize, Vec<Trace>)>,
}

impl GroupReader {
    fn trace(&mut self, place: usize) -> Result<Trace> {
        let holds = |(_, first, traces): &(usize, usize, Vec<Trace>)| {
            (*first..*first + traces.len()).contains(&place)
        };
        if !self.kept.iter().any(holds)
            && let Some((group, first)) = self.block.group_of(place)
        {
            let traces = self.block.decode_traces(group, None)?;
            self.kept.push_back((group, first, traces));
            if self.kept.len() > GROUPS_KEPT {
                self.kept.pop_front();
            }
        }
        // A trace is asked for once.
        let found = self.kept.iter_mut().find(|kept| holds(kept));
        let trace = found.and_then(|(_, first, traces)| traces.get_mut(place - *first));
        Ok(trace.map(std::mem::take).unwrap_or_default())
    }
}
