//! The rows of one row group while they are gathered, and the pages that they become.

use bedrock::codec::numbers;
use bedrock::codec::zstd_page::ZstdEncoder;

use super::format::{FORM_ENDED, FORM_RAW, FORM_TEMPLATE, MinuteCount};
use super::metadata::write_metadata_page;
use crate::lines::LineBuffer;
use crate::template::{TemplatePage, write_page};

/// Bytes of lines of one raw page: what a query for a few lines has to decompress.
const PAGE_RAW_BYTES: usize = 1 << 20;
/// Bytes of lines of a row group after compaction: four times as many make a block 0.1% smaller, and threads share fewer.
const COMPACTED_RAW_BYTES: usize = 4 << 20;
/// A template page must be smaller than raw pages by this part (1 / 8 = 12.5%) to be kept.
const TEMPLATE_WIN: usize = 8;
/// Where it is smaller by this part than raw pages would be by the look of a sample, they are not written at all.
const TEMPLATE_CLEAR_WIN: usize = 4;

/// How much work goes into the size of pages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Density {
    /// Raw pages, quickly: for blocks that come from the head.
    Fresh,
    /// The smaller of raw and template pages: for compaction.
    Compacted,
}

impl Density {
    /// Bytes of lines of one row group.
    pub(super) fn group_raw_bytes(self) -> usize {
        match self {
            Density::Fresh => 4 << 20,
            Density::Compacted => COMPACTED_RAW_BYTES,
        }
    }

    /// Levels of zstd, of which the one is taken that makes a page smaller.
    fn zstd_levels(self) -> &'static [i32] {
        match self {
            // Service logs come out 4% smaller than with level 3, and in half the time.
            Density::Fresh => &[1],
            // Lines full of hashes come out 7% larger than with level 1: short matches cost more than what they replace.
            Density::Compacted => &[9, 1],
        }
    }
}

/// Rows of a group, sorted by stream and time.
#[derive(Debug, Default)]
pub(crate) struct GroupRows {
    pub(super) times_ns: Vec<i64>,
    pub(super) lines: LineBuffer,
    /// Encoded metadata pairs of every row, see [`crate::batch::MetadataIter`].
    pub(super) metadata: LineBuffer,
    pub(super) runs: Vec<(u32, u32)>,
}

/// Pages of a group, and in which form its lines are.
#[derive(Debug)]
pub(super) struct GroupPages {
    pub(super) times: Vec<u8>,
    pub(super) metadata: Vec<u8>,
    pub(super) form: u8,
    pub(super) lines: Vec<(usize, Vec<u8>)>,
}

impl GroupRows {
    /// Adds a row. Streams come in ascending order.
    pub(super) fn push(&mut self, stream: u32, ts_ns: i64, line: &[u8], metadata: &[u8]) {
        match self.runs.last_mut() {
            Some((last, rows)) if *last == stream => *rows += 1,
            _ => self.runs.push((stream, 1)),
        }
        self.times_ns.push(ts_ns);
        self.lines.push(line);
        self.metadata.push(metadata);
    }

    pub(super) fn clear(&mut self) {
        self.times_ns.clear();
        self.lines.clear();
        self.metadata.clear();
        self.runs.clear();
    }

    /// Adds the rows to the counters of their streams.
    pub(super) fn count_minutes(&self, minutes: &mut [Vec<MinuteCount>]) {
        let mut row = 0;
        for &(stream, rows) in &self.runs {
            let counts = &mut minutes[stream as usize];
            for index in row..row + rows as usize {
                let minute = MinuteCount::minute_of(self.times_ns[index]);
                if counts.last().is_none_or(|last| last.minute != minute) {
                    counts.push(MinuteCount { minute, ..MinuteCount::default() });
                }
                let line_bytes = self.lines.get(index).map_or(0, <[u8]>::len) as u64;
                if let Some(last) = counts.last_mut() {
                    last.lines += 1;
                    last.line_bytes += line_bytes;
                }
            }
            row += rows as usize;
        }
    }

