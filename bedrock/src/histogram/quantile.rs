//! Quantiles and fractions of a histogram's observations.
//!
//! Within an exponential bucket observations are taken to be spread evenly on a logarithmic scale; within custom
//! buckets and the zero bucket, evenly. The zero bucket of a histogram without negative buckets begins at zero, and
//! the other way round.

use super::{Bucket, Histogram};

/// What NaN observations, which are counted but lie in no bucket, do to an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NanObservations {
    /// There are none that matter.
    None,
    /// The rank lies above all buckets, so the answer is NaN.
    ResultIsNan,
    /// The answer counts them as larger than any bucket.
    Skewed,
}

impl Histogram {
    /// The `q` quantile (0 to 1; below is -Inf, above +Inf, NaN is NaN) and what NaN observations did to it.
    pub fn quantile(&self, q: f64) -> (f64, NanObservations) {
        if q < 0.0 {
            return (f64::NEG_INFINITY, NanObservations::None);
        }
        if q > 1.0 {
            return (f64::INFINITY, NanObservations::None);
        }
        if self.count == 0.0 || q.is_nan() {
            return (f64::NAN, NanObservations::None);
        }
        let forward = self.sum.is_nan() || q < 0.5;
        let mut buckets = self.buckets();
        if !forward {
            buckets.reverse();
        }
        let rank = if forward { q * self.count } else { (1.0 - q) * self.count };
        self.quantile_at_rank(&buckets, rank, forward)
    }

    fn quantile_at_rank(&self, buckets: &[Bucket], rank: f64, forward: bool) -> (f64, NanObservations) {
        let nothing =
            Bucket { lower: 0.0, upper: 0.0, lower_inclusive: false, upper_inclusive: false, count: 0.0 };
        let (mut bucket, mut count, mut seen) = (nothing, 0.0, 0);
        for candidate in buckets {
            seen += 1;
            bucket = *candidate;
            count += bucket.count;
            if bucket.count != 0.0 && count >= rank {
                break;
            }
        }
        if let Some(answer) = self.narrow(&mut bucket) {
            return (answer, NanObservations::None);
        }
        count = count.min(self.count);
        if count < rank {
            return match self.sum.is_nan() {
                true => (f64::NAN, NanObservations::ResultIsNan),
                false => (bucket.upper, NanObservations::None),
            };
        }
        let rank_in_bucket = if forward { rank - (count - bucket.count) } else { count - rank };
        let mut nan = NanObservations::None;
        if self.sum.is_nan() {
            let above: f64 = buckets.iter().skip(seen).map(|bucket| bucket.count).sum();
            if count + above < self.count {
                nan = NanObservations::Skewed;
            }
        }
        (self.within(&bucket, rank_in_bucket / bucket.count), nan)
    }

    /// Applies what is known about the bucket that holds the rank; an answer where no interpolation is possible.
    fn narrow(&self, bucket: &mut Bucket) -> Option<f64> {
        if self.uses_custom_buckets() {
            if bucket.lower == f64::NEG_INFINITY {
                if bucket.upper <= 0.0 {
                    return Some(bucket.upper);
                }
                bucket.lower = 0.0;
            } else if bucket.upper == f64::INFINITY {
                return Some(bucket.lower);
            }
        } else if bucket.lower < 0.0 && bucket.upper > 0.0 {
            self.narrow_zero(bucket);
        }
        None
    }

    fn narrow_zero(&self, bucket: &mut Bucket) {
        match (self.negative_buckets.is_empty(), self.positive_buckets.is_empty()) {
            (true, false) => bucket.lower = 0.0,
            (false, true) => bucket.upper = 0.0,
            _ => {}
        }
    }

    fn within(&self, bucket: &Bucket, fraction: f64) -> f64 {
        if self.uses_custom_buckets() || (bucket.lower <= 0.0 && bucket.upper >= 0.0) {
            return bucket.lower + (bucket.upper - bucket.lower) * fraction;
        }
        let lower = bucket.lower.abs().log2();
        let upper = bucket.upper.abs().log2();
        if bucket.lower > 0.0 {
            return (lower + (upper - lower) * fraction).exp2();
        }
        -(upper + (lower - upper) * (1.0 - fraction)).exp2()
    }

    /// The share of observations between two bounds, and whether NaN observations were left out of it.
    pub fn fraction(&self, lower: f64, upper: f64) -> (f64, NanObservations) {
        if self.count == 0.0 || lower.is_nan() || upper.is_nan() {
            return (f64::NAN, NanObservations::None);
        }
        if lower >= upper {
            return (0.0, NanObservations::None);
        }
        let buckets = self.buckets();
        let lower_rank = self.rank_of(&buckets, lower);
        let upper_rank = self.rank_of(&buckets, upper);
        let (mut total, mut nan) = (self.count, NanObservations::None);
        if self.sum.is_nan() {
            total = buckets.iter().map(|bucket| bucket.count).sum();
            if total < self.count {
                nan = NanObservations::Skewed;
            }
        }
        let at_most = |rank: Option<f64>| rank.filter(|rank| *rank <= total).unwrap_or(total);
        ((at_most(upper_rank) - at_most(lower_rank)) / self.count, nan)
    }

    /// Observations below `value`; none where it lies above all buckets.
    fn rank_of(&self, buckets: &[Bucket], value: f64) -> Option<f64> {
        let mut rank = 0.0;
        for bucket in buckets {
            let mut bucket = *bucket;
            let zero = bucket.lower <= 0.0 && bucket.upper >= 0.0;
            if zero {
                self.narrow_zero(&mut bucket);
            }
            if bucket.lower >= value {
                return Some(rank);
            }
            if bucket.upper > value {
                let linear = self.uses_custom_buckets() || zero;
                if linear && bucket.lower == f64::NEG_INFINITY {
                    return Some(bucket.count);
                }
                return Some(rank + bucket.count * bucket.fraction_below(value, linear));
            }
            rank += bucket.count;
        }
        None
    }
}

impl Bucket {
    /// The share of the bucket's width that lies below `value`, on a linear or a logarithmic scale.
    pub(super) fn fraction_below(&self, value: f64, linear: bool) -> f64 {
        if linear {
            return (value - self.lower) / (self.upper - self.lower);
        }
        let lower = self.lower.abs().log2();
        let upper = self.upper.abs().log2();
        let at = value.abs().log2();
        if value > 0.0 { (at - lower) / (upper - lower) } else { 1.0 - (at - upper) / (lower - upper) }
    }
}
