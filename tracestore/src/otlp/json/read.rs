//! JSON to spans.

use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Map, Value as Json};

use crate::model::{
    AnyValue, Attribute, Event, IdError, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId,
    SpanKind, Status, StatusCode, TraceId,
};
use crate::otlp::{Decoded, OtlpError, Refused, VALUE_DEPTH_MAX};

type Object = Map<String, Json>;
type Result<T> = std::result::Result<T, OtlpError>;

pub(super) fn request(text: &[u8]) -> Result<Decoded> {
    let root: Json = serde_json::from_slice(text).map_err(|error| OtlpError::Json(error.to_string()))?;
    let root = object(&root, "the request")?;
    let mut decoded = Decoded::default();
    for envelope in list(root, "resourceSpans", "resource_spans")? {
        let envelope = resource_spans(object(envelope, "resourceSpans")?, &mut decoded.refused)?;
        decoded.resource_spans.push(envelope);
    }
    Ok(decoded)
}

fn resource_spans(from: &Object, refused: &mut Vec<Refused>) -> Result<ResourceSpans> {
    let mut resource = Resource { schema_url: text(from, "schemaUrl", "schema_url")?, ..Resource::default() };
    if let Some(json) = get(from, "resource", "resource") {
        let json = object(json, "resource")?;
        resource.attributes = attributes(json)?;
        resource.dropped_attributes_count =
            number(json, "droppedAttributesCount", "dropped_attributes_count")?;
    }
    let mut scopes = Vec::new();
    for json in list(from, "scopeSpans", "scope_spans")? {
        scopes.push(scope_spans(object(json, "scopeSpans")?, refused)?);
    }
    Ok(ResourceSpans { resource: Arc::new(resource), scopes })
}

fn scope_spans(from: &Object, refused: &mut Vec<Refused>) -> Result<ScopeSpans> {
    let mut scope = Scope { schema_url: text(from, "schemaUrl", "schema_url")?, ..Scope::default() };
    if let Some(json) = get(from, "scope", "scope") {
        let json = object(json, "scope")?;
        scope.name = text(json, "name", "name")?;
        scope.version = text(json, "version", "version")?;
        scope.attributes = attributes(json)?;
        scope.dropped_attributes_count = number(json, "droppedAttributesCount", "dropped_attributes_count")?;
    }
    let mut spans = Vec::new();
    for json in list(from, "spans", "spans")? {
        match span(object(json, "spans")?)? {
            Ok(span) => spans.push(span),
            Err(reason) => refused.push(reason),
        }
    }
    Ok(ScopeSpans { scope: Arc::new(scope), spans })
}

/// A span, or why it cannot be stored.
fn span(from: &Object) -> Result<std::result::Result<Span, Refused>> {
    let mut span = Span {
        trace_state: text(from, "traceState", "trace_state")?,
        flags: number(from, "flags", "flags")?,
        name: text(from, "name", "name")?,
        kind: SpanKind(enumeration(from, "kind", "SPAN_KIND_", &KINDS)?),
        start_ns: number(from, "startTimeUnixNano", "start_time_unix_nano")?,
        end_ns: number(from, "endTimeUnixNano", "end_time_unix_nano")?,
        attributes: attributes(from)?,
        dropped_attributes_count: number(from, "droppedAttributesCount", "dropped_attributes_count")?,
        dropped_events_count: number(from, "droppedEventsCount", "dropped_events_count")?,
        dropped_links_count: number(from, "droppedLinksCount", "dropped_links_count")?,
        ..Span::default()
    };
    if let Some(json) = get(from, "status", "status") {
        let json = object(json, "status")?;
        let code = StatusCode(enumeration(json, "code", "STATUS_CODE_", &STATUS_CODES)?);
        span.status = Status { code, message: text(json, "message", "message")? };
    }
    for json in list(from, "events", "events")? {
        span.events.push(event(object(json, "events")?)?);
    }
    let ids = ids(from, &mut span)?;
    let mut links = Ok(());
    for json in list(from, "links", "links")? {
        match link(object(json, "links")?)? {
            Ok(link) => span.links.push(link),
            Err(error) => links = Err(error),
        }
    }
    Ok(match ids.and(links) {
        Ok(()) => Ok(span),
        Err(error) => Err(Refused { name: span.name, reason: error.to_string() }),
    })
}

