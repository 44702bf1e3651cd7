//! Many series entered into the index of a head at once.
//!
//! Neighbours have most labels in common: the series of one scrape target differ in one or two. So each name remembers
//! the value of the series before, and ids that follow each other go in as a run when the value changes: 0.4 us a series
//! of ten labels, against 1 to 3 us one by one.

use std::ops::RangeInclusive;

use super::head::{HeadPostings, Name};
use crate::labels::Labels;

/// Enters series into a [`HeadPostings`]. What was entered is there once this is dropped.
#[derive(Debug)]
pub struct Entering<'p> {
    postings: &'p mut HeadPostings,
    all: Run,
    /// By name.
    cursors: Vec<Cursor>,
}

/// One name, taken out of the index while series are entered.
#[derive(Debug)]
struct Cursor {
    name: Box<str>,
    entry: Name,
    /// Series that have the name and are not entered yet.
    carriers: Run,
    value: String,
    /// Series that have the value and are not entered yet.
    ids: Run,
}

/// Ids that follow each other.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Run {
    first: u32,
    count: u32,
}

impl Run {
    /// A run of one id.
    pub(super) fn of(id: u32) -> Self {
        Run { first: id, count: 1 }
    }

    /// The ids; a run that was ended has at least one.
    pub(super) fn ids(self) -> RangeInclusive<u32> {
        self.first..=self.first + self.count.saturating_sub(1)
    }

    /// Takes an id, and gives the run back that it does not continue.
    fn push(&mut self, id: u32) -> Option<Run> {
        if self.count > 0 && self.first.checked_add(self.count) == Some(id) {
            self.count += 1;
            return None;
        }
        let ended = std::mem::replace(self, Run::of(id));
        (ended.count > 0).then_some(ended)
    }

    fn take(&mut self) -> Option<Run> {
        let ended = std::mem::take(self);
        (ended.count > 0).then_some(ended)
    }
}

impl HeadPostings {
    /// Enters many series; ids that ascend by one are quickest.
    ///
    /// ```
    /// use bedrock::labels::{Labels, MatchOp, Matcher};
    /// use bedrock::postings::HeadPostings;
    ///
    /// let mut index = HeadPostings::default();
    /// let mut entering = index.entering();
    /// entering.add(0, &Labels::from_pairs([("job", "api")])?);
    /// entering.add(1, &Labels::from_pairs([("job", "db")])?);
    /// drop(entering);
    /// let api = Matcher::new(MatchOp::Equal, "job", "api")?;
    /// assert_eq!(index.select(&[api]).iter().collect::<Vec<_>>(), [0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn entering(&mut self) -> Entering<'_> {
        Entering { postings: self, all: Run::default(), cursors: Vec::new() }
    }
}

impl Entering<'_> {
    /// Enters a series, as [`HeadPostings::add`] does.
    pub fn add(&mut self, id: u32, labels: &Labels) {
        if let Some(ended) = self.all.push(id) {
            self.postings.add_all(ended);
        }
        let mut at = 0;
        for (name, value) in labels {
            if value.is_empty() {
                continue;
            }
            // Names ascend, and are mostly those of the series before.
            if self.cursors.get(at).is_none_or(|cursor| *cursor.name != *name) {
                at = self.find(at, name);
            }
            if let Some(cursor) = self.cursors.get_mut(at) {
                if let Some(ended) = cursor.carriers.push(id) {
                    cursor.entry.add_carriers(ended);
                }
                if cursor.value != value {
                    cursor.flush(self.postings);
                    cursor.value.clear();
                    cursor.value.push_str(value);
                }
                if let Some(ended) = cursor.ids.push(id) {
                    self.postings.note_value(cursor.entry.add_run(ended, value), value);
                }
            }
            at += 1;
        }
    }

    /// The position of a name behind `from`, which is entered where it is missing.
    fn find(&mut self, from: usize, name: &str) -> usize {
        let behind = self.cursors.get(from..).unwrap_or(&[]);
        let at = from + behind.partition_point(|cursor| *cursor.name < *name);
        if self.cursors.get(at).is_none_or(|cursor| *cursor.name != *name) {
            let entry = self.postings.take_name(name);
            let (carriers, ids) = (Run::default(), Run::default());
            self.cursors.insert(at, Cursor { name: name.into(), entry, carriers, value: String::new(), ids });
        }
        at
    }
}

impl Cursor {
    /// Enters the series that have the value.
    fn flush(&mut self, postings: &mut HeadPostings) {
        if let Some(ended) = self.ids.take() {
            postings.note_value(self.entry.add_run(ended, &self.value), &self.value);
        }
    }
}

impl Drop for Entering<'_> {
    fn drop(&mut self) {
        if let Some(ended) = self.all.take() {
            self.postings.add_all(ended);
        }
        for mut cursor in std::mem::take(&mut self.cursors) {
            cursor.flush(self.postings);
            if let Some(ended) = cursor.carriers.take() {
                cursor.entry.add_carriers(ended);
            }
            self.postings.put_name(cursor.name, cursor.entry);
        }
    }
}

#[cfg(test)]
mod tests;
