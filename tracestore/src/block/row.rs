//! A span on its way into a block: borrowed from the model or straight from the bytes of a request.

use std::sync::Arc;

use crate::model::{AnyValue, Attribute, Resource, Scope, Span, SpanId, SpanRecord, TraceId};
use crate::otlp::proto;
use crate::otlp::view::{self, SpanView, ValueView};

/// A span with borrowed texts. Its lists are read as they are pushed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanRow<'a> {
    pub(crate) resource: &'a Arc<Resource>,
    pub(crate) scope: &'a Arc<Scope>,
    pub(crate) span_id: SpanId,
    pub(crate) parent: SpanId,
    pub(crate) trace_state: &'a str,
    pub(crate) flags: u32,
    pub(crate) name: &'a str,
    pub(crate) kind: i32,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(crate) code: i32,
    pub(crate) message: &'a str,
    pub(crate) attributes: Attributes<'a>,
    /// Dropped attributes, events and links.
    pub(crate) dropped: [u32; 3],
    lists: Lists<'a>,
}

/// Attributes, wherever they are.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attributes<'a> {
    Model(&'a [Attribute]),
    /// The field of a message that has them.
    Wire(&'a [u8], u32),
}

/// Events and links, wherever they are.
#[derive(Clone, Copy, Debug)]
enum Lists<'a> {
    Model(&'a Span),
    Wire(SpanView<'a>),
}

/// An event with borrowed texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct EventRow<'a> {
    pub(super) time_ns: u64,
    pub(super) name: &'a str,
    pub(super) attributes: Attributes<'a>,
    pub(super) dropped: u32,
}

/// A link with borrowed texts.
#[derive(Clone, Copy, Debug)]
pub(super) struct LinkRow<'a> {
    pub(super) trace_id: TraceId,
    pub(super) span_id: SpanId,
    pub(super) trace_state: &'a str,
    pub(super) attributes: Attributes<'a>,
    pub(super) dropped: u32,
    pub(super) flags: u32,
}

impl<'a> SpanRow<'a> {
    /// A span of the model.
    pub(crate) fn model(record: &'a SpanRecord) -> Self {
        let span = &record.span;
        SpanRow {
            resource: &record.resource,
            scope: &record.scope,
            span_id: span.span_id,
            parent: span.parent_span_id,
            trace_state: &span.trace_state,
            flags: span.flags,
            name: &span.name,
            kind: span.kind.0,
            start_ns: span.start_ns,
            end_ns: span.end_ns,
            code: span.status.code.0,
            message: &span.status.message,
            attributes: Attributes::Model(&span.attributes),
            dropped: [span.dropped_attributes_count, span.dropped_events_count, span.dropped_links_count],
            lists: Lists::Model(span),
        }
    }

    /// A span of a request that was checked; `None` where it is none after all.
    pub(crate) fn wire(
        view: &SpanView<'a>,
        resource: &'a Arc<Resource>,
        scope: &'a Arc<Scope>,
    ) -> Option<Self> {
        let (code, message) = view.status().ok()?;
        Some(SpanRow {
            resource,
            scope,
            span_id: SpanId::from_bytes(view.span_id).ok()?,
            parent: SpanId::from_bytes(view.parent_span_id).ok()?,
            trace_state: view.trace_state().ok()?,
            flags: view.flags,
            name: view.name().ok()?,
            kind: view.kind,
            start_ns: view.start_ns,
            end_ns: view.end_ns,
            code,
            message,
            attributes: Attributes::Wire(view.message(), view::SPAN_ATTRIBUTES),
            dropped: [view.dropped_attributes_count, view.dropped_events_count, view.dropped_links_count],
            lists: Lists::Wire(*view),
        })
    }

    pub(super) fn each_event(&self, mut see: impl FnMut(EventRow<'_>)) {
        match self.lists {
            Lists::Model(span) => span.events.iter().for_each(|event| {
                see(EventRow {
                    time_ns: event.time_ns,
                    name: &event.name,
                    attributes: Attributes::Model(&event.attributes),
                    dropped: event.dropped_attributes_count,
                });
            }),
            Lists::Wire(view) => view.events().flatten().for_each(|event| {
                see(EventRow {
                    time_ns: event.time_ns,
                    name: event.name().unwrap_or_default(),
                    attributes: Attributes::Wire(event.message(), view::EVENT_ATTRIBUTES),
                    dropped: event.dropped_attributes_count,
                });
            }),
        }
    }

    pub(super) fn each_link(&self, mut see: impl FnMut(LinkRow<'_>)) {
        match self.lists {
            Lists::Model(span) => span.links.iter().for_each(|link| {
                see(LinkRow {
                    trace_id: link.trace_id,
                    span_id: link.span_id,
                    trace_state: &link.trace_state,
                    attributes: Attributes::Model(&link.attributes),
                    dropped: link.dropped_attributes_count,
                    flags: link.flags,
                });
            }),
            Lists::Wire(view) => view.links().flatten().for_each(|link| {
                see(LinkRow {
                    trace_id: TraceId::from_bytes(link.trace_id).unwrap_or_default(),
                    span_id: SpanId::from_bytes(link.span_id).unwrap_or_default(),
                    trace_state: link.trace_state().unwrap_or_default(),
                    attributes: Attributes::Wire(link.message(), view::LINK_ATTRIBUTES),
                    dropped: link.dropped_attributes_count,
                    flags: link.flags,
                });
            }),
        }
    }
}

impl Attributes<'_> {
    /// Shows keys and values in order.
    pub(super) fn each(&self, mut see: impl FnMut(&str, ValueRow<'_>)) {
        match *self {
            Attributes::Model(attributes) => {
                attributes
                    .iter()
                    .for_each(|attribute| see(&attribute.key, ValueRow::Model(&attribute.value)));
            }
            Attributes::Wire(message, field) => view::attributes(message, field)
                .flatten()
                .for_each(|attribute| see(attribute.key, ValueRow::Wire(attribute.value))),
        }
    }
}

/// A value, wherever it is.
#[derive(Clone, Copy, Debug)]
pub(super) enum ValueRow<'a> {
    Model(&'a AnyValue),
    Wire(ValueView<'a>),
}

impl<'a> ValueRow<'a> {
    /// A value of one of the types that have columns of their own.
    pub(super) fn scalar(self) -> Option<ValueView<'a>> {
        Some(match self {
            ValueRow::Model(AnyValue::String(text)) => ValueView::String(text),
            ValueRow::Model(AnyValue::Bool(truth)) => ValueView::Bool(*truth),
            ValueRow::Model(AnyValue::Int(number)) => ValueView::Int(*number),
            ValueRow::Model(AnyValue::Double(number)) => ValueView::Double(*number),
            ValueRow::Wire(
                scalar @ (ValueView::String(_)
                | ValueView::Bool(_)
                | ValueView::Int(_)
                | ValueView::Double(_)),
            ) => scalar,
            _ => return None,
        })
    }

    /// The value as a message of its own, the same for the same value wherever it came from.
    pub(super) fn message(self) -> Vec<u8> {
        match self {
            ValueRow::Model(value) => proto::encode_value(value),
            ValueRow::Wire(value) => {
                let value = proto::any_value(&value, 0).unwrap_or_default();
                proto::encode_value(&value)
            }
        }
    }
}
