//! Spans to protobuf.
//!
//! A message is written into the end of the buffer and its length put before it afterwards: lengths are short, so
//! moving a message by one to five bytes costs less than measuring it first.

use crate::model::{AnyValue, Attribute, Event, Link, ResourceSpans, ScopeSpans, Span};

/// Protobuf under construction. Fields with their default value are left out, as proto 3 demands.
struct Writer {
    out: Vec<u8>,
}

impl Writer {
    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.out.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.out.push(number as u8);
    }

    fn tag(&mut self, field: u32, wire_type: u64) {
        self.varint(u64::from(field) << 3 | wire_type);
    }

    fn number(&mut self, field: u32, number: u64) {
        if number != 0 {
            self.tag(field, 0);
            self.varint(number);
        }
    }

    fn fixed64(&mut self, field: u32, number: u64) {
        if number != 0 {
            self.tag(field, 1);
            self.out.extend(number.to_le_bytes());
        }
    }

    fn fixed32(&mut self, field: u32, number: u32) {
        if number != 0 {
            self.tag(field, 5);
            self.out.extend(number.to_le_bytes());
        }
    }

    fn bytes(&mut self, field: u32, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.always_bytes(field, bytes);
        }
    }

    /// Bytes whose presence says something even where they are empty.
    fn always_bytes(&mut self, field: u32, bytes: &[u8]) {
        self.tag(field, 2);
        self.varint(bytes.len() as u64);
        self.out.extend(bytes);
    }

    fn message(&mut self, field: u32, write: impl FnOnce(&mut Self)) {
        self.tag(field, 2);
        let start = self.out.len();
        write(self);
        let body_end = self.out.len();
        self.varint((body_end - start) as u64);
        let length_bytes = self.out.len() - body_end;
        if let Some(written) = self.out.get_mut(start..) {
            written.rotate_right(length_bytes);
        }
    }
}

pub(super) fn request(resource_spans: &[ResourceSpans]) -> Vec<u8> {
    let mut writer = Writer { out: Vec::new() };
    for envelope in resource_spans {
        writer.message(1, |writer| {
            writer.message(1, |writer| {
                attributes(writer, 1, &envelope.resource.attributes);
                writer.number(2, envelope.resource.dropped_attributes_count.into());
            });
            envelope.scopes.iter().for_each(|scope| writer.message(2, |writer| scope_spans(writer, scope)));
            writer.bytes(3, envelope.resource.schema_url.as_bytes());
        });
    }
    writer.out
}

/// Writes a value as a message of its own.
pub(super) fn value(value: &AnyValue) -> Vec<u8> {
    let mut writer = Writer { out: Vec::new() };
    any_value(&mut writer, value);
    writer.out
}

pub(super) fn span_bytes(from: &Span) -> usize {
    let mut writer = Writer { out: Vec::new() };
    span(&mut writer, from);
    writer.out.len()
}

fn scope_spans(writer: &mut Writer, from: &ScopeSpans) {
    writer.message(1, |writer| {
        writer.bytes(1, from.scope.name.as_bytes());
        writer.bytes(2, from.scope.version.as_bytes());
        attributes(writer, 3, &from.scope.attributes);
        writer.number(4, from.scope.dropped_attributes_count.into());
    });
    from.spans.iter().for_each(|each| writer.message(2, |writer| span(writer, each)));
    writer.bytes(3, from.scope.schema_url.as_bytes());
}

fn span(writer: &mut Writer, span: &Span) {
    writer.bytes(1, &span.trace_id.0);
    writer.bytes(2, &span.span_id.0);
    writer.bytes(3, span.trace_state.as_bytes());
    if !span.parent_span_id.is_zero() {
        writer.bytes(4, &span.parent_span_id.0);
    }
    writer.bytes(5, span.name.as_bytes());
    writer.number(6, i64::from(span.kind.0).cast_unsigned());
    writer.fixed64(7, span.start_ns);
    writer.fixed64(8, span.end_ns);
    attributes(writer, 9, &span.attributes);
    writer.number(10, span.dropped_attributes_count.into());
    span.events.iter().for_each(|each| writer.message(11, |writer| event(writer, each)));
    writer.number(12, span.dropped_events_count.into());
    span.links.iter().for_each(|each| writer.message(13, |writer| link(writer, each)));
    writer.number(14, span.dropped_links_count.into());
    writer.message(15, |writer| {
        writer.bytes(2, span.status.message.as_bytes());
        writer.number(3, i64::from(span.status.code.0).cast_unsigned());
    });
    writer.fixed32(16, span.flags);
}

fn event(writer: &mut Writer, event: &Event) {
    writer.fixed64(1, event.time_ns);
    writer.bytes(2, event.name.as_bytes());
    attributes(writer, 3, &event.attributes);
    writer.number(4, event.dropped_attributes_count.into());
}

fn link(writer: &mut Writer, link: &Link) {
    writer.bytes(1, &link.trace_id.0);
    writer.bytes(2, &link.span_id.0);
    writer.bytes(3, link.trace_state.as_bytes());
    attributes(writer, 4, &link.attributes);
    writer.number(5, link.dropped_attributes_count.into());
    writer.fixed32(6, link.flags);
}

fn attributes(writer: &mut Writer, field: u32, attributes: &[Attribute]) {
    for attribute in attributes {
        writer.message(field, |writer| {
            writer.bytes(1, attribute.key.as_bytes());
            writer.message(2, |writer| any_value(writer, &attribute.value));
        });
    }
}

fn any_value(writer: &mut Writer, value: &AnyValue) {
    match value {
        AnyValue::Empty => {}
        AnyValue::String(text) => writer.always_bytes(1, text.as_bytes()),
        AnyValue::Bool(truth) => {
            writer.tag(2, 0);
            writer.varint(u64::from(*truth));
        }
        AnyValue::Int(number) => {
            writer.tag(3, 0);
            writer.varint(number.cast_unsigned());
        }
        AnyValue::Double(number) => {
            writer.tag(4, 1);
            writer.out.extend(number.to_le_bytes());
        }
        AnyValue::Array(values) => writer.message(5, |writer| {
            values.iter().for_each(|value| writer.message(1, |writer| any_value(writer, value)));
        }),
        AnyValue::Map(entries) => writer.message(6, |writer| attributes(writer, 1, entries)),
        AnyValue::Bytes(bytes) => writer.always_bytes(7, bytes),
    }
}
