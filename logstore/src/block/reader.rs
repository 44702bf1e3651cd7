//! Reads a block.

use std::path::Path;
use std::sync::Arc;
#[cfg(feature = "fulltext")]
use std::sync::OnceLock;

use bedrock::block::{BlockDir, BlockFile, Page, block_name};
use bedrock::codec::zstd_page::ZstdDecoder;
use bedrock::codec::{ByteReader, DecodeError, numbers};
use bedrock::disk::Disk;
use bedrock::labels::{Labels, Matcher};
use bedrock::store::{BlockFacts, StoredBlock};
use bedrock::{Error, Result};
use bytes::Bytes;
use memchr::memmem;

use super::format::{
    FILE, FILE_KIND, FORM_ENDED, FORM_RAW, FORM_TEMPLATE, GroupMeta, MinuteCount, SECTION_INDEX, decode_index,
};
use super::index::BlockIndex;
use super::metadata::{MetadataRows, key_names, rows_with_value};
#[cfg(feature = "fulltext")]
use super::words::{self, WordIndex};
use crate::batch::MetadataIter;
use crate::lines::LineBuffer;
use crate::rows::RowSet;
use crate::source::Budget;
use crate::template::TemplatePage;
use crate::templates::{TemplateQuery, TemplateReading};

/// Most bytes of an index when decompressed.
const INDEX_BYTES_MAX: usize = 1 << 30;
/// Most bytes of a raw page when decompressed: a page of one line of the largest size, with room.
const PAGE_RAW_BYTES_MAX: usize = 256 << 20;

/// An open block: its index in memory, its pages on disk.
#[derive(Debug)]
pub(crate) struct Block {
    /// Its number in the manifest.
    number: u64,
    dir: BlockDir,
    file: BlockFile,
    index: BlockIndex,
    /// Opened when a query first asks for it; none where the block has none that can be read.
    #[cfg(feature = "fulltext")]
    words: OnceLock<Option<WordIndex>>,
}

/// Wanted rows of a group, decoded.
#[derive(Debug, Default)]
pub(crate) struct DecodedGroup {
    pub(crate) times_ns: Vec<i64>,
    /// Empty where lines were not asked for.
    pub(crate) lines: LineBuffer,
    pub(crate) line_bytes: Vec<u32>,
    pub(crate) metadata: MetadataRows,
}

/// Which parts of the rows are decoded, and what their lines must hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Want<'q> {
    pub(crate) lines: bool,
    /// Whether the lengths of lines are needed, too, where lines are not.
    pub(crate) line_bytes: bool,
    pub(crate) metadata: bool,
    /// Of each group at least one text occurs in a line that can matter.
    pub(crate) needles: &'q [Vec<Vec<u8>>],
    /// Names and values of which an entry that can matter has each as a label of its stream, or else as metadata.
    pub(crate) equal_labels: &'q [(String, String)],
    /// What the query says of templates.
    pub(crate) templates: Option<&'q dyn TemplateQuery>,
    /// Whether lines may be those of short templates.
    pub(crate) short: bool,
    /// What the query may read.
    pub(crate) budget: Option<&'q Budget>,
}

impl Want<'_> {
    /// Everything.
    pub(crate) const ALL: Want<'static> = Want {
        lines: true,
        line_bytes: true,
        metadata: true,
        needles: &[],
        equal_labels: &[],
        templates: None,
        short: false,
        budget: None,
    };

    /// Counts what will be read of a group; says whether it may be.
    pub(crate) fn may_read(&self, group: &GroupMeta) -> bool {
        let Some(budget) = self.budget else { return true };
        let lines = if self.lines || !self.needles.is_empty() { group.line_page_bytes() } else { 0 };
        budget.read(group.other_page_bytes() + lines);
        !budget.is_over()
    }
}

/// Times of all rows of a group, and the lengths of their lines where they are stored apart.
#[derive(Debug)]
pub(crate) struct GroupTimes {
    pub(crate) times_ns: Vec<i64>,
    line_bytes: Option<Vec<u32>>,
}