    /// Encodes the pages.
    pub(super) fn pages(&self, density: Density) -> GroupPages {
        let mut times = Vec::new();
        numbers::write(&self.times_ns, &mut times);
        let (form, lines) = match density {
            Density::Fresh => self.raw_pages(density),
            Density::Compacted => self.smaller_pages(density),
        };
        if form != FORM_ENDED {
            let lengths: Vec<i64> = self.lines.iter().map(|line| line.len() as i64).collect();
            numbers::write(&lengths, &mut times);
        }
        GroupPages { times, metadata: write_metadata_page(&self.metadata, &self.times_ns), form, lines }
    }

    /// The smaller of template and raw pages.
    fn smaller_pages(&self, density: Density) -> LinePages {
        let Some(template) = self.template_page() else { return self.raw_pages(density) };
        let whole = |page| (FORM_TEMPLATE, vec![(self.times_ns.len(), page)]);
        let (_, sample) = self.raw_pages_of(density, density.zstd_levels().get(..1).unwrap_or_default(), 1);
        let sampled: usize = sample.iter().map(|&(rows, _)| rows).sum();
        let sample_bytes: usize = sample.iter().map(|(_, page)| page.len()).sum();
        let guess = sample_bytes * self.lines.len() / sampled.max(1);
        if template.len() < guess - guess / TEMPLATE_CLEAR_WIN {
            return whole(template);
        }
        let (form, raw) = self.raw_pages(density);
        let raw_bytes: usize = raw.iter().map(|(_, page)| page.len()).sum();
        if template.len() <= raw_bytes - raw_bytes / TEMPLATE_WIN { whole(template) } else { (form, raw) }
    }

    /// The lines in zstd pages.
    fn raw_pages(&self, density: Density) -> LinePages {
        self.raw_pages_of(density, density.zstd_levels(), usize::MAX)
    }

    /// The lines in zstd pages of the best of some levels, at most so many of them.
    fn raw_pages_of(&self, density: Density, levels: &[i32], pages_max: usize) -> LinePages {
        let encoder = |level: &i32| ZstdEncoder::new(*level).expect("the level is one of zstd's");
        let mut encoders: Vec<ZstdEncoder> = levels.iter().map(encoder).collect();
        let page_bytes = match density {
            Density::Fresh => PAGE_RAW_BYTES,
            Density::Compacted => 4 * PAGE_RAW_BYTES,
        };
        let ended = memchr::memchr(b'\n', self.lines.bytes()).is_none();
        let mut pages = Vec::new();
        let mut buffer = Vec::new();
        let mut first = 0;
        while first < self.lines.len() && pages.len() < pages_max {
            let (rows, mut raw) = self.lines.chunk(first, page_bytes);
            if ended {
                buffer.clear();
                for line in (first..first + rows).filter_map(|row| self.lines.get(row)) {
                    buffer.extend_from_slice(line);
                    buffer.push(b'\n');
                }
                raw = &buffer;
            }
            let page = encoders.iter_mut().map(|encoder| {
                let mut page = Vec::new();
                encoder.encode(raw, &mut page);
                page
            });
            pages.push((rows, page.min_by_key(Vec::len).unwrap_or_default()));
            first += rows;
        }
        (if ended { FORM_ENDED } else { FORM_RAW }, pages)
    }

    /// A template page that was read back and gave the same lines.
    fn template_page(&self) -> Option<Vec<u8>> {
        let lines: Vec<&[u8]> = self.lines.iter().collect();
        let page = write_page(&lines, &self.times_ns)?;
        let written = TemplatePage::open(page.clone().into(), lines.len()).ok()?;
        let mut read = LineBuffer::new();
        written.lines(&self.times_ns, None, &mut read).ok()?;
        (read.bytes() == self.lines.bytes() && read.iter().eq(self.lines.iter())).then_some(page)
    }
}

/// The form of lines, and rows and bytes of every page of them.
type LinePages = (u8, Vec<(usize, Vec<u8>)>);
