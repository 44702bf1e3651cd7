//! The bytes of a block.
//!
//! A block is a directory of two files of [`bedrock::block`]: `samples` is one section of pages, `index` holds the
//! sections below.
//!
//! # Pages
//!
//! Three kinds of page:
//!
//! | kind | bytes | written by |
//! |---|---|---|
//! | chunk | a sealed [`crate::chunk::Chunk`], floats or histograms | flush; histograms also by compaction |
//! | value page | floats, and behind them start timestamps where there are any: see [`super::page`] | compaction |
//! | time page | timestamps; all value pages of series that were scraped together name one | compaction |
//!
//! A value page of at most [`INLINE_BYTES_MAX`] bytes (a constant, say) stands in the series entry itself.
//!
//! # Sections of `index`
//!
//! | section | content |
//! |---|---|
//! | `meta` | [`BlockMeta`] |
//! | `symbols` | every label name and value once: see [`bedrock::labels::Symbols`] |
//! | `times` | the table of time pages |
//! | `series` | labels and page entries of every series, ordered by labels: see [`super::series`] |
//! | `postings` | label -> value -> series, by the number of the series in that order: see [`bedrock::postings`] |
//!
//! A series entry of the synthetic workload takes 9 bytes for 7 labels and 5 for a page, together 0.01 bytes a
//! sample at 1,440 samples.
//!
//! # Invariants
//!
//! Series ascend by labels and are unique. Pages of one series ascend by time and do not overlap; no page is empty.
//! Time pages ascend strictly.
//!
//! Version 1 is the only one so far.

use bedrock::block::Page;
use bedrock::codec::{ByteReader, DecodeError, Expected, varint};
use bedrock::time::TimeRange;

use super::page::PAGE_SAMPLES_MAX;
use crate::chunk::{CHUNK_SAMPLES_MAX, ChunkKind};

/// Version of the layout in this file.
pub(crate) const VERSION: u8 = 1;
/// Value pages up to this length stand in the series entry.
pub(crate) const INLINE_BYTES_MAX: usize = 16;

/// What a block says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BlockMeta {
    /// The number of the block, unique in its store and never used again.
    pub id: u64,
    /// Its place among blocks: of two samples with one timestamp that of the block with the higher order counts. A
    /// flushed block has its id; a compacted one the highest order of its sources.
    pub order: u64,
    /// 0: flushed from the head; 1 and up: compacted from blocks of lower levels.
    pub level: u8,
    /// From the first to the last sample, in milliseconds.
    pub range: TimeRange,
    /// Number of series.
    pub series: u64,
    /// Number of samples.
    pub samples: u64,
    /// Number of float samples among them.
    pub float_samples: u64,
}

impl BlockMeta {
    pub(crate) fn write(&self, out: &mut Vec<u8>) {
        out.push(self.level);
        out.extend_from_slice(&self.id.to_le_bytes());
        out.extend_from_slice(&self.order.to_le_bytes());
        out.extend_from_slice(&self.range.start.to_le_bytes());
        out.extend_from_slice(&self.range.end.to_le_bytes());
        varint::write(self.series, out);
        varint::write(self.samples, out);
        varint::write(self.float_samples, out);
    }

    /// Reads what [`BlockMeta::write`] wrote.
    pub(crate) fn read(reader: &mut ByteReader<'_>) -> Result<Self, DecodeError> {
        let level = reader.u8("level of block")?;
        let id = reader.u64("id of block")?;
        let order = reader.u64("order of block")?;
        let range = TimeRange::new(reader.i64("first time of block")?, reader.i64("last time of block")?);
        let series = reader.varint("series of block")?;
        let samples = reader.varint("samples of block")?;
        let float_samples = reader.varint("float samples of block")?;
        reader.finish("meta of block")?;
        Ok(BlockMeta { id, order, level, range, series, samples, float_samples })
    }
}

/// Where the bytes of a page are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In `samples`.
    File(Page),
    /// In the series entry.
    Inline(Box<[u8]>),
}

/// What the bytes of a page are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum PageKind {
    /// A sealed chunk.
    Chunk { kind: ChunkKind, min_time_ms: i64, max_time_ms: i64, count: u16 },
    /// Values; the number of the time page, and the length of the float part, which starts follow where it is not all.
    Values { times: u32, floats_length: u32 },
}

