//! OTLP in protobuf.

mod write;

use std::sync::Arc;

use super::view::{self, AttributeView, EventView, LinkView, Origin, SpanView, ValueView};
use super::{Decoded, OtlpError, Refused, VALUE_DEPTH_MAX};
use crate::model::{
    AnyValue, Attribute, Event, IdError, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId,
    SpanKind, Status, StatusCode, TraceId,
};

type Result<T> = std::result::Result<T, OtlpError>;

/// Reads a request.
///
/// ```
/// use tracestore::otlp::proto;
/// let decoded = proto::decode(&proto::encode(&[])).unwrap();
/// assert!(decoded.resource_spans.is_empty());
/// assert!(proto::decode(b"no request").is_err());
/// ```
///
/// # Errors
/// [`OtlpError`] where the bytes are no request. Single spans that cannot be stored are in [`Decoded::refused`].
pub fn decode(request: &[u8]) -> Result<Decoded> {
    let mut decoded = Decoded::default();
    for envelope in view::resource_spans(request) {
        let envelope = envelope?;
        let resource = resource(envelope.resource()?, envelope.schema_url()?)?;
        let mut scopes = Vec::new();
        for spans in envelope.scope_spans() {
            let spans = spans?;
            let scope = Arc::new(scope(spans.scope()?, spans.schema_url()?)?);
            let mut kept = Vec::new();
            for view in spans.spans() {
                match span(&view?)? {
                    Ok(span) => kept.push(span),
                    Err(refused) => decoded.refused.push(refused),
                }
            }
            scopes.push(ScopeSpans { scope, spans: kept });
        }
        decoded.resource_spans.push(ResourceSpans { resource: Arc::new(resource), scopes });
    }
    Ok(decoded)
}

/// Writes a request.
pub fn encode(resource_spans: &[ResourceSpans]) -> Vec<u8> {
    write::request(resource_spans)
}

/// How many bytes a span takes as a protobuf message.
pub fn span_bytes(span: &Span) -> usize {
    write::span_bytes(span)
}

/// Reads the bytes of a resource, as [`view::ResourceSpansView::resource`] gives them.
///
/// # Errors
/// [`OtlpError`] where they are no resource.
pub fn resource(message: &[u8], schema_url: &str) -> Result<Resource> {
    Ok(Resource {
        attributes: collect(view::attributes(message, 1))?,
        dropped_attributes_count: Origin::resource(message)?.dropped_attributes_count,
        schema_url: schema_url.to_owned(),
    })
}

/// Reads the bytes of a scope, as [`view::ScopeSpansView::scope`] gives them.
///
/// # Errors
/// [`OtlpError`] where they are no scope.
pub fn scope(message: &[u8], schema_url: &str) -> Result<Scope> {
    let origin = Origin::scope(message)?;
    let text = |bytes: &[u8]| {
        String::from_utf8(bytes.to_vec())
            .map_err(|_| OtlpError::Wire { offset: 0, problem: "a text that is not UTF-8" })
    };
    Ok(Scope {
        name: text(origin.name)?,
        version: text(origin.version)?,
        attributes: collect(view::attributes(message, 3))?,
        dropped_attributes_count: origin.dropped_attributes_count,
        schema_url: schema_url.to_owned(),
    })
}

/// Writes one value, as a message of its own.
pub(crate) fn encode_value(value: &AnyValue) -> Vec<u8> {
    write::value(value)
}

/// Reads the message that [`encode_value`] wrote.
pub(crate) fn decode_value(message: &[u8]) -> Result<AnyValue> {
    any_value(&ValueView::new(message)?, 0)
}

/// Reads a span, or says why it cannot be stored.
///
/// # Errors
/// [`OtlpError`] where its bytes are no span.
pub fn span(view: &SpanView<'_>) -> Result<std::result::Result<Span, Refused>> {
    let (code, message) = view.status()?;
    let mut span = Span {
        trace_state: view.trace_state()?.to_owned(),
        flags: view.flags,
        name: view.name()?.to_owned(),
        kind: SpanKind(view.kind),
        start_ns: view.start_ns,
        end_ns: view.end_ns,
        attributes: collect(view.attributes())?,
        dropped_attributes_count: view.dropped_attributes_count,
        dropped_events_count: view.dropped_events_count,
        dropped_links_count: view.dropped_links_count,
        status: Status { code: StatusCode(code), message: message.to_owned() },
        ..Span::default()
    };
    for view in view.events() {
        span.events.push(event(&view?)?);
    }
    let mut refusal = None;
    match ids(view) {
        Ok(ids) => (span.trace_id, span.span_id, span.parent_span_id) = ids,
        Err(error) => refusal = Some(error),
    }
    for view in view.links() {
        match link(&view?)? {
            Ok(link) => span.links.push(link),
            Err(error) => refusal = Some(error),
        }
    }
    Ok(match refusal {
        None => Ok(span),
        Some(error) => Err(Refused { name: span.name, reason: error.to_string() }),
    })
}

