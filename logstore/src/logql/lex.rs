//! From text to tokens.
//!
//! The rules are those of Go's `text/scanner` with LogQL on top: keywords in any letter case, a function name is one
//! only where `(` or a grouping follows, a number with a unit behind it is a duration or a size, and `[` starts a
//! duration that ends at `]`. Comments are `#`, `//` and `/* */`.

use std::ops::Range;

use crate::logql::ast::{Conversion, RangeOp, VectorOp};
use crate::logql::error::{QueryError, Result};
use crate::logql::quantity;

/// One token with its place.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Token {
    pub(crate) kind: Kind,
    pub(crate) span: Range<usize>,
}

/// What a token is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Identifier(String),
    Text(String),
    Number(String),
    /// A duration, in nanoseconds.
    Duration(i64),
    /// A size, in bytes.
    Bytes(u64),
    /// `[5m]`, in nanoseconds.
    Range(i64),
    Flag(Flag),
    RangeOp(RangeOp),
    VectorOp(VectorOp),
    Conversion(Conversion),
    Word(Word),
    Sign(Sign),
    End,
}

/// A flag of `| logfmt`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flag {
    Strict,
    KeepEmpty,
}

macro_rules! table {
    ($(#[$doc:meta])* $name:ident { $($variant:ident = $text:literal,)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(crate) enum $name { $($variant,)* }

        impl $name {
            const ALL: &'static [$name] = &[$($name::$variant,)*];

            pub(crate) fn as_str(self) -> &'static str {
                match self { $($name::$variant => $text,)* }
            }

            fn of(text: &str) -> Option<$name> {
                $name::ALL.iter().copied().find(|word| word.as_str().eq_ignore_ascii_case(text))
            }
        }
    };
}

table! {
    /// A keyword.
    Word {
        By = "by", Without = "without", Bool = "bool", Offset = "offset", On = "on", Ignoring = "ignoring",
        GroupLeft = "group_left", GroupRight = "group_right", Or = "or", And = "and", Unless = "unless",
        Unwrap = "unwrap", Json = "json", Regexp = "regexp", Logfmt = "logfmt", Unpack = "unpack",
        Pattern = "pattern", LabelFormat = "label_format", LineFormat = "line_format", Decolorize = "decolorize",
        Drop = "drop", Keep = "keep", Ip = "ip", LabelReplace = "label_replace", Vector = "vector",
    }
}

impl Word {
    /// Words that are names unless `(` or a grouping follows.
    fn is_function(self) -> bool {
        matches!(self, Word::Ip | Word::LabelReplace | Word::Vector)
    }
}

table! {
    /// Punctuation.
    Sign {
        Comma = ",", Dot = ".", OpenBrace = "{", CloseBrace = "}", OpenParen = "(", CloseParen = ")",
        CloseBracket = "]", Equal = "=", NotEqual = "!=", Match = "=~", NotMatch = "!~", NotPattern = "!>",
        PipeEqual = "|=", PipeMatch = "|~", PipePattern = "|>", Pipe = "|", Add = "+", Sub = "-", Mul = "*",
        Div = "/", Mod = "%", Pow = "^", EqualEqual = "==", Greater = ">", GreaterEqual = ">=", Less = "<",
        LessEqual = "<=",
    }
}

/// Splits a query into tokens; the last one is [`Kind::End`]. O(bytes), apart from look-ahead over white space.
pub(crate) fn tokens(text: &str) -> Result<Vec<Token>> {
    let mut lexer = Lexer { text, at: if text.starts_with('\u{feff}') { 3 } else { 0 } };
    let mut tokens = Vec::new();
    loop {
        let token = lexer.next()?;
        let done = token.kind == Kind::End;
        tokens.push(token);
        if done {
            return Ok(tokens);
        }
    }
}

struct Lexer<'t> {
    text: &'t str,
    at: usize,
}