impl StoredBlock for Block {
    /// The index is read, checked and kept.
    fn open(disk: &Arc<dyn Disk>, blocks: &Path, number: u64) -> Result<Self> {
        let dir = BlockDir::new(disk.clone(), blocks.join(block_name(number)));
        let file = BlockFile::open(&**disk, &dir.path().join(FILE), FILE_KIND)?;
        let index = file.section(SECTION_INDEX)?;
        let mut raw = Vec::new();
        let index = ZstdDecoder::new()
            .decode(&index, INDEX_BYTES_MAX, &mut raw)
            .and_then(|()| decode_index(&raw))
            .map_err(|error| error.in_file(file.path(), 0))?;
        Ok(Block {
            number,
            dir,
            file,
            index: BlockIndex::new(index)?,
            #[cfg(feature = "fulltext")]
            words: OnceLock::new(),
        })
    }

    fn facts(&self) -> BlockFacts {
        let (first_ns, last_ns) = self.time_range().unwrap_or((i64::MIN, i64::MAX));
        BlockFacts {
            number: self.number,
            level: self.index.level,
            // A block of empty lines is not to grow beyond what a row number holds.
            size: self.size().0 + self.size().1,
            first_ns,
            last_ns,
            file_bytes: self.file_bytes(),
        }
    }

    fn dir(&self) -> &BlockDir {
        &self.dir
    }

    fn verify(&self) -> Vec<Error> {
        self.check().1
    }
}

impl Block {
    /// Reads everything: the rows that check out, and what does not.
    pub(crate) fn check(&self) -> (u64, Vec<Error>) {
        let mut damages: Vec<Error> = self.file.verify().into_iter().map(|damage| damage.error).collect();
        let mut sound_rows = 0;
        for group in self.groups() {
            let checked = self
                .times(group)
                .and_then(|times| self.decode(group, &times, &mut RowSet::all(group.rows), Want::ALL));
            match checked {
                Ok(rows) => sound_rows += rows.len() as u64,
                Err(damage) => damages.push(damage),
            }
        }
        #[cfg(feature = "fulltext")]
        damages.extend(self.open_words().err());
        (sound_rows, damages)
    }

    /// Rows and bytes of lines.
    pub(crate) fn size(&self) -> (u64, u64) {
        let groups = self.groups();
        (groups.iter().map(|group| group.rows as u64).sum(), groups.iter().map(|group| group.raw_bytes).sum())
    }

