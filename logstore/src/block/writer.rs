//! Writes a block from rows in order.

use bedrock::Result;
use bedrock::block::{self, Page};
use bedrock::codec::zstd_page::ZstdEncoder;
use bedrock::labels::Labels;
use bedrock::store::Place;

use super::format::{FILE, FILE_KIND, GroupMeta, Index, SECTION_INDEX, SECTION_PAGES};
use super::group::{Density, GroupRows};
#[cfg(feature = "fulltext")]
use super::words::{self, WordsWriter};
use crate::template::ROWS_MAX;

/// Compression of the index.
const ZSTD_LEVEL: i32 = 6;

/// Takes the rows of a block in order of stream and time and writes row groups as they fill up.
///
/// Holds one row group and its pages: about 3 times the bytes of its lines.
pub(crate) struct BlockWriter<'d> {
    block: block::BlockWriter<'d>,
    file: block::FileWriter,
    density: Density,
    index: Index,
    rows: GroupRows,
    group_raw_bytes: u64,
    #[cfg(feature = "fulltext")]
    words: Option<WordsWriter>,
}

impl<'d> BlockWriter<'d> {
    /// Begins a block. Level 0 is for rows from the head; higher ones are packed denser.
    pub(crate) fn create(place: Place<'d>) -> Result<Self> {
        let level = place.level;
        let block = block::BlockWriter::create(place.disk, place.blocks, place.number)?;
        let mut file = block.file(FILE, FILE_KIND)?;
        file.begin(SECTION_PAGES)?;
        let density = if level == 0 { Density::Fresh } else { Density::Compacted };
        let (index, rows) = (Index { level, ..Index::default() }, GroupRows::default());
        Ok(BlockWriter {
            block,
            file,
            density,
            index,
            rows,
            group_raw_bytes: 0,
            #[cfg(feature = "fulltext")]
            words: (density == Density::Compacted).then(WordsWriter::new),
        })
    }

    /// Begins a stream. Its labels are greater than those of the stream before.
    pub(crate) fn stream(&mut self, labels: &Labels) {
        debug_assert!(self.index.streams.last().is_none_or(|last| last < labels), "streams come in order");
        self.index.streams.push(labels.clone());
        self.index.minutes.push(Vec::new());
    }

    /// Adds a row of the stream that was begun last. Times ascend within a stream.
    pub(crate) fn row(&mut self, ts_ns: i64, line: &[u8], metadata: &[u8]) -> Result<()> {
        let stream = self.index.streams.len().saturating_sub(1) as u32;
        self.rows.push(stream, ts_ns, line, metadata);
        self.group_raw_bytes += line.len() as u64;
        let full = self.rows.times_ns.len() >= ROWS_MAX
            || self.group_raw_bytes as usize + self.rows.metadata.bytes().len()
                >= self.density.group_raw_bytes();
        if full { self.write_group() } else { Ok(()) }
    }

    fn write_group(&mut self) -> Result<()> {
        let (Some(&first), Some(&last)) = (self.rows.times_ns.iter().min(), self.rows.times_ns.iter().max())
        else {
            return Ok(());
        };
        self.rows.count_minutes(&mut self.index.minutes);
        #[cfg(feature = "fulltext")]
        if let Some(words) = &mut self.words {
            words.group(&self.rows.lines);
        }
        let pages = self.rows.pages(self.density);
        let mut group = GroupMeta {
            rows: self.rows.times_ns.len(),
            raw_bytes: self.group_raw_bytes,
            first_ns: first,
            last_ns: last,
            runs: std::mem::take(&mut self.rows.runs),
            times: self.page(&pages.times)?,
            metadata: if pages.metadata.is_empty() { None } else { Some(self.page(&pages.metadata)?) },
            form: pages.form,
            lines: Vec::with_capacity(pages.lines.len()),
        };
        for (rows, page) in &pages.lines {
            group.lines.push((*rows, self.page(page)?));
        }
        self.index.groups.push(group);
        self.rows.clear();
        self.group_raw_bytes = 0;
        Ok(())
    }

    fn page(&mut self, page: &[u8]) -> Result<Page> {
        self.file.page(page)
    }

    /// Writes the last row group and the index, and gives the block its name. Says whether there is a block: nothing is
    /// kept of one without rows.
    pub(crate) fn finish(mut self) -> Result<bool> {
        self.write_group()?;
        if self.index.groups.is_empty() {
            self.block.abandon()?;
            return Ok(false);
        }
        let mut raw = Vec::new();
        self.index.encode(&mut raw);
        let mut index = Vec::new();
        ZstdEncoder::new(ZSTD_LEVEL)?.encode(&raw, &mut index);
        #[cfg(feature = "fulltext")]
        let pages_bytes = self.file.offset();
        self.file.section(SECTION_INDEX, &index)?;
        #[cfg(feature = "fulltext")]
        if let Some(section) = self.words.and_then(|words| words.finish(pages_bytes)) {
            self.file.section(words::SECTION, &section)?;
        }
        self.file.finish()?;
        self.block.publish()?;
        Ok(true)
    }
}
