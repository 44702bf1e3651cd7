//! What one huge trace takes: it is ingested, found and searched in bounded memory.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::ops::ControlFlow;
use std::sync::Arc;

use peak_alloc::PeakAlloc;
use tracestore::model::{
    Attribute, Event, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind, SpanRecord, TraceId,
};
use tracestore::traceql::SearchOptions;
use tracestore::{Db, Options, api};

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const TRACE: TraceId = TraceId([7; 16]);
const BATCH: u64 = 1_000;

/// A span of a tree in which every span has ten children.
fn span(number: u64) -> Span {
    let start_ns = 1_780_000_000_000_000_000 + number * 1_000;
    Span {
        trace_id: TRACE,
        span_id: SpanId((number + 1).to_be_bytes()),
        parent_span_id: SpanId(if number == 0 { [0; 8] } else { ((number - 1) / 10 + 1).to_be_bytes() }),
        name: format!("operation-{}", number % 50),
        kind: SpanKind::SERVER,
        start_ns,
        end_ns: start_ns + 1_000_000 + number % 1_000,
        attributes: vec![
            Attribute::new("http.method", ["GET", "POST"][number as usize % 2]),
            Attribute::new("http.status_code", [200i64, 404, 500][number as usize % 3]),
            Attribute::new("http.url", format!("/api/item/{}", number % 1_000)),
            Attribute::new("user.id", format!("user-{}", number % 10_000)),
            Attribute::new("retries", number as i64 % 4),
        ],
        events: if number.is_multiple_of(10) {
            vec![Event { time_ns: start_ns + 5, name: "cache.miss".into(), ..Event::default() }]
        } else {
            Vec::new()
        },
        ..Span::default()
    }
}

fn commit(db: &Db, first: u64) {
    let service = Attribute::new("service.name", format!("service-{}", first / BATCH % 20));
    let resource = Arc::new(Resource { attributes: vec![service], ..Resource::default() });
    let spans = (first..first + BATCH).map(span).collect();
    let scopes = vec![ScopeSpans { scope: Arc::new(Scope::default()), spans }];
    db.commit(&[ResourceSpans { resource, scopes }]).unwrap();
}

/// The highest of the memory in use since it was last asked for, in MiB.
fn peak() -> usize {
    let peak = PeakAlloc.peak_usage() >> 20;
    PeakAlloc.reset_peak_usage();
    peak
}

/// 100,000 spans of one trace, or a million where the rounds are more than one.
#[test]
fn a_huge_trace_is_ingested_found_and_searched_in_bounded_memory() {
    let spans = if testkit::rounds::rounds() > 1 { 1_000_000 } else { 100_000 };
    let dir = tempfile::tempdir().unwrap();
    let options =
        Options { background: false, durability: bedrock::wal::Durability::Never, ..Options::default() };
    let db = Db::open(dir.path(), options).unwrap();
    for first in (0..spans).step_by(BATCH as usize) {
        commit(&db, first);
    }
    db.flush().unwrap();
    let ingested = peak();
    let visit = || {
        let mut seen = 0;
        let count = &mut |some: Vec<SpanRecord>| {
            seen += some.len() as u64;
            ControlFlow::Continue(())
        };
        db.snapshot().visit_trace(TRACE, count).unwrap();
        assert_eq!(seen, spans);
        peak()
    };
    let visited = visit();
    db.compact().unwrap();
    assert_eq!((db.stats().block_traces, db.stats().block_spans), (1, spans));
    let compacted = peak();
    let visited = visited.max(visit());
    let search = |query: &str| {
        assert_eq!(
            api::search(&db.snapshot(), query, &SearchOptions::default()).unwrap().len(),
            1,
            "{query}"
        );
        peak()
    };
    let searched = search("{ .http.status_code = 500 }");
    let structural = search("{ .http.status_code = 500 } >> { .http.status_code = 404 }");
    eprintln!(
        "{spans} spans of one trace, MiB at the peak: ingest {ingested}, compaction {compacted}, visit {visited}, \
         search {searched}, structural search {structural}"
    );
    assert!(ingested.max(visited).max(searched).max(structural) < 300);
    db.close().unwrap();
}
