//! The `..._over_time` functions.

use std::sync::Arc;

use bedrock::histogram::{CounterResetHint, Histogram, HistogramSum, IncompatibleSchemas};
use bedrock::vector::kahan_add;

use super::{RangeCall, Window, float};
use crate::FunctionId;
use crate::engine::SampleValue;
use crate::engine::annotations::{HistogramOperation, Note, Notes};

pub(super) fn sum_or_avg(call: &RangeCall, window: &Window<'_>, notes: &mut Notes) -> Option<SampleValue> {
    if window.is_mixed() {
        call.note(notes, Note::MixedFloatsHistograms { metric: window.metric.to_owned() });
        return None;
    }
    let average = call.function == FunctionId::AvgOverTime;
    if !window.floats.values.is_empty() {
        let values = window.floats.values;
        return float(if average { avg(values) } else { sum(values) });
    }
    match histogram_total(call, window.histograms.values, average, notes) {
        Ok(total) => Some(SampleValue::Histogram(Arc::new(total))),
        Err(IncompatibleSchemas) => {
            call.note(notes, Note::MixedExponentialCustom { metric: window.metric.to_owned() });
            None
        }
    }
}

/// The compensated sum.
pub(crate) fn sum(values: &[f64]) -> f64 {
    let (sum, compensation) = values.iter().fold((0.0, 0.0), |(sum, c), value| kahan_add(*value, sum, c));
    if sum.is_infinite() { sum } else { sum + compensation }
}

/// The mean: the compensated sum divided, or a running mean from where the sum leaves the range of floats.
pub(crate) fn avg(values: &[f64]) -> f64 {
    let Some((first, rest)) = values.split_first() else { return f64::NAN };
    let (mut sum, mut compensation, mut mean) = (*first, 0.0, None);
    for (i, value) in rest.iter().enumerate() {
        let count = (i + 2) as f64;
        let before = match mean {
            Some(mean) => mean,
            None => {
                let (total, lost) = kahan_add(*value, sum, compensation);
                if !total.is_infinite() {
                    (sum, compensation) = (total, lost);
                    continue;
                }
                compensation /= count - 1.0;
                sum / (count - 1.0)
            }
        };
        let share = (count - 1.0) / count;
        let (next, lost) = kahan_add(value / count, share * before, share * compensation);
        (mean, compensation) = (Some(next), lost);
    }
    let count = values.len() as f64;
    mean.map_or(sum / count + compensation / count, |mean| mean + compensation)
}

/// Sum or mean of histograms.
fn histogram_total(
    call: &RangeCall,
    values: &[Arc<Histogram>],
    average: bool,
    notes: &mut Notes,
) -> Result<Histogram, IncompatibleSchemas> {
    let Some((first, rest)) = values.split_first() else { return Ok(Histogram::default()) };
    let mut total = HistogramSum::new(first);
    let (mut incremental, mut reconciled) = (false, false);
    for (i, next) in rest.iter().enumerate() {
        let count = (i + 2) as f64;
        if average && !incremental {
            let mut tried = total.clone();
            reconciled |= tried.add(next)?.bounds_reconciled;
            if !tried.has_overflow() {
                total = tried;
                continue;
            }
            incremental = true;
            total.divide(count - 1.0);
        }
        if incremental {
            total.multiply((count - 1.0) / count);
            let mut share = Histogram::clone(next);
            share.divide(count);
            reconciled |= total.add(&share)?.bounds_reconciled;
        } else {
            reconciled |= total.add(next)?.bounds_reconciled;
        }
    }
    if average && !incremental {
        total.divide(values.len() as f64);
    }
    let has = |hint| values.iter().any(|h| h.counter_reset_hint == hint);
    if has(CounterResetHint::CounterReset) && has(CounterResetHint::NotCounterReset) {
        call.note(notes, Note::CounterResetCollision(HistogramOperation::Aggregation));
    }
    if reconciled {
        call.note(notes, Note::BoundsReconciled(HistogramOperation::Aggregation));
    }
    Ok(total.finish())
}

/// The first or the last sample.
pub(super) fn edge(call: &RangeCall, window: &Window<'_>) -> Option<SampleValue> {
    let first = call.function == FunctionId::FirstOverTime;
    let at = |len: usize| if first { 0 } else { len.wrapping_sub(1) };
    let (floats, histograms) = (window.floats, window.histograms);
    let (f, h) = (at(floats.values.len()), at(histograms.values.len()));
    let Some(histogram) = histograms.values.get(h) else {
        return floats.values.get(f).map(|value| SampleValue::Float(*value));
    };
    let wins = |float_ms: &i64| {
        histograms.times.get(h).is_some_and(|h_ms| if first { float_ms < h_ms } else { h_ms < float_ms })
    };
    match floats.values.get(f) {
        Some(value) if floats.times.get(f).is_some_and(wins) => float(*value),
        _ => Some(SampleValue::Histogram(Arc::clone(histogram))),
    }
}

/// The time of the first or the last sample in seconds.
pub(super) fn edge_time(call: &RangeCall, window: &Window<'_>) -> Option<SampleValue> {
    let (floats, histograms) = (window.floats.times, window.histograms.times);
    let time_ms = if call.function == FunctionId::TsOfFirstOverTime {
        floats.first().into_iter().chain(histograms.first()).min()
    } else {
        floats.last().into_iter().chain(histograms.last()).max()
    };
    time_ms.and_then(|time_ms| float(*time_ms as f64 / 1e3))
}

/// The best value; anything is better than NaN.
pub(crate) fn extreme(values: &[f64], better: impl Fn(f64, f64) -> bool) -> f64 {
    values
        .iter()
        .fold(f64::NAN, |best, value| if best.is_nan() || better(*value, best) { *value } else { best })
}

/// The time of the best value in seconds; of equal ones, the last.
pub(super) fn extreme_time(window: &Window<'_>, better: impl Fn(f64, f64) -> bool) -> f64 {
    let mut best = (f64::NAN, 0);
    for (time, value) in window.floats.times.iter().zip(window.floats.values) {
        if best.0.is_nan() || better(*value, best.0) {
            best = (*value, *time);
        }
    }
    best.1 as f64 / 1e3
}

/// Variance by Welford's method with compensated sums.
pub(crate) fn variance(values: &[f64]) -> f64 {
    let (mut mean, mut mean_lost, mut squares, mut squares_lost) = (0.0, 0.0, 0.0, 0.0);
    for (i, value) in values.iter().enumerate() {
        let count = (i + 1) as f64;
        let delta = value - (mean + mean_lost);
        (mean, mean_lost) = kahan_add(delta / count, mean, mean_lost);
        (squares, squares_lost) = kahan_add(delta * (value - (mean + mean_lost)), squares, squares_lost);
    }
    (squares + squares_lost) / values.len() as f64
}

/// Median of the absolute deviations from the median.
pub(super) fn mad(values: &[f64]) -> f64 {
    if values.iter().any(|value| value.is_nan()) {
        return f64::NAN;
    }
    let mut values = values.to_vec();
    let median = bedrock::vector::quantile(0.5, &mut values);
    for value in &mut values {
        *value = (*value - median).abs();
    }
    bedrock::vector::quantile(0.5, &mut values)
}
