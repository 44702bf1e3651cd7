//! The seam between the language and the store: what the engine asks, in terms of columns over batches of spans.
//!
//! A [`Source`] is a consistent snapshot. The engine hands it a [`ScanRequest`], which says which traces can matter,
//! and gets [`SpanBatch`]es back: whole traces, one after the other, with one [`Column`] a field. A batch computes
//! only the columns that are asked for; the engine asks for the columns of a condition first and for those of the
//! answer only where something matched. How many traces a batch holds is the source's choice: one or two thousand
//! spans keep the cost of a call below that of the work, and the answer does not depend on it.

use std::collections::BTreeSet;
use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use bedrock::Result;

use crate::column::{Column, Nested};
use crate::field::{Field, Scope};
use crate::model::{SpanId, Trace, TraceId};
use crate::traceql::Value;

/// A closed interval of time in nanoseconds since the epoch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeWindow {
    /// The first nanosecond inside.
    pub start_ns: u64,
    /// The last nanosecond inside.
    pub end_ns: u64,
}

impl TimeWindow {
    /// All of time.
    pub const ALL: TimeWindow = TimeWindow { start_ns: 0, end_ns: u64::MAX };

    /// Whether the interval from `start_ns` to `end_ns`, both inside, shares a nanosecond with this one.
    pub fn overlaps(&self, start_ns: u64, end_ns: u64) -> bool {
        start_ns <= self.end_ns && self.start_ns <= end_ns
    }
}

/// A comparison of one field with literals that a store can decide from dictionaries, postings or page bounds.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The fields of which any may satisfy the test: one, or span and resource for an attribute without scope.
    pub fields: Vec<Field>,
    /// The test.
    pub test: Test,
}

/// What a [`Condition`] asks of a value. For a field with several values a span, any of them may pass.
#[derive(Clone, Debug, PartialEq)]
pub enum Test {
    /// The span has a value.
    Exists,
    /// The value compares so with the literal, numbers of all types by size.
    Compare(Comparison, Value),
    /// The value is a text that the anchored pattern matches.
    Matches(Arc<str>),
}

/// An order or equality test.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Comparison {
    Equal,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
}

/// What a trace needs at least to be part of the answer. A source may ignore it; what it must not do is leave out a
/// trace that fulfils it.
#[derive(Clone, Debug, PartialEq)]
pub enum Requirement {
    /// Nothing.
    Anything,
    /// One span that fulfils all of these at once.
    Span(Vec<Condition>),
    /// All of these.
    All(Vec<Requirement>),
    /// One of these. Without any it cannot be fulfilled.
    Any(Vec<Requirement>),
}

/// What the engine wants to see.
#[derive(Clone, Debug)]
pub struct ScanRequest {
    /// Traces whose interval, from their first start to their last end, overlaps this window.
    pub window: TimeWindow,
    /// What a trace needs at least.
    pub requirement: Requirement,
    /// Whether only spans that start in the window and fulfil the requirement by themselves matter, so that a source
    /// may leave out the others and need not bring the pieces of a trace together.
    pub spans_only: bool,
    /// The fields that will be asked for, the ones of conditions first. A source may read ahead with it.
    pub fields: Vec<Field>,
    /// Whether traces that start late should come first.
    pub newest_first: bool,
}

/// One trace in a batch.
#[derive(Clone, Debug, PartialEq)]
pub struct TraceSummary {
    /// The trace.
    pub id: TraceId,
    /// Its spans, as rows of the batch.
    pub rows: Range<usize>,
    /// The first start of a span, nanoseconds since the epoch.
    pub start_ns: u64,
    /// The last end of a span, nanoseconds since the epoch.
    pub end_ns: u64,
    /// The service of the root; empty while the root is unknown.
    pub root_service: Arc<str>,
    /// The name of the root; empty while the root is unknown.
    pub root_name: Arc<str>,
}

/// Spans of some whole traces, in the store's order.
pub trait SpanBatch {
    /// How many spans it holds.
    fn span_count(&self) -> usize;

    /// The traces, by ascending rows and without gaps.
    fn traces(&self) -> &[TraceSummary];

    /// The id of the span at `row`.
    ///
    /// # Errors
    /// What reading the store's pages can run into.
    fn span_id(&self, row: usize) -> Result<SpanId>;

    /// The values of a field with at most one value a span.
    ///
    /// # Errors
    /// What reading the store's pages can run into.
    fn column(&self, field: &Field) -> Result<Arc<Column>>;

    /// The values of a field of events or links. The items of a span stand in the order of its events or links, one
    /// an event or link, [`Value::Nil`] where it lacks the attribute.
    ///
    /// # Errors
    /// What reading the store's pages can run into.
    fn nested(&self, field: &Field) -> Result<Arc<Nested>>;

    /// The attributes that occur on any span of the batch, without intrinsics. More may be named than occur.
    ///
    /// # Errors
    /// What reading the store's pages can run into.
    fn attributes(&self) -> Result<Vec<Field>>;
}

/// What a scan hands a batch to; it answers whether it wants more.
pub type Visit<'a> = dyn FnMut(&dyn SpanBatch) -> Result<ControlFlow<()>> + 'a;

/// A consistent snapshot of spans.
pub trait Source {
    /// Shows every trace that the request asks for exactly once, in batches.
    ///
    /// # Errors
    /// What reading the store can run into, and what `visit` returns.
    fn scan(&self, request: &ScanRequest, visit: &mut Visit<'_>) -> Result<()>;

    /// All spans of one trace; `None` where none is known.
    ///
    /// # Errors
    /// What reading the store can run into.
    fn trace(&self, id: TraceId) -> Result<Option<Trace>>;

    /// Shows the distinct values of a field of all spans of the traces in the window, some of them more than once;
    /// says no where it cannot tell without a scan.
    ///
    /// # Errors
    /// What reading the store can run into.
    fn values(&self, _: &Field, _: TimeWindow, _: &mut dyn FnMut(&Value)) -> Result<bool> {
        Ok(false)
    }

    /// The attribute keys of a scope among the spans of the traces in the window. More may be named than occur.
    ///
    /// # Errors
    /// What reading the store can run into.
    fn attribute_keys(&self, scope: Scope, window: TimeWindow) -> Result<BTreeSet<Arc<str>>> {
        let mut keys = BTreeSet::new();
        let request = ScanRequest {
            window,
            requirement: Requirement::Anything,
            spans_only: false,
            fields: Vec::new(),
            newest_first: false,
        };
        self.scan(&request, &mut |batch| {
            for field in batch.attributes()? {
                if let Field::Attribute(of, key) = field
                    && of == scope
                {
                    keys.insert(key);
                }
            }
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(keys)
    }
}
