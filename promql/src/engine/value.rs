//! What a query answers with.

use std::sync::Arc;

use bedrock::histogram::Histogram;
use bedrock::labels::Labels;

/// The answer to a query: its value, what the author of the query should know, and what it cost.
#[derive(Clone, Debug)]
pub struct QueryResult {
    /// The value.
    pub value: Value,
    /// Warnings and infos, each text once.
    pub annotations: Annotations,
    /// What the query touched.
    pub stats: QueryStats,
}

/// The value of a query.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// One number.
    Scalar {
        /// The time of evaluation in milliseconds.
        time_ms: i64,
        /// The number.
        value: f64,
    },
    /// One text.
    String(String),
    /// At most one sample of each series, all at the time of evaluation. Only `sort`, `topk` and their like order it.
    Vector(Vec<VectorSample>),
    /// Samples of each series over time, sorted by labels.
    Matrix(Vec<MatrixSeries>),
}

impl Value {
    /// How many samples the value has.
    pub fn samples(&self) -> u64 {
        match self {
            Value::Scalar { .. } => 1,
            Value::String(_) => 0,
            Value::Vector(vector) => vector.len() as u64,
            Value::Matrix(matrix) => {
                matrix.iter().map(|series| (series.floats.len() + series.histograms.len()) as u64).sum()
            }
        }
    }
}

/// A float or a native histogram.
#[derive(Clone, Debug, PartialEq)]
pub enum SampleValue {
    /// A float.
    Float(f64),
    /// A native histogram.
    Histogram(Arc<Histogram>),
}

/// One element of an instant vector.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSample {
    /// The labels, with the metric name where the expression keeps it.
    pub labels: Labels,
    /// The time of evaluation in milliseconds.
    pub time_ms: i64,
    /// The value.
    pub value: SampleValue,
}

/// One series of a matrix. Floats and histograms are apart; both ascend in time.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixSeries {
    /// The labels, with the metric name where the expression keeps it.
    pub labels: Labels,
    /// (milliseconds, value).
    pub floats: Vec<(i64, f64)>,
    /// (milliseconds, histogram).
    pub histograms: Vec<(i64, Arc<Histogram>)>,
}

/// Remarks on a query that has an answer. Each text ends with the place in the query: ` (line:column)`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Annotations {
    /// The answer may not be what was meant.
    pub warnings: Vec<String>,
    /// Something that is often an oversight.
    pub infos: Vec<String>,
}

/// What a query touched.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct QueryStats {
    /// Series selected, summed over the distinct selectors.
    pub series_selected: u64,
    /// Samples decoded.
    pub samples_decoded: u64,
    /// Samples in the answer.
    pub samples_returned: u64,
    /// The most samples held at a time, as the reference counts them.
    pub samples_peak: u64,
}
