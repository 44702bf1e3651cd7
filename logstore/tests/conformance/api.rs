//! Rows that ask for something else than the answer to a query.

use std::collections::BTreeSet;

use bedrock::labels::Matcher;
use logstore::api::detected::{self, DetectRequest};
use logstore::api::labels;
use logstore::api::volume::{self, AggregateBy, VolumeRequest};
use logstore::logql::{Expr, parse, parse_selector};
use logstore::source::LogSource;
use serde_json::{Value, json};

use crate::cases::{Key, Outcome, key_of, window};
use crate::compare::pairs_of;
use crate::differs;

pub(crate) fn run(row: &Value, kind: &str, source: &dyn LogSource) -> Outcome {
    match answer(row, kind, source) {
        Err(error) => Outcome::Refused(error),
        Ok((expected, found)) if expected == found => Outcome::Verdict(Ok(())),
        Ok((expected, found)) => Outcome::Verdict(differs(kind, expected, found)),
    }
}

fn text<'r>(row: &'r Value, name: &str) -> Option<&'r str> {
    row.get(name).and_then(Value::as_str)
}

fn count(row: &Value, name: &str, default: usize) -> Result<usize, String> {
    match row.get(name) {
        None => Ok(default),
        Some(value) => {
            let text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.parse().map_err(|_| format!("{name}={text}"))
        }
    }
}

fn matchers(row: &Value) -> Result<Vec<Matcher>, String> {
    match text(row, "query") {
        None => Ok(Vec::new()),
        Some(query) => parse_selector(query).map_err(|error| error.to_string()),
    }
}

/// A list without its order.
fn sorted(list: &Value) -> Result<Vec<String>, String> {
    let mut texts: Vec<String> = list.as_array().ok_or("no list")?.iter().map(Value::to_string).collect();
    texts.sort();
    Ok(texts)
}

fn label_sets(list: &Value, member: Option<&str>) -> Result<BTreeSet<Key>, String> {
    let sets = list.as_array().ok_or("no list")?.iter();
    sets.map(|item| {
        let mut pairs = pairs_of(member.map_or(item, |member| &item[member]))?;
        pairs.sort();
        Ok(pairs)
    })
    .collect()
}

/// Expected and found, in a form in which equal means right.
fn answer(row: &Value, kind: &str, source: &dyn LogSource) -> Result<(String, String), String> {
    let (start, end) = window(row)?;
    let expect = &row["expect"];
    let fail = |error: logstore::logql::QueryError| error.to_string();
    let shown = |value: &dyn std::fmt::Debug| format!("{value:?}");
    let lists = |found: Vec<String>| -> Result<(String, String), String> {
        Ok((shown(&sorted(expect)?), shown(&sorted(&json!(found))?)))
    };
    match kind {
        "labels" => lists(labels::names(source, &matchers(row)?, start, end).map_err(fail)?),
        "label_values" => {
            let name = text(row, "name").ok_or("no name")?;
            lists(labels::values(source, name, &matchers(row)?, start, end).map_err(fail)?)
        }
        "series" => {
            let texts = row["match"].as_array().map(Vec::as_slice).unwrap_or_default();
            let selectors: Result<Vec<_>, _> = texts
                .iter()
                .filter_map(Value::as_str)
                .map(|text| parse_selector(text).map_err(fail))
                .collect();
            let found = labels::series(source, &selectors?, start, end).map_err(fail)?;
            let found: BTreeSet<Key> = found.iter().map(key_of).collect();
            Ok((shown(&label_sets(expect, None)?), shown(&found)))
        }
        "index_stats" => {
            let found = volume::stats(source, &matchers(row)?, start, end).map_err(fail)?;
            let expected = (&expect["streams"], &expect["entries"]);
            Ok((shown(&expected), shown(&(&json!(found.streams), &json!(found.entries)))))
        }
        "volume" | "volume_range" => volumes(row, source, start, end),
        "detected_labels" => {
            let found = detected::labels(source, &matchers(row)?, start, end).map_err(fail)?;
            let found: Vec<Value> =
                found.into_iter().map(|(label, n)| json!({"label": label, "cardinality": n})).collect();
            Ok((shown(&sorted(expect)?), shown(&sorted(&json!(found))?)))
        }
        "detected_fields" | "detected_field_values" => fields(row, kind, source, start, end),
        _ => Err(format!("unknown api {kind}")),
    }
}

fn volumes(row: &Value, source: &dyn LogSource, start: i64, end: i64) -> Result<(String, String), String> {
    let matchers = matchers(row)?;
    let targets: Vec<String> = text(row, "targetLabels")
        .map(|names| names.split(',').map(str::to_owned).collect())
        .unwrap_or_default();
    let aggregate_by =
        AggregateBy::parse(text(row, "aggregateBy").unwrap_or("")).map_err(|e| e.to_string())?;
    let request = VolumeRequest {
        matchers: &matchers,
        start_ns: start,
        end_ns: end,
        target_labels: &targets,
        aggregate_by,
        limit: count(row, "limit", 100)?,
    };
    let found = volume::volume(source, &request).map_err(|error| error.to_string())?;
    let found: BTreeSet<Key> = found.iter().map(|(labels, _)| key_of(labels)).collect();
    Ok((format!("{:?}", label_sets(&row["expect"]["result"], Some("metric"))?), format!("{found:?}")))
}

fn fields(
    row: &Value,
    kind: &str,
    source: &dyn LogSource,
    start: i64,
    end: i64,
) -> Result<(String, String), String> {
    let query = match parse(text(row, "query").ok_or("no query")?).map_err(|error| error.to_string())? {
        Expr::Log(log) => log,
        Expr::Metric(_) => return Err("only a query of log lines has fields".to_owned()),
    };
    let request = DetectRequest {
        query: &query,
        start_ns: start,
        end_ns: end,
        line_limit: count(row, "line_limit", 100)?,
        limit: count(row, "limit", 1000)?,
    };
    if kind == "detected_field_values" {
        let name = text(row, "name").ok_or("no name")?;
        let found = detected::field_values(source, &request, name).map_err(|error| error.to_string())?;
        return Ok((
            format!("{:?}", sorted(&row["expect"]["values"])?),
            format!("{:?}", sorted(&json!(found))?),
        ));
    }
    let found = detected::fields(source, &request).map_err(|error| error.to_string())?;
    let found: Vec<(String, String, u64, Vec<&str>)> = found
        .into_iter()
        .map(|field| (field.label, field.field_type.as_str().to_owned(), field.cardinality, field.parsers))
        .map(|(label, kind, cardinality, mut parsers)| {
            parsers.sort_unstable();
            (label, kind, cardinality, parsers)
        })
        .collect();
    let mut expected = Vec::new();
    for field in row["expect"]["fields"].as_array().map(Vec::as_slice).unwrap_or_default() {
        let mut parsers: Vec<&str> = field["parsers"]
            .as_array()
            .map(|list| list.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        parsers.sort_unstable();
        let label = text(field, "label").ok_or("no label")?.to_owned();
        let kind = text(field, "type").ok_or("no type")?.to_owned();
        expected.push((label, kind, field["cardinality"].as_u64().ok_or("no cardinality")?, parsers));
    }
    expected.sort();
    Ok((format!("{expected:?}"), format!("{found:?}")))
}
