use super::*;

fn canonical(query: &str) -> String {
    parse(query).unwrap_or_else(|error| panic!("{query}: {error}")).to_string()
}

#[test]
fn operators_bind_as_in_promql() {
    let rate = r#"rate({a="b"}[1m])"#;
    assert_eq!(canonical(&format!("{rate} + 2 * 3 ^ 2 ^ 0 > bool 1")), format!("(({rate} + 6) > bool 1)"));
    assert_eq!(canonical("-2 ^ 2"), "4");
    assert_eq!(canonical("1 / 0"), "NaN");
}

#[test]
fn label_filters_without_precedence_reach_to_the_right() {
    let filter = |text: &str| canonical(&format!(r#"{{a="b"}} | {text}"#)).split_off(r#"{a="b"} | "#.len());
    assert_eq!(filter(r#"x>1, y>2 or z>3"#), "( x>1 , ( y>2 or z>3 ) )");
    assert_eq!(filter(r#"x>1 or y>2, z>3"#), "( x>1 or ( y>2 , z>3 ) )");
    assert_eq!(filter(r#"x>1 or y>2 and z>3"#), "( x>1 or ( y>2 , z>3 ) )");
    assert_eq!(filter(r#"x>1 and y>2 or z>3"#), "( ( x>1 , y>2 ) or z>3 )");
}

#[test]
fn hostile_depth_is_a_limit_and_no_crash() {
    let deep = format!("{}1{}", "(".repeat(50_000), ")".repeat(50_000));
    assert!(matches!(parse(&deep), Err(QueryError::Limit { .. })));
    let long = format!("vector(1){}", "+vector(1)".repeat(10_000));
    assert!(matches!(parse(&long), Err(QueryError::Limit { .. })));
    let filters = format!(r#"{{a="b"}} | x>1{}"#, " or x>1".repeat(10_000));
    assert!(matches!(parse(&filters), Err(QueryError::Limit { .. })));
}

#[test]
fn errors_name_the_place() {
    for (query, at) in [(r#"{a="b""#, 6), (r#"rate({a="b"}[5])"#, 12), ("sum(1", 5), (r#"{a='b'}"#, 3)] {
        assert_eq!(parse(query).unwrap_err().span().map(|span| span.start), Some(at), "{query}");
    }
}
