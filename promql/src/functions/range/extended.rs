//! `anchored` and `smoothed` windows: the values at the edges are taken over or interpolated, nothing is extrapolated.

use super::{RangeCall, Window, float};
use crate::ast::Boundary;
use crate::engine::SampleValue;

/// The value at `time_ms` on the line between two samples. A counter that fell is taken to have started from zero.
pub(crate) fn interpolate(before: (i64, f64), after: (i64, f64), time_ms: i64, is_counter: bool) -> f64 {
    let base = if is_counter && after.1 < before.1 { 0.0 } else { before.1 };
    base + (after.1 - base) * time_ms.saturating_sub(before.0) as f64
        / after.0.saturating_sub(before.0) as f64
}

/// The samples at the edges of a window, by index: the last one at or before its start, and the last one, or, where
/// smoothed, the first one at or behind its end. None where no sample has to do with the window.
pub(super) fn edge_samples(times: &[i64], window: &Window<'_>, smoothed: bool) -> Option<(usize, usize)> {
    let mut last = times.len().checked_sub(1)?;
    let before_last = times.get(..last)?;
    let first = before_last.partition_point(|time| *time <= window.start_ms).saturating_sub(1);
    if smoothed {
        last = before_last.partition_point(|time| *time < window.end_ms);
    }
    if *times.get(last)? <= window.start_ms || (smoothed && *times.get(first)? > window.end_ms) {
        return None;
    }
    Some((first, last))
}

pub(super) fn rate(call: &RangeCall, window: &Window<'_>) -> Option<SampleValue> {
    let (times, values) = (window.floats.times, window.floats.values);
    let smoothed = call.boundary == Boundary::Smoothed;
    let (mut first, last) = edge_samples(times, window, smoothed)?;
    let at = |i: usize| Some((*times.get(i)?, *values.get(i)?));
    let counter = call.is_counter();
    let left = match at(first)? {
        sample if smoothed && sample.0 < window.start_ms => {
            interpolate(sample, at(first + 1)?, window.start_ms, counter)
        }
        (_, value) => value,
    };
    let right = match at(last)? {
        sample if smoothed && last > 0 && sample.0 > window.end_ms => {
            interpolate(at(last - 1)?, sample, window.end_ms, counter)
        }
        (_, value) => value,
    };
    let mut result = right - left;
    if counter {
        if at(first)?.0 <= window.start_ms {
            first += 1;
        }
        let behind = if at(last)?.0 >= window.end_ms { last } else { last + 1 };
        let inside = values.get(first..behind).unwrap_or_default();
        result += reset_correction(left, right, inside);
    }
    if call.is_rate() {
        result /= call.range_seconds();
    }
    float(result)
}

fn reset_correction(left: f64, right: f64, inside: &[f64]) -> f64 {
    let (mut correction, mut before) = (0.0, left);
    for value in inside.iter().chain([&right]) {
        if *value < before {
            correction += before;
        }
        before = *value;
    }
    correction
}
