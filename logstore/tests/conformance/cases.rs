//! Rows that ask a whole question of a data set, as the HTTP interface would.

use std::collections::BTreeMap;

use logstore::logql::{Direction, QueryData, QueryOptions, evaluate, parse, pretty};
use logstore::source::LogSource;
use serde_json::Value;

use crate::compare::{close, labels_of, number, pairs_of};
use crate::data::Datasets;
use crate::{Verdict, api, differs};

/// Label sets without details of errors, in one form.
pub(crate) type Key = Vec<(String, String)>;

pub(crate) fn run(row: &Value, data: &mut Datasets) -> Verdict {
    let kind = row["api"].as_str().ok_or("no api")?;
    if kind == "format_query" {
        return judge(row, format_query(row));
    }
    let data = data.get(row["dataset"].as_str().ok_or("no data set")?)?;
    for (view, source) in &data.views {
        let outcome = match kind {
            "query" | "query_range" => query(row, kind == "query", &**source),
            _ => api::run(row, kind, &**source),
        };
        judge(row, outcome).map_err(|reason| format!("{view}: {reason}"))?;
    }
    Ok(())
}

fn judge(row: &Value, outcome: Outcome) -> Verdict {
    let fails = row.get("expect_error").is_some();
    match outcome {
        Outcome::Verdict(verdict) if !fails => verdict,
        Outcome::Refused(_) if fails => Ok(()),
        Outcome::Verdict(_) => differs("answer", &row["expect_error"], "no error"),
        Outcome::Refused(error) => Err(format!("{}: {error}", row["query"])),
    }
}

/// What came of a question: an answer, judged, or an error.
pub(crate) enum Outcome {
    Verdict(Verdict),
    Refused(String),
}

fn format_query(row: &Value) -> Outcome {
    match parse(row["query"].as_str().unwrap_or_default()) {
        Err(error) => Outcome::Refused(error.to_string()),
        Ok(expr) => {
            let text = pretty(&expr);
            let same = row["expect"].as_str() == Some(text.as_str());
            Outcome::Verdict(if same { Ok(()) } else { differs("format", &row["expect"], text) })
        }
    }
}

/// A point in time: nanoseconds, seconds with or without fraction, or RFC 3339.
pub(crate) fn time(value: &Value) -> Result<i64, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Ok(number) = text.parse::<i64>() {
        return Ok(if text.len() <= 10 { number * 1_000_000_000 } else { number });
    }
    if let Some((whole, fraction)) = text.split_once('.')
        && let (Ok(whole), true) = (whole.parse::<i64>(), fraction.bytes().all(|b| b.is_ascii_digit()))
    {
        let nanos: i64 = format!("{fraction:0<9}")[..9].parse().map_err(|_| "a broken fraction")?;
        return Ok(whole * 1_000_000_000 + nanos);
    }
    rfc3339(&text).ok_or_else(|| format!("{text:?} is no time"))
}

