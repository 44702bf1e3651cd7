//! Answers of the engine against answers in the JSON of Prometheus' HTTP API.

use std::collections::BTreeMap;

use bedrock::histogram::Histogram;
use bedrock::labels::Labels;
use promql::engine::{MatrixSeries, SampleValue, Value, VectorSample};
use serde_json::Value as Json;

use testkit::conformance::Verdict;

/// How far values may lie apart, relative to the larger magnitude.
const EPSILON: f64 = 1e-9;

pub(crate) fn check(expected: &Json, ordered: bool, value: &Value) -> Verdict {
    let kind = match value {
        Value::Scalar { .. } => "scalar",
        Value::String(_) => "string",
        Value::Vector(_) => "vector",
        Value::Matrix(_) => "matrix",
    };
    if expected["resultType"] != kind {
        return Err(format!("expected {}, got {kind}", expected["resultType"]));
    }
    let result = &expected["result"];
    match value {
        Value::Scalar { time_ms, value } => {
            same_time(&result[0], *time_ms)?;
            same_number(&result[1], *value)
        }
        Value::String(text) if result[1] == text.as_str() => Ok(()),
        Value::String(text) => Err(format!("expected string {}, got {text:?}", result[1])),
        Value::Vector(samples) => check_vector(items(result)?, ordered, samples),
        Value::Matrix(series) => check_matrix(items(result)?, series),
    }
}

fn items(json: &Json) -> Result<&Vec<Json>, String> {
    json.as_array().ok_or_else(|| format!("no array: {json}"))
}

fn labels_of(json: &Json) -> Result<Labels, String> {
    let pairs = json.as_object().ok_or_else(|| format!("no labels: {json}"))?;
    let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default()));
    Labels::from_pairs(pairs).map_err(|error| error.to_string())
}

fn check_vector(expected: &[Json], ordered: bool, samples: &[VectorSample]) -> Verdict {
    let shown =
        || samples.iter().map(|sample| format!("{} {:?}", sample.labels, sample.value)).collect::<Vec<_>>();
    if expected.len() != samples.len() {
        return Err(format!("expected {} elements, got {:?}", expected.len(), shown()));
    }
    let mut by_labels: BTreeMap<&Labels, &VectorSample> = BTreeMap::new();
    by_labels.extend(samples.iter().map(|sample| (&sample.labels, sample)));
    for (index, json) in expected.iter().enumerate() {
        let labels = labels_of(&json["metric"])?;
        let sample =
            by_labels.remove(&labels).ok_or_else(|| format!("{labels} not found in {:?}", shown()))?;
        if ordered && samples.get(index).is_none_or(|sample| sample.labels != labels) {
            return Err(format!("{labels} is not at position {index}: {:?}", shown()));
        }
        let (point, is_histogram) = match json.get("value") {
            Some(point) => (point, false),
            None => (&json["histogram"], true),
        };
        same_time(&point[0], sample.time_ms)?;
        match (&sample.value, is_histogram) {
            (SampleValue::Float(value), false) => same_number(&point[1], *value),
            (SampleValue::Histogram(value), true) => same_histogram(&point[1], value),
            _ => Err(format!("expected {point}")),
        }
        .map_err(|problem| format!("{labels}: {problem}"))?;
    }
    Ok(())
}

fn check_matrix(expected: &[Json], series: &[MatrixSeries]) -> Verdict {
    let mut by_labels: BTreeMap<&Labels, &MatrixSeries> = BTreeMap::new();
    by_labels.extend(series.iter().map(|one| (&one.labels, one)));
    if expected.len() != series.len() {
        return Err(format!("expected {} series, got {:?}", expected.len(), by_labels.keys()));
    }
    for json in expected {
        let labels = labels_of(&json["metric"])?;
        let found = by_labels.remove(&labels).ok_or_else(|| format!("{labels} not found"))?;
        let none = Vec::new();
        let floats = json["values"].as_array().unwrap_or(&none);
        let histograms = json["histograms"].as_array().unwrap_or(&none);
        let in_series = |problem| format!("{labels}: {problem}");
        if (floats.len(), histograms.len()) != (found.floats.len(), found.histograms.len()) {
            return Err(in_series(format!(
                "expected {} floats and {} histograms, got {:?} and {} histograms",
                floats.len(),
                histograms.len(),
                found.floats,
                found.histograms.len()
            )));
        }
        for (json, (time_ms, value)) in floats.iter().zip(&found.floats) {
            same_time(&json[0], *time_ms).and_then(|()| same_number(&json[1], *value)).map_err(in_series)?;
        }
        for (json, (time_ms, value)) in histograms.iter().zip(&found.histograms) {
            same_time(&json[0], *time_ms)
                .and_then(|()| same_histogram(&json[1], value))
                .map_err(in_series)?;
        }
    }
    Ok(())
}

fn same_time(json: &Json, time_ms: i64) -> Verdict {
    match json.as_f64() {
        Some(seconds) if (seconds * 1e3).round() as i64 == time_ms => Ok(()),
        _ => Err(format!("expected time {json}, got {time_ms} ms")),
    }
}

fn number(json: &Json) -> Result<f64, String> {
    let text = json.as_str().ok_or_else(|| format!("no number: {json}"))?;
    text.parse().map_err(|_| format!("no number: {json}"))
}

fn same_number(json: &Json, found: f64) -> Verdict {
    let expected = number(json)?;
    let same = expected == found
        || (expected.is_nan() && found.is_nan())
        || (expected - found).abs() <= EPSILON * expected.abs().max(found.abs()) && found.is_finite();
    if same { Ok(()) } else { Err(format!("expected {expected}, got {found}")) }
}

fn same_histogram(json: &Json, found: &Histogram) -> Verdict {
    same_number(&json["count"], found.count).map_err(|problem| format!("count: {problem}"))?;
    same_number(&json["sum"], found.sum).map_err(|problem| format!("sum: {problem}"))?;
    let none = Vec::new();
    let expected = json["buckets"].as_array().unwrap_or(&none);
    let buckets: Vec<_> = found.buckets().into_iter().filter(|bucket| bucket.count != 0.0).collect();
    if expected.len() != buckets.len() {
        return Err(format!("expected buckets {expected:?}, got {found}"));
    }
    for (json, bucket) in expected.iter().zip(buckets) {
        let rule = match (bucket.lower_inclusive, bucket.upper_inclusive) {
            (false, true) => 0,
            (true, false) => 1,
            (false, false) => 2,
            (true, true) => 3,
        };
        let same = json[0] == rule
            && same_number(&json[1], bucket.lower).is_ok()
            && same_number(&json[2], bucket.upper).is_ok()
            && same_number(&json[3], bucket.count).is_ok();
        if !same {
            return Err(format!("expected bucket {json}, got {bucket:?}"));
        }
    }
    Ok(())
}
