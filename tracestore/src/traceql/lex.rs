//! Text to tokens.
//!
//! White space and comments (`//` and `/* */`) separate tokens. Attribute keys are greedy: after `.`, `span.` and so on
//! everything up to white space or one of `{}()=~!<>&|^,` belongs to the key, so `.a+1` is one attribute. Keys, or
//! parts of them, may be quoted.

use std::ops::Range;

use super::error::QueryError;
use super::limits::QUERY_BYTES_MAX;
use super::number::parse_duration;
use super::print::is_attribute_char;
use crate::field::Scope;

/// A token.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Token {
    /// A word: a keyword or an identifier.
    Word(String),
    /// A quoted text.
    Text(String),
    Int(i64),
    Float(f64),
    /// Nanoseconds.
    Duration(i64),
    /// `.key`, `span.key`, ...
    Attribute(Option<Scope>, String),
    /// `parent.key`, `parent.span.key`, ...
    OfParent(Option<Scope>, String),
    /// `span:`, `trace:`, ...; the intrinsic follows as a word.
    Colon(&'static str),
    /// An operator or a bracket.
    Symbol(&'static str),
    End,
}

/// A token with its place in the text.
#[derive(Clone, Debug)]
pub(crate) struct Placed {
    pub(crate) token: Token,
    pub(crate) at: Range<usize>,
}

/// Longest first, so that the first that fits is the one that is meant.
const SYMBOLS: [&str; 38] = [
    "!>>", "!<<", "&>>", "&<<", "!=", "!~", "!>", "!<", "=~", ">=", ">>", "<=", "<<", "&&", "||", "&~", "&>",
    "&<", ",", "{", "}", "(", ")", "=", ">", "<", "+", "-", "/", "%", "*", "^", "!", "|", "~", "[", "]", "&",
];

const DOTTED: [(&str, Option<Scope>); 5] = [
    ("resource", Some(Scope::Resource)),
    ("span", Some(Scope::Span)),
    ("event", Some(Scope::Event)),
    ("link", Some(Scope::Link)),
    ("instrumentation", Some(Scope::Instrumentation)),
];

const COLONS: [&str; 5] = ["trace", "span", "event", "link", "instrumentation"];

/// All tokens of a text, with [`Token::End`] as the last.
pub(crate) fn tokens(text: &str) -> Result<Vec<Placed>, QueryError> {
    if text.len() > QUERY_BYTES_MAX {
        return Err(QueryError::limit("a query's length in bytes", QUERY_BYTES_MAX, text.len()));
    }
    let mut lexer = Lexer { text, at: 0 };
    let mut tokens = Vec::new();
    loop {
        lexer.skip_blanks()?;
        let start = lexer.at;
        let token = lexer.token()?;
        let done = token == Token::End;
        tokens.push(Placed { token, at: start..lexer.at });
        if done {
            return Ok(tokens);
        }
    }
}

struct Lexer<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Lexer<'a> {
    fn rest(&self) -> &'a str {
        self.text.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn bump(&mut self) -> Option<char> {
        let next = self.peek()?;
        self.at += next.len_utf8();
        Some(next)
    }

    fn take_while(&mut self, mut wanted: impl FnMut(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|c| !wanted(c)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn error(&self, start: usize, expected: &str) -> QueryError {
        let found = self.text.get(start..).unwrap_or_default();
        let found: String = found.chars().take(20).collect();
        let found = if found.is_empty() { "the end of the query".to_owned() } else { format!("`{found}`") };
        QueryError::Syntax { at: start..self.at.max(start), found, expected: expected.to_owned() }
    }

    fn skip_blanks(&mut self) -> Result<(), QueryError> {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            if self.rest().starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                let start = self.at;
                let length = self.rest().find("*/").ok_or_else(|| self.error(start, "`*/` after `/*`"))?;
                self.at += length + 2;
            } else {
                return Ok(());
            }
        }
    }

    fn token(&mut self) -> Result<Token, QueryError> {
        let Some(first) = self.peek() else { return Ok(Token::End) };
        let second = self.rest().chars().nth(1);
        match first {
            '"' => self.quoted().map(Token::Text),
            '`' => self.raw().map(Token::Text),
            '0'..='9' => self.number(),
            '.' if second.is_some_and(|c| c.is_ascii_digit()) => self.number(),
            '.' => {
                self.bump();
                self.key().map(|key| Token::Attribute(None, key))
            }
            c if c.is_alphabetic() || c == '_' => self.word(),
            _ => {
                let rest = self.rest();
                let found = SYMBOLS.iter().find(|symbol| rest.starts_with(**symbol));
                let symbol = found.ok_or_else(|| self.error(self.at, "a filter, a value or an operator"))?;
                self.at += symbol.len();
                Ok(Token::Symbol(symbol))
            }
        }
    }

    fn word(&mut self) -> Result<Token, QueryError> {
        let word = self.take_while(|c| c.is_alphanumeric() || c == '_');
        match self.peek() {
            Some('.') if word == "parent" => {
                self.bump();
                let scope = [("span.", Scope::Span), ("resource.", Scope::Resource)]
                    .into_iter()
                    .find(|(prefix, _)| self.rest().starts_with(prefix));
                if let Some((prefix, _)) = scope {
                    self.at += prefix.len();
                }
                self.key().map(|key| Token::OfParent(scope.map(|(_, scope)| scope), key))
            }
            Some('.') => match DOTTED.iter().find(|(name, _)| *name == word) {
                Some((_, scope)) => {
                    self.bump();
                    self.key().map(|key| Token::Attribute(*scope, key))
                }
                None => Ok(Token::Word(word.to_owned())),
            },
            Some(':') => match COLONS.iter().find(|name| **name == word) {
                Some(scope) => {
                    self.bump();
                    Ok(Token::Colon(scope))
                }
                None => Ok(Token::Word(word.to_owned())),
            },
            _ => Ok(Token::Word(word.to_owned())),
        }
    }

    /// An attribute key; quoted parts and bare parts may follow each other.
    fn key(&mut self) -> Result<String, QueryError> {
        let start = self.at;
        let mut key = String::new();
        while let Some(next) = self.peek() {
            if next == '"' {
                self.bump();
                self.quoted_key_part(&mut key, start)?;
            } else if is_attribute_char(next) {
                self.bump();
                key.push(next);
            } else {
                break;
            }
        }
        if self.at == start { Err(self.error(start, "an attribute's name")) } else { Ok(key) }
    }

    fn quoted_key_part(&mut self, key: &mut String, start: usize) -> Result<(), QueryError> {
        loop {
            match self.bump() {
                None => return Err(self.error(start, "a closing `\"`")),
                Some('"') => return Ok(()),
                Some('\\') => match self.bump() {
                    Some(escaped @ ('"' | '\\')) => key.push(escaped),
                    _ => return Err(self.error(start, "`\\\\` or `\\\"` in a quoted name")),
                },
                Some(other) => key.push(other),
            }
        }
    }

    fn raw(&mut self) -> Result<String, QueryError> {
        let start = self.at;
        self.bump();
        let body = self.take_while(|c| c != '`');
        self.bump().ok_or_else(|| self.error(start, "a closing '`'"))?;
        Ok(body.replace('\r', ""))
    }

    /// A text in double quotes with the escapes of Go.
    fn quoted(&mut self) -> Result<String, QueryError> {
        let start = self.at;
        self.bump();
        let mut out: Vec<u8> = Vec::new();
        loop {
            match self.bump() {
                None | Some('\n') => return Err(self.error(start, "a closing `\"` on the same line")),
                Some('"') => break,
                Some('\\') => self.escape(&mut out)?,
                Some(other) => out.extend(other.encode_utf8(&mut [0; 4]).bytes()),
            }
        }
        String::from_utf8(out).map_err(|_| self.error(start, "a text in UTF-8"))
    }

    fn escape(&mut self, out: &mut Vec<u8>) -> Result<(), QueryError> {
        let start = self.at.saturating_sub(1);
        let wrong =
            |lexer: &Self| lexer.error(start, "one of Go's escapes, such as `\\n`, `\\\"` or `\\u00e4`");
        let digits = |lexer: &mut Self, count: usize, radix: u32| {
            let text = lexer.rest().get(..count)?;
            lexer.at += count;
            u32::from_str_radix(text, radix).ok().filter(|_| !text.starts_with('+'))
        };
        let escaped = self.bump().ok_or_else(|| wrong(self))?;
        let byte = match escaped {
            'a' => 7,
            'b' => 8,
            'f' => 12,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 11,
            '\\' => b'\\',
            '"' => b'"',
            'x' => digits(self, 2, 16).and_then(|code| u8::try_from(code).ok()).ok_or_else(|| wrong(self))?,
            '0'..='7' => {
                self.at -= 1;
                digits(self, 3, 8).and_then(|code| u8::try_from(code).ok()).ok_or_else(|| wrong(self))?
            }
            'u' | 'U' => {
                let count = if escaped == 'u' { 4 } else { 8 };
                let code = digits(self, count, 16).and_then(char::from_u32).ok_or_else(|| wrong(self))?;
                out.extend(code.encode_utf8(&mut [0; 4]).bytes());
                return Ok(());
            }
            _ => return Err(wrong(self)),
        };
        out.push(byte);
        Ok(())
    }

    /// An integer, a float, or either with the units of a duration behind it.
    fn number(&mut self) -> Result<Token, QueryError> {
        let start = self.at;
        self.take_while(|c| c.is_ascii_digit());
        let mut is_float = false;
        if self.peek() == Some('.') {
            is_float = true;
            self.bump();
            self.take_while(|c| c.is_ascii_digit());
        }
        if let Some(length) = exponent(self.rest()) {
            is_float = true;
            self.at += length;
        }
        let end = self.at;
        self.take_while(|c| {
            c.is_ascii_digit() || matches!(c, '.' | 'n' | 's' | 'u' | 'm' | 'h' | 'µ' | 'd' | 'w' | 'y')
        });
        let with_units = self.text.get(start..self.at).unwrap_or_default();
        if self.at > end
            && let Some(duration) = parse_duration(with_units)
        {
            return Ok(Token::Duration(duration));
        }
        self.at = end;
        let text = self.text.get(start..end).unwrap_or_default();
        let number = if is_float {
            text.parse().ok().filter(|number: &f64| number.is_finite()).map(Token::Float)
        } else {
            text.parse().ok().map(Token::Int)
        };
        number.ok_or_else(|| self.error(start, "a number that fits 64 bits"))
    }
}

/// The length of an exponent such as `e-7` at the start of `text`.
fn exponent(text: &str) -> Option<usize> {
    let rest = text.strip_prefix(['e', 'E'])?;
    let digits = rest.strip_prefix(['+', '-']).unwrap_or(rest);
    let count = digits.bytes().take_while(u8::is_ascii_digit).count();
    (count > 0).then(|| text.len() - digits.len() + count)
}
