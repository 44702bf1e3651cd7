//! Random sequences of commits, deletions, flushes, compactions and reopenings show the same spans as the model in
//! memory.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use bedrock::disk::{Disk, MemDisk};
use proptest::prelude::*;
use tracestore::field::{Field, Intrinsic};
use tracestore::memory::MemorySource;
use tracestore::model::{
    AnyValue, Attribute, Event, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind,
    Status, StatusCode, TraceId,
};
use tracestore::source::{Requirement, ScanRequest, Source, TimeWindow};
use tracestore::{Db, Options, ReadOnlyDb, Snapshot, repair_on};

fn value() -> impl Strategy<Value = AnyValue> {
    prop_oneof![
        "[a-c]{0,2}".prop_map(AnyValue::String),
        (-3i64..3).prop_map(AnyValue::Int),
        any::<i64>().prop_map(AnyValue::Int),
        prop_oneof![Just(0.5), Just(-0.0), Just(f64::NAN), Just(f64::INFINITY)].prop_map(AnyValue::Double),
        any::<bool>().prop_map(AnyValue::Bool),
        Just(AnyValue::Empty),
        prop::collection::vec(any::<u8>(), 0..4).prop_map(AnyValue::Bytes),
        prop::collection::vec("[a-c]".prop_map(AnyValue::String), 0..3).prop_map(AnyValue::Array),
        Just(AnyValue::Map(vec![Attribute::new("k", 1i64)])),
    ]
}

/// Keys may repeat, as nothing in the protocol forbids it.
fn attributes() -> impl Strategy<Value = Vec<Attribute>> {
    prop::collection::vec(("[k-n]", value()).prop_map(|(key, value)| Attribute { key, value }), 0..4)
}

fn span() -> impl Strategy<Value = Span> {
    let ids = (1u8..6, 1u8..9, 0u8..9);
    let times = (prop_oneof![0u64..1000, any::<u64>()], prop_oneof![0u64..500, any::<u64>()]);
    let event =
        (any::<u16>(), "[e-f]", attributes(), 0u32..2).prop_map(|(time, name, attributes, dropped)| Event {
            time_ns: time.into(),
            name,
            attributes,
            dropped_attributes_count: dropped,
        });
    let link = (1u8..4, attributes(), 0u32..3).prop_map(|(id, attributes, flags)| Link {
        trace_id: TraceId([id; 16]),
        span_id: SpanId([id; 8]),
        trace_state: String::new(),
        attributes,
        dropped_attributes_count: 0,
        flags,
    });
    let nested = (prop::collection::vec(event, 0..3), prop::collection::vec(link, 0..2));
    (ids, times, attributes(), nested, "[s-u]{1,2}", (0i32..6, 0i32..3)).prop_map(
        |((trace, id, parent), (start_ns, end_ns), attributes, (events, links), name, (kind, code))| Span {
            trace_id: TraceId([trace; 16]),
            span_id: SpanId([id; 8]),
            parent_span_id: SpanId([parent; 8]),
            name,
            kind: SpanKind(kind),
            start_ns,
            end_ns: start_ns.wrapping_add(end_ns),
            attributes,
            events,
            links,
            status: Status { code: StatusCode(code), message: String::new() },
            flags: kind as u32,
            dropped_events_count: 1,
            ..Span::default()
        },
    )
}

fn request() -> impl Strategy<Value = Vec<ResourceSpans>> {
    let part =
        (0u8..3, attributes(), prop::collection::vec(span(), 1..6)).prop_map(|(service, extra, spans)| {
            let mut attributes = extra;
            if service > 0 {
                attributes.push(Attribute::new("service.name", format!("service-{service}")));
            }
            let resource = Arc::new(Resource { attributes, ..Resource::default() });
            let scope = Arc::new(Scope { name: format!("scope-{service}"), ..Scope::default() });
            ResourceSpans { resource, scopes: vec![ScopeSpans { scope, spans }] }
        });
    prop::collection::vec(part, 1..3)
}

#[derive(Clone, Debug)]
enum Operation {
    Commit(Vec<ResourceSpans>),
    /// Traces by the byte that their ids are made of.
    Delete(Vec<u8>),
    Flush,
    Compact,
    Tick,
    Reopen,
    Repair,
}

fn operation() -> impl Strategy<Value = Operation> {
    prop_oneof![
        5 => request().prop_map(Operation::Commit),
        1 => prop::collection::vec(0u8..7, 1..3).prop_map(Operation::Delete),
        2 => Just(Operation::Flush),
        1 => Just(Operation::Compact),
        1 => Just(Operation::Tick),
        1 => Just(Operation::Reopen),
        1 => Just(Operation::Repair),
    ]
}

const INTRINSICS: [Intrinsic; 18] = [
    Intrinsic::Duration,
    Intrinsic::Name,
    Intrinsic::Status,
    Intrinsic::StatusMessage,
    Intrinsic::Kind,
    Intrinsic::ChildCount,
    Intrinsic::SpanId,
    Intrinsic::ParentId,
    Intrinsic::TraceId,
    Intrinsic::RootServiceName,
    Intrinsic::RootName,
    Intrinsic::TraceDuration,
    Intrinsic::NestedSetLeft,
    Intrinsic::NestedSetRight,
    Intrinsic::InstrumentationName,
    Intrinsic::StartTime,
    Intrinsic::SampleWeight,
    Intrinsic::NestedSetParent,
];

