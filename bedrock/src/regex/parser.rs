//! Go's regular expression syntax, read into the tree that `regex-syntax` works on.
//!
//! The Rust and the Go dialect look alike and differ in a hundred small ways: `\d \w \s \b` are ASCII in Go and `\s`
//! has no vertical tab, `\<`, `&&` in classes and `{` without a number are literals, `a**` is an error, `\Q..\E` and
//! octal escapes exist, only the flags `imsU` do. So this is a parser of its own, after the grammar of RE2 as Go's
//! `regexp/syntax` reads it with its `Perl` flags. Its errors are Go's.

use regex_syntax::hir::{
    Capture, Class, ClassUnicode, ClassUnicodeRange, Dot, Hir, HirKind, Look, Repetition,
};

use super::RegexError;
use super::class;

/// Groups inside groups. Go allows 1000; compilation recurses, and a stack of 2 MiB must do.
const NEST_MAX: usize = 250;

/// The largest count of a repetition, and of repetitions inside repetitions multiplied.
const REPEAT_MAX: u32 = 1000;

/// Ranges of all classes together: `\pL` has 700, and three bytes of expression ask for it.
const RANGES_MAX: usize = 1 << 18;

/// The flags that `(?imsU)` sets.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Flags {
    /// `i`
    pub(super) fold_case: bool,
    /// `m`
    pub(super) multi_line: bool,
    /// `s`
    pub(super) dot_matches_new_line: bool,
    /// `U`
    pub(super) swap_greed: bool,
}

/// Parses a whole expression.
pub(super) fn parse(pattern: &str, flags: Flags) -> Result<Hir, RegexError> {
    let mut parser =
        Parser { pattern, position: 0, flags, captures: 0, names: Vec::new(), ranges_left: RANGES_MAX };
    let hir = parser.alternation(0)?;
    if parser.position < pattern.len() {
        return Err(parser.error_at("unexpected )", 0, pattern.len()));
    }
    Ok(hir)
}

/// Reads the expression from left to right. `position` always lies on a character boundary.
pub(super) struct Parser<'p> {
    pattern: &'p str,
    pub(super) position: usize,
    pub(super) flags: Flags,
    captures: u32,
    names: Vec<&'p str>,
    ranges_left: usize,
}

