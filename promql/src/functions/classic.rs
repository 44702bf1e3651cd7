//! Quantiles and fractions of classic histograms: cumulative counts by upper bound.

use crate::engine::annotations::Forced;

/// One bucket: how many observations are at or below `upper`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Bucket {
    pub(crate) upper: f64,
    pub(crate) count: f64,
}

/// Counts that differ by less than this share are equal: rounding errors of sums, not observations.
const TOLERANCE: f64 = 1e-12;

/// Sorts the buckets and adds up those of one bound; false where the last one does not reach infinity.
fn prepare(buckets: &mut Vec<Bucket>) -> bool {
    buckets.sort_by(|a, b| a.upper.total_cmp(&b.upper));
    if buckets.last().is_none_or(|last| last.upper != f64::INFINITY) {
        return false;
    }
    buckets.dedup_by(|next, kept| {
        let same = next.upper == kept.upper;
        if same {
            kept.count += next.count;
        }
        same
    });
    true
}

/// The `q` quantile, by linear interpolation in its bucket, and what had to be repaired for it.
pub(crate) fn quantile(q: f64, buckets: &mut Vec<Bucket>, time_ms: i64) -> (f64, Option<Forced>) {
    if q.is_nan() {
        return (f64::NAN, None);
    }
    if q < 0.0 {
        return (f64::NEG_INFINITY, None);
    }
    if q > 1.0 {
        return (f64::INFINITY, None);
    }
    if !prepare(buckets) {
        return (f64::NAN, None);
    }
    let forced = make_monotonic(buckets, time_ms);
    (quantile_of_monotonic(q, buckets), forced)
}

fn quantile_of_monotonic(q: f64, buckets: &[Bucket]) -> f64 {
    let [.., second_last, last] = buckets else { return f64::NAN };
    if last.count == 0.0 {
        return f64::NAN;
    }
    let rank = q * last.count;
    let finite = buckets.get(..buckets.len() - 1).unwrap_or_default();
    let at = finite.partition_point(|bucket| bucket.count < rank || bucket.count.is_nan());
    let Some(bucket) = finite.get(at) else { return second_last.upper };
    if at == 0 && bucket.upper <= 0.0 {
        return bucket.upper;
    }
    let below = finite.get(at.wrapping_sub(1)).copied().unwrap_or(Bucket { upper: 0.0, count: 0.0 });
    let share = (rank - below.count) / (bucket.count - below.count);
    below.upper + (bucket.upper - below.upper) * share
}

fn almost_equal(a: f64, b: f64) -> bool {
    if a.is_nan() && b.is_nan() {
        return true;
    }
    if a == b {
        return true;
    }
    let (sum, difference) = (a.abs() + b.abs(), (a - b).abs());
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < TOLERANCE * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < TOLERANCE
}

/// Raises counts that are below an earlier one. Differences that are rounding errors are not reported.
fn make_monotonic(buckets: &mut [Bucket], time_ms: i64) -> Option<Forced> {
    let mut forced: Option<Forced> = None;
    let mut before = buckets.first()?.count;
    for bucket in buckets.iter_mut().skip(1) {
        let count = bucket.count;
        if count == before {
            continue;
        }
        if almost_equal(before, count) {
            bucket.count = before;
        } else if count < before {
            bucket.count = before;
            let seen = forced.get_or_insert(Forced {
                first_ms: time_ms,
                last_ms: time_ms,
                lowest_bucket: f64::INFINITY,
                highest_bucket: f64::NEG_INFINITY,
                difference_max: 0.0,
                samples: 1,
            });
            seen.lowest_bucket = seen.lowest_bucket.min(bucket.upper);
            seen.highest_bucket = seen.highest_bucket.max(bucket.upper);
            seen.difference_max = seen.difference_max.max(before - count);
        } else {
            before = count;
        }
    }
    forced
}

/// The share of observations between two bounds.
pub(crate) fn fraction(lower: f64, upper: f64, buckets: &mut Vec<Bucket>) -> f64 {
    if !prepare(buckets) {
        return f64::NAN;
    }
    let count = buckets.last().map_or(0.0, |last| last.count);
    if count == 0.0 || lower.is_nan() || upper.is_nan() {
        return f64::NAN;
    }
    if lower >= upper {
        return 0.0;
    }
    let rank = |value| rank_of(buckets, value).filter(|rank| *rank <= count).unwrap_or(count);
    (rank(upper) - rank(lower)) / count
}

/// Observations below `value`; none where it lies above all buckets.
fn rank_of(buckets: &[Bucket], value: f64) -> Option<f64> {
    let first = buckets.first()?;
    let (mut rank, mut lower) = (0.0, if first.upper <= 0.0 { f64::NEG_INFINITY } else { 0.0 });
    for bucket in buckets {
        if lower >= value {
            return Some(rank);
        }
        if bucket.upper > value {
            if lower == f64::NEG_INFINITY {
                return Some(bucket.count);
            }
            return Some(rank + (bucket.count - rank) * (value - lower) / (bucket.upper - lower));
        }
        (rank, lower) = (bucket.count, bucket.upper);
    }
    None
}
