//! LogQL against the dumbest evaluator that could be right.
//!
//! Lines, filters and windows are random; the expected answer comes from a few loops over all entries. `TRISTORE_ROUNDS`
//! multiplies the number of cases.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::{BTreeMap, BTreeSet};

use bedrock::labels::Labels;
use logstore::logql::{Direction, Expr, QueryData, QueryOptions, evaluate, parse, pretty};
use logstore::memory::MemorySource;
use proptest::prelude::*;

const SECOND: i64 = 1_000_000_000;

#[derive(Clone, Debug)]
struct Line {
    app: &'static str,
    second: i64,
    text: String,
}

fn lines() -> impl Strategy<Value = Vec<Line>> {
    let word =
        prop::sample::select(vec!["error", "ok", "time=out", "a=1", "n=7", "Ünï", "", "x\"y", "10.0.0.1"]);
    let text = prop::collection::vec(word, 0..5).prop_map(|words| words.join(" "));
    let app = prop::sample::select(vec!["cart", "till", "web"]);
    let line = (app, 0i64..120, text).prop_map(|(app, second, text)| Line { app, second, text });
    prop::collection::vec(line, 0..60)
}

/// The entries as they are stored: equal ones once.
fn stored(lines: &[Line]) -> BTreeSet<(&'static str, i64, String)> {
    lines.iter().map(|line| (line.app, line.second * SECOND, line.text.clone())).collect()
}

fn source(lines: &[Line]) -> MemorySource {
    let mut source = MemorySource::default();
    for line in lines {
        let labels = Labels::from_pairs([("app", line.app)]).unwrap();
        source.push(&labels, line.second * SECOND, line.text.as_bytes(), &[]).unwrap();
    }
    source
}

fn run(source: &MemorySource, query: &str, options: &QueryOptions<'_>) -> QueryData {
    evaluate(source, &parse(query).unwrap(), options).unwrap()
}

/// One line filter: how it is written, and what it means.
fn filters() -> impl Strategy<Value = Vec<(&'static str, String)>> {
    let op = prop::sample::select(vec!["|=", "!=", "|~", "!~"]);
    let needle = prop::sample::select(vec!["error", "o", "=", "time", "1", "Ü", "zz", "10.0.0.1"]);
    prop::collection::vec((op, needle.prop_map(str::to_owned)), 0..4)
}

fn passes(text: &str, (op, needle): &(&str, String)) -> bool {
    // The only needle with a meaning as an expression is the address, and its dots match no other line here.
    let contains = text.contains(needle.as_str());
    contains != op.starts_with('!')
}

