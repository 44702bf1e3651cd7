//! A series source in memory: for tests, and for data that a program already holds.

use std::collections::BTreeMap;
use std::sync::Arc;

use bedrock::histogram::{CounterResetHint, Histogram};
use bedrock::labels::{Labels, Matcher};
use bedrock::series::{Select, SeriesColumns, SeriesSet, SeriesSource, is_stale};
use bedrock::time::TimeRange;

/// The value of one sample.
#[derive(Clone, Debug, PartialEq)]
pub enum Sample {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

/// Why a sample was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("sample of {labels} at {time_ms} ms does not come after the last one at {last_ms} ms")]
pub struct AppendError {
    /// The series.
    pub labels: Labels,
    /// Time of the sample in milliseconds.
    pub time_ms: i64,
    /// Time of the newest sample of the series in milliseconds.
    pub last_ms: i64,
}

/// Series in memory, sorted by labels. A selection costs O(series); samples cost 24 bytes, histograms what they hold.
///
/// ```
/// use bedrock::labels::Labels;
/// use promql::script::{MemorySource, Sample, test_engine};
///
/// let mut source = MemorySource::default();
/// let up = Labels::from_pairs([("__name__", "up")])?;
/// source.append(&up, 0, 0, Sample::Float(1.0))?;
/// let result = test_engine().instant(&source, "up", 0)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    series: BTreeMap<Labels, Series>,
}

#[derive(Clone, Debug, Default)]
struct Series {
    columns: SeriesColumns,
    /// Time and kind of the newest sample.
    last: Option<(i64, bool)>,
}

impl MemorySource {
    /// Appends a sample. `start_ms` is the time at which its counter started, 0 where that is unknown.
    ///
    /// Counter reset hints are set as a store sets them: gauges stay gauges, a counter that goes on says that it was
    /// not reset, and any other is unknown.
    ///
    /// # Errors
    ///
    /// [`AppendError`] where the series has a later sample, or another one of that time. The same sample once more is
    /// fine and changes nothing.
    pub fn append(
        &mut self,
        labels: &Labels,
        time_ms: i64,
        start_ms: i64,
        sample: Sample,
    ) -> Result<(), AppendError> {
        let series = self.series.entry(labels.clone()).or_default();
        if let Some((last_ms, _)) = series.last.filter(|(last_ms, _)| *last_ms >= time_ms) {
            if last_ms == time_ms && series.ends_with(&sample) {
                return Ok(());
            }
            return Err(AppendError { labels: labels.clone(), time_ms, last_ms });
        }
        let after_histogram = series.last.is_some_and(|(_, is_histogram)| is_histogram);
        match sample {
            // A series of histograms goes stale as one.
            Sample::Float(value) if is_stale(value) && after_histogram => {
                series.push_histogram(
                    time_ms,
                    start_ms,
                    Arc::new(Histogram { sum: value, ..Histogram::default() }),
                );
            }
            Sample::Float(value) => series.push_float(time_ms, start_ms, value),
            Sample::Histogram(histogram) => {
                let previous = series.columns.histograms.values.last().filter(|_| after_histogram);
                let hint = stored_hint(&histogram, previous.map(Arc::as_ref));
                let mut histogram = histogram;
                if histogram.counter_reset_hint != hint {
                    Arc::make_mut(&mut histogram).counter_reset_hint = hint;
                }
                series.push_histogram(time_ms, start_ms, histogram);
            }
        }
        Ok(())
    }

    /// The number of series.
    pub fn series_count(&self) -> usize {
        self.series.len()
    }

    /// The number of samples.
    pub fn sample_count(&self) -> usize {
        let count =
            |series: &Series| series.columns.floats.values.len() + series.columns.histograms.values.len();
        self.series.values().map(count).sum()
    }
}

impl Series {
    /// Whether the newest sample has this value.
    fn ends_with(&self, sample: &Sample) -> bool {
        match (sample, self.last) {
            (Sample::Float(value), Some((_, false))) => {
                self.columns.floats.values.last().is_some_and(|last| last.to_bits() == value.to_bits())
            }
            (Sample::Histogram(histogram), Some((_, true))) => {
                self.columns.histograms.values.last().is_some_and(|last| last.same_data(histogram))
            }
            _ => false,
        }
    }

    fn push_float(&mut self, time_ms: i64, start_ms: i64, value: f64) {
        let floats = &mut self.columns.floats;
        Arc::make_mut(&mut floats.timestamps_ms).push(time_ms);
        floats.values.push(value);
        push_start(&mut floats.start_timestamps_ms, start_ms, floats.values.len());
        self.last = Some((time_ms, false));
    }

