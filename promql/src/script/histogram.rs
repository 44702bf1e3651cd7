//! Histograms in a script: `{{schema:1 sum:3 count:2 offset:-1 buckets:[1 1]}}`.

use bedrock::histogram::{CounterResetHint, Histogram, Span};

use crate::script::points::split_number;

/// Reads the histogram that `text` starts with. Returns it, whether a counter reset hint is written, and the rest.
pub(super) fn parse_prefix(text: &str) -> Result<(Histogram, bool, &str), String> {
    let inner =
        text.strip_prefix("{{").ok_or_else(|| format!("{text:?} is no histogram: it has no \"{{{{\""))?;
    let (inner, rest) = inner.split_once("}}").ok_or("\"{{\" has no \"}}\"")?;
    let mut keys = Keys::default();
    let mut inner = inner.trim();
    while !inner.is_empty() {
        let (key, tail) = inner.split_once(':').ok_or_else(|| format!("{inner:?} has no \":\""))?;
        let (value, tail) = split_value(tail)?;
        keys.set(key.trim(), value).map_err(|error| format!("{error} in histogram key {key:?}"))?;
        inner = tail.trim_start();
    }
    let (histogram, hint_given) = keys.finish();
    Ok((histogram, hint_given, rest))
}

/// A value ends at a blank, a list of values at its bracket.
fn split_value(text: &str) -> Result<(&str, &str), String> {
    if text.starts_with('[') {
        let end = text.find(']').ok_or("\"[\" has no \"]\"")?;
        return Ok(text.split_at(end + 1));
    }
    let end = text.find([' ', '\t']).unwrap_or(text.len());
    Ok(text.split_at(end))
}

/// What has been read so far.
#[derive(Default)]
struct Keys {
    histogram: Histogram,
    hint_given: bool,
    positive_offset: i32,
    negative_offset: i32,
    seen: Vec<String>,
}

impl Keys {
    fn set(&mut self, key: &str, value: &str) -> Result<(), String> {
        if self.seen.iter().any(|seen| seen == key) {
            return Err("a second value".to_owned());
        }
        self.seen.push(key.to_owned());
        let histogram = &mut self.histogram;
        match key {
            "schema" => histogram.schema = integer(value)?,
            "sum" => histogram.sum = number(value)?,
            "count" => histogram.count = number(value)?,
            "z_bucket" => histogram.zero_count = number(value)?,
            "z_bucket_w" => histogram.zero_threshold = number(value)?,
            "buckets" => histogram.positive_buckets = list(value)?,
            "n_buckets" => histogram.negative_buckets = list(value)?,
            "offset" => self.positive_offset = integer(value)?,
            "n_offset" => self.negative_offset = integer(value)?,
            "custom_values" => histogram.custom_values = list(value)?,
            "counter_reset_hint" => {
                self.hint_given = true;
                histogram.counter_reset_hint = match value {
                    "unknown" => CounterResetHint::Unknown,
                    "reset" => CounterResetHint::CounterReset,
                    "not_reset" => CounterResetHint::NotCounterReset,
                    "gauge" => CounterResetHint::Gauge,
                    _ => return Err(format!("{value:?} is none of unknown, reset, not_reset and gauge")),
                };
            }
            _ => return Err("no histogram has this key".to_owned()),
        }
        Ok(())
    }

    fn finish(mut self) -> (Histogram, bool) {
        let span = |offset, buckets: &[f64]| match u32::try_from(buckets.len()) {
            Ok(length) if length > 0 => vec![Span { offset, length }],
            _ => Vec::new(),
        };
        self.histogram.positive_spans = span(self.positive_offset, &self.histogram.positive_buckets);
        self.histogram.negative_spans = span(self.negative_offset, &self.histogram.negative_buckets);
        (self.histogram, self.hint_given)
    }
}

fn integer(text: &str) -> Result<i32, String> {
    text.parse().map_err(|_| format!("{text:?} is no whole number"))
}

fn number(text: &str) -> Result<f64, String> {
    match split_number(text) {
        Some((value, "")) => Ok(value),
        _ => Err(format!("{text:?} is no number")),
    }
}

fn list(text: &str) -> Result<Vec<f64>, String> {
    let inner = text.strip_prefix('[').and_then(|text| text.strip_suffix(']'));
    inner
        .ok_or_else(|| format!("{text:?} is no list such as [1 2]"))?
        .split_ascii_whitespace()
        .map(number)
        .collect()
}
