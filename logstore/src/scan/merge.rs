//! All rows in order of stream and time, each entry once.

use std::sync::Arc;

use bedrock::Result;

use super::{Cursor, Segment};
use crate::block::DecodedGroup;

/// Rows of a merged stream that are handed out together.
const MERGED_ROWS: usize = 1024;

/// The rows of several parts as one sequence of segments in order of stream and time, without duplicates.
pub(crate) struct MergedRows<'s, 'q> {
    cursors: Vec<Cursor<'s, 'q>>,
}

impl<'s, 'q> MergedRows<'s, 'q> {
    pub(crate) fn new(cursors: Vec<Cursor<'s, 'q>>) -> Self {
        MergedRows { cursors }
    }

    /// The next segment, `None` at the end.
    pub(crate) fn next(&mut self) -> Result<Option<Segment>> {
        let mut stream = u32::MAX;
        let mut holders: Vec<usize> = Vec::new();
        for (index, cursor) in self.cursors.iter_mut().enumerate() {
            let Some(segment) = cursor.peek()? else { continue };
            if segment.stream < stream {
                stream = segment.stream;
                holders.clear();
            }
            if segment.stream == stream {
                holders.push(index);
            }
        }
        match holders.as_slice() {
            [] => Ok(None),
            [only] => Ok(self.cursors[*only].advance()),
            _ => self.merge(stream, &holders).map(Some),
        }
    }

    /// Merges rows of one stream from several cursors, until there are enough and the last time is complete.
    fn merge(&mut self, stream: u32, holders: &[usize]) -> Result<Segment> {
        let mut merged = DecodedGroup::default();
        while let Some((holder, ts_ns)) = self.earliest(stream, holders)? {
            let last = merged.times_ns.last().copied();
            if merged.len() >= MERGED_ROWS && last != Some(ts_ns) {
                break;
            }
            let cursor = &mut self.cursors[holder];
            let Some(segment) = cursor.peek()? else { break };
            let (rows, row) = (segment.rows.clone(), segment.from);
            segment.from += 1;
            if segment.from == segment.to {
                cursor.advance();
            }
            let same_time = (0..merged.len()).rev().take_while(|&at| merged.times_ns[at] == ts_ns);
            if !same_time.into_iter().any(|at| merged.same_row(at, &rows, row)) {
                merged.push_row(&rows, row);
            }
        }
        let to = merged.len();
        Ok(Segment { stream, rows: Arc::new(merged), from: 0, to })
    }

    /// The cursor whose next row of the stream is the earliest, and its time.
    fn earliest(&mut self, stream: u32, holders: &[usize]) -> Result<Option<(usize, i64)>> {
        let mut earliest: Option<(usize, i64)> = None;
        for &holder in holders {
            let Some(segment) = self.cursors[holder].peek()? else { continue };
            if segment.stream != stream {
                continue;
            }
            let ts_ns = segment.rows.times_ns[segment.from];
            if earliest.is_none_or(|(_, other)| ts_ns < other) {
                earliest = Some((holder, ts_ns));
            }
        }
        Ok(earliest)
    }
}
