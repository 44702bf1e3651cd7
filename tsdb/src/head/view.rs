//! What flush and reading see of the head.
//!
//! Everything that the head holds of a series is handed out as sealed [`Chunk`]s: sealed chunks as slices of the mapped
//! chunk file, the open chunk as a copy of its packed bits, out-of-order samples sorted and packed on the spot. So a
//! reader knows one thing, the chunk, wherever it comes from.

use std::collections::BTreeMap;
use std::sync::Arc;

use bedrock::labels::Labels;
use bedrock::postings::Ids;
use bedrock::series::Select;

use super::Head;
use super::page::page_of;
use super::series::{Series, Sight};
use super::sync::{held, read};
use crate::chunk::Chunk;
use crate::exemplar::{Exemplar, SeriesExemplars};

/// One series of the head, as the view that selected it sees it.
#[derive(Clone, Debug)]
pub struct HeadSeries {
    /// The labels of the series.
    pub labels: Labels,
    /// The chunks that overlap the selected range; samples before it may be left out.
    ///
    /// Where [`HeadSeries::overlapping`] is false they are ascending and disjoint in time. Otherwise a sample of a
    /// later chunk replaces one of an earlier chunk with the same timestamp. Tombstones are already applied.
    pub chunks: Vec<Chunk>,
    /// Whether chunks may overlap in time (out-of-order samples).
    pub overlapping: bool,
}

/// A consistent view of the head: one set of commits and one set of flushes, whatever is appended or flushed later.
///
/// A snapshot of the store is one view and the set of blocks that holds what the view no longer shows. A sample of the
/// head replaces a sample of a block with the same timestamp.
pub trait HeadView: Send + Sync {
    /// The series that satisfy all matchers and may have samples in the range, ordered by labels.
    ///
    /// # Errors
    ///
    /// Where sealed chunks cannot be read.
    fn select(&self, select: &Select<'_>) -> bedrock::Result<Vec<HeadSeries>>;

    /// The label names of the series that satisfy the matchers, sorted, at most `limit` of them.
    ///
    /// # Errors
    ///
    /// Where sealed chunks cannot be read.
    fn label_names(&self, select: &Select<'_>, limit: usize) -> bedrock::Result<Vec<String>>;

    /// The values of one label over the series that satisfy the matchers, sorted, at most `limit` of them.
    ///
    /// # Errors
    ///
    /// Where sealed chunks cannot be read.
    fn label_values(&self, name: &str, select: &Select<'_>, limit: usize) -> bedrock::Result<Vec<String>>;
}
/// The view of the head in memory. While one lives, what it sees stays; so keep it no longer than a query runs.
#[derive(Debug)]
pub(crate) struct MemoryView {
    head: Arc<Head>,
    sight: Sight,
}

impl MemoryView {
    /// What is visible now, given that blocks hold what the flushes up to `flush` took out.
    pub(crate) fn new(head: &Arc<Head>, flush: u32) -> Self {
        let commit = head.visibility.enter(flush);
        MemoryView { head: Arc::clone(head), sight: Sight { commit, flush } }
    }

    /// Exemplars of the series that satisfy all matchers, in a range, ordered by labels.
    pub(crate) fn exemplars(&self, select: &Select<'_>) -> Vec<SeriesExemplars> {
        let mut found: BTreeMap<Labels, Vec<Exemplar>> = BTreeMap::new();
        let ring = held(&self.head.exemplars);
        for entry in ring.iter().filter(|entry| entry.commit <= self.sight.commit) {
            if entry.is_selected(select) {
                found.entry(entry.series.clone()).or_default().push(entry.exemplar.clone());
            }
        }
        drop(ring);
        let by_time = |(labels, mut exemplars): (Labels, Vec<Exemplar>)| {
            exemplars.sort_by_key(|exemplar| exemplar.timestamp_ms);
            SeriesExemplars { labels, exemplars }
        };
        found.into_iter().map(by_time).collect()
    }

    /// Visits the series of `ids` under the locks of their pages.
    fn visit(
        &self,
        ids: &Ids,
        mut visit: impl FnMut(u32, &Series) -> bedrock::Result<()>,
    ) -> bedrock::Result<()> {
        let mut ids = ids.iter().peekable();
        while let Some(first) = ids.peek().copied() {
            let number = page_of(first);
            let page = self.head.pages.page(number);
            let page = page.as_ref().map(|page| held(page));
            while let Some(slot) = ids.next_if(|slot| page_of(*slot) == number) {
                if let Some(series) = page.as_ref().and_then(|page| page.at(slot)) {
                    visit(slot, series)?;
                }
            }
        }
        Ok(())
    }

    /// The slots of the series that satisfy the matchers and have samples in the range.
    fn slots(&self, select: &Select<'_>) -> bedrock::Result<Ids> {
        let candidates = self.head.candidates(select.matchers);
        let mut slots = Ids::new();
        self.visit(&candidates, |slot, series| {
            let mut chunks = Vec::new();
            series.collect(self.sight, select.range, &self.head.chunks, &mut chunks)?;
            if !chunks.is_empty() {
                slots.insert(slot);
            }
            Ok(())
        })?;
        Ok(slots)
    }
}

impl Drop for MemoryView {
    fn drop(&mut self) {
        self.head.visibility.leave(self.sight.commit, self.sight.flush);
    }
}

impl HeadView for MemoryView {
    fn select(&self, select: &Select<'_>) -> bedrock::Result<Vec<HeadSeries>> {
        let candidates = self.head.candidates(select.matchers);
        self.head.in_order(|found| {
            found.reserve(candidates.len() as usize);
            self.visit(&candidates, |_, series| {
                // Mostly the open chunk alone, and a selection may hold a million of these.
                let mut chunks = Vec::with_capacity(1);
                let overlapping = series.collect(self.sight, select.range, &self.head.chunks, &mut chunks)?;
                if !chunks.is_empty() {
                    let labels = series.labels.clone();
                    found.push((series.rank, HeadSeries { labels, chunks, overlapping }));
                }
                Ok(())
            })
        })
    }

    fn label_names(&self, select: &Select<'_>, limit: usize) -> bedrock::Result<Vec<String>> {
        let slots = self.slots(select)?;
        Ok(read(&self.head.index.postings).label_names(Some(&slots), limit))
    }

    fn label_values(&self, name: &str, select: &Select<'_>, limit: usize) -> bedrock::Result<Vec<String>> {
        let slots = self.slots(select)?;
        Ok(read(&self.head.index.postings).label_values(name, Some(&slots), limit))
    }
}
