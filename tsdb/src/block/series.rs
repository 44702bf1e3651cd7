//! The series of a block, ordered by labels, in groups of [`GROUP_SERIES`].
//!
//! # Layout
//!
//! | field | |
//! |---|---|
//! | count | u32: number of series |
//! | groups | u64 each: where the group starts, from the first one |
//! | | the groups |
//!
//! A group starts with the base of its page entries: the offset of its first page (varint). Then per series:
//!
//! | field | |
//! |---|---|
//! | kept | varint: leading labels that are those of the series before; 0 for the first of a group |
//! | labels | varint: number of further labels; each: symbols of name and value (varints) |
//! | pages | varint: number of page entries; then the entries, see [`super::format::PageEntry`] |
//!
//! A reader decodes one group to get at a series, so 16 series on average: about 1 us.

use bedrock::block::FileWriter;
use bedrock::codec::{ByteReader, DecodeError, Expected, varint};
use bedrock::labels::{Labels, Symbols, SymbolsBuilder};
use bedrock::postings::{Ids, PostingsWriter};
use bedrock::{Error, Result};
use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::format::{EntryBase, PageEntry};

/// Series of one group.
pub(crate) const GROUP_SERIES: usize = 32;
/// Bytes of the number of series.
const COUNT_BYTES: usize = 4;
/// Bytes of the start of a group.
const START_BYTES: usize = 8;
/// The most labels of one series that a reader accepts; an appender's limit is far lower.
const LABELS_MAX: usize = 1 << 16;

/// Writes the section, series by series.
#[derive(Debug, Default)]
pub(crate) struct SeriesWriter {
    count: u32,
    starts: Vec<u8>,
    groups: Vec<u8>,
    last: Vec<(u32, u32)>,
    base: EntryBase,
    symbols: SymbolsBuilder,
    /// The series of each pair of symbols.
    postings: FxHashMap<(u32, u32), Ids>,
}

impl SeriesWriter {
    /// Adds the next series; `pages` start at `offset` or behind.
    pub(crate) fn push(&mut self, labels: &Labels, pages: &[PageEntry], offset: u64) -> Result<()> {
        if (self.count as usize).is_multiple_of(GROUP_SERIES) {
            self.starts.extend_from_slice(&(self.groups.len() as u64).to_le_bytes());
            self.last.clear();
            self.base = EntryBase { offset, ..EntryBase::default() };
            varint::write(offset, &mut self.groups);
        }
        let number = self.count;
        self.count = number.checked_add(1).ok_or_else(|| too_many("series of a block"))?;
        let mut pairs = Vec::with_capacity(self.last.len());
        for (name, value) in labels {
            let symbols = self.symbols.intern(name).zip(self.symbols.intern(value));
            let (name, symbol) = symbols.ok_or_else(|| too_many("bytes of label texts in a block"))?;
            pairs.push((name, symbol));
            if !value.is_empty() {
                self.postings.entry((name, symbol)).or_default().insert(number);
            }
        }
        let kept = pairs.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        varint::write(kept as u64, &mut self.groups);
        varint::write((pairs.len() - kept) as u64, &mut self.groups);
        for &(name, value) in pairs.iter().skip(kept) {
            varint::write(name.into(), &mut self.groups);
            varint::write(value.into(), &mut self.groups);
        }
        self.last = pairs;
        varint::write(pages.len() as u64, &mut self.groups);
        for page in pages {
            page.write(&mut self.base, &mut self.groups);
        }
        Ok(())
    }

    /// Writes the sections of symbols, series and postings.
    pub(crate) fn finish(self, index: &mut FileWriter) -> Result<()> {
        index.section("symbols", &self.symbols.finish())?;
        index.begin("series")?;
        index.write(&self.count.to_le_bytes())?;
        index.write(&self.starts)?;
        index.write(&self.groups)?;
        index.begin("postings")?;
        let texts = self.symbols.texts();
        let text = |symbol: u32| texts.get(symbol as usize).copied().unwrap_or("");
        let mut pairs: Vec<(&str, &str, Ids)> =
            self.postings.into_iter().map(|((name, value), ids)| (text(name), text(value), ids)).collect();
        pairs.sort_unstable_by_key(|&(name, value, _)| (name, value));
        let mut postings = PostingsWriter::new();
        for (name, value, ids) in pairs {
            postings.add(name, value, &ids)?;
            index.write(&postings.take())?;
        }
        index.write(&postings.finish(&(0..self.count).collect())?)
    }
}

fn too_many(what: &'static str) -> Error {
    Error::Limit { what, max: u32::MAX.into(), found: u64::from(u32::MAX) + 1 }
}

/// The section, read where it lies.
#[derive(Clone, Debug)]
pub(crate) struct SeriesTable {
    count: u32,
    starts: Bytes,
    groups: Bytes,
}

/// One series of a block.
#[derive(Clone, Debug)]
pub(crate) struct BlockSeries {
    pub(crate) labels: Labels,
    pub(crate) pages: Vec<PageEntry>,
}

