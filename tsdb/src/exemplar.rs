//! Exemplars: single observations, usually with a trace id, that stand for what a series counted.

use bedrock::labels::Labels;

/// One observation behind a sample.
#[derive(Clone, Debug, PartialEq)]
pub struct Exemplar {
    /// What identifies the observation, for example `trace_id`.
    pub labels: Labels,
    /// The observed value.
    pub value: f64,
    /// When it was observed, in milliseconds.
    pub timestamp_ms: i64,
}

/// The exemplars of one series, ascending in time.
#[derive(Clone, Debug, PartialEq)]
pub struct SeriesExemplars {
    /// The labels of the series.
    pub labels: Labels,
    /// Its exemplars in the queried range.
    pub exemplars: Vec<Exemplar>,
}
