//! Functions with a range vector: the windows of each series, from storage or from a subquery.

use std::sync::Arc;

use bedrock::labels::Labels;
use bedrock::series::{FloatColumns, HistogramColumns, SeriesColumns, is_stale};
use bedrock::vector::is_absent;

use super::annotations::Note;
use super::error::{QueryError, Result};
use super::query::Query;
use super::select::Selection;
use super::series::{Series, TYPE_LABEL};
use super::steps::{Reference, Steps};
use super::stream::{Scratch, SeriesStream};
use super::value::MatrixSeries;
use super::window::{Reach, Windows};
use crate::FunctionId;
use crate::ast::Boundary;
use crate::functions::kernel;
use crate::functions::range::{Floats, Histograms, RangeCall, Window, interpolate};

/// Where the samples of a range vector come from.
pub(crate) enum Samples<'s, 'q> {
    /// A range selector.
    Stored(&'s Selection<'q>),
    /// A subquery: series over its own steps.
    Computed { series: Vec<Series>, steps: Steps },
}

/// The series of a function over a range vector.
pub(crate) struct RangeStream<'s, 'q> {
    pub(crate) query: &'s Query<'q>,
    pub(crate) samples: Samples<'s, 'q>,
    pub(crate) reference: Reference,
    pub(crate) steps: Steps,
    pub(crate) call: RangeCall,
    /// Whether count and sum of histograms are all that is asked for.
    pub(crate) statistics: bool,
}

impl SeriesStream for RangeStream<'_, '_> {
    fn len(&self) -> usize {
        match &self.samples {
            Samples::Stored(selection) => selection.set.len(),
            Samples::Computed { series, .. } => series.len(),
        }
    }

    fn series(&self, index: usize, scratch: &mut Scratch) -> Result<Option<Series>> {
        let reach = self.reach();
        let keeps_name = matches!(self.call.function, FunctionId::LastOverTime | FunctionId::FirstOverTime);
        let mut series = match &self.samples {
            Samples::Stored(selection) => {
                selection.set.read(index, selection.within(reach.range()), &mut scratch.columns)?;
                let columns = &mut scratch.columns;
                if self.statistics {
                    keep_statistics(&mut columns.histograms);
                }
                scratch.decoded += (columns.floats.values.len() + columns.histograms.values.len()) as u64;
                Series::absent(selection.set.labels(index).clone(), !keeps_name, 0)
            }
            Samples::Computed { series, steps } => {
                let Some(series) = series.get(index) else { return Ok(None) };
                columns_of(series, steps, &mut scratch.columns);
                Series::absent(series.labels.clone(), !keeps_name || series.drop_name, 0)
            }
        };
        self.evaluate(&mut series, &reach, scratch)?;
        if series.is_empty() {
            return Ok(None);
        }
        self.note_possible_gauge(&series, scratch);
        self.query.hold_briefly(series.sample_count())?;
        Ok(Some(series))
    }
}

impl RangeStream<'_, '_> {
    /// How far the samples that a step may look at reach.
    fn reach(&self) -> Reach {
        let lookback_ms = self.query.options.lookback_ms;
        let (extra, ahead_ms) = match self.call.boundary {
            Boundary::Plain => (0, 0),
            Boundary::Anchored => (lookback_ms, 0),
            Boundary::Smoothed => (lookback_ms, lookback_ms),
        };
        let behind_ms = self.call.range_ms.saturating_add(extra);
        Reach { steps: self.steps, reference: self.reference, behind_ms, ahead_ms }
    }

    /// Computes the column of a series from the columns in `scratch`.
    fn evaluate(&self, series: &mut Series, reach: &Reach, scratch: &mut Scratch) -> Result<()> {
        let columns = without_stale(&scratch.columns, &mut scratch.kept);
        check_lengths(columns)?;
        let plain = columns.histograms.values.is_empty()
            && self.call.boundary == Boundary::Plain
            && (!self.call.start_timestamps || columns.floats.start_timestamps_ms.is_empty());
        let edges = if plain { kernel::extrapolates(&self.call) } else { None };
        let seen = scratch.windows.of(&columns.floats.timestamps_ms, reach, edges);
        let windows = seen.windows;
        if plain {
            let input = kernel::Input {
                times: &columns.floats.timestamps_ms,
                values: &columns.floats.values,
                windows,
                edges: seen.edges,
            };
            self.query.hold_briefly(seen.widest)?;
            if let Some(column) = kernel::column(&self.call, &input, &mut scratch.kernel) {
                series.floats = column;
                return Ok(());
            }
        }
        series.floats = vec![bedrock::vector::ABSENT; self.steps.count];
        let mut histogram_windows = Windows::default();
        histogram_windows.fill(&columns.histograms.timestamps_ms, reach);
        let metric = self.metric_of(series).to_owned();
        let all = AllSamples::of(columns, self.call.start_timestamps);
        for (step, time_ms) in self.steps.times().enumerate() {
            let end_ms = self.reference.time(time_ms);
            let window = Window {
                step,
                time_ms,
                start_ms: end_ms.saturating_sub(self.call.range_ms),
                end_ms,
                floats: all.floats.slice(windows.get(step)),
                histograms: all.histograms.slice(histogram_windows.get(step)),
                metric: &metric,
            };
            if window.is_empty() {
                continue;
            }
            let bytes: usize = window.histograms.values.iter().map(|h| h.heap_bytes() + 8).sum();
            self.query.hold_briefly(window.floats.values.len() + bytes / 16)?;
            if let Some(value) = self.call.evaluate(&window, &mut scratch.notes)? {
                series.set(step, value);
            }
        }
        Ok(())
    }

