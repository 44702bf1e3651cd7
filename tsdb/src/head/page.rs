//! The table of series: pages of 64 slots, one lock each.
//!
//! A reference is `generation << 32 | slot`. Slots are dense, given again when a series is forgotten, and double as the
//! ids of the postings; a generation is never given twice, so that no reference ever means two series. Series that were
//! created together are neighbours: the commit of one scrape of 90 series takes two or three locks.
//!
//! Invariant: locks of pages are taken in ascending order, after the locks of the index and before all others.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::sync::{Arc, Mutex, MutexGuard, RwLock};

use super::series::Series;
use super::sync::{held, read, write};

/// Slots of one page, as a power of two.
pub(crate) const PAGE_SLOT_BITS: u32 = 6;
/// Slots of one page.
pub(crate) const PAGE_SLOTS: usize = 1 << PAGE_SLOT_BITS;

/// The slot that a reference names.
#[inline]
pub(crate) fn slot_of_reference(reference: u64) -> u32 {
    reference as u32
}

/// The page that a slot lies in.
#[inline]
pub(crate) fn page_of(slot: u32) -> u32 {
    slot >> PAGE_SLOT_BITS
}

/// The reference of a slot in a generation.
#[inline]
pub(crate) fn reference(generation: u32, slot: u32) -> u64 {
    u64::from(generation) << 32 | u64::from(slot)
}

/// 64 slots.
#[derive(Debug, Default)]
pub(crate) struct Page {
    slots: Vec<Option<Series>>,
}

impl Page {
    /// The series that a reference names, `None` where it was forgotten.
    #[inline]
    pub(crate) fn get(&self, reference: u64) -> Option<&Series> {
        let series = self.slots.get(reference as usize % PAGE_SLOTS)?.as_ref()?;
        (series.generation == (reference >> 32) as u32).then_some(series)
    }

    /// As [`Page::get`], to change it.
    #[inline]
    pub(crate) fn get_mut(&mut self, reference: u64) -> Option<&mut Series> {
        let series = self.slots.get_mut(reference as usize % PAGE_SLOTS)?.as_mut()?;
        (series.generation == (reference >> 32) as u32).then_some(series)
    }

    /// The series in a slot.
    #[inline]
    pub(crate) fn at(&self, slot: u32) -> Option<&Series> {
        self.slots.get(slot as usize % PAGE_SLOTS)?.as_ref()
    }

    /// Every series with its position in the page.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (usize, &Series)> {
        self.slots.iter().enumerate().filter_map(|(at, series)| Some((at, series.as_ref()?)))
    }

    /// Every series with its position in the page, to change it.
    pub(crate) fn iter_mut(&mut self) -> impl Iterator<Item = (usize, &mut Series)> {
        self.slots.iter_mut().enumerate().filter_map(|(at, series)| Some((at, series.as_mut()?)))
    }

    /// Puts a series into a slot, which is free.
    pub(crate) fn put(&mut self, slot: u32, series: Series) {
        let at = slot as usize % PAGE_SLOTS;
        if self.slots.len() <= at {
            if self.slots.capacity() == 0 {
                self.slots.reserve_exact(PAGE_SLOTS);
            }
            self.slots.resize_with(at + 1, || None);
        }
        if let Some(place) = self.slots.get_mut(at) {
            *place = Some(series);
        }
    }

    /// Frees a slot; a page without series gives its memory back.
    pub(crate) fn take(&mut self, slot: u32) -> Option<Series> {
        let series = self.slots.get_mut(slot as usize % PAGE_SLOTS)?.take();
        if self.slots.iter().all(Option::is_none) {
            self.slots = Vec::new();
        }
        series
    }
}

/// A page that can be shared.
pub(crate) type SharedPage = Arc<Mutex<Page>>;

/// Pages of one part of the directory, as a power of two.
const PART_BITS: u32 = 13;

/// All pages, and which slots are free.
///
/// The directory has two steps, so that a reference that is out of all proportion, as only damage makes it, costs 128 KiB
/// and not the gigabytes that lie before it.
#[derive(Debug, Default)]
pub(crate) struct PageTable {
    parts: RwLock<Vec<Vec<Option<SharedPage>>>>,
    slots: Mutex<Slots>,
}

/// Where a page is in the directory.
fn place_of(page: u32) -> (usize, usize) {
    ((page >> PART_BITS) as usize, (page & ((1 << PART_BITS) - 1)) as usize)
}

