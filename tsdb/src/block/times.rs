//! Timestamps stored once: which time page a column is, and where pages end.

use bedrock::Result;
use bedrock::block::FileWriter;
use rustc_hash::{FxHashMap, FxHasher};
use std::hash::{Hash, Hasher};

use super::format::TimePage;
use super::page::{self, PAGE_SAMPLES_MAX, Scratch};
use super::writer::write_page;

/// A page aims at half to all of the largest size.
const PAGE_SAMPLES_MIN: i64 = PAGE_SAMPLES_MAX as i64 / 2;
/// The shortest span of time that pages are cut at.
const SPAN_MIN_MS: i64 = 60_000;

/// The time pages of a block that is being written.
///
/// Columns are found by hash and compared with the encoded page, which stays in memory: 11 bytes without jitter, about
/// one byte a sample with it, once per scrape target.
#[derive(Debug, Default)]
pub(super) struct TimePages {
    table: Vec<TimePage>,
    encoded: Vec<Box<[u8]>>,
    by_hash: FxHashMap<u64, Vec<u32>>,
    decoded: Vec<i64>,
    page: Vec<u8>,
}

impl TimePages {
    /// The number of the page that holds exactly these timestamps; the page is written where there is none.
    pub(super) fn find_or_write(
        &mut self,
        times: &[i64],
        scratch: &mut Scratch,
        file: &mut FileWriter,
    ) -> Result<u32> {
        let mut hasher = FxHasher::default();
        times.hash(&mut hasher);
        let hash = hasher.finish();
        for &number in self.by_hash.get(&hash).map_or(&[][..], Vec::as_slice) {
            let known = self.table.get(number as usize).zip(self.encoded.get(number as usize));
            if let Some((row, encoded)) = known
                && row.count as usize == times.len()
                && page::decode_integers(encoded, times.len(), &mut scratch.integers, &mut self.decoded)
                    .is_ok()
                && self.decoded == times
            {
                return Ok(number);
            }
        }
        self.page.clear();
        page::encode_integers(times, scratch, &mut self.page);
        let decoded =
            page::decode_integers(&self.page, times.len(), &mut scratch.integers, &mut self.decoded);
        assert!(
            decoded.is_ok() && self.decoded == times,
            "a page that was just encoded gives its values back"
        );
        let page = write_page(file, &self.page)?;
        let number = self.table.len() as u32;
        let (min_time_ms, max_time_ms) = (times.first().copied(), times.last().copied());
        self.table.push(TimePage {
            page,
            count: times.len() as u32,
            min_time_ms: min_time_ms.unwrap_or(0),
            max_time_ms: max_time_ms.unwrap_or(0),
        });
        self.encoded.push(self.page.as_slice().into());
        self.by_hash.entry(hash).or_default().push(number);
        Ok(number)
    }

    /// The table as it goes into the index.
    pub(super) fn table(&self) -> &[TimePage] {
        &self.table
    }
}

/// Where the pages of a column of timestamps end.
///
/// Pages are cut where time passes a multiple of a span, so that series whose scrapes began or paused at different
/// times share all other pages; the span is the power of two of minutes that holds 1,024 to 2,048 usual intervals.
pub(super) fn page_ends(times: &[i64]) -> Vec<usize> {
    let span_ms = span_ms(times);
    let mut ends = Vec::new();
    let mut start = 0;
    while let Some(&first) = times.get(start) {
        let span = first.div_euclid(span_ms);
        let longest = times.len().min(start + PAGE_SAMPLES_MAX);
        let column = times.get(start..longest).unwrap_or(&[]);
        start += column.partition_point(|time| time.div_euclid(span_ms) == span).max(1);
        ends.push(start);
    }
    ends
}

fn span_ms(times: &[i64]) -> i64 {
    let (Some(&first), Some(&last)) = (times.first(), times.last()) else { return SPAN_MIN_MS };
    let intervals = (times.len() as i64 - 1).max(1);
    let interval_ms = (last.saturating_sub(first) / intervals).clamp(1, i64::MAX / (4 * PAGE_SAMPLES_MIN));
    // A little less than exact, so that jitter does not push a round interval over a power of two.
    let wanted_ms = interval_ms * PAGE_SAMPLES_MIN / 1000 * 999;
    let mut span_ms = SPAN_MIN_MS;
    while span_ms < wanted_ms && span_ms < i64::MAX / 4 {
        span_ms *= 2;
    }
    span_ms
}
