//! The simplest source: spans in memory, columns made on demand.
//!
//! It answers everything the store answers, by walking spans, and serves as the oracle in tests.

mod batch;

use std::collections::HashMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use bedrock::Result;

use crate::model::{AnyValue, Resource, ResourceSpans, SpanRecord, Trace, TraceId};
use crate::order;
use crate::source::{ScanRequest, Source, TimeWindow, TraceSummary, Visit};
use crate::tree::{self, Node, Place};

pub(crate) use batch::{MemoryBatch, lookup, parent_id, saturated};

/// Spans in memory, by trace.
///
/// ```
/// use tracestore::memory::MemorySource;
/// use tracestore::source::Source;
///
/// let source = MemorySource::new(Vec::new());
/// assert_eq!(source.trace(tracestore::model::TraceId([1; 16])).unwrap(), None);
/// ```
#[derive(Clone, Debug)]
pub struct MemorySource {
    entries: Vec<StoredTrace>,
    by_id: HashMap<TraceId, usize>,
    batch_spans: usize,
}

/// Which span stands for a trace that has several roots.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RootRule {
    /// The one that begins first, whatever the order of arrival.
    #[default]
    Earliest,
    /// The one that arrived last, as in a block that Tempo's writer made of unsorted spans.
    LastStored,
}

/// A trace with its numbers.
#[derive(Clone, Debug)]
pub(crate) struct StoredTrace {
    trace: Trace,
    places: Vec<Place>,
    summary: TraceSummary,
}

impl MemorySource {
    /// The spans of all requests, each trace in the store's order: by start. Nothing is merged: a span that arrives
    /// twice is there twice.
    pub fn new(requests: impl IntoIterator<Item = ResourceSpans>) -> Self {
        Self::stored(requests, StoredTrace::new)
    }

    /// The spans of all requests, each trace in order of arrival, on which the numbers of the tree depend.
    pub fn as_arrived(requests: impl IntoIterator<Item = ResourceSpans>) -> Self {
        Self::stored(requests, StoredTrace::as_arrived)
    }

    fn stored(requests: impl IntoIterator<Item = ResourceSpans>, store: fn(Trace) -> StoredTrace) -> Self {
        let mut traces: Vec<Trace> = Vec::new();
        let mut by_id = HashMap::new();
        for envelope in requests {
            for scope in envelope.scopes {
                for span in scope.spans {
                    let index = *by_id.entry(span.trace_id).or_insert_with(|| {
                        traces.push(Trace { id: span.trace_id, spans: Vec::new() });
                        traces.len() - 1
                    });
                    let (resource, scope) = (Arc::clone(&envelope.resource), Arc::clone(&scope.scope));
                    if let Some(trace) = traces.get_mut(index) {
                        trace.spans.push(SpanRecord { resource, scope, span });
                    }
                }
            }
        }
        let entries = traces.into_iter().map(store).collect();
        MemorySource { entries, by_id, batch_spans: 2_000 }
    }

    /// The same spans with another choice among several roots.
    pub fn with_root(mut self, rule: RootRule) -> Self {
        self.entries.iter_mut().for_each(|entry| entry.choose_root(rule));
        self
    }

    /// The same spans in batches of at least this many spans, whole traces always. Answers do not depend on it.
    pub fn with_batch_spans(mut self, batch_spans: usize) -> Self {
        self.batch_spans = batch_spans;
        self
    }
}

impl Source for MemorySource {
    fn scan(&self, request: &ScanRequest, visit: &mut Visit<'_>) -> Result<()> {
        let mut wanted: Vec<&StoredTrace> =
            self.entries.iter().filter(|entry| entry.overlaps(request.window)).collect();
        if request.newest_first {
            wanted.sort_by_key(|entry| std::cmp::Reverse(entry.summary.start_ns));
        }
        let mut rest = wanted.as_slice();
        while !rest.is_empty() {
            let mut spans = 0;
            let full = rest.iter().position(|entry| {
                spans += entry.trace.spans.len();
                spans >= self.batch_spans
            });
            let (now, later) = rest.split_at(full.map_or(rest.len(), |last| last + 1));
            rest = later;
            if visit(&MemoryBatch::new(now))? == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn trace(&self, id: TraceId) -> Result<Option<Trace>> {
        Ok(self.by_id.get(&id).and_then(|index| self.entries.get(*index)).map(|entry| entry.trace.clone()))
    }
}

impl StoredTrace {
    /// Puts the spans of a trace into order of storage and numbers them: earlier spans first, so that the numbers of
    /// the tree do not depend on the order of arrival, but resources and libraries together.
    pub(crate) fn new(mut trace: Trace) -> Self {
        order::sort(&mut trace.spans);
        Self::ordered(trace)
    }

    /// The same with the spans in order of arrival.
    fn as_arrived(mut trace: Trace) -> Self {
        order::gather_origins(&mut trace.spans);
        Self::ordered(trace)
    }

    fn ordered(trace: Trace) -> Self {
        let nodes: Vec<Node> = trace
            .spans
            .iter()
            .map(|SpanRecord { span, .. }| Node {
                id: span.span_id,
                parent: span.parent_span_id,
                kind: span.kind,
            })
            .collect();
        let places = tree::number(&nodes);
        let spans = || trace.spans.iter().map(|record| &record.span);
        let summary = TraceSummary {
            id: trace.id,
            rows: 0..trace.spans.len(),
            start_ns: spans().map(|span| span.start_ns).min().unwrap_or(0),
            end_ns: spans().map(|span| span.end_ns).max().unwrap_or(0),
            root_service: "".into(),
            root_name: "".into(),
        };
        let mut stored = StoredTrace { trace, places, summary };
        stored.choose_root(RootRule::default());
        stored
    }

    fn choose_root(&mut self, rule: RootRule) {
        let mut roots = self.trace.spans.iter().filter(|record| record.span.parent_span_id.is_zero());
        let root = match rule {
            RootRule::Earliest => roots.min_by_key(|record| record.span.start_ns),
            RootRule::LastStored => roots.next_back(),
        };
        self.summary.root_service = root.map_or("", |root| service_name(&root.resource)).into();
        self.summary.root_name = root.map_or("", |root| root.span.name.as_str()).into();
    }

    /// The trace, its spans in order of storage.
    pub(crate) fn trace(&self) -> &Trace {
        &self.trace
    }

    pub(crate) fn into_trace(self) -> Trace {
        self.trace
    }

    pub(crate) fn summary(&self) -> &TraceSummary {
        &self.summary
    }

    /// Number of spans.
    pub(crate) fn len(&self) -> usize {
        self.trace.spans.len()
    }

    /// Whether the trace shares a nanosecond with the window.
    pub(crate) fn overlaps(&self, window: TimeWindow) -> bool {
        window.overlaps(self.summary.start_ns, self.summary.end_ns)
    }
}

/// The `service.name` of a resource: the first that is a text, empty where there is none.
pub(crate) fn service_name(resource: &Resource) -> &str {
    let named = resource.attributes.iter().filter(|attribute| attribute.key == "service.name");
    let mut texts = named.filter_map(|attribute| match &attribute.value {
        AnyValue::String(name) => Some(name.as_str()),
        _ => None,
    });
    texts.next().unwrap_or("")
}
