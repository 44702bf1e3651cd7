//! Reads a block: its index at open, pages when they are asked for.

use std::ops::Range;
use std::path::{Path, PathBuf};

use bedrock::block::{BlockFile, Page};
use bedrock::codec::{ByteReader, DecodeError};
use bedrock::disk::Disk;
use bedrock::labels::{Matcher, Symbols};
use bedrock::postings::{Ids, PostingsReader};
use bedrock::time::TimeRange;
use bedrock::{Error, Result};
use bytes::Bytes;

use super::format::{self, BlockMeta, PageEntry, PageKind, Place, TimePage};
use super::page::{self, Content, Scratch};
use super::samples::SeriesSamples;
use super::series::{BlockSeries, SeriesTable};
use super::writer::{INDEX_FILE, INDEX_KIND, SAMPLES_FILE, SAMPLES_KIND};
use crate::chunk::{self, ChunkKind, FloatSamples};

/// An open block. It stays readable for as long as it lives, also when its files are unlinked.
#[derive(Debug)]
pub struct Block {
    path: PathBuf,
    meta: BlockMeta,
    symbols: Symbols,
    series: SeriesTable,
    /// Where the section of series starts in the index.
    series_offset: u64,
    times: Vec<TimePage>,
    postings: PostingsReader,
    index: BlockFile,
    samples: BlockFile,
}

impl Block {
    /// Opens the block in the directory `path` and checks its index. O(bytes of the index), about 10 GB/s; the index
    /// is mapped, pages are read when they are asked for.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the files are not there, [`Error::Corrupt`] where the index does not check out,
    /// [`Error::Version`] where it is of a later version.
    pub fn open(disk: &dyn Disk, path: &Path) -> Result<Self> {
        let index = BlockFile::open(disk, &path.join(INDEX_FILE), INDEX_KIND)?;
        let section = |name| Ok::<_, Error>((index.locate(name)?.offset, index.map_section(name)?));
        let in_file = |offset| move |error: DecodeError| error.in_file(path.join(INDEX_FILE), offset);
        let (offset, bytes) = section("meta")?;
        let meta = BlockMeta::read(&mut ByteReader::new(&bytes)).map_err(in_file(offset))?;
        let (offset, bytes) = section("times")?;
        let times = format::read_times(&bytes).map_err(in_file(offset))?;
        let (offset, bytes) = section("symbols")?;
        let symbols = Symbols::open(&bytes).map_err(in_file(offset))?;
        let (series_offset, bytes) = section("series")?;
        let series = SeriesTable::open(&bytes).map_err(in_file(series_offset))?;
        let (offset, bytes) = section("postings")?;
        let postings = PostingsReader::open(bytes, index.path(), offset)?;
        let samples = BlockFile::open(disk, &path.join(SAMPLES_FILE), SAMPLES_KIND)?;
        Ok(Block {
            path: path.to_owned(),
            meta,
            symbols,
            series,
            series_offset,
            times,
            postings,
            samples,
            index,
        })
    }

    /// What the block says about itself.
    pub fn meta(&self) -> &BlockMeta {
        &self.meta
    }

    /// Its size on disk in bytes.
    pub fn bytes(&self) -> u64 {
        self.index.bytes() + self.samples.bytes()
    }

    /// The directory of the block.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Number of series: they are numbered from 0 on.
    pub(crate) fn series_count(&self) -> u32 {
        u32::try_from(self.meta.series).unwrap_or(u32::MAX)
    }

    /// Reads both files to the last byte: every section that does not match its checksum.
    pub(crate) fn damages(&self) -> Vec<Error> {
        self.index.verify().into_iter().chain(self.samples.verify()).map(|damage| damage.error).collect()
    }

    /// The label index.
    pub(crate) fn postings(&self) -> &PostingsReader {
        &self.postings
    }

