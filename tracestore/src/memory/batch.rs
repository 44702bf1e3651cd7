//! A batch of traces in memory: columns by walking spans.

use std::collections::BTreeSet;
use std::sync::Arc;

use bedrock::Result;

use super::{StoredTrace, service_name};
use crate::column::{Column, ColumnBuilder, Nested};
use crate::field::{Field, Intrinsic, Scope};
use crate::merge::{Piece, PieceRows};
use crate::model::{Attribute, Event, Link, Span, SpanId, SpanRecord};
use crate::sampling;
use crate::source::{SpanBatch, TraceSummary};
use crate::traceql::Value;
use crate::tree::{Node, Place};

/// Traces of a [`super::MemorySource`] or a head, one after the other.
pub(crate) struct MemoryBatch<'a> {
    rows: Vec<(&'a SpanRecord, &'a Place)>,
    traces: Vec<TraceSummary>,
}

impl<'a> MemoryBatch<'a> {
    pub(crate) fn new(entries: &[&'a StoredTrace]) -> Self {
        let mut rows = Vec::new();
        let mut traces = Vec::with_capacity(entries.len());
        for entry in entries {
            let first = rows.len();
            rows.extend(entry.trace.spans.iter().zip(&entry.places));
            traces.push(TraceSummary { rows: first..rows.len(), ..entry.summary.clone() });
        }
        MemoryBatch { rows, traces }
    }

    fn of_spans(&self, value: impl Fn(&SpanRecord, &Place) -> Value) -> Column {
        let mut column = ColumnBuilder::default();
        self.rows.iter().for_each(|(record, place)| column.push(value(record, place)));
        column.finish()
    }

    fn of_traces(&self, value: impl Fn(&TraceSummary) -> Value) -> Column {
        let mut column = ColumnBuilder::default();
        for trace in &self.traces {
            trace.rows.clone().for_each(|_| column.push(value(trace)));
        }
        column.finish()
    }

    fn ints(&self, durations: bool, number: impl Fn(&SpanRecord, &Place) -> i64) -> Column {
        Column::Ints {
            numbers: self.rows.iter().map(|(record, place)| number(record, place)).collect(),
            durations,
        }
    }

    fn intrinsic(&self, intrinsic: Intrinsic) -> Column {
        match intrinsic {
            Intrinsic::Duration => self.ints(true, |record, _| saturated(record.span.duration_ns())),
            Intrinsic::StartTime => self.ints(false, |record, _| saturated(record.span.start_ns)),
            Intrinsic::ChildCount => self.ints(false, |_, place| i64::from(place.children)),
            Intrinsic::NestedSetLeft => self.ints(false, |_, place| i64::from(place.left)),
            Intrinsic::NestedSetRight => self.ints(false, |_, place| i64::from(place.right)),
            Intrinsic::NestedSetParent => self.ints(false, |_, place| i64::from(place.parent)),
            Intrinsic::Name => self.of_spans(|record, _| Value::str(&record.span.name)),
            Intrinsic::Status => self.of_spans(|record, _| Value::Status(record.span.status.code)),
            Intrinsic::StatusMessage => self.of_spans(|record, _| Value::str(&record.span.status.message)),
            Intrinsic::Kind => self.of_spans(|record, _| Value::Kind(record.span.kind)),
            Intrinsic::SpanId => self.of_spans(|record, _| Value::str(record.span.span_id.to_string())),
            Intrinsic::ParentId => self.of_spans(|record, _| parent_id(record.span.parent_span_id)),
            Intrinsic::InstrumentationName => self.of_spans(|record, _| Value::str(&record.scope.name)),
            Intrinsic::InstrumentationVersion => self.of_spans(|record, _| Value::str(&record.scope.version)),
            Intrinsic::SampleWeight => {
                self.of_spans(|record, _| Value::Float(sampling::weight(&record.span.trace_state)))
            }
            Intrinsic::TraceId => {
                self.of_traces(|trace| Value::str(trace.id.to_string().trim_start_matches('0')))
            }
            Intrinsic::RootServiceName => self.of_traces(|trace| Value::Str(Arc::clone(&trace.root_service))),
            Intrinsic::RootName => self.of_traces(|trace| Value::Str(Arc::clone(&trace.root_name))),
            Intrinsic::TraceDuration => self
                .of_traces(|trace| Value::Duration(saturated(trace.end_ns.saturating_sub(trace.start_ns)))),
            Intrinsic::EventName
            | Intrinsic::EventTimeSinceStart
            | Intrinsic::LinkSpanId
            | Intrinsic::LinkTraceId
            | Intrinsic::Parent => Column::Constant(Value::Nil),
        }
    }

    fn of_events(&self, value: impl Fn(&SpanRecord, &Event) -> Value) -> Nested {
        let mut nested = Nested { offsets: vec![0], items: Vec::new() };
        for (record, _) in &self.rows {
            nested.items.extend(record.span.events.iter().map(|event| value(record, event)));
            nested.offsets.push(nested.items.len() as u32);
        }
        nested
    }

    fn of_links(&self, value: impl Fn(&Link) -> Value) -> Nested {
        let mut nested = Nested { offsets: vec![0], items: Vec::new() };
        for (record, _) in &self.rows {
            nested.items.extend(record.span.links.iter().map(&value));
            nested.offsets.push(nested.items.len() as u32);
        }
        nested
    }
}

impl Piece for MemoryBatch<'_> {
    fn rows(&self) -> Result<PieceRows> {
        let spans = || self.rows.iter().map(|(record, _)| &record.span);
        let node = |span: &Span| Node { id: span.span_id, parent: span.parent_span_id, kind: span.kind };
        let mut rows = PieceRows {
            starts: spans().map(|span| span.start_ns).collect(),
            nodes: spans().map(node).collect(),
            origins: Vec::with_capacity(self.rows.len()),
            resources: Vec::new(),
            scopes: Vec::new(),
        };
        for (record, _) in &self.rows {
            // Spans of one origin stand together.
            if rows.resources.last().is_none_or(|last| !Arc::ptr_eq(last, &record.resource)) {
                rows.resources.push(Arc::clone(&record.resource));
            }
            if rows.scopes.last().is_none_or(|last| !Arc::ptr_eq(last, &record.scope)) {
                rows.scopes.push(Arc::clone(&record.scope));
            }
            rows.origins.push((rows.resources.len() as u32 - 1, rows.scopes.len() as u32 - 1));
        }
        Ok(rows)
    }
}

