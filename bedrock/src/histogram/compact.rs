//! The canonical form: no empty bucket, no two spans that touch.

use super::buckets::indexed;
use super::cells::{Flat, spans_of};
use super::{Histogram, Span};

fn compacted(spans: &[Span], counts: &[f64]) -> (Vec<Span>, Vec<f64>) {
    let flat: Flat<f64> = indexed(spans, counts).filter(|(_, count)| *count != 0.0).collect();
    spans_of(&flat)
}

impl Histogram {
    /// Removes empty buckets and joins spans that touch, so that equal observations have one form.
    pub fn compact(&mut self) {
        (self.positive_spans, self.positive_buckets) =
            compacted(&self.positive_spans, &self.positive_buckets);
        (self.negative_spans, self.negative_buckets) =
            compacted(&self.negative_spans, &self.negative_buckets);
    }
}
