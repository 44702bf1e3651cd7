//! What a flush takes out of the head, and forgetting what nobody needs.
//!
//! A flush marks before it moves: chunks and late samples older than its limit get its number, are written to blocks, and
//! stay where they are until the manifest has the blocks and no reader of an older state is left. So a reader of the old
//! state finds them here, one of the new state in the blocks, and nobody finds them twice.

use std::collections::BTreeSet;
use std::sync::atomic::Ordering;

use bedrock::labels::Labels;
use bedrock::time::TimeRange;

use super::Head;
use super::IDLE_LOOKS;
use super::page::{PAGE_SLOT_BITS, page_of, reference, slot_of_reference};
use super::sealed::Sealed;
use super::series::{Open, Series, Sight, slot_of};
use super::sync::{held, write};
use crate::chunk::Chunk;

/// What a flush has marked.
#[derive(Debug, Default)]
pub(crate) struct Marked {
    /// The series that give something, ordered by labels.
    series: Vec<(Labels, u64)>,
    /// The time slots that the samples lie in.
    pub(crate) slots: BTreeSet<i64>,
    flush: u32,
}

impl Marked {
    /// Whether there is nothing to flush.
    pub(crate) fn is_empty(&self) -> bool {
        self.series.is_empty()
    }
}

impl Head {
    /// Marks everything before `until_ms` for the flush of this number. In-order samples before `until_ms` come late
    /// from now on. No other flush and no deletion runs meanwhile.
    pub(crate) fn mark(&self, until_ms: i64, flush: u32) -> Marked {
        self.in_order_from_ms.fetch_max(until_ms, Ordering::Relaxed);
        let mut marked = Marked { flush, ..Marked::default() };
        let slot_ms = self.options.slot_ms;
        for (number, page) in self.pages.all() {
            let mut page = held(&page);
            for (at, series) in page.iter_mut() {
                series.seal_before(until_ms, &self.chunks);
                if mark_series(series, until_ms, flush, slot_ms, &mut marked.slots) {
                    let slot = number << PAGE_SLOT_BITS | at as u32;
                    marked.series.push((series.labels.clone(), reference(series.generation, slot)));
                }
            }
        }
        marked.series.sort_unstable_by(|(a, _), (b, _)| a.cmp(b));
        self.visibility.settle();
        marked
    }

