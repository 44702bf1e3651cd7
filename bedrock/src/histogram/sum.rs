//! Adding histograms: one by one, or many with compensated sums.
//!
//! Before buckets are added, both operands are brought to common ground: the lower resolution of two exponential
//! schemas, the wider of two zero buckets (widened further until it cuts no populated bucket), the bounds that two
//! custom layouts have in common.

use super::bounds::exponential_bound;
use super::cells::{
    Cell, Compensated, Flat, above_threshold, coarsen, common_bounds, flatten, map_to_common, merge_into,
    spans_of,
};
use super::{CounterResetHint, Histogram};

/// One operand has exponential buckets, the other custom ones: they have no common ground.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("exponential and custom buckets cannot be combined")]
pub struct IncompatibleSchemas;

/// What combining two histograms met.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Combined {
    /// One operand is known to follow a counter reset, the other is known not to.
    pub counter_reset_collision: bool,
    /// Custom bounds differed; the result has those that both had.
    pub bounds_reconciled: bool,
}

/// A histogram taken apart for adding to.
#[derive(Clone, Debug)]
pub(super) struct Parts<C> {
    hint: CounterResetHint,
    schema: i32,
    zero_threshold: f64,
    zero_count: C,
    count: C,
    sum: C,
    positive: Flat<C>,
    negative: Flat<C>,
    custom_values: Vec<f64>,
}

impl<C: Cell> Parts<C> {
    pub(super) fn of(histogram: &Histogram) -> Self {
        Parts {
            hint: histogram.counter_reset_hint,
            schema: histogram.schema,
            zero_threshold: histogram.zero_threshold,
            zero_count: C::from_value(histogram.zero_count),
            count: C::from_value(histogram.count),
            sum: C::from_value(histogram.sum),
            positive: flatten(&histogram.positive_spans, &histogram.positive_buckets),
            negative: flatten(&histogram.negative_spans, &histogram.negative_buckets),
            custom_values: histogram.custom_values.clone(),
        }
    }

    pub(super) fn into_histogram(self) -> Histogram {
        let (positive_spans, positive_buckets) = spans_of(&self.positive);
        let (negative_spans, negative_buckets) = spans_of(&self.negative);
        Histogram {
            counter_reset_hint: self.hint,
            schema: self.schema,
            zero_threshold: self.zero_threshold,
            zero_count: self.zero_count.value(),
            count: self.count.value(),
            sum: self.sum.value(),
            positive_spans,
            positive_buckets,
            negative_spans,
            negative_buckets,
            custom_values: self.custom_values,
        }
    }

    pub(super) fn scale(&mut self, by: impl Fn(f64) -> f64 + Copy) {
        for cell in [&mut self.zero_count, &mut self.count, &mut self.sum] {
            *cell = cell.scale(by);
        }
        for (_, cell) in self.positive.iter_mut().chain(&mut self.negative) {
            *cell = cell.scale(by);
        }
    }

    pub(super) fn reduce(&mut self, schema: i32) {
        coarsen(&mut self.positive, self.schema, schema);
        coarsen(&mut self.negative, self.schema, schema);
        self.schema = schema;
    }

    /// The zero count and threshold that this histogram has once its zero bucket reaches to `threshold`. Where that
    /// cuts a populated bucket, the threshold moves to the far end of it.
    pub(super) fn wider_zero_bucket(&self, mut threshold: f64) -> (C, f64) {
        loop {
            let mut count = self.zero_count;
            let (widened, positive_end) = swallow(&self.positive, self.schema, threshold, &mut count);
            threshold = if widened { positive_end } else { threshold };
            let (widened, negative_end) = swallow(&self.negative, self.schema, threshold, &mut count);
            if !widened {
                return (count, threshold);
            }
            threshold = negative_end;
        }
    }

    /// Widens the zero bucket of `self`, and says what `other`'s would hold, until both have one threshold.
    fn reconcile_zero(&mut self, other: &Parts<C>) -> C {
        let mut other_count = other.zero_count;
        let mut other_threshold = other.zero_threshold;
        while other_threshold != self.zero_threshold {
            if self.zero_threshold > other_threshold {
                (other_count, other_threshold) = other.wider_zero_bucket(self.zero_threshold);
            }
            if other_threshold > self.zero_threshold {
                (self.zero_count, self.zero_threshold) = self.wider_zero_bucket(other_threshold);
                for side in [&mut self.positive, &mut self.negative] {
                    let inside = side
                        .iter()
                        .take_while(|(i, _)| {
                            exponential_bound(i.wrapping_sub(1), self.schema) < self.zero_threshold
                        })
                        .count();
                    side.drain(..inside);
                }
            }
            if other_threshold.is_nan() || self.zero_threshold.is_nan() {
                break;
            }
        }
        other_count
    }

