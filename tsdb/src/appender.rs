//! Samples into the store: resolve labels once, append by reference, commit at once.

use std::sync::Arc;

use bedrock::histogram::{Histogram, IntegerHistogram};
use bedrock::labels::Labels;

use crate::error::{Error, Rejection, Result};
use crate::exemplar::Exemplar;
use crate::head::{Batch, CommitRules, Judgement, Value};
use crate::metadata::Metadata;
use crate::records::SampleRecord;
use crate::store::{Handle, Store};

/// Names a series of this store. It is good for as long as the series is in the head: a series that was idle for
/// longer than [`crate::Options::idle_ms`] is forgotten, and appending by its reference is then refused with
/// [`crate::SampleProblem::UnknownSeries`]. References are never given twice, also not after a reopen.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SeriesRef(pub(crate) u64);

/// What a commit took.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// Samples appended to the end of their series.
    pub appended: usize,
    /// Samples that came out of order and were taken.
    pub out_of_order: usize,
    /// Samples that the store had already, bit for bit.
    pub duplicates: usize,
    /// What could not be taken. Empty under [`Appender::all_or_nothing`].
    pub rejected: Vec<Rejection>,
}

/// Gathers samples and commits them as one: readers see all of them or none, and so does a recovery.
///
/// An appender belongs to one thread; a store gives out as many as are asked for. Keep it: its memory is used again
/// from commit to commit. Commits of neighbouring series, as one scrape brings them, take 40 to 80 ns a sample.
///
/// ```
/// use bedrock::labels::Labels;
/// use tsdb::{Db, Options};
///
/// let db = Db::in_memory(Options::default())?;
/// let mut appender = db.appender();
/// let up = appender.series(&Labels::from_pairs([("__name__", "up"), ("job", "api")]).expect("a label set"))?;
/// appender.append(up, 1_000, 1.0);
/// appender.append(up, 16_000, 1.0);
/// assert_eq!(appender.commit()?.appended, 2);
/// # Ok::<(), tsdb::Error>(())
/// ```
#[derive(Debug)]
pub struct Appender {
    handle: Arc<Handle>,
    batch: Batch,
    judgement: Judgement,
    all_or_nothing: bool,
}

impl Appender {
    pub(crate) fn new(handle: Arc<Handle>) -> Self {
        Appender { handle, batch: Batch::default(), judgement: Judgement::default(), all_or_nothing: false }
    }

    /// From now on a commit takes everything or nothing. Without it a commit takes the good samples and reports the
    /// others.
    #[must_use]
    pub fn all_or_nothing(mut self) -> Self {
        self.all_or_nothing = true;
        self
    }

    /// The reference of a series, which is made where it is new. About 100 ns for a known one, 2 us for a new one.
    ///
    /// # Errors
    ///
    /// [`Error::Labels`] where the labels break a limit, and [`bedrock::Error::Limit`] where the head has no memory
    /// for another series.
    pub fn series(&mut self, labels: &Labels) -> Result<SeriesRef> {
        self.handle.store.resolve(labels).map(SeriesRef)
    }

    /// Adds a float sample.
    #[inline]
    pub fn append(&mut self, series: SeriesRef, timestamp_ms: i64, value: f64) {
        self.batch.references.push(series.0);
        self.batch.times_ms.push(timestamp_ms);
        self.batch.values.push(value);
        if !self.batch.starts_ms.is_empty() {
            self.batch.starts_ms.push(0);
        }
    }

    /// Adds a float sample that counts since `start_ms`; 0 is an unknown start.
    pub fn append_with_start(&mut self, series: SeriesRef, start_ms: i64, timestamp_ms: i64, value: f64) {
        if start_ms != 0 && self.batch.starts_ms.is_empty() {
            self.batch.starts_ms.resize(self.batch.values.len(), 0);
        }
        if start_ms != 0 || !self.batch.starts_ms.is_empty() {
            self.batch.starts_ms.push(start_ms);
        }
        self.batch.references.push(series.0);
        self.batch.times_ms.push(timestamp_ms);
        self.batch.values.push(value);
    }

    /// Adds one scrape: a value for each series, all with one timestamp. Values without a series, and series without a
    /// value, are left out. The quickest way in.
    pub fn append_scrape(&mut self, series: &[SeriesRef], timestamp_ms: i64, values: &[f64]) {
        let count = series.len().min(values.len());
        self.batch.references.extend(series.iter().take(count).map(|series| series.0));
        self.batch.times_ms.resize(self.batch.times_ms.len() + count, timestamp_ms);
        self.batch.values.extend(values.iter().take(count));
        if !self.batch.starts_ms.is_empty() {
            self.batch.starts_ms.resize(self.batch.values.len(), 0);
        }
    }

