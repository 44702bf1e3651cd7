//! Which samples each step sees: windows over the timestamps of a series.
//!
//! Windows move forward with the steps, so finding all of them is one pass: about 1 ns a sample or step. Series of one
//! scrape share their timestamps, and then their windows too.

use std::ops::Range;
use std::sync::Arc;

use super::steps::{Reference, Steps};
use crate::functions::kernel::{Edge, fill_edges};

/// The samples in `(t - range_ms, t + ahead_ms]` for the time `t` of each step.
#[derive(Clone, Debug, Default)]
pub(crate) struct Windows {
    /// First sample inside and first sample behind, by step.
    ends: Vec<(u32, u32)>,
}

/// How far a window reaches from the time of its step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Reach {
    pub(crate) steps: Steps,
    pub(crate) reference: Reference,
    pub(crate) behind_ms: i64,
    pub(crate) ahead_ms: i64,
}

impl Reach {
    /// The times that some window covers, both ends inside.
    pub(crate) fn range(&self) -> bedrock::time::TimeRange {
        let first = self.reference.time(self.steps.start_ms);
        let last = self.reference.time(self.steps.end_ms());
        bedrock::time::TimeRange::new(
            first.saturating_sub(self.behind_ms).saturating_add(1),
            last.saturating_add(self.ahead_ms),
        )
    }

    /// Over how many steps a window reaches, where these are whole: then it begins where that of an earlier step ends.
    fn whole_steps(&self) -> Option<usize> {
        let Steps { start_ms, step_ms, count } = self.steps;
        let reaches_ms = self.behind_ms.checked_add(self.ahead_ms)?;
        if self.reference.at_ms.is_some() || reaches_ms < 0 || reaches_ms % step_ms != 0 {
            return None;
        }
        // At the ends of time steps are cut short.
        let span_ms = step_ms.checked_mul(i64::try_from(count).ok()?)?;
        let first = start_ms.checked_sub(self.reference.offset_ms)?;
        first.checked_sub(self.behind_ms)?;
        start_ms.checked_add(span_ms)?;
        first.checked_add(span_ms)?.checked_add(self.ahead_ms)?;
        usize::try_from(reaches_ms / step_ms).ok()
    }
}

impl Windows {
    /// Finds the windows of all steps over ascending timestamps.
    pub(crate) fn fill(&mut self, timestamps: &[i64], reach: &Reach) {
        self.ends.clear();
        self.ends.reserve(reach.steps.count);
        let times = |ahead_ms: i64| {
            reach.steps.times().map(move |time| reach.reference.time(time).saturating_add(ahead_ms))
        };
        let mut behind = Cursor::default();
        self.ends.extend(times(reach.ahead_ms).map(|end| (0, behind.advance(timestamps, end))));
        let steps_back = reach.whole_steps().unwrap_or(usize::MAX);
        let mut first = Cursor::default();
        let starts = times(reach.behind_ms.saturating_neg());
        for (window, start) in self.ends.iter_mut().zip(starts).take(steps_back) {
            window.0 = first.advance(timestamps, start);
            window.1 = window.1.max(window.0);
        }
        for step in steps_back..self.ends.len() {
            let Some((_, first)) = self.ends.get(step - steps_back).copied() else { break };
            if let Some(window) = self.ends.get_mut(step) {
                *window = (first, window.1.max(first));
            }
        }
    }

    pub(crate) fn get(&self, step: usize) -> Range<usize> {
        let (first, behind) = self.ends.get(step).copied().unwrap_or_default();
        first as usize..behind as usize
    }

    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = Range<usize>> + '_ {
        self.ends.iter().map(|(first, behind)| *first as usize..*behind as usize)
    }
}

/// Walks over timestamps to the first one above a time, again and again.
#[derive(Debug, Default)]
struct Cursor {
    at: usize,
    /// How far it moved the last time: timestamps and steps are mostly regular.
    stride: usize,
}

impl Cursor {
    /// The first index from here on whose timestamp is above `time`: where the last stride leads, else a few steps
    /// forward, then by bisection.
    #[inline]
    fn advance(&mut self, timestamps: &[i64], time: i64) -> u32 {
        const NEAR: usize = 16;
        let guess = self.at + self.stride;
        let is_behind = |index: usize| timestamps.get(index).is_some_and(|timestamp| *timestamp <= time);
        if guess > self.at && guess < timestamps.len() && is_behind(guess - 1) && !is_behind(guess) {
            self.at = guess;
            return guess as u32;
        }
        let from = self.at;
        let near = (from..from + NEAR).find(|index| !is_behind(*index));
        self.at = near.unwrap_or_else(|| {
            let rest = timestamps.get(from + NEAR..).unwrap_or_default();
            from + NEAR + rest.partition_point(|timestamp| *timestamp <= time)
        });
        self.stride = self.at - from;
        self.at as u32
    }
}

/// Keeps the windows of timestamps that several series have.
///
/// The series of one scrape target share timestamps, but come in the order of their labels, so those of many targets
/// are in use at a time: a table of some, found by address.
#[derive(Debug, Default)]
pub(crate) struct WindowCache {
    entries: Vec<Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    shared: Option<(Arc<Vec<i64>>, Reach)>,
    windows: Windows,
    widest: usize,
    edges: Vec<Edge>,
    /// What `edges` were made for.
    per_second: f64,
}

/// Most entries of a table.
const ENTRIES_MAX: usize = 128;
/// Steps that all entries together may hold: about 2.5 MiB with what is known about edges.
const ENTRY_STEPS_MAX: usize = 1 << 16;

/// Windows, and what timestamps alone decide about them.
pub(crate) struct Seen<'c> {
    pub(crate) windows: &'c Windows,
    /// Samples in the widest window.
    pub(crate) widest: usize,
    /// By step; empty unless asked for.
    pub(crate) edges: &'c [Edge],
}

impl WindowCache {
    /// The windows over timestamps that may be shared; with what [`fill_edges`] knows of them where that is asked for
    /// with its divisor.
    pub(crate) fn of(&mut self, timestamps: &Arc<Vec<i64>>, reach: &Reach, edges: Option<f64>) -> Seen<'_> {
        let count = (ENTRY_STEPS_MAX / reach.steps.count.max(1)).clamp(1, ENTRIES_MAX);
        if self.entries.len() < count {
            self.entries.resize_with(count, Entry::default);
        }
        // Only what someone else holds too is kept: otherwise the source would lose its buffer to us.
        let is_shared = Arc::strong_count(timestamps) > 1;
        let hash = (Arc::as_ptr(timestamps) as usize as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
        let at = if is_shared { hash as usize % count } else { 0 };
        let entry = &mut self.entries[at];
        entry.fill(timestamps, reach, edges, is_shared);
        Seen { windows: &entry.windows, widest: entry.widest, edges: &entry.edges }
    }
}

impl Entry {
    fn fill(&mut self, timestamps: &Arc<Vec<i64>>, reach: &Reach, edges: Option<f64>, keep: bool) {
        let known = matches!(&self.shared, Some((t, r)) if Arc::ptr_eq(t, timestamps) && r == reach);
        if !known {
            self.windows.fill(timestamps, reach);
            self.widest = self.windows.iter().map(|window| window.len()).max().unwrap_or(0);
            self.edges.clear();
            self.shared = keep.then(|| (Arc::clone(timestamps), *reach));
        }
        if let Some(per_second) = edges
            && (self.edges.is_empty() || self.per_second.to_bits() != per_second.to_bits())
        {
            self.per_second = per_second;
            fill_edges(timestamps, &self.windows, reach, per_second, &mut self.edges);
        }
    }
}