fn ids(from: &Object, span: &mut Span) -> Result<std::result::Result<(), IdError>> {
    let trace_id = text(from, "traceId", "trace_id")?;
    let span_id = text(from, "spanId", "span_id")?;
    let parent = text(from, "parentSpanId", "parent_span_id")?;
    Ok((|| {
        span.trace_id = TraceId::from_hex(&trace_id)?;
        span.span_id = SpanId::from_hex(&span_id)?;
        span.parent_span_id = SpanId::from_hex(&parent)?;
        if span.trace_id.is_zero() {
            return Err(IdError::Zero { what: "trace id" });
        }
        if span.span_id.is_zero() {
            return Err(IdError::Zero { what: "span id" });
        }
        Ok(())
    })())
}

fn event(from: &Object) -> Result<Event> {
    Ok(Event {
        time_ns: number(from, "timeUnixNano", "time_unix_nano")?,
        name: text(from, "name", "name")?,
        attributes: attributes(from)?,
        dropped_attributes_count: number(from, "droppedAttributesCount", "dropped_attributes_count")?,
    })
}

fn link(from: &Object) -> Result<std::result::Result<Link, IdError>> {
    let trace_id = TraceId::from_hex(&text(from, "traceId", "trace_id")?);
    let span_id = SpanId::from_hex(&text(from, "spanId", "span_id")?);
    let (trace_id, span_id) = match (trace_id, span_id) {
        (Ok(trace_id), Ok(span_id)) => (trace_id, span_id),
        (Err(error), _) | (_, Err(error)) => return Ok(Err(error)),
    };
    Ok(Ok(Link {
        trace_id,
        span_id,
        trace_state: text(from, "traceState", "trace_state")?,
        attributes: attributes(from)?,
        dropped_attributes_count: number(from, "droppedAttributesCount", "dropped_attributes_count")?,
        flags: number(from, "flags", "flags")?,
    }))
}

fn attributes(from: &Object) -> Result<Vec<Attribute>> {
    key_values(list(from, "attributes", "attributes")?, 0)
}

fn key_values(from: &[Json], depth: usize) -> Result<Vec<Attribute>> {
    let attribute = |json| {
        let json = object(json, "attributes")?;
        let value =
            get(json, "value", "value").map_or(Ok(AnyValue::Empty), |value| any_value(value, depth))?;
        Ok(Attribute { key: text(json, "key", "key")?, value })
    };
    from.iter().map(attribute).collect()
}

fn any_value(from: &Json, depth: usize) -> Result<AnyValue> {
    if depth > VALUE_DEPTH_MAX {
        return Err(OtlpError::TooDeep { max: VALUE_DEPTH_MAX });
    }
    let from = object(from, "value")?;
    if get(from, "stringValue", "string_value").is_some() {
        return text(from, "stringValue", "string_value").map(AnyValue::String);
    }
    if let Some(json) = get(from, "boolValue", "bool_value") {
        let truth = json.as_bool().ok_or_else(|| mismatch("boolValue", "true or false", json))?;
        return Ok(AnyValue::Bool(truth));
    }
    if get(from, "intValue", "int_value").is_some() {
        return number(from, "intValue", "int_value").map(AnyValue::Int);
    }
    if let Some(json) = get(from, "doubleValue", "double_value") {
        return double(json).map(AnyValue::Double);
    }
    if let Some(json) = get(from, "arrayValue", "array_value") {
        let values = list(object(json, "arrayValue")?, "values", "values")?;
        return values
            .iter()
            .map(|value| any_value(value, depth + 1))
            .collect::<Result<_>>()
            .map(AnyValue::Array);
    }
    if let Some(json) = get(from, "kvlistValue", "kvlist_value") {
        let values = list(object(json, "kvlistValue")?, "values", "values")?;
        return key_values(values, depth + 1).map(AnyValue::Map);
    }
    if let Some(json) = get(from, "bytesValue", "bytes_value") {
        let text = json.as_str().ok_or_else(|| mismatch("bytesValue", "base64", json))?;
        let bytes = STANDARD.decode(text).or_else(|_| URL_SAFE.decode(text));
        return bytes.map(AnyValue::Bytes).map_err(|_| mismatch("bytesValue", "base64", json));
    }
    Ok(AnyValue::Empty)
}

