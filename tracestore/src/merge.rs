//! The pieces of one trace as a whole, without decoding its spans.
//!
//! A huge trace arrives over many flushes, so that its pieces lie in many blocks. What order and tree need of a span is
//! read of every piece, some 100 bytes a span while it is sorted; then a row of the whole is 8 bytes that say where it
//! lies, and everything else is brought together one column at a time.

mod batch;

use std::sync::Arc;

use bedrock::Result;

use crate::field::{Field, Intrinsic};
use crate::memory::service_name;
use crate::model::{Resource, Scope, SpanId};
use crate::order::{self, Ordered};
use crate::source::{SpanBatch, TraceSummary};
use crate::tree::{self, Node, ParentRow};

pub(crate) use batch::MergedBatch;

/// A trace of so many spans is brought together column by column; decoding smaller ones is faster.
pub(crate) const SPANS_MIN: usize = 4096;

/// Where a span lies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct At {
    pub(crate) piece: u32,
    /// Its row in the piece.
    pub(crate) row: u32,
}

impl At {
    /// The value there, given a column a piece.
    pub(crate) fn of<T: Copy + Default>(self, columns: &[impl AsRef<[T]>]) -> T {
        let column = columns.get(self.piece as usize);
        column.and_then(|column| column.as_ref().get(self.row as usize)).copied().unwrap_or_default()
    }
}

/// What order and tree look at, of the spans of one piece.
pub(crate) struct PieceRows {
    pub(crate) starts: Vec<u64>,
    pub(crate) nodes: Vec<Node>,
    /// Resource and scope, as places in the lists below.
    pub(crate) origins: Vec<(u32, u32)>,
    pub(crate) resources: Vec<Arc<Resource>>,
    pub(crate) scopes: Vec<Arc<Scope>>,
}

/// A batch with the spans of one trace that lie in one place.
pub(crate) trait Piece: SpanBatch {
    /// What order and tree look at.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    fn rows(&self) -> Result<PieceRows>;
}

/// A trace of which the pieces are known.
#[derive(Debug)]
pub(crate) struct Whole {
    /// Where each span lies, in order of storage.
    pub(crate) order: Vec<At>,
    pub(crate) parents: Vec<ParentRow>,
    /// The id of each parent.
    pub(crate) parent_ids: Vec<SpanId>,
    pub(crate) summary: TraceSummary,
    /// The start of the span that begins last.
    pub(crate) last_start_ns: u64,
}

/// A span while the whole is sorted.
struct Row<'p> {
    start_ns: u64,
    id: SpanId,
    at: At,
    resource: &'p Arc<Resource>,
    scope: &'p Arc<Scope>,
}

impl Ordered for Row<'_> {
    fn key(&self) -> (u64, [u8; 8]) {
        (self.start_ns, self.id.0)
    }

    fn origin(&self) -> (&Arc<Resource>, &Arc<Scope>) {
        (self.resource, self.scope)
    }
}

impl Whole {
    /// Brings pieces together. The order is that of [`order::sort`] over their spans, one piece after the other.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn of(pieces: &[&dyn Piece]) -> Result<Whole> {
        let parts: Vec<PieceRows> = pieces.iter().map(|piece| piece.rows()).collect::<Result<_>>()?;
        let mut rows: Vec<Row<'_>> = Vec::with_capacity(parts.iter().map(|part| part.starts.len()).sum());
        for (piece, part) in (0..).zip(&parts) {
            rows.extend(
                (0..).zip(&part.starts).filter_map(|(row, start_ns)| part.row(At { piece, row }, *start_ns)),
            );
        }
        order::sort(&mut rows);
        let order: Vec<At> = rows.iter().map(|row| row.at).collect();
        let (start_ns, last_start_ns) = bounds(rows.iter().map(|row| row.start_ns));
        let node = |at: &At| part_of(&parts, *at).and_then(|part| part.nodes.get(at.row as usize)).copied();
        let nodes: Vec<Node> = order.iter().filter_map(node).collect();
        let roots = rows.iter().zip(&nodes).filter(|(_, node)| node.parent.is_zero());
        let root = roots.min_by_key(|(row, _)| row.start_ns).map(|(row, _)| row);
        let root_name = match root.and_then(|row| Some((row.at, pieces.get(row.at.piece as usize)?))) {
            Some((at, piece)) => piece.column(&Field::Intrinsic(Intrinsic::Name))?.get(at.row as usize),
            None => crate::traceql::Value::Nil,
        };
        let summaries = || pieces.iter().flat_map(|piece| piece.traces());
        let summary = TraceSummary {
            id: summaries().next().map(|trace| trace.id).unwrap_or_default(),
            rows: 0..order.len(),
            start_ns,
            end_ns: summaries().map(|trace| trace.end_ns).max().unwrap_or(0),
            root_service: root.map_or("", |row| service_name(row.resource)).into(),
            root_name: root_name.as_str().unwrap_or_default().into(),
        };
        let parent_ids = nodes.iter().map(|node| node.parent).collect();
        Ok(Whole { order, parents: tree::parent_rows(&nodes), parent_ids, summary, last_start_ns })
    }
}

impl PieceRows {
    fn row(&self, at: At, start_ns: u64) -> Option<Row<'_>> {
        let (resource, scope) = self.origins.get(at.row as usize)?;
        Some(Row {
            start_ns,
            id: self.nodes.get(at.row as usize)?.id,
            at,
            resource: self.resources.get(*resource as usize)?,
            scope: self.scopes.get(*scope as usize)?,
        })
    }
}

fn part_of(parts: &[PieceRows], at: At) -> Option<&PieceRows> {
    parts.get(at.piece as usize)
}

fn bounds(times: impl Iterator<Item = u64>) -> (u64, u64) {
    let (first, last) = times.fold((u64::MAX, 0), |(first, last), time| (first.min(time), last.max(time)));
    (first.min(last), last)
}
