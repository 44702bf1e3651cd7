//! What is printed parses back to the same tree, and no text brings the parser down.

use std::sync::Arc;

use proptest::prelude::*;
use tracestore::field::{Intrinsic, Scope};
use tracestore::traceql::ast::{
    Aggregate, AggregateOp, Attribute, BinaryOp, Body, FieldExpr, Form, Pipeline, Query, Relation,
    ScalarExpr, ScalarFilter, SpansetExpr, SpansetOp, Stage, TextSpan,
};
use tracestore::traceql::{QueryError, Value, check, limits, parse};

fn key() -> impl Strategy<Value = Arc<str>> {
    prop_oneof!["[a-z.]{1,6}", "[a-z\"\\\\ =(]{1,6}"].prop_map(|key| Arc::from(key.as_str()))
}

fn attribute() -> impl Strategy<Value = Attribute> {
    let scopes = prop::sample::select(Scope::ALL.to_vec());
    let intrinsics = vec![Intrinsic::Name, Intrinsic::Duration, Intrinsic::TraceId, Intrinsic::EventName];
    prop_oneof![
        key().prop_map(Attribute::Unscoped),
        (scopes, key()).prop_map(|(scope, key)| Attribute::Scoped(scope, key)),
        prop::sample::select(intrinsics).prop_map(Attribute::Intrinsic),
    ]
}

fn literal() -> impl Strategy<Value = Value> {
    prop_oneof![
        any::<i64>().prop_map(Value::Int),
        any::<f64>().prop_filter("a literal is finite", |f| f.is_finite()).prop_map(Value::Float),
        (0..i64::MAX).prop_map(Value::Duration),
        any::<String>().prop_map(Value::str),
    ]
}

/// Comparisons of an attribute, joined: an operator between two literals would be folded away.
fn field() -> impl Strategy<Value = FieldExpr> {
    let comparisons = vec![BinaryOp::Equal, BinaryOp::NotEqual, BinaryOp::Less, BinaryOp::GreaterEqual];
    let leaf =
        (attribute(), prop::sample::select(comparisons), literal()).prop_map(|(attribute, op, literal)| {
            let trims = attribute == Attribute::Intrinsic(Intrinsic::TraceId);
            let literal = match literal {
                Value::Str(text) if trims => Value::str(text.trim_start_matches('0')),
                other => other,
            };
            binary(op, FieldExpr::Attribute(attribute), FieldExpr::Literal(literal))
        });
    leaf.prop_recursive(4, 16, 2, |inner| {
        let ops = prop::sample::select(vec![BinaryOp::And, BinaryOp::Or]);
        (ops, inner.clone(), inner).prop_map(|(op, lhs, rhs)| binary(op, lhs, rhs))
    })
}

fn binary(op: BinaryOp, lhs: FieldExpr, rhs: FieldExpr) -> FieldExpr {
    FieldExpr::Binary { op, lhs: Box::new(lhs), rhs: Box::new(rhs), at: TextSpan::default() }
}

fn spansets() -> impl Strategy<Value = SpansetExpr> {
    let relations =
        vec![Relation::Child, Relation::Parent, Relation::Descendant, Relation::Ancestor, Relation::Sibling];
    let forms = prop::sample::select(vec![Form::Related, Form::Unrelated, Form::Union]);
    let structural = (prop::sample::select(relations), forms)
        .prop_map(|(relation, form)| SpansetOp::Structural { relation, form });
    let op = prop_oneof![Just(SpansetOp::And), Just(SpansetOp::Or), structural];
    field().prop_map(SpansetExpr::Filter).prop_recursive(3, 8, 2, move |inner| {
        (op.clone(), inner.clone(), inner).prop_map(|(op, lhs, rhs)| SpansetExpr::Binary {
            op,
            lhs: Box::new(lhs),
            rhs: Box::new(rhs),
        })
    })
}