    /// Bytes on disk.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.file.bytes()
    }

    /// Positions of the streams that satisfy the matchers, ascending, which is in order of labels.
    pub(crate) fn select(&self, matchers: &[Matcher]) -> Vec<u32> {
        self.index.select(matchers)
    }

    /// The labels of the streams at some positions, which ascend. Some 200 ns each.
    pub(crate) fn labels(&self, positions: &[u32]) -> Vec<Labels> {
        self.index.labels(positions)
    }

    /// Number of streams.
    pub(crate) fn streams(&self) -> usize {
        self.index.streams()
    }

    pub(crate) fn groups(&self) -> &[GroupMeta] {
        &self.index.groups
    }

    /// The counters of a stream, ascending by minute.
    pub(crate) fn minutes(&self, position: u32) -> Vec<MinuteCount> {
        self.index.minutes(position)
    }

    /// Whether no row has metadata.
    pub(crate) fn is_without_metadata(&self) -> bool {
        self.groups().iter().all(|group| group.metadata.is_none())
    }

    /// The row groups that may hold lines with at least one text of each list; none where nothing is known of that.
    #[cfg(feature = "fulltext")]
    pub(crate) fn groups_with(&self, needles: &[Vec<Vec<u8>>]) -> Option<RowSet> {
        if needles.is_empty() {
            return None;
        }
        self.words.get_or_init(|| self.open_words().unwrap_or_default()).as_ref()?.groups_with(needles)
    }

    /// Nothing is known of words without an index.
    #[cfg(not(feature = "fulltext"))]
    pub(crate) fn groups_with(&self, _: &[Vec<Vec<u8>>]) -> Option<RowSet> {
        None
    }

    #[cfg(feature = "fulltext")]
    fn open_words(&self) -> Result<Option<WordIndex>> {
        if self.file.sections().all(|section| section.name != words::SECTION) {
            return Ok(None);
        }
        let at = self.file.locate(words::SECTION)?.offset;
        let opened = WordIndex::open(&self.file.section(words::SECTION)?, self.groups().len());
        opened.map(Some).map_err(|found| {
            Error::corrupt(self.file.path(), at, "index of words", "an index of this block", found)
        })
    }

    /// First and last time in the block.
    pub(crate) fn time_range(&self) -> Option<(i64, i64)> {
        let first = self.groups().iter().map(|group| group.first_ns).min()?;
        let last = self.groups().iter().map(|group| group.last_ns).max()?;
        Some((first, last))
    }

    fn page(&self, page: Page) -> Result<Bytes> {
        self.file.page(page)
    }

    fn damaged(&self, page: Page) -> impl Fn(DecodeError) -> Error {
        move |error| error.in_file(self.file.path(), page.offset)
    }

    /// Times and line lengths of a group.
    ///
    /// # Errors
    ///
    /// Where the page cannot be read or does not check out.
    pub(crate) fn times(&self, group: &GroupMeta) -> Result<GroupTimes> {
        let page = self.page(group.times)?;
        let damaged = self.damaged(group.times);
        let mut reader = ByteReader::new(&page);
        let times_ns = numbers::read(&mut reader, group.rows).map_err(&damaged)?;
        let mut line_bytes = None;
        if group.form != FORM_ENDED {
            let lengths = numbers::read(&mut reader, group.rows).map_err(&damaged)?;
            line_bytes = Some(lengths.into_iter().map(|length| length as u32).collect());
        }
        Ok(GroupTimes { times_ns, line_bytes })
    }

    /// Decodes the wanted rows of a group. `wanted` is narrowed to those whose line can matter.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn decode(
        &self,
        group: &GroupMeta,
        times: &GroupTimes,
        wanted: &mut RowSet,
        want: Want<'_>,
    ) -> Result<Arc<DecodedGroup>> {
        self.narrow_by_labels(group, times, wanted, want.equal_labels)?;
        let mut decoded = DecodedGroup::default();
        let asks_lines = want.line_bytes && times.line_bytes.is_none();
        if want.lines || asks_lines || !want.needles.is_empty() {
            self.decode_lines(group, times, wanted, want, &mut decoded.lines)?;
        }
        decoded.times_ns = wanted.iter().map(|row| times.times_ns[row]).collect();
        decoded.line_bytes = match &times.line_bytes {
            Some(lengths) => wanted.iter().map(|row| lengths[row]).collect(),
            None if decoded.lines.is_empty() => vec![0; decoded.times_ns.len()],
            None => decoded.lines.iter().map(|line| line.len() as u32).collect(),
        };
        if let Some(metadata) = group.metadata.filter(|_| want.metadata && !wanted.is_empty()) {
            let page = self.page(metadata)?;
            decoded.metadata =
                MetadataRows::decode(&page, &times.times_ns, wanted).map_err(self.damaged(metadata))?;
        }
        Ok(Arc::new(decoded))
    }

    /// Narrows `wanted` to the rows whose line can matter. Of template pages no line is built.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn narrow(
        &self,
        group: &GroupMeta,
        times: &GroupTimes,
        wanted: &mut RowSet,
        want: Want<'_>,
    ) -> Result<()> {
        self.narrow_by_labels(group, times, wanted, want.equal_labels)?;
        if group.form == FORM_TEMPLATE {
            return self.template_page(group, times, wanted, want).map(|_| ());
        }
        if want.needles.is_empty() || wanted.is_empty() {
            return Ok(());
        }
        self.decode_lines(group, times, wanted, want, &mut LineBuffer::new())
    }

    /// Removes the rows from `wanted` that do not have the labels. Reads the page of metadata where a stream lacks one.
    fn narrow_by_labels(
        &self,
        group: &GroupMeta,
        times: &GroupTimes,
        wanted: &mut RowSet,
        equal_labels: &[(String, String)],
    ) -> Result<()> {
        if equal_labels.is_empty() || wanted.is_empty() {
            return Ok(());
        }
        let positions: Vec<u32> = group.runs.iter().map(|&(stream, _)| stream).collect();
        let streams = self.labels(&positions);
        for (name, value) in equal_labels {
            let mut kept = RowSet::none(group.rows);
            let mut by_metadata = RowSet::none(group.rows);
            let mut first = 0;
            for (&(_, rows), labels) in group.runs.iter().zip(&streams) {
                let end = first + rows as usize;
                match labels.get(name) {
                    Some(of_stream) if of_stream == value => kept.insert_range(first, end),
                    Some(_) => {}
                    None => by_metadata.insert_range(first, end),
                }
                first = end;
            }
            by_metadata.intersect(wanted);
            if let Some(page) = group.metadata.filter(|_| !by_metadata.is_empty()) {
                let found = rows_with_value(&self.page(page)?, &times.times_ns, name, value);
                by_metadata.intersect(&found.map_err(self.damaged(page))?);
                kept.unite(&by_metadata);
            }
            wanted.intersect(&kept);
        }
        Ok(())
    }

    /// The template page of a group, and what the query says of its templates. `wanted` is narrowed.
    fn template_page(
        &self,
        group: &GroupMeta,
        times: &GroupTimes,
        wanted: &mut RowSet,
        want: Want<'_>,
    ) -> Result<Option<(TemplatePage, Vec<TemplateReading>)>> {
        let Some(&(rows, page)) = group.lines.first().filter(|_| !wanted.is_empty()) else { return Ok(None) };
        let damaged = self.damaged(page);
        let page = TemplatePage::open(self.page(page)?, rows).map_err(&damaged)?;
        narrow_by_needles(&page, wanted, want.needles).map_err(&damaged)?;
        let mut readings = Vec::new();
        if let Some(query) = want.templates.filter(|_| !wanted.is_empty()) {
            readings = page.read(query).map_err(&damaged)?;
            if let Some(mut tested) = self.tested_rows(group, query)? {
                let mut exempt = wanted.clone();
                exempt.subtract(&tested);
                tested.intersect(wanted);
                page.narrow(query, &readings, &times.times_ns, &mut tested).map_err(&damaged)?;
                exempt.unite(&tested);
                *wanted = exempt;
            }
        }
        Ok(Some((page, readings)))
    }

    /// The rows that the tests of a query hold for; none where they hold for no row.
    fn tested_rows(&self, group: &GroupMeta, query: &dyn TemplateQuery) -> Result<Option<RowSet>> {
        if let Some(metadata) = group.metadata {
            let page = self.page(metadata)?;
            let names = key_names(&page, group.rows).map_err(self.damaged(metadata))?;
            if names.iter().any(|name| query.is_about(name)) {
                return Ok(None);
            }
        }
        let mut tested = RowSet::none(group.rows);
        let mut first = 0;
        let streams: Vec<u32> = group.runs.iter().map(|&(stream, _)| stream).collect();
        for (&(_, rows), labels) in group.runs.iter().zip(self.labels(&streams)) {
            let end = first + rows as usize;
            if !labels.iter().any(|(name, _)| query.is_about(name)) {
                tested.insert_range(first, end);
            }
            first = end;
        }
        Ok(Some(tested).filter(|tested| !tested.is_empty()))
    }

    fn decode_lines(
        &self,
        group: &GroupMeta,
        times: &GroupTimes,
        wanted: &mut RowSet,
        want: Want<'_>,
        out: &mut LineBuffer,
    ) -> Result<()> {
        let needles = want.needles;
        match group.form {
            FORM_TEMPLATE => {
                let Some((page, readings)) = self.template_page(group, times, wanted, want)? else {
                    return Ok(());
                };
                if wanted.is_empty() {
                    return Ok(());
                }
                let readings = if want.short { readings.as_slice() } else { &[] };
                let damaged = self.damaged(group.lines.first().map_or(group.times, |&(_, page)| page));
                page.lines_read(&times.times_ns, Some(wanted), readings, out).map_err(damaged)
            }
            FORM_RAW | FORM_ENDED => {
                let mut first = 0;
                for &(rows, page) in &group.lines {
                    let end = first + rows;
                    if wanted.any_in(first, end) {
                        self.decode_raw_page(page, (first, end), times, wanted, needles, out)?;
                    }
                    first = end;
                }
                Ok(())
            }
            form => {
                let expected = format!("at most {FORM_ENDED}");
                Err(Error::corrupt(
                    self.file.path(),
                    group.times.offset,
                    "form of lines",
                    expected,
                    form.to_string(),
                ))
            }
        }
    }

    fn decode_raw_page(
        &self,
        page: Page,
        (first, end): (usize, usize),
        times: &GroupTimes,
        wanted: &mut RowSet,
        needles: &[Vec<Vec<u8>>],
        out: &mut LineBuffer,
    ) -> Result<()> {
        let bytes = self.page(page)?;
        let mut raw = Vec::new();
        ZstdDecoder::new().decode(&bytes, PAGE_RAW_BYTES_MAX, &mut raw).map_err(self.damaged(page))?;
        let ends = match &times.line_bytes {
            Some(lengths) => RawEnds::of_lengths(&lengths[first..end]),
            None => RawEnds::of_ended(&raw),
        };
        if ends.ends.len() != end - first || ends.raw_bytes() != raw.len() {
            let (expected, found) = (
                format!("{} lines in {} bytes", end - first, ends.raw_bytes()),
                format!("{} in {}", ends.ends.len(), raw.len()),
            );
            return Err(Error::corrupt(self.file.path(), page.offset, "page of lines", expected, found));
        }
        for alternatives in needles {
            let found = rows_with_any(&raw, &ends.ends, alternatives);
            wanted.keep_in(first, end, |row| found.contains(row - first));
        }
        for row in wanted.iter_in(first, end) {
            out.push(raw.get(ends.line(row - first)).unwrap_or_default());
        }
        Ok(())
    }
}