    /// Adds `sign` (1 or -1) times `other`.
    pub(super) fn combine(&mut self, other: &Histogram, sign: f64) -> Result<Combined, IncompatibleSchemas> {
        if (self.schema == super::CUSTOM_BUCKETS_SCHEMA) != other.uses_custom_buckets() {
            return Err(IncompatibleSchemas);
        }
        let mut met = Combined { counter_reset_collision: self.join_hints(other), bounds_reconciled: false };
        let mut theirs: Parts<C> = Parts::of(other);
        if !other.uses_custom_buckets() {
            let zero = self.reconcile_zero(&theirs);
            self.zero_count = self.zero_count.merge(zero.scale(|v| v * sign));
        }
        self.count = self.count.plus(other.count * sign);
        self.sum = self.sum.plus(other.sum * sign);
        if other.uses_custom_buckets() {
            theirs.scale(|v| v * sign);
            met.bounds_reconciled = self.merge_custom(&theirs);
            return Ok(met);
        }
        let schema = self.schema.min(theirs.schema);
        self.reduce(schema);
        theirs.reduce(schema);
        theirs.scale(|v| v * sign);
        merge_into(&mut self.positive, above_threshold(&theirs.positive, schema, self.zero_threshold));
        merge_into(&mut self.negative, above_threshold(&theirs.negative, schema, self.zero_threshold));
        Ok(met)
    }

    /// Adds buckets with custom bounds; true where the bounds differed.
    fn merge_custom(&mut self, theirs: &Parts<C>) -> bool {
        if self.custom_values == theirs.custom_values {
            merge_into(&mut self.positive, &theirs.positive);
            return false;
        }
        let common = common_bounds(&self.custom_values, &theirs.custom_values);
        let mut totals = vec![C::from_value(0.0); common.len() + 1];
        map_to_common(&self.positive, &self.custom_values, &common, &mut totals);
        map_to_common(&theirs.positive, &theirs.custom_values, &common, &mut totals);
        self.positive = totals
            .into_iter()
            .enumerate()
            .filter(|(_, c)| !c.is_zero())
            .map(|(i, c)| (i as i32, c))
            .collect();
        self.custom_values = common;
        true
    }

    /// The hint of the result; true where one side says reset and the other says no reset.
    fn join_hints(&mut self, other: &Histogram) -> bool {
        use CounterResetHint::{Gauge, Unknown};
        let collision = match (self.hint, other.counter_reset_hint) {
            (mine, theirs) if mine == theirs => return false,
            (Gauge, _) | (_, Gauge) => {
                self.hint = Gauge;
                return false;
            }
            (Unknown, _) | (_, Unknown) => false,
            _ => true,
        };
        self.hint = Unknown;
        collision
    }

    fn has_overflow(&self) -> bool {
        let totals = [self.zero_count, self.count, self.sum];
        let buckets = self.positive.iter().chain(&self.negative).map(|(_, cell)| *cell);
        totals.into_iter().chain(buckets).any(|cell| cell.raw().is_infinite())
    }
}

/// Adds the buckets of one side that begin inside the zero bucket to its count. Says whether a populated one sticks
/// out, and where it ends.
fn swallow<C: Cell>(side: &Flat<C>, schema: i32, threshold: f64, count: &mut C) -> (bool, f64) {
    for (index, cell) in side {
        if exponential_bound(index.wrapping_sub(1), schema) >= threshold {
            break;
        }
        *count = count.merge(*cell);
        let end = exponential_bound(*index, schema);
        if end > threshold {
            return (cell.raw() != 0.0, end);
        }
    }
    (false, threshold)
}

/// A sum of many histograms with compensated (Kahan and Neumaier) sums in every bucket.
///
/// ```
/// use bedrock::histogram::{Histogram, HistogramSum};
///
/// let one = Histogram { count: 2.0, sum: 1.5, ..Histogram::default() };
/// let mut sum = HistogramSum::new(&one);
/// sum.add(&one)?;
/// assert_eq!(sum.finish().count, 4.0);
/// # Ok::<(), bedrock::histogram::IncompatibleSchemas>(())
/// ```
#[derive(Clone, Debug)]
pub struct HistogramSum {
    parts: Parts<Compensated>,
}

impl HistogramSum {
    /// A sum of one histogram.
    pub fn new(first: &Histogram) -> Self {
        HistogramSum { parts: Parts::of(first) }
    }

    /// Adds a histogram. O(buckets of both).
    ///
    /// # Errors
    ///
    /// [`IncompatibleSchemas`] where one has exponential and the other custom buckets; the sum is unchanged.
    pub fn add(&mut self, other: &Histogram) -> Result<Combined, IncompatibleSchemas> {
        self.parts.combine(other, 1.0)
    }

    /// Multiplies everything by `factor`.
    pub fn multiply(&mut self, factor: f64) {
        self.parts.scale(|value| value * factor);
    }

    /// Divides everything by `divisor`.
    pub fn divide(&mut self, divisor: f64) {
        self.parts.scale(|value| value / divisor);
    }

    /// Whether a count or the sum has left the range of floats.
    pub fn has_overflow(&self) -> bool {
        self.parts.has_overflow()
    }

    /// The sum, not compacted.
    pub fn finish(self) -> Histogram {
        self.parts.into_histogram()
    }
}
