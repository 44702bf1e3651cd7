use bedrock::labels::Labels;

use super::*;

fn run(source: &str) -> String {
    let template = match Template::compile(source, &Limits::default()) {
        Ok(template) => template,
        Err(error) => return format!("refused: {error}"),
    };
    let mut labels = LineLabels::new(1 << 20);
    labels.start_stream(&Labels::from_pairs([("app", "shop"), ("n", "7")]).unwrap());
    labels.start_line(&[]);
    let mut out = String::new();
    match template.run(&label_map(&labels), b"the line", 1_749_549_665_000_000_000, &mut out) {
        Ok(()) => out,
        Err(error) => format!("failed: {error}"),
    }
}

#[test]
fn labels_lines_and_times() {
    for (source, expected) in [
        ("{{.app}}-{{.nope}}-{{index . \"nope\"}}", "shop--"),
        ("{{ __line__ | upper }}", "THE LINE"),
        ("{{ __timestamp__ }}", "2025-06-10 10:01:05 +0000 UTC"),
        ("{{ (__timestamp__).Format \"15:04\" }} {{ __timestamp__.UTC.YearDay }}", "10:01 161"),
        ("{{ (__timestamp__.Truncate 60000000000).Unix }}", "1749549660"),
        ("{{ addf 0.1 0.2 }} {{ divf 1 3 }} {{ add 1 \"2\" .n }}", "0.3 0.3333333333333333 10"),
        ("{{ range $k, $v := . }}{{$k}}={{$v}};{{ end }}", "app=shop;n=7;"),
        ("{{ (fromJson `{\"a\":[1,2]}`).a }}", "[1 2]"),
        ("{{ b64enc .app }} {{ b64dec \"c2hvcA\" }}", "c2hvcA== shop"),
        ("{{ trunc 2 \"éé\" }} {{ slice \"é\" 1 }}", "é \u{10fea9}"),
        (" ", " "),
        ("", ""),
    ] {
        assert_eq!(run(source), expected, "{source}");
    }
}

#[test]
fn what_is_wrong_is_an_error() {
    assert!(run("{{ nope }}").starts_with("refused") && run("{{").starts_with("refused"));
    for source in
        ["{{ div 1 0 }}", "{{ lower 5 }}", "{{ substr 9 10 .app }}", "{{ .app.x }}", "{{ repeat -1 .app }}"]
    {
        assert!(run(source).starts_with("failed"), "{source}");
    }
}

#[test]
fn loops_and_output_are_bounded() {
    assert!(run("{{ range 20000 }}x{{ end }}").starts_with("failed"));
    assert!(run("{{ repeat 1000000000 \"x\" }}").starts_with("failed"));
    let doubling = "{{ $s := \"x\" }}{{ range 60 }}{{ $s = printf \"%s%s\" $s $s }}{{ end }}";
    assert!(run(doubling).starts_with("failed"));
    assert!(run(&format!("{{{{ {} .app }}}}", "html (".repeat(3))).starts_with("refused"));
    assert!(run(&format!("{{{{ {} }}}}", ".a".repeat(10_000))).starts_with("refused"));
    assert!(run("{{ range 5000 }}{{ printf \"%1000s\" .app }}{{ end }}").starts_with("failed"));
    assert!(
        run("{{ define \"a\" }}{{ template \"a\" . }}{{ end }}{{ template \"a\" . }}").starts_with("failed")
    );
}