    /// Adds a native histogram that counts since `start_ms`; 0 is an unknown start. Histograms of a batch are taken
    /// after its floats.
    pub fn append_histogram(
        &mut self,
        series: SeriesRef,
        start_ms: i64,
        timestamp_ms: i64,
        histogram: Arc<Histogram>,
    ) {
        let value = Value::Histogram(histogram);
        let sample = SampleRecord { reference: series.0, time_ms: timestamp_ms, start_ms, value };
        self.batch.histograms.push(sample);
    }

    /// Adds a native histogram of whole counts, as instrumented programs make it. Counts are stored as whole numbers, and
    /// come back as such by [`Histogram::to_integer`].
    ///
    /// ```
    /// use bedrock::histogram::{IntegerHistogram, Span};
    /// use bedrock::labels::Labels;
    /// use tsdb::{Db, Options};
    ///
    /// let db = Db::in_memory(Options::default())?;
    /// let mut appender = db.appender();
    /// let labels = Labels::from_pairs([("__name__", "request_seconds")]).expect("a label set");
    /// let series = appender.series(&labels)?;
    /// let histogram = IntegerHistogram {
    ///     count: 3,
    ///     sum: 4.5,
    ///     positive_spans: vec![Span { offset: 0, length: 2 }],
    ///     positive_buckets: vec![1, 2],
    ///     ..IntegerHistogram::default()
    /// };
    /// assert!(appender.append_integer_histogram(series, 0, 1_000, &histogram));
    /// assert_eq!(appender.commit()?.appended, 1);
    /// # Ok::<(), tsdb::Error>(())
    /// ```
    ///
    /// Returns `false`, and takes nothing, where a count is above 2^53: no float says it exactly.
    #[must_use]
    pub fn append_integer_histogram(
        &mut self,
        series: SeriesRef,
        start_ms: i64,
        timestamp_ms: i64,
        histogram: &IntegerHistogram,
    ) -> bool {
        let floats = Arc::new(Histogram::from(histogram));
        let exact = floats.to_integer().is_some_and(|back| same_counts(&back, histogram));
        if exact {
            self.append_histogram(series, start_ms, timestamp_ms, floats);
        }
        exact
    }

    /// Marks a series as gone from `timestamp_ms` on: a query sees it no longer than that.
    pub fn append_stale(&mut self, series: SeriesRef, timestamp_ms: i64) {
        self.append(series, timestamp_ms, f64::from_bits(bedrock::series::STALE_NAN_BITS));
    }

    /// Adds an exemplar. The store keeps the newest ones only, see [`crate::Options::exemplars_max`].
    pub fn append_exemplar(&mut self, series: SeriesRef, exemplar: Exemplar) {
        self.batch.exemplars.push((series.0, exemplar));
    }

    /// Says what a metric family is. Nothing is written where the store knows it already.
    pub fn set_metadata(&mut self, family: &str, metadata: Metadata) {
        if self.handle.store.head().metadata(family).as_ref() != Some(&metadata) {
            self.batch.metadata.push((family.to_owned(), metadata));
        }
    }

    /// Number of samples that wait for the commit.
    pub fn len(&self) -> usize {
        self.batch.references.len() + self.batch.histograms.len()
    }

    /// Whether nothing waits for the commit.
    pub fn is_empty(&self) -> bool {
        self.batch.is_empty()
    }

    /// Forgets what was added since the last commit.
    pub fn rollback(&mut self) {
        self.batch.clear();
    }

    /// Makes everything that was added visible and as durable as [`crate::Options::durability`] asks, in one step. The
    /// appender is empty afterwards, whatever the outcome.
    ///
    /// # Errors
    ///
    /// [`Error::Rejected`] under [`Appender::all_or_nothing`] where a sample cannot be taken: nothing was.
    /// [`Error::Storage`] where the log refuses: if the log had taken the commit before it failed, it may be there after
    /// the next open, and readers see it until then.
    pub fn commit(&mut self) -> Result<Committed> {
        let outcome = self.handle.store.commit(&self.batch, &mut self.judgement, self.all_or_nothing);
        self.batch.clear();
        outcome?;
        if self.all_or_nothing && !self.judgement.rejected.is_empty() {
            return Err(Error::Rejected(std::mem::take(&mut self.judgement.rejected)));
        }
        Ok(Committed {
            appended: self.judgement.appended(),
            out_of_order: self.judgement.late(),
            duplicates: self.judgement.same,
            rejected: std::mem::take(&mut self.judgement.rejected),
        })
    }
}

fn same_counts(a: &IntegerHistogram, b: &IntegerHistogram) -> bool {
    (a.count, a.zero_count) == (b.count, b.zero_count)
        && a.positive_buckets == b.positive_buckets
        && a.negative_buckets == b.negative_buckets
}

impl Store {
    /// The rules of a commit at this moment.
    pub(crate) fn rules(&self, all_or_nothing: bool) -> CommitRules {
        let options = self.options();
        CommitRules { all_or_nothing, newest_ms: options.clock.now_ms().saturating_add(options.ahead_ms_max) }
    }
}
