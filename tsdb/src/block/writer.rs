//! Writes a block: series in the order of their labels, then [`BlockWriter::finish`].
//!
//! Memory: the index of the block, and one page; pages stream to the disk.

use std::path::Path;
use std::sync::Arc;

use bedrock::block::{FileKind, FileWriter, Page, block_name};
use bedrock::disk::Disk;
use bedrock::labels::Labels;
use bedrock::time::TimeRange;
use bedrock::{Error, Result};

use super::format::{self, BlockMeta, INLINE_BYTES_MAX, PAGE_BYTES_MAX, PageEntry, PageKind, Place, VERSION};
use super::page::{self, Scratch};
use super::samples::SeriesSamples;
use super::series::SeriesWriter;
use super::times::{TimePages, page_ends};
use crate::chunk::{Chunk, ChunkKind, FloatSamples, HistogramSamples, OpenFloats, OpenHistograms};

/// The file of pages inside a block.
pub(crate) const SAMPLES_FILE: &str = "samples";
/// The one section of that file.
pub(super) const PAGES_SECTION: &str = "pages";
/// The file of sections inside a block.
pub(crate) const INDEX_FILE: &str = "index";
/// The tag of the file of pages.
pub(super) const SAMPLES_KIND: FileKind = FileKind { tag: *b"TSSA", version: VERSION };
/// The tag of the file of sections.
pub(super) const INDEX_KIND: FileKind = FileKind { tag: *b"TSIX", version: VERSION };
/// Samples of one chunk that a writer makes itself.
pub(crate) const CHUNK_SAMPLES: usize = 120;

/// A block on its way to the disk.
///
/// ```
/// use std::path::Path;
/// use std::sync::Arc;
/// use bedrock::block::block_name;
/// use bedrock::disk::{Disk, MemDisk};
/// use bedrock::labels::Labels;
/// use tsdb::block::{Block, BlockWriter};
/// use tsdb::chunk::OpenFloats;
///
/// let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
/// let path = Path::new("blocks").join(block_name(1));
/// let mut open = OpenFloats::new();
/// open.append(15_000, 1.0, 0);
/// let chunk = open.seal().expect("one sample");
/// let mut writer = BlockWriter::create(&disk, &path, 1, 1, 0)?;
/// writer.add_chunks(&Labels::from_pairs([("__name__", "up")])?, &[chunk])?;
/// writer.finish()?;
/// assert_eq!(Block::open(&*disk, &path)?.meta().samples, 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// Dropped before [`BlockWriter::finish`] it leaves a temporary directory, which the
/// next open removes.
pub struct BlockWriter<'a> {
    block: bedrock::block::BlockWriter<'a>,
    file: FileWriter,
    series: SeriesWriter,
    times: TimePages,
    last: Option<Labels>,
    meta: BlockMeta,
    scratch: Scratch,
    page: Vec<u8>,
    check: Vec<f64>,
}

impl<'a> BlockWriter<'a> {
    /// Starts a block at `path`, which ends in the [`block_name`] of `id`; see [`BlockMeta`] for order and level.
    ///
    /// # Errors
    ///
    /// Where the path has another name, or the disk refuses.
    pub fn create(disk: &'a Arc<dyn Disk>, path: &Path, id: u64, order: u64, level: u8) -> Result<Self> {
        if path.file_name().is_none_or(|name| name != block_name(id).as_str()) {
            let problem = format!("{} does not end in {}", path.display(), block_name(id));
            return Err(Error::Invalid { what: "path of a block", problem });
        }
        let blocks = path.parent().unwrap_or(Path::new(""));
        let block = bedrock::block::BlockWriter::create(&**disk, blocks, id)?;
        let mut file = block.file(SAMPLES_FILE, SAMPLES_KIND)?;
        file.begin(PAGES_SECTION)?;
        let range = TimeRange::new(i64::MAX, i64::MIN);
        Ok(BlockWriter {
            block,
            file,
            series: SeriesWriter::default(),
            times: TimePages::default(),
            last: None,
            meta: BlockMeta { id, order, level, range, series: 0, samples: 0, float_samples: 0 },
            scratch: Scratch::default(),
            page: Vec::new(),
            check: Vec::new(),
        })
    }

