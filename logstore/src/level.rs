//! The level of a log entry: from labels and metadata that name it, from a key of the line, from words in the text.

use bedrock::labels::Labels;
use memchr::memmem;

use crate::logql::json::{self, Event, JsonType, Walk};
use crate::logql::logfmt::Pairs;

/// Labels, metadata and keys that name a level, in order of preference.
const LEVEL_NAMES: [&str; 14] = [
    "level",
    "LEVEL",
    "Level",
    "log.level",
    "severity",
    "SEVERITY",
    "Severity",
    "SeverityText",
    "lvl",
    "LVL",
    "Lvl",
    "severity_text",
    "Severity_Text",
    "SEVERITY_TEXT",
];

/// The metadata in which OpenTelemetry gives the severity as a number.
const SEVERITY_NUMBER: &str = "severity_number";

/// How deep in a JSON object a key that names the level may stand.
const JSON_DEPTH_MAX: usize = 2;

/// Words and the levels that they mean.
const WORDS: [(&str, &str); 9] = [
    ("trace", "trace"),
    ("debug", "debug"),
    ("fatal", "fatal"),
    ("critical", "critical"),
    ("error", "error"),
    ("err", "error"),
    ("warning", "warn"),
    ("warn", "warn"),
    ("info", "info"),
];

/// The usual name of a level, whatever its spelling.
pub(crate) fn normalize(level: &str) -> Option<&'static str> {
    const SPELLINGS: [(&str, &str); 14] = [
        ("trace", "trace"),
        ("trc", "trace"),
        ("debug", "debug"),
        ("dbg", "debug"),
        ("info", "info"),
        ("inf", "info"),
        ("information", "info"),
        ("warn", "warn"),
        ("wrn", "warn"),
        ("warning", "warn"),
        ("error", "error"),
        ("err", "error"),
        ("critical", "critical"),
        ("fatal", "fatal"),
    ];
    SPELLINGS.iter().find(|(spelling, _)| spelling.eq_ignore_ascii_case(level)).map(|(_, usual)| *usual)
}

/// The level of an entry; `unknown` where nothing tells it.
pub(crate) fn of_entry<'e>(labels: &'e Labels, metadata: &'e [(String, String)], line: &[u8]) -> &'e str {
    if let Some(value) = LEVEL_NAMES.iter().find_map(|name| labels.get(name)) {
        return normalize(value).unwrap_or(value);
    }
    let of_metadata =
        |wanted: &str| metadata.iter().find(|(name, _)| name == wanted).map(|(_, value)| value.as_str());
    if let Some(value) = LEVEL_NAMES.iter().find_map(|name| of_metadata(name)) {
        return normalize(value).unwrap_or(value);
    }
    match of_metadata(SEVERITY_NUMBER).filter(|number| !number.is_empty()) {
        Some(number) => of_severity(number),
        None => of_line(line),
    }
}

/// OpenTelemetry's severity numbers: four for each level, from 1.
fn of_severity(number: &str) -> &'static str {
    match number.parse::<i64>() {
        Err(_) | Ok(9..=12) => "info",
        Ok(0) => "unknown",
        Ok(..=4) => "trace",
        Ok(5..=8) => "debug",
        Ok(13..=16) => "warn",
        Ok(17..=20) => "error",
        Ok(21..=24) => "fatal",
        Ok(25..) => "unknown",
    }
}

fn of_line(line: &[u8]) -> &'static str {
    let trimmed = line.trim_ascii();
    let named = if trimmed.starts_with(b"{") && trimmed.ends_with(b"}") {
        of_json(line)
    } else if line.contains(&b'=') {
        of_logfmt(line)
    } else {
        None
    };
    named.unwrap_or_else(|| of_words(line))
}

fn of_json(line: &[u8]) -> Option<&'static str> {
    let mut level = None;
    let mut depth = 1;
    // A broken object is fine here: what was found before the break counts.
    let _ = json::walk(line, &mut |event| match event {
        Event::Member(key, value) if value.kind == JsonType::Text => {
            if !LEVEL_NAMES.iter().any(|name| name.as_bytes() == key) {
                return Walk::On;
            }
            level = std::str::from_utf8(value.raw).ok().and_then(normalize);
            Walk::Stop
        }
        Event::Member(_, value) if value.kind == JsonType::Object && depth < JSON_DEPTH_MAX => {
            depth += 1;
            Walk::Into
        }
        Event::Member(..) => Walk::On,
        Event::Leave => {
            depth -= 1;
            Walk::On
        }
    });
    level
}

fn of_logfmt(line: &[u8]) -> Option<&'static str> {
    let mut best: Option<(usize, Vec<u8>)> = None;
    for pair in Pairs::new(line) {
        let Ok(pair) = pair else { break };
        let rank = LEVEL_NAMES.iter().position(|name| name.as_bytes().eq_ignore_ascii_case(pair.key));
        if let Some(rank) = rank.filter(|rank| best.as_ref().is_none_or(|(known, _)| rank < known)) {
            best = Some((rank, pair.value.into_owned()));
        }
    }
    best.and_then(|(_, value)| std::str::from_utf8(&value).ok().and_then(normalize))
}

/// The level whose word stands first in the text, as a word of its own.
fn of_words(line: &[u8]) -> &'static str {
    let lower = line.to_ascii_lowercase();
    let mut first = (lower.len(), "unknown");
    for (word, level) in WORDS {
        if let Some(at) = find_word(&lower, word.as_bytes()).filter(|&at| at < first.0) {
            first = (at, level);
        }
    }
    first.1
}

fn find_word(text: &[u8], word: &[u8]) -> Option<usize> {
    let starts = |at: usize| {
        let before = at.checked_sub(1).and_then(|at| text.get(at));
        before.is_none_or(|b| b" \t\n[({\"'=|".contains(b))
    };
    let ends = |at: usize| text.get(at).is_none_or(|b| b" \t\n[](){}:,!\"'=|".contains(b));
    memmem::find_iter(text, word).find(|&at| starts(at) && ends(at + word.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_level_is_found_where_it_stands() {
        for (line, level) in [
            (r#"{"a":{"level":"WARNING"}}"#, "warn"),
            (r#"{"a":{"b":{"level":"WRN"}}}"#, "unknown"),
            ("msg=x LVL=dbg", "debug"),
            ("Something FATAL: gone", "fatal"),
            ("misc:error", "unknown"),
            ("informational", "unknown"),
            ("level=strange but error too", "error"),
        ] {
            assert_eq!(of_line(line.as_bytes()), level, "{line}");
        }
    }
}
