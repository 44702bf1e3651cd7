//! Query text to tokens, one at a time, without allocation.
//!
//! What a character means depends on where it stands: in brackets `:` parts range and step, elsewhere it belongs to a
//! metric name; in braces `sum` is a label. The parser knows where it is and sets the [`Mode`].

mod keyword;
mod number;
mod string;

use crate::ast::BinaryOp;
use crate::problem::{Fault, ParseProblem, Parsed};
use crate::span::Span;

pub(crate) use keyword::Keyword;
pub(crate) use number::{number_value, scan_number};
pub(crate) use string::{unquote, unquote_lossy};

/// Where in the query the lexer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    /// Outside of braces and brackets.
    Plain,
    /// Between `{` and `}`: words are label names.
    Braces,
    /// Between `[` and `]`: `:` is a token.
    Brackets,
}

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    End,
    /// A word that is no keyword.
    Identifier,
    /// A word with a colon in it, which only a metric name can have.
    MetricIdentifier,
    Keyword(Keyword),
    Number,
    Duration,
    Text,
    LeftParen,
    RightParen,
    LeftBrace,
    RightBrace,
    LeftBracket,
    RightBracket,
    Comma,
    Colon,
    At,
    /// `=`
    Assign,
    /// `=~`
    RegexMatch,
    /// `!~`
    RegexNotMatch,
    /// Operators that are signs; those that are words are keywords.
    Sign(BinaryOp),
}

/// A token and its place.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Span,
}

/// Reads tokens off a query of less than 4 GiB.
#[derive(Clone, Debug)]
pub(crate) struct Lexer<'a> {
    text: &'a str,
    at: usize,
    pub(crate) mode: Mode,
}

impl<'a> Lexer<'a> {
    pub(crate) fn new(text: &'a str) -> Self {
        Lexer { text, at: 0, mode: Mode::Plain }
    }

    /// The next token; [`Kind::End`] for ever after the last one.
    pub(crate) fn next_token(&mut self) -> Parsed<Token> {
        self.skip_blanks();
        let start = self.at;
        let Some(first) = self.peek(0) else {
            return Ok(Token { kind: Kind::End, span: self.span_from(start) });
        };
        let kind = match first {
            b'a'..=b'z' | b'A'..=b'Z' | b'_' => self.word(),
            b':' if self.mode == Mode::Plain => self.word(),
            b'0'..=b'9' => self.number()?,
            b'.' if self.peek(1).is_some_and(|byte| byte.is_ascii_digit()) => self.number()?,
            b'"' | b'\'' | b'`' => self.quoted(first)?,
            _ => self.sign(first)?,
        };
        Ok(Token { kind, span: self.span_from(start) })
    }

    fn peek(&self, ahead: usize) -> Option<u8> {
        self.text.as_bytes().get(self.at + ahead).copied()
    }

    fn span_from(&self, start: usize) -> Span {
        Span::new(start as u32, self.at as u32)
    }

    fn skip_blanks(&mut self) {
        while let Some(byte) = self.peek(0) {
            match byte {
                b' ' | b'\t' | b'\n' | b'\r' => self.at += 1,
                b'#' => {
                    let rest = self.text.as_bytes().get(self.at..).unwrap_or_default();
                    let line = rest.iter().position(|byte| matches!(byte, b'\n' | b'\r'));
                    self.at += line.unwrap_or(rest.len());
                }
                _ => return,
            }
        }
    }

    fn word(&mut self) -> Kind {
        let start = self.at;
        let mut colon = false;
        while let Some(byte) = self.peek(0) {
            match byte {
                b'a'..=b'z' | b'A'..=b'Z' | b'_' | b'0'..=b'9' => {}
                b':' if self.mode == Mode::Plain => colon = true,
                _ => break,
            }
            self.at += 1;
        }
        if self.mode == Mode::Braces {
            return Kind::Identifier;
        }
        if colon {
            return Kind::MetricIdentifier;
        }
        let word = self.text.get(start..self.at).unwrap_or_default();
        match keyword::lookup(word) {
            None => Kind::Identifier,
            Some(Kind::Keyword(Keyword::Fill | Keyword::FillLeft | Keyword::FillRight))
                if !self.parenthesis_follows() =>
            {
                Kind::Identifier
            }
            Some(kind) => kind,
        }
    }

