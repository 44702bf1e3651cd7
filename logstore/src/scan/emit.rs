//! Hands rows to the sink of a query.

use std::ops::ControlFlow;

use bedrock::labels::Labels;

use super::Segment;
use crate::source::{BatchSink, Entry};

/// Rows that the sink gets at once.
const BATCH_ROWS: usize = 1024;

/// Makes batches of entries from segments.
pub(crate) struct Emitter<'s> {
    labels: &'s [Labels],
}

impl<'s> Emitter<'s> {
    pub(crate) fn new(labels: &'s [Labels]) -> Self {
        Emitter { labels }
    }

    /// Hands out the rows of a segment.
    pub(crate) fn emit(&mut self, segment: &Segment, sink: &mut BatchSink<'_>) -> ControlFlow<()> {
        let rows: Vec<(&Segment, usize)> = (segment.from..segment.to).map(|row| (segment, row)).collect();
        self.emit_rows(&rows, sink)
    }

    /// Hands out rows, each of its segment's stream, in the order given.
    pub(crate) fn emit_rows(
        &mut self,
        rows: &[(&Segment, usize)],
        sink: &mut BatchSink<'_>,
    ) -> ControlFlow<()> {
        for rows in rows.chunks(BATCH_ROWS) {
            let mut pairs: Vec<(&str, &str)> = Vec::new();
            let mut ends = Vec::with_capacity(rows.len());
            for (segment, row) in rows {
                pairs.extend(segment.rows.metadata.pairs(*row));
                ends.push(pairs.len());
            }
            let mut start = 0;
            let mut batch: Vec<Entry<'_>> = Vec::with_capacity(rows.len());
            for ((segment, row), &end) in rows.iter().zip(&ends) {
                batch.push(Entry {
                    stream: segment.stream,
                    labels: &self.labels[segment.stream as usize],
                    ts_ns: segment.rows.times_ns[*row],
                    line: segment.rows.line(*row),
                    line_bytes: segment.rows.line_bytes[*row],
                    metadata: &pairs[start..end],
                });
                start = end;
            }
            sink(&batch)?;
        }
        ControlFlow::Continue(())
    }
}
