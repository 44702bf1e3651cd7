//! Regular expressions as the query languages mean them: Go's `regexp`, which is RE2.
//!
//! A [`GoRegex`] reads Go's syntax and answers as Go does. It is taken apart before it is compiled (see [`Shape`]), so
//! that `api-.*` costs a comparison and `a|b|c` a binary search. What remains runs on `regex-automata`: time is linear
//! in the text and memory has a limit, whatever the expression.
//!
//! | who | how |
//! |---|---|
//! | label matchers, TraceQL | [`GoRegex::anchored`]: from end to end, `.` matches a new line |
//! | LogQL line filters and parsers | [`GoRegex::unanchored`]: anywhere, `.` does not match a new line |
//!
//! Two limits are lower than Go's: groups nest 250 deep, and a compiled expression takes at most 10 MiB.

mod captures;
mod class;
mod error;
mod parser;
mod sequence;
mod shape;

use std::fmt;
use std::sync::Arc;

use regex_automata::meta;
use regex_syntax::hir::{Hir, HirKind, Look};

pub use captures::Captures;
pub use error::RegexError;
pub use shape::{Folded, Glob, Shape};

use parser::Flags;

/// The largest compiled size of one expression, in bytes.
pub const COMPILED_BYTES_MAX: usize = 10 << 20;

/// The longest expression, in bytes. Its tree takes at most some hundred times as much.
pub const PATTERN_BYTES_MAX: usize = 1 << 20;

/// An expression in Go's syntax. Clones share what was compiled.
///
/// ```
/// use bedrock::regex::GoRegex;
///
/// let filter = GoRegex::unanchored(r"status=5\d\d")?;
/// assert!(filter.is_match("path=/cart status=503"));
/// let matcher = GoRegex::anchored("api|db.*")?;
/// assert!(matcher.is_match("db-7") && !matcher.is_match("api-7"));
/// # Ok::<(), bedrock::regex::RegexError>(())
/// ```
#[derive(Clone)]
pub struct GoRegex {
    test: TextTest,
    compiled: meta::Regex,
    required: Arc<[Box<str>]>,
}

impl GoRegex {
    /// An expression that must match from end to end, with `.` matching new lines: `^(?s:pattern)$`.
    ///
    /// # Errors
    ///
    /// [`RegexError`] where it is malformed or too large.
    pub fn anchored(pattern: &str) -> Result<Self, RegexError> {
        Self::new(pattern, true)
    }

    /// An expression that may match anywhere, as Go's `regexp.Compile(pattern)`.
    ///
    /// # Errors
    ///
    /// [`RegexError`] where it is malformed or too large.
    pub fn unanchored(pattern: &str) -> Result<Self, RegexError> {
        Self::new(pattern, false)
    }

    fn new(pattern: &str, anchored: bool) -> Result<Self, RegexError> {
        let hir = parse(pattern, anchored)?;
        let mut test = TextTest::of(pattern, &hir, anchored)?;
        let compiled = match test.automaton.take() {
            Some(compiled) => compiled,
            None => compile(&hir, anchored)?,
        };
        test.automaton = Some(compiled.clone());
        let mut required = Vec::new();
        required_literals(&hir, &mut required);
        Ok(GoRegex { test, compiled, required: required.into() })
    }

    /// The expression as it was given.
    pub fn pattern(&self) -> &str {
        &self.test.pattern
    }

    /// Whether the text matches.
    #[inline]
    pub fn is_match(&self, text: &str) -> bool {
        self.test.matches(text)
    }

    /// Whether bytes match that may not be UTF-8: as in Go, each invalid byte counts as the character U+FFFD.
    ///
    /// Costs the validation of the bytes (about 10 GB/s) more than [`GoRegex::is_match`].
    pub fn is_match_bytes(&self, text: &[u8]) -> bool {
        match str::from_utf8(text) {
            Ok(text) => self.is_match(text),
            Err(_) => self.is_match(&replace_invalid(text)),
        }
    }

