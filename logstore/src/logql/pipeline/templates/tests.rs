//! Whatever the lines are: what a reading drops the pipeline drops, and a short line means what the whole one means.

use bedrock::labels::Labels;
use proptest::prelude::*;

use crate::LineBuffer;
use crate::logql::ast::{Expr, MetricExpr};
use crate::logql::extract::Extractor;
use crate::logql::label_sets::LabelSets;
use crate::logql::limits::Limits;
use crate::logql::parse;
use crate::logql::pipeline::Pipeline;
use crate::rows::RowSet;
use crate::template::{TemplatePage, write_page};

/// Lines as services print them: `N` is a bare value, `Q` what stands in quotes.
const STATEMENTS: [&str; 16] = [
    r#"{"level":"Q","n":N,"msg":"Q"}"#,
    r#"{"n":N,"http":{"status":N,"path":"Q","deep":{"a":"Q"}},"level":"Q"}"#,
    r#" { "level" : "Q", "n": N , "list":[1,"Q",N,{"level":"x"}] }"#,
    r#"{"level":"Q","level":"Q","n":N,"n":N}"#,
    r#"{"a":{"b":N},"a_b":N,"level":null,"n":"Q"}"#,
    r#"{"Q" : N,"level":"Q","n":1}"#,
    r#"{"level":"Q","n":N} behind N"#,
    r#"{"level":"Q","n":N,}"#,
    r#"{"level":"Q","n":N"#,
    r#"{"le vel":"Q","le.vel":N,"level":"Q","":N}"#,
    r#"ts=N level=N n=N msg="Q""#,
    r#"level="Q" n=N flag N size=NB duration=Nms"#,
    r#"level=Q n="Q"more=N x= n=N"#,
    r#"level==N n=N "Q" level=N"#,
    r#"level=N, n=[N] (a_b=N) wordN=N"#,
    r#"N "Q" [N] GET N"#,
];

const BARE: [&str; 14] =
    ["1", "0", "500", "-3", "1.5", "2e3", "007", "true", "null", "abc1", "u77", "1.5s", "10KB", "-"];
const QUOTED: [&str; 14] = [
    "info", "error", "", "null", "5", "600", "1.5s", "a b=c", r#"q\"d"#, r"back\\", r"\u00e9", r"\q", "Ünï",
    "\u{fffd}",
];

const QUERIES: [&str; 16] = [
    r#"sum by (level) (count_over_time({a="b"} | json [1m]))"#,
    r#"sum by (level) (count_over_time({a="b"} | json level [1m]))"#,
    r#"sum by (x) (count_over_time({a="b"} | json x="http.status", y="list[1]" [1m]))"#,
    r#"sum by (a_b, level) (count_over_time({a="b"} | json | n > 1 [1m]))"#,
    r#"avg_over_time({a="b"} | json | unwrap n [1m]) by (level)"#,
    r#"avg_over_time({a="b"} | json | http_status >= 500 | unwrap http_status [1m])"#,
    r#"sum by (level) (count_over_time({a="b"} | json | __error__ = "" [1m]))"#,
    r#"sum by (level) (count_over_time({a="b"} | logfmt [1m]))"#,
    r#"sum by (x) (count_over_time({a="b"} | logfmt x="level", n [1m]))"#,
    r#"max_over_time({a="b"} | logfmt | unwrap duration(duration) [1m]) by (level)"#,
    r#"sum by (level) (count_over_time({a="b"} | logfmt --keep-empty | n != "" [1m]))"#,
    r#"sum by (level) (bytes_over_time({a="b"} | logfmt | size > 5B [1m]))"#,
    r#"{a="b"} | json | level = "error" | n < 5"#,
    r#"{a="b"} | logfmt | level =~ "e.*|i.*" and n >= 1 | drop n"#,
    r#"{a="b"} |= "e" | json | missing != "x""#,
    r#"{a="b"} | json | missing > 5"#,
];

/// What stands behind the digits of a bare value that no other line has.
const BEHIND_DIGITS: [&str; 6] = ["", ".5", ".25", "e3", ".0", "KB"];

fn lines() -> impl Strategy<Value = Vec<String>> {
    let statements = prop::collection::vec(prop::sample::select(STATEMENTS.to_vec()), 1..4);
    let values = prop::collection::vec((any::<u16>(), any::<[u8; 10]>()), 200..260);
    let kinds = (1usize..BARE.len(), prop::option::of(1..=BEHIND_DIGITS.len()));
    // Few values make columns of one kind; all of them make columns of text. Numbers of many kinds make columns of words.
    (statements, values, kinds).prop_map(|(statements, values, (distinct, numbers))| {
        let line = |(row, (statement, picks)): (usize, (u16, [u8; 10]))| {
            let statement = statements[usize::from(statement) % statements.len()];
            let mut picks = picks.iter().cycle().map(|&pick| usize::from(pick));
            let mut text = String::new();
            for c in statement.chars() {
                let pick = picks.next().unwrap_or(0);
                match (c, numbers) {
                    ('N', Some(kinds)) => {
                        let sign = if pick % 5 == 4 { "-" } else { "" };
                        text.push_str(&format!("{sign}{}{}", row * 7, BEHIND_DIGITS[pick % kinds]));
                    }
                    ('N', None) => text.push_str(BARE[pick % distinct]),
                    ('Q', _) => text.push_str(QUOTED[pick % distinct]),
                    (c, _) => text.push(c),
                }
            }
            text
        };
        values.into_iter().enumerate().map(line).collect()
    })
}

