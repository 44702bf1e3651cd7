//! From the parts of a selected series to columns.
//!
//! Three ways, from the quickest:
//!
//! | the series has | timestamps | cost a sample |
//! |---|---|---|
//! | columnar pages that do not overlap | decoded once per selection for all series with the same time pages | 1 to 2 ns |
//! | chunks that do not overlap | decoded each time; equal columns end up as one allocation | 3 ns |
//! | parts that overlap | sorted, the newest of equal timestamps stays | 20 ns |

use std::hash::{Hash, Hasher};
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use bedrock::labels::Labels;
use bedrock::series::{FloatColumns, SeriesColumns, SeriesSet};
use bedrock::time::TimeRange;
use bedrock::{Error, Result};
use rustc_hash::{FxHashMap, FxHasher};

use crate::block::Block;
use crate::block::format::{PageKind, Place};
use crate::block::page::{Content, Scratch};
use crate::block::samples::SeriesSamples;
use crate::chunk::{Chunk, ChunkKind, FloatSamples, HistogramSamples};
use crate::head::held;
use crate::select::{Part, Selected};
use crate::stretch::Stretches;

/// Timestamps kept for sharing, in bytes: beyond, what is kept is forgotten and starts again.
const SHARED_BYTES_MAX: usize = 64 << 20;

/// Selected series over the blocks of a snapshot.
pub(crate) struct Selection<'a> {
    blocks: &'a [Arc<Block>],
    series: Vec<Selected>,
    stretches: Stretches,
    shared: SharedTimes,
    /// Memory that is not in use by a read.
    buffers: Mutex<Vec<Buffers>>,
}

/// What a read needs, and the next one again.
#[derive(Debug, Default)]
struct Buffers {
    scratch: Scratch,
    /// The time pages of a series.
    key: TimesKey,
    /// What parts that are no value pages hold.
    samples: SeriesSamples,
}

impl<'a> Selection<'a> {
    /// Series ordered by labels, whose parts name positions in `blocks`.
    pub(crate) fn new(blocks: &'a [Arc<Block>], series: Vec<Selected>, stretches: Stretches) -> Self {
        Selection { blocks, series, stretches, shared: SharedTimes::default(), buffers: Mutex::default() }
    }

    fn block(&self, position: usize) -> Result<&Block> {
        self.blocks.get(position).map(|block| &**block).ok_or_else(|| Error::Invalid {
            what: "position of a block",
            problem: format!("{position} of {}", self.blocks.len()),
        })
    }

    /// Whether all pages of a series in a range are value pages that ascend; then `key` names their time pages.
    fn is_plain(&self, parts: &[Part], range: TimeRange, key: &mut TimesKey) -> Result<bool> {
        key.begin(range);
        let mut last = None;
        for part in parts {
            let Part::Block { block: position, pages, deleted, .. } = part else { return Ok(false) };
            let block = self.block(*position)?;
            for page in pages {
                let covers = block.page_range(page)?;
                if !covers.overlaps(&range) {
                    continue;
                }
                let PageKind::Values { times, .. } = page.kind else { return Ok(false) };
                let touched = deleted.iter().any(|interval| interval.overlaps(&covers));
                if touched || last.is_some_and(|last| covers.start <= last) {
                    return Ok(false);
                }
                last = Some(covers.end);
                key.push(*position, times);
            }
        }
        Ok(true)
    }

    /// Reads the value pages that `key` was made of.
    fn read_values(
        &self,
        parts: &[Part],
        (range, content): (TimeRange, Content),
        columns: &mut SeriesColumns,
        buffers: &mut Buffers,
    ) -> Result<()> {
        let Buffers { scratch, key, .. } = buffers;
        let FloatColumns { timestamps_ms, values, start_timestamps_ms } = &mut columns.floats;
        values.clear();
        start_timestamps_ms.clear();
        let column = self.shared.pages(key, |pages| self.read_times(pages, range, &mut scratch.integers))?;
        values.reserve(column.timestamps_ms.len());
        let mut wanted = column.wanted.iter();
        for part in parts {
            let Part::Block { block: position, pages, stretch, .. } = part else { continue };
            let block = self.block(*position)?;
            let mut bytes = None;
            for page in pages {
                if !block.page_range(page)?.overlaps(&range) {
                    continue;
                }
                let Some(wanted) = wanted.next() else { continue };
                let mut decode = |bytes: &[u8]| {
                    let wanted = (wanted.clone(), content);
                    block.decode_values(page, bytes, wanted, scratch, values, start_timestamps_ms)
                };
                let in_file = match &page.place {
                    Place::Inline(bytes) => {
                        decode(bytes)?;
                        continue;
                    }
                    Place::File(page) => *page,
                };
                match bytes.get_or_insert_with(|| self.stretches.bytes(*stretch, block)) {
                    Some((start, bytes)) => decode(block.page_within(in_file, *start, bytes)?)?,
                    None => decode(&block.read_page(in_file)?)?,
                }
            }
        }
        *timestamps_ms = Arc::clone(&column.timestamps_ms);
        Ok(())
    }