    /// Adds a series with its chunks as they are: a level-0 block. Chunks that overlap in time are merged first; of
    /// two samples with one timestamp that of the later chunk stays.
    ///
    /// # Errors
    ///
    /// Where the disk refuses, a chunk that has to be merged is damaged, or the labels do not ascend.
    pub fn add_chunks(&mut self, labels: &Labels, chunks: &[Chunk]) -> Result<()> {
        if chunks.is_empty() {
            return Ok(());
        }
        if !chunks.is_sorted_by(|a, b| a.max_time_ms < b.min_time_ms) {
            let merged = merge(chunks)?;
            return self.write_chunks(labels, &merged);
        }
        self.write_chunks(labels, chunks)
    }

    /// Adds a series in columnar pages: a compacted block. The samples ascend in time.
    ///
    /// # Errors
    ///
    /// Where the disk refuses or the labels do not ascend.
    pub fn add_columns(
        &mut self,
        labels: &Labels,
        floats: &FloatSamples,
        histograms: &HistogramSamples,
    ) -> Result<()> {
        let mut entries = Vec::new();
        let offset = self.file.offset();
        let mut start = 0;
        for end in page_ends(&floats.timestamps_ms) {
            let starts = floats.start_timestamps_ms.get(start..end).unwrap_or(&[]);
            let (Some(times), Some(values)) =
                (floats.timestamps_ms.get(start..end), floats.values.get(start..end))
            else {
                break;
            };
            entries.push(self.write_columns(times, values, starts)?);
            start = end;
        }
        for chunk in histogram_chunks(histograms) {
            entries.push(self.write_chunk(&chunk, ChunkKind::Histogram)?);
        }
        self.meta.samples += floats.len() as u64 + histograms.len() as u64;
        self.meta.float_samples += floats.len() as u64;
        self.push(labels, &entries, offset)
    }

    fn write_chunks(&mut self, labels: &Labels, chunks: &[Chunk]) -> Result<()> {
        let mut entries = Vec::with_capacity(chunks.len());
        let offset = self.file.offset();
        for chunk in chunks {
            let kind = chunk.kind().map_err(chunk_error)?;
            entries.push(self.write_chunk(chunk, kind)?);
            self.meta.samples += u64::from(chunk.count);
            if kind == ChunkKind::Float {
                self.meta.float_samples += u64::from(chunk.count);
            }
        }
        self.push(labels, &entries, offset)
    }

    fn write_chunk(&mut self, chunk: &Chunk, kind: ChunkKind) -> Result<PageEntry> {
        let &Chunk { min_time_ms, max_time_ms, count, .. } = chunk;
        self.cover(min_time_ms, max_time_ms);
        let place = Place::File(write_page(&mut self.file, &chunk.data)?);
        Ok(PageEntry { kind: PageKind::Chunk { kind, min_time_ms, max_time_ms, count }, place })
    }

    /// Writes one page of values, and proves that it gives back what went in.
    fn write_columns(&mut self, times: &[i64], values: &[f64], starts: &[i64]) -> Result<PageEntry> {
        if let (Some(&first), Some(&last)) = (times.first(), times.last()) {
            self.cover(first, last);
        }
        let times = self.times.find_or_write(times, &mut self.scratch, &mut self.file)?;
        self.page.clear();
        page::encode_floats(values, &mut self.scratch, &mut self.page);
        let floats_length = self.page.len() as u32;
        self.check.clear();
        let decoded = page::decode_floats(
            &self.page,
            values.len(),
            0..values.len(),
            page::Content::Values,
            &mut self.scratch,
            &mut self.check,
        );
        let same = self.check.iter().map(|v| v.to_bits()).eq(values.iter().map(|v| v.to_bits()));
        assert!(decoded.is_ok() && same, "a page that was just encoded gives its values back");
        if starts.iter().any(|&start| start != 0) {
            page::encode_integers(starts, &mut self.scratch, &mut self.page);
        }
        let place = if self.page.len() <= INLINE_BYTES_MAX {
            Place::Inline(self.page.as_slice().into())
        } else {
            Place::File(write_page(&mut self.file, &self.page)?)
        };
        Ok(PageEntry { kind: PageKind::Values { times, floats_length }, place })
    }

