//! `rate`, `increase`, `delta`, and the same between the last two samples.
//!
//! What was counted between the first and the last sample is extrapolated to the edges of the window: all the way
//! where the gap is below 1.1 mean intervals, else by half an interval, and never below a counter's zero.

use std::sync::Arc;

use bedrock::histogram::{CounterResetHint, Histogram};

use super::histograms::{add, histogram_rate, sub};
use super::{RangeCall, Window, extended, float, histograms};
use crate::FunctionId;
use crate::ast::Boundary;
use crate::engine::SampleValue;
use crate::engine::annotations::{Note, Notes};

/// Whether a counter was reset between two samples, by their start timestamps (0 is unknown).
///
/// A start at the time of the previous sample is a reset of a delta series, but not of a cumulative one whose start is
/// unknown; those are told apart by whether the previous start was known.
pub(crate) fn is_start_reset(start_before: i64, time_before: i64, start: i64, time: i64) -> bool {
    if start == 0 || start >= time || start < time_before {
        return false;
    }
    if start > time_before {
        return true;
    }
    start_before <= time_before && start_before != 0 && start_before != time_before
}

/// Whether a sample claims to have started before the previous one ended, and not when that one started.
pub(super) fn starts_overlap(start_before: i64, time_before: i64, start: i64) -> bool {
    start != 0 && start < time_before && start != start_before
}

/// The part of a window that extrapolation looks at.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Edges {
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    /// Samples in the window.
    pub(crate) samples: usize,
    /// Start timestamp of the first sample, where it lies inside the window and before the sample.
    pub(crate) started_ms: Option<i64>,
}

impl Edges {
    /// The factor by which an increase between the first and the last sample becomes that of the whole window.
    /// `increase` is that increase, `first` the value of the first sample; both only matter for counters.
    #[inline]
    pub(crate) fn factor(&self, is_counter: bool, increase: f64, first: f64) -> f64 {
        let mut sampled = self.last_ms.saturating_sub(self.first_ms) as f64 / 1e3;
        let gaps = self.samples.saturating_sub(1);
        let interval = if gaps > 0 { sampled / gaps as f64 } else { 0.0 };
        let threshold = interval * 1.1;
        let mut to_start = self.first_ms.saturating_sub(self.start_ms) as f64 / 1e3;
        let mut to_end = self.end_ms.saturating_sub(self.last_ms) as f64 / 1e3;
        if let Some(started_ms) = self.started_ms {
            to_start = 0.0;
            sampled = self.last_ms.saturating_sub(started_ms) as f64 / 1e3;
        } else {
            if to_start >= threshold {
                to_start = interval / 2.0;
            }
            if is_counter && increase > 0.0 && first >= 0.0 {
                let to_zero = sampled * (first / increase);
                if to_zero < to_start {
                    to_start = to_zero;
                }
            }
        }
        if to_end >= threshold {
            to_end = interval / 2.0;
        }
        if sampled == 0.0 { 1.0 } else { (sampled + to_start + to_end) / sampled }
    }
}

pub(super) fn rate(call: &RangeCall, window: &Window<'_>, notes: &mut Notes) -> Option<SampleValue> {
    if window.is_mixed() {
        call.note(notes, Note::MixedFloatsHistograms { metric: window.metric.to_owned() });
        return None;
    }
    let extended = call.boundary != Boundary::Plain;
    match (window.histograms.values.is_empty(), extended) {
        (true, true) => extended::rate(call, window),
        (false, true) => histograms::extended_rate(call, window, notes),
        (true, false) => float_rate(call, window, notes),
        (false, false) => extrapolated_histogram(call, window, notes),
    }
}

impl RangeCall {
    pub(super) fn is_counter(&self) -> bool {
        self.function != FunctionId::Delta
    }

    pub(super) fn is_rate(&self) -> bool {
        self.function == FunctionId::Rate
    }

    pub(super) fn range_seconds(&self) -> f64 {
        self.range_ms as f64 / 1e3
    }
}

fn started_inside(call: &RangeCall, starts: &[i64], window: &Window<'_>, first_ms: i64) -> Option<i64> {
    let start = *starts.first()?;
    (call.is_counter() && start != 0 && start > window.start_ms && start < first_ms).then_some(start)
}

fn float_rate(call: &RangeCall, window: &Window<'_>, notes: &mut Notes) -> Option<SampleValue> {
    let floats = window.floats;
    let (first, last) = (*floats.values.first()?, *floats.values.last()?);
    let (first_ms, last_ms) = (*floats.times.first()?, *floats.times.last()?);
    let mut increase = last - first;
    if call.is_counter() {
        increase += resets(call, window, notes);
    }
    let started_ms = started_inside(call, floats.starts, window, first_ms);
    if started_ms.is_some() {
        increase += first;
    } else if floats.values.len() < 2 {
        return None;
    }
    let edges = Edges {
        start_ms: window.start_ms,
        end_ms: window.end_ms,
        first_ms,
        last_ms,
        samples: floats.values.len(),
        started_ms,
    };
    let mut factor = edges.factor(call.is_counter(), increase, first);
    if call.is_rate() {
        factor /= call.range_seconds();
    }
    float(increase * factor)
}

