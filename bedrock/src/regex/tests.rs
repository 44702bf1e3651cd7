use proptest::prelude::*;

use super::*;

/// Expressions from pieces that exist in Go's and in Rust's dialect and mean the same in both.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(
        &[
            "a",
            "b",
            "ab",
            "ü",
            ".",
            ".*",
            ".+",
            "[ab]",
            "[^a]",
            "x?",
            "",
            "^",
            "$",
            "\\.",
            "a{2}",
            "[a-c]{1,2}",
            "\n",
            "k",
        ][..],
    )
    .prop_map(str::to_owned);
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| parts.concat()),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("(?:{})", parts.join("|"))),
            prop::collection::vec(inner.clone(), 1..4).prop_map(|parts| format!("({})", parts.join("|"))),
            inner.clone().prop_map(|part| format!("(?i:{part})")),
            (inner, prop::sample::select(&["*", "+", "?", "{0,2}", "*?"][..]))
                .prop_map(|(part, operator)| format!("(?:{part}){operator}")),
        ]
    })
}

fn text() -> impl Strategy<Value = String> {
    prop::collection::vec(
        prop::sample::select(&["a", "b", "ab", "A", "c", "ü", "Ü", "x", ".", "\n", "k", "\u{212a}"][..]),
        0..6,
    )
    .prop_map(|parts| parts.concat())
}

fn plain(pattern: &str) -> meta::Regex {
    meta::Regex::new(pattern).unwrap()
}

proptest! {
    #![proptest_config(crate::property::cases(2000))]

    #[test]
    fn anchored_fast_paths_agree_with_the_plain_automaton(
        pattern in expression(),
        texts in prop::collection::vec(text(), 1..8),
    ) {
        let fast = GoRegex::anchored(&pattern)?;
        let plain = plain(&format!("^(?s:{pattern})$"));
        for text in &texts {
            prop_assert_eq!(fast.is_match(text), plain.is_match(text), "{:?} {:?} {:?}", pattern, text, fast.shape());
            prop_assert_eq!(fast.automaton().is_match(text), plain.is_match(text), "{:?} {:?}", pattern, text);
            if fast.is_match(text) {
                prop_assert!(text.starts_with(fast.shape().prefix()), "{:?} {:?}", pattern, text);
                let mut rest = text.as_str();
                for literal in fast.required_literals() {
                    let Some((_, after)) = rest.split_once(&**literal) else {
                        return Err(TestCaseError::fail(format!("{pattern:?} {text:?} {literal:?}")));
                    };
                    rest = after;
                }
            }
        }
    }

    #[test]
    fn unanchored_fast_paths_agree_with_the_plain_automaton(
        pattern in expression(),
        texts in prop::collection::vec(text(), 1..8),
    ) {
        let fast = GoRegex::unanchored(&pattern)?;
        let plain = plain(&pattern);
        for text in &texts {
            prop_assert_eq!(fast.is_match(text), plain.is_match(text.as_str()), "{:?} {:?} {:?}", pattern, text, fast.shape());
            prop_assert_eq!(fast.is_match_bytes(text.as_bytes()), fast.is_match(text));
            let found = fast.captures(text).map(|captures| captures.span());
            prop_assert_eq!(found, plain.find(text.as_str()).map(|m| m.range()));
        }
    }

    #[test]
    fn any_text_is_an_expression_or_an_error(pattern in "[a-c(){}\\[\\]\\\\*+?|^$.:,0-9<>P=!ismU&\\-QEpLdwx]{0,24}", text in text()) {
        if let Ok(regex) = GoRegex::unanchored(&pattern) {
            regex.is_match(&text);
        }
        if let Ok(regex) = GoRegex::anchored(&pattern) {
            prop_assert_eq!(regex.is_match(&text), regex.automaton().is_match(&text), "{:?} {:?}", pattern, text);
        }
    }
}

fn shape_name(pattern: &str) -> String {
    match GoRegex::anchored(pattern).unwrap().shape() {
        Shape::Any => "any".into(),
        Shape::NonEmpty => "non-empty".into(),
        Shape::Set(values) => format!("set {}", values.join(",")),
        Shape::Globs(globs) => {
            format!("globs {}", globs.iter().map(Glob::prefix).collect::<Vec<_>>().join(","))
        }
        Shape::Folded(texts) => format!("folded {}", texts.len()),
        Shape::Regex { prefix } => format!("regex {prefix}"),
    }
}

