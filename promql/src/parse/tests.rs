use super::*;
use crate::ast::{At, BinaryOp, Boundary, Cardinality, ValueType};
use crate::duration::{DurationContext, DurationSign};

fn all(query: &str) -> Expr {
    match parse(query, &ParseOptions::all()) {
        Ok(expr) => expr,
        Err(error) => panic!("{}", error.render(query)),
    }
}

fn error(query: &str) -> String {
    match parse(query, &ParseOptions::all()) {
        Ok(expr) => panic!("{query} was read as {expr:?}"),
        Err(error) => error.to_string(),
    }
}

fn number(query: &str) -> f64 {
    match all(query) {
        Expr::Number(number) => number.value,
        other => panic!("{query} is no number: {other:?}"),
    }
}

/// The tree with every operation in parentheses.
fn shape(expr: &Expr) -> String {
    match expr {
        Expr::Binary(binary) => {
            format!("({} {} {})", shape(&binary.lhs), binary.op.as_str(), shape(&binary.rhs))
        }
        Expr::Unary(unary) => format!("({}{})", if unary.negative { "-" } else { "+" }, shape(&unary.expr)),
        Expr::Paren(paren) => shape(&paren.expr),
        Expr::Number(number) => number.value.to_string(),
        Expr::Vector(selector) => {
            let offset = selector.modifiers.offset.as_ref();
            let offset =
                offset.map(|offset| offset.evaluate_ms(DurationContext::default(), DurationSign::Any));
            let offset = offset.map_or(String::new(), |ms| format!("~{}", ms.unwrap() / 1000));
            format!("{}{offset}", selector.name.as_deref().unwrap_or("{}"))
        }
        other => panic!("no shape for {other:?}"),
    }
}

#[test]
fn numbers_in_all_forms() {
    assert_eq!(number("1_000"), 1000.0);
    assert_eq!(number("0x1F"), 31.0);
    assert_eq!(number("017"), 15.0);
    assert_eq!(number("08"), 8.0);
    assert_eq!(number(".5e1"), 5.0);
    assert_eq!(number("2."), 2.0);
    assert_eq!(number("1h30m"), 5400.0);
    assert_eq!(number("-5ms"), -0.005);
    assert_eq!(number("+Inf"), f64::INFINITY);
    assert_eq!(number("- - 3"), 3.0);
    assert!(number("nAn").is_nan());
    for bad in ["1__0", "1_", "0x", "1e", "1.2.3", "5mm", "1m1h", "1.5m", "5z", "1e400"] {
        assert!(error(bad).contains("bad number or duration"), "{bad}: {}", error(bad));
    }
}

#[test]
fn operators_bind_as_in_the_language() {
    let cases = [
        ("-2 ^ 2", "(-(2 ^ 2))"),
        ("2 ^ 3 ^ 4", "(2 ^ (3 ^ 4))"),
        ("2 ^ -a * 3", "((2 ^ (-a)) * 3)"),
        ("a - b - c", "((a - b) - c)"),
        ("a + b * c atan2 d", "(a + ((b * c) atan2 d))"),
        ("a or b and c unless d == e + f", "(a or ((b and c) unless (d == (e + f))))"),
        ("a </ 1 >/ 2", "((a </ 1) >/ 2)"),
        ("-a[5m:1m] offset 1m", ""),
        ("a offset 100 + 2", "(a~100 + 2)"),
        ("a offset (100 + 2)", "a~102"),
        ("a offset (1) + 2", "a~3"),
        ("a offset -2 ^ 2", "(a~-2 ^ 2)"),
        ("a offset (-2 ^ 2)", "a~-4"),
        ("a offset -(1 - 5) + 8", "(a~4 + 8)"),
        ("a offset -min_of(1, 5) ^ 0", "(a~-1 ^ 0)"),
        ("sum + by + offset", "((sum + by) + offset)"),
        ("fill + fill", "(fill + fill)"),
    ];
    for (query, expected) in cases {
        if expected.is_empty() {
            assert!(error(query).contains("unary expression only allowed"), "{query}");
        } else {
            assert_eq!(shape(&all(query)), expected, "{query}");
        }
    }
}

