//! Patterns: literal text with captures `<name>` and gaps `<_>` in between.

use memchr::memmem;

/// One piece of a pattern.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Capture(String),
    Gap,
}

/// A pattern that is ready to be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Pattern {
    pieces: Vec<Piece>,
}

impl Pattern {
    /// A pattern for `| pattern`: at least one named capture, none twice, no two captures in a row.
    pub(crate) fn parser(text: &str) -> Result<Self, String> {
        let pattern = Pattern { pieces: pieces(text) };
        let names: Vec<&str> = pattern.names().collect();
        if names.is_empty() {
            return Err("a pattern needs at least one capture, <name>".to_owned());
        }
        if let Some(name) =
            names.iter().enumerate().find_map(|(i, name)| names[..i].contains(name).then_some(name))
        {
            return Err(format!("the capture <{name}> stands twice in the pattern"));
        }
        pattern.without_neighbours()
    }

    /// A pattern for `|>`: gaps only, no two in a row. The empty pattern describes the empty line.
    pub(crate) fn filter(text: &str) -> Result<Self, String> {
        let pattern = Pattern { pieces: pieces(text) };
        if let Some(name) = pattern.names().next() {
            return Err(format!("a pattern that filters has no named captures, found <{name}>"));
        }
        pattern.without_neighbours()
    }

    fn without_neighbours(self) -> Result<Self, String> {
        let is_literal = |piece: &Piece| matches!(piece, Piece::Literal(_));
        if self.pieces.windows(2).any(|pair| !pair.iter().any(is_literal)) {
            return Err("two captures of a pattern need a text between them".to_owned());
        }
        Ok(self)
    }

    /// The names of the captures, in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Capture(name) => Some(name.as_str()),
            _ => None,
        })
    }

    /// The literal pieces, each of which occurs in every line that the pattern describes.
    pub(crate) fn literals(&self) -> impl Iterator<Item = &[u8]> {
        self.pieces.iter().filter_map(|piece| match piece {
            Piece::Literal(text) => Some(text.as_slice()),
            _ => None,
        })
    }

    /// Hands out the captures that a line has, up to the first literal that is missing.
    pub(crate) fn captures<'l>(&self, line: &'l [u8], mut found: impl FnMut(&str, &'l [u8])) {
        let mut rest = line;
        let mut pieces = self.pieces.as_slice();
        if line.is_empty() {
            return;
        }
        if let Some((Piece::Literal(text), after)) = pieces.split_first() {
            let Some(behind) = rest.strip_prefix(text.as_slice()) else { return };
            (rest, pieces) = (behind, after);
        }
        // What is left are captures and gaps, each but the last with a literal behind it.
        while let Some((piece, after)) = pieces.split_first() {
            let end = match after.first() {
                Some(Piece::Literal(text)) => memmem::find(rest, text).map(|at| (at, at + text.len())),
                _ => None,
            };
            if let Piece::Capture(name) = piece {
                found(name, end.map_or(rest, |(at, _)| &rest[..at]));
            }
            let Some((_, next)) = end else { return };
            rest = &rest[next..];
            pieces = after.get(1..).unwrap_or(&[]);
        }
    }

    /// Whether the pattern describes the whole line. A gap takes at least one byte.
    pub(crate) fn matches(&self, line: &[u8]) -> bool {
        if line.is_empty() || self.pieces.is_empty() {
            return line.is_empty() && self.pieces.is_empty();
        }
        let mut rest = line;
        for (i, piece) in self.pieces.iter().enumerate() {
            let Piece::Literal(text) = piece else { continue };
            match memmem::find(rest, text) {
                None => return false,
                Some(0) if i != 0 => return false,
                Some(at) => rest = &rest[at + text.len()..],
            }
        }
        let open_end = !matches!(self.pieces.last(), Some(Piece::Literal(_)));
        open_end != rest.is_empty()
    }
}

/// Splits the text: `<`, a letter or `_`, letters, digits and `_`, `>` is a capture; everything else is literal.
fn pieces(text: &str) -> Vec<Piece> {
    let mut pieces = Vec::new();
    let mut literal = Vec::new();
    let mut rest = text;
    while let Some(c) = rest.chars().next() {
        if let Some(name) = capture_at(rest) {
            if !literal.is_empty() {
                pieces.push(Piece::Literal(std::mem::take(&mut literal)));
            }
            pieces.push(if name == "_" { Piece::Gap } else { Piece::Capture(name.to_owned()) });
            rest = &rest[name.len() + 2..];
        } else {
            literal.extend_from_slice(&rest.as_bytes()[..c.len_utf8()]);
            rest = &rest[c.len_utf8()..];
        }
    }
    if !literal.is_empty() {
        pieces.push(Piece::Literal(literal));
    }
    pieces
}

fn capture_at(text: &str) -> Option<&str> {
    let (name, _) = text.strip_prefix('<')?.split_once('>')?;
    let starts = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_');
    (starts && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_')).then_some(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn captured(pattern: &str, line: &str) -> Vec<(String, String)> {
        let mut found = Vec::new();
        Pattern::parser(pattern).unwrap().captures(line.as_bytes(), |name, value| {
            found.push((name.to_owned(), String::from_utf8_lossy(value).into_owned()));
        });
        found
    }

    #[test]
    fn captures_go_as_far_as_the_line_does() {
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(captured("<a> - <b> end", "x - y end"), [pair("a", "x"), pair("b", "y")]);
        assert_eq!(captured("<a> - <b> end", "x - y"), [pair("a", "x"), pair("b", "y")]);
        assert_eq!(captured("<a> - <b>", "nothing"), [pair("a", "nothing")]);
        assert_eq!(captured("at <a>", "not here"), []);
        assert_eq!(captured("<_>=<v>;", "k=1;"), [pair("v", "1")]);
    }

    #[test]
    fn filters_describe_the_whole_line() {
        let matches = |pattern: &str, line: &str| Pattern::filter(pattern).unwrap().matches(line.as_bytes());
        assert!(matches("a <_> c", "a b c") && matches("", "") && matches("<_>", "x"));
        assert!(!matches("a <_> c", "a b c d") && !matches("", "x") && !matches("<_>", ""));
        assert!(!matches("a<_>", "a"), "a gap takes at least one byte");
        assert!(matches("b", "ab"), "a leading literal may stand anywhere, as in the reference");
    }

    #[test]
    fn broken_patterns_are_refused() {
        for pattern in ["", "text", "<_>", "<a><b>", "<a> <a>"] {
            assert!(Pattern::parser(pattern).is_err(), "{pattern}");
        }
        assert!(Pattern::filter("<_><_>").is_err() && Pattern::filter("<a>").is_err());
    }
}
