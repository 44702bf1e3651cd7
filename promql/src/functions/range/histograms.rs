//! Rates of native histograms.

use std::sync::Arc;

use bedrock::histogram::{Combined, CounterResetHint, Histogram, IncompatibleSchemas};

use super::extended::edge_samples;
use super::rate::{is_start_reset, starts_overlap};
use super::{Histograms, RangeCall, Window};
use crate::ast::Boundary;
use crate::engine::SampleValue;
use crate::engine::annotations::{HistogramOperation, Note, Notes};
use crate::span::Span;

/// Turns what combining met into remarks; none where it failed.
fn noted(
    span: Span,
    met: Result<Combined, IncompatibleSchemas>,
    operation: HistogramOperation,
    metric: &str,
    notes: &mut Notes,
) -> Option<()> {
    match met {
        Ok(met) => {
            if met.bounds_reconciled {
                notes.add(Note::BoundsReconciled(operation), span);
            }
            Some(())
        }
        Err(IncompatibleSchemas) => {
            notes.add(Note::MixedExponentialCustom { metric: metric.to_owned() }, span);
            None
        }
    }
}

/// Adds, with remarks. Colliding hints are no matter here: the callers treat resets themselves.
pub(super) fn add(
    call: &RangeCall,
    to: &mut Histogram,
    other: &Histogram,
    metric: &str,
    notes: &mut Notes,
) -> Option<()> {
    noted(call.span, to.add(other), HistogramOperation::Addition, metric, notes)
}

/// Subtracts, with remarks.
pub(super) fn sub(
    call: &RangeCall,
    from: &mut Histogram,
    other: &Histogram,
    metric: &str,
    notes: &mut Notes,
) -> Option<()> {
    noted(call.span, from.sub(other), HistogramOperation::Subtraction, metric, notes)
}

fn is_gauge(histogram: &Histogram) -> bool {
    histogram.counter_reset_hint == CounterResetHint::Gauge
}

impl Histograms<'_> {
    /// Whether sample `i` begins after a reset that start timestamps tell of.
    fn started(&self, i: usize) -> bool {
        match (self.starts.get(i.wrapping_sub(1)), self.starts.get(i)) {
            (Some(before), Some(now)) => is_start_reset(*before, self.times[i - 1], *now, self.times[i]),
            _ => false,
        }
    }
}

/// The increase between the first and the last of at least two histograms.
pub(super) fn histogram_rate(call: &RangeCall, window: &Window<'_>, notes: &mut Notes) -> Option<Histogram> {
    let samples = window.histograms;
    let metric = window.metric;
    let mixed = || Note::MixedExponentialCustom { metric: metric.to_owned() };
    let (first, second, last) = (samples.values.first()?, samples.values.get(1)?, samples.values.last()?);
    let counter = call.is_counter();
    let inner = samples.values.get(1..samples.values.len() - 1).unwrap_or_default();
    if counter && (is_gauge(first) || is_gauge(last)) {
        call.note(notes, Note::HistogramNotCounter { metric: metric.to_owned() });
    }
    // A first sample before a reset takes no part, so its layout is no matter.
    let mut before = Arc::clone(first);
    if counter && (samples.started(1) || second.detect_reset(first)) {
        before = Arc::new(Histogram {
            schema: second.schema,
            custom_values: second.custom_values.clone(),
            ..Histogram::default()
        });
    }
    if last.uses_custom_buckets() != before.uses_custom_buckets() {
        call.note(notes, mixed());
        return None;
    }
    let mut schema = last.schema.min(before.schema);
    if counter {
        if inner.iter().any(|h| h.uses_custom_buckets() != before.uses_custom_buckets()) {
            call.note(notes, mixed());
            return None;
        }
        if inner.iter().any(|h| is_gauge(h)) {
            call.note(notes, Note::HistogramNotCounter { metric: metric.to_owned() });
        }
        schema = inner.iter().map(|h| h.schema).fold(schema, i32::min);
    }
    let mut result = last.with_schema(schema);
    sub(call, &mut result, &before, metric, notes)?;
    if counter {
        add_resets(call, window, &mut result, before, notes)?;
    } else if !is_gauge(first) || !is_gauge(last) {
        call.note(notes, Note::HistogramNotGauge { metric: metric.to_owned() });
    }
    result.counter_reset_hint = CounterResetHint::Gauge;
    result.compact();
    Some(result)
}

/// Adds what the counter had reached before each reset.
fn add_resets(
    call: &RangeCall,
    window: &Window<'_>,
    result: &mut Histogram,
    mut before: Arc<Histogram>,
    notes: &mut Notes,
) -> Option<()> {
    let samples = window.histograms;
    let mut overlap = false;
    for (i, now) in samples.values.iter().enumerate().skip(1) {
        if let (Some(start_before), Some(start)) = (samples.starts.get(i - 1), samples.starts.get(i)) {
            overlap |= starts_overlap(*start_before, samples.times[i - 1], *start);
        }
        if samples.started(i) || now.detect_reset(&before) {
            add(call, result, &before, window.metric, notes)?;
        }
        before = Arc::clone(now);
    }
    if overlap {
        call.note(notes, Note::StartTimeOverlap { metric: window.metric.to_owned(), count: 1 });
    }
    Some(())
}