/// Where the lines of a raw page end.
struct RawEnds {
    ends: Vec<usize>,
    /// Bytes between two lines.
    between: usize,
}

impl RawEnds {
    fn of_lengths(lengths: &[u32]) -> Self {
        let mut at = 0usize;
        let ends = lengths.iter().map(|&length| {
            at += length as usize;
            at
        });
        RawEnds { ends: ends.collect(), between: 0 }
    }

    fn of_ended(raw: &[u8]) -> Self {
        RawEnds { ends: memchr::memchr_iter(b'\n', raw).collect(), between: 1 }
    }

    /// Bytes of the page by the ends.
    fn raw_bytes(&self) -> usize {
        self.ends.last().map_or(0, |end| end + self.between)
    }

    fn line(&self, row: usize) -> std::ops::Range<usize> {
        let start = row.checked_sub(1).map_or(0, |before| self.ends[before] + self.between);
        start..self.ends[row]
    }
}

fn narrow_by_needles(
    page: &TemplatePage,
    wanted: &mut RowSet,
    needles: &[Vec<Vec<u8>>],
) -> std::result::Result<(), DecodeError> {
    for alternatives in needles {
        if let Some(found) = page.candidates_any(alternatives)? {
            wanted.intersect(&found);
        }
    }
    Ok(())
}

