//! Cutting observations off above or below a value.

use super::{Bucket, Histogram};

/// Which observations stay.
#[derive(Clone, Copy, PartialEq)]
enum Keep {
    Below,
    Above,
}

impl Histogram {
    /// Keeps observations below `value`; the bucket that holds it keeps its share. Count and sum are estimated from
    /// the buckets where anything was cut.
    pub fn keep_below(&mut self, value: f64) {
        self.trim(value, Keep::Below);
    }

    /// Keeps observations above `value`; as [`Histogram::keep_below`] otherwise.
    pub fn keep_above(&mut self, value: f64) {
        self.trim(value, Keep::Above);
    }

    fn trim(&mut self, at: f64, keep: Keep) {
        let linear = self.uses_custom_buckets();
        let (mut count, mut sum, mut cut) = (0.0, 0.0, false);
        let sides: [(Vec<Bucket>, bool); 2] =
            [(self.positive().collect(), true), (self.negative().collect(), false)];
        let mut populated = [false, false];
        for (side, (buckets, positive)) in sides.iter().enumerate() {
            let counts = if *positive { &mut self.positive_buckets } else { &mut self.negative_buckets };
            for (bucket, stored) in buckets.iter().zip(counts.iter_mut()) {
                if bucket.count == 0.0 {
                    continue;
                }
                if let Some(flag) = populated.get_mut(side) {
                    *flag = true;
                }
                let (kept, middle) = trim_bucket(bucket, at, keep, *positive, linear);
                count += kept;
                sum += middle * kept;
                cut |= *stored != kept;
                *stored = kept;
            }
        }
        if self.zero_count > 0.0 {
            let (kept, middle) = trim_zero(&self.zero_bucket(), at, keep, populated);
            cut |= self.zero_count != kept;
            self.zero_count = kept;
            count += kept;
            sum += middle * kept;
        }
        if cut {
            self.count = count;
            self.sum = sum;
            self.compact();
        }
    }
}

/// What stays of a bucket, and the value at which it is counted into the sum.
fn trim_bucket(bucket: &Bucket, at: f64, keep: Keep, positive: bool, linear: bool) -> (f64, f64) {
    let (all, some) = match keep {
        Keep::Below => (bucket.upper <= at, bucket.lower < at),
        Keep::Above => (bucket.lower >= at, bucket.upper > at),
    };
    if all {
        return (bucket.count, middle(bucket.lower, bucket.upper, positive, linear));
    }
    if !some {
        return (0.0, 0.0);
    }
    if bucket.lower == f64::NEG_INFINITY || bucket.upper == f64::INFINITY {
        return trim_endless(bucket, at, keep);
    }
    let below = if at <= bucket.lower {
        0.0
    } else if at >= bucket.upper {
        bucket.count
    } else {
        bucket.count * bucket.fraction_below(at, linear)
    };
    match keep {
        Keep::Below => (below, middle(bucket.lower, at, positive, linear)),
        Keep::Above => (bucket.count - below, middle(at, bucket.upper, positive, linear)),
    }
}

/// A bucket without a finite bound on one side: what cannot be interpolated is removed.
fn trim_endless(bucket: &Bucket, at: f64, keep: Keep) -> (f64, f64) {
    let finite = |value: f64| if value.is_infinite() { 0.0 } else { value };
    if bucket.lower != f64::NEG_INFINITY {
        return match keep {
            Keep::Above if at >= bucket.lower => (bucket.count, at),
            _ => (0.0, finite(bucket.lower)),
        };
    }
    let upper_is_finite = bucket.upper != f64::INFINITY;
    match keep {
        Keep::Below if at >= bucket.upper => (bucket.count, 0.0),
        Keep::Below if at > 0.0 && bucket.upper > 0.0 && upper_is_finite => {
            (bucket.count * at / bucket.upper, at / 2.0)
        }
        Keep::Below if bucket.upper <= 0.0 => (bucket.count, at),
        Keep::Above if at <= bucket.lower => (bucket.count, 0.0),
        Keep::Above if at >= 0.0 && bucket.upper > at && upper_is_finite => {
            (bucket.count * (1.0 - at / bucket.upper), (at + bucket.upper) / 2.0)
        }
        _ => (0.0, finite(bucket.upper)),
    }
}

fn trim_zero(zero: &Bucket, at: f64, keep: Keep, [positive, negative]: [bool; 2]) -> (f64, f64) {
    let lower = if positive && !negative { 0.0 } else { zero.lower };
    let upper = if negative && !positive { 0.0 } else { zero.upper };
    let whole = (zero.count, (lower + upper) / 2.0);
    match keep {
        Keep::Below if at <= lower => (0.0, 0.0),
        Keep::Below if at >= upper => whole,
        Keep::Below => (zero.count * (at - lower) / (upper - lower), (lower + at) / 2.0),
        Keep::Above if at <= lower => whole,
        Keep::Above if at >= upper => (0.0, 0.0),
        Keep::Above => (zero.count * (upper - at) / (upper - lower), (at + upper) / 2.0),
    }
}

/// The value that stands for the observations between two bounds.
fn middle(lower: f64, upper: f64, positive: bool, linear: bool) -> f64 {
    match (lower.is_infinite(), upper.is_infinite()) {
        (true, true) => 0.0,
        (true, false) if upper > 0.0 => upper / 2.0,
        (true, false) => upper,
        (false, true) => lower,
        (false, false) if linear => (lower + upper) / 2.0,
        (false, false) => {
            let middle = (lower * upper).abs().sqrt();
            if positive { middle } else { -middle }
        }
    }
}
