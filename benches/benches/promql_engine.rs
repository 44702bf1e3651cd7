//! The engine on series in memory, as 100 scraped hosts send them in 6 hours.
//!
//! Decoding costs a copy here, so this is the engine alone; the same queries over stored blocks are in `compare`.
//! `cargo bench -p tristore-benches --bench promql_engine`

use std::hint::black_box;
use std::time::Duration;

use criterion::{BenchmarkGroup, Criterion, criterion_group, criterion_main, measurement::WallTime};
use promql::script::{MemorySource, Sample};
use promql::{Engine, EngineOptions};
use testkit::generate::{Metrics, MetricsOptions};

const STEPS: i64 = 1440;
const INTERVAL_MS: i64 = 15_000;
const STEP_MS: i64 = 60_000;

fn workload() -> (MemorySource, i64) {
    let mut metrics = Metrics::new(MetricsOptions { targets: 100, ..MetricsOptions::default() });
    let mut source = MemorySource::default();
    for _ in 0..STEPS {
        metrics.step();
        for (series, value) in metrics.series().iter().zip(metrics.values()) {
            let time_ms = metrics.timestamps_ms()[series.target as usize];
            source.append(&series.labels, time_ms, 0, Sample::Float(*value)).expect("scrapes ascend");
        }
    }
    (source, metrics.timestamps_ms()[0])
}

const QUERIES: [&str; 9] = [
    "sum by (dc) (rate(node_cpu_seconds_total[5m]))",
    "histogram_quantile(0.99, sum by (le, handler) (rate(http_request_duration_seconds_bucket[5m])))",
    r#"sum by (instance) (rate(node_cpu_seconds_total{mode!="idle"}[5m])) / on (instance) group_left count by (instance) (node_cpu_seconds_total{mode="idle"})"#,
    "quantile_over_time(0.95, node_load1[1h])",
    r#"count({__name__=~"node_.+",instance=~"host-00[0-4].*"})"#,
    "max_over_time(node_memory_MemFree_bytes[1h])",
    "avg_over_time(node_load1[1h])",
    "stddev_over_time(node_load1[1h])",
    "node_load1",
];

fn group<'c>(criterion: &'c mut Criterion, name: String) -> BenchmarkGroup<'c, WallTime> {
    let mut group = criterion.benchmark_group(name);
    group.sample_size(10).measurement_time(Duration::from_secs(1)).warm_up_time(Duration::from_millis(300));
    group
}

fn queries(criterion: &mut Criterion) {
    let (source, end_ms) = workload();
    let start_ms = end_ms - STEPS * INTERVAL_MS;
    let all = std::thread::available_parallelism().map_or(1, usize::from);
    for (threads, label) in [(1, "one thread"), (all, "all threads")] {
        let engine = Engine::new(EngineOptions { threads, ..EngineOptions::default() });
        let mut ranges = group(criterion, format!("range 6h step 1m, {label}"));
        for query in QUERIES {
            ranges.bench_function(query, |bencher| {
                bencher.iter(|| {
                    black_box(engine.range(&source, query, start_ms, end_ms, STEP_MS).expect(query))
                });
            });
        }
        ranges.finish();
        let query = QUERIES[0];
        group(criterion, format!("instant, {label}")).bench_function(query, |bencher| {
            bencher.iter(|| black_box(engine.instant(&source, query, end_ms).expect(query)));
        });
    }
}

criterion_group!(benches, queries);
criterion_main!(benches);
