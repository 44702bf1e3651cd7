//! Answers do not depend on how spans are split into requests, blocks and compactions.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeSet;
use std::ops::ControlFlow;
use std::sync::Arc;

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};
use tracestore::api::{self, RangeParameters};
use tracestore::memory::MemorySource;
use tracestore::model::{
    AnyValue, Attribute, Event, Link, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind,
    SpanRecord, Status, StatusCode, TraceId,
};
use tracestore::source::{Source, TimeWindow};
use tracestore::traceql::{MetricsOptions, SearchOptions, Series};
use tracestore::{Db, Options};

const SECOND_NS: u64 = 1_000_000_000;

const SEARCHES: [&str; 16] = [
    "{ }",
    "{ status = error && span.k = 1 }",
    "{ .k != nil || .s =~ \"x|y\" }",
    "{ span.list != \"a\" }",
    "{ event:name = \"e\" && event.n > 0 }",
    "{ link.rel = \"l\" }",
    "{ rootServiceName = \"s0\" && traceDuration > 2s }",
    "{ nestedSetLeft > 1 && span:childCount = 0 }",
    "{ kind = server } >> { kind = client }",
    "{ kind = server } &< { status = error }",
    "{ status = ok } !~ { span.k > 0 }",
    "{ span.k = 0 } && { span.s = \"x\" }",
    "{ } | by(resource.service.name) | count() > 1",
    "{ span.k != nil } | avg(span.k) > 1",
    "{ } | by(span.s) | max(duration) > 1s | select(span.k, name)",
    "{ span.ratio * 2 > 1.0 } || { instrumentation:name = \"lib\" }",
];

const METRICS: [&str; 6] = [
    "{ } | count_over_time() by (resource.service.name)",
    "{ status = error } | rate() by (span.s)",
    "{ } | quantile_over_time(duration, .5, .9) by (kind)",
    "{ kind = server } >> { } | max_over_time(span.k)",
    "{ span.k != nil } | sum_over_time(span.k) by (name) | topk(2)",
    "{ } | compare({ status = error }, 5)",
];

const TAGS: [&str; 8] =
    ["span.k", ".s", "resource.service.name", "name", "kind", "event.n", "rootName", "span.list"];

fn below(rng: &mut ChaCha8Rng, limit: u64) -> u64 {
    rng.next_u64() % limit
}

fn span(rng: &mut ChaCha8Rng, trace: u64, number: u64) -> ResourceSpans {
    let mut attributes = Vec::new();
    if below(rng, 3) > 0 {
        attributes.push(Attribute::new("k", below(rng, 4) as i64));
    }
    if below(rng, 3) > 0 {
        attributes.push(Attribute::new("s", ["x", "y", "z"][below(rng, 3) as usize]));
    }
    if below(rng, 4) == 0 {
        attributes.push(Attribute::new("ratio", below(rng, 8) as f64 / 4.0));
    }
    if below(rng, 4) == 0 {
        let items = (0..1 + below(rng, 3)).map(|_| AnyValue::from(["a", "b"][below(rng, 2) as usize]));
        let items: Vec<AnyValue> = items.collect();
        attributes.push(Attribute::new("list", AnyValue::Array(items)));
    }
    if below(rng, 6) == 0 {
        let mixed = match below(rng, 4) {
            0 => AnyValue::Bytes(vec![1, 2, 3]),
            1 => AnyValue::from(below(rng, 2) as i64),
            2 => AnyValue::from("m"),
            _ => AnyValue::Map(vec![Attribute::new("in", true)]),
        };
        attributes.push(Attribute::new("mixed", mixed.clone()));
        // The same key twice: queries see the first.
        attributes.push(Attribute::new("mixed", mixed));
    }
    let start_ns = SECOND_NS * (100 + 10 * trace + below(rng, 10)) + number;
    let events = (0..below(rng, 3)).map(|_| Event {
        time_ns: start_ns + 1,
        name: ["e", "f"][below(rng, 2) as usize].to_owned(),
        attributes: vec![Attribute::new("n", below(rng, 3) as i64)],
        ..Event::default()
    });
    let events = events.collect();
    let links = (0..below(rng, 2)).map(|_| Link {
        trace_id: TraceId([9; 16]),
        span_id: SpanId([9; 8]),
        attributes: vec![Attribute::new("rel", ["l", "m"][below(rng, 2) as usize])],
        ..Link::default()
    });
    let links = links.collect();
    let span = Span {
        trace_id: TraceId((u128::from(trace) + 1).to_be_bytes()),
        span_id: SpanId((number + 1).to_be_bytes()),
        parent_span_id: SpanId(if number == 0 { 0 } else { below(rng, number + 1) }.to_be_bytes()),
        name: format!("n{}", below(rng, 3)),
        kind: SpanKind(below(rng, 4) as i32),
        start_ns,
        end_ns: start_ns + below(rng, 4) * SECOND_NS / 2,
        attributes,
        events,
        links,
        status: Status {
            code: StatusCode(below(rng, 3) as i32),
            message: ["", "late"][below(rng, 2) as usize].to_owned(),
        },
        trace_state: ["", "ot=th:8"][below(rng, 2) as usize].to_owned(),
        flags: below(rng, 3) as u32,
        dropped_links_count: below(rng, 2) as u32,
        ..Span::default()
    };
    let attributes = vec![Attribute::new("service.name", format!("s{}", below(rng, 3)))];
    let scope = Scope { name: ["lib", ""][below(rng, 2) as usize].to_owned(), ..Scope::default() };
    ResourceSpans {
        resource: Arc::new(Resource { attributes, ..Resource::default() }),
        scopes: vec![ScopeSpans { scope: Arc::new(scope), spans: vec![span] }],
    }
}

