//! Values of templates: what Go's functions take and give, on the values that `gotmpl` has.
//!
//! A time has no type of its own there. It travels as a text between two marks that no sane line holds, which methods
//! and functions know, and which turn into Go's default form when a template is done.

use gotmpl::{TemplateError, Value};

use crate::logql::number;
use crate::logql::template::time::Moment;

/// Starts a time inside of a text.
pub(super) const TIME_MARK: char = '\u{fdd0}';
/// Ends it.
const TIME_END: char = '\u{fdd1}';

/// An error of a function.
pub(super) fn error<T>(problem: impl Into<String>) -> gotmpl::Result<T> {
    Err(TemplateError::Exec(problem.into()))
}

pub(super) fn of_time(moment: &Moment) -> Value {
    let Moment { seconds, nanos, offset_seconds, zone } = moment;
    Value::String(format!("{TIME_MARK}{seconds}/{nanos}/{offset_seconds}/{zone}{TIME_END}").into())
}

/// The time that a value is.
pub(super) fn as_time(value: &Value) -> Option<Moment> {
    let text = value.as_str()?.strip_prefix(TIME_MARK)?.strip_suffix(TIME_END)?;
    parse_time(text)
}

fn parse_time(text: &str) -> Option<Moment> {
    let mut parts = text.splitn(4, '/');
    let mut part = || parts.next();
    Some(Moment {
        seconds: part()?.parse().ok()?,
        nanos: part()?.parse().ok()?,
        offset_seconds: part()?.parse().ok()?,
        zone: part()?.to_owned(),
    })
}

/// Writes every time inside of a text as Go does.
pub(super) fn show_times(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(TIME_MARK) {
        out.push_str(&rest[..at]);
        rest = &rest[at..];
        let inner = rest.strip_prefix(TIME_MARK).and_then(|inner| inner.split_once(TIME_END));
        match inner.and_then(|(time, after)| Some((parse_time(time)?, after))) {
            Some((moment, after)) => {
                out.push_str(&moment.to_string());
                rest = after;
            }
            None => {
                out.push(TIME_MARK);
                rest = &rest[TIME_MARK.len_utf8()..];
            }
        }
    }
    out.push_str(rest);
    out
}

/// A value as Go's `%v` writes it.
pub(super) fn show(value: &Value) -> String {
    let mut out = String::new();
    write_value(value, &mut out);
    out
}

fn write_value(value: &Value, out: &mut String) {
    match value {
        Value::Nil => out.push_str("<nil>"),
        Value::Float(number) => out.push_str(&number::format_float(*number)),
        Value::String(text) => out.push_str(text),
        Value::List(items) => {
            out.push('[');
            for (i, item) in items.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { " " });
                write_value(item, out);
            }
            out.push(']');
        }
        Value::Map(map) => {
            out.push_str("map[");
            for (i, (key, item)) in map.iter().enumerate() {
                out.push_str(if i == 0 { "" } else { " " });
                out.push_str(key);
                out.push(':');
                write_value(item, out);
            }
            out.push(']');
        }
        other => out.push_str(&other.to_string()),
    }
}

/// Values one after the other, with a blank between two of which neither is a text, as Go's `Sprint`.
pub(super) fn show_all(values: &[Value]) -> String {
    let is_text = |value: &Value| matches!(value, Value::String(_)) && as_time(value).is_none();
    let mut out = String::new();
    for (i, value) in values.iter().enumerate() {
        if i > 0 && !is_text(&values[i - 1]) && !is_text(value) {
            out.push(' ');
        }
        write_value(value, &mut out);
    }
    out
}

/// The arguments of a function, with Go's checks of their number and types.
pub(super) struct Args<'a> {
    name: &'static str,
    values: &'a [Value],
}

impl<'a> Args<'a> {
    /// Checks that the number of arguments is one of these.
    pub(super) fn new(
        name: &'static str,
        values: &'a [Value],
        count: std::ops::RangeInclusive<usize>,
    ) -> gotmpl::Result<Self> {
        if count.contains(&values.len()) {
            return Ok(Args { name, values });
        }
        error(format!("wrong number of args for {name}: want {} got {}", count.start(), values.len()))
    }

    pub(super) fn value(&self, index: usize) -> &'a Value {
        self.values.get(index).unwrap_or(&Value::Nil)
    }

    pub(super) fn values(&self) -> &'a [Value] {
        self.values
    }

    fn wrong_type<T>(&self, index: usize, expected: &str) -> gotmpl::Result<T> {
        let found = self.value(index).type_name();
        error(format!("{}: wrong type for value; expected {expected}; got {found}", self.name))
    }

    pub(super) fn text(&self, index: usize) -> gotmpl::Result<&'a str> {
        match self.value(index) {
            value @ Value::String(text) if as_time(value).is_none() => Ok(text),
            _ => self.wrong_type(index, "string"),
        }
    }

    pub(super) fn int(&self, index: usize) -> gotmpl::Result<i64> {
        match self.value(index) {
            Value::Int(number) => Ok(*number),
            _ => self.wrong_type(index, "int"),
        }
    }

    pub(super) fn time(&self, index: usize) -> gotmpl::Result<Moment> {
        match as_time(self.value(index)) {
            Some(moment) => Ok(moment),
            None => self.wrong_type(index, "time.Time"),
        }
    }
}

