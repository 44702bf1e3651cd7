//! A scan stream by stream, cut into parts that several threads can walk.
//!
//! A stream that only one part of the snapshot has is walked row group by row group: a part of the scan is a group of a
//! block, or some streams of a head. Streams that several parts of the snapshot have are merged, so a part of the scan is
//! a run of such streams; a row group that two runs share is decoded for both.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use bedrock::Result;

use super::cursor::{Cursor, group_segments, head_segments};
use super::emit::Emitter;
use super::merge::MergedRows;
use super::{Segment, Streams};
use crate::block::Want;
use crate::snapshot::{Part, Snapshot};
use crate::source::{BatchSink, ScanParts, Selection};

/// Streams of a head that are one part.
const HEAD_STREAMS: usize = 64;
/// Rows in blocks, and streams, that are merged in one part.
const MERGED_ROWS: u64 = 64 << 10;
const MERGED_STREAMS: usize = 1024;

/// What one part of the scan walks.
#[derive(Clone, Copy, Debug)]
enum Unit {
    /// The lone streams of a row group that has `base` rows of the block before it.
    Group { part: usize, group: usize, base: usize },
    /// Some of the lone streams of a head, by place in its list.
    Head { part: usize, from: usize, to: usize },
    /// Streams of several parts, by place in the list of these.
    Merged { from: usize, to: usize },
}

/// A scan stream by stream.
pub(crate) struct StreamParts<'s, 'q> {
    streams: Streams<'s>,
    selection: &'q Selection<'q>,
    /// For each part of the snapshot, the streams that it alone has.
    lone: Vec<Vec<(u32, u32)>>,
    /// Numbers of the streams that several parts have, ascending.
    merged: Vec<u32>,
    units: Vec<Unit>,
}

impl<'s, 'q> StreamParts<'s, 'q> {
    pub(crate) fn new(snapshot: &'s Snapshot, selection: &'q Selection<'q>) -> Self {
        let streams = Streams::select(snapshot, selection);
        let mut holders = vec![0u32; streams.labels.len()];
        let numbers = streams.parts.iter().flat_map(|(_, streams)| streams);
        numbers.for_each(|&(_, number)| holders[number as usize] += 1);
        let is_lone = |&(_, number): &(u32, u32)| holders[number as usize] == 1;
        let lone: Vec<Vec<(u32, u32)>> = streams
            .parts
            .iter()
            .map(|(_, streams)| streams.iter().copied().filter(is_lone).collect())
            .collect();
        let merged = (0u32..).zip(&holders).filter(|(_, holders)| **holders > 1).map(|(number, _)| number);
        let mut parts = StreamParts { selection, lone, merged: merged.collect(), units: Vec::new(), streams };
        parts.add_lone();
        parts.add_merged();
        parts
    }

    fn add_lone(&mut self) {
        for (part, ((holder, _), lone)) in self.streams.parts.iter().zip(&self.lone).enumerate() {
            match holder {
                Part::Head(_) => {
                    for from in (0..lone.len()).step_by(HEAD_STREAMS) {
                        let to = lone.len().min(from + HEAD_STREAMS);
                        self.units.push(Unit::Head { part, from, to });
                    }
                }
                Part::Block(block) => {
                    let mut first = 0;
                    let with_needles = block.groups_with(&self.selection.needles);
                    for (group, meta) in block.groups().iter().enumerate() {
                        let base = first;
                        first += meta.rows;
                        let may_match = with_needles.as_ref().is_none_or(|groups| groups.contains(group));
                        let inside = may_match
                            && meta.last_ns >= self.selection.start_ns
                            && meta.first_ns < self.selection.end_ns;
                        let selected = |&(position, _): &(u32, u32)| {
                            lone.binary_search_by_key(&position, |&(position, _)| position).is_ok()
                        };
                        if inside && meta.runs.iter().any(selected) {
                            self.units.push(Unit::Group { part, group, base });
                        }
                    }
                }
            }
        }
    }