    /// The name that remarks give.
    fn metric_of<'a>(&self, series: &'a Series) -> &'a str {
        series.metric_name()
    }

    /// A rate of something that is not called like a counter may be a mistake.
    fn note_possible_gauge(&self, series: &Series, scratch: &mut Scratch) {
        if !matches!(self.call.function, FunctionId::Rate | FunctionId::Increase) {
            return;
        }
        let name = self.metric_of(series);
        if name.is_empty() || series.floats.iter().all(|value| is_absent(*value)) {
            return;
        }
        let note = if self.query.options.features.type_and_unit_labels {
            let label = series.labels.get(TYPE_LABEL).unwrap_or("");
            if matches!(label, "counter" | "histogram") {
                return;
            }
            Note::PossibleNonCounterLabel { metric: name.to_owned(), label: label.to_owned() }
        } else {
            if ["_total", "_sum", "_count", "_bucket"].iter().any(|suffix| name.ends_with(suffix)) {
                return;
            }
            Note::PossibleNonCounter { metric: name.to_owned() }
        };
        scratch.notes.add(note, self.call.span);
    }
}

/// The samples of a series as functions see them.
struct AllSamples<'c> {
    floats: Floats<'c>,
    histograms: Histograms<'c>,
}

impl<'c> AllSamples<'c> {
    fn of(columns: &'c SeriesColumns, start_timestamps: bool) -> Self {
        let starts = |starts: &'c [i64]| if start_timestamps { starts } else { &[] };
        AllSamples {
            floats: Floats {
                times: &columns.floats.timestamps_ms,
                values: &columns.floats.values,
                starts: starts(&columns.floats.start_timestamps_ms),
            },
            histograms: Histograms {
                times: &columns.histograms.timestamps_ms,
                values: &columns.histograms.values,
                starts: starts(&columns.histograms.start_timestamps_ms),
            },
        }
    }
}

/// The columns without stale markers, which range vectors skip; a copy in `kept` only where there are some.
pub(crate) fn without_stale<'c>(
    columns: &'c SeriesColumns,
    kept: &'c mut SeriesColumns,
) -> &'c SeriesColumns {
    // Without an early exit the scan is vectorised: 0.1 ns a value.
    let stale_floats = columns.floats.values.iter().fold(false, |any, value| any | is_stale(*value));
    let stale_histograms = columns.histograms.values.iter().any(|histogram| is_stale(histogram.sum));
    if !stale_floats && !stale_histograms {
        return columns;
    }
    let floats = &columns.floats;
    let keep: Vec<bool> = floats.values.iter().map(|value| !is_stale(*value)).collect();
    kept.floats = FloatColumns {
        timestamps_ms: Arc::new(filtered(&floats.timestamps_ms, &keep)),
        values: filtered(&floats.values, &keep),
        start_timestamps_ms: filtered(&floats.start_timestamps_ms, &keep),
    };
    let histograms = &columns.histograms;
    let keep: Vec<bool> = histograms.values.iter().map(|histogram| !is_stale(histogram.sum)).collect();
    kept.histograms = HistogramColumns {
        timestamps_ms: filtered(&histograms.timestamps_ms, &keep),
        values: filtered(&histograms.values, &keep),
        start_timestamps_ms: filtered(&histograms.start_timestamps_ms, &keep),
    };
    kept
}

fn filtered<T: Clone>(values: &[T], keep: &[bool]) -> Vec<T> {
    values.iter().zip(keep).filter(|(_, keep)| **keep).map(|(value, _)| value.clone()).collect()
}

/// Fails where a source breaks its promise that columns are of one length.
fn check_lengths(columns: &SeriesColumns) -> Result<()> {
    let floats = columns.floats.timestamps_ms.len() == columns.floats.values.len();
    if floats && columns.histograms.timestamps_ms.len() == columns.histograms.values.len() {
        return Ok(());
    }
    Err(QueryError::execution("the source gave columns of different lengths"))
}

/// Takes the buckets away. What they tell about counter resets goes into the hints.
fn keep_statistics(histograms: &mut HistogramColumns) {
    let all: Vec<_> = (0..histograms.values.len())
        .filter_map(|index| {
            let histogram = histograms.values.get(index)?;
            Some(super::instant::statistics(histogram, histograms.values.get(..index)))
        })
        .collect();
    histograms.values = all;
}

