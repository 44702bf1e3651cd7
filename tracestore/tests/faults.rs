//! The store under everything that can happen to it: the scenarios of `testkit::life` over batches of spans.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::path::Path;
use std::sync::Arc;

use bedrock::disk::Disk;
use bedrock::store::Repaired;
use testkit::life::{Found, Mode, RETENTION_S, Reader, Subject, time_ns};
use tracestore::model::{
    AnyValue, Attribute, Event, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, TraceId,
};
use tracestore::source::{Requirement, ScanRequest, Source, TimeWindow};
use tracestore::{Db, Error, Options, ReadOnlyDb, Snapshot, repair_on};

/// A store whose batches are a trace each, and one more span of a trace that goes through all of them.
struct Traces(Db);

/// The trace that every batch adds a span to.
const LONG_TRACE: TraceId = TraceId([0xff; 16]);

fn options(mode: Mode) -> Options {
    match mode {
        Mode::Caller => Options {
            background: false,
            compact_fan_in: 2,
            retention: Some(std::time::Duration::from_secs(RETENTION_S)),
            ..Options::default()
        },
        Mode::Thread => Options {
            durability: bedrock::wal::Durability::Never,
            flush_bytes: 8 << 10,
            head_bytes_max: 32 << 10,
            compact_fan_in: 4,
            ..Options::default()
        },
    }
}

/// What the medium said; anything else is a bug of ours.
fn medium(error: Error) -> bedrock::Error {
    match error {
        Error::Store(error) | Error::HeadFull { cause: error, .. } => error,
        other => panic!("{other}"),
    }
}

fn trace_id(number: u64) -> TraceId {
    TraceId(u128::from(number + 1).to_be_bytes())
}

/// Span `index` of a batch; the last one belongs to the trace that all batches share.
fn span(number: u64, index: usize) -> Span {
    let start_ns = time_ns(number) as u64 + index as u64;
    Span {
        trace_id: if index == Traces::ROWS { LONG_TRACE } else { trace_id(number) },
        span_id: SpanId((number * 10 + index as u64 + 1).to_be_bytes()),
        name: format!("batch {number}"),
        start_ns,
        end_ns: start_ns + 1_000,
        attributes: vec![
            Attribute::new("number", number as i64),
            Attribute {
                key: "any".into(),
                value: AnyValue::Array(vec![AnyValue::Bool(true), AnyValue::Empty]),
            },
        ],
        events: vec![Event { time_ns: 5, name: "e".into(), ..Event::default() }],
        ..Span::default()
    }
}

/// Batches by number, and how many of the spans of their own trace are there.
fn found(snapshot: &Snapshot) -> bedrock::Result<Found> {
    let request = ScanRequest {
        window: TimeWindow::ALL,
        requirement: Requirement::Anything,
        spans_only: false,
        fields: Vec::new(),
        newest_first: false,
    };
    let mut ids = Vec::new();
    snapshot.scan(&request, &mut |batch| {
        ids.extend(batch.traces().iter().map(|trace| trace.id));
        Ok(std::ops::ControlFlow::Continue(()))
    })?;
    let long = snapshot.trace(LONG_TRACE)?.map(|trace| trace.spans).unwrap_or_default();
    let mut found = Found::new();
    for id in ids.into_iter().filter(|id| *id != LONG_TRACE) {
        let number = u128::from_be_bytes(id.0) as u64 - 1;
        let trace = snapshot.trace(id)?.unwrap();
        for record in &trace.spans {
            let index = u64::from_be_bytes(record.span.span_id.0) - 1 - number * 10;
            assert_eq!(record.span, span(number, index as usize), "a span is whole");
        }
        let shared = span(number, Traces::ROWS);
        assert!(long.iter().any(|record| record.span == shared), "batch {number} is there in part");
        assert_eq!(found.insert(number, trace.spans.len()), None, "a trace is shown once");
    }
    Ok(found)
}

impl Subject for Traces {
    const ROWS: usize = 3;
    type Reader = TracesReader;

    fn open(disk: Arc<dyn Disk>, dir: &Path, mode: Mode) -> bedrock::Result<Self> {
        Db::open_on(disk, dir, options(mode)).map(Traces).map_err(medium)
    }

    fn commit(&self, number: u64) -> bedrock::Result<()> {
        let service = format!("service-{}", number % 2);
        let attributes = vec![Attribute::new("service.name", service)];
        let resource = Arc::new(Resource { attributes, ..Resource::default() });
        let spans = (0..=Self::ROWS).map(|index| span(number, index)).collect();
        let scopes = vec![ScopeSpans { scope: Arc::new(Scope::default()), spans }];
        let committed = self.0.commit(&[ResourceSpans { resource, scopes }]).map_err(medium)?;
        assert_eq!(committed.spans, Self::ROWS + 1);
        Ok(())
    }

    fn delete(&self, number: u64) -> bedrock::Result<()> {
        let deleted = self.0.delete_traces(&[trace_id(number)]).map_err(medium)?;
        assert!(deleted <= 1, "{deleted} traces of batch {number}");
        Ok(())
    }

    fn flush(&self) -> bedrock::Result<()> {
        self.0.flush().map_err(medium)
    }

    fn compact(&self) -> bedrock::Result<()> {
        self.0.compact().map_err(medium)
    }

    fn tick(&self, now_ns: i64) -> bedrock::Result<()> {
        self.0.tick(now_ns).map_err(medium)
    }

    fn found(&self) -> bedrock::Result<Found> {
        found(&self.0.snapshot())
    }

    fn verify(&self) -> Vec<bedrock::Error> {
        self.0.verify()
    }

    fn close(self) -> bedrock::Result<()> {
        self.0.close().map_err(medium)
    }

    fn snapshot_to(&self, target: &Path) -> bedrock::Result<()> {
        self.0.snapshot_to(target).map_err(medium)
    }

    fn repair(disk: Arc<dyn Disk>, dir: &Path) -> bedrock::Result<Repaired> {
        repair_on(&disk, dir).map_err(medium)
    }
}

struct TracesReader(ReadOnlyDb);

impl Reader for TracesReader {
    fn open(dir: &Path) -> bedrock::Result<Self> {
        ReadOnlyDb::open(dir).map(TracesReader).map_err(medium)
    }

    fn refresh(&self) -> bedrock::Result<()> {
        self.0.refresh().map_err(medium)
    }

    fn found(&self) -> bedrock::Result<Found> {
        found(&self.0.snapshot())
    }
}

testkit::life_tests!(Traces);
