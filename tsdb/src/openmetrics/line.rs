//! One line of text.
//!
//! `name{label="value",...} value [timestamp] [# {label="value",...} value [timestamp]]`, where the name may stand inside
//! the braces in quotes (`{"a.name",label="value"}`), as names outside of `[a-zA-Z0-9_:]` have to. What stands behind
//! the second `#` is an exemplar. A line that begins with `#` says what a family is: `# TYPE name kind`,
//! `# HELP name text`, `# UNIT name unit`, or is a comment.

use bedrock::labels::{Labels, METRIC_NAME};

use super::{Dialect, number};
use crate::exemplar::Exemplar;
use crate::metadata::MetricKind;

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Problem {
    /// Something else stands where this is due.
    #[error("expected {expected}")]
    Expected {
        /// What is due.
        expected: &'static str,
    },
    /// The line is not UTF-8.
    #[error("not UTF-8")]
    Utf8,
    /// A label occurs twice, or has no name.
    #[error("{0}")]
    Labels(bedrock::labels::LabelError),
    /// The text is no value.
    #[error("{text:?} is no value")]
    Value {
        /// The text.
        text: String,
    },
    /// The text is no timestamp.
    #[error("{text:?} is no timestamp")]
    Timestamp {
        /// The text.
        text: String,
    },
    /// The sample has no timestamp and the import gives none.
    #[error("the sample has no timestamp")]
    NoTimestamp,
    /// The line is longer than the limit.
    #[error("the line has more than {max} bytes")]
    TooLong {
        /// The limit in bytes.
        max: usize,
    },
}

/// Where a line is wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineError {
    /// Bytes from the start of the line to the place, from 0.
    pub column: usize,
    /// What is wrong there.
    pub problem: Problem,
}

impl LineError {
    fn expected(column: usize, expected: &'static str) -> Self {
        LineError { column, problem: Problem::Expected { expected } }
    }
}

/// What a line says behind the series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Sample {
    pub(super) value: f64,
    pub(super) time_ms: Option<i64>,
    /// Where the exemplar begins, behind its `#`.
    pub(super) exemplar: Option<usize>,
}

/// What a comment says of a metric family.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Word {
    Kind(MetricKind),
    Help(String),
    Unit(String),
}

/// Parses a line that begins with `#`: the family and what is said of it, `None` for any other comment.
pub(super) fn comment(line: &[u8]) -> Option<(&str, Word)> {
    let text = std::str::from_utf8(line).ok()?.strip_prefix('#')?.trim_matches([' ', '\t', '\r']);
    let (word, rest) = text.split_once([' ', '\t'])?;
    let rest = rest.trim_start_matches([' ', '\t']);
    let (family, said) = rest.split_once([' ', '\t']).unwrap_or((rest, ""));
    let family = family.trim_matches('"');
    let said = said.trim_start_matches([' ', '\t']);
    match word {
        "TYPE" => Some((family, Word::Kind(MetricKind::of_text(said)?))),
        "HELP" => Some((family, Word::Help(unescaped(said)))),
        "UNIT" => Some((family, Word::Unit(said.to_owned()))),
        _ => None,
    }
}

fn unescaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text.chars();
    while let Some(c) = rest.next() {
        match (c, rest.clone().next()) {
            ('\\', Some('n')) => out.push('\n'),
            ('\\', Some(escaped @ ('\\' | '"'))) => out.push(escaped),
            _ => {
                out.push(c);
                continue;
            }
        }
        rest.next();
    }
    out
}

/// Parses an exemplar that begins at `column`. Without a timestamp it is as old as its sample, of `time_ms`.
pub(super) fn exemplar(
    line: &[u8],
    column: usize,
    time_ms: i64,
    dialect: Dialect,
) -> Result<Exemplar, LineError> {
    let text = std::str::from_utf8(line)
        .map_err(|error| LineError { column: error.valid_up_to(), problem: Problem::Utf8 })?;
    let mut cursor = Cursor { text, at: column };
    cursor.spaces();
    let start = cursor.at;
    if !cursor.take('{') {
        return Err(LineError::expected(start, "the labels of an exemplar"));
    }
    let mut pairs = Vec::new();
    cursor.labels(&mut pairs)?;
    let labels = Labels::from_pairs(pairs.iter().map(|(name, value)| (name, value)));
    let labels = labels.map_err(|error| LineError { column: start, problem: Problem::Labels(error) })?;
    let Sample { value, time_ms: own, exemplar } = sample(line, cursor.at, dialect)?;
    if let Some(column) = exemplar {
        return Err(LineError::expected(column.saturating_sub(1), "the end of the line"));
    }
    Ok(Exemplar { labels, value, timestamp_ms: own.unwrap_or(time_ms) })
}

