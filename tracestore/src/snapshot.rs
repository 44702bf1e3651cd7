//! A consistent view of a store: heads and blocks as they were at one moment.

mod pieces;

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::{Arc, OnceLock};

use bedrock::Result;
use bedrock::store::{LiveBlock, Parts};
use rustc_hash::FxHashSet;

use crate::block::{Block, GroupBatch, GroupMeta};
use crate::field::{Field, Intrinsic, Scope};
use crate::head::{Head, SpanRef};
use crate::memory::StoredTrace;
use crate::model::{SpanRecord, Trace, TraceId};
use crate::source::{Requirement, ScanRequest, Source, SpanBatch, TimeWindow, Visit};
use crate::store::Traces;
use crate::traceql::Value;

/// Spans of traces in heads that are decoded together.
const HEAD_BATCH_SPANS: usize = 2000;

/// A snapshot of a [`crate::Db`]. Cheap to make and to clone; it sees every span that was committed before it was
/// made, and none that came later. Blocks that it reads stay on disk until it is dropped.
#[derive(Clone, Debug)]
pub struct Snapshot {
    heads: Vec<Arc<HeadSpans>>,
    pub(crate) blocks: Vec<LiveBlock<Block>>,
    /// Traces with spans in more than one part.
    split: Arc<OnceLock<FxHashSet<TraceId>>>,
}

/// A head with its spans sorted by trace.
#[derive(Debug)]
struct HeadSpans {
    head: Arc<Head>,
    spans: OnceLock<Vec<SpanRef>>,
}

impl HeadSpans {
    fn spans(&self) -> &[SpanRef] {
        self.spans.get_or_init(|| self.head.by_trace())
    }

    fn traces(&self) -> impl Iterator<Item = &[SpanRef]> {
        self.spans().chunk_by(|a, b| a.trace == b.trace)
    }

    fn trace(&self, id: TraceId) -> &[SpanRef] {
        let spans = self.spans();
        let from = spans.partition_point(|span| span.trace < id);
        let to = spans.partition_point(|span| span.trace <= id);
        spans.get(from..to).unwrap_or_default()
    }
}

impl Snapshot {
    pub(crate) fn of(parts: Parts<Traces>) -> Self {
        Snapshot::new(parts.heads, parts.blocks.to_vec())
    }

    pub(crate) fn new(heads: Vec<Arc<Head>>, blocks: Vec<LiveBlock<Block>>) -> Self {
        let heads =
            heads.into_iter().map(|head| Arc::new(HeadSpans { head, spans: OnceLock::new() })).collect();
        Snapshot { heads, blocks, split: Arc::default() }
    }

    /// Traces with spans in more than one part. O(traces), once a snapshot.
    fn split(&self) -> &FxHashSet<TraceId> {
        self.split.get_or_init(|| {
            let mut ids: Vec<TraceId> = Vec::new();
            for block in &self.blocks {
                let live = block.ids().iter().filter(|(_, place)| !block.is_deleted(*place));
                ids.extend(live.map(|(id, _)| *id));
            }
            for head in &self.heads {
                ids.extend(head.traces().filter_map(|spans| spans.first()).map(|span| span.trace));
            }
            if self.blocks.len() + self.heads.len() < 2 {
                return FxHashSet::default();
            }
            ids.sort_unstable();
            ids.windows(2).filter(|pair| pair[0] == pair[1]).map(|pair| pair[0]).collect()
        })
    }

