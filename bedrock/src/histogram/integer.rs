//! The histogram as instrumented programs make it: whole counts.

use super::{CounterResetHint, Histogram, Span};

/// A native histogram with whole counts. Converts to [`Histogram`] without loss while counts are below 2^53, and back
/// where every count of the float form is whole.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct IntegerHistogram {
    /// Counter or gauge, and what is known about resets.
    pub counter_reset_hint: CounterResetHint,
    /// Resolution: -4 to 8 for exponential buckets, [`super::CUSTOM_BUCKETS_SCHEMA`] for custom bounds.
    pub schema: i32,
    /// Width of the zero bucket.
    pub zero_threshold: f64,
    /// Observations in the zero bucket.
    pub zero_count: u64,
    /// Observations in all.
    pub count: u64,
    /// Sum of all observations.
    pub sum: f64,
    /// Where the positive buckets lie.
    pub positive_spans: Vec<Span>,
    /// Absolute counts of the positive buckets in the order of the spans.
    pub positive_buckets: Vec<u64>,
    /// Where the negative buckets lie.
    pub negative_spans: Vec<Span>,
    /// Absolute counts of the negative buckets in the order of the spans.
    pub negative_buckets: Vec<u64>,
    /// Upper bounds of custom buckets without `+Inf`, ascending; empty for exponential schemas.
    pub custom_values: Vec<f64>,
}

/// The largest count up to which every whole number is a float.
const WHOLE_MAX: f64 = (1u64 << 53) as f64;

fn whole(value: f64) -> Option<u64> {
    // -0.0 is left out: as a whole number it would come back as 0.0.
    let fits = (0.0..=WHOLE_MAX).contains(&value) && value.fract() == 0.0 && value.is_sign_positive();
    fits.then_some(value as u64)
}

impl From<&IntegerHistogram> for Histogram {
    fn from(integer: &IntegerHistogram) -> Self {
        let floats = |counts: &[u64]| counts.iter().map(|count| *count as f64).collect();
        Histogram {
            counter_reset_hint: integer.counter_reset_hint,
            schema: integer.schema,
            zero_threshold: integer.zero_threshold,
            zero_count: integer.zero_count as f64,
            count: integer.count as f64,
            sum: integer.sum,
            positive_spans: integer.positive_spans.clone(),
            positive_buckets: floats(&integer.positive_buckets),
            negative_spans: integer.negative_spans.clone(),
            negative_buckets: floats(&integer.negative_buckets),
            custom_values: integer.custom_values.clone(),
        }
    }
}

impl Histogram {
    /// The same histogram with whole counts; `None` where a count is not whole, negative, or above 2^53.
    pub fn to_integer(&self) -> Option<IntegerHistogram> {
        let counts = |counts: &[f64]| counts.iter().map(|count| whole(*count)).collect::<Option<Vec<u64>>>();
        Some(IntegerHistogram {
            counter_reset_hint: self.counter_reset_hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: whole(self.zero_count)?,
            count: whole(self.count)?,
            sum: self.sum,
            positive_spans: self.positive_spans.clone(),
            positive_buckets: counts(&self.positive_buckets)?,
            negative_spans: self.negative_spans.clone(),
            negative_buckets: counts(&self.negative_buckets)?,
            custom_values: self.custom_values.clone(),
        })
    }
}
