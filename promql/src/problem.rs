//! What can be wrong with a query, as facts, and how it is told.

use std::fmt;

use bedrock::labels::MatcherError;

use crate::ast::ValueType;
use crate::duration::DurationProblem;
use crate::span::{LineColumn, Span};

/// Why a text is no query: what is wrong, where, and where possible what would be right.
///
/// [`fmt::Display`] gives one line; [`ParseError::render`] shows the place in the query.
#[derive(Clone, Debug, PartialEq)]
pub struct ParseError {
    /// What is wrong.
    pub problem: Box<ParseProblem>,
    /// The bytes of the query that are wrong.
    pub span: Span,
    /// Where the span starts, for people.
    pub place: LineColumn,
    /// What the author may have meant.
    pub help: Option<Box<str>>,
}

impl std::error::Error for ParseError {}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: parse error: {}", self.place, self.problem)?;
        match &self.help {
            Some(help) => write!(f, "; {help}"),
            None => Ok(()),
        }
    }
}

impl ParseError {
    /// The error with the line of the query that it is in and the place underlined.
    ///
    /// ```
    /// let query = "sum(rat(up[5m]))";
    /// let error = promql::parse(query, &promql::ParseOptions::default()).unwrap_err();
    /// let shown = [
    ///     "1:5: parse error: unknown function \"rat\"; did you mean \"rate\"?",
    ///     "  sum(rat(up[5m]))",
    ///     "      ^^^",
    /// ];
    /// assert_eq!(error.render(query), shown.join("\n"));
    /// ```
    pub fn render(&self, query: &str) -> String {
        let line = query.split('\n').nth(self.place.line - 1).unwrap_or("").trim_end_matches('\r');
        let before = line.get(..self.place.column - 1).unwrap_or(line);
        let width = self.span.text(query).split('\n').next().map_or(0, |text| text.chars().count());
        // Tabs stay tabs, so that the mark stands below its text in any terminal.
        let indent: String = before.chars().map(|c| if c == '\t' { '\t' } else { ' ' }).collect();
        format!("{self}\n  {line}\n  {indent}{}", "^".repeat(width.max(1)))
    }
}

/// The ways in which a query can be wrong.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseProblem {
    /// The query has no expression.
    #[error("no expression found in input")]
    Empty,
    /// A token stands where none of its kind can stand.
    #[error("unexpected {found} in {context}, expected {expected}")]
    Unexpected {
        /// The token.
        found: String,
        /// What was being read.
        context: &'static str,
        /// What could stand there.
        expected: &'static str,
    },
    /// A character that belongs to no token.
    #[error("unexpected character {found:?}")]
    Character {
        /// The character.
        found: char,
    },
    /// A quote without its end.
    #[error("unterminated quoted string")]
    UnterminatedString,
    /// A backslash that starts no escape sequence, or one that gives no character.
    #[error("{sequence:?} is no valid escape sequence")]
    Escape {
        /// The escape sequence.
        sequence: String,
    },
    /// Digits that are neither a number nor a duration.
    #[error("bad number or duration syntax: {text:?}")]
    Number {
        /// What was written.
        text: String,
    },
    /// A duration expression that can be seen to have no value.
    #[error("{0}")]
    Duration(DurationProblem),
    /// `@` with a time that milliseconds cannot hold.
    #[error("timestamp out of bounds for @ modifier: {seconds}")]
    Timestamp {
        /// What was written, in seconds.
        seconds: f64,
    },
    /// No function has that name.
    #[error("unknown function {name:?}")]
    UnknownFunction {
        /// The name.
        name: String,
    },
    /// A part of the language that the options leave out.
    #[error("{what} is experimental and not enabled")]
    Disabled {
        /// The part.
        what: String,
    },
    /// An expression of another type is needed.
    #[error("expected type {} in {context}, got {}", expected.as_str(), found.as_str())]
    Type {
        /// The type that is needed.
        expected: ValueType,
        /// The type that is there.
        found: ValueType,
        /// Where it is needed.
        context: String,
    },
    /// Too few or too many arguments.
    #[error("expected {} argument(s) in call to {name:?}, got {found}", arity(*min, *max))]
    Arity {
        /// Function or aggregation.
        name: &'static str,
        /// Fewest arguments.
        min: usize,
        /// Most arguments; `None` is any number.
        max: Option<usize>,
        /// Arguments given.
        found: usize,
    },
    /// One name in braces and one before them.
    #[error("metric name must not be set twice: {first:?} or {second:?}")]
    NameTwice {
        /// The name before the braces.
        first: String,
        /// The value of the matcher.
        second: String,
    },
    /// One label both matches and is copied.
    #[error("label {label:?} must not occur in ON and GROUP clause at once")]
    OnAndGroup {
        /// The label.
        label: String,
    },
    /// A name that no label can have.
    #[error("invalid label name {name:?}")]
    LabelName {
        /// The name.
        name: String,
    },
    /// A matcher that cannot be made.
    #[error("{0}")]
    Matcher(MatcherError),
    /// A rule of the language that needs no further facts.
    #[error("{rule}")]
    Rule {
        /// The rule.
        rule: &'static str,
    },
    /// A limit of [`ParseOptions`](crate::ParseOptions).
    #[error("{what} is limited to {max}")]
    Limit {
        /// What is limited, with its unit.
        what: &'static str,
        /// The limit in force.
        max: usize,
    },
}

fn arity(min: usize, max: Option<usize>) -> String {
    match max {
        Some(max) if max == min => min.to_string(),
        Some(max) => format!("{min} to {max}"),
        None => format!("at least {min}"),
    }
}

/// A problem on its way up through the parser: its place is looked up once at the end.
#[derive(Debug)]
pub(crate) struct Fault {
    problem: Box<ParseProblem>,
    span: Span,
    help: Option<Box<str>>,
}

/// The result of everything inside the parser.
pub(crate) type Parsed<T> = std::result::Result<T, Fault>;

impl Fault {
    pub(crate) fn new(span: Span, problem: ParseProblem) -> Self {
        Fault { problem: Box::new(problem), span, help: None }
    }

    pub(crate) fn rule(span: Span, rule: &'static str) -> Self {
        Fault::new(span, ParseProblem::Rule { rule })
    }

    pub(crate) fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into().into_boxed_str());
        self
    }

    pub(crate) fn locate(self, query: &str) -> ParseError {
        ParseError {
            place: self.span.line_column(query),
            problem: self.problem,
            span: self.span,
            help: self.help,
        }
    }
}
