//! The native histogram: exponential and custom buckets with float counts.
//!
//! Source of the model: the Prometheus native histogram specification. A bucket of index `i` in schema `n` covers
//! `(2^((i-1) * 2^-n), 2^(i * 2^-n)]`; schema -53 has custom upper bounds.
//!
//! A histogram of 20 buckets in 3 spans takes about 330 bytes; adding two of equal layout is one pass over the
//! buckets, about 1 ns each. [`HistogramSum`] adds many with compensated sums; [`IntegerHistogram`] is the form that
//! comes from instrumented programs and goes into storage.

mod bounds;
mod buckets;
mod cells;
mod compact;
mod integer;
mod math;
mod quantile;
mod reset;
mod sum;
mod text;
mod trim;

pub use buckets::Bucket;
pub use integer::IntegerHistogram;
pub use quantile::NanObservations;
pub use sum::{Combined, HistogramSum, IncompatibleSchemas};
pub use text::ShortFloat;

/// The schema number of histograms whose bounds are given one by one.
pub const CUSTOM_BUCKETS_SCHEMA: i32 = -53;

/// What a histogram knows about counter resets between its predecessor and itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum CounterResetHint {
    /// Nothing is known: the reader has to compare.
    #[default]
    Unknown,
    /// A reset happened before this histogram.
    CounterReset,
    /// No reset happened before this histogram.
    NotCounterReset,
    /// The histogram is a gauge: resets have no meaning.
    Gauge,
}

/// A run of neighbouring buckets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct Span {
    /// Gap to the end of the previous span; for the first span the index of its first bucket.
    pub offset: i32,
    /// Number of buckets.
    pub length: u32,
}

/// One native histogram with float counts: what the query languages compute with.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Histogram {
    /// Counter or gauge, and what is known about resets.
    pub counter_reset_hint: CounterResetHint,
    /// Resolution: -4 to 8 for exponential buckets, [`CUSTOM_BUCKETS_SCHEMA`] for custom bounds.
    pub schema: i32,
    /// Width of the zero bucket: it holds observations `v` with `|v| <= zero_threshold`.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: f64,
    /// Observations in all.
    pub count: f64,
    /// Sum of all observations.
    pub sum: f64,
    /// Where the positive buckets lie.
    pub positive_spans: Vec<Span>,
    /// Absolute counts of the positive buckets in the order of the spans.
    pub positive_buckets: Vec<f64>,
    /// Where the negative buckets lie.
    pub negative_spans: Vec<Span>,
    /// Absolute counts of the negative buckets in the order of the spans.
    pub negative_buckets: Vec<f64>,
    /// Upper bounds of custom buckets without `+Inf`, ascending; empty for exponential schemas.
    pub custom_values: Vec<f64>,
}

#[cfg(test)]
mod tests;