/// The samples of a computed series. Hints about resets are forgotten: a subquery may skip or repeat samples.
fn columns_of(series: &Series, steps: &Steps, columns: &mut SeriesColumns) {
    use bedrock::histogram::{CounterResetHint, Histogram};
    let mut times = Vec::with_capacity(series.floats.len());
    columns.floats.values.clear();
    columns.floats.start_timestamps_ms.clear();
    columns.histograms.timestamps_ms.clear();
    columns.histograms.values.clear();
    columns.histograms.start_timestamps_ms.clear();
    for (value, time) in series.floats.iter().zip(steps.times()) {
        if !is_absent(*value) {
            times.push(time);
            columns.floats.values.push(*value);
        }
    }
    columns.floats.timestamps_ms = Arc::new(times);
    for (histogram, time) in series.histograms.iter().zip(steps.times()) {
        let Some(histogram) = histogram else { continue };
        let histogram = match histogram.counter_reset_hint {
            CounterResetHint::CounterReset | CounterResetHint::NotCounterReset => {
                let unknown = CounterResetHint::Unknown;
                Arc::new(Histogram { counter_reset_hint: unknown, ..Histogram::clone(histogram) })
            }
            CounterResetHint::Unknown | CounterResetHint::Gauge => Arc::clone(histogram),
        };
        columns.histograms.timestamps_ms.push(time);
        columns.histograms.values.push(histogram);
    }
}

/// The window of a range vector that is a query's whole answer.
pub(super) struct Bounds {
    pub(super) start_ms: i64,
    pub(super) end_ms: i64,
    pub(super) lookback_ms: i64,
    pub(super) boundary: Boundary,
}

impl Bounds {
    /// The times whose samples matter.
    pub(super) fn range(&self) -> bedrock::time::TimeRange {
        let (behind, ahead) = match self.boundary {
            Boundary::Plain => (0, 0),
            Boundary::Anchored => (self.lookback_ms, 0),
            Boundary::Smoothed => (self.lookback_ms, self.lookback_ms),
        };
        bedrock::time::TimeRange::new(
            self.start_ms.saturating_sub(behind).saturating_add(1),
            self.end_ms.saturating_add(ahead),
        )
    }

    /// The samples inside; with `anchored` and `smoothed` there is one at each end.
    pub(super) fn cut(&self, labels: Labels, columns: &SeriesColumns) -> Result<Option<MatrixSeries>> {
        let range = self.range();
        let floats = columns.floats.timestamps_ms.iter().zip(&columns.floats.values);
        let floats: Vec<(i64, f64)> =
            floats.filter(|(time, _)| range.contains(**time)).map(|(time, value)| (*time, *value)).collect();
        let histograms = columns.histograms.timestamps_ms.iter().zip(&columns.histograms.values);
        let histograms: Vec<_> = histograms
            .filter(|(time, _)| range.contains(**time))
            .map(|(time, histogram)| (*time, Arc::clone(histogram)))
            .collect();
        if self.boundary == Boundary::Plain {
            let any = !floats.is_empty() || !histograms.is_empty();
            return Ok(any.then_some(MatrixSeries { labels, floats, histograms }));
        }
        if !histograms.is_empty() {
            let word = if self.boundary == Boundary::Anchored { "anchored" } else { "smoothed" };
            return Err(QueryError::execution(format!("{word} modifier is not supported with histograms")));
        }
        let floats = extend(&floats, self.start_ms, self.end_ms, self.boundary == Boundary::Smoothed);
        Ok((!floats.is_empty()).then_some(MatrixSeries { labels, floats, histograms: Vec::new() }))
    }
}

/// The samples between the ends, with one at each end that is taken over or interpolated.
fn extend(floats: &[(i64, f64)], start_ms: i64, end_ms: i64, smoothed: bool) -> Vec<(i64, f64)> {
    let Some(mut last) = floats.len().checked_sub(1) else { return Vec::new() };
    let before_last = floats.get(..last).unwrap_or_default();
    let mut first = before_last.partition_point(|(time, _)| *time <= start_ms).saturating_sub(1);
    if smoothed {
        last = before_last.partition_point(|(time, _)| *time < end_ms);
    }
    if floats[last].0 <= start_ms {
        return Vec::new();
    }
    let left = match floats.get(first + 1) {
        Some(next) if smoothed && floats[first].0 < start_ms => {
            interpolate(floats[first], *next, start_ms, false)
        }
        _ => floats[first].1,
    };
    let right = if smoothed && last > 0 && floats[last].0 > end_ms {
        interpolate(floats[last - 1], floats[last], end_ms, false)
    } else {
        floats[last].1
    };
    if floats[first].0 <= start_ms {
        first += 1;
    }
    let behind = if floats[last].0 >= end_ms { last } else { last + 1 };
    let mut extended = vec![(start_ms, left)];
    extended.extend_from_slice(floats.get(first..behind).unwrap_or_default());
    extended.push((end_ms, right));
    extended
}
