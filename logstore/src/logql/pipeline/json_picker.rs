//! `| json a="b.c[0]"`: a few values of a JSON text, found in one pass over it.
//!
//! The pass is as forgiving as the reference's, and in the same places: it looks for keys and brackets and takes the
//! first value of each path, whatever else the text holds.

use crate::logql::json::{self, JsonError, JsonType, JsonValue};
use crate::logql::pipeline::hints::Hints;
use crate::logql::pipeline::labels::LineLabels;
use crate::logql::pipeline::parsers::{JSON_ERROR, fail};

/// One step of a path.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Key(String),
    Index(usize),
}

/// Reads a path such as `a.b[0]["c d"]`.
pub(crate) fn parse_path(text: &str) -> Result<Vec<Step>, String> {
    let wrong = || format!("{text:?} is no path into JSON; right would be for example a.b[0]");
    let blank = |c: char| matches!(c, ' ' | '\t' | '\n');
    let mut steps = Vec::new();
    let mut rest = text.trim_matches(blank);
    let mut after_dot = true;
    while let Some(c) = rest.chars().next() {
        if c == '[' {
            let inner = rest[1..].trim_start_matches(blank);
            if let Some(quoted) = inner.strip_prefix('"') {
                let end = quoted.find(['"', ']']).ok_or_else(wrong)?;
                steps.push(Step::Key(quoted[..end].to_owned()));
                rest = quoted[end + 1..].trim_start_matches(blank).strip_prefix(']').ok_or_else(wrong)?;
            } else {
                let (index, after) = inner.split_once(']').ok_or_else(wrong)?;
                steps.push(Step::Index(index.trim_matches(blank).parse().map_err(|_| wrong())?));
                rest = after;
            }
        } else if after_dot && (c == '_' || c.is_ascii_alphabetic()) {
            let len = rest.find(|c: char| c != '_' && !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
            steps.push(Step::Key(rest[..len].to_owned()));
            rest = &rest[len..];
        } else {
            return Err(wrong());
        }
        rest = rest.trim_start_matches(blank);
        after_dot = false;
        if let Some(after) = rest.strip_prefix('.') {
            rest = after.trim_start_matches(blank);
            after_dot = true;
            if !rest.starts_with(|c: char| c == '_' || c.is_ascii_alphabetic()) {
                return Err(wrong());
            }
        }
    }
    if steps.is_empty() { Err(wrong()) } else { Ok(steps) }
}

/// The stage.
#[derive(Debug)]
pub(crate) struct JsonPicker {
    picks: Vec<(String, Vec<Step>)>,
    longest: usize,
    name: String,
    value: Vec<u8>,
}

impl JsonPicker {
    pub(crate) fn new(picks: Vec<(String, Vec<Step>)>) -> Self {
        let longest = picks.iter().map(|(_, path)| path.len()).max().unwrap_or(0);
        JsonPicker { picks, longest, name: String::new(), value: Vec::new() }
    }

    /// The same stage with a memory of its own.
    pub(crate) fn again(&self) -> Self {
        JsonPicker::new(self.picks.clone())
    }

    /// Whether a path begins with a key.
    pub(crate) fn starts_with(&self, key: &[u8]) -> bool {
        let first = |path: &[Step]| matches!(path.first(), Some(Step::Key(name)) if name.as_bytes() == key);
        self.picks.iter().any(|(_, path)| first(path))
    }

    pub(crate) fn run(&mut self, line: &[u8], labels: &mut LineLabels, hints: &Hints) -> bool {
        if line.is_empty() || hints.needs_nothing(labels) {
            return true;
        }
        if !matches!(line[0], b'"' | b'{' | b'[') {
            fail(labels, hints, JSON_ERROR, "");
            return true;
        }
        let (picks, name, buffer) = (&self.picks, &mut self.name, &mut self.value);
        let mut found = 0;
        let mut search =
            Search { picks, longest: self.longest, done: vec![false; picks.len()], left: picks.len() };
        search.run(line, &mut |result| match result {
            Err(error) => fail(labels, hints, JSON_ERROR, &error.to_string()),
            Ok((pick, value)) => {
                found += 1;
                picks[pick].0.clone_into(name);
                labels.make_free(name);
                set_value(name, value, buffer, labels);
            }
        });
        if found < picks.len() {
            for (label, _) in picks {
                if labels.get(label).is_none() {
                    labels.set(label, "");
                }
            }
        }
        true
    }
}

/// Texts lose their escapes, `null` its text; objects stay as they stand, and so does the rest without escapes.
fn set_value(name: &str, value: JsonValue<'_>, buffer: &mut Vec<u8>, labels: &mut LineLabels) {
    match value.kind {
        JsonType::Null => labels.set(name, ""),
        JsonType::Object => labels.set_bytes(name, value.raw, '\u{fffd}'),
        _ => {
            buffer.clear();
            if json::unescape(value.raw, buffer).is_none() {
                buffer.clear();
            }
            labels.set_bytes(name, buffer, ' ');
        }
    }
}

type Found<'j> = Result<(usize, JsonValue<'j>), JsonError>;