    /// Reads a series; values only where `content` says so.
    fn read_series(
        &self,
        index: usize,
        (range, content): (TimeRange, Content),
        columns: &mut SeriesColumns,
    ) -> Result<()> {
        let series = &self.series[index];
        columns.histograms.timestamps_ms.clear();
        columns.histograms.values.clear();
        columns.histograms.start_timestamps_ms.clear();
        let mut buffers = held(&self.buffers).pop().unwrap_or_default();
        if self.is_plain(&series.parts, range, &mut buffers.key)? {
            let read = self.read_values(&series.parts, (range, content), columns, &mut buffers);
            held(&self.buffers).push(buffers);
            return read;
        }
        self.read_any(&series.parts, range, &mut buffers)?;
        let SeriesSamples { floats, histograms } = &mut buffers.samples;
        let FloatSamples { timestamps_ms, values, start_timestamps_ms } = floats;
        columns.floats.timestamps_ms = self.shared.column(timestamps_ms);
        std::mem::swap(&mut columns.floats.values, values);
        std::mem::swap(&mut columns.floats.start_timestamps_ms, start_timestamps_ms);
        let HistogramSamples { timestamps_ms, values, start_timestamps_ms } = histograms;
        std::mem::swap(&mut columns.histograms.timestamps_ms, timestamps_ms);
        std::mem::swap(&mut columns.histograms.values, values);
        std::mem::swap(&mut columns.histograms.start_timestamps_ms, start_timestamps_ms);
        held(&self.buffers).push(buffers);
        Ok(())
    }

    /// The timestamps of some time pages in a range, and which positions of each page they have.
    fn read_times(
        &self,
        pages: &[(u32, u32)],
        range: TimeRange,
        scratch: &mut Vec<i64>,
    ) -> Result<TimeColumn> {
        let mut column = TimeColumn::default();
        let mut timestamps_ms = Vec::new();
        for &(position, number) in pages {
            let base = timestamps_ms.len();
            self.block(position as usize)?.read_times(number, scratch, &mut timestamps_ms)?;
            let page = timestamps_ms.get(base..).unwrap_or(&[]);
            let from = page.partition_point(|time_ms| *time_ms < range.start);
            let to = page.partition_point(|time_ms| *time_ms <= range.end).max(from);
            timestamps_ms.truncate(base + to);
            timestamps_ms.drain(base..base + from);
            column.wanted.push(from..to);
        }
        column.timestamps_ms = Arc::new(timestamps_ms);
        Ok(column)
    }

    /// Reads parts of any kind into one column each.
    fn read_any(&self, parts: &[Part], range: TimeRange, buffers: &mut Buffers) -> Result<()> {
        let Buffers { scratch, samples: all, .. } = buffers;
        all.clear();
        for part in parts {
            match part {
                Part::Head { chunks } => decode_chunks(chunks, range, all)?,
                Part::Block { block, pages, deleted, .. } => {
                    let block = self.block(*block)?;
                    let mut wanted = Vec::with_capacity(pages.len());
                    for page in pages {
                        if block.page_range(page)?.overlaps(&range) {
                            wanted.push(page.clone());
                        }
                    }
                    let (floats, histograms) = (all.floats.len(), all.histograms.len());
                    block.decode_series(&wanted, scratch, all)?;
                    if !deleted.is_empty() {
                        all.delete(floats, histograms, deleted);
                    }
                }
            }
        }
        all.sort();
        all.cut(range);
        Ok(())
    }
}

