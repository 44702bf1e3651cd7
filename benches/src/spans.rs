//! Generated traces as OTLP requests.

use std::sync::Arc;

use bytes::Bytes;
use testkit::generate::{self, Traces};
use tracestore::model::{
    AnyValue, Attribute, Event, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind, Status,
    StatusCode, TraceId,
};
use tracestore::otlp::proto;

/// The next `traces` traces as one export request in protobuf, and its number of spans. Every span has its resource
/// beside it, as from many processes whose collector batches.
pub fn request(generator: &mut Traces, traces: usize) -> (Bytes, usize) {
    let spans: Vec<generate::Span> = generator.by_ref().take(traces).flatten().collect();
    let resources: Vec<Arc<Resource>> = generator
        .resources()
        .iter()
        .map(|resource| {
            Arc::new(Resource { attributes: attributes(&resource.attributes), ..Resource::default() })
        })
        .collect();
    let scope = Arc::new(Scope { name: "shop".to_owned(), ..Scope::default() });
    let of_resource = |(number, resource): (usize, &Arc<Resource>)| {
        let spans = spans.iter().filter(|span| span.resource == number).map(span).collect();
        let scopes = vec![ScopeSpans { scope: Arc::clone(&scope), spans }];
        ResourceSpans { resource: Arc::clone(resource), scopes }
    };
    let mut request: Vec<ResourceSpans> = resources.iter().enumerate().map(of_resource).collect();
    request.retain(|resource| resource.scopes.iter().any(|scope| !scope.spans.is_empty()));
    (proto::encode(&request).into(), spans.len())
}

fn span(span: &generate::Span) -> Span {
    let code = if span.error { StatusCode::ERROR } else { StatusCode::UNSET };
    Span {
        trace_id: TraceId(span.trace_id),
        span_id: SpanId(span.span_id),
        parent_span_id: SpanId(span.parent_id.unwrap_or_default()),
        name: span.name.clone(),
        kind: SpanKind(span.kind as i32),
        start_ns: span.start_ns as u64,
        end_ns: (span.start_ns + span.duration_ns) as u64,
        attributes: attributes(&span.attributes),
        events: span.events.iter().map(event).collect(),
        status: Status { code, message: String::new() },
        ..Span::default()
    }
}

fn event(event: &generate::Event) -> Event {
    Event {
        time_ns: event.timestamp_ns as u64,
        name: event.name.to_owned(),
        attributes: attributes(&event.attributes),
        ..Event::default()
    }
}

fn attributes(attributes: &[generate::Attribute]) -> Vec<Attribute> {
    let value = |value: &generate::Value| match value {
        generate::Value::Text(text) => AnyValue::String(text.clone()),
        generate::Value::Integer(number) => AnyValue::Int(*number),
        generate::Value::Float(number) => AnyValue::Double(*number),
        generate::Value::Bool(value) => AnyValue::Bool(*value),
    };
    attributes.iter().map(|(key, of)| Attribute { key: (*key).to_owned(), value: value(of) }).collect()
}
