//! How often a series reset or changed.

use std::sync::Arc;

use bedrock::histogram::Histogram;

use super::rate::is_start_reset;
use super::{RangeCall, Window, float};
use crate::FunctionId;
use crate::ast::Boundary;
use crate::engine::SampleValue;

/// One sample of a window in which floats and histograms are merged.
struct Merged<'w> {
    time_ms: i64,
    start_ms: i64,
    value: Value<'w>,
}

enum Value<'w> {
    Float(f64),
    Histogram(&'w Arc<Histogram>),
}

pub(super) fn count(call: &RangeCall, window: &Window<'_>) -> Option<SampleValue> {
    let merged = merge(window);
    let mut samples = merged.as_slice();
    if call.boundary == Boundary::Anchored {
        let inside = samples.partition_point(|sample| sample.time_ms <= window.start_ms);
        if inside == samples.len() {
            return None;
        }
        samples = samples.get(inside.saturating_sub(1)..).unwrap_or_default();
    }
    let differs = if call.function == FunctionId::Resets { is_reset } else { is_change };
    let pairs = samples.iter().zip(samples.get(1..).unwrap_or_default());
    float(pairs.filter(|(before, now)| differs(before, now)).count() as f64)
}

fn merge<'w>(window: &Window<'w>) -> Vec<Merged<'w>> {
    let start = |starts: &[i64], i: usize| starts.get(i).copied().unwrap_or(0);
    let (floats, histograms) = (window.floats, window.histograms);
    let mut merged = Vec::with_capacity(floats.values.len() + histograms.values.len());
    for (i, (time_ms, value)) in floats.times.iter().zip(floats.values).enumerate() {
        merged.push(Merged {
            time_ms: *time_ms,
            start_ms: start(floats.starts, i),
            value: Value::Float(*value),
        });
    }
    for (i, (time_ms, value)) in histograms.times.iter().zip(histograms.values).enumerate() {
        let value = Value::Histogram(value);
        merged.push(Merged { time_ms: *time_ms, start_ms: start(histograms.starts, i), value });
    }
    merged.sort_by_key(|sample| sample.time_ms);
    merged
}

fn is_reset(before: &Merged<'_>, now: &Merged<'_>) -> bool {
    let started = || is_start_reset(before.start_ms, before.time_ms, now.start_ms, now.time_ms);
    match (&before.value, &now.value) {
        (Value::Float(a), Value::Float(b)) => b < a || started(),
        (Value::Histogram(a), Value::Histogram(b)) => started() || b.detect_reset(a),
        _ => true,
    }
}

fn is_change(before: &Merged<'_>, now: &Merged<'_>) -> bool {
    match (&before.value, &now.value) {
        (Value::Float(a), Value::Float(b)) => a != b && !(a.is_nan() && b.is_nan()),
        (Value::Histogram(a), Value::Histogram(b)) => !a.same_data(b),
        _ => true,
    }
}