struct Search<'p> {
    picks: &'p [(String, Vec<Step>)],
    longest: usize,
    done: Vec<bool>,
    left: usize,
}

impl Search<'_> {
    /// Walks the text once. `keys` holds the keys above the current level.
    fn run<'j>(&mut self, text: &'j [u8], found: &mut dyn FnMut(Found<'j>)) {
        let mut keys: Vec<Vec<u8>> = vec![Vec::new(); self.longest];
        let mut level: isize = 0;
        let mut at = 0;
        while let Some(&byte) = text.get(at) {
            match byte {
                b'"' => match self.key(text, at, level, &mut keys, found) {
                    Some(next) => at = next,
                    None => return,
                },
                b'{' => level += 1,
                b'}' | b']' => level -= 1,
                b'[' => match self.array(text, at, &mut level, &keys, found) {
                    Some(next) => at = next,
                    None => return,
                },
                _ => {}
            }
            at += 1;
        }
    }

    /// A text: a key where a colon follows. Gives the offset of the last byte that is done with.
    fn key<'j>(
        &mut self,
        text: &'j [u8],
        at: usize,
        level: isize,
        keys: &mut [Vec<u8>],
        found: &mut dyn FnMut(Found<'j>),
    ) -> Option<usize> {
        let (end, escapes) = json::text_end(text, at + 1)?;
        let at_colon = json::next_token(text, end)?;
        if text[at_colon] != b':' {
            return Some(at_colon - 1);
        }
        let raw = &text[at + 1..end - 1];
        let mut key = Vec::new();
        if escapes {
            json::unescape(raw, &mut key)?;
        } else {
            key.extend_from_slice(raw);
        }
        if isize::try_from(self.longest).is_ok_and(|longest| longest >= level) {
            let Some(depth) = usize::try_from(level).ok().filter(|&level| level >= 1) else {
                found(Err(JsonError::Malformed));
                return None;
            };
            keys[depth - 1] = key;
            for pick in 0..self.picks.len() {
                let path = &self.picks[pick].1;
                if self.done[pick] || path.len() != depth || !leads_to(path, &keys[..depth]) {
                    continue;
                }
                self.done[pick] = true;
                self.left -= 1;
                found(json::value_at(text, at_colon + 1).map(|(value, _)| (pick, value)));
                if self.left == 0 {
                    return None;
                }
            }
        }
        // The value is walked too: its keys may end other paths.
        Some(at_colon)
    }

    /// An array: the elements that paths ask for. Gives the offset of its last byte.
    fn array<'j>(
        &mut self,
        text: &'j [u8],
        at: usize,
        level: &mut isize,
        keys: &[Vec<u8>],
        found: &mut dyn FnMut(Found<'j>),
    ) -> Option<usize> {
        let Ok(depth) = usize::try_from(*level) else {
            found(Err(JsonError::Malformed));
            return None;
        };
        let wanted: Vec<(usize, usize)> = (0..self.picks.len())
            .filter(|&pick| !self.done[pick])
            .filter_map(|pick| match self.picks[pick].1.get(depth) {
                Some(Step::Index(index)) if leads_to(&self.picks[pick].1[..depth], &keys[..depth]) => {
                    Some((pick, *index))
                }
                _ => None,
            })
            .collect();
        if wanted.is_empty() {
            return json::block_end(text, at, b'[', b']').map(|end| end - 1);
        }
        *level += 1;
        let end = each_element(text, at, |index, value| {
            for &(pick, _) in wanted.iter().filter(|(_, wanted)| *wanted == index) {
                self.done[pick] = true;
                self.left = self.left.saturating_sub(1);
                if let Some(value) = descend(value, &self.picks[pick].1[depth + 1..]) {
                    found(Ok((pick, value)));
                }
            }
        });
        (self.left > 0).then(|| end.saturating_sub(1))
    }
}

