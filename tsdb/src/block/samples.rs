//! The samples of one series on their way from block to block, and how several parts become one.

use std::ops::Range;

use bedrock::time::TimeRange;

use crate::chunk::{FloatSamples, HistogramSamples};

/// The samples of one series: floats and histograms apart, each ascending in time without duplicates.
#[derive(Clone, Debug, Default)]
pub(crate) struct SeriesSamples {
    pub(crate) floats: FloatSamples,
    pub(crate) histograms: HistogramSamples,
}

/// Sorts samples by time; of samples with one timestamp the one that was pushed last stays.
///
/// Costs one comparison a sample where they ascend already, which is the rule.
pub(crate) fn sort_floats(samples: &mut FloatSamples) {
    if is_ascending(&samples.timestamps_ms) {
        return;
    }
    let order = last_of_each(&samples.timestamps_ms);
    samples.timestamps_ms = pick(&samples.timestamps_ms, &order);
    samples.values = pick(&samples.values, &order);
    samples.start_timestamps_ms = pick(&samples.start_timestamps_ms, &order);
}

/// As [`sort_floats`], for histograms.
pub(crate) fn sort_histograms(samples: &mut HistogramSamples) {
    if is_ascending(&samples.timestamps_ms) {
        return;
    }
    let order = last_of_each(&samples.timestamps_ms);
    samples.timestamps_ms = pick(&samples.timestamps_ms, &order);
    samples.values = pick(&samples.values, &order);
    samples.start_timestamps_ms = pick(&samples.start_timestamps_ms, &order);
}

impl SeriesSamples {
    /// Number of samples of both kinds.
    pub(crate) fn len(&self) -> usize {
        self.floats.len() + self.histograms.len()
    }

    /// Appends the samples of `other`.
    pub(crate) fn append(&mut self, other: SeriesSamples) {
        for (index, (time_ms, value)) in
            other.floats.timestamps_ms.iter().zip(other.floats.values).enumerate()
        {
            let start_ms = other.floats.start_timestamps_ms.get(index).copied().unwrap_or(0);
            self.floats.push(*time_ms, value, start_ms);
        }
        let histograms = other.histograms;
        for (index, (time_ms, value)) in histograms.timestamps_ms.iter().zip(histograms.values).enumerate() {
            let start_ms = histograms.start_timestamps_ms.get(index).copied().unwrap_or(0);
            self.histograms.push(*time_ms, value, start_ms);
        }
    }

    pub(crate) fn clear(&mut self) {
        self.floats.clear();
        self.histograms.clear();
    }

    /// Removes the samples inside the intervals, from these positions on.
    pub(crate) fn delete(&mut self, floats: usize, histograms: usize, deleted: &[TimeRange]) {
        let alive = |time_ms: i64| !deleted.iter().any(|interval| interval.contains(time_ms));
        self.retain(floats, histograms, alive);
    }

    /// Removes the samples outside of `range`, where timestamps ascend.
    pub(crate) fn cut(&mut self, range: TimeRange) {
        let FloatSamples { timestamps_ms, values, start_timestamps_ms } = &mut self.floats;
        let inside = inside(timestamps_ms, range);
        keep_only(timestamps_ms, &inside);
        keep_only(values, &inside);
        keep_only(start_timestamps_ms, &inside);
        let HistogramSamples { timestamps_ms, values, start_timestamps_ms } = &mut self.histograms;
        let inside = self::inside(timestamps_ms, range);
        keep_only(timestamps_ms, &inside);
        keep_only(values, &inside);
        keep_only(start_timestamps_ms, &inside);
    }

    /// Removes the samples outside of `range`.
    pub(crate) fn keep(&mut self, range: TimeRange) {
        self.retain(0, 0, |time_ms| range.contains(time_ms));
    }

    /// Keeps the samples before these positions and those whose timestamp is `alive`.
    fn retain(&mut self, floats: usize, histograms: usize, alive: impl Fn(i64) -> bool) {
        let FloatSamples { timestamps_ms, values, start_timestamps_ms } = &mut self.floats;
        if let Some(kept) = kept(timestamps_ms, floats, &alive) {
            *timestamps_ms = pick(timestamps_ms, &kept);
            *values = pick(values, &kept);
            *start_timestamps_ms = pick(start_timestamps_ms, &kept);
        }
        let HistogramSamples { timestamps_ms, values, start_timestamps_ms } = &mut self.histograms;
        if let Some(kept) = kept(timestamps_ms, histograms, &alive) {
            *timestamps_ms = pick(timestamps_ms, &kept);
            *values = pick(values, &kept);
            *start_timestamps_ms = pick(start_timestamps_ms, &kept);
        }
    }

    /// Sorts both kinds by time; the last pushed of equal timestamps stays.
    pub(crate) fn sort(&mut self) {
        sort_floats(&mut self.floats);
        sort_histograms(&mut self.histograms);
    }
}

/// The positions of ascending timestamps that lie in a range.
fn inside(timestamps_ms: &[i64], range: TimeRange) -> Range<usize> {
    let start = timestamps_ms.partition_point(|time_ms| *time_ms < range.start);
    let behind = timestamps_ms.get(start..).unwrap_or(&[]).partition_point(|time_ms| *time_ms <= range.end);
    start..start + behind
}

/// Keeps these positions of a column, which may be empty.
fn keep_only<T>(column: &mut Vec<T>, positions: &Range<usize>) {
    column.truncate(positions.end);
    column.drain(..positions.start.min(column.len()));
}

fn is_ascending(timestamps_ms: &[i64]) -> bool {
    timestamps_ms.is_sorted_by(|a, b| a < b)
}

/// Positions by ascending time, of each timestamp the last.
fn last_of_each(timestamps_ms: &[i64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..timestamps_ms.len()).collect();
    order.sort_by_key(|&position| (timestamps_ms.get(position).copied(), std::cmp::Reverse(position)));
    order.dedup_by_key(|&mut position| timestamps_ms.get(position).copied());
    order
}

/// Positions of samples that are before `from` or alive; `None` where all are.
fn kept(timestamps_ms: &[i64], from: usize, alive: impl Fn(i64) -> bool) -> Option<Vec<usize>> {
    let keep = |position: usize, time_ms: i64| position < from || alive(time_ms);
    if timestamps_ms.iter().enumerate().all(|(position, &time_ms)| keep(position, time_ms)) {
        return None;
    }
    let positions = timestamps_ms.iter().enumerate().filter(|&(position, &time_ms)| keep(position, time_ms));
    Some(positions.map(|(position, _)| position).collect())
}

/// The values at these positions; nothing where the column is empty.
fn pick<T: Clone>(column: &[T], order: &[usize]) -> Vec<T> {
    order.iter().filter_map(|&position| column.get(position).cloned()).collect()
}
