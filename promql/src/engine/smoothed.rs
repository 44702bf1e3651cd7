//! Smoothed instant selectors: the value between two samples is interpolated.

use std::sync::Arc;

use bedrock::histogram::{CounterResetHint, Histogram};

use super::annotations::{Note, Notes};
use super::error::Result;
use super::evaluator::Evaluator;
use super::operand::{Lazy, Operand};
use super::query::Query;
use super::ranged::without_stale;
use super::select::Selection;
use super::series::Series;
use super::steps::{Reference, Steps};
use super::stream::{Scratch, SeriesStream};
use super::value::SampleValue;
use super::window::{Reach, Windows};
use crate::ast::VectorSelector;
use crate::functions::range::{interpolate, interpolate_histograms};
use crate::span::Span;

struct SmoothedStream<'s, 'q> {
    query: &'s Query<'q>,
    selection: &'s Selection<'q>,
    reference: Reference,
    steps: Steps,
    span: Span,
}

impl<'s> Evaluator<'s, '_> {
    pub(crate) fn smoothed(&mut self, selector: &'s VectorSelector) -> Result<Operand<'s>> {
        let selection = self.query.selections.get(selector)?;
        let reference = self.query.reference(&selector.modifiers)?;
        let stream = SmoothedStream {
            query: self.query,
            selection,
            reference,
            steps: self.steps,
            span: selector.span,
        };
        Ok(Operand::Lazy(Lazy { stream: Box::new(stream), one_name: selection.one_name }))
    }
}

impl SeriesStream for SmoothedStream<'_, '_> {
    fn len(&self) -> usize {
        self.selection.set.len()
    }

    fn series(&self, index: usize, scratch: &mut Scratch) -> Result<Option<Series>> {
        let lookback_ms = self.query.options.lookback_ms;
        let reach = Reach {
            steps: self.steps,
            reference: self.reference,
            behind_ms: lookback_ms,
            ahead_ms: lookback_ms,
        };
        let Scratch { columns, kept, notes, decoded, .. } = scratch;
        self.selection.set.read(index, self.selection.within(reach.range()), columns)?;
        *decoded += (columns.floats.values.len() + columns.histograms.values.len()) as u64;
        let columns = without_stale(columns, kept);
        let mut series = Series::absent(self.selection.set.labels(index).clone(), false, self.steps.count);
        let (floats, histograms) = (&columns.floats, &columns.histograms);
        let mut float_windows = Windows::default();
        float_windows.fill(&floats.timestamps_ms, &reach);
        let mut histogram_windows = Windows::default();
        histogram_windows.fill(&histograms.timestamps_ms, &reach);
        for (step, time_ms) in self.steps.times().enumerate() {
            let time_ms = self.reference.time(time_ms);
            let (f, h) = (float_windows.get(step), histogram_windows.get(step));
            if !f.is_empty() && !h.is_empty() {
                let metric = series.metric_name().to_owned();
                notes.add(Note::MixedFloatsHistograms { metric }, self.span);
                continue;
            }
            let value = if h.is_empty() {
                let times = floats.timestamps_ms.get(f.clone()).unwrap_or_default();
                smooth_floats(times, floats.values.get(f).unwrap_or_default(), time_ms)
            } else {
                let times = histograms.timestamps_ms.get(h.clone()).unwrap_or_default();
                let values = histograms.values.get(h).unwrap_or_default();
                smooth_histograms(times, values, time_ms, (self.span, series.metric_name()), notes)
            };
            if let Some(value) = value {
                series.set(step, value);
            }
        }
        self.query.hold_briefly(series.sample_count())?;
        Ok((!series.is_empty()).then_some(series))
    }
}

fn smooth_floats(times: &[i64], values: &[f64], time_ms: i64) -> Option<SampleValue> {
    let at = times.partition_point(|time| *time < time_ms);
    let sample = |i: usize| Some((*times.get(i)?, *values.get(i)?));
    match (at.checked_sub(1).and_then(sample), sample(at)) {
        (_, Some((time, value))) if time == time_ms => Some(SampleValue::Float(value)),
        (Some(before), Some(after)) => Some(SampleValue::Float(interpolate(before, after, time_ms, false))),
        (Some((_, value)), None) => Some(SampleValue::Float(value)),
        (None, _) => None,
    }
}

fn smooth_histograms(
    times: &[i64],
    values: &[Arc<Histogram>],
    time_ms: i64,
    place: (Span, &str),
    notes: &mut Notes,
) -> Option<SampleValue> {
    let at = times.partition_point(|time| *time < time_ms);
    let sample = |i: usize| Some((*times.get(i)?, values.get(i)?));
    let histogram = match (at.checked_sub(1).and_then(sample), sample(at)) {
        (_, Some((time, histogram))) if time == time_ms => Arc::clone(histogram),
        (Some(before), Some(after)) => {
            if before.1.uses_custom_buckets() != after.1.uses_custom_buckets() {
                notes.add(Note::MixedExponentialCustom { metric: place.1.to_owned() }, place.0);
                return None;
            }
            let gauge = |histogram: &Histogram| histogram.counter_reset_hint == CounterResetHint::Gauge;
            let counter = !gauge(before.1) || !gauge(after.1);
            let (before, after) = ((before.0, &**before.1), (after.0, &**after.1));
            Arc::new(interpolate_histograms(before, after, time_ms, counter, place, notes)?)
        }
        (Some((_, histogram)), None) => Arc::new(Histogram {
            counter_reset_hint: CounterResetHint::Unknown,
            ..Histogram::clone(histogram)
        }),
        (None, _) => return None,
    };
    Some(SampleValue::Histogram(histogram))
}
