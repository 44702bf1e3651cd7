//! What is printed reads back to the same tree: random queries of the whole grammar.

use promql::{Expr, ParseOptions, Span, parse, pretty};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<u32>().prop_map(|value| value.to_string()),
        (-1e30..1e30).prop_map(|value: f64| value.to_string()),
        Just("Inf".to_owned()),
        Just("0x1F".to_owned()),
        Just("1e-7".to_owned()),
        duration_literal(),
    ]
}

fn duration_literal() -> impl Strategy<Value = String> {
    prop_oneof!["[1-9][0-9]?(ms|s|m|h|d|w|y)", "[1-9]h[1-9]m", "[1-9]d[1-9]ms", "[1-9][0-9]?"]
}

fn duration() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![duration_literal(), Just("step()".to_owned()), Just("range()".to_owned())];
    leaf.prop_recursive(3, 8, 2, |inner| {
        let op = prop_oneof![Just("+"), Just("-"), Just("*"), Just("/"), Just("%"), Just("^")];
        prop_oneof![
            (inner.clone(), op, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("-{a}")),
            (inner.clone(), inner).prop_map(|(a, b)| format!("min_of({a}, {b})")),
        ]
    })
}

fn label() -> impl Strategy<Value = String> + Clone {
    prop_oneof!["[a-z_][a-z0-9_]{0,6}", Just("by".to_owned()), Just("\"é ü\"".to_owned())]
}

fn selector() -> impl Strategy<Value = String> {
    let name = prop_oneof!["[a-z][a-z0-9_:]{0,8}_total", Just("sum".to_owned()), Just("offset".to_owned())];
    let op = prop_oneof![Just("="), Just("!="), Just("=~"), Just("!~")];
    let value = prop_oneof![
        "\"[a-z.|\\t\\u{7f}-\\u{ff}]{0,6}\"",
        Just("'it\\'s'".to_owned()),
        Just("`a\\b`".to_owned())
    ];
    let matcher =
        (label(), op, value).prop_filter_map("a backslash that is no expression", |(label, op, value)| {
            (!op.contains('~') || !value.contains('\\')).then(|| format!("{label}{op}{value}"))
        });
    (name, prop::collection::vec(matcher, 0..3)).prop_map(|(name, matchers)| match matchers.len() {
        0 => name,
        _ => format!("{name}{{{}}}", matchers.join(",")),
    })
}

fn modifiers() -> impl Strategy<Value = String> {
    let at = prop_oneof![
        Just(String::new()),
        Just(" @ end()".to_owned()),
        Just(" @ start()".to_owned()),
        (-1e6..1e9).prop_map(|seconds: f64| format!(" @ {seconds:.3}")),
    ];
    let offset = prop_oneof![
        Just(String::new()),
        duration_literal().prop_map(|offset| format!(" offset -{offset}")),
        duration().prop_map(|offset| format!(" offset ({offset})")),
    ];
    (at, offset).prop_map(|(at, offset)| format!("{offset}{at}"))
}

fn vector() -> impl Strategy<Value = String> {
    let leaf = (selector(), modifiers()).prop_map(|(selector, modifiers)| format!("{selector}{modifiers}"));
    leaf.prop_recursive(4, 24, 3, |inner| {
        let arithmetic =
            prop_oneof![Just("+"), Just("-"), Just("*"), Just("^"), Just("atan2"), Just(">/"), Just("%")];
        let any =
            prop_oneof![Just("=="), Just("> bool"), Just("<="), Just("or"), Just("unless"), Just("and")];
        let grouping = prop::collection::vec(label(), 0..3);
        prop_oneof![
            (inner.clone(), arithmetic, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (inner.clone(), any, inner.clone()).prop_map(|(a, op, b)| format!("{a} {op} {b}")),
            (inner.clone(), grouping.clone(), inner.clone()).prop_map(|(a, labels, b)| format!(
                "{a} / on ({}) group_left (zz) fill_right(-1) {b}",
                labels.join(", ")
            )),
            (inner.clone(), grouping)
                .prop_map(|(a, labels)| format!("sum without ({}) ({a})", labels.join(","))),
            inner.clone().prop_map(|a| format!("({a})")),
            inner.clone().prop_map(|a| format!("-{a}")),
            (number(), inner.clone()).prop_map(|(k, a)| format!("topk({k}, {a})")),
            (number(), inner.clone()).prop_map(|(k, a)| format!("- {k} ^ {a}")),
            inner.clone().prop_map(|a| format!("label_replace({a}, \"a\", \"$1\", \"b\", \"(.*)\")")),
            (selector(), duration())
                .prop_map(|(selector, range)| format!("rate({selector}[{range}] smoothed)")),
            (inner, duration(), duration_literal(), modifiers())
                .prop_map(|(a, range, step, at)| format!("max_over_time(({a})[{range}:{step}]{at})")),
        ]
    })
}

/// The tree without its places: those of a printed query differ.
fn shape(expr: &Expr) -> String {
    let debug = format!("{expr:?}");
    let place = format!("{:?}", Span::new(0, 0));
    let (head, _) = place.split_once('0').unwrap_or((&place, ""));
    let mut out = String::new();
    let mut rest = debug.as_str();
    while let Some((before, after)) = rest.split_once(head) {
        out.push_str(before);
        rest = after.split_once('}').map_or("", |(_, rest)| rest);
    }
    out + rest
}

proptest! {
    #![proptest_config(testkit::rounds::cases(300))]

    #[test]
    fn printed_queries_read_back(query in vector()) {
        let options = ParseOptions::all();
        // Some random durations divide by zero, which is refused as it must be.
        let Ok(expr) = parse(&query, &options) else { return Ok(()) };
        let line = expr.to_string();
        let again = parse(&line, &options).map_err(|error| TestCaseError::fail(error.render(&line)))?;
        prop_assert_eq!(shape(&expr), shape(&again), "{} printed as {}", query, line);
        prop_assert_eq!(&line, &again.to_string());
        let text = pretty(&expr);
        let again = parse(&text, &options).map_err(|error| TestCaseError::fail(error.render(&text)))?;
        prop_assert_eq!(shape(&expr), shape(&again), "{} printed as {}", query, text);
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[a-z0-9 (){}\\[\\]\"'`:,@+*/^=!~<>._\\\\-]{0,60}|\\PC{0,40}") {
        match parse(&text, &ParseOptions::all()) {
            Ok(expr) => prop_assert!(expr.span().end as usize <= text.len()),
            Err(error) => {
                prop_assert!(error.span.start as usize <= text.len());
                prop_assert!(error.render(&text).contains("parse error"));
            }
        }
    }
}

/// The random queries are queries: a generator of nonsense would test nothing.
#[test]
fn most_random_queries_are_read() {
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let tries = 200;
    let read = (0..tries).filter(|_| {
        let query = vector().new_tree(&mut runner).unwrap().current();
        parse(&query, &ParseOptions::all()).is_ok()
    });
    let read = read.count();
    assert!(read * 10 > tries * 7, "only {read} of {tries} random queries are read");
}
