//! Strings: double and single quotes with Go's escape sequences, backquotes without any.

use std::borrow::Cow;

use crate::problem::{Fault, ParseProblem, Parsed};
use crate::span::Span;

/// The text of a quoted token, which has to be UTF-8. `raw` holds the quotes; `span` is its place in the query.
pub(crate) fn unquote(raw: &str, span: Span) -> Parsed<Cow<'_, str>> {
    let Cow::Owned(bytes) = unquote_bytes(raw, span)? else { return Ok(Cow::Borrowed(inner(raw))) };
    String::from_utf8(bytes).map(Cow::Owned).map_err(|_| {
        Fault::rule(span, "the bytes that the escape sequences of the string give are not UTF-8")
    })
}

/// The text of a quoted token, and whether it is UTF-8: what is not becomes U+FFFD, as it does in the reference when
/// it shows its answer.
pub(crate) fn unquote_lossy(raw: &str, span: Span) -> Parsed<(String, bool)> {
    let bytes = unquote_bytes(raw, span)?;
    Ok((String::from_utf8_lossy(&bytes).into_owned(), std::str::from_utf8(&bytes).is_ok()))
}

/// The text between the quotes.
fn inner(raw: &str) -> &str {
    raw.get(1..raw.len().saturating_sub(1)).unwrap_or_default()
}

/// The bytes of a quoted token; borrowed where there is no escape sequence. Escapes may spell out UTF-8
/// (`"\xc3\xa9"`) or anything else.
fn unquote_bytes(raw: &str, span: Span) -> Parsed<Cow<'_, [u8]>> {
    let inner = inner(raw);
    if raw.starts_with('`') || !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner.as_bytes()));
    }
    let quote = raw.chars().next().unwrap_or('"');
    let mut out = Vec::with_capacity(inner.len());
    let mut rest = inner;
    while let Some(at) = rest.find('\\') {
        let (before, sequence) = rest.split_at(at);
        out.extend_from_slice(before.as_bytes());
        let length = unescape(sequence, quote, &mut out).ok_or_else(|| {
            let start = span.start + 1 + (inner.len() - sequence.len()) as u32;
            let shown: String = sequence.chars().take(2).collect();
            let place = Span::new(start, start + shown.len() as u32);
            Fault::new(place, ParseProblem::Escape { sequence: shown })
                .help("a backslash itself is written \\\\, or the string in backquotes")
        })?;
        rest = sequence.get(length..).unwrap_or_default();
    }
    out.extend_from_slice(rest.as_bytes());
    Ok(Cow::Owned(out))
}

/// Decodes the escape sequence at the start of `sequence`. Returns its length, `None` where it is none.
fn unescape(sequence: &str, quote: char, out: &mut Vec<u8>) -> Option<usize> {
    let kind = sequence.chars().nth(1)?;
    let simple = match kind {
        'a' => 0x07,
        'b' => 0x08,
        'f' => 0x0c,
        'n' => b'\n',
        'r' => b'\r',
        't' => b'\t',
        'v' => 0x0b,
        '\\' => b'\\',
        '\'' | '"' if kind == quote => quote as u8,
        '0'..='7' => {
            out.push(u8::from_str_radix(digits(sequence, 1, 3)?, 8).ok()?);
            return Some(4);
        }
        'x' => {
            out.push(u8::from_str_radix(digits(sequence, 2, 2)?, 16).ok()?);
            return Some(4);
        }
        'u' => return code_point(sequence, 4, out),
        'U' => return code_point(sequence, 8, out),
        _ => return None,
    };
    out.push(simple);
    Some(2)
}

fn code_point(sequence: &str, length: usize, out: &mut Vec<u8>) -> Option<usize> {
    let value = u32::from_str_radix(digits(sequence, 2, length)?, 16).ok()?;
    let mut buffer = [0; 4];
    out.extend_from_slice(char::from_u32(value)?.encode_utf8(&mut buffer).as_bytes());
    Some(2 + length)
}

/// `length` digits from `start`. Rust's number parsers would take a sign, which no escape sequence has.
fn digits(sequence: &str, start: usize, length: usize) -> Option<&str> {
    sequence.get(start..start + length).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