/// Walks a span as [`span`] does, without making one: its trace, or why it cannot be stored.
///
/// # Errors
/// [`OtlpError`] where its bytes are no span.
pub(crate) fn check(view: &SpanView<'_>) -> Result<std::result::Result<TraceId, Refused>> {
    view.status()?;
    view.trace_state()?;
    let name = view.name()?;
    check_attributes(view.attributes())?;
    for event in view.events() {
        let event = event?;
        event.name()?;
        check_attributes(event.attributes())?;
    }
    let mut ids = ids(view).map(|(trace, _, _)| trace);
    for link in view.links() {
        let link = link?;
        if let Err(error) =
            TraceId::from_bytes(link.trace_id).and_then(|_| SpanId::from_bytes(link.span_id).map(|_| ()))
        {
            ids = Err(error);
            continue;
        }
        link.trace_state()?;
        check_attributes(link.attributes())?;
    }
    Ok(ids.map_err(|error| Refused { name: name.to_owned(), reason: error.to_string() }))
}

fn check_attributes<'a>(attributes: impl Iterator<Item = Result<AttributeView<'a>>>) -> Result<()> {
    for attribute in attributes {
        let value = attribute?.value;
        // Only lists hold something that has not been looked at.
        if matches!(value, ValueView::Array(_) | ValueView::Map(_)) {
            any_value(&value, 0)?;
        }
    }
    Ok(())
}

/// The ids of a span: its trace's, its own, its parent's.
fn ids(view: &SpanView<'_>) -> std::result::Result<(TraceId, SpanId, SpanId), IdError> {
    let trace_id = TraceId::from_bytes(view.trace_id)?;
    let span_id = SpanId::from_bytes(view.span_id)?;
    let parent = SpanId::from_bytes(view.parent_span_id)?;
    if trace_id.is_zero() {
        return Err(IdError::Zero { what: "trace id" });
    }
    if span_id.is_zero() {
        return Err(IdError::Zero { what: "span id" });
    }
    Ok((trace_id, span_id, parent))
}

fn event(view: &EventView<'_>) -> Result<Event> {
    Ok(Event {
        time_ns: view.time_ns,
        name: view.name()?.to_owned(),
        attributes: collect(view.attributes())?,
        dropped_attributes_count: view.dropped_attributes_count,
    })
}

fn link(view: &LinkView<'_>) -> Result<std::result::Result<Link, IdError>> {
    let (trace_id, span_id) = match (TraceId::from_bytes(view.trace_id), SpanId::from_bytes(view.span_id)) {
        (Ok(trace_id), Ok(span_id)) => (trace_id, span_id),
        (Err(error), _) | (_, Err(error)) => return Ok(Err(error)),
    };
    Ok(Ok(Link {
        trace_id,
        span_id,
        trace_state: view.trace_state()?.to_owned(),
        attributes: collect(view.attributes())?,
        dropped_attributes_count: view.dropped_attributes_count,
        flags: view.flags,
    }))
}

fn collect<'a>(attributes: impl Iterator<Item = Result<AttributeView<'a>>>) -> Result<Vec<Attribute>> {
    attributes.map(|attribute| owned(&attribute?, 0)).collect()
}

fn owned(view: &AttributeView<'_>, depth: usize) -> Result<Attribute> {
    Ok(Attribute { key: view.key.to_owned(), value: any_value(&view.value, depth)? })
}

/// An owned value.
pub(crate) fn any_value(view: &ValueView<'_>, depth: usize) -> Result<AnyValue> {
    if depth > VALUE_DEPTH_MAX {
        return Err(OtlpError::TooDeep { max: VALUE_DEPTH_MAX });
    }
    Ok(match *view {
        ValueView::Empty => AnyValue::Empty,
        ValueView::String(text) => AnyValue::String(text.to_owned()),
        ValueView::Bool(truth) => AnyValue::Bool(truth),
        ValueView::Int(number) => AnyValue::Int(number),
        ValueView::Double(number) => AnyValue::Double(number),
        ValueView::Bytes(bytes) => AnyValue::Bytes(bytes.to_vec()),
        ValueView::Array(_) => {
            AnyValue::Array(view.items().map(|item| any_value(&item?, depth + 1)).collect::<Result<_>>()?)
        }
        ValueView::Map(_) => {
            AnyValue::Map(view.entries().map(|entry| owned(&entry?, depth + 1)).collect::<Result<_>>()?)
        }
    })
}