    fn cover(&mut self, first_ms: i64, last_ms: i64) {
        let range = &mut self.meta.range;
        *range = TimeRange::new(range.start.min(first_ms), range.end.max(last_ms));
    }

    fn push(&mut self, labels: &Labels, entries: &[PageEntry], offset: u64) -> Result<()> {
        if entries.is_empty() {
            return Ok(());
        }
        if self.last.as_ref().is_some_and(|last| last >= labels) {
            let problem = format!("{labels} does not follow {:?}", self.last);
            return Err(Error::Invalid { what: "order of series in a block", problem });
        }
        self.last = Some(labels.clone());
        self.meta.series += 1;
        self.series.push(labels, entries, offset)
    }

    /// Makes the block durable under its name. `None` where no series was added: then nothing is left on disk.
    ///
    /// # Errors
    ///
    /// Where the disk refuses; a temporary directory may be left.
    pub fn finish(self) -> Result<Option<BlockMeta>> {
        if self.meta.series == 0 {
            drop(self.file);
            self.block.abandon()?;
            return Ok(None);
        }
        self.file.finish()?;
        let mut meta = Vec::new();
        self.meta.write(&mut meta);
        let mut times = Vec::new();
        format::write_times(self.times.table(), &mut times);
        let mut index = self.block.file(INDEX_FILE, INDEX_KIND)?;
        index.section("meta", &meta)?;
        index.section("times", &times)?;
        self.series.finish(&mut index)?;
        index.finish()?;
        self.block.publish()?;
        Ok(Some(self.meta))
    }
}

/// Brings chunks that overlap into ascending ones.
fn merge(chunks: &[Chunk]) -> Result<Vec<Chunk>> {
    let mut samples = SeriesSamples::default();
    for chunk in chunks {
        let decoded = match chunk.kind() {
            Ok(ChunkKind::Float) => chunk.decode_floats(&mut samples.floats),
            Ok(ChunkKind::Histogram) => chunk.decode_histograms(&mut samples.histograms),
            Err(error) => Err(error),
        };
        decoded.map_err(chunk_error)?;
    }
    samples.sort();
    let mut merged = float_chunks(&samples.floats);
    merged.extend(histogram_chunks(&samples.histograms));
    merged.sort_by_key(|chunk| chunk.min_time_ms);
    Ok(merged)
}

fn chunk_error(error: crate::chunk::ChunkError) -> Error {
    Error::corrupt("head", error.offset as u64, error.what, "a chunk of the head", "damage")
}

/// Floats as chunks of [`CHUNK_SAMPLES`].
fn float_chunks(floats: &FloatSamples) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut open = OpenFloats::new();
    for (index, (&time_ms, &value)) in floats.timestamps_ms.iter().zip(&floats.values).enumerate() {
        open.append(time_ms, value, floats.start_timestamps_ms.get(index).copied().unwrap_or(0));
        if open.len() == CHUNK_SAMPLES {
            chunks.extend(std::mem::take(&mut open).seal());
        }
    }
    chunks.extend(open.seal());
    chunks
}

/// Histograms as chunks of [`CHUNK_SAMPLES`].
fn histogram_chunks(histograms: &HistogramSamples) -> Vec<Chunk> {
    let mut chunks = Vec::new();
    let mut open = OpenHistograms::new();
    for (index, (&time_ms, value)) in histograms.timestamps_ms.iter().zip(&histograms.values).enumerate() {
        open.append(time_ms, value, histograms.start_timestamps_ms.get(index).copied().unwrap_or(0));
        if open.len() == CHUNK_SAMPLES {
            chunks.extend(std::mem::take(&mut open).seal());
        }
    }
    chunks.extend(open.seal());
    chunks
}

/// Appends a page to the file of pages.
pub(super) fn write_page(file: &mut FileWriter, bytes: &[u8]) -> Result<Page> {
    if bytes.len() > PAGE_BYTES_MAX {
        let (max, found) = (PAGE_BYTES_MAX as u64, bytes.len() as u64);
        return Err(Error::Limit { what: "bytes of a page", max, found });
    }
    file.page(bytes)
}
