//! Parsers: stages that take labels out of a line.
//!
//! Each returns whether the line is kept: a filter on a label may be asked as soon as the label is found.

use regex_automata::util::captures::Captures;

use crate::logql::json::{self, Event, JsonError, JsonType, JsonValue, Walk};
use crate::logql::logfmt::{self, Pairs};
use crate::logql::pattern::Pattern;
use crate::logql::pipeline::hints::Hints;
use crate::logql::pipeline::labels::{ERROR, LineLabels, PRESERVE_ERROR, push_name};
use crate::logql::regex::Regex;

/// The error of a line that is no JSON.
pub(crate) const JSON_ERROR: &str = "JSONParserErr";
/// The error of a line that is no logfmt.
const LOGFMT_ERROR: &str = "LogfmtParserErr";
/// The key of a packed line.
const PACKED_ENTRY: &[u8] = b"_entry";

/// Marks a line that could not be parsed.
pub(crate) fn fail(labels: &mut LineLabels, hints: &Hints, error: &str, details: &str) {
    labels.fail(error, details);
    if hints.preserves_error() {
        labels.set(PRESERVE_ERROR, "true");
    }
}

/// What the members of a JSON object did to a line.
enum Outcome {
    Parsed,
    Dropped,
}

/// `| json`
#[derive(Debug, Default)]
pub(crate) struct JsonParser {
    /// The name so far: the keys that lead to where the walk is.
    prefix: String,
    /// For each open object, the length of the prefix outside of it.
    outer: Vec<usize>,
    name: String,
    value: Vec<u8>,
}

impl JsonParser {
    pub(crate) fn run(&mut self, line: &[u8], labels: &mut LineLabels, hints: &Hints) -> bool {
        if hints.needs_nothing(labels) {
            return true;
        }
        self.prefix.clear();
        self.outer.clear();
        let mut outcome = Outcome::Parsed;
        let end = json::walk(line, &mut |event| match event {
            Event::Leave => {
                let len = self.outer.pop().unwrap_or(0);
                self.prefix.truncate(len);
                self.after_value(labels, hints)
            }
            Event::Member(key, value) => self.member(key, value, labels, hints, &mut outcome),
        });
        if let Err(error) = end {
            fail(labels, hints, JSON_ERROR, &error.to_string());
        }
        matches!(outcome, Outcome::Parsed)
    }

    fn member(
        &mut self,
        key: &[u8],
        value: JsonValue<'_>,
        labels: &mut LineLabels,
        hints: &Hints,
        outcome: &mut Outcome,
    ) -> Walk {
        match value.kind {
            JsonType::Object => {
                let outside = self.prefix.len();
                extend_name(&mut self.prefix, key);
                if !hints.wants_prefix(&self.prefix) {
                    self.prefix.truncate(outside);
                    return Walk::On;
                }
                self.outer.push(outside);
                return Walk::Into;
            }
            JsonType::Text | JsonType::Number | JsonType::Boolean => {
                if !self.set(key, value, labels, hints) {
                    if !hints.has_all(labels) {
                        *outcome = Outcome::Dropped;
                    }
                    return Walk::Stop;
                }
            }
            JsonType::Null | JsonType::Array => {}
        }
        self.after_value(labels, hints)
    }

    fn after_value(&self, labels: &LineLabels, hints: &Hints) -> Walk {
        if hints.has_all(labels) { Walk::Stop } else { Walk::On }
    }

    /// Sets the label of a value; false where a filter drops the line.
    fn set(&mut self, key: &[u8], value: JsonValue<'_>, labels: &mut LineLabels, hints: &Hints) -> bool {
        self.name.clear();
        self.name.push_str(&self.prefix);
        extend_name(&mut self.name, key);
        // Inside of objects even a name of blanks, which is the empty name, is a label.
        if self.name.is_empty() && self.outer.is_empty() {
            return true;
        }
        labels.make_free(&mut self.name);
        if !hints.wants(&self.name) || labels.is_extracted(&self.name) {
            return true;
        }
        set_json_value(&self.name, value, &mut self.value, labels);
        hints.keeps(&self.name, labels)
    }
}

/// Adds a key to a name, with `_` in between.
fn extend_name(name: &mut String, key: &[u8]) {
    let blank = key.trim_ascii().is_empty();
    if blank {
        return;
    }
    if !name.is_empty() {
        name.push('_');
    }
    push_name(name, key);
}

