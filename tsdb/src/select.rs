//! Which series a query meets, over head and blocks of one moment.

use std::sync::Arc;

use bedrock::Result;
use bedrock::labels::Labels;
use bedrock::postings::Ids;
use bedrock::series::{Select, SeriesSet, SeriesSource};
use bedrock::time::TimeRange;

use crate::block::Block;
use crate::block::format::PageEntry;
use crate::chunk::Chunk;
use crate::head::HeadView;
use crate::scan::Selection;
use crate::stretch::{StretchNumber, Stretches};
use crate::tombstones::Tombstones;

/// The store as it was at one moment: a view of the head, and the blocks that hold what the head no longer has.
///
/// It stays as it is whatever is appended, flushed, compacted or deleted afterwards; the blocks live as long as it
/// does. Cloning copies three pointers.
#[derive(Clone)]
pub struct Snapshot {
    head: Option<Arc<dyn HeadView>>,
    /// By [`BlockMeta::order`](crate::block::BlockMeta): of two samples with one timestamp that of the later block counts.
    blocks: Arc<[Arc<Block>]>,
    tombstones: Arc<Tombstones>,
}

/// A part of a selected series, in one place.
#[derive(Debug)]
pub(crate) enum Part {
    /// Pages of the block with this position in the snapshot, and the intervals deleted from it.
    Block { block: usize, pages: Vec<PageEntry>, deleted: Vec<TimeRange>, stretch: StretchNumber },
    /// Chunks of the head.
    Head { chunks: Vec<Chunk> },
}

/// A selected series: its labels and where its samples are, the newest part last.
#[derive(Debug)]
pub(crate) struct Selected {
    pub(crate) labels: Labels,
    pub(crate) parts: Vec<Part>,
}

impl Snapshot {
    /// A snapshot of a head, of blocks in any order, and of what is deleted from the blocks.
    pub fn new(
        head: Option<Arc<dyn HeadView>>,
        blocks: impl IntoIterator<Item = Arc<Block>>,
        tombstones: Arc<Tombstones>,
    ) -> Self {
        let mut blocks: Vec<Arc<Block>> = blocks.into_iter().collect();
        blocks.sort_by_key(|block| block.meta().order);
        Snapshot { head, blocks: blocks.into(), tombstones }
    }

    /// The blocks, oldest first.
    pub fn blocks(&self) -> &[Arc<Block>] {
        &self.blocks
    }

    fn overlapping(&self, range: TimeRange) -> impl Iterator<Item = (usize, &Arc<Block>)> {
        self.blocks.iter().enumerate().filter(move |(_, block)| block.meta().range.overlaps(&range))
    }

    /// The selected series of one block, ordered by labels.
    fn select_block(
        &self,
        position: usize,
        block: &Block,
        select: &Select<'_>,
        stretches: &mut Stretches,
    ) -> Result<Vec<Selected>> {
        let ids = block.select(select.matchers)?;
        let tombstones = self.tombstones.of_block(block.meta().id);
        let mut selected = Vec::with_capacity(usize::try_from(ids.len()).unwrap_or(0));
        let mut failed = Ok(());
        block.read_series(&ids, |number, series| {
            let deleted: Vec<TimeRange> = tombstones
                .iter()
                .filter(|tombstone| tombstone.series.contains(number))
                .map(|tombstone| tombstone.range)
                .collect();
            let mut pages = series.pages;
            pages.retain(|page| match block.page_range(page) {
                Ok(range) => range.overlaps(&select.range) && !covered(range, &deleted),
                Err(error) => {
                    failed = Err(error);
                    false
                }
            });
            if !pages.is_empty() {
                let stretch = stretches.add(position, &pages);
                let part = Part::Block { block: position, pages, deleted, stretch };
                selected.push(Selected { labels: series.labels, parts: vec![part] });
            }
        })?;
        failed.map(|()| selected)
    }