/// Parses the series at the front of a line: its labels and the length of its text.
pub(super) fn series(line: &[u8]) -> Result<(Labels, usize), LineError> {
    let text = std::str::from_utf8(line)
        .map_err(|error| LineError { column: error.valid_up_to(), problem: Problem::Utf8 })?;
    let mut cursor = Cursor { text, at: 0 };
    let mut pairs: Vec<(String, String)> = Vec::new();
    let name = cursor.bare_name();
    if !name.is_empty() {
        pairs.push((METRIC_NAME.to_owned(), name.to_owned()));
    }
    let mut end = cursor.at;
    cursor.spaces();
    if cursor.take('{') {
        cursor.labels(&mut pairs)?;
        end = cursor.at;
    }
    if pairs.iter().all(|(name, _)| name != METRIC_NAME) {
        return Err(LineError::expected(0, "the name of a metric"));
    }
    let labels = Labels::from_pairs(pairs.iter().map(|(name, value)| (name, value)));
    let labels = labels.map_err(|error| LineError { column: 0, problem: Problem::Labels(error) })?;
    Ok((labels, end))
}

/// Parses what follows the series, which is `column` bytes long.
pub(super) fn sample(line: &[u8], column: usize, dialect: Dialect) -> Result<Sample, LineError> {
    let mut rest = Fields { line, at: column };
    let (at, text) = rest.next().ok_or(LineError::expected(line.len(), "a value"))?;
    let owned = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let value = number::value(text)
        .ok_or_else(|| LineError { column: at, problem: Problem::Value { text: owned(text) } })?;
    let mut time_ms = None;
    let mut next = rest.next();
    if let Some((at, text)) = next
        && text != b"#"
    {
        let parsed = number::timestamp_ms(text, dialect);
        let problem = || LineError { column: at, problem: Problem::Timestamp { text: owned(text) } };
        time_ms = Some(parsed.ok_or_else(problem)?);
        next = rest.next();
    }
    match next {
        None => Ok(Sample { value, time_ms, exemplar: None }),
        Some((at, b"#")) => Ok(Sample { value, time_ms, exemplar: Some(at + 1) }),
        Some((at, _)) => Err(LineError::expected(at, "the end of the line")),
    }
}

/// The fields of a line between blanks.
struct Fields<'a> {
    line: &'a [u8],
    at: usize,
}

impl<'a> Iterator for Fields<'a> {
    type Item = (usize, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        let rest = self.line.get(self.at..)?;
        let start = rest.iter().position(|byte| !is_blank(*byte))?;
        let field = rest.get(start..)?;
        let length = field.iter().position(|byte| is_blank(*byte)).unwrap_or(field.len());
        let at = self.at + start;
        self.at = at + length;
        Some((at, field.get(..length)?))
    }
}

fn is_blank(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'\r')
}

struct Cursor<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Cursor<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or("")
    }

    fn spaces(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start_matches([' ', '\t']).len();
    }

    fn take(&mut self, wanted: char) -> bool {
        let found = self.rest().starts_with(wanted);
        if found {
            self.at += wanted.len_utf8();
        }
        found
    }

    fn bare_name(&mut self) -> &'a str {
        let rest = self.rest();
        let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || c == ':';
        let length = rest.find(|c| !legal(c)).unwrap_or(rest.len());
        let name = rest.get(..length).unwrap_or("");
        if name.starts_with(|c: char| c.is_ascii_digit()) {
            return "";
        }
        self.at += length;
        name
    }

    /// The labels behind `{`, up to and with `}`.
    fn labels(&mut self, pairs: &mut Vec<(String, String)>) -> Result<(), LineError> {
        loop {
            self.spaces();
            if self.take('}') {
                return Ok(());
            }
            let quoted = self.rest().starts_with('"');
            let name = if quoted { self.quoted()? } else { self.bare_name().to_owned() };
            if name.is_empty() && !quoted {
                return Err(LineError::expected(self.at, "the name of a label, or }"));
            }
            self.spaces();
            if self.take('=') {
                self.spaces();
                let value = self.quoted()?;
                pairs.push((name, value));
            } else if quoted {
                pairs.push((METRIC_NAME.to_owned(), name));
            } else {
                return Err(LineError::expected(self.at, "="));
            }
            self.spaces();
            if !self.take(',') && !self.rest().starts_with('}') {
                return Err(LineError::expected(self.at, ", or }"));
            }
        }
    }

    /// A text in quotes, with `\\`, `\"` and `\n` inside.
    fn quoted(&mut self) -> Result<String, LineError> {
        if !self.take('"') {
            return Err(LineError::expected(self.at, "a text in double quotes"));
        }
        let mut text = String::new();
        loop {
            let rest = self.rest();
            let Some(length) = rest.find(['"', '\\']) else {
                return Err(LineError::expected(self.text.len(), "closing quotes"));
            };
            let (plain, special) = rest.split_at(length);
            text.push_str(plain);
            self.at += length + 1;
            if special.starts_with('"') {
                return Ok(text);
            }
            let escaped = self.rest().chars().next();
            match escaped {
                Some('n') => text.push('\n'),
                Some(other @ ('"' | '\\')) => text.push(other),
                // An unknown escape stands for itself, as in the reference.
                Some(other) => text.extend(['\\', other]),
                None => return Err(LineError::expected(self.text.len(), "closing quotes")),
            }
            self.at += escaped.map_or(0, char::len_utf8);
        }
    }
}
