//! Rows with a script: lines to load, and questions with their answers, in the notation of the reference's tests.

use std::collections::BTreeMap;

use bedrock::labels::Labels;
use logstore::ingest::Discovery;
use logstore::logql::{QueryData, QueryOptions, evaluate, parse, parse_selector};
use logstore::source::LogSource;
use serde_json::Value;

use crate::cases::{Key, duration, key_of};
use crate::compare::{close, number};
use crate::data::{Dataset, Pushed};
use crate::{Verdict, differs};

pub(crate) fn run(row: &Value) -> Verdict {
    let mut entries = Vec::new();
    for line in row["load"].as_array().ok_or("no load")? {
        load(&mut entries, line.as_str().ok_or("a load that is no text")?)?;
    }
    let data = Dataset::new(&entries, &Discovery::default())?;
    for eval in row["evals"].as_array().ok_or("no evals")? {
        for (view, source) in &data.views {
            evaluate_one(&**source, eval).map_err(|reason| format!("{view}: {reason}"))?;
        }
    }
    Ok(())
}

/// A text in double quotes or backticks at the start; the text and what follows.
fn quoted(text: &str) -> Result<(String, &str), String> {
    let text = text.trim_start();
    if let Some(raw) = text.strip_prefix('`') {
        let (inner, rest) = raw.split_once('`').ok_or("an open backtick")?;
        return Ok((inner.to_owned(), rest));
    }
    let inner = text.strip_prefix('"').ok_or_else(|| format!("no quote in {text:?}"))?;
    let mut end = 0;
    let bytes = inner.as_bytes();
    while bytes.get(end).is_some_and(|&b| b != b'"') {
        end += if bytes[end] == b'\\' { 2 } else { 1 };
    }
    // The escapes are those of the language, so a matcher reads them.
    let matchers =
        parse_selector(&format!("{{x={}}}", &text[..end + 2])).map_err(|error| error.to_string())?;
    Ok((matchers[0].value().to_owned(), &inner[end + 1..]))
}

/// `{a="b", …}` at the start; the pairs and what follows.
fn labels(text: &str) -> Result<(Key, &str), String> {
    let text = text.trim_start();
    let mut end = 0;
    let mut in_quotes = false;
    for (at, c) in text.char_indices() {
        match c {
            '"' if !text[..at].ends_with('\\') => in_quotes = !in_quotes,
            '}' if !in_quotes => {
                end = at + 1;
                break;
            }
            _ => {}
        }
    }
    let matchers = parse_selector(&text[..end]).map_err(|error| format!("{text}: {error}"))?;
    Ok((matchers.iter().map(|m| (m.name().to_owned(), m.value().to_owned())).collect(), &text[end..]))
}

fn load(entries: &mut Vec<Pushed>, line: &str) -> Result<(), String> {
    let (pairs, rest) = labels(line)?;
    let (text, rest) = quoted(rest)?;
    let rest = rest.trim().strip_prefix('@').ok_or_else(|| format!("no time in {line:?}"))?;
    let rest = rest.split(" #").next().unwrap_or(rest).trim();
    let (at, options) = rest.split_once(' ').unwrap_or((rest, ""));
    let mut metadata = Vec::new();
    let (mut every, mut times) = (0, 1);
    for option in options.split('[').filter_map(|option| option.split(']').next()).map(str::trim) {
        if let Some(repeat) = option.strip_prefix("repeat every") {
            let (step, count) = repeat.split_once(" for ").ok_or("a broken repeat")?;
            every = duration(&Value::from(step.trim()))?;
            times = count.trim().parse().map_err(|_| "a broken repeat")?;
        } else if let Some(list) = option.strip_prefix("metadata") {
            let list = list.trim().replace("\" ", "\", ");
            metadata = labels(&format!("{{{list}}}"))?.0;
        } else if !option.is_empty() {
            return Err(format!("unknown option {option:?}"));
        }
    }
    let stream = Labels::from_pairs(pairs).map_err(|error| error.to_string())?;
    let at = duration(&Value::from(at))?;
    for round in 0..times {
        entries.push(Pushed {
            labels: stream.clone(),
            ts_ns: at + every * round,
            line: text.clone(),
            metadata: metadata.clone(),
        });
    }
    Ok(())
}