/// The rows that hold at least one of the texts. One pass over the page for each text.
fn rows_with_any(raw: &[u8], ends: &[usize], texts: &[Vec<u8>]) -> RowSet {
    let mut found = RowSet::none(ends.len());
    for text in texts {
        let finder = memmem::Finder::new(text);
        let mut from = 0;
        while let Some(hit) = raw.get(from..).and_then(|rest| finder.find(rest)) {
            let at = from + hit;
            let row = ends.partition_point(|&end| end <= at);
            let Some(&end) = ends.get(row) else { break };
            // A hit over the border of two lines belongs to neither.
            if at + text.len() <= end {
                found.insert(row);
                from = end;
            } else {
                from = at + 1;
            }
        }
    }
    found
}

impl DecodedGroup {
    /// Adds a row with encoded metadata.
    pub(crate) fn push_encoded(&mut self, ts_ns: i64, line: &[u8], metadata: &[u8]) {
        self.times_ns.push(ts_ns);
        self.lines.push(line);
        self.line_bytes.push(line.len() as u32);
        self.metadata.push(MetadataIter::new(metadata).flatten());
    }

    /// Adds row `index` of another group.
    pub(crate) fn push_row(&mut self, other: &DecodedGroup, index: usize) {
        self.times_ns.push(other.times_ns[index]);
        self.lines.push(other.line(index));
        self.line_bytes.push(other.line_bytes[index]);
        self.metadata.push(other.metadata.pairs(index));
    }

    /// The line at `index`; empty where lines were not asked for.
    pub(crate) fn line(&self, index: usize) -> &[u8] {
        self.lines.get(index).unwrap_or_default()
    }

    /// Whether two rows are the same entry but for their stream.
    pub(crate) fn same_row(&self, index: usize, other: &DecodedGroup, other_index: usize) -> bool {
        self.times_ns[index] == other.times_ns[other_index]
            && self.line_bytes[index] == other.line_bytes[other_index]
            && self.line(index) == other.line(other_index)
            && self.metadata.pairs(index).eq(other.metadata.pairs(other_index))
    }

    /// Number of rows.
    pub(crate) fn len(&self) -> usize {
        self.times_ns.len()
    }
}
