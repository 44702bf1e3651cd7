//! Values, sets and series in one form, so that answers can be compared.

use std::collections::BTreeMap;

use serde_json::{Value as Json, json};
use tracestore::model::AnyValue;
use tracestore::traceql::{MetricsAnswer, Series, Value};

use crate::report::Outcome;

/// A value as the cases write it: its type by letter, and the value as text.
pub(crate) fn typed(value: &Value) -> String {
    match value {
        Value::Nil | Value::Opaque => "s nil".to_owned(),
        Value::Int(number) => format!("i {number}"),
        Value::Float(number) => float(*number),
        Value::Bool(truth) => format!("b {truth}"),
        Value::IntArray(_) | Value::FloatArray(_) | Value::StrArray(_) | Value::BoolArray(_) => {
            format!("a {:?}", value.elements().iter().map(typed).collect::<Vec<_>>())
        }
        text => format!("s {text}"),
    }
}

/// A float to ten digits.
fn float(number: f64) -> String {
    format!("d {number:.9e}")
}

/// A value of a case: `[type, value]`.
pub(crate) fn typed_json(kind: &str, value: &Json) -> String {
    match kind {
        "i" => format!("i {value}"),
        "d" => float(value.as_f64().unwrap_or(f64::NAN)),
        "b" => format!("b {value}"),
        "a" => {
            let items = value.as_array().into_iter().flatten();
            let items: Vec<String> =
                items.map(|item| typed_json(item[0].as_str().unwrap_or(""), &item[1])).collect();
            format!("a {items:?}")
        }
        "n" => "s nil".to_owned(),
        _ => format!("s {}", value.as_str().unwrap_or_default()),
    }
}

/// A value of OTLP/JSON.
pub(crate) fn typed_otlp(value: &Json) -> String {
    let (name, inner) = value.as_object().and_then(|object| object.iter().next()).expect("a value");
    match name.as_str() {
        "stringValue" => format!("s {}", inner.as_str().unwrap_or_default()),
        "intValue" => format!("i {}", inner.as_str().map_or_else(|| inner.to_string(), str::to_owned)),
        "doubleValue" => float(inner.as_f64().unwrap_or(f64::NAN)),
        "boolValue" => format!("b {inner}"),
        "arrayValue" => {
            let items = inner["values"].as_array().into_iter().flatten();
            format!("a {:?}", items.map(typed_otlp).collect::<Vec<_>>())
        }
        _ => "s nil".to_owned(),
    }
}

/// A value as it is stored, for traces.
pub(crate) fn typed_any(value: &AnyValue) -> Json {
    match value {
        AnyValue::Empty => json!(["n", null]),
        AnyValue::String(text) => json!(["s", text]),
        AnyValue::Bool(truth) => json!(["b", truth]),
        AnyValue::Int(number) => json!(["i", number]),
        AnyValue::Double(number) => json!(["d", number]),
        AnyValue::Array(items) => json!(["a", items.iter().map(typed_any).collect::<Vec<_>>()]),
        AnyValue::Map(entries) => {
            let entries = entries.iter().map(|entry| {
                let value = typed_any(&entry.value);
                json!([entry.key, value[0], value[1]])
            });
            json!(["k", entries.collect::<Vec<_>>()])
        }
        AnyValue::Bytes(bytes) => json!(["y", base64(bytes)]),
    }
}

fn base64(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut out = String::new();
    for chunk in bytes.chunks(3) {
        let word =
            chunk.iter().fold(0u32, |word, byte| word << 8 | u32::from(*byte)) << (8 * (3 - chunk.len()));
        for place in 0..4 {
            let digit = DIGITS[(word >> (18 - 6 * place)) as usize & 63] as char;
            out.push(if place <= chunk.len() { digit } else { '=' });
        }
    }
    out
}

/// Says where two lists differ once both are sorted.
pub(crate) fn same<T: Ord + std::fmt::Debug>(what: &str, mut found: Vec<T>, mut expected: Vec<T>) -> Outcome {
    found.sort();
    expected.sort();
    if found == expected {
        return Ok(());
    }
    let missing: Vec<_> = expected.iter().filter(|item| !found.contains(item)).take(3).collect();
    let extra: Vec<_> = found.iter().filter(|item| !expected.contains(item)).take(3).collect();
    Err(format!(
        "{what}: {} found, {} expected; missing {missing:?}, extra {extra:?}",
        found.len(),
        expected.len()
    ))
}

/// Series by labels: samples by milliseconds.
pub(crate) type SeriesByLabels = BTreeMap<Vec<(String, String)>, BTreeMap<i64, f64>>;

/// The series of an answer.
pub(crate) fn series_of(answer: &MetricsAnswer) -> SeriesByLabels {
    answer.series.iter().map(|series| (labels_of(series), samples_of(answer, series))).collect()
}

pub(crate) fn labels_of(series: &Series) -> Vec<(String, String)> {
    let mut labels: Vec<_> =
        series.labels.iter().map(|label| (label.name.clone(), typed(&label.value))).collect();
    labels.sort();
    labels
}

fn samples_of(answer: &MetricsAnswer, series: &Series) -> BTreeMap<i64, f64> {
    let samples = series.values.iter().enumerate().filter(|(_, value)| !value.is_nan());
    samples.map(|(step, value)| ((answer.grid.time_ns(step) / 1_000_000) as i64, *value)).collect()
}

/// Compares series; numbers to nine digits.
pub(crate) fn same_series(found: &SeriesByLabels, expected: &SeriesByLabels) -> Outcome {
    same("series", found.keys().collect(), expected.keys().collect())?;
    for (labels, expected) in expected {
        let found = &found[labels];
        same(&format!("times of {labels:?}"), found.keys().collect(), expected.keys().collect())?;
        for (time, expected) in expected {
            let found = found[time];
            let near = (found - expected).abs() <= 1e-12 + 1e-9 * expected.abs();
            if !near && found != *expected {
                return Err(format!("{labels:?} at {time}: found {found}, expected {expected}"));
            }
        }
    }
    Ok(())
}
