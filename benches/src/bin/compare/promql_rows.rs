//! PromQL over the metrics store: the queries that other systems were measured with.

use promql::engine::{SampleValue, Value};
use promql::{Engine, EngineOptions};
use tsdb::Db;

use crate::report::{Answer, Outcome, Report};

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
            let run = || Ok(engine.range(&db.snapshot(), query, range.0, range.1, STEP_MS)?.value);
            report.time_query(query, name, run, size_of)?;
        }
    }
    let first = RANGE_QUERIES.first().copied().unwrap_or_default();
    instant(report, db, first, last_ms)
}

/// Runs a query as an instant query.
pub(crate) fn instant(report: Report, db: &Db, query: &str, at_ms: i64) -> Outcome<()> {
    let engine = Engine::new(EngineOptions { threads: 1, ..EngineOptions::default() });
    let run = || Ok(engine.instant(&db.snapshot(), query, at_ms)?.value);
    report.time_query(&format!("instant {query}"), "one", run, size_of)
}

/// The samples of an answer; histograms are none of its numbers.
fn size_of(value: &Value) -> Answer {
    match value {
        Value::Scalar { value, .. } => Answer::numbers(std::iter::once(*value)),
        Value::String(_) => Answer::rows(1),
        Value::Vector(samples) => Answer::numbers(samples.iter().map(|sample| match sample.value {
            SampleValue::Float(value) => value,
            SampleValue::Histogram(_) => f64::NAN,
        })),
        Value::Matrix(series) => {
            Answer::numbers(series.iter().flat_map(|series| &series.floats).map(|(_, value)| *value))
        }
    }
}