    /// The numbers of the series that satisfy all matchers, in the order of their labels.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Result<Ids> {
        self.postings.select_with(matchers, |number, matcher| {
            let value = self.series.label(number, matcher.name(), &self.symbols);
            let value = value.map_err(|error| self.in_series(error))?;
            Ok(matcher.matches(value.unwrap_or("")))
        })
    }

    fn in_series(&self, error: DecodeError) -> Error {
        error.in_file(self.path.join(INDEX_FILE), self.series_offset)
    }

    /// Decodes the entries of the series with these numbers, which ascend.
    pub(crate) fn read_series(
        &self,
        numbers: impl IntoIterator<Item = u32>,
        found: impl FnMut(u32, BlockSeries),
    ) -> Result<()> {
        let read = self.series.read(numbers, &self.symbols, found);
        read.map_err(|error| self.in_series(error))
    }

    /// From the first to the last sample of a page.
    pub(crate) fn page_range(&self, page: &PageEntry) -> Result<TimeRange> {
        match page.kind {
            PageKind::Chunk { min_time_ms, max_time_ms, .. } => Ok(TimeRange::new(min_time_ms, max_time_ms)),
            PageKind::Values { times, .. } => {
                let times = self.time_page(times)?;
                Ok(TimeRange::new(times.min_time_ms, times.max_time_ms))
            }
        }
    }

    /// Number of samples of a page.
    pub(crate) fn page_samples(&self, page: &PageEntry) -> Result<usize> {
        match page.kind {
            PageKind::Chunk { count, .. } => Ok(usize::from(count)),
            PageKind::Values { times, .. } => Ok(self.time_page(times)?.count as usize),
        }
    }

    fn time_page(&self, number: u32) -> Result<&TimePage> {
        self.times.get(number as usize).ok_or_else(|| {
            let expected = format!("below {}", self.times.len());
            let index = self.path.join(INDEX_FILE);
            Error::corrupt(index, self.series_offset, "time page of a series", expected, number.to_string())
        })
    }

    /// Appends the timestamps of a time page to `out`.
    pub(crate) fn read_times(&self, number: u32, scratch: &mut Vec<i64>, out: &mut Vec<i64>) -> Result<()> {
        let times = *self.time_page(number)?;
        let bytes = self.samples.page(times.page)?;
        let count = times.count as usize;
        page::decode_some_integers(&bytes, count, 0..count, scratch, |time_ms| time_ms, out)
            .map_err(|error| error.in_file(self.samples.path(), times.page.offset))
    }

    /// Reads a stretch of the file of pages, for [`Block::page_within`].
    pub(crate) fn read_stretch(&self, offset: u64, bytes: usize) -> Result<Bytes> {
        self.samples.read_at(offset, bytes)
    }

    /// A page out of a stretch that was read from `start` on.
    pub(crate) fn page_within<'b>(&self, page: Page, start: u64, stretch: &'b [u8]) -> Result<&'b [u8]> {
        self.samples.page_within(page, start, stretch)
    }

    /// Reads one page by itself.
    pub(crate) fn read_page(&self, page: Page) -> Result<Bytes> {
        self.samples.page(page)
    }

    /// Reads pages of one series; those that lie side by side in the file are read at once.
    pub(crate) fn read_pages(&self, pages: &[PageEntry]) -> Result<Vec<Bytes>> {
        let in_file: Vec<Page> = pages.iter().filter_map(PageEntry::in_file).collect();
        let mut read = self.samples.pages(&in_file)?.into_iter();
        let bytes = |page: &PageEntry| match &page.place {
            Place::Inline(bytes) => Some(Bytes::copy_from_slice(bytes)),
            Place::File(_) => read.next(),
        };
        Ok(pages.iter().map_while(bytes).collect())
    }

    fn corrupt(
        &self,
        offset: u64,
        what: &'static str,
        expected: impl Into<String>,
        found: impl Into<String>,
    ) -> Error {
        Error::corrupt(self.samples.path(), offset, what, expected, found)
    }

    /// Appends the values of a value page at the positions `wanted` to `values`, and its start timestamps to `starts`
    /// where it has any.
    pub(crate) fn decode_values(
        &self,
        page: &PageEntry,
        bytes: &[u8],
        (wanted, content): (Range<usize>, Content),
        scratch: &mut Scratch,
        values: &mut Vec<f64>,
        starts: &mut Vec<i64>,
    ) -> Result<()> {
        let PageKind::Values { floats_length, .. } = page.kind else { return Ok(()) };
        let count = self.page_samples(page)?;
        let base = values.len();
        let in_file = |error: DecodeError| error.in_file(self.samples.path(), page_offset(page));
        let (floats, start_bytes) = bytes.split_at_checked(floats_length as usize).unwrap_or((bytes, &[]));
        let length = wanted.len();
        page::decode_floats(floats, count, wanted.clone(), content, scratch, values).map_err(in_file)?;
        if start_bytes.is_empty() && starts.is_empty() {
            return Ok(());
        }
        starts.resize(base, 0);
        if start_bytes.is_empty() {
            starts.resize(base + length, 0);
            return Ok(());
        }
        page::decode_some_integers(start_bytes, count, wanted, &mut scratch.integers, |start| start, starts)
            .map_err(in_file)
    }

    /// Appends the samples of any page to `out`.
    pub(crate) fn decode_page(
        &self,
        page: &PageEntry,
        bytes: &[u8],
        scratch: &mut Scratch,
        out: &mut SeriesSamples,
    ) -> Result<()> {
        match page.kind {
            PageKind::Chunk { kind, count, .. } => {
                let before = out.floats.len() + out.histograms.len();
                let decoded = match kind {
                    ChunkKind::Float => chunk::decode_floats(bytes, &mut out.floats),
                    ChunkKind::Histogram => chunk::decode_histograms(bytes, &mut out.histograms),
                };
                let offset = page_offset(page);
                decoded.map_err(|error| {
                    self.corrupt(offset + error.offset as u64, error.what, "a chunk", "damage")
                })?;
                let found = out.floats.len() + out.histograms.len() - before;
                if found != usize::from(count) {
                    return Err(self.corrupt(
                        offset,
                        "samples of chunk",
                        count.to_string(),
                        found.to_string(),
                    ));
                }
                Ok(())
            }
            PageKind::Values { times, .. } => {
                let FloatSamples { timestamps_ms, values, start_timestamps_ms } = &mut out.floats;
                self.read_times(times, &mut scratch.integers, timestamps_ms)?;
                let all = (0..self.page_samples(page)?, Content::Values);
                self.decode_values(page, bytes, all, scratch, values, start_timestamps_ms)
            }
        }
    }

    /// Appends all samples of a series that lie in pages which overlap `range` to `out`.
    pub(crate) fn decode_series(
        &self,
        pages: &[PageEntry],
        scratch: &mut Scratch,
        out: &mut SeriesSamples,
    ) -> Result<()> {
        for (page, bytes) in pages.iter().zip(self.read_pages(pages)?) {
            self.decode_page(page, &bytes, scratch, out)?;
        }
        Ok(())
    }
}

fn page_offset(page: &PageEntry) -> u64 {
    page.in_file().map_or(0, |page| page.offset)
}