/// What the counter had reached before each of its resets, in all.
fn resets(call: &RangeCall, window: &Window<'_>, notes: &mut Notes) -> f64 {
    let floats = window.floats;
    let (mut correction, mut overlap) = (0.0, false);
    for i in 1..floats.values.len() {
        let (before, now) = (floats.values[i - 1], floats.values[i]);
        let mut started = false;
        if let (Some(start_before), Some(start)) = (floats.starts.get(i - 1), floats.starts.get(i)) {
            overlap |= starts_overlap(*start_before, floats.times[i - 1], *start);
            started = is_start_reset(*start_before, floats.times[i - 1], *start, floats.times[i]);
        }
        if now < before || started {
            correction += before;
        }
    }
    if overlap {
        call.note(notes, Note::StartTimeOverlap { metric: window.metric.to_owned(), count: 1 });
    }
    correction
}

fn extrapolated_histogram(call: &RangeCall, window: &Window<'_>, notes: &mut Notes) -> Option<SampleValue> {
    let samples = window.histograms;
    let (first_ms, last_ms) = (*samples.times.first()?, *samples.times.last()?);
    let first = samples.values.first()?;
    let mut result = None;
    if samples.values.len() > 1 {
        result = Some(histogram_rate(call, window, notes)?);
    }
    let started_ms = started_inside(call, samples.starts, window, first_ms);
    if started_ms.is_some() {
        result = match result {
            None => Some(Histogram::clone(first)),
            Some(mut sum) => {
                add(call, &mut sum, first, window.metric, notes)?;
                Some(sum)
            }
        };
    }
    let mut result = result?;
    let edges = Edges {
        start_ms: window.start_ms,
        end_ms: window.end_ms,
        first_ms,
        last_ms,
        samples: samples.values.len(),
        started_ms,
    };
    let mut factor = edges.factor(call.is_counter(), result.count, first.count);
    if call.is_rate() {
        factor /= call.range_seconds();
    }
    result.multiply(factor);
    Some(SampleValue::Histogram(Arc::new(result)))
}

/// One of the last two samples of a window.
#[derive(Clone)]
struct Late {
    time_ms: i64,
    start_ms: i64,
    value: SampleValue,
}

pub(super) fn instant_rate(call: &RangeCall, window: &Window<'_>, notes: &mut Notes) -> Option<SampleValue> {
    let [before, now] = last_two(window)?;
    let interval_ms = now.time_ms.saturating_sub(before.time_ms);
    if interval_ms == 0 {
        return None;
    }
    let is_rate = call.function == FunctionId::Irate;
    let seconds = interval_ms as f64 / 1e3;
    let started = is_start_reset(before.start_ms, before.time_ms, now.start_ms, now.time_ms);
    match (&before.value, &now.value) {
        (SampleValue::Float(a), SampleValue::Float(b)) => {
            let reset = is_rate && (b < a || started);
            let difference = if reset { *b } else { b - a };
            float(if is_rate { difference / seconds } else { difference })
        }
        (SampleValue::Histogram(a), SampleValue::Histogram(b)) => {
            let gauges = [a, b].map(|h| h.counter_reset_hint == CounterResetHint::Gauge);
            let metric = || window.metric.to_owned();
            if is_rate && gauges != [false, false] {
                call.note(notes, Note::HistogramNotCounter { metric: metric() });
            }
            if !is_rate && gauges != [true, true] {
                call.note(notes, Note::HistogramNotGauge { metric: metric() });
            }
            let mut result = Histogram::clone(b);
            if !is_rate || (!started && !b.detect_reset(a)) {
                sub(call, &mut result, a, window.metric, notes)?;
            }
            result.counter_reset_hint = CounterResetHint::Gauge;
            result.compact();
            if is_rate {
                result.divide(seconds);
            }
            Some(SampleValue::Histogram(Arc::new(result)))
        }
        _ => {
            call.note(notes, Note::MixedFloatsHistograms { metric: window.metric.to_owned() });
            None
        }
    }
}

fn last_two(window: &Window<'_>) -> Option<[Late; 2]> {
    let start = |starts: &[i64], i: usize| starts.get(i).copied().unwrap_or(0);
    let mut late: Vec<Late> = Vec::with_capacity(4);
    let (floats, histograms) = (window.floats, window.histograms);
    for i in floats.values.len().saturating_sub(2)..floats.values.len() {
        let value = SampleValue::Float(floats.values[i]);
        late.push(Late { time_ms: floats.times[i], start_ms: start(floats.starts, i), value });
    }
    for i in histograms.values.len().saturating_sub(2)..histograms.values.len() {
        let value = SampleValue::Histogram(Arc::clone(&histograms.values[i]));
        late.push(Late { time_ms: histograms.times[i], start_ms: start(histograms.starts, i), value });
    }
    late.sort_by_key(|sample| sample.time_ms);
    let from = late.len().checked_sub(2)?;
    late.split_off(from).try_into().ok()
}
