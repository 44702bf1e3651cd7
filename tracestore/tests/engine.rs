//! The engine against a naive evaluator that walks plain spans, and against itself with other batches.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tracestore::api::{RangeParameters, query_range, query_with, search};
use tracestore::memory::MemorySource;
use tracestore::model::{
    AnyValue, Attribute, Event, Resource, ResourceSpans, ScopeSpans, Span, SpanId, SpanKind, Status,
    StatusCode, TraceId,
};
use tracestore::traceql::{FoundTrace, Grid, MetricsAnswer, MetricsOptions, SearchOptions};

/// How many seeds are tried; `TRISTORE_ROUNDS` multiplies them.
fn seeds() -> u64 {
    20 * testkit::rounds::rounds()
}

fn below(rng: &mut ChaCha8Rng, limit: u64) -> u64 {
    rng.next_u64() % limit
}

/// Traces of up to twelve spans: orphans, several roots, children that arrive before their parents.
fn spans(rng: &mut ChaCha8Rng) -> Vec<Span> {
    let mut spans = Vec::new();
    for trace in 0..1 + below(rng, 6) {
        let count = 1 + below(rng, 12);
        for index in 0..count {
            let parent = match below(rng, 8) {
                _ if index == 0 => 0,
                0 => 0,
                1 => 99,
                _ => 1 + below(rng, index),
            };
            let mut attributes = Vec::new();
            if below(rng, 3) > 0 {
                attributes.push(Attribute::new("a", below(rng, 4) as i64));
            }
            if below(rng, 3) > 0 {
                attributes.push(Attribute::new("s", ["x", "y", "z"][below(rng, 3) as usize]));
            }
            let start_ns = 1_000_000_000 * (1 + below(rng, 50));
            let events = (0..below(rng, 3)).map(|_| Event {
                name: ["e", "f"][below(rng, 2) as usize].to_owned(),
                attributes: vec![Attribute::new("k", below(rng, 3) as i64)],
                ..Event::default()
            });
            let events = events.collect();
            spans.push(Span {
                trace_id: TraceId((u128::from(trace) + 1).to_be_bytes()),
                span_id: SpanId((index + 1).to_be_bytes()),
                parent_span_id: SpanId(parent.to_be_bytes()),
                name: format!("n{}", below(rng, 3)),
                kind: SpanKind(below(rng, 4) as i32),
                start_ns,
                end_ns: start_ns + below(rng, 4) * 250_000_000,
                attributes,
                events,
                status: Status { code: StatusCode(below(rng, 3) as i32), message: String::new() },
                ..Span::default()
            });
        }
    }
    // Arrival in any order.
    for index in (1..spans.len()).rev() {
        spans.swap(index, below(rng, index as u64 + 1) as usize);
    }
    spans
}

fn source(spans: &[Span]) -> MemorySource {
    let resources = ["one", "two"].map(|name| Resource {
        attributes: vec![Attribute::new("service.name", name), Attribute::new("a", 2i64)],
        ..Resource::default()
    });
    let resources = resources.map(Arc::new);
    MemorySource::new(spans.iter().map(|span| ResourceSpans {
        resource: Arc::clone(&resources[service(span)]),
        scopes: vec![ScopeSpans { scope: Arc::default(), spans: vec![span.clone()] }],
    }))
}

fn service(span: &Span) -> usize {
    usize::from(span.span_id.0[7] % 2)
}

/// A predicate over one span, with its text.
struct Filter {
    text: String,
    holds: Box<dyn Fn(&Span) -> bool>,
}

fn int_of(attributes: &[Attribute], key: &str) -> Option<i64> {
    attributes
        .iter()
        .find(|a| a.key == key)
        .and_then(|a| if let AnyValue::Int(n) = a.value { Some(n) } else { None })
}

fn filter(rng: &mut ChaCha8Rng, depth: u64) -> Filter {
    let number = below(rng, 4) as i64;
    let make = |text: String, holds: Box<dyn Fn(&Span) -> bool>| Filter { text, holds };
    if depth > 0 && below(rng, 2) == 0 {
        let (left, right) = (filter(rng, depth - 1), filter(rng, depth - 1));
        let (l, r) = (left.holds, right.holds);
        return match below(rng, 3) {
            0 => make(format!("({} && {})", left.text, right.text), Box::new(move |span| l(span) && r(span))),
            1 => make(format!("({} || {})", left.text, right.text), Box::new(move |span| l(span) || r(span))),
            _ => make(format!("!({})", left.text), Box::new(move |span| !l(span))),
        };
    }
    match below(rng, 9) {
        0 => make(
            format!("span.a = {number}"),
            Box::new(move |span| int_of(&span.attributes, "a") == Some(number)),
        ),
        1 => make(
            format!("span.a > {number}"),
            Box::new(move |span| int_of(&span.attributes, "a").is_some_and(|a| a > number)),
        ),
        // The span's value, else the resource's, which is 2.
        2 => make(
            format!(".a <= {number}"),
            Box::new(move |span| int_of(&span.attributes, "a").unwrap_or(2) <= number),
        ),
        3 => make(
            "span.s != `x`".to_owned(),
            Box::new(|span| {
                span.attributes.iter().any(|a| a.key == "s" && a.value != AnyValue::String("x".to_owned()))
            }),
        ),
        4 => make("span.a = nil".to_owned(), Box::new(|span| int_of(&span.attributes, "a").is_none())),
        5 => make(
            format!("span.a + 1 = {number}"),
            Box::new(move |span| int_of(&span.attributes, "a").is_some_and(|a| a + 1 == number)),
        ),
        6 => make(
            "(status = error && name =~ `n[01]`)".to_owned(),
            Box::new(|span| {
                span.status.code == StatusCode::ERROR && matches!(span.name.as_str(), "n0" | "n1")
            }),
        ),
        // One event must fulfil both.
        7 => make(
            format!("(event:name = `e` && event.k = {number})"),
            Box::new(move |span| {
                span.events
                    .iter()
                    .any(|event| event.name == "e" && int_of(&event.attributes, "k") == Some(number))
            }),
        ),
        _ => make(
            "(resource.service.name = `one` && duration >= 500ms)".to_owned(),
            Box::new(|span| service(span) == 0 && span.duration_ns() >= 500_000_000),
        ),
    }
}

