//! Limits trip where they should, and say which one it was.

use std::time::Duration;

use promql::engine::{Cancel, QueryError, QueryLimits};
use promql::{Engine, EngineOptions};

use crate::data::{Data, Random, START_MS};

fn run(options: EngineOptions, query: &str) -> Result<(), QueryError> {
    let data = Data::wide(&mut Random::new(3), 100);
    let end = START_MS + 300_000;
    Engine::new(options).range(&data.source(), query, START_MS, end, 10_000).map(|_| ())
}

fn limited(limits: QueryLimits) -> EngineOptions {
    EngineOptions { limits, ..EngineOptions::default() }
}

#[test]
fn samples_are_limited() {
    let few = EngineOptions { samples_max: 1_000, ..EngineOptions::default() };
    assert!(matches!(run(few.clone(), "wide"), Err(QueryError::Limit { max: 1_000, .. })));
    // Streamed through an aggregation, the same series need not be held at a time.
    run(few, "sum(wide)").expect("one series of 31 samples is within the limit");
    let fewer = EngineOptions { samples_max: 20, ..EngineOptions::default() };
    assert!(matches!(run(fewer, "sum(wide)"), Err(QueryError::Limit { max: 20, .. })));
}

#[test]
fn series_steps_bytes_and_depth_are_limited() {
    let series = QueryLimits { series_max: 99, ..QueryLimits::default() };
    assert!(matches!(run(limited(series), "wide"), Err(QueryError::Limit { max: 99, .. })));
    let steps = QueryLimits { steps_max: 30, ..QueryLimits::default() };
    assert!(matches!(run(limited(steps), "wide"), Err(QueryError::Limit { max: 30, .. })));
    let bytes = QueryLimits { result_bytes_max: 10_000, ..QueryLimits::default() };
    assert!(matches!(run(limited(bytes), "wide"), Err(QueryError::Limit { max: 10_000, .. })));
    let depth = QueryLimits { depth_max: 5, ..QueryLimits::default() };
    assert!(matches!(run(limited(depth), "((((((((wide))))))))"), Err(QueryError::Parse(_))));
}

#[test]
fn a_deadline_and_a_caller_stop_a_query() {
    let late = QueryLimits { timeout: Duration::ZERO, ..QueryLimits::default() };
    assert!(matches!(run(limited(late), "wide"), Err(QueryError::Cancelled { .. })));
    let cancel = Cancel::default();
    cancel.cancel();
    let engine = Engine::default().with_cancel(cancel);
    let data = Data::wide(&mut Random::new(3), 1);
    let stopped = engine.instant(&data.source(), "wide", START_MS);
    assert!(matches!(stopped, Err(QueryError::Cancelled { .. })));
}

#[test]
fn a_subquery_of_too_many_steps_is_refused_before_it_is_evaluated() {
    let options = EngineOptions { samples_max: 1_000_000, ..EngineOptions::default() };
    let refused = run(options, "sum_over_time(vector(1)[1y:1ms])");
    assert!(matches!(refused, Err(QueryError::Limit { .. })), "{refused:?}");
}
