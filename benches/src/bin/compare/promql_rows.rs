//! PromQL over the metrics store: the queries that other systems were measured with.

use std::time::Instant;

use promql::{Engine, EngineOptions};
use tsdb::Db;

use crate::report::{Outcome, Report};

/// Times that a query runs; the first is cold, the fastest of the others is warm.
pub(crate) const QUERY_RUNS: usize = 6;
pub(crate) const STEP_MS: i64 = 60_000;
pub(crate) const RANGE_MS: i64 = 6 * 3_600_000;

pub(crate) const RANGE_QUERIES: [&str; 7] = [
    "sum by (dc) (rate(node_cpu_seconds_total[5m]))",
    "histogram_quantile(0.99, sum by (le, handler) (rate(http_request_duration_seconds_bucket[5m])))",
    "sum by (instance) (rate(node_cpu_seconds_total{mode!=\"idle\"}[5m])) / on (instance) group_left \
     count by (instance) (node_cpu_seconds_total{mode=\"idle\"})",
    "quantile_over_time(0.95, node_load1[1h])",
    "count({__name__=~\"node_.+\",instance=~\"host-00[0-4].*\"})",
    "max_over_time(node_memory_MemFree_bytes[1h])",
    "node_load1",
];

/// Runs the range queries over the last hours before `last_ms`, on one thread and on all, and the first as an instant
/// query.
pub(crate) fn queries(report: Report, db: &Db, last_ms: i64) -> Outcome<()> {
    let all = EngineOptions::default().threads;
    for (threads, name) in [(1, "one"), (all, "all")] {
        let engine = Engine::new(EngineOptions { threads, ..EngineOptions::default() });
        for query in RANGE_QUERIES {
            let range = (last_ms - RANGE_MS, last_ms);
            time_query(report, query, name, || {
                Ok(engine.range(&db.snapshot(), query, range.0, range.1, STEP_MS)?.value)
            })?;
        }
    }
    let first = RANGE_QUERIES.first().copied().unwrap_or_default();
    instant(report, db, first, last_ms)
}

/// Runs a query as an instant query.
pub(crate) fn instant(report: Report, db: &Db, query: &str, at_ms: i64) -> Outcome<()> {
    let engine = Engine::new(EngineOptions { threads: 1, ..EngineOptions::default() });
    time_query(report, &format!("instant {query}"), "one", || {
        Ok(engine.instant(&db.snapshot(), query, at_ms)?.value)
    })
}

fn time_query<T>(report: Report, query: &str, threads: &str, run: impl Fn() -> Outcome<T>) -> Outcome<()> {
    let mut times_ms = Vec::with_capacity(QUERY_RUNS);
    for _ in 0..QUERY_RUNS {
        let began = Instant::now();
        std::hint::black_box(run()?);
        times_ms.push(began.elapsed().as_secs_f64() * 1e3);
    }
    report.put_query(query, threads, &times_ms)
}
