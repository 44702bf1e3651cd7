//! The span model of OpenTelemetry, without loss.
//!
//! A [`Span`] carries everything that the OTLP messages of version 1 can say about it. Its [`Resource`] (who emitted
//! it) and its [`Scope`] (which library) are shared by many spans and therefore stand beside it, behind an
//! [`Arc`](std::sync::Arc). Values keep their type: a number that was sent as an integer never becomes a float, and
//! arrays, maps and bytes stay as they are even where TraceQL cannot look into them.

mod id;
mod span;
mod value;

pub use id::{IdError, SpanId, TraceId};
pub use span::{
    Event, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanKind, SpanRecord, Status, StatusCode,
    Trace,
};
pub use value::{AnyValue, Attribute};
