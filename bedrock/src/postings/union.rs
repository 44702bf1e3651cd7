//! The union of many lists, of which only a part is wanted.
//!
//! A regular expression may name thousands of values, and the series that other matchers left are few. Lists are
//! or-ed into bitsets of 65,536 ids (8 KiB, which stay in the L1 cache while one list after the other writes to the
//! same few), and chunks that hold none of the wanted ids are never touched. 0.5 to 1 ns an id.

use super::Ids;

/// Ids of a chunk: those with the same upper 16 bits, as in a roaring container.
const CHUNK_IDS: u32 = 1 << 16;
const CHUNK_WORDS: usize = CHUNK_IDS as usize / 64;

type Chunk = Box<[u64; CHUNK_WORDS]>;

/// Collects lists; see the module.
pub(super) struct Union<'w> {
    within: Option<&'w Ids>,
    /// By the upper 16 bits of the ids; `None` also where nothing came yet.
    chunks: Vec<Option<Chunk>>,
    /// Which chunks are wanted; empty where all are.
    wanted: Vec<bool>,
}

impl<'w> Union<'w> {
    /// Collects the ids of `within`, or all ids.
    pub(super) fn new(within: Option<&'w Ids>) -> Self {
        let mut wanted = Vec::new();
        if let Some(ids) = within {
            let mut iter = ids.iter();
            while let Some(id) = iter.next() {
                let chunk = (id / CHUNK_IDS) as usize;
                wanted.resize(chunk + 1, false);
                wanted[chunk] = true;
                match (id | (CHUNK_IDS - 1)).checked_add(1) {
                    Some(next) => iter.advance_to(next),
                    None => break,
                }
            }
        }
        Union { within, chunks: Vec::new(), wanted }
    }

    /// The bits of a chunk, `None` where none of its ids is wanted.
    #[inline]
    pub(super) fn chunk(&mut self, upper: u16) -> Option<&mut [u64; CHUNK_WORDS]> {
        let index = usize::from(upper);
        if self.within.is_some() && !self.wanted.get(index).is_some_and(|wanted| *wanted) {
            return None;
        }
        if self.chunks.len() <= index {
            self.chunks.resize_with(index + 1, || None);
        }
        Some(self.chunks[index].get_or_insert_with(|| Box::new([0; CHUNK_WORDS])))
    }

    /// Adds one id.
    #[inline]
    pub(super) fn add(&mut self, id: u32) {
        if let Some(chunk) = self.chunk((id / CHUNK_IDS) as u16) {
            set(chunk, id as u16);
        }
    }

    /// Adds a list, in batches: 2 ns an id. `next_many` of roaring 0.12 leaves out a container that is one run of all
    /// 65,536 ids, so lists with runs go id by id.
    pub(super) fn add_ids(&mut self, ids: &Ids) {
        let mut iter = ids.iter();
        if ids.statistics().n_run_containers > 0 {
            iter.for_each(|id| self.add(id));
            return;
        }
        let mut buffer = [0u32; 512];
        loop {
            let mut batch: &[u32] = iter.next_many(&mut buffer);
            if batch.is_empty() {
                return;
            }
            while let Some(&first) = batch.first() {
                let upper = first / CHUNK_IDS;
                let count = batch.partition_point(|id| id / CHUNK_IDS == upper);
                let (same, rest) = batch.split_at(count);
                match self.chunk(upper as u16) {
                    Some(chunk) => same.iter().for_each(|&id| set(chunk, id as u16)),
                    None => {
                        if let Some(next) = (upper + 1).checked_mul(CHUNK_IDS) {
                            iter.advance_to(next);
                        }
                    }
                }
                batch = rest;
            }
        }
    }

    /// The wanted ids that came.
    pub(super) fn finish(self) -> Ids {
        let mut union = Ids::new();
        let mut bytes = [0u8; CHUNK_WORDS * 8];
        for (upper, chunk) in (0u32..).zip(&self.chunks) {
            let Some(chunk) = chunk else { continue };
            for (slot, word) in bytes.chunks_exact_mut(8).zip(chunk.iter()) {
                slot.copy_from_slice(&word.to_le_bytes());
            }
            union |= Ids::from_lsb0_bytes(upper * CHUNK_IDS, &bytes);
        }
        match self.within {
            Some(within) => union & within,
            None => union,
        }
    }
}

#[inline]
pub(super) fn set(chunk: &mut [u64; CHUNK_WORDS], lower: u16) {
    chunk[usize::from(lower / 64)] |= 1 << (lower % 64);
}