fn find(parts: &[Vec<Option<SharedPage>>], page: u32) -> Option<&SharedPage> {
    let (part, at) = place_of(page);
    parts.get(part)?.get(at)?.as_ref()
}

#[derive(Debug, Default)]
struct Slots {
    /// Smallest first, so that full pages stay full.
    free: BinaryHeap<Reverse<u32>>,
    next: u32,
}

impl PageTable {
    /// The page of a number, `None` where there never was one.
    pub(crate) fn page(&self, page: u32) -> Option<SharedPage> {
        find(&read(&self.parts), page).map(Arc::clone)
    }

    /// The pages with the given numbers, which ascend; numbers without a page are left out.
    pub(crate) fn some(&self, numbers: &[u32], out: &mut Vec<(u32, SharedPage)>) {
        let parts = read(&self.parts);
        out.extend(numbers.iter().filter_map(|number| Some((*number, Arc::clone(find(&parts, *number)?)))));
    }

    /// Every page with its number, in order.
    pub(crate) fn all(&self) -> Vec<(u32, SharedPage)> {
        let parts = read(&self.parts);
        let numbered = (0_u32..).zip(parts.iter()).flat_map(|(part, pages)| {
            let pages = (0_u32..).zip(pages).map(move |(at, page)| (part << PART_BITS | at, page));
            pages.filter_map(|(number, page)| Some((number, Arc::clone(page.as_ref()?))))
        });
        numbered.collect()
    }

    /// A free slot and its page.
    pub(crate) fn take_slot(&self) -> (u32, SharedPage) {
        let mut slots = held(&self.slots);
        let slot = match slots.free.pop() {
            Some(Reverse(slot)) => slot,
            None => {
                slots.next = slots.next.saturating_add(1);
                slots.next - 1
            }
        };
        drop(slots);
        (slot, self.page_for(slot))
    }

    /// The page of a slot, made where it is missing.
    pub(crate) fn page_for(&self, slot: u32) -> SharedPage {
        let number = page_of(slot);
        if let Some(page) = self.page(number) {
            return page;
        }
        let (part, at) = place_of(number);
        let mut parts = write(&self.parts);
        if parts.len() <= part {
            parts.resize_with(part + 1, Vec::new);
        }
        let Some(pages) = parts.get_mut(part) else { return SharedPage::default() };
        if pages.len() <= at {
            pages.resize_with(at + 1, || None);
        }
        pages.get_mut(at).map(|page| Arc::clone(page.get_or_insert_default())).unwrap_or_default()
    }

    /// Gives slots back that hold no series any more.
    pub(crate) fn free_slots(&self, freed: impl IntoIterator<Item = u32>) {
        held(&self.slots).free.extend(freed.into_iter().map(Reverse));
    }

    /// Says that the series of a recovered head are all in place: what is empty in their pages is free.
    pub(crate) fn recovered(&self) {
        let mut slots = held(&self.slots);
        slots.free.clear();
        slots.next = 0;
        let mut empty = Vec::new();
        for (number, page) in self.all() {
            let page = held(&page);
            for at in 0..PAGE_SLOTS as u32 {
                let slot = number << PAGE_SLOT_BITS | at;
                match page.at(slot) {
                    Some(_) => {
                        slots.next = slot.saturating_add(1);
                        slots.free.extend(empty.drain(..).map(Reverse));
                    }
                    None => empty.push(slot),
                }
            }
        }
    }
}

/// Pages that a commit holds the locks of, in ascending order.
pub(crate) struct HeldPages<'a> {
    pages: Vec<(u32, MutexGuard<'a, Page>)>,
    /// The page of the last lookup: neighbours ask for the same one.
    last: usize,
}

impl<'a> HeldPages<'a> {
    /// Takes the locks of `pages`, whose numbers ascend.
    pub(crate) fn lock(pages: &'a [(u32, SharedPage)]) -> Self {
        HeldPages { pages: pages.iter().map(|(number, page)| (*number, held(page))).collect(), last: 0 }
    }

    /// The page that a slot lies in.
    #[inline]
    pub(crate) fn page(&mut self, slot: u32) -> Option<&mut Page> {
        let wanted = page_of(slot);
        if self.pages.get(self.last).is_none_or(|(number, _)| *number != wanted) {
            self.last = self.pages.binary_search_by_key(&wanted, |(number, _)| *number).ok()?;
        }
        self.pages.get_mut(self.last).map(|(_, page)| &mut **page)
    }
}