/// The histogram at `time_ms` between two samples; a counter that was reset between them started from nothing.
pub(crate) fn interpolate_histograms(
    before: (i64, &Histogram),
    after: (i64, &Histogram),
    time_ms: i64,
    is_counter: bool,
    at: (Span, &str),
    notes: &mut Notes,
) -> Option<Histogram> {
    if time_ms == before.0 {
        return Some(before.1.clone());
    }
    if time_ms == after.0 {
        return Some(after.1.clone());
    }
    let share = time_ms.saturating_sub(before.0) as f64 / after.0.saturating_sub(before.0) as f64;
    let mut result = after.1.clone();
    if is_counter && after.1.detect_reset(before.1) {
        result.multiply(share);
        return Some(result);
    }
    let (span, metric) = at;
    noted(span, result.sub(before.1), HistogramOperation::Subtraction, metric, notes)?;
    result.multiply(share);
    noted(span, result.add(before.1), HistogramOperation::Addition, metric, notes)?;
    Some(result)
}

/// `rate`, `increase` and `delta` over an anchored or smoothed window of histograms.
pub(super) fn extended_rate(call: &RangeCall, window: &Window<'_>, notes: &mut Notes) -> Option<SampleValue> {
    let samples = window.histograms;
    let (times, values) = (samples.times, samples.values);
    let smoothed = call.boundary == Boundary::Smoothed;
    let (first, last) = edge_samples(times, window, smoothed)?;
    let at = |i: usize| Some((*times.get(i)?, &**values.get(i)?));
    let counter = call.is_counter();
    check_range(call, values.get(first..=last)?, window.metric, notes)?;
    let place = (call.span, window.metric);
    let left = match at(first)? {
        sample if smoothed && sample.0 < window.start_ms => {
            interpolate_histograms(sample, at(first + 1)?, window.start_ms, counter, place, notes)?
        }
        (_, value) => value.clone(),
    };
    let right = match at(last)? {
        sample if smoothed && last > 0 && sample.0 > window.end_ms => {
            interpolate_histograms(at(last - 1)?, sample, window.end_ms, counter, place, notes)?
        }
        (_, value) => value.clone(),
    };
    if !counter && (!is_gauge(&left) || !is_gauge(&right)) {
        call.note(notes, Note::HistogramNotGauge { metric: window.metric.to_owned() });
    }
    let mut result = right.clone();
    sub(call, &mut result, &left, window.metric, notes)?;
    if counter {
        let edges = Edges { first, last, left: &left, right: &right };
        if let Some(correction) = edges.correction(call, window, smoothed, notes)? {
            add(call, &mut result, &correction, window.metric, notes)?;
        }
    }
    if call.is_rate() {
        result.divide(call.range_seconds());
    }
    result.counter_reset_hint = CounterResetHint::Gauge;
    result.compact();
    Some(SampleValue::Histogram(Arc::new(result)))
}

fn check_range(call: &RangeCall, values: &[Arc<Histogram>], metric: &str, notes: &mut Notes) -> Option<()> {
    let custom = values.first()?.uses_custom_buckets();
    for value in values {
        if value.uses_custom_buckets() != custom {
            call.note(notes, Note::MixedExponentialCustom { metric: metric.to_owned() });
            return None;
        }
        if call.is_counter() && is_gauge(value) {
            call.note(notes, Note::HistogramNotCounter { metric: metric.to_owned() });
        }
    }
    Some(())
}

/// A window's edge samples and the histograms that stand for them.
struct Edges<'e> {
    first: usize,
    last: usize,
    left: &'e Histogram,
    right: &'e Histogram,
}

impl Edges<'_> {
    /// What the counter had reached before each reset between the edges; the outer none is a failure, the inner one
    /// says that there was no reset.
    fn correction(
        &self,
        call: &RangeCall,
        window: &Window<'_>,
        smoothed: bool,
        notes: &mut Notes,
    ) -> Option<Option<Histogram>> {
        let samples = window.histograms;
        let (mut before, mut from) = (self.left, self.first + 1);
        if smoothed && *samples.times.get(self.first)? < window.start_ms {
            // The left edge may lie inside the interval of a reset, which it then has accounted for already.
            let next = samples.values.get(self.first + 1)?;
            if next.detect_reset(samples.values.get(self.first)?) {
                before = next;
                from += 1;
            }
        }
        // The last sample stands for itself in `right`, with its hint: it would find its own reset twice.
        if from > self.last {
            return Some(None);
        }
        let mut correction: Option<Histogram> = None;
        let inside = samples.values.get(from..self.last).unwrap_or_default();
        for now in inside.iter().map(|h| &**h).chain([self.right]) {
            if now.detect_reset(before) {
                match &mut correction {
                    None => correction = Some(before.clone()),
                    Some(sum) => add(call, sum, before, window.metric, notes)?,
                }
            }
            before = now;
        }
        Some(correction)
    }
}