fn double(json: &Json) -> Result<f64> {
    let parsed = match json {
        Json::Number(number) => number.as_f64(),
        Json::String(text) => match text.as_str() {
            "NaN" => Some(f64::NAN),
            "Infinity" => Some(f64::INFINITY),
            "-Infinity" => Some(f64::NEG_INFINITY),
            text => text.parse().ok(),
        },
        _ => None,
    };
    parsed.ok_or_else(|| mismatch("doubleValue", "a number", json))
}

const KINDS: [&str; 6] = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
const STATUS_CODES: [&str; 3] = ["UNSET", "OK", "ERROR"];

fn enumeration(from: &Object, field: &'static str, prefix: &str, names: &[&str]) -> Result<i32> {
    let Some(Json::String(name)) = get(from, field, field) else { return number(from, field, field) };
    let index = name.strip_prefix(prefix).and_then(|name| names.iter().position(|known| *known == name));
    match index {
        Some(index) => Ok(index as i32),
        None => name
            .parse()
            .map_err(|_| mismatch(field, "a number or a name of the enum", &Json::String(name.clone()))),
    }
}

fn get<'a>(from: &'a Object, camel: &str, snake: &str) -> Option<&'a Json> {
    from.get(camel).or_else(|| from.get(snake)).filter(|json| !json.is_null())
}

fn object<'a>(json: &'a Json, field: &'static str) -> Result<&'a Object> {
    json.as_object().ok_or_else(|| mismatch(field, "an object", json))
}

fn list<'a>(from: &'a Object, camel: &'static str, snake: &str) -> Result<&'a [Json]> {
    match get(from, camel, snake) {
        None => Ok(&[]),
        Some(Json::Array(items)) => Ok(items),
        Some(other) => Err(mismatch(camel, "a list", other)),
    }
}

fn text(from: &Object, camel: &'static str, snake: &str) -> Result<String> {
    match get(from, camel, snake) {
        None => Ok(String::new()),
        Some(Json::String(text)) => Ok(text.clone()),
        Some(other) => Err(mismatch(camel, "a text", other)),
    }
}

/// An integer, bare or as a decimal string; 0 where it is missing.
fn number<T: TryFrom<i128>>(from: &Object, camel: &'static str, snake: &str) -> Result<T> {
    let Some(json) = get(from, camel, snake) else {
        return T::try_from(0).map_err(|_| mismatch(camel, "an integer", &Json::Null));
    };
    let parsed = match json {
        Json::Number(number) => {
            let whole = number.as_f64().filter(|n| n.fract() == 0.0 && n.abs() < 9e15).map(|n| n as i128);
            number.as_i64().map(i128::from).or(number.as_u64().map(i128::from)).or(whole)
        }
        Json::String(text) => text.parse().ok(),
        _ => None,
    };
    parsed
        .and_then(|n| T::try_from(n).ok())
        .ok_or_else(|| mismatch(camel, "an integer that fits its type", json))
}

fn mismatch(field: &'static str, expected: &'static str, found: &Json) -> OtlpError {
    let found: String = found.to_string().chars().take(40).collect();
    OtlpError::Field { field, expected, found }
}
