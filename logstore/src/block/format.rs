//! Layout of a block: one file, `rows`, of the form of `bedrock::block`, with two sections, and a third where a build has the feature `fulltext`.
//!
//! ```text
//! pages      checked pages; where each lies stands in the index
//! index      (zstd) version:u8  level:u8  streams  groups  counters
//! words      see `block::words`
//! streams    count:varint  each: pairs:varint and the pairs (length:varint name, length:varint value)
//! groups     count:varint  each:
//!              rows:varint  raw bytes:varint  first time:zigzag  last time minus first:varint
//!              runs:varint  each: stream minus the one before:varint  rows:varint
//!              page of times, of metadata; form of lines:u8 (0 raw, 1 template, 2 ended)  pages of lines:varint
//!              each page of lines: rows:varint  page
//! page       offset:varint  bytes:varint; both 0 where there is none
//! counters   for every stream: minutes:varint, then minute minus the one before:varint  lines:varint  bytes:varint
//! ```
//!
//! Pages of a group:
//!
//! ```text
//! times      numbers (see the template page): times in ns, then, but for the form 2, numbers: bytes of each line
//! metadata   empty where no row has any; else keys:varint, each: name  rows:part (zstd of a bitmap)  column:part
//! lines      raw: zstd of lines back to back, about 1 MB each; template: one template page; ended: as raw, but every
//!            line ends with a line feed, and none holds another one: a length costs 5 bits, such a byte next to nothing
//! ```
//!
//! Invariants: streams are sorted by labels and unique; rows of a block are sorted by stream and time; no row has no
//! stream; a minute counter covers `(m - 1, m]`.
//!
//! Version 1 is the first.

use std::ops::Range;

use bedrock::block::{FileKind, Page};
use bedrock::codec::{ByteReader, DecodeError, Expected, varint};
use bedrock::labels::Labels;

use super::index::IndexParts;
use super::streams::{MinuteTable, encode_labels};
use crate::records::decode_labels;
use crate::template::ROWS_MAX;

pub(super) const VERSION: u8 = 1;
/// The file of a block and its sections.
pub(super) const FILE: &str = "rows";
pub(super) const FILE_KIND: FileKind = FileKind { tag: *b"LOGB", version: VERSION };
pub(super) const SECTION_PAGES: &str = "pages";
pub(super) const SECTION_INDEX: &str = "index";

const NO_PAGE: Page = Page { offset: 0, bytes: 0 };
const PAGE_BYTES_MAX: usize = 1 << 30;
/// Lines stay as they are, in zstd pages.
pub(super) const FORM_RAW: u8 = 0;
/// Lines are one template page.
pub(super) const FORM_TEMPLATE: u8 = 1;
/// Lines stay as they are, each with a line feed behind it, in zstd pages.
pub(super) const FORM_ENDED: u8 = 2;
/// A minute in nanoseconds.
pub(crate) const MINUTE_NS: i64 = 60_000_000_000;

/// What the index says about a row group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct GroupMeta {
    pub(crate) rows: usize,
    /// Bytes of all lines.
    pub(crate) raw_bytes: u64,
    pub(crate) first_ns: i64,
    pub(crate) last_ns: i64,
    /// Streams, ascending, with their number of rows.
    pub(crate) runs: Vec<(u32, u32)>,
    pub(super) times: Page,
    /// Absent where no row has metadata.
    pub(super) metadata: Option<Page>,
    pub(super) form: u8,
    /// Rows and place of every page of lines.
    pub(super) lines: Vec<(usize, Page)>,
}

/// Lines of one stream in one minute.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct MinuteCount {
    /// The minute that ends the interval: it covers `(minute - 1, minute]` in minutes since 1970.
    pub(crate) minute: i64,
    pub(crate) lines: u64,
    pub(crate) line_bytes: u64,
}

impl MinuteCount {
    /// The minute that a time belongs to.
    pub(crate) fn minute_of(ts_ns: i64) -> i64 {
        ts_ns.div_euclid(MINUTE_NS) + i64::from(ts_ns.rem_euclid(MINUTE_NS) != 0)
    }
}

/// The index of a block while it is written.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Index {
    /// 0 for a block from the head, one more than its sources for a compacted one.
    pub(crate) level: u8,
    pub(crate) streams: Vec<Labels>,
    pub(crate) groups: Vec<GroupMeta>,
    /// Counters by stream.
    pub(crate) minutes: Vec<Vec<MinuteCount>>,
}

impl Index {
    /// Appends the index, not compressed.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[VERSION, self.level]);
        varint::write(self.streams.len() as u64, out);
        self.streams.iter().for_each(|labels| encode_labels(labels, out));
        varint::write(self.groups.len() as u64, out);
        self.groups.iter().for_each(|group| group.encode(out));
        for minutes in &self.minutes {
            varint::write(minutes.len() as u64, out);
            let mut before = 0;
            for count in minutes {
                varint::write_zigzag(count.minute.wrapping_sub(before), out);
                before = count.minute;
                varint::write(count.lines, out);
                varint::write(count.line_bytes, out);
            }
        }
    }
}