proptest! {
    #![proptest_config(testkit::rounds::cases(64))]

    #[test]
    fn line_filters_equal_a_scan(lines in lines(), filters in filters(), limit in 1usize..40, forward: bool) {
        let text: String = filters.iter().map(|(op, needle)| format!(" {op} {needle:?}")).collect();
        let mut options = QueryOptions::range(0, 120 * SECOND, SECOND);
        options.limit = limit;
        options.direction = if forward { Direction::Forward } else { Direction::Backward };
        let QueryData::Streams(streams) = run(&source(&lines), &format!("{{app=~\".+\"}}{text}"), &options) else {
            panic!("no streams");
        };
        let mut expected: Vec<i64> = stored(&lines)
            .into_iter()
            .filter(|(_, _, text)| filters.iter().all(|filter| passes(text, filter)))
            .map(|(_, ts, _)| ts)
            .collect();
        expected.sort_unstable();
        if !forward {
            expected.reverse();
        }
        expected.truncate(limit);
        let mut found: Vec<i64> =
            streams.iter().flat_map(|stream| stream.entries.iter().map(|(ts, _)| *ts)).collect();
        found.sort_unstable();
        expected.sort_unstable();
        prop_assert_eq!(found, expected);
        for (_, line) in streams.iter().flat_map(|stream| &stream.entries) {
            let line = String::from_utf8(line.clone()).unwrap();
            prop_assert!(filters.iter().all(|filter| passes(&line, filter)));
        }
    }

    #[test]
    fn counts_equal_loops(
        lines in lines(),
        range in 1i64..60,
        step in 1i64..40,
        start in 0i64..60,
        steps in 0i64..6,
        offset in -20i64..20,
    ) {
        let query = format!("sum by (app) (bytes_over_time({{app=~\".+\"}}[{range}s] offset {offset}s))");
        let options = QueryOptions::range(start * SECOND, (start + step * steps) * SECOND, step * SECOND);
        let QueryData::Matrix(series) = run(&source(&lines), &query, &options) else { panic!("no matrix") };
        let mut expected: BTreeMap<(String, i64), f64> = BTreeMap::new();
        for at in (0..=steps).map(|i| start + i * step) {
            for (app, ts, text) in stored(&lines) {
                let end = (at - offset) * SECOND;
                if end - range * SECOND < ts && ts <= end {
                    *expected.entry((app.to_owned(), at * 1000)).or_default() += text.len() as f64;
                }
            }
        }
        let mut found = BTreeMap::new();
        for series in &series {
            let app = series.labels.get("app").unwrap_or("").to_owned();
            found.extend(series.points.iter().map(|(ms, value)| ((app.clone(), *ms), *value)));
        }
        prop_assert_eq!(found, expected);
    }

    #[test]
    fn unwrapped_windows_equal_loops(
        values in prop::collection::vec((0i64..100, -50i32..50), 1..30),
        range in 1i64..50,
        op in prop::sample::select(vec!["sum", "avg", "min", "max"]),
    ) {
        let labels = Labels::from_pairs([("app", "x")]).unwrap();
        let mut source = MemorySource::default();
        let mut kept: BTreeSet<(i64, i32)> = BTreeSet::new();
        for (second, value) in &values {
            source.push(&labels, second * SECOND, format!("v={value}").as_bytes(), &[]).unwrap();
            kept.insert((*second, *value));
        }
        let query = format!("{op}_over_time({{app=\"x\"}} | logfmt | unwrap v [{range}s])");
        let options = QueryOptions::range(0, 100 * SECOND, 7 * SECOND);
        let QueryData::Matrix(series) = run(&source, &query, &options) else { panic!("no matrix") };
        let found: BTreeMap<i64, f64> = series.iter().flat_map(|series| series.points.iter().copied()).collect();
        for at in (0..=100).step_by(7) {
            let window: Vec<f64> = kept
                .iter()
                .filter(|(second, _)| at - range < *second && *second <= at)
                .map(|(_, value)| f64::from(*value))
                .collect();
            let expected = match op {
                _ if window.is_empty() => None,
                "sum" => Some(window.iter().sum::<f64>()),
                "avg" => Some(window.iter().sum::<f64>() / window.len() as f64),
                "min" => window.iter().copied().reduce(f64::min),
                _ => window.iter().copied().reduce(f64::max),
            };
            match (expected, found.get(&(at * 1000))) {
                (None, None) => {}
                (Some(expected), Some(found)) => prop_assert!((expected - found).abs() < 1e-9),
                other => prop_assert!(false, "{at}: {other:?}"),
            }
        }
    }

    #[test]
    fn printing_and_reading_agree(query in query()) {
        let Ok(expr) = parse(&query) else { return Err(TestCaseError::fail(format!("{query} does not parse"))) };
        let text = expr.to_string();
        let again = parse(&text).map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        prop_assert_eq!(again.to_string(), text);
        let long = pretty(&expr);
        let again = parse(&long).map_err(|error| TestCaseError::fail(format!("{long}: {error}")))?;
        prop_assert_eq!(matches!(again, Expr::Log(_)), matches!(expr, Expr::Log(_)));
    }

    #[test]
    fn no_line_makes_a_stage_panic(line in prop::collection::vec(any::<u8>(), 0..200)) {
        let labels = Labels::from_pairs([("app", "x")]).unwrap();
        let mut source = MemorySource::default();
        source.push(&labels, 1, &line, &[]).unwrap();
        for stages in [
            "| json", "| json a=\"b[0].c\"", "| logfmt", "| logfmt --strict a=\"b\"", "| unpack", "| decolorize",
            "| regexp `(?P<a>.+)=(?P<b>.*)`", "| pattern `<a>=<b> <_>`", "| line_format `{{ __line__ | trunc 3 }}`",
            "|= ip(\"::/0\")", "|> `<_>=<_>`", "| label_format x=`{{ __line__ | lower | b64enc | b64dec }}`",
        ] {
            let options = QueryOptions::range(0, 10, 1);
            run(&source, &format!("{{app=\"x\"}} {stages}"), &options);
        }
    }
}

/// Queries put together from parts.
fn query() -> impl Strategy<Value = String> {
    let stage = prop::sample::select(vec![
        " |= \"a\" or `b`",
        " != \"x\" or \"y\"",
        " |~ `a.*b`",
        " |= ip(\"10.0.0.0/8\")",
        " | json",
        " | json a, b=\"c.d\"",
        " | logfmt --strict --keep-empty",
        " | a > 5s or b == 5KB, c != 3",
        " | (a=\"x\" and b=~`y.+z`)",
        " | line_format \"{{.a}}\\n\"",
        " | label_format a=b, c=`{{.d}}`",
        " | drop a, b=\"c\"",
        " | keep a=\"b\"",
        " | pattern `<a> - <_>`",
        " | decolorize",
    ]);
    let log = prop::collection::vec(stage, 0..6)
        .prop_map(|stages| format!("{{app=\"x\", b!~\"c\"}}{}", stages.concat()));
    let range =
        (log.clone(), 1u32..5000).prop_map(|(log, seconds)| format!("rate({log} [{seconds}s] offset 5m)"));
    let metric = range.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            inner.clone().prop_map(|inner| format!("sum by (a, b) ({inner})")),
            inner.clone().prop_map(|inner| format!("topk(3, {inner}) without (c)")),
            (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("{a} / on (a) group_left (b) {b}")),
            (inner.clone(), 0u32..100).prop_map(|(a, n)| format!("{a} > bool {n} ^ 2")),
            inner.prop_map(|inner| format!("label_replace({inner}, \"a\", \"$1\", \"b\", \"(.*)\")")),
        ]
    });
    prop_oneof![log, metric]
}