/// Every trace with every value of every span, as text: what a query can see.
fn seen(source: &impl Source, window: TimeWindow) -> BTreeMap<String, Vec<String>> {
    let request = ScanRequest {
        window,
        requirement: Requirement::Anything,
        spans_only: false,
        fields: Vec::new(),
        newest_first: false,
    };
    let mut traces = BTreeMap::new();
    source
        .scan(&request, &mut |batch| {
            let mut fields = batch.attributes()?;
            fields.extend(INTRINSICS.map(Field::from));
            // Every span has a service, be it one without name, so it is always worth asking for.
            fields.push(Field::attribute(tracestore::field::Scope::Resource, "service.name"));
            fields.sort();
            fields.dedup();
            let mut rows = vec![Vec::new(); batch.span_count()];
            for field in fields {
                if field.nested_scope().is_some() {
                    let nested = batch.nested(&field)?;
                    rows.iter_mut().enumerate().for_each(|(row, texts)| {
                        let some = nested
                            .row(row)
                            .iter()
                            .any(|value| !matches!(value, tracestore::traceql::Value::Nil));
                        if some {
                            texts.push(format!("{field}={:?}", nested.row(row)));
                        }
                    });
                } else {
                    let column = batch.column(&field)?;
                    rows.iter_mut().enumerate().for_each(|(row, texts)| match column.get(row) {
                        tracestore::traceql::Value::Nil => {}
                        value => texts.push(format!("{field}={value:?}")),
                    });
                }
            }
            for trace in batch.traces() {
                let mut spans: Vec<String> = trace
                    .rows
                    .clone()
                    .map(|row| {
                        rows[row].sort();
                        format!("{} {}", batch.span_id(row).unwrap(), rows[row].join(" "))
                    })
                    .collect();
                spans.sort();
                let times = (trace.start_ns, trace.end_ns);
                spans.push(format!("{times:?} {} {}", trace.root_service, trace.root_name));
                assert!(traces.insert(trace.id.to_string(), spans).is_none(), "a trace is shown once");
            }
            Ok(ControlFlow::Continue(()))
        })
        .unwrap();
    traces
}

#[track_caller]
fn check(snapshot: &Snapshot, model: &MemorySource) {
    for window in [TimeWindow::ALL, TimeWindow { start_ns: 200, end_ns: 400 }] {
        assert_eq!(seen(snapshot, window), seen(model, window));
    }
    for id in 0..7 {
        let id = TraceId([id; 16]);
        let spans = |source: &dyn Source| {
            let trace = source.trace(id).unwrap();
            let mut spans: Vec<String> = trace
                .map(|trace| trace.spans.iter().map(|span| format!("{span:?}")).collect())
                .unwrap_or_default();
            spans.sort();
            spans
        };
        assert_eq!(spans(snapshot), spans(model), "nothing of a span is lost");
    }
}

fn run(operations: &[Operation]) {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let options = Options { background: false, compact_fan_in: 3, ..Options::default() };
    let mut db = Db::open_on(disk.clone(), "store", options.clone()).unwrap();
    let mut all: Vec<ResourceSpans> = Vec::new();
    for operation in operations {
        match operation {
            Operation::Commit(request) => {
                let committed = db.commit(request).unwrap();
                assert!(committed.refused.is_empty(), "{:?}", committed.refused);
                all.extend(request.iter().cloned());
            }
            Operation::Flush => db.flush().unwrap(),
            Operation::Compact => db.compact().unwrap(),
            Operation::Tick => db.tick(0).unwrap(),
            Operation::Delete(ids) => {
                let ids: Vec<TraceId> = ids.iter().map(|id| TraceId([*id; 16])).collect();
                db.delete_traces(&ids).unwrap();
                for scope in all.iter_mut().flat_map(|envelope| &mut envelope.scopes) {
                    scope.spans.retain(|span| !ids.contains(&span.trace_id));
                }
            }
            Operation::Repair => {
                drop(db);
                let repaired = repair_on(&disk, "store").unwrap();
                assert!(repaired.damaged.is_empty() && repaired.log_bytes_lost == 0, "{repaired:?}");
                db = Db::open_on(disk.clone(), "store", options.clone()).unwrap();
            }
            Operation::Reopen => {
                // What another process sees is what a reopening finds.
                let reader = ReadOnlyDb::open_on(disk.clone(), "store").unwrap();
                check(&reader.snapshot(), &MemorySource::new(all.iter().cloned()));
                drop(db);
                db = Db::open_on(disk.clone(), "store", options.clone()).unwrap();
            }
        }
    }
    let model = MemorySource::new(all);
    check(&db.snapshot(), &model);
    db.flush().unwrap();
    check(&db.snapshot(), &model);
    db.compact().unwrap();
    check(&db.snapshot(), &model);
    assert!(db.verify().is_empty());
    db.close().unwrap();
}

proptest! {
    #![proptest_config(testkit::rounds::cases(60))]

    #[test]
    fn a_store_shows_what_the_model_shows(operations in prop::collection::vec(operation(), 1..15)) {
        run(&operations);
    }
}