/// Sets a label to a JSON value: texts with their escapes resolved, the others as they stand.
fn set_json_value(name: &str, value: JsonValue<'_>, buffer: &mut Vec<u8>, labels: &mut LineLabels) {
    if value.kind != JsonType::Text {
        labels.set_bytes(name, value.raw, '\u{fffd}');
    } else if !value.raw.contains(&b'\\') {
        labels.set_bytes(name, value.raw, ' ');
    } else {
        buffer.clear();
        if json::unescape(value.raw, buffer).is_none() {
            buffer.clear();
        }
        labels.set_bytes(name, buffer, ' ');
    }
}

/// `| unpack`
#[derive(Debug, Default)]
pub(crate) struct Unpacker {
    pairs: Vec<(String, Vec<u8>)>,
    entry: Vec<u8>,
}

impl Unpacker {
    /// Takes the labels out; the packed line goes to `replace`.
    pub(crate) fn run(
        &mut self,
        line: &[u8],
        labels: &mut LineLabels,
        hints: &Hints,
        replace: impl FnOnce(&[u8]),
    ) -> bool {
        if line.is_empty() || hints.needs_nothing(labels) {
            return true;
        }
        if line[0] != b'{' {
            fail(labels, hints, JSON_ERROR, &JsonError::NoObject.to_string());
            return true;
        }
        self.pairs.clear();
        let mut packed = false;
        let mut broken = false;
        let end = json::walk(line, &mut |event| {
            let Event::Member(key, value) = event else { return Walk::On };
            if value.kind != JsonType::Text {
                return Walk::On;
            }
            let mut text = Vec::new();
            let resolved = json::unescape(value.raw, &mut text).is_some();
            if key == PACKED_ENTRY {
                packed = true;
                broken = !resolved;
                self.entry = text;
                return if broken { Walk::Stop } else { Walk::On };
            }
            let mut raw_name = String::new();
            crate::logql::pipeline::labels::push_lossy(&mut raw_name, key, '\u{fffd}');
            labels.make_free(&mut raw_name);
            if !hints.wants(&raw_name) || labels.is_extracted(&raw_name) {
                return Walk::On;
            }
            let mut name = String::new();
            push_name(&mut name, raw_name.as_bytes());
            self.pairs.push((name, if resolved { text } else { Vec::new() }));
            Walk::On
        });
        if let Err(error) = end.and(if broken { Err(JsonError::Escape) } else { Ok(()) }) {
            fail(labels, hints, JSON_ERROR, &error.to_string());
            return true;
        }
        if !packed {
            return true;
        }
        replace(&self.entry);
        self.pairs.iter().all(|(name, value)| {
            labels.set_bytes(name, value, ' ');
            hints.keeps(name, labels)
        })
    }
}

/// `| logfmt` without a list of labels.
#[derive(Debug)]
pub(crate) struct LogfmtParser {
    strict: bool,
    keep_empty: bool,
    name: String,
}

impl LogfmtParser {
    pub(crate) fn new(strict: bool, keep_empty: bool) -> Self {
        LogfmtParser { strict, keep_empty, name: String::new() }
    }

    /// Whether a broken pair is an error.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// The same stage with a memory of its own.
    pub(crate) fn again(&self) -> Self {
        LogfmtParser::new(self.strict, self.keep_empty)
    }

    pub(crate) fn run(&mut self, line: &[u8], labels: &mut LineLabels, hints: &Hints) -> bool {
        if hints.needs_nothing(labels) {
            return true;
        }
        for pair in Pairs::new(line) {
            let pair = match pair {
                Ok(pair) => pair,
                Err(error) if self.strict => {
                    fail(labels, hints, LOGFMT_ERROR, &error.to_string());
                    return hints.keeps(ERROR, labels);
                }
                Err(_) => continue,
            };
            self.name.clear();
            push_name(&mut self.name, pair.key);
            if self.name.is_empty() {
                continue;
            }
            labels.make_free(&mut self.name);
            let known = labels.is_extracted(&self.name);
            if known || !hints.wants(&self.name) || pair.value.is_empty() && !self.keep_empty {
                continue;
            }
            labels.set_bytes(&self.name, &pair.value, ' ');
            if !hints.keeps(&self.name, labels) {
                return false;
            }
            if hints.has_all(labels) {
                break;
            }
        }
        true
    }
}

/// `| logfmt a="key", b`
#[derive(Debug)]
pub(crate) struct LogfmtPicker {
    strict: bool,
    /// Label and key.
    picks: Vec<(String, String)>,
    name: String,
}