    /// `fill` is a keyword only before a parenthesis, so that metrics may go on being called so.
    fn parenthesis_follows(&self) -> bool {
        let mut ahead = self.clone();
        ahead.skip_blanks();
        ahead.peek(0) == Some(b'(')
    }

    fn number(&mut self) -> Parsed<Kind> {
        let start = self.at;
        let (kind, end) = number::scan_number_or_duration(self.text.as_bytes(), start);
        self.at = end;
        kind.ok_or_else(|| {
            let span = self.span_from(start);
            let text = span.text(self.text).to_owned();
            Fault::new(span, ParseProblem::Number { text })
                .help("a number is 5, 0.5e3 or 0x1F, a duration 1h30m or 250ms")
        })
    }

    fn quoted(&mut self, quote: u8) -> Parsed<Kind> {
        let start = self.at;
        self.at += 1;
        loop {
            match self.peek(0) {
                Some(byte) if byte == quote => break,
                Some(b'\\') if quote != b'`' => self.at += 2,
                Some(byte) if byte != b'\n' || quote == b'`' => self.at += 1,
                _ => {
                    self.at = self.at.min(self.text.len());
                    return Err(Fault::new(self.span_from(start), ParseProblem::UnterminatedString));
                }
            }
        }
        self.at += 1;
        Ok(Kind::Text)
    }

    fn sign(&mut self, first: u8) -> Parsed<Kind> {
        let (kind, length) = match (first, self.peek(1)) {
            (b'(', _) => (Kind::LeftParen, 1),
            (b')', _) => (Kind::RightParen, 1),
            (b'{', _) => (Kind::LeftBrace, 1),
            (b'}', _) => (Kind::RightBrace, 1),
            (b'[', _) => (Kind::LeftBracket, 1),
            (b']', _) => (Kind::RightBracket, 1),
            (b',', _) => (Kind::Comma, 1),
            (b':', _) => (Kind::Colon, 1),
            (b'@', _) => (Kind::At, 1),
            (b'=', Some(b'~')) => (Kind::RegexMatch, 2),
            (b'!', Some(b'~')) => (Kind::RegexNotMatch, 2),
            (b'=', Some(b'=')) => (Kind::Sign(BinaryOp::Equal), 2),
            (b'!', Some(b'=')) => (Kind::Sign(BinaryOp::NotEqual), 2),
            (b'=', _) => (Kind::Assign, 1),
            (b'<', Some(b'=')) => (Kind::Sign(BinaryOp::LessOrEqual), 2),
            (b'<', Some(b'/')) => (Kind::Sign(BinaryOp::TrimUpper), 2),
            (b'<', _) => (Kind::Sign(BinaryOp::Less), 1),
            (b'>', Some(b'=')) => (Kind::Sign(BinaryOp::GreaterOrEqual), 2),
            (b'>', Some(b'/')) => (Kind::Sign(BinaryOp::TrimLower), 2),
            (b'>', _) => (Kind::Sign(BinaryOp::Greater), 1),
            (b'+', _) => (Kind::Sign(BinaryOp::Add), 1),
            (b'-', _) => (Kind::Sign(BinaryOp::Sub), 1),
            (b'*', _) => (Kind::Sign(BinaryOp::Mul), 1),
            (b'/', _) => (Kind::Sign(BinaryOp::Div), 1),
            (b'%', _) => (Kind::Sign(BinaryOp::Mod), 1),
            (b'^', _) => (Kind::Sign(BinaryOp::Pow), 1),
            _ => return Err(self.stray_character()),
        };
        self.at += length;
        Ok(kind)
    }

    fn stray_character(&self) -> Fault {
        let found = self.text.get(self.at..).and_then(|rest| rest.chars().next()).unwrap_or('\u{fffd}');
        let span = Span::new(self.at as u32, (self.at + found.len_utf8()) as u32);
        let fault = Fault::new(span, ParseProblem::Character { found });
        match found {
            '!' => fault.help("operators with ! are != and !~"),
            '&' => fault.help("the operator is spelled and"),
            '|' => fault.help("the operator is spelled or"),
            _ if !found.is_ascii() => fault.help(
                "names beyond letters, digits and underscores stand in quotes inside braces: {\"name\"}",
            ),
            _ => fault,
        }
    }
}