fn evaluate_one(source: &dyn LogSource, eval: &Value) -> Verdict {
    let text = eval["query"].as_str().ok_or("no query")?;
    let options = match eval["type"].as_str() {
        Some("instant") => QueryOptions::instant(duration(&eval["at"])?),
        Some("range") => {
            QueryOptions::range(duration(&eval["from"])?, duration(&eval["to"])?, duration(&eval["step"])?)
        }
        _ => return Err("an eval of unknown type".to_owned()),
    };
    let expect: Vec<&str> =
        eval["expect"].as_array().ok_or("no expect")?.iter().filter_map(Value::as_str).collect();
    let fails = expect.iter().any(|line| line.starts_with("expect fail"));
    let answer = parse(text).and_then(|expr| evaluate(source, &expr, &options));
    let found = match (answer, fails) {
        (Err(_), true) => return Ok(()),
        (Ok(found), true) => return differs(text, expect, found),
        (Err(error), false) => return Err(format!("{text}: {error}")),
        (Ok(found), false) => found,
    };
    let (mut wanted, mut empty) = (Vec::new(), false);
    for line in expect.iter().map(|line| line.split(" #").next().unwrap_or(line).trim()) {
        match line {
            "expect empty" => empty = true,
            "expect ordered" | "" => {}
            // A remark about one way of running the reference.
            line if line.starts_with("skip ") => {}
            line => wanted.push(line),
        }
    }
    if empty && !wanted.is_empty() {
        return Err("empty and yet not".to_owned());
    }
    compare(text, &wanted, found, &options)
}

/// Series as a list of values by step.
fn compare(query: &str, wanted: &[&str], found: QueryData, options: &QueryOptions<'_>) -> Verdict {
    let step_ms = (options.step_ns / 1_000_000).max(1);
    let start_ms = options.start_ns / 1_000_000;
    let mut actual: BTreeMap<Key, BTreeMap<i64, f64>> = BTreeMap::new();
    match found {
        QueryData::Scalar(_, value) => {
            let expected = wanted.first().and_then(|text| number(text)).ok_or("no number")?;
            return if close(expected, value) { Ok(()) } else { differs(query, expected, value) };
        }
        QueryData::Vector(_, samples) => {
            for sample in samples {
                actual.entry(key_of(&sample.labels)).or_default().insert(0, sample.value);
            }
        }
        QueryData::Matrix(series) => {
            for series in series {
                let row = actual.entry(key_of(&series.labels)).or_default();
                row.extend(series.points.iter().map(|(at, value)| ((at - start_ms) / step_ms, *value)));
            }
        }
        QueryData::Streams(_) => return Err("log lines".to_owned()),
    }
    let mut expected: BTreeMap<Key, BTreeMap<i64, f64>> = BTreeMap::new();
    for line in wanted {
        let (mut key, values) = if line.starts_with('{') { labels(line)? } else { (Vec::new(), *line) };
        key.retain(|(name, _)| name != "__error_details__");
        key.sort();
        let row = expected.entry(key).or_default();
        for (step, text) in (0..).zip(values.split_whitespace()) {
            if text != "_" {
                row.insert(step, number(text).ok_or_else(|| format!("{line}: {text:?} is no number"))?);
            }
        }
    }
    let same = expected.len() == actual.len()
        && expected.iter().zip(&actual).all(|((labels, wanted), (other, values))| {
            labels == other
                && wanted.len() == values.len()
                && wanted
                    .iter()
                    .zip(values)
                    .all(|((a, x), (b, y))| a == b && (close(*x, *y) || (x - y).abs() < 1e-6))
        });
    if same { Ok(()) } else { differs(query, expected, actual) }
}