impl<'t> Lexer<'t> {
    fn rest(&self) -> &'t str {
        &self.text[self.at..]
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn peek_byte(&self, ahead: usize) -> u8 {
        self.text.as_bytes().get(self.at + ahead).copied().unwrap_or(0)
    }

    fn take_while(&mut self, accept: impl Fn(char) -> bool) -> &'t str {
        let rest = self.rest();
        let len = rest.find(|c| !accept(c)).unwrap_or(rest.len());
        self.at += len;
        &rest[..len]
    }

    fn error<T>(&self, from: usize, problem: impl Into<String>) -> Result<T> {
        Err(QueryError::syntax(problem, from..self.at.max(from)))
    }

    fn next(&mut self) -> Result<Token> {
        self.skip_blank()?;
        let start = self.at;
        let kind = self.kind(start)?;
        Ok(Token { kind, span: start..self.at })
    }

    /// Skips white space and comments.
    fn skip_blank(&mut self) -> Result<()> {
        loop {
            self.take_while(|c| matches!(c, ' ' | '\t' | '\n' | '\r'));
            let start = self.at;
            if self.rest().starts_with('#') || self.rest().starts_with("//") {
                self.take_while(|c| c != '\n');
            } else if self.rest().starts_with("/*") {
                match self.rest().get(2..).and_then(|body| body.find("*/")) {
                    Some(end) => self.at += end + 4,
                    None => return self.error(start, "the comment has no `*/`"),
                }
            } else {
                return Ok(());
            }
        }
    }

    fn kind(&mut self, start: usize) -> Result<Kind> {
        let Some(first) = self.peek() else { return Ok(Kind::End) };
        match first {
            '\0' => self.error(start, "a NUL character"),
            '"' | '\'' => self.quoted(first),
            '`' => self.raw_text(),
            '[' => self.range(),
            c if c == '_' || c.is_alphabetic() => Ok(self.word()),
            c if c.is_ascii_digit() => self.number(),
            '.' if self.peek_byte(1).is_ascii_digit() => self.number(),
            '-' => Ok(self.minus()),
            _ => self.sign(first),
        }
    }

    fn sign(&mut self, first: char) -> Result<Kind> {
        let start = self.at;
        let one = first.len_utf8();
        let two = self.text.get(start..start + one + 1).and_then(Sign::of);
        if let Some(sign) = two {
            self.at += one + 1;
            return Ok(Kind::Sign(sign));
        }
        self.at += one;
        match Sign::of(&self.text[start..self.at]) {
            Some(sign) => Ok(Kind::Sign(sign)),
            // As in the reference, any other character stands for itself as a name.
            None => Ok(Kind::Identifier(first.to_string())),
        }
    }

    /// A name, a keyword or a function.
    fn word(&mut self) -> Kind {
        let text = self.take_while(|c| c == '_' || c.is_alphanumeric());
        let function = function_named(text);
        if function.is_some() || Word::of(text).is_some_and(Word::is_function) {
            if !self.call_follows() {
                return Kind::Identifier(text.to_owned());
            }
            if let Some(function) = function {
                return function;
            }
        }
        match Word::of(text) {
            Some(word) => Kind::Word(word),
            None => Kind::Identifier(text.to_owned()),
        }
    }

    /// Whether `(` or a grouping comes next, which makes a function of a name.
    fn call_follows(&self) -> bool {
        let rest = self.rest().trim_start();
        if rest.starts_with('(') {
            return true;
        }
        ["by", "without"].iter().any(|word| {
            rest.get(..word.len()).is_some_and(|head| head.eq_ignore_ascii_case(word))
                && rest[word.len()..].trim_start().starts_with('(')
        })
    }

    /// `-`, a flag, or a negative duration.
    fn minus(&mut self) -> Kind {
        let start = self.at;
        if self.rest().starts_with("--") {
            let rest = self.rest();
            let len = rest.find(|c: char| c != '-' && !c.is_alphabetic()).unwrap_or(rest.len());
            let flag = match &rest[..len] {
                "--strict" => Some(Flag::Strict),
                "--keep-empty" => Some(Flag::KeepEmpty),
                _ => None,
            };
            if let Some(flag) = flag {
                self.at += len;
                return Kind::Flag(flag);
            }
        }
        self.at += 1;
        self.unit_behind(start, is_duration_char, quantity::parse_duration)
            .map_or(Kind::Sign(Sign::Sub), Kind::Duration)
    }

    /// Reads on from `start` through the characters of a unit, if the whole then has a meaning.
    fn unit_behind<T>(
        &mut self,
        start: usize,
        accept: impl Fn(char) -> bool,
        parse: impl Fn(&str) -> Option<T>,
    ) -> Option<T> {
        let end = self.at;
        if self.take_while(|c| c.is_numeric() || c == '.' || accept(c)).is_empty() {
            return None;
        }
        let parsed = parse(&self.text[start..self.at]);
        if parsed.is_none() {
            self.at = end;
        }
        parsed
    }

    /// A number, which a unit makes a duration or a size.
    fn number(&mut self) -> Result<Kind> {
        let start = self.at;
        self.digits()?;
        if let Some(ns) = self.unit_behind(start, is_duration_char, quantity::parse_duration) {
            return Ok(Kind::Duration(ns));
        }
        let size = self.unit_behind(start, is_size_char, |text| quantity::parse_bytes(text).ok());
        Ok(size.map_or_else(|| Kind::Number(self.text[start..self.at].to_owned()), Kind::Bytes))
    }

    /// A Go number literal: prefixes, a fraction, an exponent.
    fn digits(&mut self) -> Result<()> {
        let start = self.at;
        let is_digit = |c: char| c.is_ascii_digit() || c == '_';
        let mut hex = false;
        let mut octal = false;
        if self.peek_byte(0) == b'0' {
            match self.peek_byte(1) | 0x20 {
                b'x' => hex = true,
                b'o' => octal = true,
                b'b' => {
                    self.at += 2;
                    return self.error(start, "binary numbers have no meaning in a query");
                }
                _ => {}
            }
        }
        let mut any = false;
        if hex || octal {
            self.at += 2;
            any = !self
                .take_while(|c| c == '_' || c.is_ascii_hexdigit() && (hex || c.is_ascii_digit()))
                .is_empty();
        } else if self.peek_byte(0) != b'.' {
            any = !self.take_while(is_digit).is_empty();
        }
        let leading_zero =
            self.text[start..self.at].starts_with('0') && self.at - start > 1 && !hex && !octal;
        let mut float = false;
        if self.peek_byte(0) == b'.' {
            self.at += 1;
            float = true;
            any |= !self.take_while(|c| is_digit(c) || hex && c.is_ascii_hexdigit()).is_empty();
        }
        if !any {
            return self.error(start, "a number without digits");
        }
        let exponent = self.peek_byte(0) | 0x20;
        if exponent == b'e' && !hex || exponent == b'p' && hex {
            float = true;
            self.at += 1;
            self.at += usize::from(matches!(self.peek_byte(0), b'+' | b'-'));
            if self.take_while(is_digit).is_empty() {
                return self.error(start, "an exponent without digits");
            }
        }
        let text = &self.text[start..self.at];
        if leading_zero && !float && text.contains(['8', '9']) {
            return self.error(start, "a digit 8 or 9 in an octal number");
        }
        if text.ends_with('_') || text.contains("__") {
            return self.error(start, "`_` has to separate digits");
        }
        Ok(())
    }

    fn raw_text(&mut self) -> Result<Kind> {
        let start = self.at;
        let Some(len) = self.text[start + 1..].find('`') else {
            self.at = self.text.len();
            return self.error(start, "the text has no closing backtick");
        };
        self.at += len + 2;
        // Go drops carriage returns from raw strings.
        Ok(Kind::Text(self.text[start + 1..start + 1 + len].replace('\r', "")))
    }

    fn range(&mut self) -> Result<Kind> {
        let start = self.at;
        let Some(len) = self.rest().find(']') else {
            self.at = self.text.len();
            return self.error(start, "the range has no `]`");
        };
        self.at += len + 1;
        let text = &self.text[start + 1..start + len];
        match quantity::parse_range(text) {
            Some(ns) => Ok(Kind::Range(ns)),
            None => self.error(start, format!("{text:?} is no duration; right would be for example [5m]")),
        }
    }

    /// A text in quotes, with Go's escapes.
    fn quoted(&mut self, quote: char) -> Result<Kind> {
        let start = self.at;
        self.at += 1;
        let mut text = Vec::new();
        loop {
            let Some(c) = self.peek().filter(|&c| c != '\n') else {
                return self.error(start, "the text has no closing quote");
            };
            self.at += c.len_utf8();
            if c == quote {
                break;
            }
            if c == '\\' {
                self.escape(quote, &mut text)?;
            } else {
                text.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            }
        }
        if quote == '\'' {
            return self.error(start, "a text stands in double quotes or backticks");
        }
        match String::from_utf8(text) {
            Ok(text) => Ok(Kind::Text(text)),
            Err(error) => Ok(Kind::Text(String::from_utf8_lossy(error.as_bytes()).into_owned())),
        }
    }

    fn escape(&mut self, quote: char, text: &mut Vec<u8>) -> Result<()> {
        let start = self.at - 1;
        let Some(c) = self.peek() else { return self.error(start, "the text has no closing quote") };
        self.at += c.len_utf8();
        let plain = match c {
            'a' => 0x07,
            'b' => 0x08,
            'f' => 0x0c,
            'n' => b'\n',
            'r' => b'\r',
            't' => b'\t',
            'v' => 0x0b,
            '\\' => b'\\',
            c if c == quote => c as u8,
            '0'..='7' => {
                self.at -= 1;
                let value = self.code(start, 3, 8)?;
                match u8::try_from(value) {
                    Ok(byte) => byte,
                    Err(_) => return self.error(start, "an octal escape above \\377"),
                }
            }
            'x' => self.code(start, 2, 16)? as u8,
            'u' | 'U' => {
                let value = self.code(start, if c == 'u' { 4 } else { 8 }, 16)?;
                let Some(decoded) = char::from_u32(value) else {
                    return self.error(start, "an escape that is no character");
                };
                text.extend_from_slice(decoded.encode_utf8(&mut [0; 4]).as_bytes());
                return Ok(());
            }
            _ => return self.error(start, "an unknown escape"),
        };
        text.push(plain);
        Ok(())
    }

    fn code(&mut self, start: usize, len: usize, radix: u32) -> Result<u32> {
        let digits = self.text.get(self.at..self.at + len).unwrap_or("");
        let valid = !digits.is_empty() && digits.chars().all(|c| c.is_digit(radix));
        self.at = (self.at + digits.len()).min(self.text.len());
        match u32::from_str_radix(digits, radix) {
            Ok(value) if valid => Ok(value),
            _ => self.error(start, "an escape without its digits"),
        }
    }
}

fn function_named(text: &str) -> Option<Kind> {
    let same = |name: &str| name.eq_ignore_ascii_case(text);
    if let Some(op) = RangeOp::ALL.into_iter().find(|op| same(op.as_str())) {
        return Some(Kind::RangeOp(op));
    }
    if let Some(op) = VectorOp::ALL.into_iter().find(|op| same(op.as_str())) {
        return Some(Kind::VectorOp(op));
    }
    let conversions = [Conversion::Bytes, Conversion::Duration, Conversion::DurationSeconds];
    conversions.into_iter().find(|conversion| same(conversion.as_str())).map(Kind::Conversion)
}

fn is_duration_char(c: char) -> bool {
    matches!(c, 'n' | 'u' | 'µ' | 'm' | 's' | 'h' | 'd' | 'w' | 'y')
}

fn is_size_char(c: char) -> bool {
    matches!(c, 'B' | 'i' | 'k' | 'K' | 'M' | 'G' | 'T' | 'P')
}
