//! LogQL: what users type, and what lines may hold.

use bedrock::labels::Labels;
use logstore::logql::ast::{LabelFormat, LabelSource, LogExpr, Stage};
use logstore::logql::{Limits, LineProcessor, parse, parse_log, pretty};

/// A query is refused with a place inside of the text, or it can be printed, and what is read of that stays as it is.
pub fn logql_parse(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    match parse(&text) {
        Err(error) => {
            if let Some(span) = error.span() {
                assert!(span.start <= span.end && span.end <= text.len(), "{error}: {span:?}");
            }
        }
        Ok(expr) => {
            let printed = expr.to_string();
            // Printing is not lossless: sizes are rounded, NaN has no literal, and names of other letters are quoted,
            // which is not read. What is read is printed the same from then on.
            if let Ok(again) = parse(&printed) {
                let printed = again.to_string();
                if let Ok(third) = parse(&printed) {
                    assert_eq!(third.to_string(), printed);
                }
            }
            assert!(!pretty(&expr).is_empty());
        }
    }
}

/// Stages that look at a line in every way there is.
const STAGES: [&str; 12] = [
    "| json",
    "| json x=\"a.b[0]\", y=\"c\"",
    "| logfmt --keep-empty",
    "| logfmt --strict a, b=\"c\"",
    "| unpack",
    "| regexp `(?P<k>\\w+)=(?P<v>[^ ]*)`",
    "| pattern `<a> <_>=<b>`",
    "| decolorize",
    "|= ip(\"10.0.0.0/8\") or ip(\"::1\")",
    "|> `<_>=<_>`",
    "| line_format `{{ __line__ | trunc 5 | upper }}`",
    "| json | logfmt | a > 5 | b < 1s | c == 5KB | d = ip(\"1.2.3.4\")",
];

/// Every parser takes any line, and gives labels that are text.
pub fn logql_line(input: &[u8]) {
    let labels = Labels::from_pairs([("app", "x"), ("a", "taken")]).unwrap_or_default();
    for stages in STAGES {
        let Ok(query) = parse_log(&format!("{{app=\"x\"}} {stages}")) else {
            panic!("{stages} does not parse")
        };
        let mut processor = match LineProcessor::new(&query, &Limits::default()) {
            Ok(processor) => processor,
            Err(error) => panic!("{stages} does not compile: {error}"),
        };
        if let Ok(Some(processed)) = processor.process(&labels, 1, input, &[("m", "1")]) {
            assert!(processed.labels.is_sorted(), "{stages}");
        }
    }
}

/// A template is refused, or it runs within its limits.
pub fn logql_template(input: &[u8]) {
    let source = String::from_utf8_lossy(input).into_owned();
    let label = LabelFormat { target: "t".to_owned(), source: LabelSource::Template(source.clone()) };
    let stages = vec![Stage::LabelFormat(vec![label]), Stage::LineFormat(source)];
    let limits = Limits { template_bytes_max: 4096, template_rounds_max: 100, ..Limits::default() };
    let query = LogExpr { matchers: Vec::new(), stages };
    let Ok(mut processor) = LineProcessor::new(&query, &limits) else { return };
    let labels = Labels::from_pairs([("app", "shop"), ("n", "7")]).unwrap_or_default();
    if let Ok(Some(processed)) = processor.process(&labels, 1_749_549_665_000_000_000, b"the line", &[]) {
        assert!(processed.line.len() <= 4096 + source_len(&query));
    }
}

/// A single label stands for itself, without a template's limit.
fn source_len(query: &LogExpr) -> usize {
    query.to_string().len()
}
