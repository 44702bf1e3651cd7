//! Instant selectors: at each step the last sample, if it is young enough and no stale marker.

use std::sync::Arc;

use bedrock::histogram::{CounterResetHint, Histogram};
use bedrock::series::{SeriesColumns, is_stale};
use bedrock::vector::ABSENT;

use super::error::Result;
use super::query::Query;
use super::select::Selection;
use super::series::Series;
use super::steps::{Reference, Steps};
use super::stream::{Scratch, SeriesStream};
use super::value::SampleValue;
use super::window::{Reach, Windows};

/// What an instant selector gives of the sample it finds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Take {
    /// The value.
    Value,
    /// The value; of histograms only count, sum and whether a reset came before.
    Statistics,
    /// Whether there is one: floats may be any number.
    Presence,
    /// The timestamp in milliseconds.
    Milliseconds,
    /// The timestamp in seconds.
    Timestamp,
    /// The start timestamp in seconds.
    StartTimestamp,
}

/// The series of an instant selector.
pub(crate) struct InstantStream<'s, 'q> {
    pub(crate) query: &'s Query<'q>,
    pub(crate) selection: &'s Selection<'q>,
    pub(crate) reference: Reference,
    pub(crate) steps: Steps,
    pub(crate) take: Take,
}

impl SeriesStream for InstantStream<'_, '_> {
    fn len(&self) -> usize {
        self.selection.set.len()
    }

    fn series(&self, index: usize, scratch: &mut Scratch) -> Result<Option<Series>> {
        let lookback_ms = self.query.options.lookback_ms;
        let reach =
            Reach { steps: self.steps, reference: self.reference, behind_ms: lookback_ms, ahead_ms: 0 };
        let range = self.selection.within(reach.range());
        let Scratch { columns, windows, decoded, .. } = scratch;
        if matches!(self.take, Take::Presence | Take::Milliseconds | Take::Timestamp) {
            self.selection.set.read_presence(index, range, columns)?;
        } else {
            self.selection.set.read(index, range, columns)?;
        }
        *decoded += (columns.floats.values.len() + columns.histograms.values.len()) as u64;
        let labels = self.selection.set.labels(index);
        let mut series = Series::absent(labels.clone(), false, self.steps.count);
        if columns.histograms.values.is_empty() {
            let found = windows.of(&columns.floats.timestamps_ms, &reach, None);
            if !self.fill_floats(columns, found.windows, &mut series.floats) {
                return Ok(None);
            }
        } else {
            self.fill_mixed(columns, &reach, &mut series);
            if series.is_empty() {
                return Ok(None);
            }
        }
        if matches!(self.take, Take::Value | Take::Statistics | Take::Presence) {
            self.query.hold_briefly(series.sample_count())?;
        }
        Ok(Some(series))
    }
}

impl InstantStream<'_, '_> {
    /// Fills the column; false where nothing was found.
    fn fill_floats(&self, columns: &SeriesColumns, windows: &Windows, out: &mut [f64]) -> bool {
        let floats = &columns.floats;
        let mut any = false;
        for (slot, window) in out.iter_mut().zip(windows.iter()) {
            if window.is_empty() {
                continue;
            }
            let last = window.end - 1;
            // A stale marker is what an absent value is written as.
            let value = floats.values.get(last).copied().unwrap_or(ABSENT);
            if is_stale(value) {
                continue;
            }
            any = true;
            *slot = match self.take {
                Take::Value | Take::Statistics | Take::Presence => value,
                Take::Milliseconds => floats.timestamps_ms.get(last).map_or(ABSENT, |t| *t as f64),
                Take::Timestamp => floats.timestamps_ms.get(last).map_or(ABSENT, |t| *t as f64 / 1e3),
                Take::StartTimestamp => start_seconds(&floats.start_timestamps_ms, last),
            };
        }
        any
    }

    fn fill_mixed(&self, columns: &SeriesColumns, reach: &Reach, series: &mut Series) {
        let (floats, histograms) = (&columns.floats, &columns.histograms);
        let mut float_windows = Windows::default();
        float_windows.fill(&floats.timestamps_ms, reach);
        let mut histogram_windows = Windows::default();
        histogram_windows.fill(&histograms.timestamps_ms, reach);
        for step in 0..self.steps.count {
            let last = |window: std::ops::Range<usize>, times: &[i64]| {
                (!window.is_empty())
                    .then(|| (window.end - 1, times.get(window.end - 1).copied().unwrap_or(0)))
            };
            let float = last(float_windows.get(step), &floats.timestamps_ms);
            let seen = histogram_windows.get(step);
            let histogram = last(seen.clone(), &histograms.timestamps_ms);
            let value = match (float, histogram) {
                (Some((f, f_ms)), h) if h.is_none_or(|(_, h_ms)| f_ms > h_ms) => {
                    let value = floats.values.get(f).copied().filter(|value| !is_stale(*value));
                    value.map(|value| {
                        self.of_sample(SampleValue::Float(value), f_ms, &floats.start_timestamps_ms, f)
                    })
                }
                (_, Some((h, h_ms))) => {
                    let value = histograms.values.get(h).filter(|histogram| !is_stale(histogram.sum));
                    value.map(|histogram| {
                        let histogram = match self.take {
                            Take::Statistics => statistics(histogram, histograms.values.get(seen.start..h)),
                            _ => Arc::clone(histogram),
                        };
                        let value = SampleValue::Histogram(histogram);
                        self.of_sample(value, h_ms, &histograms.start_timestamps_ms, h)
                    })
                }
                _ => None,
            };
            if let Some(value) = value {
                series.set(step, value);
            }
        }
    }

    fn of_sample(&self, value: SampleValue, time_ms: i64, starts: &[i64], index: usize) -> SampleValue {
        match self.take {
            Take::Value | Take::Statistics | Take::Presence => value,
            // Whoever asks for these looks at series of floats only, and has to see that this is none.
            Take::Milliseconds if matches!(value, SampleValue::Histogram(_)) => value,
            Take::Milliseconds => SampleValue::Float(time_ms as f64),
            Take::Timestamp => SampleValue::Float(time_ms as f64 / 1e3),
            Take::StartTimestamp => SampleValue::Float(start_seconds(starts, index)),
        }
    }
}

fn start_seconds(starts: &[i64], index: usize) -> f64 {
    starts.get(index).copied().unwrap_or(0) as f64 / 1e3
}

/// Count, sum and schema of a histogram, with a hint that says whether it follows a reset, as far as the samples
/// before it in the window tell.
pub(super) fn statistics(histogram: &Histogram, before: Option<&[Arc<Histogram>]>) -> Arc<Histogram> {
    let before = before.unwrap_or_default().last().filter(|before| !is_stale(before.sum));
    let hint = match (histogram.counter_reset_hint, before) {
        (CounterResetHint::Unknown, Some(before)) if histogram.detect_reset(before) => {
            CounterResetHint::CounterReset
        }
        (CounterResetHint::Unknown, Some(_)) => CounterResetHint::NotCounterReset,
        (hint, _) => hint,
    };
    Arc::new(Histogram {
        counter_reset_hint: hint,
        schema: histogram.schema,
        count: histogram.count,
        sum: histogram.sum,
        ..Histogram::default()
    })
}
