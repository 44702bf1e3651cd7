//! The newest exemplars of all series, in one ring.

use std::collections::VecDeque;

use bedrock::labels::{Labels, Matcher};
use bedrock::series::Select;
use bedrock::time::TimeRange;
use rustc_hash::FxHashSet;

use crate::exemplar::Exemplar;

/// One exemplar and the series that it belongs to.
#[derive(Clone, Debug)]
pub(crate) struct Entry {
    pub(crate) reference: u64,
    pub(crate) series: Labels,
    pub(crate) exemplar: Exemplar,
    pub(crate) commit: u64,
}

impl Entry {
    /// Whether the exemplar lies in the range, and its series satisfies all matchers.
    pub(crate) fn is_selected(&self, select: &Select<'_>) -> bool {
        let fits = |matcher: &Matcher| matcher.matches(self.series.get(matcher.name()).unwrap_or(""));
        select.range.contains(self.exemplar.timestamp_ms) && select.matchers.iter().all(fits)
    }
}

/// A ring of bounded length: a new exemplar displaces the oldest.
#[derive(Debug)]
pub(crate) struct ExemplarRing {
    entries: VecDeque<Entry>,
    max: usize,
}

impl ExemplarRing {
    pub(crate) fn new(max: usize) -> Self {
        ExemplarRing { entries: VecDeque::new(), max }
    }

    /// Takes an exemplar. Repeating the newest one of a series changes nothing: scrapes do that. O(ring) at worst.
    pub(crate) fn push(&mut self, entry: Entry) {
        if self.max == 0 {
            return;
        }
        let newest = self.entries.iter().rev().find(|known| known.reference == entry.reference);
        if newest.is_some_and(|newest| newest.exemplar == entry.exemplar) {
            return;
        }
        if self.entries.len() == self.max {
            self.entries.pop_front();
        }
        self.entries.push_back(entry);
    }

    /// Every exemplar, oldest first.
    pub(crate) fn iter(&self) -> impl ExactSizeIterator<Item = &Entry> {
        self.entries.iter()
    }

    /// Removes the exemplars of series in an interval, from commits before `commit`.
    pub(crate) fn delete(&mut self, references: &[u64], range: TimeRange, commit: u64) {
        let references: FxHashSet<u64> = references.iter().copied().collect();
        self.entries.retain(|entry| {
            entry.commit >= commit
                || !range.contains(entry.exemplar.timestamp_ms)
                || !references.contains(&entry.reference)
        });
    }
}