fn query() -> impl Strategy<Value = Query> {
    let filter = (attribute(), any::<i64>()).prop_map(|(of, bound)| {
        let of = Some(Box::new(FieldExpr::Attribute(of)));
        Stage::ScalarFilter(ScalarFilter {
            op: BinaryOp::Greater,
            lhs: ScalarExpr::Aggregate(Aggregate { op: AggregateOp::Avg, of }),
            rhs: ScalarExpr::Literal(Value::Int(bound.max(-i64::MAX))),
        })
    });
    let stage = prop_oneof![
        spansets().prop_map(Stage::Spansets),
        filter,
        attribute().prop_map(|of| Stage::By(FieldExpr::Attribute(of))),
        Just(Stage::Coalesce),
        prop::collection::vec(attribute(), 1..3).prop_map(Stage::Select),
    ];
    (spansets(), prop::collection::vec(stage, 0..3)).prop_map(|(first, rest)| {
        let stages = std::iter::once(Stage::Spansets(first)).chain(rest).collect();
        Query { body: Body::Search(Pipeline { stages }), hints: Vec::new() }
    })
}

proptest! {
    #![proptest_config(testkit::rounds::cases(256))]

    #[test]
    fn printing_keeps_the_tree(query in query()) {
        let printed = query.to_string();
        prop_assert_eq!(parse(&printed).map_err(|error| error.to_string()), Ok(query), "{}", printed);
    }

    #[test]
    fn any_text_parses_or_fails(text in any::<String>()) {
        if let Ok(tree) = parse(&text) {
            let _ = check(&tree);
        }
    }

    #[test]
    fn tokens_in_any_order_parse_or_fail(
        tokens in prop::collection::vec(prop::sample::select(TOKENS.to_vec()), 0..24)
    ) {
        let text = tokens.join(" ");
        if let Ok(tree) = parse(&text) {
            let _ = check(&tree);
            let printed = tree.to_string();
            prop_assert_eq!(parse(&printed).map_err(|error| error.to_string()), Ok(tree), "{} -> {}", text, printed);
        }
    }
}

const TOKENS: [&str; 44] = [
    "{",
    "}",
    "(",
    ")",
    "|",
    "&&",
    "||",
    "=",
    "!=",
    "<",
    ">",
    ">>",
    "<<",
    "!>>",
    "&<<",
    "~",
    "!~",
    "=~",
    "+",
    "-",
    "*",
    "/",
    "^",
    "!",
    ",",
    "nil",
    "true",
    ".a",
    "span.b",
    "name",
    "duration",
    "1",
    "2.5",
    "3s",
    "`x`",
    "count()",
    "avg(.a)",
    "by(.a)",
    "coalesce()",
    "select(.a)",
    "rate()",
    "topk(2)",
    "status",
    "error",
];

/// Deep and long texts end in an error that names the limit, not in an exhausted stack.
#[test]
fn limits_hold() {
    let nested =
        |open: &str, close: &str, n: usize| format!("{{ {}1 = 1{} }}", open.repeat(n), close.repeat(n));
    let chain = format!("{{ {} .a = 1 }}", ".a = 1 || ".repeat(5_000));
    let long = format!("{{ .a = `{}` }}", "x".repeat(limits::QUERY_BYTES_MAX));
    for text in [
        nested("(", ")", 100_000 / 2),
        nested("!", "", 50_000),
        nested("-", "", 50_000),
        "(".repeat(100_000),
        "{} > ".repeat(20_000) + "{}",
        chain,
        long,
    ] {
        let error = parse(&text).unwrap_err();
        let limit = matches!(error, QueryError::Store(bedrock::Error::Limit { .. }));
        assert!(limit, "{error}: {}..", &text[..20]);
    }
    let bomb = format!("{{ .a =~ `{}` }}", "(a{1000}){1000}");
    assert!(check(&parse(&bomb).unwrap()).is_err());
    let chained = format!("{{ {} .a = 1 }}", ".a = 1 || ".repeat(400));
    assert!(check(&parse(&chained).unwrap()).is_ok());
}
