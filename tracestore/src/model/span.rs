//! Spans with their events and links, and what many spans share.

use std::sync::Arc;

use super::{Attribute, SpanId, TraceId};

/// The role of a span. The number is that of OTLP; numbers that OTLP does not know yet are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct SpanKind(pub i32);

impl SpanKind {
    /// Nothing was said.
    pub const UNSPECIFIED: SpanKind = SpanKind(0);
    /// Work inside a service.
    pub const INTERNAL: SpanKind = SpanKind(1);
    /// The receiving side of a call.
    pub const SERVER: SpanKind = SpanKind(2);
    /// The calling side of a call.
    pub const CLIENT: SpanKind = SpanKind(3);
    /// The sending side of a message.
    pub const PRODUCER: SpanKind = SpanKind(4);
    /// The receiving side of a message.
    pub const CONSUMER: SpanKind = SpanKind(5);
}

/// How a span ended. The number is that of OTLP; numbers that OTLP does not know yet are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct StatusCode(pub i32);

impl StatusCode {
    /// Nothing was said.
    pub const UNSET: StatusCode = StatusCode(0);
    /// It went well.
    pub const OK: StatusCode = StatusCode(1);
    /// It failed.
    pub const ERROR: StatusCode = StatusCode(2);
}

/// The status of a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Status {
    /// How it ended.
    pub code: StatusCode,
    /// Why, for people. Usually empty unless the code is an error.
    pub message: String,
}

/// Who emitted spans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Resource {
    /// What is known about it, `service.name` above all.
    pub attributes: Vec<Attribute>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// The schema of the attributes, as a URL.
    pub schema_url: String,
}

/// Which instrumentation library recorded spans.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Scope {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// What else is known about it.
    pub attributes: Vec<Attribute>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// The schema of the spans, as a URL.
    pub schema_url: String,
}

/// One operation of one service.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: TraceId,
    /// Its own id.
    pub span_id: SpanId,
    /// The span that caused it; without any bit set for a root.
    pub parent_span_id: SpanId,
    /// The W3C trace state.
    pub trace_state: String,
    /// The W3C trace flags and the flags of OTLP.
    pub flags: u32,
    /// The operation.
    pub name: String,
    /// The role.
    pub kind: SpanKind,
    /// When it began, nanoseconds since the epoch.
    pub start_ns: u64,
    /// When it ended, nanoseconds since the epoch. Clocks differ: it may lie before the start.
    pub end_ns: u64,
    /// What is known about it.
    pub attributes: Vec<Attribute>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// What happened in between.
    pub events: Vec<Event>,
    /// How many events the sender dropped.
    pub dropped_events_count: u32,
    /// Spans of this or of other traces that it has to do with.
    pub links: Vec<Link>,
    /// How many links the sender dropped.
    pub dropped_links_count: u32,
    /// How it ended.
    pub status: Status,
}

impl Span {
    /// How long it took, in nanoseconds. Zero where the end lies before the start.
    pub fn duration_ns(&self) -> u64 {
        self.end_ns.saturating_sub(self.start_ns)
    }
}

/// Something that happened at one moment of a span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Event {
    /// When, nanoseconds since the epoch.
    pub time_ns: u64,
    /// What.
    pub name: String,
    /// What is known about it.
    pub attributes: Vec<Attribute>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
}

/// A reference to another span.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Link {
    /// The trace of the other span.
    pub trace_id: TraceId,
    /// The other span.
    pub span_id: SpanId,
    /// The W3C trace state of the other span.
    pub trace_state: String,
    /// What is known about the relation.
    pub attributes: Vec<Attribute>,
    /// How many attributes the sender dropped.
    pub dropped_attributes_count: u32,
    /// The W3C trace flags of the other span and the flags of OTLP.
    pub flags: u32,
}

/// The spans of one resource, as they travel.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ResourceSpans {
    /// Who emitted them.
    pub resource: Arc<Resource>,
    /// The spans by library.
    pub scopes: Vec<ScopeSpans>,
}

/// The spans of one library in one resource.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct ScopeSpans {
    /// Which library.
    pub scope: Arc<Scope>,
    /// The spans.
    pub spans: Vec<Span>,
}

/// A span with who emitted it and which library recorded it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct SpanRecord {
    /// Who emitted it.
    pub resource: Arc<Resource>,
    /// Which library recorded it.
    pub scope: Arc<Scope>,
    /// The span.
    pub span: Span,
}

/// The spans of one trace that are known so far.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Trace {
    /// The trace.
    pub id: TraceId,
    /// Its spans in the order in which they were stored.
    pub spans: Vec<SpanRecord>,
}

impl Trace {
    /// The spans as they travel: neighbours of the same resource and library share one envelope.
    pub fn to_resource_spans(&self) -> Vec<ResourceSpans> {
        let mut out: Vec<ResourceSpans> = Vec::new();
        for record in &self.spans {
            if out.last().is_none_or(|last| last.resource != record.resource) {
                out.push(ResourceSpans { resource: Arc::clone(&record.resource), scopes: Vec::new() });
            }
            let Some(envelope) = out.last_mut() else { continue };
            if envelope.scopes.last().is_none_or(|last| last.scope != record.scope) {
                envelope.scopes.push(ScopeSpans { scope: Arc::clone(&record.scope), spans: Vec::new() });
            }
            if let Some(scope) = envelope.scopes.last_mut() {
                scope.spans.push(record.span.clone());
            }
        }
        out
    }
}