/// Everything that is asked, as text.
fn answers(source: &dyn Source) -> Vec<String> {
    let mut answers = Vec::new();
    let windows = [TimeWindow::ALL, TimeWindow { start_ns: 120 * SECOND_NS, end_ns: 140 * SECOND_NS }];
    for window in windows {
        for query in SEARCHES {
            let options =
                SearchOptions { window, limit: 1_000, spans_per_set: 1_000, ..SearchOptions::default() };
            let mut found = api::search(source, query, &options).unwrap();
            for set in found.iter_mut().flat_map(|trace| &mut trace.span_sets) {
                set.spans.sort_by_key(|span| span.id);
            }
            answers.push(format!("{query}: {found:?}"));
        }
        for tag in TAGS {
            answers.push(format!("{tag}: {:?}", api::tag_values(source, tag, "", window).unwrap()));
        }
        let names = api::tag_names(source, api::ScopeFilter::All, "{ span.k = 1 }", window).unwrap();
        answers.push(format!("{names:?}"));
    }
    for query in METRICS {
        let range = RangeParameters {
            start_ns: 90 * SECOND_NS,
            end_ns: 200 * SECOND_NS,
            step_ns: Some(10 * SECOND_NS),
        };
        let options = MetricsOptions { exemplars_max: 4, ..MetricsOptions::new(range.grid().unwrap()) };
        let mut series: Vec<Series> = api::query_with(source, query, &options).unwrap().series;
        series.sort_by_key(|series| format!("{:?}", series.labels));
        answers.push(format!("{query}: {series:?}"));
    }
    answers
}

/// Commits spans in some requests, with flushes and compactions between them, and asks in every state.
fn check(rng: &mut ChaCha8Rng, mut spans: Vec<ResourceSpans>, case: &str) {
    for index in (1..spans.len()).rev() {
        spans.swap(index, below(rng, index as u64 + 1) as usize);
    }
    let model = MemorySource::new(spans.clone());
    let expected = answers(&model);
    assert!(expected.iter().any(|answer| answer.contains("Exemplar {")), "exemplars are among the answers");
    let db = Db::in_memory(Options { background: false, ..Options::default() }).unwrap();
    let mut rest = spans.as_slice();
    while !rest.is_empty() {
        let (now, later) = rest.split_at(1 + below(rng, rest.len() as u64) as usize);
        db.commit(now).unwrap();
        rest = later;
        match below(rng, 4) {
            0 | 1 => db.flush().unwrap(),
            2 => db.compact().unwrap(),
            _ => {}
        }
    }
    let ids: BTreeSet<TraceId> = spans.iter().map(|envelope| envelope.scopes[0].spans[0].trace_id).collect();
    let same = |held: &str| {
        for (found, expected) in answers(&db.snapshot()).iter().zip(&expected) {
            assert_eq!(found, expected, "{case}, {held}");
        }
        for id in &ids {
            let (found, expected) = (db.snapshot().trace(*id).unwrap(), model.trace(*id).unwrap());
            assert!(found == expected, "{case}, {held}: trace {id} is another one");
        }
    };
    same("as committed");
    db.flush().unwrap();
    same("in blocks");
    db.compact().unwrap();
    same("compacted");
    for id in &ids {
        // Nothing sorts what a block shows.
        let mut shown = Vec::new();
        let mut see = |some: Vec<SpanRecord>| {
            shown.extend(some);
            ControlFlow::Continue(())
        };
        db.snapshot().visit_trace(*id, &mut see).unwrap();
        assert!(shown == model.trace(*id).unwrap().unwrap().spans, "{case}: trace {id} as stored");
    }
}

#[test]
fn answers_do_not_depend_on_the_split() {
    for seed in 0..6 * testkit::rounds::rounds() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let traces = 1 + below(&mut rng, 8);
        let mut spans: Vec<ResourceSpans> = Vec::new();
        for trace in 0..traces {
            let count = 1 + below(&mut rng, 12);
            spans.extend((0..count).map(|number| span(&mut rng, trace, number)));
        }
        check(&mut rng, spans, &format!("seed {seed}"));
    }
}

/// Traces of so many spans are brought together column by column, and theirs is a group of its own.
#[test]
fn answers_do_not_depend_on_the_split_of_a_huge_trace() {
    for seed in 0..testkit::rounds::rounds() {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let mut spans: Vec<ResourceSpans> = Vec::new();
        for (trace, count) in [(0, 10), (1, 5_000), (2, 10), (3, 4_200)] {
            spans.extend((0..count).map(|number| span(&mut rng, trace, number)));
        }
        check(&mut rng, spans, &format!("seed {seed}"));
    }
}
