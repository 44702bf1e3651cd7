//! Tests of a text: of a line, or of the value of a label.

use bedrock::labels::MatchOp;
use memchr::memmem;

use crate::logql::ast::{LineFilter, LineOp, LineOperand};
use crate::logql::error::{QueryError, Result};
use crate::logql::pattern::Pattern;
use crate::logql::pipeline::ip::IpTest;
use crate::logql::regex::Regex;
use crate::logql::simplify::{self, Literal, Plain};

/// A test that a text passes or not.
#[derive(Debug)]
pub(crate) enum TextTest {
    Always,
    NotEmpty,
    Equals(Vec<u8>),
    Contains(memmem::Finder<'static>),
    /// Letter case does not count; the needle is in lower case.
    ContainsFolded(String),
    EqualsFolded(String),
    Regex(Regex),
    Pattern(Pattern),
    Ip(IpTest),
    Not(Box<TextTest>),
    Any(Vec<TextTest>),
}

impl TextTest {
    pub(crate) fn test(&self, text: &[u8]) -> bool {
        match self {
            TextTest::Always => true,
            TextTest::NotEmpty => !text.is_empty(),
            TextTest::Equals(wanted) => wanted == text,
            TextTest::Contains(finder) => finder.find(text).is_some(),
            TextTest::ContainsFolded(needle) => contains_folded(text, needle),
            TextTest::EqualsFolded(needle) => text.len() == needle.len() && contains_folded(text, needle),
            TextTest::Regex(regex) => regex.is_match(text),
            TextTest::Pattern(pattern) => pattern.matches(text),
            TextTest::Ip(ip) => ip.found_in(text),
            TextTest::Not(inner) => !inner.test(text),
            TextTest::Any(tests) => tests.iter().any(|test| test.test(text)),
        }
    }

    fn negate(self, negative: bool) -> Self {
        if negative { TextTest::Not(Box::new(self)) } else { self }
    }

    fn contains(text: &str) -> Self {
        if text.is_empty() {
            TextTest::Always
        } else {
            TextTest::Contains(memmem::Finder::new(text).into_owned())
        }
    }

    fn of_plain(plain: Plain) -> Self {
        match plain {
            Plain::Always => TextTest::Always,
            Plain::NotEmpty => TextTest::NotEmpty,
            Plain::Contains(Literal { text, ignore_case: true }) => TextTest::ContainsFolded(text),
            Plain::Contains(Literal { text, ignore_case: false }) => TextTest::contains(&text),
            Plain::Equals(Literal { text, ignore_case: true }) => TextTest::EqualsFolded(text),
            Plain::Equals(Literal { text, ignore_case: false }) => TextTest::Equals(text.into_bytes()),
            Plain::Any(all) => TextTest::Any(all.into_iter().map(TextTest::of_plain).collect()),
        }
    }

    fn regex(pattern: &str, label: bool) -> Result<Self> {
        let regex = if label { Regex::anchored(pattern) } else { Regex::new(pattern) };
        let regex = regex.map_err(QueryError::invalid)?;
        Ok(simplify::simplify(pattern, label).map_or(TextTest::Regex(regex), TextTest::of_plain))
    }

    /// The test of a label's value.
    pub(crate) fn of_matcher(op: MatchOp, value: &str) -> Result<Self> {
        let positive = match op {
            MatchOp::Equal | MatchOp::NotEqual => TextTest::Equals(value.as_bytes().to_vec()),
            MatchOp::Regex | MatchOp::NotRegex => TextTest::regex(value, true)?,
        };
        Ok(positive.negate(op.is_negative()))
    }

    /// The test of a line. As in the reference, an alternative that every line passes is left out.
    pub(crate) fn of_line_filter(filter: &LineFilter) -> Result<Self> {
        let mut tests = Vec::new();
        for operand in &filter.operands {
            tests.push(TextTest::of_operand(filter.op, operand)?);
        }
        if tests.len() > 1 {
            let last = tests.pop();
            tests.retain(|test| !matches!(test, TextTest::Always));
            let keep_last = tests.is_empty() || !matches!(last, Some(TextTest::Always));
            tests.extend(last.filter(|_| keep_last));
        }
        Ok(if tests.len() == 1 { tests.swap_remove(0) } else { TextTest::Any(tests) })
    }