impl LogfmtPicker {
    pub(crate) fn new(strict: bool, picks: Vec<(String, String)>) -> Self {
        LogfmtPicker { strict, picks, name: String::new() }
    }

    /// Whether a broken pair is an error.
    pub(crate) fn is_strict(&self) -> bool {
        self.strict
    }

    /// The same stage with a memory of its own.
    pub(crate) fn again(&self) -> Self {
        LogfmtPicker::new(self.strict, self.picks.clone())
    }

    /// Whether a pair of this name is looked at.
    pub(crate) fn names(&self, name: &str) -> bool {
        self.picks.iter().any(|(label, key)| label == name || key == name)
    }

    pub(crate) fn run(&mut self, line: &[u8], labels: &mut LineLabels, hints: &Hints) -> bool {
        if hints.needs_nothing(labels) {
            return true;
        }
        for (label, _) in &self.picks {
            if !labels.is_taken(label) {
                labels.set(label, "");
            }
        }
        for pair in Pairs::new(line) {
            let pair = match pair {
                Ok(pair) => pair,
                Err(error) if self.strict => {
                    fail(labels, hints, LOGFMT_ERROR, &error.to_string());
                    return true;
                }
                Err(_) => continue,
            };
            self.name.clear();
            push_name(&mut self.name, pair.key);
            let is_label = self.picks.iter().any(|(label, _)| *label == self.name);
            let skipped = !is_label && (!hints.wants(&self.name) || labels.is_extracted(&self.name));
            if self.name.is_empty() || skipped {
                continue;
            }
            if let Some((label, _)) = self.picks.iter().find(|(_, key)| *key == self.name) {
                label.clone_into(&mut self.name);
            }
            if !self.picks.iter().any(|(label, _)| *label == self.name) {
                continue;
            }
            if labels.is_taken(&self.name) {
                labels.make_free(&mut self.name);
                if labels.is_extracted(&self.name) || !hints.wants(&self.name) {
                    break;
                }
            }
            let value = if logfmt::has_replacement(&pair.value) { &[] } else { &*pair.value };
            labels.set_bytes(&self.name, value, ' ');
            if hints.has_all(labels) {
                break;
            }
        }
        true
    }
}

/// `| regexp "…"`
#[derive(Debug)]
pub(crate) struct RegexpParser {
    regex: Regex,
    groups: Captures,
    /// For each group with a name, its number and the label.
    names: Vec<(usize, String)>,
    name: String,
}

impl RegexpParser {
    pub(crate) fn new(regex: Regex) -> Self {
        let mut names = Vec::new();
        for (group, name) in regex.group_names().enumerate() {
            let mut label = String::new();
            push_name(&mut label, name.unwrap_or("").as_bytes());
            if !label.is_empty() {
                names.push((group, label));
            }
        }
        let groups = regex.captures();
        RegexpParser { regex, groups, names, name: String::new() }
    }

    pub(crate) fn run(&mut self, line: &[u8], labels: &mut LineLabels, hints: &Hints) -> bool {
        if !self.regex.find_groups(line, &mut self.groups) {
            return true;
        }
        for (group, label) in &self.names {
            label.clone_into(&mut self.name);
            labels.make_free(&mut self.name);
            if !hints.wants(&self.name) || labels.is_extracted(&self.name) {
                continue;
            }
            let value = self.groups.get_group(*group).and_then(|span| line.get(span.range())).unwrap_or(&[]);
            labels.set_bytes(&self.name, value, '\u{fffd}');
            if !hints.keeps(&self.name, labels) {
                return false;
            }
        }
        true
    }
}

/// `| pattern "…"`
#[derive(Debug)]
pub(crate) struct PatternParser {
    pattern: Pattern,
    name: String,
}

impl PatternParser {
    pub(crate) fn new(pattern: Pattern) -> Self {
        PatternParser { pattern, name: String::new() }
    }

    pub(crate) fn run(&mut self, line: &[u8], labels: &mut LineLabels, hints: &Hints) -> bool {
        if hints.needs_nothing(labels) {
            return true;
        }
        let mut kept = true;
        let name = &mut self.name;
        self.pattern.captures(line, |label, value| {
            if !kept {
                return;
            }
            label.clone_into(name);
            labels.make_free(name);
            if labels.is_extracted(name) || !hints.wants(name) {
                return;
            }
            labels.set_bytes(name, value, '\u{fffd}');
            kept = hints.keeps(name, labels);
        });
        kept
    }
}