/// Reads an index.
pub(super) fn decode_index(bytes: &[u8]) -> Result<IndexParts, DecodeError> {
    let mut reader = ByteReader::new(bytes);
    let version = reader.u8("version of index")?;
    if version != VERSION {
        return Err(reader.error("version of index", Expected::Exactly(VERSION.into()), version.into()));
    }
    let mut index = IndexParts { level: reader.u8("level of block")?, ..IndexParts::default() };
    let mut last: Option<Labels> = None;
    for number in 0..reader.count("streams", bytes.len())? {
        let labels = decode_labels(&mut reader)?;
        if last.is_some_and(|last| last >= labels) {
            return Err(reader.error("streams", Expected::Form("streams in order"), number as u64));
        }
        index.push(&labels);
        last = Some(labels);
    }
    let streams = index.streams.len();
    for _ in 0..reader.count("row groups", bytes.len())? {
        index.groups.push(GroupMeta::decode(&mut reader, streams)?);
    }
    index.minutes = MinuteTable::read(&mut reader, streams)?;
    reader.finish("index")?;
    Ok(index)
}

pub(super) fn decode_minutes(reader: &mut ByteReader<'_>) -> Result<Vec<MinuteCount>, DecodeError> {
    let mut minutes = Vec::new();
    let mut before = 0i64;
    for _ in 0..reader.count("minutes", reader.remaining())? {
        before = before.wrapping_add(reader.zigzag("minute")?);
        let lines = reader.varint("lines of minute")?;
        minutes.push(MinuteCount { minute: before, lines, line_bytes: reader.varint("bytes of minute")? });
    }
    Ok(minutes)
}

fn encode_page(page: Page, out: &mut Vec<u8>) {
    varint::write(page.offset, out);
    varint::write(u64::from(page.bytes), out);
}

fn decode_page(reader: &mut ByteReader<'_>) -> Result<Page, DecodeError> {
    let offset = reader.varint("offset of page")?;
    Ok(Page { offset, bytes: reader.count("bytes of page", PAGE_BYTES_MAX)? as u32 })
}

impl GroupMeta {
    /// The rows of each page of lines.
    pub(crate) fn line_pages(&self) -> impl Iterator<Item = Range<usize>> {
        self.lines.iter().scan(0, |first, &(rows, _)| {
            let page = *first..*first + rows;
            *first = page.end;
            Some(page)
        })
    }

    /// Bytes of the pages of lines.
    pub(crate) fn line_page_bytes(&self) -> u64 {
        self.lines.iter().map(|(_, page)| u64::from(page.bytes)).sum()
    }

    /// Bytes of the pages beside those of lines.
    pub(crate) fn other_page_bytes(&self) -> u64 {
        u64::from(self.times.bytes) + self.metadata.map_or(0, |page| u64::from(page.bytes))
    }

    /// The stream of a row. O(streams of the group).
    pub(crate) fn stream_of(&self, row: usize) -> u32 {
        let mut end = 0;
        let run = self.runs.iter().find(|&&(_, rows)| {
            end += rows as usize;
            row < end
        });
        run.map_or(0, |&(stream, _)| stream)
    }

    fn encode(&self, out: &mut Vec<u8>) {
        varint::write(self.rows as u64, out);
        varint::write(self.raw_bytes, out);
        varint::write_zigzag(self.first_ns, out);
        varint::write(self.last_ns.wrapping_sub(self.first_ns) as u64, out);
        varint::write(self.runs.len() as u64, out);
        let mut before = 0;
        for &(stream, rows) in &self.runs {
            varint::write(u64::from(stream - before), out);
            varint::write(u64::from(rows), out);
            before = stream;
        }
        encode_page(self.times, out);
        encode_page(self.metadata.unwrap_or(NO_PAGE), out);
        out.push(self.form);
        varint::write(self.lines.len() as u64, out);
        for (rows, page) in &self.lines {
            varint::write(*rows as u64, out);
            encode_page(*page, out);
        }
    }

    fn decode(reader: &mut ByteReader<'_>, streams: usize) -> Result<Self, DecodeError> {
        let mut group = GroupMeta {
            rows: reader.count("rows of group", ROWS_MAX)?,
            raw_bytes: reader.varint("raw bytes of group")?,
            first_ns: reader.zigzag("first time")?,
            last_ns: 0,
            runs: Vec::new(),
            times: NO_PAGE,
            metadata: None,
            form: FORM_RAW,
            lines: Vec::new(),
        };
        group.last_ns = group.first_ns.wrapping_add(reader.varint("last time")? as i64);
        let mut before = 0usize;
        for _ in 0..reader.count("runs", group.rows)? {
            before += reader.count("stream of run", streams.saturating_sub(1 + before))?;
            let rows = reader.count("rows of run", group.rows)?;
            group.runs.push((before as u32, rows as u32));
        }
        group.times = decode_page(reader)?;
        group.metadata = Some(decode_page(reader)?).filter(|page| *page != NO_PAGE);
        group.form = reader.u8("form of lines")?;
        for _ in 0..reader.count("pages of lines", group.rows)? {
            let rows = reader.count("rows of page", group.rows)?;
            group.lines.push((rows, decode_page(reader)?));
        }
        let counted = |what, rows: usize| {
            let expected = Expected::Exactly(group.rows as u64);
            if rows == group.rows { Ok(()) } else { Err(reader.error(what, expected, rows as u64)) }
        };
        counted("rows of runs", group.runs.iter().map(|&(_, rows)| rows as usize).sum())?;
        counted("rows of pages", group.lines.iter().map(|&(rows, _)| rows).sum())?;
        Ok(group)
    }
}