/// A value as a whole number, as the `cast` package reads it: 0 where it is none.
pub(super) fn to_int(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        Value::Uint(number) => *number as i64,
        Value::Float(number) => *number as i64,
        Value::Bool(truth) => i64::from(*truth),
        Value::String(text) => text_to_int(text).unwrap_or(0),
        _ => 0,
    }
}

/// Go's `ParseInt` with base 0, after `.0` at the end is cut off.
fn text_to_int(text: &str) -> Option<i64> {
    let text = match text.split_once('.') {
        Some((whole, zeros)) if !zeros.is_empty() && zeros.bytes().all(|b| b == b'0') => whole,
        _ => text,
    };
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text.strip_prefix('+').unwrap_or(text)),
    };
    let lower = digits.to_ascii_lowercase();
    let (digits, radix) = if let Some(hex) = lower.strip_prefix("0x") {
        (hex, 16)
    } else if let Some(binary) = lower.strip_prefix("0b") {
        (binary, 2)
    } else if let Some(octal) = lower.strip_prefix("0o") {
        (octal, 8)
    } else if lower.len() > 1 && lower.starts_with('0') {
        (&lower[1..], 8)
    } else {
        (lower.as_str(), 10)
    };
    if digits.starts_with(['+', '-']) {
        return None;
    }
    i64::from_str_radix(digits, radix).ok()?.checked_mul(sign)
}

/// A value as a float: 0 where it is none.
pub(super) fn to_float(value: &Value) -> f64 {
    match value {
        Value::Int(number) => *number as f64,
        Value::Uint(number) => *number as f64,
        Value::Float(number) => *number,
        Value::Bool(truth) => f64::from(u8::from(*truth)),
        Value::String(text) => number::parse_float(text).unwrap_or(0.0),
        _ => 0.0,
    }
}

/// Reads JSON as Go does into untyped values: all numbers are floats. None where it is broken.
pub(super) fn from_json(text: &str) -> Option<Value> {
    let mut reader = JsonReader { text: text.as_bytes(), at: 0 };
    let value = reader.value(0)?;
    reader.blank();
    (reader.at == reader.text.len()).then_some(value)
}

struct JsonReader<'t> {
    text: &'t [u8],
    at: usize,
}

/// The deepest nesting that is read.
const JSON_DEPTH_MAX: usize = 200;

impl JsonReader<'_> {
    fn blank(&mut self) {
        while matches!(self.text.get(self.at), Some(b' ' | b'\t' | b'\r' | b'\n')) {
            self.at += 1;
        }
    }

    /// The next byte behind white space, which is taken where it is the one asked for.
    fn take(&mut self, byte: u8) -> bool {
        self.blank();
        let found = self.text.get(self.at) == Some(&byte);
        self.at += usize::from(found);
        found
    }

    fn value(&mut self, depth: usize) -> Option<Value> {
        if depth > JSON_DEPTH_MAX {
            return None;
        }
        self.blank();
        match self.text.get(self.at)? {
            b'{' => self.object(depth),
            b'[' => self.list(depth),
            b'"' => Some(Value::String(self.string()?.into())),
            b't' => self.word("true", Value::Bool(true)),
            b'f' => self.word("false", Value::Bool(false)),
            b'n' => self.word("null", Value::Nil),
            _ => self.number(),
        }
    }

    fn word(&mut self, word: &str, value: Value) -> Option<Value> {
        self.text[self.at..].starts_with(word.as_bytes()).then(|| {
            self.at += word.len();
            value
        })
    }

    fn object(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut map = std::collections::BTreeMap::new();
        if self.take(b'}') {
            return Some(Value::Map(map.into()));
        }
        loop {
            self.blank();
            let key = self.string()?;
            if !self.take(b':') {
                return None;
            }
            map.insert(key.into(), self.value(depth + 1)?);
            if self.take(b'}') {
                return Some(Value::Map(map.into()));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn list(&mut self, depth: usize) -> Option<Value> {
        self.at += 1;
        let mut items = Vec::new();
        if self.take(b']') {
            return Some(Value::List(items.into()));
        }
        loop {
            items.push(self.value(depth + 1)?);
            if self.take(b']') {
                return Some(Value::List(items.into()));
            }
            if !self.take(b',') {
                return None;
            }
        }
    }

    fn string(&mut self) -> Option<String> {
        if self.text.get(self.at) != Some(&b'"') {
            return None;
        }
        let (end, _) = crate::logql::json::text_end(self.text, self.at + 1)?;
        let raw = &self.text[self.at + 1..end - 1];
        if raw.iter().any(|&b| b < 0x20) {
            return None;
        }
        let mut bytes = Vec::new();
        crate::logql::json::unescape(raw, &mut bytes)?;
        self.at = end;
        let mut text = String::with_capacity(bytes.len());
        crate::logql::pipeline::labels::push_lossy(&mut text, &bytes, '\u{fffd}');
        Some(text)
    }

    fn number(&mut self) -> Option<Value> {
        let rest = &self.text[self.at..];
        let len = rest.iter().position(|b| !matches!(b, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'));
        let text = std::str::from_utf8(&rest[..len.unwrap_or(rest.len())]).ok()?;
        let digits = text.strip_prefix('-').unwrap_or(text);
        let padded = digits.starts_with('0') && digits.as_bytes().get(1).is_some_and(u8::is_ascii_digit);
        if padded || !digits.starts_with(|c: char| c.is_ascii_digit()) || text.ends_with('.') {
            return None;
        }
        self.at += text.len();
        number::parse_float(text).map(Value::Float)
    }
}
