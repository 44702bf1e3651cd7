//! Reading of labels and numbers as the recorded sets write them.

use bedrock::labels::Labels;
use serde_json::Value;

/// The members of an object of texts; an absent object has none.
pub(crate) fn pairs_of(value: &Value) -> Result<Vec<(String, String)>, String> {
    if value.is_null() {
        return Ok(Vec::new());
    }
    let object = value.as_object().ok_or("labels are no object")?;
    let pair = |(name, value): (&String, &Value)| {
        Ok((name.clone(), value.as_str().ok_or("a label is no text")?.to_owned()))
    };
    object.iter().map(pair).collect()
}

pub(crate) fn labels_of(value: &Value) -> Result<Labels, String> {
    Labels::from_pairs(pairs_of(value)?).map_err(|error| error.to_string())
}

/// Reads a number as the recorded sets write it.
pub(crate) fn number(text: &str) -> Option<f64> {
    match text {
        "+Inf" | "Inf" => Some(f64::INFINITY),
        "-Inf" => Some(f64::NEG_INFINITY),
        _ => text.parse().ok(),
    }
}

/// Whether a number is the one that is written, to nine digits.
pub(crate) fn same_number(expected: &str, found: f64) -> bool {
    number(expected).is_some_and(|expected| close(expected, found))
}

pub(crate) fn close(expected: f64, found: f64) -> bool {
    if expected.is_nan() || expected.is_infinite() {
        return expected.is_nan() && found.is_nan() || expected == found;
    }
    (expected - found).abs() <= 1e-9 * expected.abs().max(found.abs())
}