impl SpanBatch for MemoryBatch<'_> {
    fn span_count(&self) -> usize {
        self.rows.len()
    }

    fn traces(&self) -> &[TraceSummary] {
        &self.traces
    }

    fn span_id(&self, row: usize) -> Result<SpanId> {
        Ok(self.rows.get(row).map(|(record, _)| record.span.span_id).unwrap_or_default())
    }

    fn column(&self, field: &Field) -> Result<Arc<Column>> {
        let column = match field {
            Field::Intrinsic(intrinsic) => self.intrinsic(*intrinsic),
            Field::Attribute(Scope::Resource, key) if &**key == "service.name" => {
                self.of_spans(|record, _| match service_name(&record.resource) {
                    "" => match lookup(&record.resource.attributes, key) {
                        Value::Nil => Value::str(""),
                        other => other,
                    },
                    name => Value::str(name),
                })
            }
            Field::Attribute(scope, key) => self.of_spans(|record, _| match scope {
                Scope::Resource => lookup(&record.resource.attributes, key),
                Scope::Span => lookup(&record.span.attributes, key),
                Scope::Instrumentation => lookup(&record.scope.attributes, key),
                Scope::Event | Scope::Link => Value::Nil,
            }),
        };
        Ok(Arc::new(column))
    }

    fn nested(&self, field: &Field) -> Result<Arc<Nested>> {
        Ok(Arc::new(match field {
            Field::Intrinsic(Intrinsic::EventName) => self.of_events(|_, event| Value::str(&event.name)),
            Field::Intrinsic(Intrinsic::EventTimeSinceStart) => self.of_events(|record, event| {
                Value::Duration(event.time_ns.wrapping_sub(record.span.start_ns).cast_signed())
            }),
            Field::Intrinsic(Intrinsic::LinkSpanId) => {
                self.of_links(|link| Value::str(link.span_id.to_string()))
            }
            Field::Intrinsic(Intrinsic::LinkTraceId) => {
                self.of_links(|link| Value::str(link.trace_id.to_string()))
            }
            Field::Attribute(Scope::Event, key) => self.of_events(|_, event| lookup(&event.attributes, key)),
            Field::Attribute(Scope::Link, key) => self.of_links(|link| lookup(&link.attributes, key)),
            _ => Nested { offsets: vec![0; self.rows.len() + 1], items: Vec::new() },
        }))
    }

    fn attributes(&self) -> Result<Vec<Field>> {
        let mut seen: BTreeSet<(Scope, &str)> = BTreeSet::new();
        for (record, _) in &self.rows {
            seen.extend(record.resource.attributes.iter().map(|a| (Scope::Resource, a.key.as_str())));
            seen.extend(record.scope.attributes.iter().map(|a| (Scope::Instrumentation, a.key.as_str())));
            seen.extend(record.span.attributes.iter().map(|a| (Scope::Span, a.key.as_str())));
            let events = record.span.events.iter().flat_map(|event| &event.attributes);
            seen.extend(events.map(|a| (Scope::Event, a.key.as_str())));
            let links = record.span.links.iter().flat_map(|link| &link.attributes);
            seen.extend(links.map(|a| (Scope::Link, a.key.as_str())));
        }
        Ok(seen.into_iter().map(|(scope, key)| Field::attribute(scope, key)).collect())
    }
}

/// The first value of a key.
pub(crate) fn lookup(attributes: &[Attribute], key: &str) -> Value {
    let found = attributes.iter().find(|attribute| attribute.key == key);
    found.map_or(Value::Nil, |attribute| Value::from_any(&attribute.value))
}

/// What a query sees of a parent's id: zeros for a root.
pub(crate) fn parent_id(parent: SpanId) -> Value {
    Value::str(parent.to_string())
}

/// A number of nanoseconds as TraceQL counts them.
pub(crate) fn saturated(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}
