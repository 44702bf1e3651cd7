//! The hot paths of the metrics store: a scrape appended and committed, a series found and read.
//!
//! `cargo bench -p tristore-benches --bench tsdb`

use std::hint::black_box;
use std::sync::Arc;

use bedrock::disk::MemDisk;
use bedrock::labels::{MatchOp, Matcher};
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use testkit::generate::{Metrics, MetricsOptions};
use tsdb::{Appender, Background, Db, Options, SeriesRef};

const SCRAPES: usize = 480;

fn open() -> Db {
    let options =
        Options { disk: Arc::new(MemDisk::new()), background: Background::Caller, ..Options::default() };
    Db::open("bench", options).expect("a new store opens")
}

fn references(appender: &mut Appender, metrics: &Metrics) -> Vec<SeriesRef> {
    let resolve =
        |series: &testkit::generate::Series| appender.series(&series.labels).expect("labels are legal");
    metrics.series().iter().map(resolve).collect()
}

fn append(appender: &mut Appender, references: &[SeriesRef], metrics: &Metrics) {
    for ((reference, series), value) in references.iter().zip(metrics.series()).zip(metrics.values()) {
        appender.append(*reference, metrics.timestamps_ms()[series.target as usize], *value);
    }
    appender.commit().expect("memory takes it");
}

fn filled() -> Db {
    let db = open();
    let mut metrics = Metrics::new(MetricsOptions::default());
    let mut appender = db.appender();
    let references = references(&mut appender, &metrics);
    for _ in 0..SCRAPES {
        metrics.step();
        append(&mut appender, &references, &metrics);
    }
    db
}

fn commit(criterion: &mut Criterion) {
    let mut metrics = Metrics::new(MetricsOptions::default());
    let db = open();
    let mut appender = db.appender();
    let references = references(&mut appender, &metrics);
    let mut group = criterion.benchmark_group("tsdb");
    group.throughput(Throughput::Elements(references.len() as u64));
    group.bench_function("append and commit", |bencher| {
        let next = || {
            metrics.step();
            metrics.clone()
        };
        bencher.iter_batched(
            next,
            |scrape| append(&mut appender, &references, &scrape),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

fn read(criterion: &mut Criterion) {
    let cpu = [Matcher::new(MatchOp::Equal, "__name__", "node_cpu_seconds_total").expect("no expression")];
    let mut group = criterion.benchmark_group("tsdb");
    for place in ["head", "blocks"] {
        let db = filled();
        if place == "blocks" {
            db.flush().expect("memory takes it");
            db.compact().expect("memory takes it");
        }
        let snapshot = db.snapshot();
        let select = Select { matchers: &cpu, range: TimeRange::ALL };
        group.bench_function(format!("select in {place}"), |bencher| {
            bencher.iter(|| black_box(snapshot.select(&select).expect("the store is sound").len()));
        });
        let set = snapshot.select(&select).expect("the store is sound");
        let mut columns = SeriesColumns::default();
        group.throughput(Throughput::Elements((set.len() * SCRAPES) as u64));
        group.bench_function(format!("read from {place}"), |bencher| {
            bencher.iter(|| {
                for index in 0..set.len() {
                    set.read(index, TimeRange::ALL, &mut columns).expect("the store is sound");
                    black_box(&columns);
                }
            });
        });
    }
    group.finish();
}

criterion_group!(benches, commit, read);
criterion_main!(benches);
