//! The hot paths of the trace store: a request committed, a trace found by its id, searches.
//!
//! `cargo bench -p tristore-benches --bench tracestore`

use std::hint::black_box;

use benches::spans;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use testkit::generate::{Traces, TracesOptions};
use tracestore::traceql::SearchOptions;
use tracestore::{Db, Options, api};

const TRACES: usize = 2_000;
const REQUEST_TRACES: usize = 50;

const QUERIES: [(&str, &str); 4] = [
    ("status", "{ status = error }"),
    ("attribute", r#"{ .user.id = "u777" }"#),
    (
        "structure",
        r#"{ resource.service.name = "edge" } >> { resource.service.name = "postgres" && duration > 50ms }"#,
    ),
    ("by and count", "{ status = error } | by(resource.service.name) | count() > 1"),
];

fn options() -> Options {
    Options { background: false, ..Options::default() }
}

fn commit(criterion: &mut Criterion) {
    let db = Db::in_memory(options()).expect("memory opens");
    let mut traces = Traces::new(TracesOptions::default());
    let (_, spans) = spans::request(&mut traces.clone(), REQUEST_TRACES);
    let mut group = criterion.benchmark_group("tracestore");
    group.throughput(Throughput::Elements(spans as u64));
    group.bench_function("commit", |bencher| {
        let next = || spans::request(&mut traces, REQUEST_TRACES).0;
        let commit = |request| db.commit_otlp(&request).expect("memory takes it");
        bencher.iter_batched(next, commit, BatchSize::PerIteration);
    });
    group.finish();
}

fn query(criterion: &mut Criterion) {
    let db = Db::in_memory(options()).expect("memory opens");
    let mut traces = Traces::new(TracesOptions::default());
    let id: String = traces.clone().next().expect("traces do not end")[0]
        .trace_id
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    for _ in 0..TRACES / REQUEST_TRACES {
        db.commit_otlp(&spans::request(&mut traces, REQUEST_TRACES).0).expect("memory takes it");
    }
    db.flush().expect("memory takes it");
    db.compact().expect("memory takes it");
    let mut group = criterion.benchmark_group("tracestore, compacted");
    group.bench_function("trace by id", |bencher| {
        bencher.iter(|| {
            let trace = api::trace_by_id(&db.snapshot(), &id).expect("the store is sound");
            assert!(trace.is_some());
            trace
        });
    });
    for (name, query) in QUERIES {
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                black_box(api::search(&db.snapshot(), query, &SearchOptions::default()).expect(query));
            });
        });
    }
    group.finish();
}

criterion_group!(benches, commit, query);
criterion_main!(benches);
