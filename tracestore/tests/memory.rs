//! What one huge trace takes: it is ingested, found, searched and compacted in bounded memory.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use peak_alloc::PeakAlloc;
use tracestore::model::{
    Attribute, Event, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind, SpanRecord, TraceId,
};
use tracestore::traceql::SearchOptions;
use tracestore::{Db, Options, api, repair};

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

/// Flips a bit of the first page of the only block.
fn damage_first_page(dir: &Path) {
    let blocks = dir.join(bedrock::manifest::BLOCKS_DIR);
    let block = std::fs::read_dir(blocks).unwrap().next().unwrap().unwrap().path();
    let file = block.join("spans");
    let mut bytes = std::fs::read(&file).unwrap();
    // Behind the head of the file.
    bytes[64] ^= 1;
    std::fs::write(file, bytes).unwrap();
}

/// 100,000 spans of one trace, or a million where the rounds are more than one.
#[test]
fn a_huge_trace_is_ingested_found_searched_and_compacted_in_bounded_memory() {
    let spans = if testkit::rounds::rounds() > 1 { 1_000_000 } else { 100_000 };
    let dir = tempfile::tempdir().unwrap();
    let options =
        Options { background: false, durability: bedrock::wal::Durability::Never, ..Options::default() };
    let db = Db::open(dir.path(), options.clone()).unwrap();
    // A neighbour that begins before it.
    let early = Span { trace_id: TraceId([1; 16]), span_id: SpanId([1; 8]), start_ns: 1, ..Span::default() };
    let scopes = vec![ScopeSpans { scope: Arc::new(Scope::default()), spans: vec![early] }];
    db.commit(&[ResourceSpans { resource: Arc::new(Resource::default()), scopes }]).unwrap();
    for first in (0..spans).step_by(BATCH as usize) {
        commit(&db, first);
    }
    db.flush().unwrap();
    let ingested = peak();
    let visit = |db: &Db| {
        let mut seen = 0;
        let count = &mut |some: Vec<SpanRecord>| {
            seen += some.len() as u64;
            ControlFlow::Continue(())
        };
        db.snapshot().visit_trace(TRACE, count).unwrap();
        assert_eq!(seen, spans);
        peak()
    };
    let visited = visit(&db);
    let query = "{ .http.status_code = 500 }";
    let structure = "{ .http.status_code = 500 } >> { .http.status_code = 404 }";
    let search = |query: &str| {
        let found = api::search(&db.snapshot(), query, &SearchOptions::default()).unwrap();
        assert_eq!(found.len(), 1, "{query}");
        peak()
    };
    let in_pieces = [search(query), search(structure)];
    db.compact().unwrap();
    assert_eq!((db.stats().block_traces, db.stats().block_spans), (2, spans + 1));
    let compacted = peak();
    assert!(db.verify().is_empty());
    let verified = peak();
    let visited = visited.max(visit(&db));
    let compacted_search = [search(query), search(structure)];
    db.close().unwrap();
    damage_first_page(dir.path());
    peak();
    let repaired = repair(dir.path()).unwrap();
    let repair_peak = peak();
    let kept = repaired.damaged[0].rows.as_ref().unwrap().kept_rows;
    assert_eq!((repaired.damaged.len(), kept), (1, spans), "all but the neighbour");
    let db = Db::open(dir.path(), options).unwrap();
    visit(&db);
    eprintln!(
        "{spans} spans of one trace, MiB at the peak: ingest {ingested}, compaction {compacted}, check {verified}, repair {repair_peak}, visit {visited}, \
         search and structural search in pieces {in_pieces:?}, compacted {compacted_search:?}"
    );
    let peaks =
        [&[ingested, visited, compacted, verified, repair_peak], &in_pieces[..], &compacted_search].concat();
    assert!(peaks.iter().all(|peak| *peak < 300), "{peaks:?}");
    db.close().unwrap();
}