/// The spans of one trace by id, each with the ids above it; only those that hang on a root have any relation.
fn above(spans: &[&Span]) -> BTreeMap<SpanId, Vec<SpanId>> {
    let parents: BTreeMap<SpanId, SpanId> =
        spans.iter().map(|span| (span.span_id, span.parent_span_id)).collect();
    let mut above = BTreeMap::new();
    for span in spans {
        let mut chain = Vec::new();
        let mut at = span.parent_span_id;
        while let Some(next) = parents.get(&at) {
            if chain.contains(&at) {
                break;
            }
            chain.push(at);
            at = *next;
        }
        if at.is_zero() {
            above.insert(span.span_id, chain);
        }
    }
    above
}

/// Whether `of` stands in the relation to `to`.
fn stands(op: &str, above: &BTreeMap<SpanId, Vec<SpanId>>, to: SpanId, of: SpanId) -> bool {
    let (Some(of_above), Some(to_above)) = (above.get(&of), above.get(&to)) else { return false };
    match op {
        ">" => of_above.first() == Some(&to),
        ">>" => of_above.contains(&to),
        "<" => to_above.first() == Some(&of),
        "<<" => to_above.contains(&of),
        _ => of != to && of_above.first() == to_above.first(),
    }
}

type Found = BTreeMap<TraceId, BTreeSet<SpanId>>;

fn found(traces: &[FoundTrace]) -> Found {
    let spans =
        |trace: &FoundTrace| trace.span_sets.iter().flat_map(|set| &set.spans).map(|span| span.id).collect();
    traces.iter().map(|trace| (trace.id, spans(trace))).collect()
}

/// What the operator gives, by looking at every pair.
fn naive(spans: &[Span], left: &Filter, op: &str, right: &Filter) -> Found {
    let mut traces: BTreeMap<TraceId, Vec<&Span>> = BTreeMap::new();
    spans.iter().for_each(|span| traces.entry(span.trace_id).or_default().push(span));
    let mut found = Found::new();
    for (id, spans) in traces {
        let tree = above(&spans);
        let side = |filter: &Filter| -> Vec<SpanId> {
            spans.iter().filter(|span| (filter.holds)(span)).map(|span| span.span_id).collect()
        };
        let (lhs, rhs) = (side(left), side(right));
        let matched: BTreeSet<SpanId> = match op {
            "&&" if lhs.is_empty() || rhs.is_empty() => BTreeSet::new(),
            "&&" | "||" => lhs.into_iter().chain(rhs).collect(),
            _ => {
                let plain = op.trim_start_matches(['!', '&']);
                let has = |of: &SpanId| lhs.iter().any(|to| stands(plain, &tree, *to, *of));
                let given = |to: &SpanId| rhs.iter().any(|of| stands(plain, &tree, *to, *of));
                match op.as_bytes()[0] {
                    b'!' => rhs.iter().filter(|of| !has(of)).copied().collect(),
                    b'&' => rhs
                        .iter()
                        .filter(|of| has(of))
                        .chain(lhs.iter().filter(|to| given(to)))
                        .copied()
                        .collect(),
                    _ => rhs.iter().filter(|of| has(of)).copied().collect(),
                }
            }
        };
        if !matched.is_empty() {
            found.insert(id, matched);
        }
    }
    found
}

fn all() -> SearchOptions {
    SearchOptions { limit: usize::MAX, spans_per_set: usize::MAX, ..SearchOptions::default() }
}