impl SeriesTable {
    /// Checks the frame of the section.
    pub(crate) fn open(section: &Bytes) -> std::result::Result<Self, DecodeError> {
        let mut reader = ByteReader::new(section);
        let count = reader.u32("number of series")?;
        let groups = (count as usize).div_ceil(GROUP_SERIES);
        let starts = reader.take("starts of series groups", groups * START_BYTES)?;
        let starts = section.slice_ref(starts);
        Ok(SeriesTable { count, starts, groups: section.slice_ref(reader.rest()) })
    }

    /// Decodes the series with these numbers, which ascend, and calls `found` with each.
    pub(crate) fn read(
        &self,
        numbers: impl IntoIterator<Item = u32>,
        symbols: &Symbols,
        mut found: impl FnMut(u32, BlockSeries),
    ) -> std::result::Result<(), DecodeError> {
        let mut group: Option<GroupReader<'_>> = None;
        for number in numbers {
            let wanted = number as usize / GROUP_SERIES;
            let mut reader = match group.take() {
                Some(reader) if reader.group == wanted && reader.next <= number => reader,
                _ => self.group(wanted)?,
            };
            while reader.next < number {
                reader.skip()?;
            }
            found(number, reader.series(symbols)?);
            group = Some(reader);
        }
        Ok(())
    }

    /// The value of one label of one series, `None` where it has none of that name.
    pub(crate) fn label<'s>(
        &self,
        number: u32,
        name: &str,
        symbols: &'s Symbols,
    ) -> std::result::Result<Option<&'s str>, DecodeError> {
        let mut reader = self.group(number as usize / GROUP_SERIES)?;
        while reader.next < number {
            reader.skip()?;
        }
        reader.read_labels()?;
        for &(label, value) in &reader.labels {
            if symbols.get(label)? == name {
                return symbols.get(value).map(Some);
            }
        }
        Ok(None)
    }

    fn group(&self, group: usize) -> std::result::Result<GroupReader<'_>, DecodeError> {
        let position = (COUNT_BYTES + self.starts.len()) as u64;
        let wrong = |found| DecodeError {
            what: "series group",
            position,
            expected: Expected::AtMost(self.groups.len() as u64),
            found,
        };
        let start = self.starts.get(group * START_BYTES..).and_then(|rest| rest.first_chunk::<START_BYTES>());
        let start = start.map(|bytes| u64::from_le_bytes(*bytes)).ok_or_else(|| wrong(group as u64))?;
        let bytes = usize::try_from(start).ok().and_then(|start| self.groups.get(start..));
        let mut reader = ByteReader::with_base(bytes.ok_or_else(|| wrong(start))?, position + start);
        let offset = reader.varint("offset of series group")?;
        let base = EntryBase { offset, ..EntryBase::default() };
        let next = (group * GROUP_SERIES) as u32;
        Ok(GroupReader { group, next, end: self.count, reader, base, labels: Vec::new() })
    }
}

/// Walks the series of one group.
struct GroupReader<'a> {
    group: usize,
    next: u32,
    end: u32,
    reader: ByteReader<'a>,
    base: EntryBase,
    /// Symbols of the labels of the last series read.
    labels: Vec<(u32, u32)>,
}

impl GroupReader<'_> {
    fn read_labels(&mut self) -> std::result::Result<(), DecodeError> {
        if self.next >= self.end {
            return Err(self.reader.error("series", Expected::AtMost(self.end.into()), self.next.into()));
        }
        self.next += 1;
        let kept = self.reader.count("labels kept", self.labels.len())?;
        let further = self.reader.count("further labels", LABELS_MAX.min(self.reader.remaining() / 2))?;
        self.labels.truncate(kept);
        for _ in 0..further {
            let name = self.reader.count("symbol of label name", u32::MAX as usize)?;
            let value = self.reader.count("symbol of label value", u32::MAX as usize)?;
            self.labels.push((name as u32, value as u32));
        }
        Ok(())
    }

    /// Passes over a series. Its labels stay as a base of the next one.
    fn skip(&mut self) -> std::result::Result<(), DecodeError> {
        self.read_labels()?;
        for _ in 0..self.pages()? {
            PageEntry::read(&mut self.base, &mut self.reader)?;
        }
        Ok(())
    }

    fn series(&mut self, symbols: &Symbols) -> std::result::Result<BlockSeries, DecodeError> {
        self.read_labels()?;
        let mut pairs = Vec::with_capacity(self.labels.len());
        for &(name, value) in &self.labels {
            pairs.push((symbols.get(name)?, symbols.get(value)?));
        }
        let labels = Labels::from_pairs(pairs).map_err(|_| {
            self.reader.error("labels of series", Expected::Form("unique names"), self.next.into())
        })?;
        let count = self.pages()?;
        let mut pages = Vec::with_capacity(count);
        for _ in 0..count {
            pages.push(PageEntry::read(&mut self.base, &mut self.reader)?);
        }
        Ok(BlockSeries { labels, pages })
    }

    /// The number of page entries; an entry takes four bytes at least.
    fn pages(&mut self) -> std::result::Result<usize, DecodeError> {
        self.reader.count("pages of series", self.reader.remaining() / 4)
    }
}
