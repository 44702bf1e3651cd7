//! Cases of our own: small spans, queries, and what they find, in `tests/cases`. Each runs over spans in memory and over
//! a store in every state, and answers the same.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::sync::Arc;

use tracestore::memory::MemorySource;
use tracestore::model::{
    AnyValue, Attribute, Event, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind,
    StatusCode, TraceId,
};
use tracestore::source::Source;
use tracestore::traceql::ast::Body;
use tracestore::traceql::{Grid, MetricsOptions, QueryError, SearchOptions, check, metrics, parse, search};
use tracestore::{Db, Options};

const START_NS: u64 = 1_793_534_400_000_000_000;
const MS: u64 = 1_000_000;

/// The spans of the file in its order, each in an envelope of its own.
fn spans() -> Vec<ResourceSpans> {
    let lines = include_str!("cases/spans.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).map(span).collect()
}

/// The id that a name stands for.
fn id(name: &str) -> SpanId {
    let mut id = [0; 8];
    id.iter_mut().zip(name.bytes()).for_each(|(byte, letter)| *byte = letter);
    if name == "-" { SpanId::default() } else { SpanId(id) }
}

fn span(line: &str) -> ResourceSpans {
    let mut words = line.split_whitespace();
    let mut word = || words.next().unwrap();
    let (trace, name) = word().split_once('/').unwrap();
    let parent = id(word());
    let service = word();
    let place = |word: &str, of: &[&str]| of.iter().position(|known| *known == word).unwrap() as i32;
    let mut span = Span {
        trace_id: TraceId([trace.parse().unwrap(); 16]),
        span_id: id(name),
        parent_span_id: parent,
        name: word().to_owned(),
        kind: SpanKind(place(word(), &["unset", "internal", "server", "client"])),
        ..Span::default()
    };
    span.status.code = StatusCode(place(word(), &["unset", "ok", "error"]));
    span.start_ns = START_NS + word().parse::<u64>().unwrap() * MS;
    span.end_ns = span.start_ns + word().parse::<u64>().unwrap() * MS;
    for attribute in words {
        if let Some(event) = attribute.strip_prefix("event:") {
            let time_ns = span.start_ns + MS;
            span.events.push(Event { time_ns, name: event.to_owned(), ..Event::default() });
            continue;
        }
        let (key, text) = attribute.split_once('=').unwrap();
        span.attributes.push(Attribute::new(key, value(text)));
    }
    let attributes = vec![Attribute::new("service.name", service)];
    ResourceSpans {
        resource: Arc::new(Resource { attributes, ..Resource::default() }),
        scopes: vec![ScopeSpans { scope: Arc::new(Scope::default()), spans: vec![span] }],
    }
}

fn value(text: &str) -> AnyValue {
    if let Some(items) = text.strip_prefix('[') {
        return AnyValue::Array(items.trim_end_matches(']').split(',').map(AnyValue::from).collect());
    }
    match (text.parse::<i64>(), text.parse::<f64>(), text.parse::<bool>()) {
        (Ok(number), _, _) => AnyValue::Int(number),
        (_, Ok(number), _) => AnyValue::Double(number),
        (_, _, Ok(truth)) => AnyValue::Bool(truth),
        _ => AnyValue::from(text),
    }
}

/// A query with what it finds: lines without `= ` in front, or a refusal.
struct Case {
    query: &'static str,
    finds: Vec<String>,
    refused: Option<&'static str>,
}

fn cases() -> Vec<Case> {
    let mut cases: Vec<Case> = Vec::new();
    for line in
        include_str!("cases/queries.txt").lines().filter(|line| !line.is_empty() && !line.starts_with("# "))
    {
        match (line.strip_prefix("= "), line.strip_prefix("! ")) {
            (Some(found), _) => {
                let mut words: Vec<&str> = found.split(' ').collect();
                if !found.contains(':') {
                    words.sort_unstable();
                }
                cases.last_mut().unwrap().finds.push(words.join(" "));
            }
            (_, Some(kind)) => cases.last_mut().unwrap().refused = Some(kind),
            _ => cases.push(Case { query: line, finds: Vec::new(), refused: None }),
        }
    }
    cases.iter_mut().for_each(|case| case.finds.sort());
    cases
}

fn answer(source: &dyn Source, query: &str) -> Result<Vec<String>, QueryError> {
    let tree = parse(query)?;
    check(&tree)?;
    let mut lines: Vec<String> = match &tree.body {
        Body::Search(pipeline) => {
            let options = SearchOptions { limit: 100, spans_per_set: 100, ..SearchOptions::default() };
            let found = search(source, pipeline, &options)?;
            let sets = found.iter().flat_map(|trace| trace.span_sets.iter().map(move |set| (trace.id, set)));
            let name = |trace: TraceId, id: SpanId| {
                let letters = id.0.iter().take_while(|byte| **byte != 0).map(|byte| *byte as char);
                format!("{}/{}", trace.0[0], letters.collect::<String>())
            };
            sets.map(|(trace, set)| {
                let mut names: Vec<String> = set.spans.iter().map(|span| name(trace, span.id)).collect();
                names.sort();
                names.join(" ")
            })
            .collect()
        }
        Body::Metrics(expr) => {
            let second = 1_000 * MS;
            let grid = Grid::new(START_NS - 2 * second, START_NS + 3 * second, second).unwrap();
            let answer = metrics(source, expr, &tree.hints, &MetricsOptions::new(grid))?;
            let number = |value: &f64| match value.is_nan() {
                true => "-".to_owned(),
                false => format!("{}", (value * 1e9).round() / 1e9),
            };
            let series = answer.series.iter().map(|series| {
                let labels: Vec<String> =
                    series.labels.iter().map(|label| format!("{}={}", label.name, label.value)).collect();
                let values: Vec<String> = series.values.iter().map(number).collect();
                format!("{}: {}", labels.join(","), values.join(" "))
            });
            series.collect()
        }
    };
    lines.sort();
    Ok(lines)
}

fn run(held: &str, source: &dyn Source) {
    let cases = cases();
    assert!(cases.len() > 40, "the file is read");
    let mut wrong = Vec::new();
    for Case { query, finds, refused } in cases {
        let found = match answer(source, query) {
            Ok(found) => found,
            Err(QueryError::Syntax { .. }) => vec!["! syntax".to_owned()],
            Err(QueryError::Meaning { .. }) => vec!["! meaning".to_owned()],
            Err(QueryError::Unsupported { .. }) => vec!["! unsupported".to_owned()],
            Err(error) => vec![format!("! {error}")],
        };
        let expected = refused.map_or(finds, |kind| vec![format!("! {kind}")]);
        if found != expected {
            wrong.push((query, found, expected));
        }
    }
    assert!(wrong.is_empty(), "{held}: query, found, expected: {wrong:#?}");
}

#[test]
fn in_memory() {
    run("in memory", &MemorySource::new(spans()));
    run("in small batches", &MemorySource::new(spans()).with_batch_spans(1));
}

#[test]
fn in_a_store() {
    let db = Db::in_memory(Options { background: false, ..Options::default() }).unwrap();
    let spans = spans();
    db.commit(&spans).unwrap();
    run("in the head", &db.snapshot());
    db.flush().unwrap();
    run("in a block", &db.snapshot());
}

#[test]
fn in_pieces() {
    let db = Db::in_memory(Options { background: false, ..Options::default() }).unwrap();
    for (at, span) in spans().into_iter().enumerate() {
        db.commit(&[span]).unwrap();
        if at % 2 == 0 {
            db.flush().unwrap();
        }
    }
    run("in pieces", &db.snapshot());
    db.flush().unwrap();
    run("in blocks", &db.snapshot());
    db.compact().unwrap();
    run("compacted", &db.snapshot());
}