/// One page of a series.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PageEntry {
    pub(crate) kind: PageKind,
    pub(crate) place: Place,
}

/// One row of the table of time pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TimePage {
    pub(crate) page: Page,
    pub(crate) count: u32,
    pub(crate) min_time_ms: i64,
    pub(crate) max_time_ms: i64,
}

const KIND_MASK: u8 = 0b11;
const KIND_FLOAT_CHUNK: u8 = 0;
const KIND_HISTOGRAM_CHUNK: u8 = 1;
const KIND_VALUES: u8 = 2;
/// The bytes follow the entry.
const INLINE: u8 = 1 << 2;
/// Start timestamps follow the floats.
const STARTS: u8 = 1 << 3;

/// What entries are relative to: it moves on from entry to entry.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct EntryBase {
    /// Where the next page of the file starts.
    pub(crate) offset: u64,
    /// The last timestamp written.
    pub(crate) time_ms: i64,
    /// The last time page written.
    pub(crate) times: u32,
}

impl PageEntry {
    /// Appends the entry.
    pub(crate) fn write(&self, base: &mut EntryBase, out: &mut Vec<u8>) {
        let (kind, starts) = match self.kind {
            PageKind::Chunk { kind: ChunkKind::Float, .. } => (KIND_FLOAT_CHUNK, false),
            PageKind::Chunk { kind: ChunkKind::Histogram, .. } => (KIND_HISTOGRAM_CHUNK, false),
            PageKind::Values { floats_length, .. } => (KIND_VALUES, floats_length as usize != self.length()),
        };
        let inline = matches!(self.place, Place::Inline(_));
        out.push(kind | if inline { INLINE } else { 0 } | if starts { STARTS } else { 0 });
        match self.kind {
            PageKind::Chunk { min_time_ms, max_time_ms, count, .. } => {
                varint::write_zigzag(min_time_ms.wrapping_sub(base.time_ms), out);
                varint::write(max_time_ms.wrapping_sub(min_time_ms).cast_unsigned(), out);
                varint::write(u64::from(count), out);
                base.time_ms = max_time_ms;
            }
            PageKind::Values { times, floats_length } => {
                varint::write_zigzag(i64::from(times) - i64::from(base.times), out);
                base.times = times;
                if starts {
                    varint::write(u64::from(floats_length), out);
                }
            }
        }
        varint::write(self.length() as u64, out);
        match &self.place {
            Place::Inline(bytes) => out.extend_from_slice(bytes),
            Place::File(page) => {
                varint::write_zigzag(page.offset.wrapping_sub(base.offset).cast_signed(), out);
                base.offset = page.end();
            }
        }
    }

    /// Reads an entry.
    pub(crate) fn read(base: &mut EntryBase, reader: &mut ByteReader<'_>) -> Result<Self, DecodeError> {
        let flags = reader.u8("kind of page entry")?;
        let starts = flags & STARTS != 0;
        let kind = match flags & KIND_MASK {
            KIND_VALUES => {
                let number = i64::from(base.times).wrapping_add(reader.zigzag("time page of page entry")?);
                let Ok(times) = u32::try_from(number) else {
                    let found = number.cast_unsigned();
                    return Err(reader.error(
                        "time page of page entry",
                        Expected::AtMost(u32::MAX.into()),
                        found,
                    ));
                };
                base.times = times;
                let floats_length =
                    if starts { Some(reader.count("length of floats", PAGE_BYTES_MAX)?) } else { None };
                Kind::Values { times, floats_length }
            }
            KIND_FLOAT_CHUNK => Kind::Chunk(read_chunk(ChunkKind::Float, base, reader)?),
            KIND_HISTOGRAM_CHUNK => Kind::Chunk(read_chunk(ChunkKind::Histogram, base, reader)?),
            other => {
                return Err(reader.error(
                    "kind of page entry",
                    Expected::AtMost(KIND_VALUES.into()),
                    other.into(),
                ));
            }
        };
        let length = reader.count("length of page", PAGE_BYTES_MAX)?;
        let place = if flags & INLINE != 0 {
            Place::Inline(reader.take("page in its entry", length)?.into())
        } else {
            let offset = base.offset.wrapping_add(reader.zigzag("offset of page")?.cast_unsigned());
            let page = Page { offset, bytes: length as u32 };
            base.offset = page.end();
            Place::File(page)
        };
        let kind = match kind {
            Kind::Chunk(kind) => kind,
            Kind::Values { times, floats_length } => {
                let floats_length = floats_length.unwrap_or(length);
                if floats_length > length {
                    return Err(reader.error(
                        "length of floats",
                        Expected::AtMost(length as u64),
                        floats_length as u64,
                    ));
                }
                PageKind::Values { times, floats_length: floats_length as u32 }
            }
        };
        Ok(PageEntry { kind, place })
    }