/// `2025-06-10T10:00:00Z`, with a fraction and an offset where they are written.
fn rfc3339(text: &str) -> Option<i64> {
    let field = |range: std::ops::Range<usize>| text.get(range)?.parse::<i64>().ok();
    let (year, month, day) = (field(0..4)?, field(5..7)?, field(8..10)?);
    let (hour, minute, second) = (field(11..13)?, field(14..16)?, field(17..19)?);
    let leap = |year: i64| year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    let lengths = [31, if leap(year) { 29 } else { 28 }, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let days: i64 = (1970..year).map(|year| if leap(year) { 366 } else { 365 }).sum::<i64>()
        + lengths.iter().take(usize::try_from(month - 1).ok()?).sum::<i64>()
        + day
        - 1;
    let mut rest = text.get(19..)?;
    let mut nanos = 0;
    if let Some(fraction) = rest.strip_prefix('.') {
        let len = fraction.bytes().take_while(u8::is_ascii_digit).count();
        nanos = format!("{:0<9}", &fraction[..len])[..9].parse().ok()?;
        rest = &fraction[len..];
    }
    let offset = match rest {
        "Z" => 0,
        _ => {
            let sign = if rest.starts_with('-') { -1 } else { 1 };
            sign * (rest.get(1..3)?.parse::<i64>().ok()? * 3600 + rest.get(4..6)?.parse::<i64>().ok()? * 60)
        }
    };
    Some((days * 86_400 + hour * 3600 + minute * 60 + second - offset) * 1_000_000_000 + nanos)
}

/// A duration: `5m`, `1h30m`, or a number of seconds.
pub(crate) fn duration(value: &Value) -> Result<i64, String> {
    let text = match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    if let Ok(seconds) = text.parse::<f64>() {
        return Ok((seconds * 1e9) as i64);
    }
    let mut rest = text.as_str();
    let mut total = 0.0;
    while !rest.is_empty() {
        let len = rest.bytes().take_while(|b| b.is_ascii_digit() || *b == b'.').count();
        let count: f64 = rest[..len].parse().map_err(|_| format!("{text:?} is no duration"))?;
        rest = &rest[len..];
        let (unit, ns) = [("ms", 1e6), ("s", 1e9), ("m", 60e9), ("h", 3600e9), ("d", 86_400e9)]
            .into_iter()
            .find(|(unit, _)| rest.starts_with(unit))
            .ok_or_else(|| format!("{text:?} is no duration"))?;
        total += count * ns;
        rest = &rest[unit.len()..];
    }
    Ok(total as i64)
}

/// Start and end of a question.
pub(crate) fn window(row: &Value) -> Result<(i64, i64), String> {
    let end = time(&row["end"])?;
    let start = match (row.get("since"), row.get("start")) {
        (Some(since), None) => end - duration(since)?,
        (None, None) => end - 3_600_000_000_000,
        _ => time(&row["start"])?,
    };
    Ok((start, end))
}

fn options(row: &Value, instant: bool) -> Result<QueryOptions<'static>, String> {
    let mut options = if instant {
        QueryOptions::instant(time(&row["time"])?)
    } else {
        let (start, end) = window(row)?;
        let step = match row.get("step") {
            Some(step) => duration(step)?,
            // The reference's default: 250 steps, whole seconds, at least one.
            None => ((end - start) / 250 / 1_000_000_000 * 1_000_000_000).max(1_000_000_000),
        };
        QueryOptions::range(start, end, step)
    };
    if let Some(limit) = row.get("limit") {
        let text = limit.as_str().map_or_else(|| limit.to_string(), str::to_owned);
        options.limit = text.parse().map_err(|_| format!("limit {text}"))?;
    }
    if let Some(interval) = row.get("interval") {
        options.interval_ns = duration(interval)?;
    }
    let direction = row["direction"].as_str().unwrap_or("backward");
    options.direction = match direction.to_ascii_lowercase().as_str() {
        "forward" => Direction::Forward,
        "backward" => Direction::Backward,
        other => return Err(format!("invalid direction {other:?}")),
    };
    Ok(options)
}

fn query(row: &Value, instant: bool, source: &dyn LogSource) -> Outcome {
    let answer = || {
        let options = options(row, instant)?;
        let expr = parse(row["query"].as_str().ok_or("no query")?).map_err(|error| error.to_string())?;
        evaluate(source, &expr, &options).map_err(|error| error.to_string())
    };
    match answer() {
        Ok(found) => {
            Outcome::Verdict(compare(&row["expect"], &found, row["ordered"].as_bool().unwrap_or(false), row))
        }
        Err(error) => Outcome::Refused(error),
    }
}

fn without_details(mut pairs: Key) -> Key {
    pairs.retain(|(name, _)| name != "__error_details__");
    pairs.sort();
    pairs
}

pub(crate) fn key_of(labels: &bedrock::labels::Labels) -> Key {
    without_details(labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect())
}