    fn select_all(&self, select: &Select<'_>, stretches: &mut Stretches) -> Result<Vec<Selected>> {
        let mut all: Vec<Selected> = Vec::new();
        let mut sources = 0;
        for (position, block) in self.overlapping(select.range) {
            all.append(&mut self.select_block(position, block, select, stretches)?);
            sources += 1;
        }
        if let Some(head) = &self.head {
            sources += 1;
            all.extend(head.select(select)?.into_iter().filter(|series| !series.chunks.is_empty()).map(
                |series| {
                    let part = Part::Head { chunks: series.chunks };
                    Selected { labels: series.labels, parts: vec![part] }
                },
            ));
        }
        if sources > 1 {
            // Stable, and made for runs that are sorted already: a merge of the sources.
            all.sort_by(|a, b| a.labels.cmp(&b.labels));
            all.dedup_by(|later, kept| {
                let same = later.labels == kept.labels;
                if same {
                    kept.parts.append(&mut later.parts);
                }
                same
            });
        }
        Ok(all)
    }

    /// The series of a block that satisfy the matchers and have a page in the range; exact without decoding pages.
    fn numbers_in_range(&self, block: &Block, select: &Select<'_>) -> Result<Ids> {
        let ids = block.select(select.matchers)?;
        let range = block.meta().range;
        let whole = select.range.start <= range.start && range.end <= select.range.end;
        let tombstones = self.tombstones.of_block(block.meta().id);
        if whole && tombstones.is_empty() {
            return Ok(ids);
        }
        let mut found = Ids::new();
        for selected in self.numbered(block, &ids, select.range)? {
            found.insert(selected);
        }
        Ok(found)
    }

    fn numbered(&self, block: &Block, ids: &Ids, range: TimeRange) -> Result<Vec<u32>> {
        let tombstones = self.tombstones.of_block(block.meta().id);
        let mut found = Vec::new();
        let mut failed = Ok(());
        block.read_series(ids, |number, series| {
            let deleted: Vec<TimeRange> = tombstones
                .iter()
                .filter(|tombstone| tombstone.series.contains(number))
                .map(|tombstone| tombstone.range)
                .collect();
            let alive = series.pages.iter().any(|page| match block.page_range(page) {
                Ok(page) => page.overlaps(&range) && !covered(page, &deleted),
                Err(error) => {
                    failed = Err(error);
                    false
                }
            });
            if alive {
                found.push(number);
            }
        })?;
        failed.map(|()| found)
    }
}

/// Whether one of the intervals covers `range`.
fn covered(range: TimeRange, intervals: &[TimeRange]) -> bool {
    intervals.iter().any(|interval| interval.start <= range.start && range.end <= interval.end)
}

/// Merges sorted lists into one of at most `limit`.
fn merge_texts(mut lists: Vec<Vec<String>>, limit: usize) -> Vec<String> {
    let mut merged = match lists.len() {
        1 => lists.swap_remove(0),
        _ => {
            let mut all: Vec<String> = lists.into_iter().flatten().collect();
            all.sort_unstable();
            all.dedup();
            all
        }
    };
    merged.truncate(limit);
    merged
}

impl SeriesSource for Snapshot {
    fn select(&self, select: &Select<'_>) -> Result<Box<dyn SeriesSet + '_>> {
        let mut stretches = Stretches::default();
        let series = self.select_all(select, &mut stretches)?;
        Ok(Box::new(Selection::new(&self.blocks, series, stretches)))
    }

    fn label_names(&self, select: &Select<'_>, limit: usize) -> Result<Vec<String>> {
        let mut lists = Vec::new();
        for (_, block) in self.overlapping(select.range) {
            let ids = self.numbers_in_range(block, select)?;
            lists.push(block.postings().label_names(Some(&ids), limit)?);
        }
        if let Some(head) = &self.head {
            lists.push(head.label_names(select, limit)?);
        }
        Ok(merge_texts(lists, limit))
    }

    fn label_values(&self, name: &str, select: &Select<'_>, limit: usize) -> Result<Vec<String>> {
        let mut lists = Vec::new();
        for (_, block) in self.overlapping(select.range) {
            let ids = self.numbers_in_range(block, select)?;
            lists.push(block.postings().label_values(name, Some(&ids), limit)?);
        }
        if let Some(head) = &self.head {
            lists.push(head.label_values(name, select, limit)?);
        }
        Ok(merge_texts(lists, limit))
    }
}