    /// The page in `samples`, where it is there.
    pub(crate) fn in_file(&self) -> Option<Page> {
        match self.place {
            Place::File(page) => Some(page),
            Place::Inline(_) => None,
        }
    }

    /// Bytes of the page without its checksum.
    pub(crate) fn length(&self) -> usize {
        match &self.place {
            Place::File(page) => page.bytes as usize,
            Place::Inline(bytes) => bytes.len(),
        }
    }
}

/// A kind whose length is still to come.
enum Kind {
    Chunk(PageKind),
    Values { times: u32, floats_length: Option<usize> },
}

fn read_chunk(
    kind: ChunkKind,
    base: &mut EntryBase,
    reader: &mut ByteReader<'_>,
) -> Result<PageKind, DecodeError> {
    let min_time_ms = base.time_ms.wrapping_add(reader.zigzag("first time of chunk")?);
    let max_time_ms = min_time_ms.wrapping_add(reader.varint("duration of chunk")?.cast_signed());
    if max_time_ms < min_time_ms {
        return Err(reader.error("duration of chunk", Expected::Form("a duration in range"), u64::MAX));
    }
    let count = reader.count("samples of chunk", CHUNK_SAMPLES_MAX)? as u16;
    base.time_ms = max_time_ms;
    Ok(PageKind::Chunk { kind, min_time_ms, max_time_ms, count })
}

/// No page is longer: a histogram chunk of many buckets is the longest.
pub(crate) const PAGE_BYTES_MAX: usize = 1 << 28;

/// Appends the table of time pages.
pub(crate) fn write_times(times: &[TimePage], out: &mut Vec<u8>) {
    varint::write(times.len() as u64, out);
    let mut last = 0_u64;
    let mut start = 0_i64;
    for row in times {
        varint::write(row.page.offset - last, out);
        varint::write(row.page.bytes.into(), out);
        varint::write(row.count.into(), out);
        varint::write_zigzag(row.min_time_ms.wrapping_sub(start), out);
        varint::write(row.max_time_ms.wrapping_sub(row.min_time_ms).cast_unsigned(), out);
        last = row.page.offset;
        start = row.min_time_ms;
    }
}

/// Reads the table of time pages.
pub(crate) fn read_times(bytes: &[u8]) -> Result<Vec<TimePage>, DecodeError> {
    let mut reader = ByteReader::new(bytes);
    // A row takes five bytes at least.
    let rows = reader.count("number of time pages", bytes.len() / 5)?;
    let mut times = Vec::with_capacity(rows);
    let mut offset = 0_u64;
    let mut start = 0_i64;
    for _ in 0..rows {
        offset = offset.wrapping_add(reader.varint("offset of time page")?);
        let length = reader.count("length of time page", PAGE_BYTES_MAX)? as u32;
        let count = reader.count("samples of time page", PAGE_SAMPLES_MAX)? as u32;
        let min_time_ms = start.wrapping_add(reader.zigzag("first time of time page")?);
        let max_time_ms = min_time_ms.wrapping_add(reader.varint("duration of time page")?.cast_signed());
        if count == 0 {
            return Err(reader.error("samples of time page", Expected::Form("at least one"), 0));
        }
        start = min_time_ms;
        let page = Page { offset, bytes: length };
        times.push(TimePage { page, count, min_time_ms, max_time_ms });
    }
    reader.finish("table of time pages")?;
    Ok(times)
}