    fn of_operand(op: LineOp, operand: &LineOperand) -> Result<Self> {
        let positive = match (op, operand) {
            (LineOp::Contains | LineOp::NotContains, LineOperand::Text(text)) => TextTest::contains(text),
            (LineOp::Contains | LineOp::NotContains, LineOperand::Ip(pattern)) => {
                TextTest::Ip(IpTest::parse(pattern).map_err(QueryError::invalid)?)
            }
            (LineOp::Regex | LineOp::NotRegex, LineOperand::Text(text)) => TextTest::regex(text, false)?,
            (LineOp::Pattern | LineOp::NotPattern, LineOperand::Text(text)) => {
                TextTest::Pattern(Pattern::filter(text).map_err(QueryError::invalid)?)
            }
            (_, LineOperand::Ip(_)) => {
                return Err(QueryError::invalid("`ip` goes with the operators `|=` and `!=` only"));
            }
        };
        Ok(positive.negate(op.is_negative()))
    }

    /// Texts of which at least one occurs in every text that passes; none where nothing is known.
    pub(crate) fn needles(&self) -> Option<Vec<Vec<u8>>> {
        match self {
            TextTest::Contains(finder) => Some(vec![finder.needle().to_vec()]),
            TextTest::Equals(text) if !text.is_empty() => Some(vec![text.clone()]),
            TextTest::Pattern(pattern) => {
                let longest = pattern.literals().max_by_key(|literal| literal.len())?;
                Some(vec![longest.to_vec()])
            }
            TextTest::Regex(regex) => Some(vec![regex.required_literal()?.as_bytes().to_vec()]),
            TextTest::Any(tests) => {
                let all: Option<Vec<Vec<Vec<u8>>>> = tests.iter().map(TextTest::needles).collect();
                Some(all?.concat()).filter(|needles| !needles.is_empty())
            }
            _ => None,
        }
    }
}

/// Whether a text contains a needle that is in lower case, letter case aside.
fn contains_folded(text: &[u8], needle: &str) -> bool {
    let needle = needle.as_bytes();
    let Some(&first) = needle.first() else { return true };
    let last_start = text.len().checked_sub(needle.len());
    last_start.is_some_and(|last| {
        (0..=last).any(|at| text[at].to_ascii_lowercase() == first && starts_folded(&text[at..], needle))
    })
}

fn starts_folded(mut text: &[u8], mut needle: &[u8]) -> bool {
    while let (Some(&byte), Some(&wanted)) = (text.first(), needle.first()) {
        if byte.is_ascii() && wanted.is_ascii() {
            if byte.to_ascii_lowercase() != wanted {
                return false;
            }
            (text, needle) = (&text[1..], &needle[1..]);
            continue;
        }
        let (Some(found), Some(expected)) = (first_char(text), first_char(needle)) else {
            return false;
        };
        let mut lower = found.to_lowercase();
        if lower.next() != Some(expected) || lower.next().is_some() {
            return false;
        }
        (text, needle) = (&text[found.len_utf8()..], &needle[expected.len_utf8()..]);
    }
    needle.is_empty()
}

fn first_char(text: &[u8]) -> Option<char> {
    text.utf8_chunks().next()?.valid().chars().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letter_case_may_not_count() {
        let passes =
            |pattern: &str, text: &str| TextTest::regex(pattern, false).unwrap().test(text.as_bytes());
        assert!(passes("(?i)error", "an ERRor") && !passes("(?i)error", "an err"));
        assert!(passes("(?i)ïB", "Ïb") && passes("(?i)K", "\u{212a}x") == passes("(?i)k", "\u{212a}x"));
    }
}