fn compare(expect: &Value, found: &QueryData, ordered: bool, row: &Value) -> Verdict {
    let kind = expect["resultType"].as_str().ok_or("no result type")?;
    let result = &expect["result"];
    match (kind, found) {
        ("streams", QueryData::Streams(_)) => compare_streams(result, found, row),
        ("scalar", QueryData::Scalar(_, value)) => {
            let text = result[1].as_str().ok_or("no value")?;
            same(text, *value, &row["query"])
        }
        ("vector", QueryData::Vector(ms, samples)) => {
            let mut expected = Vec::new();
            for item in result.as_array().ok_or("no result")? {
                let at = item["value"][0].as_f64().ok_or("no time")?;
                if (at * 1000.0).round() as i64 != *ms {
                    return differs("time", at, ms);
                }
                let text = item["value"][1].as_str().ok_or("no value")?;
                expected.push((without_details(pairs_of(&item["metric"])?), text.to_owned()));
            }
            let mut found: Vec<(Key, f64)> =
                samples.iter().map(|sample| (key_of(&sample.labels), sample.value)).collect();
            if expected.len() != found.len() {
                return differs("series", expected, found);
            }
            if ordered {
                for ((_, text), (_, value)) in expected.iter().zip(&found) {
                    same(text, *value, &"order")?;
                }
            }
            expected.sort();
            found.sort_by(|a, b| a.0.cmp(&b.0));
            for ((labels, text), (other, value)) in expected.iter().zip(&found) {
                if labels != other {
                    return differs("labels", &expected, &found);
                }
                same(text, *value, labels)?;
            }
            Ok(())
        }
        ("matrix", QueryData::Matrix(series)) => {
            let mut expected: BTreeMap<Key, Vec<(i64, String)>> = BTreeMap::new();
            for item in result.as_array().ok_or("no result")? {
                let points = expected.entry(without_details(pairs_of(&item["metric"])?)).or_default();
                for point in item["values"].as_array().ok_or("no values")? {
                    let at = point[0].as_f64().ok_or("no time")?;
                    points.push((
                        (at * 1000.0).round() as i64,
                        point[1].as_str().ok_or("no value")?.to_owned(),
                    ));
                }
            }
            let mut found: BTreeMap<Key, Vec<(i64, f64)>> = BTreeMap::new();
            for series in series {
                found.entry(key_of(&series.labels)).or_default().extend(&series.points);
            }
            if !expected.keys().eq(found.keys()) {
                return differs(
                    "series",
                    expected.keys().collect::<Vec<_>>(),
                    found.keys().collect::<Vec<_>>(),
                );
            }
            for ((labels, wanted), points) in expected.iter().zip(found.values()) {
                if !wanted.iter().map(|(at, _)| at).eq(points.iter().map(|(at, _)| at)) {
                    return differs(&format!("{labels:?} steps"), wanted, points);
                }
                for ((_, text), (_, value)) in wanted.iter().zip(points) {
                    same(text, *value, labels)?;
                }
            }
            Ok(())
        }
        _ => differs("result type", kind, found),
    }
}

fn same(expected: &str, found: f64, what: &dyn std::fmt::Debug) -> Verdict {
    match number(expected) {
        Some(number) if close(number, found) => Ok(()),
        _ => differs(&format!("{what:?}"), expected, found),
    }
}

fn compare_streams(result: &Value, found: &QueryData, row: &Value) -> Verdict {
    let QueryData::Streams(streams) = found else { return Err("no streams".to_owned()) };
    let mut expected: BTreeMap<Key, Vec<(i64, String)>> = BTreeMap::new();
    for item in result.as_array().ok_or("no result")? {
        let entries = expected.entry(without_details(pairs_of(&item["stream"])?)).or_default();
        labels_of(&item["stream"])?;
        for entry in item["values"].as_array().ok_or("no values")? {
            let at = entry[0].as_str().and_then(|at| at.parse().ok()).ok_or("no time")?;
            entries.push((at, entry[1].as_str().ok_or("no line")?.to_owned()));
        }
    }
    let mut actual: BTreeMap<Key, Vec<(i64, String)>> = BTreeMap::new();
    let forward = row["direction"].as_str().is_some_and(|d| d.eq_ignore_ascii_case("forward"));
    for stream in streams {
        let sorted = stream.entries.is_sorted_by(|a, b| if forward { a.0 <= b.0 } else { a.0 >= b.0 });
        if !sorted {
            return Err("entries are out of order".to_owned());
        }
        let entries = stream.entries.iter().map(|(at, line)| (*at, lossy(line)));
        actual.entry(key_of(&stream.labels)).or_default().extend(entries);
    }
    for entries in expected.values_mut().chain(actual.values_mut()) {
        entries.sort();
    }
    if !expected.keys().eq(actual.keys()) {
        let missing: Vec<_> = expected.keys().filter(|key| !actual.contains_key(*key)).take(2).collect();
        let surplus: Vec<_> = actual.keys().filter(|key| !expected.contains_key(*key)).take(2).collect();
        return differs("streams", missing, surplus);
    }
    for ((labels, wanted), entries) in expected.iter().zip(actual.values()) {
        if wanted != entries {
            let at = wanted.iter().zip(entries).position(|(a, b)| a != b).unwrap_or(0);
            return differs(&format!("{labels:?}"), wanted.get(at), entries.get(at));
        }
    }
    Ok(())
}

/// Bytes that are no UTF-8 come back as one U+FFFD each.
fn lossy(line: &[u8]) -> String {
    line.utf8_chunks().fold(String::new(), |mut text, chunk| {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|_| '\u{fffd}'));
        text
    })
}
