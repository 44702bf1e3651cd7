//! Whether a counter started again between two of its histograms.

use super::bounds::bound;
use super::cells::{Flat, above_threshold, coarsen, common_bounds, flatten, map_to_common};
use super::sum::Parts;
use super::{CounterResetHint, Histogram, Span};

impl Histogram {
    /// Whether a counter reset happened between `previous` and `self`: the hint says so, a count went down, a
    /// populated bucket vanished, the resolution rose, or the zero bucket shrank.
    pub fn detect_reset(&self, previous: &Histogram) -> bool {
        match self.counter_reset_hint {
            CounterResetHint::CounterReset => return true,
            CounterResetHint::NotCounterReset => return false,
            CounterResetHint::Unknown | CounterResetHint::Gauge => {}
        }
        if self.count < previous.count {
            return true;
        }
        if self.uses_custom_buckets() {
            return !previous.uses_custom_buckets() || self.custom_reset(previous);
        }
        if previous.uses_custom_buckets()
            || self.schema > previous.schema
            || self.zero_threshold < previous.zero_threshold
        {
            return true;
        }
        let (zero_before, threshold) = if self.zero_threshold == previous.zero_threshold {
            (previous.zero_count, previous.zero_threshold)
        } else {
            Parts::<f64>::of(previous).wider_zero_bucket(self.zero_threshold)
        };
        if threshold != self.zero_threshold || self.zero_count < zero_before {
            return true;
        }
        let falls = |now: (&[Span], &[f64]), before: (&[Span], &[f64])| {
            let now: Flat<f64> = flatten(now.0, now.1);
            let mut before: Flat<f64> = flatten(before.0, before.1);
            coarsen(&mut before, previous.schema, self.schema);
            any_falls(
                above_threshold(&now, self.schema, self.zero_threshold),
                above_threshold(&before, self.schema, self.zero_threshold),
            )
        };
        falls(
            (&self.positive_spans, &self.positive_buckets),
            (&previous.positive_spans, &previous.positive_buckets),
        ) || falls(
            (&self.negative_spans, &self.negative_buckets),
            (&previous.negative_spans, &previous.negative_buckets),
        )
    }

    fn custom_reset(&self, previous: &Histogram) -> bool {
        let now: Flat<f64> = flatten(&self.positive_spans, &self.positive_buckets);
        let before: Flat<f64> = flatten(&previous.positive_spans, &previous.positive_buckets);
        if self.custom_values == previous.custom_values {
            return any_falls(&now, &before);
        }
        let common = common_bounds(&self.custom_values, &previous.custom_values);
        let totals = |flat: &Flat<f64>, bounds: &[f64]| {
            let mut totals = vec![0.0; common.len() + 1];
            map_to_common(flat, bounds, &common, &mut totals);
            totals
        };
        let now = totals(&now, &self.custom_values);
        let before = totals(&before, &previous.custom_values);
        now.iter().zip(&before).any(|(now, before)| now < before)
    }

    /// The bound at which bucket `index` ends, for readers that show buckets by index.
    pub fn upper_bound(&self, index: i32) -> f64 {
        bound(index, self.schema, &self.custom_values)
    }
}

/// Whether a bucket of `before` holds less in `now`, or is populated and missing there. Both ascend.
fn any_falls(now: &[(i32, f64)], before: &[(i32, f64)]) -> bool {
    let mut now = now.iter().peekable();
    for (index, count_before) in before {
        while now.next_if(|(i, _)| i < index).is_some() {}
        let count = now.peek().filter(|(i, _)| i == index).map(|(_, count)| *count);
        if count.map_or(*count_before != 0.0, |count| count < *count_before) {
            return true;
        }
    }
    false
}
