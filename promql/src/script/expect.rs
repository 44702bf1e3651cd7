//! `expect` lines: what an evaluation must do besides giving its result.

use bedrock::labels::{MatchOp, Matcher};

use crate::lex::unquote;
use crate::script::eval::{Eval, Times};
use crate::script::{ScriptError, duration_ms, problem};
use crate::span::Span;

/// How the text of an error or annotation is judged.
#[derive(Clone, Debug)]
pub(super) enum Text {
    /// Any text.
    Any,
    /// Exactly this text.
    Equals(String),
    /// A text in which the expression matches somewhere.
    Matches(Matcher),
}

impl Text {
    pub(super) fn accepts(&self, text: &str) -> bool {
        match self {
            Text::Any => true,
            Text::Equals(expected) => expected == text,
            Text::Matches(matcher) => matcher.matches(text),
        }
    }

    /// The judge of a regular expression that need not match from end to end.
    pub(super) fn regex(expression: &str, line: usize) -> Result<Text, ScriptError> {
        Matcher::new(MatchOp::Regex, "text", &format!(".*(?:{expression}).*"))
            .map(Text::Matches)
            .map_err(|error| problem(line, error))
    }
}

/// What is expected besides the result.
#[derive(Clone, Debug, Default)]
pub(super) struct Expectations {
    pub(super) fail: Option<Text>,
    pub(super) warn: Vec<Text>,
    pub(super) info: Vec<Text>,
    pub(super) no_warn: bool,
    pub(super) no_info: bool,
    pub(super) ordered: bool,
    pub(super) string: Option<String>,
}

/// Reads one line that starts with the word `expect`.
pub(super) fn parse(text: &str, line: usize, eval: &mut Eval) -> Result<(), ScriptError> {
    let text = text.strip_prefix("expect").unwrap_or(text).trim_start();
    if let Some(literal) = text.strip_prefix("string") {
        let literal = literal.trim();
        let quote = literal.chars().next().filter(|quote| matches!(quote, '"' | '`'));
        if literal.len() < 2 || quote.is_none_or(|quote| !literal.ends_with(quote)) {
            return Err(problem(line, "expected a string in double quotes or backquotes"));
        }
        let span = Span::new(0, literal.len() as u32);
        let value = unquote(literal, span).map_err(|fault| problem(line, fault.locate(literal)))?;
        eval.expect.string = Some(value.into_owned());
        return Ok(());
    }
    if let Some(range) = text.strip_prefix("range vector") {
        let words: Vec<&str> = range.split_ascii_whitespace().collect();
        let ["from", start, "to", end, "step", step] = words.as_slice() else {
            return Err(problem(line, "expected: expect range vector from <start> to <end> step <step>"));
        };
        eval.points = Times {
            start_ms: duration_ms(start, line)?,
            end_ms: duration_ms(end, line)?,
            step_ms: duration_ms(step, line)?,
        };
        eval.time_ms = eval.points.end_ms;
        eval.range_vector = true;
        return Ok(());
    }
    parse_judgement(text, line, &mut eval.expect)
}

fn parse_judgement(text: &str, line: usize, expect: &mut Expectations) -> Result<(), ScriptError> {
    let (word, rest) = text.split_once([' ', '\t']).unwrap_or((text, ""));
    let rest = rest.trim();
    let judge = if rest.is_empty() {
        Text::Any
    } else if let Some(message) = rest.strip_prefix("msg:") {
        Text::Equals(message.trim().to_owned())
    } else if let Some(expression) = rest.strip_prefix("regex:") {
        Text::regex(expression.trim(), line)?
    } else {
        return Err(problem(line, format!("expected msg: or regex: after expect {word}, found {rest:?}")));
    };
    match word {
        "ordered" => expect.ordered = true,
        "fail" if expect.fail.is_some() => return Err(problem(line, "expect fail may appear once only")),
        "fail" => expect.fail = Some(judge),
        "warn" => expect.warn.push(judge),
        "info" => expect.info.push(judge),
        "no_warn" => expect.no_warn = true,
        "no_info" => expect.no_info = true,
        _ => {
            return Err(problem(
                line,
                format!("{word:?} is none of fail, ordered, warn, no_warn, info and no_info"),
            ));
        }
    }
    if expect.no_warn && !expect.warn.is_empty() || expect.no_info && !expect.info.is_empty() {
        return Err(problem(line, "an annotation cannot be expected and forbidden at once"));
    }
    Ok(())
}