#[test]
fn common_expressions_need_no_automaton() {
    for (pattern, shape) in [
        (".*", "any"),
        (".+", "non-empty"),
        ("(.*)", "any"),
        (".+|", "any"),
        (".*|a", "any"),
        (".+|a", "non-empty"),
        ("", "set "),
        ("a", "set a"),
        ("^a$", "set a"),
        ("b|a|b", "set a,b"),
        ("a(b|c)?d", "set abd,acd,ad"),
        ("(a|b)(c|d)", "set ac,ad,bc,bd"),
        ("h-[0-2]", "set h-0,h-1,h-2"),
        ("a^b", "set "),
        ("foo.*|foobar", "globs foo,foobar"),
        ("foo.*", "globs foo"),
        ("foo.+bar", "globs foo"),
        (".*foo.*", "globs "),
        ("(?i)abc", "folded 1"),
        ("(?i:get|put)", "folded 2"),
        ("(?i)123", "set 123"),
        ("foo[a-z]+", "regex foo"),
        ("foo\\d*.*", "regex foo"),
        ("[a-z]+", "regex "),
    ] {
        assert_eq!(shape_name(pattern), shape, "{pattern}");
    }
    let filter = |pattern| GoRegex::unanchored(pattern).unwrap();
    assert!(matches!(filter("error").shape(), Shape::Globs(_)));
    assert!(matches!(filter(".*error.*").shape(), Shape::Globs(_)));
    assert!(matches!(filter("^error").shape(), Shape::Globs(globs) if globs[0].prefix() == "error"));
    assert!(matches!(filter("a.b").shape(), Shape::Regex { .. }));
    assert_eq!(
        filter("user=(\\d+) (?:took )+(a|b)ms").required_literals(),
        ["user=".into(), " ".into(), "took ".into(), "ms".into()]
    );
}

#[test]
fn bombs_meet_a_limit() {
    for bomb in [
        "(\\pL{100}){10}".to_owned(),
        "\\pL".repeat(100_000),
        "[\\pL]".repeat(10_000),
        "((\\w|\\pL){100}x){9}".into(),
    ] {
        let error = GoRegex::unanchored(&bomb).unwrap_err();
        assert!(matches!(error, RegexError::TooLarge { .. }), "{error}");
    }
    assert!(matches!(
        GoRegex::anchored(&"a".repeat(PATTERN_BYTES_MAX + 1)),
        Err(RegexError::TooLarge { .. })
    ));
    for deep in [
        "(".repeat(100_000),
        "(?:".repeat(300) + &")".repeat(300),
        "a{1000}{1000}".into(),
        "((a{100}){100}){100}".into(),
    ] {
        let error = GoRegex::anchored(&deep).unwrap_err();
        assert!(matches!(error, RegexError::Syntax { .. }), "{error}");
    }
    // Fine, if large: a long list of names.
    let names: Vec<String> = (0..5000).map(|i| format!("host-{i}")).collect();
    assert!(
        matches!(TextTest::anchored(&names.join("|")).unwrap().shape(), Shape::Set(set) if set.len() == 5000)
    );
}

