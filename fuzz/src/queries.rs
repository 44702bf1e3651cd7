//! Query texts and test scripts: what users type.

use std::sync::OnceLock;
use std::time::Duration;

use promql::engine::{Features, QueryLimits};
use promql::script::{MemorySource, Script};
use promql::{Engine, EngineOptions, ParseOptions, parse, pretty};

/// Some series of each kind, with gaps, a reset and a stale marker.
const DATA: &str = r#"
load_with_nhcb 30s
  up{job="api"} 1 1 _ 0 stale 1x5
  up{job="db"} 0+1x4 0+2x5
  latency_bucket{le="0.1"} 0+1x10
  latency_bucket{le="1"} 0+2x10
  latency_bucket{le="+Inf"} 0+3x10
  latency_sum 0+2x10
  latency_count 0+3x10
  native {{schema:0 sum:1 count:3 z_bucket:1 buckets:[1 1]}}+{{schema:0 sum:1 count:2 buckets:[1 1]}}x5 5
  target_info{job="api",version="1"} 1x10
"#;

/// The evaluation times of one range query: a few, so that a query costs little.
const END_MS: i64 = 300_000;
const STEP_MS: i64 = 60_000;

/// A query is refused with a place inside of the text, or what is printed of it reads back to the same text.
pub fn promql_parse(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let options = ParseOptions::all();
    let expr = match parse(&text, &options) {
        Ok(expr) => expr,
        Err(error) => {
            assert!(error.span.start <= error.span.end && error.span.end as usize <= text.len(), "{error}");
            assert!(!error.render(&text).is_empty());
            return;
        }
    };
    // The first printing may round a time that is too large for its milliseconds; from then on nothing changes.
    let mut line = expr.to_string();
    for _ in 0..2 {
        let again = parse(&line, &options);
        assert!(again.is_ok(), "{text:?} is printed as {line:?}: {again:?}");
        let Ok(again) = again else { return };
        let printed = again.to_string();
        let broken = parse(&pretty(&again), &options).map(|expr| expr.to_string());
        assert_eq!(broken.as_ref(), Ok(&printed), "pretty changes {line:?}");
        line = printed;
    }
    assert_eq!(parse(&line, &options).map(|expr| expr.to_string()), Ok(line));
}

/// A query that can be read is answered or refused within its limits.
pub fn promql_execute(input: &[u8]) {
    static SOURCE: OnceLock<MemorySource> = OnceLock::new();
    let source = SOURCE.get_or_init(|| Script::parse(DATA).load(0).unwrap_or_default());
    assert!(source.sample_count() > 0, "the data set loads");
    let limits = QueryLimits { timeout: Duration::from_secs(10), steps_max: 100, ..QueryLimits::default() };
    let options = EngineOptions {
        samples_max: 100_000,
        threads: 1,
        features: Features::ALL,
        limits,
        ..EngineOptions::default()
    };
    let engine = Engine::new(options);
    let text = String::from_utf8_lossy(input);
    // The answer does not matter: it must come, and without a panic.
    let _ = engine.instant(source, &text, END_MS);
    let _ = engine.range(source, &text, 0, END_MS, STEP_MS);
}

/// A script is read, and what cannot be read is told with its line.
pub fn promql_script(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let script = Script::parse(&text);
    match script.load(0) {
        Ok(source) => assert!(source.series_count() <= text.len()),
        Err(error) => assert!(error.line >= 1 && error.line <= 1 + text.lines().count(), "{error}"),
    }
}
