use super::*;

/// Expression, then texts that match and texts that do not. What Go's RE2 with `^(?s:..)$` answers.
type Case = (&'static str, &'static [&'static str], &'static [&'static str]);

const ANCHORING: &[Case] = &[
    ("a", &["a"], &["", "ab", "ba", "A", "aa"]),
    ("", &[""], &["a", "\n"]),
    ("a|b", &["a", "b"], &["ab", "", "xa"]),
    ("ab|cd", &["ab", "cd"], &["abd", "acd", "abcd"]),
    ("^a$", &["a"], &["aa", "a\n"]),
    ("^a|b$", &["a", "b"], &["ab"]),
    ("a^b", &[], &["ab", "a^b", "a\nb"]),
    ("a$b", &[], &["ab", "a$b"]),
    ("(?m)a$\nb", &["a\nb"], &["a", "ab"]),
    ("(?m:^b)", &["b"], &["\nb"]),
    ("\\Aa\\z", &["a"], &["a\n"]),
    ("^^a$$", &["a"], &["^a$"]),
    ("(^a)(b$)", &["ab"], &["a", "b"]),
    ("$^", &[""], &["a"]),
];

const GAPS: &[Case] = &[
    (".*", &["", "a", "ü", "a\nb"], &[]),
    (".+", &["a", "\n", "ü"], &[""]),
    (".", &["a", "ü", "\n", "\u{1f600}"], &["", "ab"]),
    ("..", &["ab", "üü"], &["a", "ü", "abc"]),
    ("a.*", &["a", "ab", "a\n"], &["", "ba"]),
    ("a.+", &["ab", "a\n"], &["a", ""]),
    (".*a", &["a", "ba", "aa"], &["", "ab"]),
    (".+a", &["ba", "aa"], &["a", ""]),
    (".*a.*", &["a", "bab"], &["", "b"]),
    (".+a.+", &["bab", "aaa"], &["a", "ba", "ab", "aa"]),
    ("a.*b.*c", &["abc", "axbxc", "abbcc"], &["acb", "ab", "bc"]),
    ("a.+a", &["aba", "aaa"], &["aa", "a"]),
    ("aa.*aa", &["aaaa", "aaxaa"], &["aaa", "aa"]),
    ("(?-s:.*)", &["", "ab"], &["a\nb", "\n"]),
    ("(?-s).+", &["ab"], &["", "\n"]),
    ("a.*|b", &["a", "ax", "b"], &["bx"]),
    ("(a.*|.*b)", &["ax", "xb"], &["xax"]),
    (".*?", &["", "a"], &[]),
    ("a??b", &["ab", "b"], &["aab"]),
    ("(?U)a+", &["a", "aa"], &[""]),
    (".{2,3}", &["ab", "abc", "üüü"], &["a", "abcd"]),
    (".{0}", &[""], &["a"]),
];

const REPETITION: &[Case] = &[
    ("a?", &["", "a"], &["aa"]),
    ("a*", &["", "a", "aaaa"], &["b", "aab"]),
    ("a+", &["a", "aa"], &["", "ab"]),
    ("(ab)+", &["ab", "abab"], &["", "aba"]),
    ("(a|b)*c", &["c", "abac"], &["ab", ""]),
    ("a{3}", &["aaa"], &["aa", "aaaa"]),
    ("a{2,}", &["aa", "aaaaa"], &["a"]),
    ("a{1,2}", &["a", "aa"], &["", "aaa"]),
    ("a{,2}", &["a{,2}"], &["", "a", "aa"]),
    ("a{", &["a{"], &["a"]),
    ("a{1", &["a{1"], &["a"]),
    ("a{x}", &["a{x}"], &["a"]),
    ("a{01}", &["a{01}"], &["a"]),
    ("{", &["{"], &[""]),
    ("}", &["}"], &[""]),
    ("]", &["]"], &[""]),
    ("(a|)", &["a", ""], &["aa"]),
    ("(|a)+", &["", "a", "aa"], &["b"]),
    ("()", &[""], &["a"]),
    ("a||b", &["a", "", "b"], &["|"]),
    ("(a*)*", &["", "aaa"], &["b"]),
    ("^*a", &["a"], &["^a"]),
];

const FOLDING: &[Case] = &[
    ("(?i)abc", &["abc", "ABC", "aBc"], &["ab", "abcd"]),
    ("(?i:a)b", &["ab", "Ab"], &["AB", "aB"]),
    ("a(?i)b|c", &["ab", "aB", "C", "c"], &["Ab", "ac"]),
    ("(?i)a(?-i)b", &["ab", "Ab"], &["aB"]),
    ("(a(?i)b)c", &["abc", "aBc"], &["abC"]),
    ("(?i)straße", &["straße", "STRAßE", "STRA\u{1e9e}E"], &["strasse"]),
    ("(?i)k", &["k", "K", "\u{212a}"], &["c"]),
    ("(?i)ſ", &["s", "S", "ſ"], &[""]),
    ("(?i)s", &["ſ"], &["z"]),
    ("(?i)Ü", &["ü", "Ü"], &["u"]),
    ("(?i)σ", &["σ", "ς", "Σ"], &["s"]),
    ("(?i)[a-c]", &["a", "B", "C"], &["d", "D"]),
    ("(?i)[^a]", &["b", "B", "\n"], &["a", "A"]),
    ("(?i)[k]", &["\u{212a}"], &[""]),
    ("(?i)\\w", &["k", "\u{212a}", "ſ"], &["ü"]),
    ("(?i)\\W", &["ü", "-"], &["k", "\u{212a}"]),
    ("(?i)[[:upper:]]", &["a", "A"], &["1"]),
    ("(?i)get|put", &["GET", "Put"], &["gut"]),
    ("(?i).*error.*", &["ERROR", "an Error!"], &["err"]),
    ("(?i)\\Qa.b\\E", &["A.B"], &["AxB"]),
    ("(?i)1a", &["1A", "1a"], &["1"]),
    ("(?is-m)a.b", &["A\nB"], &["AB"]),
    ("(?i)\\p{Lu}", &["a", "A"], &["1"]),
    ("i", &["i"], &["I", "İ", "ı"]),
    ("(?i)i", &["i", "I"], &["İ", "ı"]),
];

const CLASSES: &[Case] = &[
    ("\\d", &["0", "9"], &["٣", "a", ""]),
    ("\\D", &["a", "٣", "ü"], &["1"]),
    ("\\w+", &["ab_9"], &["ü", "a-b", "é"]),
    ("\\W", &["ü", "-", "é"], &["a", "_"]),
    ("\\s", &[" ", "\t", "\n", "\r", "\x0c"], &["\x0b", "\u{a0}", "\u{2003}"]),
    ("\\S", &["\x0b", "\u{a0}", "a"], &[" ", "\n"]),
    ("[[:space:]]", &["\x0b", " "], &["\u{a0}"]),
    ("[[:alpha:]]+", &["aZ"], &["ü", "1"]),
    ("[[:^alpha:]]", &["ü", "1"], &["a"]),
    ("[[:word:]]", &["_", "a"], &["-"]),
    ("[[:punct:]]", &["!", "~", "`", "["], &["a", " "]),
    ("[^[:digit:]]", &["a", "\n"], &["1"]),
    ("[a-c]", &["a", "b", "c"], &["d", "-"]),
    ("[a-]", &["a", "-"], &["b"]),
    ("[-a]", &["a", "-"], &["b"]),
    ("[]a]", &["]", "a"], &["["]),
    ("[^]a]", &["b", "["], &["]", "a"]),
    ("[a&&b]", &["a", "&", "b"], &["a&&b"]),
    ("[+--c]", &["+", ",", "-", "c"], &["a", "."]),
    ("[[a]", &["[", "a"], &["]"]),
    ("[[a]]", &["[]", "a]"], &["a", "["]),
    ("[a-b-c]", &["a", "b", "-", "c"], &["d"]),
    ("[\\d-z]", &["1", "-", "z"], &["a"]),
    ("[\\w.]+", &["a.b_c"], &["a-b"]),
    ("[\\]]", &["]"], &["\\"]),
    ("[\\^a]", &["^", "a"], &["b"]),
    ("[.]", &["."], &["a"]),
    ("[a|b]", &["a", "|", "b"], &["ab"]),
    ("[ü]", &["ü"], &["u", "Ã"]),
    ("[^ü]", &["u", "\n"], &["ü", ""]),
    ("[~~]", &["~"], &["a"]),
    ("[\\x41-\\x{43}]", &["A", "C"], &["D"]),
    ("\\pL+", &["aü", "日本"], &["1"]),
    ("\\PL", &["1"], &["a"]),
    ("\\p{Greek}", &["α"], &["a"]),
    ("\\p{^Greek}", &["a"], &["α"]),
    ("\\P{^Greek}", &["α"], &["a"]),
    ("[\\p{Lu}\\d]", &["A", "1"], &["a"]),
    ("\\p{Nd}", &["٣", "3"], &["a"]),
    ("\\p{Any}", &["a", "\n"], &[""]),
    ("[^\\x00-\\x{10FFFF}]", &[], &["a", ""]),
];

const ESCAPES: &[Case] = &[
    ("a\\.b", &["a.b"], &["axb"]),
    ("a.b", &["a.b", "axb", "a\nb"], &["ab"]),
    ("\\Qa.b*\\E", &["a.b*"], &["axb"]),
    ("\\Qab\\E+", &["ab", "abb"], &["abab"]),
    ("\\Qa|b", &["a|b"], &["a", "b"]),
    ("\\x41", &["A"], &["x41"]),
    ("\\x{1F600}", &["😀"], &[""]),
    ("\\101", &["A"], &["\\101"]),
    ("\\012", &["\n"], &["012"]),
    ("\\0", &["\0"], &["0"]),
    ("\\a\\f\\t\\n\\r\\v", &["\x07\x0c\t\n\r\x0b"], &[""]),
    ("\\/", &["/"], &["\\/"]),
    ("\\-\\_\\ \\\"", &["-_ \""], &[""]),
    ("\\<\\>", &["<>"], &["", "a"]),
    ("a\\bb", &[], &["ab"]),
    ("a\\b-", &["a-"], &["ab"]),
    ("ü\\bb", &["üb"], &["ü"]),
    ("\\bü", &[], &["ü"]),
    ("a\\Bb", &["ab"], &["a-b"]),
    ("ü\\B", &["ü"], &["üa"]),
    ("a\\b{start}", &["a{start}"], &["a"]),
    ("\\$\\^\\|", &["$^|"], &[""]),
    ("a b # c", &["a b # c"], &["ab"]),
    ("-", &["-"], &[""]),
    ("\"", &["\""], &[""]),
];

const GROUPS: &[Case] = &[
    ("(a)(b)", &["ab"], &["a"]),
    ("(?:a|b)c", &["ac", "bc"], &["c", "abc"]),
    ("(?P<x>a)(?<y>b)", &["ab"], &["a"]),
    ("(?P<1>a)", &["a"], &[""]),
    ("(?)a", &["a"], &[""]),
    ("((((a))))", &["a"], &["aa"]),
    ("foo(bar|baz)?", &["foo", "foobar", "foobaz"], &["bar", "foobarbaz"]),
    ("(foo|foobar)(baz)?", &["foo", "foobar", "foobaz", "foobarbaz"], &["baz"]),
    ("api-(a|b).*", &["api-a", "api-b1"], &["api-c", "api-"]),
    ("(api|web)-.+", &["api-1", "web-x"], &["api-", "db-1"]),
    ("5..|404", &["500", "5ab", "404"], &["50", "5000", "4040"]),
    ("10\\.0\\.[0-9]+\\.1", &["10.0.12.1"], &["10.0..1", "10.0.a.1", "1000.1.1"]),
    ("[a-z]+-[0-9]{2}", &["web-01"], &["web-1", "WEB-01"]),
    ("(?:https?)://.*", &["http://", "https://x"], &["httpss://x"]),
    ("/api/v[12]/.*", &["/api/v1/", "/api/v2/x"], &["/api/v3/x", "/api/v1"]),
    ("node_(cpu|memory).*", &["node_cpu", "node_memory_x"], &["node_", "xnode_cpu"]),
    ("日本.*", &["日本", "日本語"], &["日"]),
];

const TABLES: &[&[Case]] = &[ANCHORING, GAPS, REPETITION, FOLDING, CLASSES, ESCAPES, GROUPS];

#[test]
fn expressions_match_as_in_prometheus() {
    let mut cases = 0;
    for &(pattern, yes, no) in TABLES.iter().copied().flatten() {
        let is = Matcher::new(MatchOp::Regex, "l", pattern).unwrap_or_else(|error| panic!("{error}"));
        let is_not = Matcher::new(MatchOp::NotRegex, "l", pattern).unwrap();
        for (text, expected) in yes.iter().map(|text| (text, true)).chain(no.iter().map(|text| (text, false)))
        {
            assert_eq!(is.matches(text), expected, "=~ {pattern:?} on {text:?}");
            assert_eq!(is_not.matches(text), !expected, "!~ {pattern:?} on {text:?}");
            if expected {
                assert!(text.starts_with(is.prefix()), "{pattern:?}");
                assert!(is.set_values().is_none_or(|values| values.contains(text)), "{pattern:?}");
            }
            cases += 1;
        }
    }
    assert!(cases >= 400, "{cases}");
}

#[test]
fn absent_labels_are_empty_values() {
    use MatchOp::{Equal, NotEqual, NotRegex, Regex};
    for (op, value, expected) in [
        (Equal, "", true),
        (Equal, "a", false),
        (NotEqual, "", false),
        (NotEqual, "a", true),
        (Regex, "", true),
        (Regex, ".*", true),
        (Regex, ".+", false),
        (Regex, "a|", true),
        (Regex, "a?", true),
        (Regex, "a", false),
        (Regex, "^$", true),
        (NotRegex, "", false),
        (NotRegex, ".*", false),
        (NotRegex, ".+", true),
        (NotRegex, "a|", false),
        (NotRegex, "a", true),
    ] {
        assert_eq!(Matcher::new(op, "l", value).unwrap().matches_empty(), expected, "{op:?} {value:?}");
    }
}

#[test]
fn what_is_accepted_can_be_walked() {
    let accepted = |op, value: &str| format!("{:?}", Matcher::new(op, "l", value).unwrap().accepted());
    assert_eq!(accepted(MatchOp::Equal, "x"), "One(\"x\")");
    assert_eq!(accepted(MatchOp::NotEqual, ""), "Empty");
    assert_eq!(accepted(MatchOp::Regex, "x"), "One(\"x\")");
    assert_eq!(accepted(MatchOp::Regex, "^$"), "Empty");
    assert_eq!(accepted(MatchOp::NotRegex, "y|x"), "Set([\"x\", \"y\"])");
    assert_eq!(accepted(MatchOp::Regex, ".*"), "All");
    assert_eq!(accepted(MatchOp::Regex, ".+"), "NonEmpty");
    assert_eq!(accepted(MatchOp::Regex, "ab.*|ac"), "Prefixed(\"a\")");
    assert_eq!(accepted(MatchOp::Regex, "a^b"), "Set([])");
}

#[test]
fn a_bomb_is_refused_with_the_limit() {
    let error = Matcher::new(MatchOp::Regex, "l", "(\\pL{100}){10}").unwrap_err();
    assert!(matches!(error, MatcherError::TooLarge { max_bytes, .. } if max_bytes == 10 << 20));
    let error = Matcher::new(MatchOp::Regex, "l", "a(").unwrap_err();
    assert!(error.to_string().contains("missing closing )"), "{error}");
}
