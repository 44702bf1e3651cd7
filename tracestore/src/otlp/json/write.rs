//! Spans to JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::model::{AnyValue, Attribute, Event, Link, ResourceSpans, ScopeSpans, Span};

/// Writes objects with commas in the right places.
struct Writer {
    out: String,
    first: bool,
}

impl Writer {
    fn open(&mut self, bracket: char) {
        self.comma();
        self.out.push(bracket);
        self.first = true;
    }

    fn close(&mut self, bracket: char) {
        self.out.push(bracket);
        self.first = false;
    }

    fn comma(&mut self) {
        if !self.first {
            self.out.push(',');
        }
        self.first = false;
    }

    /// The name of the next value.
    fn name(&mut self, name: &str) {
        self.comma();
        self.quoted(name);
        self.out.push(':');
        self.first = true;
    }

    fn quoted(&mut self, text: &str) {
        // A text always has a JSON form.
        self.out.push_str(&serde_json::to_string(text).unwrap_or_default());
    }

    /// Left out where empty, as the mapping allows.
    fn text(&mut self, name: &str, text: &str) {
        if !text.is_empty() {
            self.name(name);
            self.quoted(text);
            self.first = false;
        }
    }

    /// Left out where zero, as the mapping allows.
    fn number(&mut self, name: &str, number: i64) {
        if number != 0 {
            self.name(name);
            self.out.push_str(&number.to_string());
            self.first = false;
        }
    }

    fn list<T>(&mut self, name: &str, items: &[T], mut item: impl FnMut(&mut Self, &T)) {
        if !items.is_empty() {
            self.name(name);
            self.open('[');
            items.iter().for_each(|each| item(self, each));
            self.close(']');
        }
    }
}

pub(super) fn request(resource_spans: &[ResourceSpans]) -> String {
    let mut writer = Writer { out: String::new(), first: true };
    writer.open('{');
    writer.name("resourceSpans");
    writer.open('[');
    for envelope in resource_spans {
        writer.open('{');
        writer.name("resource");
        writer.open('{');
        writer.list("attributes", &envelope.resource.attributes, attribute);
        writer.number("droppedAttributesCount", envelope.resource.dropped_attributes_count.into());
        writer.close('}');
        writer.list("scopeSpans", &envelope.scopes, scope_spans);
        writer.text("schemaUrl", &envelope.resource.schema_url);
        writer.close('}');
    }
    writer.close(']');
    writer.close('}');
    writer.out
}

fn scope_spans(writer: &mut Writer, from: &ScopeSpans) {
    writer.open('{');
    writer.name("scope");
    writer.open('{');
    writer.text("name", &from.scope.name);
    writer.text("version", &from.scope.version);
    writer.list("attributes", &from.scope.attributes, attribute);
    writer.number("droppedAttributesCount", from.scope.dropped_attributes_count.into());
    writer.close('}');
    writer.list("spans", &from.spans, span);
    writer.text("schemaUrl", &from.scope.schema_url);
    writer.close('}');
}

fn span(writer: &mut Writer, span: &Span) {
    writer.open('{');
    writer.text("traceId", &span.trace_id.to_string());
    writer.text("spanId", &span.span_id.to_string());
    if !span.parent_span_id.is_zero() {
        writer.text("parentSpanId", &span.parent_span_id.to_string());
    }
    writer.text("traceState", &span.trace_state);
    writer.number("flags", span.flags.into());
    writer.text("name", &span.name);
    writer.number("kind", span.kind.0.into());
    writer.text("startTimeUnixNano", &span.start_ns.to_string());
    writer.text("endTimeUnixNano", &span.end_ns.to_string());
    writer.list("attributes", &span.attributes, attribute);
    writer.number("droppedAttributesCount", span.dropped_attributes_count.into());
    writer.list("events", &span.events, event);
    writer.number("droppedEventsCount", span.dropped_events_count.into());
    writer.list("links", &span.links, link);
    writer.number("droppedLinksCount", span.dropped_links_count.into());
    writer.name("status");
    writer.open('{');
    writer.text("message", &span.status.message);
    writer.number("code", span.status.code.0.into());
    writer.close('}');
    writer.close('}');
}

fn event(writer: &mut Writer, event: &Event) {
    writer.open('{');
    writer.text("timeUnixNano", &event.time_ns.to_string());
    writer.text("name", &event.name);
    writer.list("attributes", &event.attributes, attribute);
    writer.number("droppedAttributesCount", event.dropped_attributes_count.into());
    writer.close('}');
}

fn link(writer: &mut Writer, link: &Link) {
    writer.open('{');
    writer.text("traceId", &link.trace_id.to_string());
    writer.text("spanId", &link.span_id.to_string());
    writer.text("traceState", &link.trace_state);
    writer.list("attributes", &link.attributes, attribute);
    writer.number("droppedAttributesCount", link.dropped_attributes_count.into());
    writer.number("flags", link.flags.into());
    writer.close('}');
}

fn attribute(writer: &mut Writer, attribute: &Attribute) {
    writer.open('{');
    writer.name("key");
    writer.quoted(&attribute.key);
    writer.first = false;
    writer.name("value");
    any_value(writer, &attribute.value);
    writer.close('}');
}

fn any_value(writer: &mut Writer, value: &AnyValue) {
    writer.open('{');
    match value {
        AnyValue::Empty => {}
        AnyValue::String(text) => {
            writer.name("stringValue");
            writer.quoted(text);
        }
        AnyValue::Bool(truth) => {
            writer.name("boolValue");
            writer.out.push_str(if *truth { "true" } else { "false" });
        }
        AnyValue::Int(number) => {
            writer.name("intValue");
            writer.quoted(&number.to_string());
        }
        AnyValue::Double(number) => {
            writer.name("doubleValue");
            double(writer, *number);
        }
        AnyValue::Bytes(bytes) => {
            writer.name("bytesValue");
            writer.quoted(&STANDARD.encode(bytes));
        }
        AnyValue::Array(values) => {
            writer.name("arrayValue");
            writer.open('{');
            writer.list("values", values, any_value);
            writer.close('}');
        }
        AnyValue::Map(entries) => {
            writer.name("kvlistValue");
            writer.open('{');
            writer.list("values", entries, attribute);
            writer.close('}');
        }
    }
    writer.close('}');
}

fn double(writer: &mut Writer, number: f64) {
    if number.is_finite() {
        // `Debug` keeps the point and the sign of zero, and always has the digits that read back to the same bits.
        writer.out.push_str(&format!("{number:?}"));
    } else if number.is_nan() {
        writer.quoted("NaN");
    } else {
        writer.quoted(if number > 0.0 { "Infinity" } else { "-Infinity" });
    }
}
