//! `eval instant at <time> <query>` and `eval range from <start> to <end> step <step> <query>`.

use bedrock::labels::Labels;

use crate::ast::Expr;
use crate::lex::number_value;
use crate::parse::{ParseOptions, parse as parse_query};
use crate::script::expect::{self, Expectations, Text};
use crate::script::lines::Lines;
use crate::script::points::{Point, parse_series};
use crate::script::{ScriptError, duration_ms, problem};

/// Times of a range: `start_ms`, `start_ms + step_ms`, ... up to `end_ms`.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Times {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) step_ms: i64,
}

/// One evaluation and what it must give.
#[derive(Clone, Debug)]
pub(super) struct Eval {
    pub(super) line: usize,
    pub(super) query: String,
    pub(super) expr: Expr,
    /// Whether the query is evaluated over `points` rather than at `time_ms`.
    pub(super) is_range: bool,
    /// The time of an instant evaluation.
    pub(super) time_ms: i64,
    /// The times of the points of result lines.
    pub(super) points: Times,
    /// Whether an instant evaluation gives a range vector.
    pub(super) range_vector: bool,
    pub(super) expect: Expectations,
    /// The scalar that must come out.
    pub(super) scalar: Option<f64>,
    /// The series that must come out, in the order of their lines.
    pub(super) series: Vec<(Labels, Vec<Point>)>,
}

pub(super) fn parse(text: &str, line: usize, lines: &mut Lines<'_>) -> Result<Eval, ScriptError> {
    let mut words = Words { text, line };
    let mode = words.word();
    let kind = words.word();
    let mut times = Times::default();
    let is_range = kind == "range";
    match kind {
        "instant" => {
            if words.text.starts_with("at ") || words.text.starts_with("at\t") {
                times.start_ms = words.duration_after("at")?;
            }
            times.end_ms = times.start_ms;
        }
        "range" => {
            times.start_ms = words.duration_after("from")?;
            times.end_ms = words.duration_after("to")?;
            times.step_ms = words.duration_after("step")?;
            if times.end_ms < times.start_ms {
                return Err(problem(line, "the end lies before the start"));
            }
        }
        _ => return Err(problem(line, format!("expected instant or range after eval, found {kind:?}"))),
    }
    let query = words.text;
    let expr = parse_query(query, &ParseOptions::all())
        .map_err(|error| problem(line, format!("{query:?}: {error}")))?;
    let mut eval = Eval {
        line,
        query: query.to_owned(),
        expr,
        is_range,
        time_ms: times.start_ms,
        points: times,
        range_vector: false,
        expect: Expectations::default(),
        scalar: None,
        series: Vec::new(),
    };
    match mode.to_ascii_lowercase().as_str() {
        "eval" => {}
        "eval_fail" => eval.expect.fail = Some(Text::Any),
        "eval_warn" => eval.expect.warn.push(Text::Any),
        "eval_info" => eval.expect.info.push(Text::Any),
        "eval_ordered" => eval.expect.ordered = true,
        _ => return Err(problem(line, format!("unknown command {mode:?}"))),
    }
    parse_lines(&mut eval, lines)?;
    Ok(eval)
}

fn parse_lines(eval: &mut Eval, lines: &mut Lines<'_>) -> Result<(), ScriptError> {
    while let Some((line, text)) = lines.next_line() {
        if let Some(message) = text.strip_prefix("expected_fail_message") {
            eval.expect.fail = Some(Text::Equals(message.trim().to_owned()));
        } else if let Some(expression) = text.strip_prefix("expected_fail_regexp") {
            eval.expect.fail = Some(Text::regex(expression.trim(), line)?);
        } else if text.strip_prefix("expect").is_some_and(|rest| rest.starts_with([' ', '\t'])) {
            expect::parse(text, line, eval)?;
        } else if let Some(number) = scalar(text) {
            eval.scalar = Some(number);
        } else {
            let (labels, points) = parse_series(text, line)?;
            if points.len() != 1 && !eval.is_range && !eval.range_vector {
                return Err(problem(line, "a series of an instant result has exactly one point"));
            }
            eval.series.retain(|(earlier, _)| *earlier != labels);
            eval.series.push((labels, points));
        }
    }
    Ok(())
}

/// A line that is one number.
fn scalar(text: &str) -> Option<f64> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let value = match unsigned.to_ascii_lowercase().as_str() {
        "inf" | "infinity" => f64::INFINITY,
        "nan" => f64::NAN,
        _ if unsigned.starts_with(|c: char| c.is_ascii_digit() || c == '.') => number_value(unsigned)?,
        _ => return None,
    };
    Some(if text.starts_with('-') { -value } else { value })
}

/// The words of a command line.
struct Words<'a> {
    text: &'a str,
    line: usize,
}

impl<'a> Words<'a> {
    fn word(&mut self) -> &'a str {
        let (word, rest) = self.text.split_once([' ', '\t']).unwrap_or((self.text, ""));
        self.text = rest.trim_start();
        word
    }

    fn duration_after(&mut self, keyword: &str) -> Result<i64, ScriptError> {
        let found = self.word();
        if found != keyword {
            return Err(problem(self.line, format!("expected {keyword:?}, found {found:?}")));
        }
        duration_ms(self.word(), self.line)
    }
}
