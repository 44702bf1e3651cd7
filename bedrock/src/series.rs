//! The traits through which a query language reads series, whatever store holds them.
//!
//! A query selects once per distinct selector, then decodes each series once into columns. Columns are contiguous
//! and their timestamps may be shared: series of one scrape usually have equal timestamps, and a store that keeps
//! them once hands out the same allocation, so that a reader computes step windows once for all of them.

use std::sync::Arc;

use crate::error::Result;
use crate::histogram::Histogram;
use crate::labels::{Labels, Matcher};
use crate::time::TimeRange;

/// The bits of the NaN that marks a series as gone (Prometheus' stale marker).
pub const STALE_NAN_BITS: u64 = 0x7ff0_0000_0000_0002;

/// Whether a value is the stale marker. Other NaNs are ordinary values.
pub fn is_stale(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// What a reader wants from a store.
#[derive(Clone, Debug)]
pub struct Select<'a> {
    /// All of them must hold.
    pub matchers: &'a [Matcher],
    /// Samples outside, in milliseconds, are not needed. Both ends belong to the range.
    pub range: TimeRange,
}

/// A store that series can be read from. One value is one consistent snapshot: every call sees the same data.
pub trait SeriesSource: Send + Sync {
    /// The series that satisfy all matchers and may have samples in the range, ordered by labels.
    ///
    /// # Errors
    ///
    /// Where the store cannot read what it needs.
    fn select(&self, select: &Select<'_>) -> Result<Box<dyn SeriesSet + '_>>;

    /// The label names of the series that satisfy the matchers, sorted, at most `limit` of them.
    ///
    /// # Errors
    ///
    /// Where the store cannot read what it needs.
    fn label_names(&self, select: &Select<'_>, limit: usize) -> Result<Vec<String>>;

    /// The values of one label over the series that satisfy the matchers, sorted, at most `limit` of them.
    ///
    /// # Errors
    ///
    /// Where the store cannot read what it needs.
    fn label_values(&self, name: &str, select: &Select<'_>, limit: usize) -> Result<Vec<String>>;
}

/// The series of one [`SeriesSource::select`], ordered by labels. Threads may read different series at once.
pub trait SeriesSet: Send + Sync {
    /// Number of series.
    fn len(&self) -> usize;

    /// Whether no series was selected.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The labels of series `index`, which must be below [`SeriesSet::len`].
    fn labels(&self, index: usize) -> &Labels;

    /// Decodes the samples of series `index` that lie in `range` into `columns`, replacing what they held.
    ///
    /// Samples come in ascending time. Samples slightly outside the range may be included where leaving them out
    /// costs more; the reader cuts by time.
    ///
    /// # Errors
    ///
    /// Where the samples cannot be read or do not check out.
    fn read(&self, index: usize, range: TimeRange, columns: &mut SeriesColumns) -> Result<()>;

    /// As [`SeriesSet::read`], for a reader who asks when there are samples and not what they are: timestamps and stale
    /// markers are right, other floats may be any number.
    ///
    /// # Errors
    ///
    /// Those of [`SeriesSet::read`].
    fn read_presence(&self, index: usize, range: TimeRange, columns: &mut SeriesColumns) -> Result<()> {
        self.read(index, range, columns)
    }
}

/// The samples of one series in columns. Floats and histograms are separate; most series have only one kind.
#[derive(Clone, Debug, Default)]
pub struct SeriesColumns {
    /// Float samples.
    pub floats: FloatColumns,
    /// Native histogram samples.
    pub histograms: HistogramColumns,
}

/// Float samples of one series, ascending in time, all columns of equal length.
#[derive(Clone, Debug, Default)]
pub struct FloatColumns {
    /// Milliseconds; equal allocations ([`Arc::ptr_eq`]) are equal timestamps.
    pub timestamps_ms: Arc<Vec<i64>>,
    /// Values, stale markers included.
    pub values: Vec<f64>,
    /// Start timestamps (0: unknown); empty where no sample has one.
    pub start_timestamps_ms: Vec<i64>,
}

/// Histogram samples of one series, ascending in time, all columns of equal length.
#[derive(Clone, Debug, Default)]
pub struct HistogramColumns {
    /// Milliseconds.
    pub timestamps_ms: Vec<i64>,
    /// Histograms; a stale marker is a histogram whose sum is the stale NaN.
    pub values: Vec<Arc<Histogram>>,
    /// Start timestamps (0: unknown); empty where no sample has one.
    pub start_timestamps_ms: Vec<i64>,
}