/// Whether a path starts with these keys.
fn leads_to(path: &[Step], keys: &[Vec<u8>]) -> bool {
    path.len() >= keys.len()
        && path.iter().zip(keys).all(|(step, key)| match step {
            Step::Key(wanted) => wanted.as_bytes() == key.as_slice(),
            Step::Index(_) => false,
        })
}

/// Hands out the elements of the array at `at`; gives the offset of its closing bracket, or of where it breaks.
fn each_element<'j>(text: &'j [u8], at: usize, mut visit: impl FnMut(usize, JsonValue<'j>)) -> usize {
    let mut offset = at + 1;
    let mut index = 0;
    loop {
        let Some(start) = json::next_token(text, offset) else { return offset };
        if index == 0 && text[start] == b']' {
            return start;
        }
        let Ok((value, end)) = json::value_at(text, start) else { return start };
        if end == start {
            return start;
        }
        visit(index, value);
        index += 1;
        match json::next_token(text, end) {
            Some(next) if text[next] == b',' => offset = next + 1,
            Some(next) => return next,
            None => return end,
        }
    }
}

/// Follows the rest of a path inside a value.
fn descend<'j>(value: JsonValue<'j>, path: &[Step]) -> Option<JsonValue<'j>> {
    let Some((step, rest)) = path.split_first() else { return Some(value) };
    let mut inner = None;
    match (step, value.kind) {
        (Step::Key(wanted), JsonType::Object) => {
            let mut at = json::next_token(value.raw, 1)?;
            while value.raw.get(at) == Some(&b'"') {
                let (end, _) = json::text_end(value.raw, at + 1)?;
                let mut key = Vec::new();
                json::unescape(&value.raw[at + 1..end - 1], &mut key)?;
                let colon = json::next_token(value.raw, end).filter(|&colon| value.raw[colon] == b':')?;
                let (member, end) = json::value_at(value.raw, colon + 1).ok()?;
                if key == wanted.as_bytes() {
                    inner = Some(member);
                    break;
                }
                let comma = json::next_token(value.raw, end).filter(|&comma| value.raw[comma] == b',')?;
                at = json::next_token(value.raw, comma + 1)?;
            }
        }
        (Step::Index(wanted), JsonType::Array) => {
            each_element(value.raw, 0, |index, element| {
                if index == *wanted {
                    inner = Some(element);
                }
            });
        }
        _ => {}
    }
    descend(inner?, rest)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_read() {
        let key = |name: &str| Step::Key(name.to_owned());
        assert_eq!(parse_path(r#"a.b[0]["c d"]"#), Ok(vec![key("a"), key("b"), Step::Index(0), key("c d")]));
        for text in ["", "a.", "a..b", "[", "a[x]", "a b", "[1.5]", ".a"] {
            assert!(parse_path(text).is_err(), "{text}");
        }
    }

    fn pick(path: &str, line: &str) -> Option<String> {
        let mut labels = LineLabels::new(1 << 20);
        let mut picker = JsonPicker::new(vec![("x".to_owned(), parse_path(path).unwrap())]);
        picker.run(line.as_bytes(), &mut labels, &Hints::default());
        labels.get("x").map(str::to_owned)
    }

    #[test]
    fn values_are_found() {
        let line = r#"{"a":{"b":[1,{"c":"d\"e"}],"n":null},"o":{"p":1},"q":[[1,2],[3]]}"#;
        for (path, value) in [
            ("a.b[0]", "1"),
            ("a.b[1].c", "d\"e"),
            ("a.n", ""),
            ("o", r#"{"p":1}"#),
            ("q[1][0]", "3"),
            ("zz", ""),
        ] {
            assert_eq!(pick(path, line).as_deref(), Some(value), "{path}");
        }
    }
}