impl<'p> Parser<'p> {
    pub(super) fn rest(&self) -> &'p str {
        &self.pattern[self.position..]
    }

    pub(super) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(super) fn next(&mut self) -> Option<char> {
        let c = self.peek()?;
        self.position += c.len_utf8();
        Some(c)
    }

    pub(super) fn eat(&mut self, text: &str) -> bool {
        let found = self.rest().starts_with(text);
        if found {
            self.position += text.len();
        }
        found
    }

    /// Takes ranges off what the expression may have in all.
    pub(super) fn charge(&mut self, ranges: usize) -> Result<(), RegexError> {
        let left = self.ranges_left.checked_sub(ranges);
        self.ranges_left = left.ok_or(RegexError::TooLarge { max_bytes: super::COMPILED_BYTES_MAX })?;
        Ok(())
    }

    /// An error about everything from `start` to the current position.
    pub(super) fn error_from(&self, problem: &'static str, start: usize) -> RegexError {
        self.error_at(problem, start, self.position)
    }

    pub(super) fn error_at(&self, problem: &'static str, start: usize, end: usize) -> RegexError {
        let fragment = self.pattern.get(start..end).unwrap_or_default().to_owned();
        RegexError::Syntax { problem, fragment, position: start }
    }

    /// Branches up to the end or to a `)`, which stays.
    fn alternation(&mut self, depth: usize) -> Result<Hir, RegexError> {
        if depth > NEST_MAX {
            return Err(self.error_at("expression nests too deeply", 0, self.pattern.len()));
        }
        let mut branches = Vec::new();
        loop {
            branches.push(self.concat(depth)?);
            if !self.eat("|") {
                break;
            }
        }
        Ok(Hir::alternation(branches))
    }

    fn concat(&mut self, depth: usize) -> Result<Hir, RegexError> {
        let mut items: Vec<Hir> = Vec::new();
        // Where the repetition operator starts that was just applied.
        let mut repeated_at = None;
        while let Some(c) = self.peek() {
            let start = self.position;
            let mut repeated_now = None;
            match c {
                '|' | ')' => break,
                '*' | '+' | '?' | '{' => {
                    if let Some((min, max)) = self.operator()? {
                        self.repeat(&mut items, min, max, start, repeated_at)?;
                        repeated_now = Some(start);
                    } else {
                        self.position += 1;
                        items.push(self.literal(c));
                    }
                }
                '(' => items.extend(self.group(depth)?),
                '[' => items.push(class::bracketed(self)?),
                '\\' => self.escape(&mut items)?,
                _ => {
                    self.position += c.len_utf8();
                    items.push(self.symbol(c));
                }
            }
            repeated_at = repeated_now;
        }
        Ok(Hir::concat(items))
    }

    /// A character that stands for itself or is an assertion or `.`.
    fn symbol(&self, c: char) -> Hir {
        match c {
            '^' if self.flags.multi_line => Hir::look(Look::StartLF),
            '^' => Hir::look(Look::Start),
            '$' if self.flags.multi_line => Hir::look(Look::EndLF),
            '$' => Hir::look(Look::End),
            '.' if self.flags.dot_matches_new_line => Hir::dot(Dot::AnyChar),
            '.' => Hir::dot(Dot::AnyCharExceptLF),
            c => self.literal(c),
        }
    }

    pub(super) fn literal(&self, c: char) -> Hir {
        if !self.flags.fold_case {
            return Hir::literal(c.encode_utf8(&mut [0; 4]).as_bytes());
        }
        let mut class = ClassUnicode::new([ClassUnicodeRange::new(c, c)]);
        class.case_fold_simple();
        Hir::class(Class::Unicode(class))
    }

    /// Reads a repetition operator; `None`, and nothing read, where a `{` is no more than a brace.
    fn operator(&mut self) -> Result<Option<(u32, Option<u32>)>, RegexError> {
        let start = self.position;
        let bounds = match self.next() {
            Some('*') => (0, None),
            Some('+') => (1, None),
            Some('?') => (0, Some(1)),
            _ => match self.counts() {
                Some(bounds) => bounds,
                None => {
                    self.position = start;
                    return Ok(None);
                }
            },
        };
        let (min, max) = bounds;
        if min > REPEAT_MAX || max.is_some_and(|max| max > REPEAT_MAX || max < min) {
            return Err(self.error_from("invalid repeat count", start));
        }
        Ok(Some(bounds))
    }

    /// The inside of `{2}`, `{2,}` or `{2,5}` after the brace.
    fn counts(&mut self) -> Option<(u32, Option<u32>)> {
        let min = self.count()?;
        if self.eat("}") {
            return Some((min, Some(min)));
        }
        if !self.eat(",") {
            return None;
        }
        if self.eat("}") {
            return Some((min, None));
        }
        let max = self.count()?;
        self.eat("}").then_some((min, Some(max)))
    }

    fn count(&mut self) -> Option<u32> {
        let digits = self.rest().bytes().take_while(u8::is_ascii_digit).count();
        let text = &self.rest()[..digits];
        if text.is_empty() || (text.len() > 1 && text.starts_with('0')) {
            return None;
        }
        self.position += digits;
        // A number beyond 32 bits is a repetition nevertheless, with a count that is refused.
        Some(text.parse().unwrap_or(u32::MAX))
    }

    fn repeat(
        &mut self,
        items: &mut Vec<Hir>,
        min: u32,
        max: Option<u32>,
        start: usize,
        repeated_at: Option<usize>,
    ) -> Result<(), RegexError> {
        let lazy = self.eat("?");
        if let Some(before) = repeated_at {
            return Err(self.error_from("invalid nested repetition operator", before));
        }
        let Some(sub) = items.pop() else {
            return Err(self.error_from("missing argument to repetition operator", start));
        };
        let repetition = Hir::repetition(Repetition {
            min,
            max,
            greedy: lazy == self.flags.swap_greed,
            sub: Box::new(sub),
        });
        if (min >= 2 || max.is_some_and(|max| max >= 2)) && !within_repeat_limit(&repetition, REPEAT_MAX) {
            return Err(self.error_from("invalid repeat count", start));
        }
        items.push(repetition);
        Ok(())
    }

    /// A group, or `None` for `(?i)`, which only sets flags up to the end of the group around it.
    fn group(&mut self, depth: usize) -> Result<Option<Hir>, RegexError> {
        let start = self.position;
        let outer = self.flags;
        self.position += 1;
        let mut capture = None;
        if self.eat("?P<") || self.eat("?<") {
            let name = self.capture_name(start)?;
            self.captures += 1;
            capture = Some((self.captures, Some(name.into())));
        } else if self.eat("?") {
            if !self.group_flags(start)? {
                return Ok(None);
            }
        } else {
            self.captures += 1;
            capture = Some((self.captures, None));
        }
        let sub = self.alternation(depth + 1)?;
        if !self.eat(")") {
            return Err(self.error_at("missing closing )", 0, self.pattern.len()));
        }
        self.flags = outer;
        Ok(Some(match capture {
            Some((index, name)) => Hir::capture(Capture { index, name, sub: Box::new(sub) }),
            None => sub,
        }))
    }

    fn capture_name(&mut self, start: usize) -> Result<&'p str, RegexError> {
        const PROBLEM: &str = "invalid named capture";
        let Some(length) = self.rest().find('>') else {
            return Err(self.error_at(PROBLEM, start, self.pattern.len()));
        };
        let name = &self.rest()[..length];
        let name_start = self.position;
        self.position += length + 1;
        if name.is_empty() || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
            return Err(self.error_from(PROBLEM, start));
        }
        if self.names.contains(&name) {
            return Err(self.error_at("duplicate capture group name", name_start, name_start + length));
        }
        self.names.push(name);
        Ok(name)
    }

    /// Reads `ims-U:` or `ims-U)`, and says whether a group begins.
    fn group_flags(&mut self, start: usize) -> Result<bool, RegexError> {
        let mut on = true;
        let mut any_since_minus = true;
        loop {
            match self.next() {
                Some('i') => self.flags.fold_case = on,
                Some('m') => self.flags.multi_line = on,
                Some('s') => self.flags.dot_matches_new_line = on,
                Some('U') => self.flags.swap_greed = on,
                Some('-') if on => {
                    on = false;
                    any_since_minus = false;
                    continue;
                }
                Some(':') if any_since_minus => return Ok(true),
                Some(')') if any_since_minus => return Ok(false),
                None => return Err(self.error_at("missing closing )", 0, self.pattern.len())),
                Some(_) => return Err(self.error_from("invalid or unsupported Perl syntax", start)),
            }
            any_since_minus = true;
        }
    }

    /// What starts with a backslash, outside brackets.
    fn escape(&mut self, items: &mut Vec<Hir>) -> Result<(), RegexError> {
        let look = match self.rest().as_bytes().get(1) {
            Some(b'A') => Look::Start,
            Some(b'z') => Look::End,
            Some(b'b') => Look::WordAscii,
            Some(b'B') => Look::WordAsciiNegate,
            Some(b'Q') => {
                self.position += 2;
                let (quoted, length) = match self.rest().find("\\E") {
                    Some(end) => (&self.rest()[..end], end + 2),
                    None => (self.rest(), self.rest().len()),
                };
                items.extend(quoted.chars().map(|c| self.literal(c)));
                self.position += length;
                return Ok(());
            }
            _ => {
                items.push(match class::escaped(self)? {
                    Some(class) => {
                        self.charge(class.ranges().len())?;
                        Hir::class(Class::Unicode(class))
                    }
                    None => match self.escaped_char()? {
                        Some(c) => self.literal(c),
                        None => Hir::fail(),
                    },
                });
                return Ok(());
            }
        };
        self.position += 2;
        items.push(Hir::look(look));
        Ok(())
    }

    /// An escape that stands for one character; `None` for a surrogate, which no text holds.
    pub(super) fn escaped_char(&mut self) -> Result<Option<char>, RegexError> {
        const PROBLEM: &str = "invalid escape sequence";
        let start = self.position;
        self.position += 1;
        let Some(c) = self.next() else {
            return Err(self.error_at("trailing backslash at end of expression", start, start));
        };
        let plain = match c {
            'a' => '\x07',
            'f' => '\x0c',
            'n' => '\n',
            'r' => '\r',
            't' => '\t',
            'v' => '\x0b',
            'x' => return self.hexadecimal(start),
            '1'..='7' if !self.peek().is_some_and(|c| c.is_digit(8)) => {
                return Err(self.error_from(PROBLEM, start));
            }
            '0'..='7' => {
                let mut code = c.to_digit(8).unwrap_or_default();
                for _ in 0..2 {
                    let Some(digit) = self.peek().and_then(|c| c.to_digit(8)) else { break };
                    self.position += 1;
                    code = code * 8 + digit;
                }
                return Ok(char::from_u32(code));
            }
            c if c.is_ascii() && !c.is_ascii_alphanumeric() => c,
            _ => return Err(self.error_from(PROBLEM, start)),
        };
        Ok(Some(plain))
    }

    /// `\x7f` or `\x{1f600}`, after the `x`.
    fn hexadecimal(&mut self, start: usize) -> Result<Option<char>, RegexError> {
        const PROBLEM: &str = "invalid escape sequence";
        let braced = self.eat("{");
        let mut code = 0u32;
        let mut digits = 0;
        while braced || digits < 2 {
            let digit = match self.next() {
                Some('}') if braced && digits > 0 => break,
                Some(c) => c.to_digit(16),
                None => None,
            };
            let Some(digit) = digit else { return Err(self.error_from(PROBLEM, start)) };
            code = code * 16 + digit;
            digits += 1;
            if code > u32::from(char::MAX) {
                return Err(self.error_from(PROBLEM, start));
            }
        }
        Ok(char::from_u32(code))
    }
}

/// Whether the counted repetitions of `hir`, multiplied along each path, stay within `limit`.
fn within_repeat_limit(hir: &Hir, limit: u32) -> bool {
    let limit = match hir.kind() {
        HirKind::Repetition(repetition) => match repetition.max.unwrap_or(repetition.min) {
            0 if repetition.max.is_some() => return true,
            0 => limit,
            count if count > limit => return false,
            count => limit / count,
        },
        _ => limit,
    };
    hir.kind().subs().iter().all(|sub| within_repeat_limit(sub, limit))
}
