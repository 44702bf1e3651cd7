//! Asking the three stores, each in its language, over one stretch of time.

use bedrock::labels::{Labels, MatchOp, Matcher};
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use logstore::logql::{self, QueryData, QueryOptions};
use promql::engine::{SampleValue, Value};
use promql::{Engine, EngineOptions};
use tracestore::api;
use tracestore::source::TimeWindow;
use tracestore::traceql::{FoundTrace, MetricsAnswer, SearchOptions};

use crate::error::{Error, Result};
use crate::stores::Stores;

/// What a dashboard looks back at most.
const HOURS_MAX_MS: i64 = 6 * 3_600_000;
/// About so many points has a chart.
const POINTS: i64 = 90;

/// A stretch of time, both ends inside, and the distance of a chart's points.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Window {
    pub start_ms: i64,
    pub end_ms: i64,
    pub step_ms: i64,
}

impl Window {
    /// The last hours of what is stored, or all of it where that is less.
    ///
    /// # Errors
    ///
    /// [`Error::NoShop`] where nothing is stored.
    pub fn last_hours(stores: &Stores) -> Result<Self> {
        let none = || Error::NoShop { dir: stores.dir.clone() };
        let end_ms = stores.newest_ms().ok_or_else(none)?;
        let first_ms = first_ms(stores, end_ms).ok_or_else(none)?;
        let start_ms = first_ms.max(end_ms - HOURS_MAX_MS);
        // Whole scrapes, so that every point has samples of its own.
        let step_ms = ((end_ms - start_ms) / POINTS / 5_000 * 5_000).max(5_000);
        Ok(Window { start_ms, end_ms, step_ms })
    }

    /// How long it is.
    pub fn length_ms(&self) -> i64 {
        self.end_ms - self.start_ms
    }

    /// Both ends.
    pub fn ends_ms(&self) -> (i64, i64) {
        (self.start_ms, self.end_ms)
    }

    /// Its length as a range in a query, in whole seconds: `6h`.
    pub fn range(&self) -> String {
        bedrock::time::format_duration_ms((self.length_ms() / 1_000).max(1) * 1_000)
    }

    /// The times of a chart's points.
    pub fn steps(&self) -> impl Iterator<Item = i64> + use<> {
        (self.start_ms..=self.end_ms).step_by(self.step_ms as usize)
    }
}

/// The first time at which something was sold, as far back as a dashboard looks.
fn first_ms(stores: &Stores, end_ms: i64) -> Option<i64> {
    let matchers = [Matcher::new(MatchOp::Equal, "__name__", "shoehub_sales").ok()?];
    let range = TimeRange::new(end_ms - HOURS_MAX_MS, end_ms);
    let snapshot = stores.metrics.snapshot();
    let series = snapshot.select(&Select { matchers: &matchers, range }).ok()?;
    let mut columns = SeriesColumns::default();
    series.read(0, range, &mut columns).ok()?;
    columns.floats.timestamps_ms.first().copied()
}

/// Points of a chart: a label set and a value a step, `NaN` where there is none.
pub type Points = (Labels, Vec<f64>);

/// The stores and the time that they are asked about.
#[derive(Debug)]
pub struct Ask<'a> {
    /// The stores.
    pub stores: &'a Stores,
    /// The time.
    pub window: Window,
    engine: Engine,
}

impl<'a> Ask<'a> {
    /// Asks stores about a time.
    pub fn new(stores: &'a Stores, window: Window) -> Self {
        Ask { stores, window, engine: Engine::new(EngineOptions::default()) }
    }

    /// PromQL, at the end of the window.
    ///
    /// # Errors
    ///
    /// Where the query has no answer.
    pub fn instant(&self, query: &str) -> Result<Vec<(Labels, f64)>> {
        let answer = self.engine.instant(&self.stores.metrics.snapshot(), query, self.window.end_ms);
        let answer = answer.map_err(|error| Error::query("PromQL", query, &error))?;
        Ok(match answer.value {
            Value::Scalar { value, .. } => vec![(Labels::empty(), value)],
            Value::Vector(samples) => {
                let floats = samples.into_iter().filter_map(|sample| match sample.value {
                    SampleValue::Float(value) => Some((sample.labels, value)),
                    SampleValue::Histogram(_) => None,
                });
                floats.collect()
            }
            Value::String(_) | Value::Matrix(_) => Vec::new(),
        })
    }

