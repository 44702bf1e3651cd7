//! Traces of which spans lie in a head or in several parts: brought together before a query sees them.

use std::cmp::Reverse;
use std::collections::BTreeSet;
use std::ops::ControlFlow;

use bedrock::Result;

use super::{HEAD_BATCH_SPANS, Snapshot, find};
use crate::block::GroupBatch;
use crate::memory::{MemoryBatch, StoredTrace};
use crate::merge::{self, MergedBatch, Piece};
use crate::model::{Trace, TraceId};
use crate::source::{ScanRequest, SpanBatch, Visit};

/// A huge trace: the pieces in blocks as they are, those in heads decoded.
struct Pieces<'s> {
    groups: Vec<GroupBatch<'s>>,
    heads: Vec<StoredTrace>,
}

impl Pieces<'_> {
    /// First start and last end.
    fn bounds(&self) -> (u64, u64) {
        let of_groups = self.groups.iter().flat_map(SpanBatch::traces);
        let all = || of_groups.clone().chain(self.heads.iter().map(StoredTrace::summary));
        let start = all().map(|trace| trace.start_ns).min();
        (start.unwrap_or(0), all().map(|trace| trace.end_ns).max().unwrap_or(0))
    }

    fn spans(&self) -> usize {
        let of_groups: usize = self.groups.iter().map(SpanBatch::span_count).sum();
        of_groups + self.heads.iter().map(StoredTrace::len).sum::<usize>()
    }

    fn visit(&self, visit: &mut Visit<'_>) -> Result<ControlFlow<()>> {
        let heads: Vec<MemoryBatch<'_>> = self.heads.iter().map(|trace| MemoryBatch::new(&[trace])).collect();
        let groups = self.groups.iter().map(|piece| piece as &dyn Piece);
        let pieces = groups.chain(heads.iter().map(|piece| piece as &dyn Piece));
        visit(&MergedBatch::new(pieces.collect())?)
    }
}

/// Decoded traces until they are enough for a batch.
struct Batches<'v, 'f> {
    visit: &'v mut Visit<'f>,
    traces: Vec<StoredTrace>,
    spans: usize,
}

impl Batches<'_, '_> {
    fn push(&mut self, trace: StoredTrace) -> Result<ControlFlow<()>> {
        self.spans += trace.len();
        self.traces.push(trace);
        if self.spans >= HEAD_BATCH_SPANS { self.flush() } else { Ok(ControlFlow::Continue(())) }
    }

    fn huge(&mut self, pieces: &Pieces<'_>) -> Result<ControlFlow<()>> {
        if self.flush()?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        pieces.visit(self.visit)
    }

    fn flush(&mut self) -> Result<ControlFlow<()>> {
        let traces = std::mem::take(&mut self.traces);
        self.spans = 0;
        if traces.is_empty() {
            return Ok(ControlFlow::Continue(()));
        }
        (self.visit)(&MemoryBatch::new(&traces.iter().collect::<Vec<_>>()))
    }
}

impl Snapshot {
    /// All spans of a trace, from every part, in order of storage.
    pub(super) fn gather(&self, id: TraceId) -> Result<Option<StoredTrace>> {
        let mut trace = Trace { id, spans: Vec::new() };
        for block in &self.blocks {
            let Some(place) = find(block, id) else { continue };
            let Some((group, first)) = block.group_of(place) else { continue };
            for piece in block.decode_traces(group, Some(&[place - first]))? {
                trace.spans.extend(piece.spans);
            }
        }
        for head in &self.heads {
            trace.spans.extend(head.head.decode(id, head.trace(id)).spans);
        }
        Ok((!trace.spans.is_empty()).then(|| StoredTrace::new(trace)))
    }

    /// A trace that is too large to be decoded; `None` where it is not.
    fn huge(&self, id: TraceId) -> Result<Option<Pieces<'_>>> {
        let mut places = Vec::new();
        let mut spans_max: usize = self.heads.iter().map(|head| head.trace(id).len()).sum();
        for block in &self.blocks {
            let Some((group, _)) = find(block, id).and_then(|place| block.group_of(place)) else { continue };
            spans_max += block.groups().get(group).map_or(0, |group| group.spans);
            places.push((block, group));
        }
        if spans_max < merge::SPANS_MIN {
            return Ok(None);
        }
        let mut pieces = Pieces { groups: Vec::new(), heads: Vec::new() };
        for (block, group) in places {
            pieces.groups.extend(GroupBatch::open(block, group, |trace| trace.id == id)?);
        }
        let of_heads: usize = self.heads.iter().map(|head| head.trace(id).len()).sum();
        if pieces.spans() + of_heads < merge::SPANS_MIN {
            return Ok(None);
        }
        let decode = |spans: &[_], head: &crate::head::Head| StoredTrace::new(head.decode(id, spans));
        let heads = self.heads.iter().map(|head| (head.trace(id), &head.head));
        let heads = heads.filter(|(spans, _)| !spans.is_empty());
        pieces.heads.extend(heads.map(|(spans, head)| decode(spans, head)));
        Ok(Some(pieces))
    }

    /// Shows the traces of heads, and those that are split: small ones decoded, several in a batch, huge ones in their
    /// pieces.
    pub(super) fn scan_decoded(
        &self,
        request: &ScanRequest,
        visit: &mut Visit<'_>,
    ) -> Result<ControlFlow<()>> {
        let mut ids: BTreeSet<TraceId> = self.split().iter().copied().collect();
        for head in &self.heads {
            ids.extend(head.traces().filter_map(|spans| spans.first()).map(|span| span.trace));
        }
        let ids =
            if request.newest_first { self.newest_first(ids, request)? } else { ids.into_iter().collect() };
        let mut batches = Batches { visit, traces: Vec::new(), spans: 0 };
        for id in ids {
            if self.show(id, request, &mut batches)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        batches.flush()
    }

    /// Brings traces in order of time, latest first. Only ids can be kept: a head may hold more than fits decoded.
    fn newest_first(&self, ids: BTreeSet<TraceId>, request: &ScanRequest) -> Result<Vec<TraceId>> {
        let mut wanted = Vec::new();
        for id in ids {
            let bounds = match self.huge(id)? {
                Some(pieces) => Some(pieces.bounds()),
                None => self.gather(id)?.map(|trace| (trace.summary().start_ns, trace.summary().end_ns)),
            };
            let inside = bounds.filter(|(start_ns, end_ns)| request.window.overlaps(*start_ns, *end_ns));
            wanted.extend(inside.map(|(start_ns, _)| (Reverse(start_ns), id)));
        }
        wanted.sort_unstable();
        Ok(wanted.into_iter().map(|(_, id)| id).collect())
    }

    fn show(
        &self,
        id: TraceId,
        request: &ScanRequest,
        batches: &mut Batches<'_, '_>,
    ) -> Result<ControlFlow<()>> {
        if let Some(pieces) = self.huge(id)? {
            let (start_ns, end_ns) = pieces.bounds();
            return match request.window.overlaps(start_ns, end_ns) {
                true => batches.huge(&pieces),
                false => Ok(ControlFlow::Continue(())),
            };
        }
        match self.gather(id)?.filter(|trace| trace.overlaps(request.window)) {
            Some(trace) => batches.push(trace),
            None => Ok(ControlFlow::Continue(())),
        }
    }
}