/// The labels and the value that come of a line; none where it is dropped.
fn outcome(runner: &mut Runner, stream: &Labels, line: &[u8]) -> Option<String> {
    match runner {
        Runner::Lines(pipeline) => {
            pipeline.labels_mut().start_stream(stream);
            let kept = pipeline.run(0, line, &[]).unwrap();
            let mut text = String::new();
            pipeline.labels().for_each(|_, name, value| text.push_str(&format!("{name}={value:?} ")));
            kept.then_some(text)
        }
        Runner::Samples(extractor) => {
            extractor.start_stream(stream);
            let value = extractor.sample(0, line, line.len() as u32, &[]).unwrap()?;
            let mut sets = LabelSets::default();
            let group = extractor.group(&mut sets);
            Some(format!("{value} {}", sets.get(group)))
        }
    }
}

enum Runner {
    Lines(Pipeline),
    Samples(Extractor),
}

/// What runs the lines of a query, and what it says of templates.
fn runners(query: &str) -> (Runner, Option<super::PipelineTemplates>) {
    let limits = Limits::default();
    match parse(query).unwrap() {
        Expr::Log(log) => {
            let new = || Pipeline::for_lines(&log.stages, &limits).unwrap();
            (Runner::Lines(new()), new().into_templates(false))
        }
        Expr::Metric(metric) => {
            let new = |metric: &MetricExpr| Extractor::of_query(metric, &limits).unwrap().unwrap();
            (Runner::Samples(new(&metric)), new(&metric).into_templates())
        }
    }
}

/// Checks every row of a page; says how many were dropped and how many were shorter.
fn check(query: &str, lines: &[&[u8]], stream: &Labels) -> Result<(usize, usize), TestCaseError> {
    use crate::templates::TemplateQuery;
    let times = vec![0; lines.len()];
    let (mut runner, templates) = runners(query);
    let (Some(page), Some(templates)) = (write_page(lines, &times), templates) else { return Ok((0, 0)) };
    let page = TemplatePage::open(page.into(), lines.len()).unwrap();
    let readings = page.read(&templates).unwrap();
    let mut wanted = RowSet::all(lines.len());
    if !stream.iter().any(|(name, _)| templates.is_about(name)) {
        page.narrow(&templates, &readings, &times, &mut wanted).unwrap();
    }
    let mut built = LineBuffer::new();
    page.lines_read(&times, None, &readings, &mut built).unwrap();
    let mut shorter = 0;
    for (row, (line, built)) in lines.iter().zip(built.iter()).enumerate() {
        let whole = outcome(&mut runner, stream, line);
        let shown = String::from_utf8_lossy(line);
        prop_assert!(wanted.contains(row) || whole.is_none(), "{query} dropped {shown}: {whole:?}");
        let short = outcome(&mut runner, stream, built);
        prop_assert_eq!(&whole, &short, "{} over {} and {}", query, shown, String::from_utf8_lossy(built));
        shorter += usize::from(built.len() < line.len());
    }
    Ok((lines.len() - wanted.len(), shorter))
}

proptest! {
    #![proptest_config(testkit::rounds::cases(64))]

    #[test]
    fn readings_change_no_answer(lines in lines()) {
        let lines: Vec<&[u8]> = lines.iter().map(String::as_bytes).collect();
        for query in QUERIES {
            for stream in [
                Labels::from_pairs([("a", "b")]).unwrap(),
                Labels::from_pairs([("a", "b"), ("level", "taken"), ("n", "7")]).unwrap(),
            ] {
                check(query, &lines, &stream)?;
            }
        }
    }
}

#[test]
fn readings_are_of_use() {
    let stream = Labels::from_pairs([("a", "b")]).unwrap();
    let json: Vec<String> = (0..200)
        .map(|i| {
            let (level, status) = (["info", "error"][i % 2], 200 + i % 4 * 100);
            format!(r#"{{"level":"{level}","http":{{"status":{status}}},"n":{i},"msg":"order {i} paid"}}"#)
        })
        .collect();
    let json: Vec<&[u8]> = json.iter().map(String::as_bytes).collect();
    let logfmt: Vec<String> =
        (0..200).map(|i| format!("level=info n={i} took={i}ms msg=\"order {i} paid\"")).collect();
    let logfmt: Vec<&[u8]> = logfmt.iter().map(String::as_bytes).collect();
    let counts = |query: &str, lines: &[&[u8]]| check(query, lines, &stream).unwrap();
    assert_eq!(counts(r#"{a="b"} | json | http_status >= 500"#, &json), (150, 0));
    assert_eq!(counts(r#"sum by (level) (count_over_time({a="b"} | json [1m]))"#, &json), (0, 200));
    assert_eq!(
        counts(r#"sum by (x) (count_over_time({a="b"} | json x="http.status" [1m]))"#, &json),
        (0, 200)
    );
    assert_eq!(counts(r#"{a="b"} | json | missing = "x""#, &json), (200, 0));
    assert_eq!(
        counts(r#"avg_over_time({a="b"} | logfmt | unwrap duration(took) [1m]) by (level)"#, &logfmt),
        (0, 200)
    );
    assert_eq!(counts(r#"{a="b"} | logfmt | took > 100ms | n < 150"#, &logfmt), (151, 0));
    let mixed: Vec<String> = (0..600)
        .map(|i| {
            let took = [format!("{i}"), format!("-{i}.5"), format!("{i}.25"), format!("{i}e-7")];
            format!(r#"{{"level":"info","took":{},"n":{i}}}"#, took[i % 4])
        })
        .collect();
    let mixed: Vec<&[u8]> = mixed.iter().map(String::as_bytes).collect();
    assert_eq!(counts(r#"{a="b"} | json | took >= 300"#, &mixed), (450, 0), "numbers of many forms");
}