#[test]
fn the_engine_finds_what_a_naive_evaluator_finds() {
    // The union of relations over several levels follows the reference's walk, not the pairs.
    let ops = ["&&", "||", ">", ">>", "<", "<<", "~", "!>", "!>>", "!<", "!<<", "!~", "&>", "&<", "&~"];
    for seed in 0..seeds() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let spans = spans(&mut rng);
        let source = source(&spans);
        for _ in 0..40 {
            let (left, right) = (filter(&mut rng, 3), filter(&mut rng, 3));
            let op = ops[below(&mut rng, ops.len() as u64) as usize];
            let query = format!("{{ {} }} {op} {{ {} }}", left.text, right.text);
            let answer = search(&source, &query, &all()).unwrap();
            assert_eq!(found(&answer), naive(&spans, &left, op, &right), "seed {seed}: {query}");
        }
    }
}

#[test]
fn pipelines_group_and_count_as_a_naive_evaluator_does() {
    for seed in 0..seeds() {
        let mut rng = ChaCha8Rng::seed_from_u64(1_000 + seed);
        let spans = spans(&mut rng);
        let source = source(&spans);
        let first = filter(&mut rng, 2);
        let query = format!("{{ {} }} | by(name) | count() > 1", first.text);
        let mut groups: BTreeMap<(TraceId, &str), usize> = BTreeMap::new();
        for span in spans.iter().filter(|span| (first.holds)(span)) {
            *groups.entry((span.trace_id, &span.name)).or_default() += 1;
        }
        let mut expected: Vec<(TraceId, usize)> =
            groups.into_iter().filter(|(_, count)| *count > 1).map(|((id, _), count)| (id, count)).collect();
        let answer = search(&source, &query, &all()).unwrap();
        let mut sets: Vec<(TraceId, usize)> = answer
            .iter()
            .flat_map(|trace| trace.span_sets.iter().map(|set| (trace.id, set.matched)))
            .collect();
        expected.sort_unstable();
        sets.sort_unstable();
        assert_eq!(sets, expected, "seed {seed}: {query}");
    }
}

fn sorted(answer: &MetricsAnswer) -> Vec<(String, String)> {
    let mut series: Vec<_> = answer
        .series
        .iter()
        .map(|series| (format!("{:?}", series.labels), format!("{:?}", series.values)))
        .collect();
    series.sort();
    series
}

#[test]
fn answers_do_not_depend_on_batches() {
    let range = RangeParameters { start_ns: 0, end_ns: 60_000_000_000, step_ns: Some(10_000_000_000) };
    let metrics = [
        "{ } | rate() by (name)",
        "{ .a > 0 } | quantile_over_time(duration, .5, .9) by (status)",
        "{ } | max_over_time(span.a) by (resource.service.name)",
        "{ } | histogram_over_time(duration)",
        "{ } | compare({ status = error }, 100)",
        "({ status = error } | count_over_time()) / ({ } | count_over_time())",
        "{ } | count_over_time() by (name, kind) | topk(2)",
    ];
    let searches =
        ["{ .a = 1 } >> { }", "{ } | by(span.s) | avg(duration) > 100ms", "{ event.k = 1 } &<< { }"];
    for seed in 0..seeds() / 4 {
        let mut rng = ChaCha8Rng::seed_from_u64(2_000 + seed);
        let whole = source(&spans(&mut rng));
        for spans in [1, 3, 20] {
            let split = whole.clone().with_batch_spans(spans);
            for query in metrics {
                let (whole, split) = (query_range(&whole, query, range), query_range(&split, query, range));
                assert_eq!(
                    sorted(&whole.unwrap()),
                    sorted(&split.unwrap()),
                    "seed {seed}, {spans} spans: {query}"
                );
            }
            for query in searches {
                let (whole, split) = (search(&whole, query, &all()), search(&split, query, &all()));
                assert_eq!(
                    found(&whole.unwrap()),
                    found(&split.unwrap()),
                    "seed {seed}, {spans} spans: {query}"
                );
            }
        }
    }
}

/// As in the reference: it counts nowhere, but its series is there.
#[test]
fn a_span_shortly_before_the_range_makes_its_series_known() {
    const SECOND_NS: u64 = 1_000_000_000;
    let span = |number: u8, name: &str, start_s: u64| Span {
        trace_id: TraceId([number; 16]),
        span_id: SpanId([number; 8]),
        name: name.to_owned(),
        start_ns: start_s * SECOND_NS,
        end_ns: start_s * SECOND_NS,
        ..Span::default()
    };
    let source = source(&[span(1, "far", 10), span(2, "near", 11), span(3, "inside", 21)]);
    let grid = Grid::new(20 * SECOND_NS, 40 * SECOND_NS, 10 * SECOND_NS).unwrap();
    let options = MetricsOptions { exemplars_max: 5, ..MetricsOptions::new(grid) };
    let answer = query_with(&source, "{ } | count_over_time() by (name)", &options).unwrap();
    let mut found: Vec<(String, Vec<f64>, usize)> = answer
        .series
        .iter()
        .map(|series| (series.labels[0].value.to_string(), series.values.clone(), series.exemplars.len()))
        .collect();
    found.sort_by(|a, b| a.0.cmp(&b.0));
    assert_eq!(found, [("inside".to_owned(), vec![1.0, 0.0], 1), ("near".to_owned(), vec![0.0, 0.0], 0)]);
}
