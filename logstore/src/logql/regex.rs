//! Regular expressions over lines and label values: bytes in, as Go means them.

use bedrock::regex::GoRegex;
use regex_automata::util::captures::Captures;
use regex_automata::{Input, PatternID, meta};

/// A compiled regular expression.
#[derive(Clone, Debug)]
pub(crate) struct Regex {
    test: GoRegex,
    /// For groups, and for places in the text.
    inner: meta::Regex,
}

impl Regex {
    /// Compiles an expression that may match anywhere.
    pub(crate) fn new(pattern: &str) -> Result<Self, String> {
        Self::of(GoRegex::unanchored(pattern))
    }

    /// Compiles an expression that has to match the whole text.
    pub(crate) fn anchored(pattern: &str) -> Result<Self, String> {
        Self::of(GoRegex::anchored(pattern))
    }

    fn of(compiled: Result<GoRegex, bedrock::regex::RegexError>) -> Result<Self, String> {
        let test = compiled.map_err(|error| error.to_string())?;
        Ok(Regex { inner: test.automaton().clone(), test })
    }

    pub(crate) fn is_match(&self, text: &[u8]) -> bool {
        self.test.is_match_bytes(text)
    }

    /// The longest literal that is in every text that matches, where one is known. U+FFFD is none: it also matches bytes
    /// that are no UTF-8.
    pub(crate) fn required_literal(&self) -> Option<&str> {
        let literals = self.test.required_literals().iter().map(|literal| &**literal);
        literals.filter(|literal| !literal.contains('\u{fffd}')).max_by_key(|literal| literal.len())
    }

    /// The name of each group, `None` for the whole match and for groups without one.
    pub(crate) fn group_names(&self) -> impl Iterator<Item = Option<&str>> {
        self.inner.group_info().pattern_names(PatternID::ZERO)
    }

    /// Room for the groups of one match.
    pub(crate) fn captures(&self) -> Captures {
        self.inner.create_captures()
    }

    /// Finds the first match with its groups.
    pub(crate) fn find_groups(&self, text: &[u8], groups: &mut Captures) -> bool {
        self.inner.captures(text, groups);
        groups.is_match()
    }

    /// The number of matches that do not overlap.
    pub(crate) fn count(&self, text: &[u8]) -> usize {
        self.inner.find_iter(text).count()
    }

    /// Replaces every match by what `write` puts there; `None` where the result would pass `bytes_max`.
    pub(crate) fn replace_all(
        &self,
        text: &[u8],
        bytes_max: usize,
        mut write: impl FnMut(&Captures, &mut Vec<u8>),
    ) -> Option<Vec<u8>> {
        let mut replaced = Vec::with_capacity(text.len());
        let mut groups = self.captures();
        let mut copied = 0;
        for found in self.inner.find_iter(text) {
            self.inner.search_captures(&Input::new(text).range(found.start()..), &mut groups);
            replaced.extend_from_slice(text.get(copied..found.start())?);
            write(&groups, &mut replaced);
            copied = found.end();
            if replaced.len() > bytes_max {
                return None;
            }
        }
        replaced.extend_from_slice(text.get(copied..)?);
        Some(replaced)
    }

    /// Writes a replacement text, with `$1`, `$name` and `${name}` standing for groups and `$$` for `$`.
    pub(crate) fn expand(&self, replacement: &str, text: &[u8], groups: &Captures, out: &mut Vec<u8>) {
        let mut rest = replacement;
        while let Some(at) = rest.find('$') {
            out.extend_from_slice(&rest.as_bytes()[..at]);
            rest = &rest[at + 1..];
            if let Some(after) = rest.strip_prefix('$') {
                out.push(b'$');
                rest = after;
                continue;
            }
            let Some((name, after)) = group_reference(rest) else {
                out.push(b'$');
                continue;
            };
            rest = after;
            let span = match name.parse::<usize>() {
                Ok(index) => groups.get_group(index),
                Err(_) => groups.get_group_by_name(name),
            };
            out.extend_from_slice(span.and_then(|span| text.get(span.range())).unwrap_or(b""));
        }
        out.extend_from_slice(rest.as_bytes());
    }
}

/// The group behind a `$`: its name or number, and what follows.
fn group_reference(text: &str) -> Option<(&str, &str)> {
    let is_name = |c: char| c == '_' || c.is_alphanumeric();
    if let Some(inner) = text.strip_prefix('{') {
        let (name, after) = inner.split_once('}')?;
        return (!name.is_empty() && name.chars().all(is_name)).then_some((name, after));
    }
    let len = text.find(|c| !is_name(c)).unwrap_or(text.len());
    (len > 0).then(|| text.split_at(len))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn replacements_name_groups() {
        let regex = Regex::new("(a)(?P<n>.)").unwrap();
        let replaced =
            regex.replace_all(b"xab", 100, |groups, out| regex.expand("${n}$1$$$nope", b"xab", groups, out));
        assert_eq!(replaced.unwrap(), b"xba$");
    }
}