    fn push_histogram(&mut self, time_ms: i64, start_ms: i64, value: Arc<Histogram>) {
        let histograms = &mut self.columns.histograms;
        histograms.timestamps_ms.push(time_ms);
        histograms.values.push(value);
        push_start(&mut histograms.start_timestamps_ms, start_ms, histograms.values.len());
        self.last = Some((time_ms, true));
    }
}

/// Adds a start timestamp to a column that stays empty as long as none is known.
fn push_start(column: &mut Vec<i64>, start_ms: i64, length: usize) {
    if start_ms != 0 || !column.is_empty() {
        column.resize(length - 1, 0);
        column.push(start_ms);
    }
}

/// The hint that a store would give back: it says where it knows that there was no reset. A histogram that starts
/// anew, by itself or because its layout changed, has an unknown one, since what came before it may be gone or may
/// yet arrive.
fn stored_hint(histogram: &Histogram, previous: Option<&Histogram>) -> CounterResetHint {
    match histogram.counter_reset_hint {
        CounterResetHint::Gauge => return CounterResetHint::Gauge,
        CounterResetHint::CounterReset => return CounterResetHint::Unknown,
        CounterResetHint::Unknown | CounterResetHint::NotCounterReset => {}
    }
    let Some(previous) = previous else { return CounterResetHint::Unknown };
    let continues = previous.counter_reset_hint != CounterResetHint::Gauge
        && !is_stale(previous.sum)
        && histogram.schema == previous.schema
        && histogram.zero_threshold == previous.zero_threshold
        && histogram.custom_values == previous.custom_values;
    let mut unhinted = histogram.clone();
    unhinted.counter_reset_hint = CounterResetHint::Unknown;
    if continues && !unhinted.detect_reset(previous) {
        return CounterResetHint::NotCounterReset;
    }
    CounterResetHint::Unknown
}

impl SeriesSource for MemorySource {
    fn select(&self, select: &Select<'_>) -> bedrock::Result<Box<dyn SeriesSet + '_>> {
        let series = self.selected(select.matchers).collect();
        Ok(Box::new(Selected { series }))
    }

    fn label_names(&self, select: &Select<'_>, limit: usize) -> bedrock::Result<Vec<String>> {
        let selected = self.selected(select.matchers);
        Ok(distinct(selected.flat_map(|(labels, _)| labels.iter().map(|(name, _)| name)), limit))
    }

    fn label_values(&self, name: &str, select: &Select<'_>, limit: usize) -> bedrock::Result<Vec<String>> {
        let selected = self.selected(select.matchers);
        Ok(distinct(selected.filter_map(|(labels, _)| labels.get(name)), limit))
    }
}

impl MemorySource {
    fn selected(&self, matchers: &[Matcher]) -> impl Iterator<Item = (&Labels, &Series)> {
        self.series.iter().filter(|(labels, _)| {
            matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or_default()))
        })
    }
}

fn distinct<'a>(texts: impl Iterator<Item = &'a str>, limit: usize) -> Vec<String> {
    let set: std::collections::BTreeSet<&str> = texts.collect();
    set.into_iter().take(limit).map(str::to_owned).collect()
}

struct Selected<'a> {
    series: Vec<(&'a Labels, &'a Series)>,
}

impl SeriesSet for Selected<'_> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        self.series[index].0
    }

    fn read(&self, index: usize, range: TimeRange, columns: &mut SeriesColumns) -> bedrock::Result<()> {
        let SeriesColumns { floats, histograms } = &self.series[index].1.columns;
        let inside = |times: &[i64]| {
            times.partition_point(|time| *time < range.start)
                ..times.partition_point(|time| *time <= range.end)
        };
        let rows = inside(&floats.timestamps_ms);
        // The whole column is shared; a part of it is copied.
        columns.floats.timestamps_ms = if rows.len() == floats.values.len() {
            floats.timestamps_ms.clone()
        } else {
            Arc::new(part(&floats.timestamps_ms, &rows))
        };
        columns.floats.values = part(&floats.values, &rows);
        columns.floats.start_timestamps_ms = part(&floats.start_timestamps_ms, &rows);
        let rows = inside(&histograms.timestamps_ms);
        columns.histograms.timestamps_ms = part(&histograms.timestamps_ms, &rows);
        columns.histograms.values = part(&histograms.values, &rows);
        columns.histograms.start_timestamps_ms = part(&histograms.start_timestamps_ms, &rows);
        Ok(())
    }
}

/// The rows of a column; none of a column that is empty because no row has a value.
fn part<T: Clone>(column: &[T], rows: &std::ops::Range<usize>) -> Vec<T> {
    column.get(rows.clone()).unwrap_or_default().to_vec()
}