#[test]
fn selectors_and_modifiers() {
    let Expr::Matrix(matrix) = all(r#"{"na.me", "la.bel"=~"x|y", a!='b',}[5m] smoothed @ end() offset -1w"#)
    else {
        panic!("no range selector");
    };
    assert_eq!(matrix.selector.all_matchers().len(), 3);
    assert_eq!(matrix.selector.modifiers.at, Some(At::End));
    assert_eq!(matrix.selector.boundary, Boundary::Smoothed);
    assert_eq!((matrix.span.start, matrix.span.end), (0, 67));
    let Expr::Vector(selector) = all("up offset 5 @ -1.5") else { panic!("no selector") };
    assert_eq!(selector.modifiers.at, Some(At::Timestamp(-1500)));
    assert_eq!(selector.span, Span::new(0, 18));
    let Expr::Subquery(subquery) = all("rate(a:b[1m])[30m:] @ 5 # a comment\n offset 1m") else {
        panic!("no subquery")
    };
    assert_eq!(subquery.step, None);
    assert_eq!(subquery.expr.value_type(), ValueType::Vector);
}

#[test]
fn vectors_meet_as_written() {
    let Expr::Binary(binary) =
        all("a == bool on (x, \"y.z\", by) group_right (l) fill_right(-1) fill_left(5m) b")
    else {
        panic!("no operator")
    };
    assert_eq!(binary.op, BinaryOp::Equal);
    assert!(binary.return_bool && binary.matching.on);
    assert_eq!(binary.matching.cardinality, Cardinality::OneToMany);
    assert_eq!(binary.matching.labels, ["x".into(), "y.z".into(), "by".into()]);
    assert_eq!((binary.matching.fill_left, binary.matching.fill_right), (Some(300.0), Some(-1.0)));
    let Expr::Binary(binary) = all("a and ignoring () b") else { panic!("no operator") };
    assert_eq!(binary.matching.cardinality, Cardinality::ManyToMany);
}

#[test]
fn errors_say_where_and_help() {
    let cases = [
        ("", "1:1: parse error: no expression found in input"),
        (
            "rate(up)",
            "1:6: parse error: expected type range vector in call to function \"rate\", got instant vector; a range in brackets makes one: [5m]",
        ),
        ("sum(\nraet(up[5m]))", "2:1: parse error: unknown function \"raet\"; did you mean \"rate\"?"),
        (
            "up{job=api}",
            "1:8: parse error: unexpected identifier \"api\" in label matching, expected a string; label values stand in quotes",
        ),
        (
            "up[5m] offset",
            "1:14: parse error: unexpected end of input in duration, expected a number, a duration, step() or range()",
        ),
        ("{}", "1:1: parse error: vector selector must contain at least one non-empty matcher"),
        ("up{\"up\"}", "1:1: parse error: metric name must not be set twice: \"up\" or \"up\""),
        ("1 and 2", "1:3: parse error: set operators work on instant vectors, not on scalars"),
        ("1 == 2", "1:3: parse error: comparisons between scalars must use BOOL modifier"),
        ("a + bool b", "1:3: parse error: bool modifier can only be used on comparison operators"),
        (
            "a / on (x) group_left (x) b",
            "1:3: parse error: label \"x\" must not occur in ON and GROUP clause at once",
        ),
        ("up[0m]", "1:4: parse error: duration must be greater than 0"),
        ("topk(up)", "1:1: parse error: expected 2 argument(s) in call to \"topk\", got 1"),
        ("round(up, 1, 2)", "1:1: parse error: expected 1 to 2 argument(s) in call to \"round\", got 3"),
        (
            "up{a=\"\\q\"}",
            "1:7: parse error: \"\\\\q\" is no valid escape sequence; a backslash itself is written \\\\, or the string in backquotes",
        ),
        ("sum(up", "1:7: parse error: unexpected end of input in arguments, expected \",\" or \")\""),
        ("up @ NaN", "1:6: parse error: timestamp out of bounds for @ modifier: NaN"),
        ("a ! b", "1:3: parse error: unexpected character '!'; operators with ! are != and !~"),
    ];
    for (query, expected) in cases {
        assert_eq!(error(query), expected, "{query}");
    }
    assert!(error("up{a=~\"(\"}").contains("regular expression"));
    assert!(error("\"unfinished \\").contains("unterminated"));
}

#[test]
fn strings_in_all_quotes() {
    let text = |query: &str| match all(query) {
        Expr::String(string) => string.value,
        other => panic!("{query} is no string: {other:?}"),
    };
    assert_eq!(text(r#""a\\b\"c\n\x41\101\u00e9\U0001F600""#), "a\\b\"c\nAAé😀");
    assert_eq!(text(r"'it\'s'"), "it's");
    assert_eq!(text(r"`raw \n`"), r"raw \n");
    assert_eq!(text(r#""\xc3\xa9 \xff""#), "é \u{fffd}");
}

#[test]
fn experimental_parts_are_closed_by_default() {
    let closed = [
        "limitk(1, up)",
        "info(up)",
        "up[5m * 2]",
        "up offset step()",
        "up[5m] anchored",
        "a + fill(0) b",
        "step()",
        "up offset (5)",
    ];
    for query in closed {
        let error = parse(query, &ParseOptions::default()).unwrap_err().to_string();
        assert!(error.contains("not enabled"), "{query}: {error}");
        all(query);
    }
}

#[test]
fn hostile_queries_meet_limits() {
    let options = ParseOptions::all();
    let hostile = [
        "(".repeat(10_000),
        "-".repeat(10_000) + "a",
        "a".to_owned() + &"+a".repeat(10_000),
        "a".to_owned() + &"^a".repeat(10_000),
        "sum(".repeat(10_000),
        "a".to_owned() + &"[5m:]".repeat(10_000),
        "a[".to_owned() + &"(".repeat(10_000),
        "a[1".to_owned() + &"+1".repeat(10_000) + "]",
        "a offset ".to_owned() + &"-".repeat(10_000) + "1",
        // Long chains inside of nested parentheses: neither is deep alone.
        "(".repeat(200) + "a" + &("+a".repeat(200) + ")").repeat(200),
    ];
    for query in hostile {
        let error = parse(&query, &options).unwrap_err();
        assert!(matches!(*error.problem, ParseProblem::Limit { .. }), "{error}");
    }
    let long = " ".repeat(options.length_max + 1);
    assert!(matches!(*parse(&long, &options).unwrap_err().problem, ParseProblem::Limit { .. }));
}

#[test]
fn metrics_end_where_their_values_begin() {
    for (line, length) in
        [("up 1 2", 2), ("up@st -1s", 2), (r#"{"a b}","c"="\"}"} 1"#, 18), ("up{a=`\\`}@st", 9)]
    {
        assert_eq!(parse_metric_prefix(line).unwrap().1, length, "{line}");
    }
}