    fn add_merged(&mut self) {
        if self.merged.is_empty() {
            return;
        }
        let mut rows_of: BTreeMap<u32, u64> = self.merged.iter().map(|&number| (number, 0)).collect();
        for (holder, streams) in &self.streams.parts {
            let Part::Block(block) = holder else { continue };
            for &(position, rows) in block.groups().iter().flat_map(|group| &group.runs) {
                let found = streams.binary_search_by_key(&position, |&(position, _)| position);
                let number = found.ok().map(|index| streams[index].1);
                if let Some(sum) = number.and_then(|number| rows_of.get_mut(&number)) {
                    *sum += u64::from(rows);
                }
            }
        }
        let (mut from, mut rows) = (0, 0);
        for (index, count) in rows_of.values().enumerate() {
            rows += count;
            if rows >= MERGED_ROWS || index + 1 - from >= MERGED_STREAMS || index + 1 == self.merged.len() {
                self.units.push(Unit::Merged { from, to: index + 1 });
                (from, rows) = (index + 1, 0);
            }
        }
    }

    /// How rows of streams of one part are decoded.
    fn want_lone(&self) -> Want<'q> {
        let columns = self.selection.columns;
        Want {
            lines: columns.line,
            line_bytes: columns.line_bytes,
            metadata: columns.metadata,
            needles: &self.selection.needles,
            equal_labels: &self.selection.equal_labels,
            templates: self.selection.templates,
            short: true,
            budget: self.selection.budget,
        }
    }

    fn walk_merged(&self, streams: &[u32], sink: &mut BatchSink<'_>) -> Result<()> {
        // Whether two rows are the same entry shows only where both are whole.
        let want = Want { lines: true, metadata: true, short: false, ..self.want_lone() };
        let range_ns = (self.selection.start_ns, self.selection.end_ns);
        let cursors = self.streams.parts.iter().map(|(part, numbered)| {
            let of_run = numbered.iter().filter(|(_, number)| streams.binary_search(number).is_ok());
            Cursor::new(*part, of_run.copied().collect(), range_ns, want)
        });
        let mut rows = MergedRows::new(cursors.collect());
        let mut emitter = Emitter::new(&self.streams.labels);
        while let Some(segment) = rows.next()? {
            if emitter.emit(&segment, sink) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }

    fn emit(&self, segments: &[Segment], sink: &mut BatchSink<'_>) -> ControlFlow<()> {
        let mut emitter = Emitter::new(&self.streams.labels);
        segments.iter().try_for_each(|segment| emitter.emit(segment, sink))
    }
}

impl ScanParts for StreamParts<'_, '_> {
    fn len(&self) -> usize {
        self.units.len()
    }

    fn walk(&self, part: usize, sink: &mut BatchSink<'_>) -> Result<()> {
        if self.selection.is_over() {
            return Ok(());
        }
        let range_ns = (self.selection.start_ns, self.selection.end_ns);
        let holder = |part: usize| self.streams.parts[part].0;
        match self.units[part] {
            Unit::Group { part, group, base } => {
                if let Part::Block(block) = holder(part)
                    && let Some(group) = block.groups().get(group)
                {
                    let (streams, want) = (&self.lone[part], self.want_lone());
                    let segments = group_segments(block, (group, base), streams, range_ns, want)?;
                    // The caller knows that it wants no more.
                    let _ = self.emit(&segments, sink);
                }
            }
            Unit::Head { part, from, to } => {
                if let Part::Head(head) = holder(part) {
                    for &(position, stream) in &self.lone[part][from..to] {
                        let segments = head_segments(head, position, stream, range_ns);
                        if self.emit(&segments, sink) == ControlFlow::Break(()) {
                            break;
                        }
                    }
                }
            }
            Unit::Merged { from, to } => self.walk_merged(&self.merged[from..to], sink)?,
        }
        Ok(())
    }
}
