//! The rows of one part as segments, stream by stream.

use std::collections::VecDeque;
use std::sync::Arc;

use bedrock::Result;
use bedrock::store::LiveBlock;

use crate::block::{Block, DecodedGroup, GroupMeta, GroupTimes, Want};
use crate::head::HeadView;
use crate::rows::RowSet;
use crate::snapshot::Part;

/// Rows of a head that are decoded together.
const HEAD_SEGMENT_ROWS: usize = 4096;

/// Rows of one stream, ascending in time.
#[derive(Clone, Debug)]
pub(crate) struct Segment {
    /// Number of the stream in the scan.
    pub(crate) stream: u32,
    pub(crate) rows: Arc<DecodedGroup>,
    pub(crate) from: usize,
    pub(crate) to: usize,
}

/// Gives the segments of one part in order of stream and time.
pub(crate) struct Cursor<'s, 'q> {
    part: Part<'s>,
    /// Position and number of the selected streams, ascending.
    streams: Vec<(u32, u32)>,
    range_ns: (i64, i64),
    want: Want<'q>,
    /// The next row group of a block, or the next stream of a head.
    next: usize,
    /// Rows of the block before that group.
    rows_before: usize,
    /// The groups of a block that may hold the needles; none where that is not known.
    with_needles: Option<RowSet>,
    ready: VecDeque<Segment>,
}

impl<'s, 'q> Cursor<'s, 'q> {
    pub(crate) fn new(
        part: Part<'s>,
        streams: Vec<(u32, u32)>,
        range_ns: (i64, i64),
        want: Want<'q>,
    ) -> Self {
        let with_needles = match part {
            Part::Head(_) => None,
            Part::Block(block) => block.groups_with(want.needles),
        };
        Cursor {
            part,
            streams,
            range_ns,
            want,
            next: 0,
            rows_before: 0,
            with_needles,
            ready: VecDeque::new(),
        }
    }

    /// The segment at hand, `None` at the end.
    pub(crate) fn peek(&mut self) -> Result<Option<&mut Segment>> {
        while self.ready.is_empty() {
            let more = match self.part {
                Part::Head(head) => self.load_head(head),
                Part::Block(block) => self.load_group(block)?,
            };
            if !more {
                return Ok(None);
            }
        }
        Ok(self.ready.front_mut())
    }

    /// Leaves the segment at hand.
    pub(crate) fn advance(&mut self) -> Option<Segment> {
        self.ready.pop_front()
    }

    fn load_head(&mut self, head: &HeadView) -> bool {
        let Some(&(position, stream)) = self.streams.get(self.next) else { return false };
        self.next += 1;
        self.ready.extend(head_segments(head, position, stream, self.range_ns));
        true
    }

    fn load_group(&mut self, block: &LiveBlock<Block>) -> Result<bool> {
        let Some(group) = block.groups().get(self.next) else { return Ok(false) };
        let (number, base) = (self.next, self.rows_before);
        self.next += 1;
        self.rows_before += group.rows;
        if self.with_needles.as_ref().is_some_and(|groups| !groups.contains(number)) {
            return Ok(true);
        }
        self.ready.extend(group_segments(block, (group, base), &self.streams, self.range_ns, self.want)?);
        Ok(true)
    }
}

/// The rows of a stream of a head.
pub(super) fn head_segments(
    head: &HeadView,
    position: u32,
    stream: u32,
    (start_ns, end_ns): (i64, i64),
) -> Vec<Segment> {
    let mut segments = Vec::new();
    let mut rows = DecodedGroup::default();
    let mut push = |rows: DecodedGroup| {
        let to = rows.len();
        if to > 0 {
            segments.push(Segment { stream, rows: Arc::new(rows), from: 0, to });
        }
    };
    for entry in head.entries(position, start_ns, end_ns) {
        rows.push_encoded(entry.ts_ns, entry.line, entry.metadata);
        if rows.len() >= HEAD_SEGMENT_ROWS {
            push(std::mem::take(&mut rows));
        }
    }
    push(rows);
    segments
}

/// The rows of the selected streams in a row group that are not deleted. `base` rows of the block come before it.
pub(super) fn group_segments(
    block: &LiveBlock<Block>,
    (group, base): (&GroupMeta, usize),
    streams: &[(u32, u32)],
    range_ns: (i64, i64),
    want: Want<'_>,
) -> Result<Vec<Segment>> {
    let runs = selected_runs(group, streams);
    if runs.is_empty() || group.last_ns < range_ns.0 || range_ns.1 <= group.first_ns {
        return Ok(Vec::new());
    }
    if !want.may_read(group) {
        return Ok(Vec::new());
    }
    let times = block.times(group)?;
    let wanted = wanted_rows(group, &times, &runs, range_ns);
    let mut wanted = without_deleted(wanted, block, base);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let rows = block.decode(group, &times, &mut wanted, want)?;
    let mut segments = Vec::with_capacity(runs.len());
    let mut from = 0;
    for run in runs {
        let to = from + wanted.count_in(run.first, run.end);
        if to > from {
            segments.push(Segment { stream: run.stream, rows: rows.clone(), from, to });
        }
        from = to;
    }
    Ok(segments)
}

/// The rows of one selected stream in a group.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SelectedRun {
    pub(crate) stream: u32,
    pub(crate) first: usize,
    pub(crate) end: usize,
}

/// The runs of the selected streams, in order.
pub(crate) fn selected_runs(group: &GroupMeta, streams: &[(u32, u32)]) -> Vec<SelectedRun> {
    let mut runs = Vec::new();
    let mut first = 0;
    for &(position, rows) in &group.runs {
        let end = first + rows as usize;
        if let Ok(index) = streams.binary_search_by_key(&position, |&(position, _)| position) {
            runs.push(SelectedRun { stream: streams[index].1, first, end });
        }
        first = end;
    }
    runs
}

/// The rows of the runs with a time in the range. Times ascend within a run.
pub(crate) fn wanted_rows(
    group: &GroupMeta,
    times: &GroupTimes,
    runs: &[SelectedRun],
    (start_ns, end_ns): (i64, i64),
) -> RowSet {
    let mut wanted = RowSet::none(group.rows);
    for run in runs {
        let of_run = &times.times_ns[run.first..run.end];
        let from = run.first + of_run.partition_point(|&ts_ns| ts_ns < start_ns);
        let to = run.first + of_run.partition_point(|&ts_ns| ts_ns < end_ns);
        wanted.insert_range(from, to);
    }
    wanted
}

/// Rows of a group without those that are deleted; `base` rows of the block lie before the group.
pub(crate) fn without_deleted(mut rows: RowSet, block: &LiveBlock<Block>, base: usize) -> RowSet {
    if block.deleted().is_some() {
        let of_group = base as u32..(base + rows.capacity()) as u32;
        block.deleted_in(of_group).for_each(|row| rows.remove(row as usize - base));
    }
    rows
}