    /// What the expression was taken apart into. Of an unanchored expression it is the shape of `(?s:.*)` around it.
    pub fn shape(&self) -> &Shape {
        &self.test.shape
    }

    /// Literals that all occur, in this order and without overlap, in every text that matches: needles for an index
    /// or a filter. None where nothing is known.
    pub fn required_literals(&self) -> &[Box<str>] {
        &self.required
    }

    /// The compiled expression, for searches over pages of text. It knows nothing of U+FFFD for invalid bytes.
    pub fn automaton(&self) -> &meta::Regex {
        &self.compiled
    }
}

impl fmt::Debug for GoRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("GoRegex").field(&self.test.pattern).finish()
    }
}

impl fmt::Display for GoRegex {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.test.pattern)
    }
}

impl PartialEq for GoRegex {
    fn eq(&self, other: &Self) -> bool {
        self.test.pattern == other.test.pattern && self.test.anchored == other.test.anchored
    }
}

impl Eq for GoRegex {}

/// A yes-or-no test of texts, which has an automaton only where its shape does not answer.
#[derive(Clone)]
pub(crate) struct TextTest {
    pattern: Arc<str>,
    anchored: bool,
    shape: Arc<Shape>,
    automaton: Option<meta::Regex>,
}

impl TextTest {
    /// The test of a label matcher.
    pub(crate) fn anchored(pattern: &str) -> Result<Self, RegexError> {
        Self::of(pattern, &parse(pattern, true)?, true)
    }

    fn of(pattern: &str, hir: &Hir, anchored: bool) -> Result<Self, RegexError> {
        let shape = Shape::of(hir, anchored);
        let automaton = match &shape {
            Shape::Regex { .. } => Some(compile(hir, anchored)?),
            _ => None,
        };
        Ok(TextTest { pattern: pattern.into(), anchored, shape: Arc::new(shape), automaton })
    }

    #[inline]
    pub(crate) fn matches(&self, text: &str) -> bool {
        match (self.shape.matches(text), &self.automaton) {
            (Some(known), _) => known,
            (None, Some(automaton)) => automaton.is_match(text),
            (None, None) => unreachable!("a shape that does not answer comes with an automaton"),
        }
    }

    pub(crate) fn shape(&self) -> &Shape {
        &self.shape
    }
}

fn parse(pattern: &str, anchored: bool) -> Result<Hir, RegexError> {
    if pattern.len() > PATTERN_BYTES_MAX {
        return Err(RegexError::TooLarge { max_bytes: PATTERN_BYTES_MAX });
    }
    parser::parse(pattern, Flags { dot_matches_new_line: anchored, ..Flags::default() })
}

fn compile(hir: &Hir, anchored: bool) -> Result<meta::Regex, RegexError> {
    let hir = if anchored {
        Hir::concat(vec![Hir::look(Look::Start), hir.clone(), Hir::look(Look::End)])
    } else {
        hir.clone()
    };
    let config = meta::Config::new().nfa_size_limit(Some(COMPILED_BYTES_MAX));
    let built = meta::Builder::new().configure(config).build_from_hir(&hir);
    // The tree is sound, so size is all that can be wrong with it.
    built
        .map_err(|error| RegexError::TooLarge { max_bytes: error.size_limit().unwrap_or(COMPILED_BYTES_MAX) })
}

/// Collects literals that every match contains, from left to right.
fn required_literals(hir: &Hir, out: &mut Vec<Box<str>>) {
    match hir.kind() {
        HirKind::Literal(literal) => out.extend(str::from_utf8(&literal.0).map(Box::from)),
        HirKind::Capture(capture) => required_literals(&capture.sub, out),
        HirKind::Concat(subs) => subs.iter().for_each(|sub| required_literals(sub, out)),
        HirKind::Repetition(repetition) if repetition.min > 0 => required_literals(&repetition.sub, out),
        _ => {}
    }
}

/// The text with one U+FFFD for each byte that is no part of a character.
fn replace_invalid(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() + bytes.len() / 8);
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| char::REPLACEMENT_CHARACTER));
    }
    text
}

#[cfg(test)]
mod tests;