    /// PromQL, one number at the end of the window; `NaN` where there is none.
    ///
    /// # Errors
    ///
    /// Where the query has no answer.
    pub fn number(&self, query: &str) -> Result<f64> {
        Ok(self.instant(query)?.first().map_or(f64::NAN, |(_, value)| *value))
    }

    /// PromQL over the window, with a value a step.
    ///
    /// # Errors
    ///
    /// Where the query has no answer.
    pub fn range(&self, query: &str, step_ms: i64) -> Result<Vec<Points>> {
        let Window { start_ms, end_ms, .. } = self.window;
        let answer = self.engine.range(&self.stores.metrics.snapshot(), query, start_ms, end_ms, step_ms);
        let answer = answer.map_err(|error| Error::query("PromQL", query, &error))?;
        let Value::Matrix(matrix) = answer.value else { return Ok(Vec::new()) };
        let steps = ((end_ms - start_ms) / step_ms) as usize + 1;
        let dense = matrix.into_iter().map(|series| {
            let mut values = vec![f64::NAN; steps];
            for (time_ms, value) in series.floats {
                values[((time_ms - start_ms) / step_ms) as usize] = value;
            }
            (series.labels, values)
        });
        Ok(dense.collect())
    }

    /// LogQL, at the end of the window.
    ///
    /// # Errors
    ///
    /// Where the query has no answer.
    pub fn logs_instant(&self, query: &str) -> Result<QueryData> {
        self.logs(query, &QueryOptions::instant(self.window.end_ms * 1_000_000))
    }

    /// LogQL over the window: the newest lines, or series with the steps of a chart.
    ///
    /// # Errors
    ///
    /// Where the query has no answer.
    pub fn logs_range(&self, query: &str, limit: usize) -> Result<QueryData> {
        let Window { start_ms, end_ms, step_ms } = self.window;
        let options = QueryOptions::range(start_ms * 1_000_000, end_ms * 1_000_000 + 1, step_ms * 1_000_000);
        self.logs(query, &QueryOptions { limit, ..options })
    }

    fn logs(&self, query: &str, options: &QueryOptions<'_>) -> Result<QueryData> {
        let answer = logql::parse(query)
            .and_then(|parsed| logql::evaluate(&self.stores.logs.snapshot(), &parsed, options));
        answer.map_err(|error| Error::query("LogQL", query, &error))
    }

    /// TraceQL over the window: at most so many traces, those that begin last.
    ///
    /// # Errors
    ///
    /// Where the query has no answer.
    pub fn traces(&self, query: &str, limit: usize) -> Result<Vec<FoundTrace>> {
        let (start_ns, end_ns) = self.ends_ns();
        let window = TimeWindow { start_ns, end_ns };
        let options =
            SearchOptions { window, limit, spans_per_set: 1, most_recent: true, ..SearchOptions::default() };
        api::search(&self.stores.traces.snapshot(), query, &options)
            .map_err(|error| Error::query("TraceQL", query, &error))
    }

    /// TraceQL metrics, one value a series for the whole window.
    ///
    /// # Errors
    ///
    /// Where the query has no answer.
    pub fn trace_metrics(&self, query: &str) -> Result<MetricsAnswer> {
        let (start_ns, end_ns) = self.ends_ns();
        api::query_instant(&self.stores.traces.snapshot(), query, start_ns, end_ns)
            .map_err(|error| Error::query("TraceQL", query, &error))
    }

    fn ends_ns(&self) -> (u64, u64) {
        let ns = |ms: i64| u64::try_from(ms).unwrap_or(0) * 1_000_000;
        (ns(self.window.start_ms), ns(self.window.end_ms))
    }
}