#[test]
fn errors_are_those_of_go() {
    for (pattern, text) in [
        ("a(b", "error parsing regexp: missing closing ): `a(b`"),
        ("a)b", "error parsing regexp: unexpected ): `a)b`"),
        ("[a", "error parsing regexp: missing closing ]: `[a`"),
        ("*", "error parsing regexp: missing argument to repetition operator: `*`"),
        ("a|*", "error parsing regexp: missing argument to repetition operator: `*`"),
        ("(?i)*", "error parsing regexp: missing argument to repetition operator: `*`"),
        ("a**", "error parsing regexp: invalid nested repetition operator: `**`"),
        ("a*?+", "error parsing regexp: invalid nested repetition operator: `*?+`"),
        ("a{2}{3}", "error parsing regexp: invalid nested repetition operator: `{2}{3}`"),
        ("a{1001}", "error parsing regexp: invalid repeat count: `{1001}`"),
        ("a{2,1}", "error parsing regexp: invalid repeat count: `{2,1}`"),
        ("(a{500}){3}", "error parsing regexp: invalid repeat count: `{3}`"),
        ("a\\", "error parsing regexp: trailing backslash at end of expression: ``"),
        ("\\y", "error parsing regexp: invalid escape sequence: `\\y`"),
        ("\\1", "error parsing regexp: invalid escape sequence: `\\1`"),
        ("\\8", "error parsing regexp: invalid escape sequence: `\\8`"),
        ("\\x1", "error parsing regexp: invalid escape sequence: `\\x1`"),
        ("\\xg1", "error parsing regexp: invalid escape sequence: `\\xg`"),
        ("\\x{110000}", "error parsing regexp: invalid escape sequence: `\\x{110000`"),
        ("\\Z", "error parsing regexp: invalid escape sequence: `\\Z`"),
        ("\\C", "error parsing regexp: invalid escape sequence: `\\C`"),
        ("[\\b]", "error parsing regexp: invalid escape sequence: `\\b`"),
        ("[b-a]", "error parsing regexp: invalid character class range: `b-a`"),
        ("[a-\\d]", "error parsing regexp: invalid escape sequence: `\\d`"),
        ("[[:foo:]]", "error parsing regexp: invalid character class range: `[:foo:]`"),
        ("\\pX", "error parsing regexp: invalid character class range: `\\pX`"),
        ("\\p{Foo}", "error parsing regexp: invalid character class range: `\\p{Foo}`"),
        ("\\p{Alphabetic}", "error parsing regexp: invalid character class range: `\\p{Alphabetic}`"),
        ("(?=a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`"),
        ("(?x)a", "error parsing regexp: invalid or unsupported Perl syntax: `(?x`"),
        ("(?-)a", "error parsing regexp: invalid or unsupported Perl syntax: `(?-)`"),
        ("(?P<n>a)(?P<n>b)", "error parsing regexp: duplicate capture group name: `n`"),
        ("(?P<a.b>c)", "error parsing regexp: invalid named capture: `(?P<a.b>`"),
        ("(?<=a)b", "error parsing regexp: invalid named capture: `(?<=a)b`"),
    ] {
        match GoRegex::anchored(pattern) {
            Ok(_) => panic!("{pattern} was accepted"),
            Err(error) => assert_eq!(error.to_string(), text, "{pattern}"),
        }
    }
}

#[test]
fn groups_and_templates_follow_go() {
    let regex = GoRegex::anchored("(?P<host>[a-z]+)(?:-(\\d+))?:(.*)").unwrap();
    assert_eq!(regex.capture_names(), [None, Some("host"), None, None]);
    let captures = regex.captures("web-07:x y").unwrap();
    let expand = |template: &str| {
        let mut out = String::new();
        captures.expand(template, &mut out);
        out
    };
    assert_eq!(expand("$1/$2/${3}!"), "web/07/x y!");
    assert_eq!(expand("$host ${host}s $hosts|$1x|${1}x"), "web webs ||webx");
    assert_eq!(expand("$$1 $ ${ ${} $- $9 ${9}"), "$1 $ ${ ${} $-  ");
    assert_eq!(expand("$0"), "web-07:x y");
    assert_eq!(regex.captures("web:").unwrap().get(2), None);
    assert!(regex.captures("WEB:").is_none());

    let replace =
        |pattern: &str, text: &str, with: &str| GoRegex::unanchored(pattern).unwrap().replace_all(text, with);
    assert_eq!(replace("a*", "baac", "x"), "xbxcx");
    assert_eq!(replace("", "üb", "-"), "-ü-b-");
    assert_eq!(replace("(\\w)(\\w)", "abcd", "$2$1"), "badc");
    assert_eq!(replace("x", "abc", "y"), "abc");
    assert_eq!(replace("^a", "aaa", "b"), "baa");
}

#[test]
fn invalid_bytes_count_as_replacement_characters() {
    let matches = |pattern: &str, text: &[u8]| GoRegex::unanchored(pattern).unwrap().is_match_bytes(text);
    assert!(matches("a.b", b"a\xffb"));
    assert!(matches("^a..b$", b"a\xff\xfeb"));
    assert!(!matches("^a.b$", b"a\xff\xfeb"));
    assert!(matches("\u{fffd}", b"\xc3"));
    assert!(matches("error", b"\xff error"));
}
