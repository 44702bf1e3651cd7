//! Reads `key=value key2="quoted value"` lines, pair by pair, without an allocation unless a value has escapes.

use std::borrow::Cow;

/// What is wrong with a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LogfmtError {
    problem: Problem,
    /// Offset in the line plus one, as the reference counts.
    position: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Problem {
    InvalidKey,
    Unexpected(u8),
    UnterminatedQuote,
    InvalidQuote,
}

impl std::fmt::Display for LogfmtError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "logfmt syntax error at pos {} : ", self.position)?;
        match self.problem {
            Problem::InvalidKey => f.write_str("invalid key"),
            Problem::Unexpected(byte) => write!(f, "unexpected '{}'", char::from(byte).escape_default()),
            Problem::UnterminatedQuote => f.write_str("unterminated quoted value"),
            Problem::InvalidQuote => f.write_str("invalid quoted value"),
        }
    }
}

/// One pair; the value is empty where there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pair<'l> {
    pub(crate) key: &'l [u8],
    pub(crate) value: Cow<'l, [u8]>,
}

/// Walks the pairs of a line. A broken pair is handed out as an error, after which the walk goes on.
#[derive(Debug)]
pub(crate) struct Pairs<'l> {
    line: &'l [u8],
    at: usize,
}

impl<'l> Pairs<'l> {
    pub(crate) fn new(line: &'l [u8]) -> Self {
        Pairs { line, at: 0 }
    }

    /// The first offset from `from` on whose byte fulfils the condition, or the end of the line.
    fn find_byte(&self, from: usize, condition: impl Fn(u8) -> bool) -> usize {
        let rest = self.line.get(from..).unwrap_or(&[]);
        from + rest.iter().position(|&b| condition(b)).unwrap_or(rest.len())
    }

    fn error(&self, problem: Problem) -> Option<Result<Pair<'l>, LogfmtError>> {
        Some(Err(LogfmtError { problem, position: self.at + 1 }))
    }

    /// Reports a byte that cannot stand here, and skips to the next blank.
    fn unexpected(&mut self, byte: u8) -> Option<Result<Pair<'l>, LogfmtError>> {
        let error = self.error(Problem::Unexpected(byte));
        self.at = self.find_byte(self.at, |b| b <= b' ');
        error
    }

    /// The value behind the `=` that has been read.
    fn value(&mut self, key: &'l [u8]) -> Option<Result<Pair<'l>, LogfmtError>> {
        let start = self.at;
        match self.line.get(start) {
            Some(b'"') => return self.quoted(key),
            Some(byte) if *byte > b' ' => {}
            _ => return Some(Ok(Pair { key, value: Cow::Borrowed(&[]) })),
        }
        self.at = self.find_byte(start, |b| b <= b' ' || b == b'=' || b == b'"');
        if let Some(&byte) = self.line.get(self.at).filter(|&&b| b > b' ') {
            return self.unexpected(byte);
        }
        Some(Ok(Pair { key, value: Cow::Borrowed(&self.line[start..self.at]) }))
    }

    fn quoted(&mut self, key: &'l [u8]) -> Option<Result<Pair<'l>, LogfmtError>> {
        let start = self.at + 1;
        let mut escapes = false;
        let mut at = start;
        loop {
            at = self.find_byte(at, |b| b == b'"' || b == b'\\');
            match self.line.get(at) {
                None => {
                    self.at = self.line.len();
                    return self.error(Problem::UnterminatedQuote);
                }
                Some(b'"') => break,
                Some(_) => {
                    escapes = true;
                    at += 2;
                }
            }
        }
        let inner = &self.line[start..at];
        self.at = at + 1;
        if !escapes {
            return Some(Ok(Pair { key, value: Cow::Borrowed(inner) }));
        }
        match unquote(inner) {
            Some(value) => Some(Ok(Pair { key, value: Cow::Owned(value) })),
            None => self.error(Problem::InvalidQuote),
        }
    }
}

impl<'l> Iterator for Pairs<'l> {
    type Item = Result<Pair<'l>, LogfmtError>;

    fn next(&mut self) -> Option<Self::Item> {
        let start = self.find_byte(self.at, |b| b > b' ');
        self.at = start;
        if start >= self.line.len() {
            return None;
        }
        self.at = self.find_byte(start, |b| b <= b' ' || b == b'=' || b == b'"');
        let key = &self.line[start..self.at];
        let broken = !key.is_ascii() && has_replacement(key);
        match self.line.get(self.at) {
            Some(b'"') => self.unexpected(b'"'),
            Some(b'=') if key.is_empty() => self.unexpected(b'='),
            Some(b'=') if broken => {
                let error = self.error(Problem::InvalidKey);
                self.at = self.find_byte(self.at, |b| b <= b' ');
                error
            }
            Some(b'=') => {
                self.at += 1;
                self.value(key)
            }
            _ if broken => self.error(Problem::InvalidKey),
            _ => Some(Ok(Pair { key, value: Cow::Borrowed(&[]) })),
        }
    }
}

/// Whether Go would find U+FFFD in a text: written out, or as a byte that is no UTF-8.
pub(crate) fn has_replacement(text: &[u8]) -> bool {
    match std::str::from_utf8(text) {
        Ok(text) => text.contains('\u{fffd}'),
        Err(_) => true,
    }
}

/// Resolves the escapes of a quoted value, as JSON has them with `'` added.
fn unquote(text: &[u8]) -> Option<Vec<u8>> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte == b'"' {
            return None;
        }
        if byte != b'\\' {
            out.push(byte);
            continue;
        }
        let (&escape, after) = rest.split_first()?;
        rest = after;
        let plain = match escape {
            b'"' | b'\\' | b'/' | b'\'' => escape,
            b'b' => 0x08,
            b'f' => 0x0c,
            b'n' => b'\n',
            b'r' => b'\r',
            b't' => b'\t',
            b'u' => {
                let first = unicode_escape(rest)?;
                rest = &rest[4..];
                let mut decoded = char::from_u32(first);
                if (0xd800..0xdc00).contains(&first) && rest.starts_with(b"\\u") {
                    let second = unicode_escape(&rest[2..]).filter(|low| (0xdc00..0xe000).contains(low));
                    if let Some(low) = second {
                        decoded = char::from_u32(0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00));
                        rest = &rest[6..];
                    }
                }
                let c = decoded.unwrap_or('\u{fffd}');
                out.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
                continue;
            }
            _ => return None,
        };
        out.push(plain);
    }
    Some(out)
}

fn unicode_escape(text: &[u8]) -> Option<u32> {
    let digits = std::str::from_utf8(text.get(..4)?).ok()?;
    digits.bytes().all(|b| b.is_ascii_hexdigit()).then(|| u32::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(line: &str) -> Vec<String> {
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        Pairs::new(line.as_bytes())
            .map(|pair| match pair {
                Ok(pair) => format!("{}={}", text(pair.key), text(&pair.value)),
                Err(error) => error.to_string(),
            })
            .collect()
    }

    #[test]
    fn pairs_and_flags() {
        assert_eq!(read(r#"a=1  b="x y" c d= e="q\"\u00e9""#), ["a=1", "b=x y", "c=", "d=", "e=q\"é"]);
        assert!(read("  ").is_empty());
    }

    #[test]
    fn broken_pairs_do_not_stop_the_walk() {
        assert_eq!(read("=x a=1"), ["logfmt syntax error at pos 1 : unexpected '='", "a=1"]);
        assert_eq!(read("a=b=c d=1")[1], "d=1");
        assert_eq!(read("a=\"open"), ["logfmt syntax error at pos 8 : unterminated quoted value"]);
    }
}
