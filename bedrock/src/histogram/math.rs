//! Arithmetic on whole histograms.

use super::buckets::indexed;
use super::sum::{Combined, IncompatibleSchemas, Parts};
use super::{CounterResetHint, Histogram, Span};

impl Histogram {
    /// Adds `other`. Empty buckets may remain: see [`Histogram::compact`].
    ///
    /// # Errors
    ///
    /// [`IncompatibleSchemas`] where one has exponential and the other custom buckets; `self` is unchanged.
    pub fn add(&mut self, other: &Histogram) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, 1.0)
    }

    /// Subtracts `other`. The hint is joined as in [`Histogram::add`]: a caller that wants a gauge sets it.
    ///
    /// # Errors
    ///
    /// As [`Histogram::add`].
    pub fn sub(&mut self, other: &Histogram) -> Result<Combined, IncompatibleSchemas> {
        self.combine(other, -1.0)
    }

    fn combine(&mut self, other: &Histogram, sign: f64) -> Result<Combined, IncompatibleSchemas> {
        let mut parts: Parts<f64> = Parts::of(self);
        let met = parts.combine(other, sign)?;
        *self = parts.into_histogram();
        Ok(met)
    }

    /// Multiplies counts and sum by `factor`; a negative factor makes a gauge of it.
    pub fn multiply(&mut self, factor: f64) {
        self.scale(|value| value * factor);
        if factor < 0.0 {
            self.counter_reset_hint = CounterResetHint::Gauge;
        }
    }

    /// Divides counts and sum by `divisor`; a negative divisor makes a gauge of it, and zero removes the buckets.
    pub fn divide(&mut self, divisor: f64) {
        self.scale(|value| value / divisor);
        if divisor == 0.0 {
            self.positive_spans.clear();
            self.positive_buckets.clear();
            self.negative_spans.clear();
            self.negative_buckets.clear();
            return;
        }
        if divisor < 0.0 {
            self.counter_reset_hint = CounterResetHint::Gauge;
        }
    }

    fn scale(&mut self, by: impl Fn(f64) -> f64) {
        for value in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            *value = by(*value);
        }
        for count in self.positive_buckets.iter_mut().chain(&mut self.negative_buckets) {
            *count = by(*count);
        }
    }

    /// The same observations at a lower resolution. A custom or equal schema gives a plain copy; like any histogram
    /// that was computed, a reduced one does not know about counter resets.
    pub fn with_schema(&self, schema: i32) -> Histogram {
        if self.uses_custom_buckets() || schema >= self.schema {
            return self.clone();
        }
        let mut parts: Parts<f64> = Parts::of(self);
        parts.reduce(schema);
        Histogram { counter_reset_hint: CounterResetHint::Unknown, ..parts.into_histogram() }
    }

    /// Whether both hold the same data: floats bit by bit, spans up to how they are cut, hints not at all.
    pub fn same_data(&self, other: &Histogram) -> bool {
        let bits = |a: f64, b: f64| a.to_bits() == b.to_bits();
        let counts = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| bits(*a, *b));
        self.schema == other.schema
            && bits(self.count, other.count)
            && bits(self.sum, other.sum)
            && (!self.uses_custom_buckets() || self.custom_values == other.custom_values)
            && self.zero_threshold == other.zero_threshold
            && bits(self.zero_count, other.zero_count)
            && counts(&self.positive_buckets, &other.positive_buckets)
            && counts(&self.negative_buckets, &other.negative_buckets)
            && same_places(&self.positive_spans, &other.positive_spans, &self.positive_buckets)
            && same_places(&self.negative_spans, &other.negative_spans, &self.negative_buckets)
    }

    /// Variance of the observations, each taken at the middle of its bucket: the arithmetic middle of custom
    /// buckets, the geometric one of exponential buckets, zero in the zero bucket.
    pub fn variance(&self) -> f64 {
        let mean = self.sum / self.count;
        let (mut variance, mut compensation) = (0.0, 0.0);
        for bucket in self.buckets() {
            if bucket.count == 0.0 {
                continue;
            }
            let middle = if self.uses_custom_buckets() {
                (bucket.upper + bucket.lower) / 2.0
            } else if bucket.lower <= 0.0 && bucket.upper >= 0.0 {
                0.0
            } else {
                let middle = (bucket.upper * bucket.lower).sqrt();
                if bucket.upper < 0.0 { -middle } else { middle }
            };
            let delta = middle - mean;
            (variance, compensation) =
                crate::vector::kahan_add(bucket.count * delta * delta, variance, compensation);
        }
        (variance + compensation) / self.count
    }

    /// The bytes that the histogram takes in memory.
    pub fn heap_bytes(&self) -> usize {
        let spans = self.positive_spans.len() + self.negative_spans.len();
        let counts = self.positive_buckets.len() + self.negative_buckets.len() + self.custom_values.len();
        size_of::<Histogram>() + 8 * (spans + counts)
    }
}

/// Whether two lists of spans place some buckets alike. Spans may be longer than there are buckets.
fn same_places(a: &[Span], b: &[Span], buckets: &[f64]) -> bool {
    let places = |spans| indexed(spans, buckets).map(|(index, _)| index).collect::<Vec<_>>();
    a == b || places(a) == places(b)
}
