use crate::print::words::Label;
use crate::{ParseOptions, parse, pretty};

fn printed(query: &str) -> String {
    parse(query, &ParseOptions::all()).unwrap_or_else(|error| panic!("{}", error.render(query))).to_string()
}

/// Text that is printed as it stands reads back to the same tree.
#[test]
fn what_is_printed_is_stable() {
    let queries = [
        "-2 ^ 2",
        "up",
        "{__name__=\"na.me\"}",
        "{\"la.bel\"=\"a\\\"b\\\\c\\n\\x01é\",x!~\"y\"}",
        "topk by (job) (5, up)",
        "sum without () (up)",
        "count_values(\"v\", up)",
        "a == bool on (x, \"y.z\") group_left (l, \"Inf\") b",
        "a + fill (NaN) b",
        "a + ignoring (x) group_right () fill_left (-1.5) fill_right (Inf) b",
        "rate(up[5m])[1h:1m] @ 5.000 offset -1h30m",
        "up[step() * (5m + -2)] smoothed @ end() offset min_of(range(), -(1d))",
        "up anchored offset -1w",
        "a offset (5 ^ 2) + 1",
        "time() - -5m",
        "1e+30 * 0.00001",
        "a </ 5 >/ 3 or b unless c",
        "label_replace(up, \"a\", \"$1\", \"b\", \"(.*)\")",
    ];
    for query in queries {
        let expected = query.replace("1e+30", "1000000000000000000000000000000");
        assert_eq!(printed(query), expected);
    }
}

#[test]
fn labels_are_quoted_where_they_must() {
    assert_eq!(Label("by").to_string(), "by");
    assert_eq!(Label("9a").to_string(), "\"9a\"");
    assert_eq!(Label("NaN").to_string(), "\"NaN\"");
}

#[test]
fn long_queries_are_broken_and_read_back() {
    let long = format!(
        "-(sum by (a) (rate({0}[5m])) / on (a) {1} + topk(5, max_over_time(({0} > 1)[5m:])))",
        "x".repeat(90),
        "y".repeat(60)
    );
    let text = pretty(&parse(&long, &ParseOptions::all()).unwrap());
    assert!(text.lines().count() > 8, "{text}");
    assert_eq!(printed(&text), long);
}
