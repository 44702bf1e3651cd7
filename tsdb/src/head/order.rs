//! Series in the order of their labels, without comparing labels at each selection.
//!
//! Every series has a *rank*: its place among all series of the head at the time when they were last ordered. Series that
//! came later have none. A selection sorts by rank (10 ns a series, where comparing labels takes 1 us), orders those without
//! a rank by their labels, and merges the two. Once half as many have been ordered that way as there are series, all are
//! ordered anew: a store that is seldom asked does not pay for it, and one that is asked often pays for it once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, RwLock};

use super::Head;
use super::page::{PAGE_SLOT_BITS, page_of};
use super::sync::{held, read, write};
use super::view::HeadSeries;

/// The rank of a series that has none.
pub(crate) const NO_RANK: u32 = u32::MAX;

/// What keeps ranks in step.
#[derive(Debug, Default)]
pub(super) struct Order {
    /// Held to read ranks of several series, and to change them.
    ranks: RwLock<()>,
    /// Held by whoever orders.
    ordering: Mutex<()>,
    /// Series without a rank that selections have ordered since all were.
    ordered: AtomicUsize,
}

impl Head {
    /// Runs a visit that notes series with their ranks, and gives the series in the order of their labels.
    pub(super) fn in_order(
        &self,
        visit: impl FnOnce(&mut Vec<(u32, HeadSeries)>) -> bedrock::Result<()>,
    ) -> bedrock::Result<Vec<HeadSeries>> {
        let mut found = Vec::new();
        {
            let _steady = read(&self.order.ranks);
            visit(&mut found)?;
        }
        let mut places: Vec<(u32, u32)> =
            (0..).zip(&found).map(|(at, (rank, _)): (u32, &(u32, HeadSeries))| (*rank, at)).collect();
        places.sort_unstable();
        let ranked = places.partition_point(|(rank, _)| *rank != NO_RANK);
        let mut found: Vec<Option<HeadSeries>> = found.into_iter().map(|(_, series)| Some(series)).collect();
        let mut ordered: Vec<HeadSeries> = Vec::with_capacity(found.len());
        ordered.extend(places.iter().filter_map(|(_, at)| found.get_mut(*at as usize)?.take()));
        if ranked < ordered.len() {
            // One run by rank and the rest: what a stable sort merges.
            ordered.sort_by(|a, b| a.labels.cmp(&b.labels));
            self.order_where_due(ordered.len() - ranked);
        }
        Ok(ordered)
    }

    /// Orders all series once selections have ordered half as many; `unranked` more were just now. 1 us a new series, and 0.2 us
    /// for each of the others.
    fn order_where_due(&self, unranked: usize) {
        let series = self.series();
        if self.order.ordered.fetch_add(unranked, Ordering::Relaxed) + unranked < series / 2 {
            return;
        }
        let Ok(_ordering) = self.order.ordering.try_lock() else { return };
        let mut all = Vec::with_capacity(series);
        for (number, page) in self.pages.all() {
            for (at, found) in held(&page).iter() {
                let slot = number << PAGE_SLOT_BITS | at as u32;
                all.push((found.rank, found.labels.clone(), slot, found.generation));
            }
        }
        all.sort_unstable_by_key(|(rank, ..)| *rank);
        all.sort_by(|(_, a, ..), (_, b, ..)| a.cmp(b));
        let mut by_slot: Vec<(u32, u32, u32)> =
            (0..).zip(&all).map(|(rank, (_, _, slot, generation))| (*slot, *generation, rank)).collect();
        by_slot.sort_unstable();
        let _changing = write(&self.order.ranks);
        for of_page in by_slot.chunk_by(|(a, ..), (b, ..)| page_of(*a) == page_of(*b)) {
            let page = of_page.first().and_then(|(slot, ..)| self.pages.page(page_of(*slot)));
            let Some(page) = page else { continue };
            let mut page = held(&page);
            for &(slot, generation, rank) in of_page {
                if let Some(series) = page.get_mut(super::page::reference(generation, slot)) {
                    series.rank = rank;
                }
            }
        }
        self.order.ordered.store(0, Ordering::Relaxed);
    }
}