impl SeriesSet for Selection<'_> {
    fn len(&self) -> usize {
        self.series.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        &self.series[index].labels
    }

    fn read(&self, index: usize, range: TimeRange, columns: &mut SeriesColumns) -> Result<()> {
        self.read_series(index, (range, Content::Values), columns)
    }

    fn read_presence(&self, index: usize, range: TimeRange, columns: &mut SeriesColumns) -> Result<()> {
        self.read_series(index, (range, Content::Presence), columns)
    }
}

/// Appends the samples of the chunks that overlap `range`.
fn decode_chunks(chunks: &[Chunk], range: TimeRange, out: &mut SeriesSamples) -> Result<()> {
    for chunk in chunks {
        if chunk.max_time_ms < range.start || chunk.min_time_ms > range.end {
            continue;
        }
        let decoded = match chunk.kind() {
            Ok(ChunkKind::Float) => chunk.decode_floats(&mut out.floats),
            Ok(ChunkKind::Histogram) => chunk.decode_histograms(&mut out.histograms),
            Err(error) => Err(error),
        };
        decoded.map_err(|error| {
            Error::corrupt("head", error.offset as u64, error.what, "a chunk of the head", "damage")
        })?;
    }
    Ok(())
}

/// The time pages of a series in a range, as pairs of a block's position and the number of a page.
#[derive(Debug, Default)]
struct TimesKey {
    /// The range in four words, then the pages.
    words: Vec<(u32, u32)>,
}

impl TimesKey {
    /// Words that the range takes.
    const RANGE_WORDS: usize = 2;

    fn begin(&mut self, range: TimeRange) {
        self.words.clear();
        self.words.extend([range.start, range.end].map(|time_ms| ((time_ms >> 32) as u32, time_ms as u32)));
    }

    fn push(&mut self, block: usize, page: u32) {
        self.words.push((block as u32, page));
    }

    fn pages(&self) -> &[(u32, u32)] {
        self.words.get(Self::RANGE_WORDS..).unwrap_or(&[])
    }
}

/// The timestamps of a series' pages inside a range.
#[derive(Debug, Default)]
struct TimeColumn {
    timestamps_ms: Arc<Vec<i64>>,
    /// By page: the positions that lie in the range.
    wanted: Vec<Range<usize>>,
}

/// Timestamps that several series of a selection have in common, one allocation each.
#[derive(Debug, Default)]
struct SharedTimes {
    state: RwLock<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    /// By [`TimesKey`].
    by_pages: FxHashMap<Box<[(u32, u32)]>, Arc<TimeColumn>>,
    /// By hash of the column, for columns that came out of chunks.
    by_column: FxHashMap<u64, Arc<Vec<i64>>>,
    bytes: usize,
}

impl Shared {
    fn make_room(&mut self, column: &[i64]) {
        self.bytes += size_of_val(column);
        if self.bytes > SHARED_BYTES_MAX {
            *self = Shared { bytes: size_of_val(column), ..Shared::default() };
        }
    }
}

impl SharedTimes {
    fn pages(
        &self,
        key: &TimesKey,
        decode: impl FnOnce(&[(u32, u32)]) -> Result<TimeColumn>,
    ) -> Result<Arc<TimeColumn>> {
        let words = key.words.as_slice();
        let known = self.state.read().unwrap_or_else(PoisonError::into_inner).by_pages.get(words).cloned();
        if let Some(known) = known {
            return Ok(known);
        }
        let column = Arc::new(decode(key.pages())?);
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.make_room(&column.timestamps_ms);
        Ok(Arc::clone(state.by_pages.entry(words.into()).or_insert(column)))
    }

    fn column(&self, column: &[i64]) -> Arc<Vec<i64>> {
        let mut hasher = FxHasher::default();
        column.hash(&mut hasher);
        let hash = hasher.finish();
        let known = self.state.read().unwrap_or_else(PoisonError::into_inner).by_column.get(&hash).cloned();
        if let Some(known) = known
            && *known == column
        {
            return known;
        }
        let column = Arc::new(column.to_vec());
        let mut state = self.state.write().unwrap_or_else(PoisonError::into_inner);
        state.make_room(&column);
        state.by_column.insert(hash, Arc::clone(&column));
        column
    }
}
