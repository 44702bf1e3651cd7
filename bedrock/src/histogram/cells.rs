//! What a histogram is added up in: plain floats, or floats with a compensation term.

use super::Span;
use super::bounds::{coarser_index, exponential_bound};
use super::buckets::indexed;

/// A number that others are added to.
pub(super) trait Cell: Copy {
    fn from_value(value: f64) -> Self;
    /// Adds a plain number.
    fn plus(self, value: f64) -> Self;
    /// Adds another cell with its compensation.
    fn merge(self, other: Self) -> Self;
    fn scale(self, by: impl Fn(f64) -> f64) -> Self;
    fn value(self) -> f64;
    fn is_zero(self) -> bool;
    fn raw(self) -> f64;
}

impl Cell for f64 {
    fn from_value(value: f64) -> Self {
        value
    }
    fn plus(self, value: f64) -> Self {
        self + value
    }
    fn merge(self, other: Self) -> Self {
        self + other
    }
    fn scale(self, by: impl Fn(f64) -> f64) -> Self {
        by(self)
    }
    fn value(self) -> f64 {
        self
    }
    fn is_zero(self) -> bool {
        self == 0.0
    }
    fn raw(self) -> f64 {
        self
    }
}

/// A sum by Kahan and Neumaier: `sum + compensation` is the value.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(super) struct Compensated {
    pub(super) sum: f64,
    pub(super) compensation: f64,
}

impl Cell for Compensated {
    fn from_value(value: f64) -> Self {
        Compensated { sum: value, compensation: 0.0 }
    }

    fn plus(self, value: f64) -> Self {
        let (sum, compensation) = crate::vector::kahan_add(value, self.sum, self.compensation);
        Compensated { sum, compensation }
    }

    fn merge(self, other: Self) -> Self {
        let sum = self.plus(other.sum);
        if other.compensation == 0.0 { sum } else { sum.plus(other.compensation) }
    }

    fn scale(self, by: impl Fn(f64) -> f64) -> Self {
        Compensated { sum: by(self.sum), compensation: by(self.compensation) }
    }

    fn value(self) -> f64 {
        self.sum + self.compensation
    }

    fn is_zero(self) -> bool {
        self.sum == 0.0 && self.compensation == 0.0
    }

    fn raw(self) -> f64 {
        self.sum
    }
}

/// One side of a histogram in flat form: (index, count), ascending.
pub(super) type Flat<C> = Vec<(i32, C)>;

pub(super) fn flatten<C: Cell>(spans: &[Span], counts: &[f64]) -> Flat<C> {
    indexed(spans, counts).map(|(index, count)| (index, C::from_value(count))).collect()
}

/// Spans and counts of a flat side; neighbouring indexes share a span.
pub(super) fn spans_of<C: Cell>(flat: &Flat<C>) -> (Vec<Span>, Vec<f64>) {
    let mut spans: Vec<Span> = Vec::new();
    let mut counts = Vec::with_capacity(flat.len());
    let mut end = 0i32;
    for (index, cell) in flat {
        match spans.last_mut() {
            Some(span) if *index == end => span.length += 1,
            _ => spans.push(Span { offset: index.wrapping_sub(end), length: 1 }),
        }
        end = index.wrapping_add(1);
        counts.push(cell.value());
    }
    (spans, counts)
}

/// Merges the buckets of `flat` that share a bucket of the coarser schema `to`.
pub(super) fn coarsen<C: Cell>(flat: &mut Flat<C>, from: i32, to: i32) {
    if from == to {
        return;
    }
    let mut merged: Flat<C> = Vec::with_capacity(flat.len());
    for (index, cell) in flat.iter() {
        let index = coarser_index(*index, from, to);
        match merged.last_mut() {
            Some((last, sum)) if *last == index => *sum = sum.merge(*cell),
            _ => merged.push((index, *cell)),
        }
    }
    *flat = merged;
}

/// Drops the first buckets of `flat` that end at or below `threshold`.
pub(super) fn above_threshold<C: Cell>(flat: &Flat<C>, schema: i32, threshold: f64) -> &[(i32, C)] {
    let skip = flat.iter().take_while(|(index, _)| exponential_bound(*index, schema) <= threshold).count();
    flat.get(skip..).unwrap_or_default()
}

/// Adds the buckets of `other` to `into`; both ascend.
pub(super) fn merge_into<C: Cell>(into: &mut Flat<C>, other: &[(i32, C)]) {
    if into.len() == other.len() && into.iter().zip(other).all(|(a, b)| a.0 == b.0) {
        for (mine, theirs) in into.iter_mut().zip(other) {
            mine.1 = mine.1.merge(theirs.1);
        }
        return;
    }
    let mut merged: Flat<C> = Vec::with_capacity(into.len() + other.len());
    let mut mine = into.iter().copied().peekable();
    for theirs in other {
        while let Some(bucket) = mine.next_if(|bucket| bucket.0 < theirs.0) {
            merged.push(bucket);
        }
        match mine.next_if(|bucket| bucket.0 == theirs.0) {
            Some(bucket) => merged.push((bucket.0, bucket.1.merge(theirs.1))),
            None => merged.push(*theirs),
        }
    }
    merged.extend(mine);
    *into = merged;
}

/// Adds the buckets of `flat`, whose bounds are `bounds`, to `totals`, one for each of `common` and one above.
pub(super) fn map_to_common<C: Cell>(flat: &[(i32, C)], bounds: &[f64], common: &[f64], totals: &mut [C]) {
    for (index, cell) in flat {
        let source = usize::try_from(*index).ok().and_then(|index| bounds.get(index));
        let target = source.map_or(common.len(), |bound| common.partition_point(|c| c < bound));
        if let Some(total) = totals.get_mut(target) {
            *total = total.merge(*cell);
        }
    }
}

/// The bounds that both ascending lists have.
pub(super) fn common_bounds(a: &[f64], b: &[f64]) -> Vec<f64> {
    let mut common = Vec::with_capacity(a.len().min(b.len()));
    let mut rest = b;
    for bound in a {
        let skip = rest.partition_point(|other| other < bound);
        rest = rest.get(skip..).unwrap_or_default();
        if rest.first() == Some(bound) {
            common.push(*bound);
        }
    }
    common
}
