//! What can go wrong in the metrics store, as facts.

use bedrock::labels::{LabelError, Labels};

/// The result of everything in `tsdb` that can fail.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a call failed.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The ground refused: disk, WAL, blocks, limits, a closed or poisoned store.
    #[error(transparent)]
    Storage(#[from] bedrock::Error),
    /// Some samples of an all-or-nothing commit cannot be taken, so none was.
    #[error("{} samples of the batch cannot be taken, so none was; the first: {}", .0.len(), first(.0))]
    Rejected(Vec<Rejection>),
    /// A label set cannot name a series.
    #[error("{labels}: {problem}")]
    Labels {
        /// The label set as text.
        labels: String,
        /// What is wrong with it.
        problem: LabelProblem,
    },
}

fn first(rejections: &[Rejection]) -> String {
    rejections.first().map_or_else(String::new, ToString::to_string)
}

/// One thing of a batch that was not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{labels} at {timestamp_ms} ms: {problem}")]
pub struct Rejection {
    /// Position in the batch: of floats in the order in which they were appended, and after them of histograms.
    pub index: usize,
    /// The series, empty where the reference names none.
    pub labels: Labels,
    /// The timestamp of the sample.
    pub timestamp_ms: i64,
    /// Why it was not taken.
    pub problem: SampleProblem,
}

/// Why a sample cannot be taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SampleProblem {
    /// The out-of-order window is closed, and the series has newer samples.
    #[error("out of order: the series is at {newest_ms} ms, and out-of-order samples are switched off")]
    OutOfOrder {
        /// The newest sample of the series.
        newest_ms: i64,
    },
    /// The sample is older than the out-of-order window allows.
    #[error("too old: the oldest timestamp taken now is {oldest_ms} ms")]
    TooOld {
        /// The oldest timestamp that the window allows.
        oldest_ms: i64,
    },
    /// The sample lies further in the future than the limit allows.
    #[error("too far ahead: the newest timestamp taken now is {newest_ms} ms")]
    TooFarAhead {
        /// The newest timestamp that the limit allows.
        newest_ms: i64,
    },
    /// The series has a sample with this timestamp and another value.
    #[error("another value with this timestamp is there already")]
    Duplicate,
    /// The reference names no series: it was idle for long and has been forgotten. Resolve the labels again.
    #[error("reference {reference:#x} names no series any more: resolve its labels again")]
    UnknownSeries {
        /// The reference.
        reference: u64,
    },
    /// The histogram contradicts itself.
    #[error("histogram: {0}")]
    Histogram(HistogramProblem),
}

/// How a histogram contradicts itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum HistogramProblem {
    /// The schema is neither -4 to 8 nor the one of custom buckets.
    #[error("schema {schema} is not known")]
    Schema {
        /// The schema.
        schema: i32,
    },
    /// Spans and buckets do not fit together.
    #[error("spans describe {described} buckets, {found} are there")]
    Buckets {
        /// Buckets by the spans.
        described: u64,
        /// Buckets given.
        found: u64,
    },
    /// Custom bounds must ascend, and only the custom schema has them.
    #[error("custom bounds do not ascend, or do not go with the schema")]
    CustomBounds,
    /// A count is negative.
    #[error("a bucket or a count is negative")]
    Negative,
}

/// What is wrong with a label set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelProblem {
    /// No label at all.
    #[error("a series needs at least one label")]
    Empty,
    /// Too many labels.
    #[error("{found} labels, at most {max} are allowed")]
    TooMany {
        /// The limit.
        max: usize,
        /// The number of labels.
        found: usize,
    },
    /// A name is too long.
    #[error("the name {name:?}.. has {found} bytes, at most {max} are allowed")]
    NameTooLong {
        /// The beginning of the name.
        name: String,
        /// The limit in bytes.
        max: usize,
        /// The length in bytes.
        found: usize,
    },
    /// A value is too long.
    #[error("the value of {name:?} has {found} bytes, at most {max} are allowed")]
    ValueTooLong {
        /// The name of the label.
        name: String,
        /// The limit in bytes.
        max: usize,
        /// The length in bytes.
        found: usize,
    },
    /// An empty value means an absent label, so it cannot be stored.
    #[error("label {name:?} has an empty value, which means no label")]
    EmptyValue {
        /// The name of the label.
        name: String,
    },
    /// A name or value is not UTF-8.
    #[error("{what} number {index} is not UTF-8 at byte {valid_up_to}")]
    NotUtf8 {
        /// `"name"` or `"value"`.
        what: &'static str,
        /// Which pair, from 0.
        index: usize,
        /// Bytes before the first that is not UTF-8.
        valid_up_to: usize,
    },
    /// A name is empty or given twice.
    #[error(transparent)]
    Pairs(#[from] LabelError),
}
