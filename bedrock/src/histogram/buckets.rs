//! Walking the buckets of a histogram.

use super::bounds::bound;
use super::{CUSTOM_BUCKETS_SCHEMA, Histogram, Span};

/// A bucket with its bounds, as readers see it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Bucket {
    /// Lower bound.
    pub lower: f64,
    /// Upper bound.
    pub upper: f64,
    /// Whether the lower bound belongs to the bucket.
    pub lower_inclusive: bool,
    /// Whether the upper bound belongs to the bucket.
    pub upper_inclusive: bool,
    /// Observations.
    pub count: f64,
}

/// Bucket indexes and counts of one side in ascending order of the index. Where spans and counts disagree, the
/// shorter one ends the walk.
pub(super) fn indexed<'a, T: Copy>(
    spans: &'a [Span],
    counts: &'a [T],
) -> impl Iterator<Item = (i32, T)> + 'a {
    indexes(spans).zip(counts.iter().copied())
}

/// The index of each bucket that the spans describe.
pub(super) fn indexes(spans: &[Span]) -> impl Iterator<Item = i32> + '_ {
    let mut next = 0i32;
    spans.iter().flat_map(move |span| {
        let start = next.wrapping_add(span.offset);
        next = start.wrapping_add(span.length as i32);
        (0..span.length).map(move |i| start.wrapping_add(i as i32))
    })
}

impl Histogram {
    /// Whether the bounds are given one by one.
    pub fn uses_custom_buckets(&self) -> bool {
        self.schema == CUSTOM_BUCKETS_SCHEMA
    }

    /// The positive buckets (all buckets of a custom schema), from the lowest to the highest, empty ones included.
    pub fn positive(&self) -> impl Iterator<Item = Bucket> + '_ {
        indexed(&self.positive_spans, &self.positive_buckets)
            .map(|(index, count)| self.bucket_above(index, count))
    }

    /// The negative buckets from the one next to zero downwards, empty ones included.
    pub fn negative(&self) -> impl Iterator<Item = Bucket> + '_ {
        indexed(&self.negative_spans, &self.negative_buckets).map(|(index, count)| {
            let lower = -bound(index, self.schema, &[]);
            let upper = -bound(index.wrapping_sub(1), self.schema, &[]);
            Bucket { lower, upper, lower_inclusive: true, upper_inclusive: upper > 0.0, count }
        })
    }

    fn bucket_above(&self, index: i32, count: f64) -> Bucket {
        let lower = bound(index.wrapping_sub(1), self.schema, &self.custom_values);
        let upper = bound(index, self.schema, &self.custom_values);
        let custom = self.uses_custom_buckets();
        Bucket {
            lower,
            upper,
            lower_inclusive: if custom { index == 0 } else { lower < 0.0 },
            upper_inclusive: custom || upper > 0.0,
            count,
        }
    }

    /// The zero bucket. A histogram with custom buckets has none.
    pub fn zero_bucket(&self) -> Bucket {
        Bucket {
            lower: -self.zero_threshold,
            upper: self.zero_threshold,
            lower_inclusive: true,
            upper_inclusive: true,
            count: self.zero_count,
        }
    }

    /// All buckets from the lowest to the highest: negative ones, the zero bucket where it has observations, positive
    /// ones. A bucket that the zero bucket overlaps is cut at the zero threshold.
    pub fn buckets(&self) -> Vec<Bucket> {
        let mut all: Vec<Bucket> = self.negative().collect();
        all.reverse();
        if self.zero_count > 0.0 {
            all.push(self.zero_bucket());
        }
        all.extend(self.positive());
        for bucket in &mut all {
            if bucket.upper < 0.0 && bucket.upper > -self.zero_threshold {
                bucket.upper = -self.zero_threshold;
            } else if bucket.lower > 0.0 && bucket.lower < self.zero_threshold {
                bucket.lower = self.zero_threshold;
            }
        }
        all
    }
}