    /// The marked series with samples in a time slot, ordered by labels, each with its chunks; of two samples with one
    /// timestamp that of the later chunk counts.
    pub(crate) fn marked<'a>(
        &'a self,
        marked: &'a Marked,
        slot: i64,
    ) -> impl Iterator<Item = bedrock::Result<(Labels, Vec<Chunk>)>> + 'a {
        marked.series.iter().filter_map(move |(labels, reference)| {
            match self.marked_chunks(*reference, marked.flush, slot) {
                Ok(chunks) if chunks.is_empty() => None,
                Ok(chunks) => Some(Ok((labels.clone(), chunks))),
                Err(error) => Some(Err(error)),
            }
        })
    }

    fn marked_chunks(&self, reference: u64, flush: u32, slot: i64) -> bedrock::Result<Vec<Chunk>> {
        let slot_ms = self.options.slot_ms;
        let Some(page) = self.pages.page(page_of(slot_of_reference(reference))) else {
            return Ok(Vec::new());
        };
        let page = held(&page);
        let Some(series) = page.get(reference) else { return Ok(Vec::new()) };
        let start = slot.saturating_mul(slot_ms);
        let range = TimeRange::new(start, start.saturating_add(slot_ms - 1));
        let mut chunks = Vec::new();
        let everything = Sight { commit: u64::MAX, flush: flush - 1 };
        series
            .collect_where(everything, range, &self.chunks, &mut chunks, |flushed_in| flushed_in == flush)?;
        Ok(chunks)
    }

    /// Whether chunks that a flush has moved to blocks may still be here.
    pub(crate) fn has_flushed(&self) -> bool {
        self.flushed_chunks.load(Ordering::Relaxed)
    }

    /// Lets go of what flushes up to `flush` have moved to blocks, as far as no reader needs it here.
    pub(crate) fn release(&self, flush: u32) {
        let oldest = self.visibility.oldest_flush();
        self.flushed_chunks.store(oldest.is_some_and(|oldest| oldest < flush), Ordering::Relaxed);
        let flush = oldest.map_or(flush, |oldest| flush.min(oldest));
        for (_, page) in self.pages.all() {
            let mut page = held(&page);
            for (_, series) in page.iter_mut() {
                let before = series.sealed.len();
                series.sealed.retain(|sealed| sealed.flushed_in == 0 || sealed.flushed_in > flush);
                self.chunks.let_go(before - series.sealed.len());
                if series.sealed.is_empty() {
                    series.sealed = Vec::new();
                }
                if let Some(rare) = &mut series.rare {
                    let before = rare.late.len();
                    rare.late.retain(|late| late.flushed_in == 0 || late.flushed_in > flush);
                    self.late.fetch_sub(before - rare.late.len(), Ordering::Relaxed);
                }
                series.forget_deleted();
            }
        }
    }

    /// Forgets the series that hold no sample and had none since `idle_before_ms`, and those that never had one in as many
    /// looks as make up that time. Their references are never given again. Returns how many there were.
    pub(crate) fn forget_idle(&self, idle_before_ms: i64) -> usize {
        let mut idle = Vec::new();
        for (number, page) in self.pages.all() {
            for (at, series) in held(&page).iter_mut() {
                series.looked_at();
                if !series.is_idle(idle_before_ms) {
                    continue;
                }
                let slot = number << PAGE_SLOT_BITS | at as u32;
                idle.push((slot, series.labels.clone()));
            }
        }
        // Slots that are free from now on are given under a new generation.
        self.generation.fetch_add(u32::from(!idle.is_empty()), Ordering::Relaxed);
        let mut freed = Vec::with_capacity(idle.len());
        for (slot, labels) in idle {
            let mut shard = self.index.shard(&labels);
            let Some(page) = self.pages.page(page_of(slot)) else { continue };
            let mut page = held(&page);
            if page.at(slot).is_none_or(|series| series.labels != labels || !series.is_idle(idle_before_ms)) {
                continue;
            }
            page.take(slot);
            shard.remove(&labels);
            drop((page, shard));
            self.label_bytes.fetch_sub(labels.heap_bytes(), Ordering::Relaxed);
            freed.push((slot, labels));
        }
        let mut postings = write(&self.index.postings);
        for (slot, labels) in &freed {
            postings.remove(*slot, labels);
        }
        drop(postings);
        self.series.fetch_sub(freed.len(), Ordering::Relaxed);
        let count = freed.len();
        self.pages.free_slots(freed.into_iter().map(|(slot, _)| slot));
        count
    }

    /// Removes the pieces that no series holds chunks in any more.
    ///
    /// # Errors
    ///
    /// Where the medium refuses.
    pub(crate) fn remove_unused_pieces(&self) -> bedrock::Result<()> {
        // A chunk that is sealed while we look goes into this piece or a later one.
        let limit = self.chunks.next_piece();
        let in_use = self.pieces_in_use();
        self.chunks.retain(|piece| piece >= limit || in_use.contains(&piece))
    }

    /// The pieces that series still hold chunks in.
    pub(super) fn pieces_in_use(&self) -> BTreeSet<u32> {
        let mut pieces = BTreeSet::new();
        for (_, page) in self.pages.all() {
            for (_, series) in held(&page).iter() {
                pieces.extend(series.sealed.iter().map(|sealed| sealed.location.piece));
            }
        }
        pieces
    }
}

/// Marks what one series gives to a flush; whether it gives anything.
fn mark_series(
    series: &mut Series,
    until_ms: i64,
    flush: u32,
    slot_ms: i64,
    slots: &mut BTreeSet<i64>,
) -> bool {
    let mut gives = false;
    // A flush that failed has marked before: what it marked goes with this one.
    let takes = |sealed: &&mut Sealed| {
        sealed.max_time_ms < until_ms && (sealed.flushed_in == 0 || sealed.flushed_in == flush)
    };
    for sealed in series.sealed.iter_mut().filter(takes) {
        sealed.flushed_in = flush;
        slots.extend(slot_of(sealed.min_time_ms, slot_ms)..=slot_of(sealed.max_time_ms, slot_ms));
        gives = true;
    }
    if let Some(rare) = &mut series.rare {
        let late = rare.late.iter_mut().filter(|late| late.time_ms < until_ms);
        for late in late.filter(|late| late.flushed_in == 0 || late.flushed_in == flush) {
            late.flushed_in = flush;
            slots.insert(slot_of(late.time_ms, slot_ms));
            gives = true;
        }
    }
    gives
}

impl Series {
    /// Counts a look for idle series, where the series has had no sample yet: whoever resolved it may be about to append.
    fn looked_at(&mut self) {
        if self.last_time_ms() == i64::MIN {
            self.looks = self.looks.saturating_add(1);
        }
    }

    /// Whether the series holds no sample and had none since `before_ms`, or never.
    fn is_idle(&self, before_ms: i64) -> bool {
        let never = self.last_time_ms() == i64::MIN;
        (if never { self.looks > IDLE_LOOKS } else { self.last_time_ms() < before_ms })
            && self.sealed.is_empty()
            && matches!(self.open, Open::None)
            && self.rare.as_ref().is_none_or(|rare| rare.late.is_empty())
    }
}