    /// Shows the spans of a trace, some thousand at a time, piece by piece in no particular order: for traces that one
    /// would rather not hold as a whole, which [`Source::trace`] does. Takes memory for the columns of one piece (some
    /// 200 bytes a span) and for the spans at hand (about 800 bytes each).
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use tracestore::model::TraceId;
    /// use tracestore::{Db, Options};
    ///
    /// let db = Db::in_memory(Options::default())?;
    /// let mut spans = 0;
    /// db.snapshot().visit_trace(TraceId([7; 16]), &mut |some| {
    ///     spans += some.len();
    ///     ControlFlow::Continue(())
    /// })?;
    /// assert_eq!(spans, 0);
    /// # Ok::<(), tracestore::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where a block cannot be read or does not check out.
    pub fn visit_trace(
        &self,
        id: TraceId,
        visit: &mut dyn FnMut(Vec<SpanRecord>) -> ControlFlow<()>,
    ) -> Result<()> {
        for block in &self.blocks {
            let Some(place) = find(block, id) else { continue };
            let Some((group, first)) = block.group_of(place) else { continue };
            if block.visit_trace(group, place - first, HEAD_BATCH_SPANS, visit)?.is_break() {
                return Ok(());
            }
        }
        for head in &self.heads {
            for spans in head.trace(id).chunks(HEAD_BATCH_SPANS) {
                if visit(head.head.decode(id, spans).spans).is_break() {
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Shows the traces of heads that overlap a window, as if there were no blocks.
    fn scan_heads(
        &self,
        window: TimeWindow,
        mut see: impl FnMut(&dyn SpanBatch) -> Result<()>,
    ) -> Result<()> {
        let heads = Snapshot::new(self.heads.iter().map(|head| head.head.clone()).collect(), Vec::new());
        let request = ScanRequest {
            window,
            requirement: Requirement::Anything,
            spans_only: false,
            fields: Vec::new(),
            newest_first: false,
        };
        heads.scan_decoded(&request, &mut |batch| see(batch).map(ControlFlow::Continue)).map(drop)
    }
}

impl Source for Snapshot {
    fn scan(&self, request: &ScanRequest, visit: &mut Visit<'_>) -> Result<()> {
        if self.scan_decoded(request, visit)?.is_break() {
            return Ok(());
        }
        let split = self.split();
        let mut groups: Vec<(&GroupMeta, &LiveBlock<Block>, usize)> = Vec::new();
        for block in &self.blocks {
            let inside = block.groups().iter().enumerate();
            let inside = inside.filter(|(_, group)| request.window.overlaps(group.start_ns, group.end_ns));
            groups.extend(inside.map(|(number, group)| (group, block, number)));
        }
        groups.sort_by_key(|(group, _, _)| group.start_ns);
        if request.newest_first {
            groups.reverse();
        }
        for (group, block, number) in groups {
            // Dictionaries are looked at on the way: who has enough early reads no more of them.
            if !block.may_match(group, &request.requirement)? {
                continue;
            }
            let batch = GroupBatch::open(block, number, |trace| {
                request.window.overlaps(trace.start_ns, trace.end_ns)
                    && !split.contains(&trace.id)
                    && (block.deleted().is_none() || find(block, trace.id).is_some())
            })?;
            if let Some(batch) = batch
                && visit(&batch)? == ControlFlow::Break(())
            {
                break;
            }
        }
        Ok(())
    }

    fn trace(&self, id: TraceId) -> Result<Option<Trace>> {
        Ok(self.gather(id)?.map(StoredTrace::into_trace))
    }

    fn values(&self, field: &Field, window: TimeWindow, see: &mut dyn FnMut(&Value)) -> Result<bool> {
        let whole = |block: &LiveBlock<Block>| {
            let inside = |(start, end)| window.start_ns <= start && end <= window.end_ns;
            block.deleted().is_none() && block.time_range().is_none_or(inside)
        };
        // Traces that overlap a window count with all their spans, so a part of a block takes a scan, and so does one
        // of which something is deleted; and the piece of a trace does not know its root.
        let of_root = matches!(field, Field::Intrinsic(Intrinsic::RootName | Intrinsic::RootServiceName));
        if !self.blocks.iter().all(whole) || (of_root && !self.split().is_empty()) {
            return Ok(false);
        }
        let mut found = Vec::new();
        for block in &self.blocks {
            match block.tag_values(field)? {
                Some(values) => found.push(values),
                None => return Ok(false),
            }
        }
        found.iter().flatten().for_each(&mut *see);
        self.scan_heads(window, |batch| {
            if field.nested_scope().is_some() {
                batch.nested(field)?.items.iter().for_each(&mut *see);
            } else {
                let column = batch.column(field)?;
                (0..batch.span_count()).for_each(|row| see(&column.get(row)));
            }
            Ok(())
        })?;
        Ok(true)
    }

    fn attribute_keys(&self, scope: Scope, window: TimeWindow) -> Result<BTreeSet<Arc<str>>> {
        let mut keys = BTreeSet::new();
        for block in &self.blocks {
            for group in block.groups().iter().filter(|group| window.overlaps(group.start_ns, group.end_ns)) {
                keys.extend(block.keys_of(group, scope)?.into_iter().map(Arc::from));
            }
        }
        self.scan_heads(window, |batch| {
            for field in batch.attributes()? {
                if let crate::field::Field::Attribute(of, key) = field
                    && of == scope
                {
                    keys.insert(key);
                }
            }
            Ok(())
        })?;
        Ok(keys)
    }
}

/// The place of a trace in a block, unless it is deleted.
fn find(block: &LiveBlock<Block>, id: TraceId) -> Option<usize> {
    block.find(id).filter(|place| !block.is_deleted(*place as u32))
}
