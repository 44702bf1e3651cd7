//! Spans that no sane sender would send: stored, searched, and nothing lost beside them.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use tracestore::api::{RangeParameters, query_instant, query_range, search, trace_by_id};
use tracestore::memory::MemorySource;
use tracestore::model::{Attribute, ResourceSpans, ScopeSpans, Span, SpanId, TraceId};
use tracestore::traceql::{QueryError, SearchOptions};

fn span(id: u64, parent: u64) -> Span {
    Span {
        trace_id: TraceId([1; 16]),
        span_id: SpanId(id.to_be_bytes()),
        parent_span_id: SpanId(parent.to_be_bytes()),
        name: format!("s{id}"),
        start_ns: id,
        end_ns: id + 10,
        ..Span::default()
    }
}

fn source(spans: Vec<Span>) -> MemorySource {
    let scope = ScopeSpans { spans, ..ScopeSpans::default() };
    MemorySource::new([ResourceSpans { scopes: vec![scope], ..ResourceSpans::default() }])
}

fn names(source: &MemorySource, query: &str) -> Vec<String> {
    let options = SearchOptions { spans_per_set: usize::MAX, ..SearchOptions::default() };
    let found = search(source, query, &options).unwrap();
    let spans = found.iter().flat_map(|trace| &trace.span_sets).flat_map(|set| &set.spans);
    spans.map(|span| span.name.to_string()).collect()
}

/// Parents that form a cycle hang on no root: no relation, but every span is found.
#[test]
fn cycles() {
    let source = source(vec![span(1, 0), span(2, 1), span(3, 4), span(4, 3), span(5, 5)]);
    assert_eq!(names(&source, "{ }"), ["s1", "s2", "s3", "s4", "s5"]);
    assert_eq!(names(&source, "{ } >> { }"), ["s2"]);
    assert_eq!(names(&source, "{ nestedSetParent = 0 }"), ["s3", "s4", "s5"]);
    assert_eq!(names(&source, "{ } !>> { }"), ["s1", "s3", "s4", "s5"]);
}

/// The same id twice, with other content: both stay. With three of them nobody guesses whose children are whose.
#[test]
fn one_id_several_times() {
    let mut twin = span(2, 1);
    twin.name = "twin".to_owned();
    let two = source(vec![span(1, 0), span(2, 1), twin.clone()]);
    assert_eq!(names(&two, "{ name = `s1` } > { }"), ["s2", "twin"]);
    assert_eq!(trace_by_id(&two, &"01".repeat(16)).unwrap().unwrap().spans.len(), 3);
    let three = source(vec![span(1, 0), span(2, 1), twin.clone(), twin]);
    assert_eq!(names(&three, "{ } > { }"), Vec::<String>::new());
    assert_eq!(names(&three, "{ }").len(), 4);
}

#[test]
fn times_at_the_edges() {
    let mut spans = vec![span(1, 0), span(2, 1), span(3, 1)];
    (spans[0].start_ns, spans[0].end_ns) = (0, u64::MAX);
    (spans[1].start_ns, spans[1].end_ns) = (u64::MAX, 0);
    (spans[2].start_ns, spans[2].end_ns) = (i64::MAX as u64, i64::MAX as u64 + 1);
    let source = source(spans);
    assert_eq!(names(&source, "{ duration >= 0 }").len(), 3);
    assert_eq!(names(&source, "{ duration = 0s }"), ["s2"]);
    let range = RangeParameters { start_ns: u64::MAX - 10, end_ns: u64::MAX, step_ns: Some(1) };
    assert!(query_range(&source, "{ } | rate()", range).is_ok());
    assert!(query_instant(&source, "{ } | rate() by (name)", 0, u64::MAX).is_ok());
    let backwards = RangeParameters { start_ns: 5, end_ns: 5, step_ns: None };
    assert!(matches!(query_range(&source, "{ } | rate()", backwards), Err(QueryError::Parameter { .. })));
}

#[test]
fn ten_thousand_attributes_and_long_keys() {
    let mut wide = span(1, 0);
    wide.attributes = (0..10_000).map(|n| Attribute::new(format!("key{n}"), n)).collect();
    let long = "k".repeat(64 * 1024);
    wide.attributes.push(Attribute::new(&*long, true));
    let source = source(vec![wide, span(2, 1)]);
    assert_eq!(names(&source, "{ .key9999 = 9999 }"), ["s1"]);
    assert_eq!(names(&source, &format!("{{ span.{long} }}")), ["s1"]);
}

/// A trace of a single chain is as deep as it has spans.
#[test]
fn a_chain_of_a_hundred_thousand_spans() {
    let source = source((1..=100_000).map(|id| span(id, id - 1)).collect());
    assert_eq!(names(&source, "{ name = `s99999` } >> { }"), ["s100000"]);
    assert_eq!(names(&source, "{ } << { name = `s1` }"), ["s1"]);
    assert_eq!(names(&source, "{ nestedSetRight = 200000 }"), ["s1"]);
}
