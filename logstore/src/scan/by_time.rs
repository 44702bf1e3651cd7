//! All rows in order of time over all streams, each entry once.
//!
//! First the place of every row that may be wanted is gathered from the times, and from dictionaries where the query has
//! needles (24 bytes a row). Then slices of the order, small at first and growing, are picked out, decoded and handed
//! out: a query for the newest hundred lines reads the times of the groups in its range and the lines of a few. From the
//! second slice on a group is decoded once for all its places and kept, as long as memory allows.

use std::cmp::Ordering;
use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use bedrock::Result;
use bedrock::store::LiveBlock;

use super::cursor::{SelectedRun, selected_runs};
use super::emit::Emitter;
use super::{Segment, Streams, wanted_rows, without_deleted};
use crate::block::{Block, DecodedGroup, GroupMeta, GroupTimes, MINUTE_NS, Want};
use crate::parallel;
use crate::rows::RowSet;
use crate::snapshot::{Part, Snapshot};
use crate::source::{BatchSink, Order, Selection};

/// Rows of the first slice where the query has no limit, and of the largest slice.
const SLICE_ROWS: usize = 1024;
const SLICE_ROWS_MAX: usize = 256 << 10;
/// Bytes of lines of decoded groups that are kept between slices.
const KEPT_BYTES_MAX: u64 = 64 << 20;

/// Where a row is.
#[derive(Clone, Copy, Debug)]
struct Place {
    ts_ns: i64,
    stream: u32,
    part: u32,
    /// Row group of a block; position of the stream in a head.
    group: u32,
    row: u32,
}

/// Walks a snapshot in order of time. Where a query takes what comes, the counters say in which minutes it will find
/// enough, and the others are looked at only where that was wrong.
pub(crate) fn by_time(
    snapshot: &Snapshot,
    selection: &Selection<'_>,
    sink: &mut BatchSink<'_>,
) -> Result<()> {
    // Both windows number the streams alike: the numbers are part of what the sink sees.
    let streams = Streams::select(snapshot, selection);
    let Some(cut_ns) = newest_cut(&streams, selection) else {
        return window(&streams, selection, sink).map(|_| ());
    };
    let newest = Selection { start_ns: cut_ns, ..selection.clone() };
    if window(&streams, &newest, sink)? == ControlFlow::Continue(()) {
        window(&streams, &Selection { end_ns: cut_ns, ..selection.clone() }, sink).map(|_| ())?;
    }
    Ok(())
}

/// The time from which on a query for the newest lines finds as many as it wants, where it takes all lines that come: by
/// the counters of the blocks, each entry that two of them may hold counted once.
fn newest_cut(streams: &Streams<'_>, selection: &Selection<'_>) -> Option<i64> {
    let takes_all =
        selection.needles.is_empty() && selection.equal_labels.is_empty() && selection.templates.is_none();
    let limit = selection.limit.filter(|_| takes_all && selection.order == Order::Backward)? as u64;
    let mut lines: BTreeMap<i64, u64> = BTreeMap::new();
    let mut blocks = 0;
    for (part, selected) in &streams.parts {
        let Part::Block(block) = part else { continue };
        blocks += 1;
        for &(position, _) in selected {
            for count in block.minutes(position) {
                *lines.entry(count.minute).or_default() += count.lines;
            }
        }
    }
    let wanted = limit.saturating_mul(blocks);
    let mut found = 0u64;
    for (minute, lines) in lines.iter().rev() {
        let start_ns = (minute - 1).saturating_mul(MINUTE_NS).saturating_add(1);
        if minute.saturating_mul(MINUTE_NS) < selection.end_ns {
            found = found.saturating_add(*lines);
        }
        if found >= wanted && start_ns > selection.start_ns {
            return (start_ns < selection.end_ns).then_some(start_ns);
        }
    }
    None
}

/// Walks the entries of a selection in order of time; says whether the sink wants more.
fn window(
    streams: &Streams<'_>,
    selection: &Selection<'_>,
    sink: &mut BatchSink<'_>,
) -> Result<ControlFlow<()>> {
    let mut scan =
        Scan { streams, selection, groups: BTreeMap::new(), kept: BTreeMap::new(), kept_bytes: 0, slices: 0 };
    let mut places = scan.places()?;
    if selection.is_over() {
        return Ok(ControlFlow::Break(()));
    }
    let backward = selection.order == Order::Backward;
    let order = |a: &Place, b: &Place| {
        let forward =
            (a.ts_ns, a.stream, a.part, a.group, a.row).cmp(&(b.ts_ns, b.stream, b.part, b.group, b.row));
        if backward { forward.reverse() } else { forward }
    };
    let mut emitter = Emitter::new(&streams.labels);
    let mut rest = places.as_mut_slice();
    let mut slice_rows = selection.limit.map_or(SLICE_ROWS, |limit| limit.clamp(64, SLICE_ROWS_MAX));
    while !rest.is_empty() {
        let rows = complete_slice(rest, slice_rows, &order);
        let (slice, tail) = rest.split_at_mut(rows);
        if scan.emit(slice, &mut emitter, sink)? == ControlFlow::Break(()) {
            return Ok(ControlFlow::Break(()));
        }
        rest = tail;
        slice_rows = (slice_rows * 4).min(SLICE_ROWS_MAX);
    }
    Ok(ControlFlow::Continue(()))
}

/// Brings the first `rows` places of the order to the front, sorted, and those of equal time with the last of them,
/// so that equal entries are seen together. Returns how many there are.
fn complete_slice(places: &mut [Place], rows: usize, order: &impl Fn(&Place, &Place) -> Ordering) -> usize {
    if rows < places.len() {
        places.select_nth_unstable_by(rows, order);
    }
    let mut rows = rows.min(places.len());
    places[..rows].sort_unstable_by(order);
    if let Some(last) = rows.checked_sub(1).map(|last| places[last].ts_ns) {
        let mut index = rows;
        while let Some(place) = places.get(index) {
            if place.ts_ns == last {
                places.swap(rows, index);
                rows += 1;
            }
            index += 1;
        }
        places[..rows].sort_unstable_by(order);
    }
    rows
}

struct Scan<'s, 'q> {
    streams: &'s Streams<'s>,
    selection: &'q Selection<'q>,
    /// Times and wanted rows of the groups that have any, by part and group.
    groups: BTreeMap<(u32, u32), (GroupTimes, RowSet)>,
    /// Groups that were decoded with all their wanted rows.
    kept: DecodedPlaces,
    kept_bytes: u64,
    slices: usize,
}

impl Scan<'_, '_> {
    fn places(&mut self) -> Result<Vec<Place>> {
        let (start_ns, end_ns) = (self.selection.start_ns, self.selection.end_ns);
        let mut places = Vec::new();
        for (part_number, (part, streams)) in (0u32..).zip(&self.streams.parts) {
            match part {
                Part::Head(head) => {
                    for &(position, stream) in streams {
                        let first = head.first_entry(position, start_ns) as u32;
                        for (row, entry) in (first..).zip(head.entries(position, start_ns, end_ns)) {
                            let (ts_ns, group) = (entry.ts_ns, position);
                            places.push(Place { ts_ns, stream, part: part_number, group, row });
                        }
                    }
                }
                Part::Block(block) => self.block_places(block, part_number, streams, &mut places)?,
            }
        }
        Ok(places)
    }

    /// The places of a block. Groups are read and narrowed on as many threads as there may be.
    fn block_places(
        &mut self,
        block: &LiveBlock<Block>,
        part: u32,
        streams: &[(u32, u32)],
        places: &mut Vec<Place>,
    ) -> Result<()> {
        let range_ns = (self.selection.start_ns, self.selection.end_ns);
        let mut groups: Vec<(u32, &GroupMeta, usize, Vec<SelectedRun>)> = Vec::new();
        let mut first = 0;
        let with_needles = block.groups_with(&self.selection.needles);
        for (number, group) in (0u32..).zip(block.groups()) {
            let base = first;
            first += group.rows;
            let may_match = with_needles.as_ref().is_none_or(|groups| groups.contains(number as usize));
            if may_match && group.last_ns >= range_ns.0 && group.first_ns < range_ns.1 {
                let runs = selected_runs(group, streams);
                if !runs.is_empty() {
                    groups.push((number, group, base, runs));
                }
            }
        }
        let want = Want { lines: false, line_bytes: false, metadata: false, ..self.want() };
        let selection = self.selection;
        let read = parallel::each(selection.threads, groups.len(), |index| {
            let (_, group, base, runs) = &groups[index];
            if selection.is_over() || !want.may_read(group) {
                return Ok(None);
            }
            let times = block.times(group)?;
            let mut wanted = without_deleted(wanted_rows(group, &times, runs, range_ns), block, *base);
            let narrows =
                !want.needles.is_empty() || !want.equal_labels.is_empty() || want.templates.is_some();
            if !wanted.is_empty() && narrows {
                block.narrow(group, &times, &mut wanted, want)?;
            }
            Ok(Some((times, wanted)).filter(|(_, wanted)| !wanted.is_empty()))
        });
        for ((number, _, _, runs), read) in groups.into_iter().zip(read) {
            let Some((times, wanted)) = read? else { continue };
            if let Some(budget) = self.selection.budget {
                budget.hold((wanted.len() * size_of::<Place>()) as u64);
                if budget.is_over() {
                    return Ok(());
                }
            }
            for run in &runs {
                for row in wanted.iter_in(run.first, run.end) {
                    let (ts_ns, stream) = (times.times_ns[row], run.stream);
                    places.push(Place { ts_ns, stream, part, group: number, row: row as u32 });
                }
            }
            self.groups.insert((part, number), (times, wanted));
        }
        Ok(())
    }

    fn want(&self) -> Want<'_> {
        Want {
            lines: self.selection.columns.line || self.streams.shared,
            line_bytes: self.selection.columns.line_bytes,
            metadata: self.selection.columns.metadata || self.streams.shared,
            needles: &self.selection.needles,
            equal_labels: &self.selection.equal_labels,
            templates: self.selection.templates,
            short: false,
            budget: self.selection.budget,
        }
    }

    /// Decodes and hands out a slice of the order.
    fn emit(
        &mut self,
        slice: &[Place],
        emitter: &mut Emitter<'_>,
        sink: &mut BatchSink<'_>,
    ) -> Result<ControlFlow<()>> {
        let decoded = self.decode(slice)?;
        let mut found: Vec<(Segment, usize)> = Vec::with_capacity(slice.len());
        for place in slice {
            let Some((wanted, rows)) = decoded.get(&(place.part, place.group)) else { continue };
            let Some(index) = wanted.rank(place.row as usize) else { continue };
            let segment = Segment { stream: place.stream, rows: rows.clone(), from: index, to: index + 1 };
            let same_time =
                found.iter().rev().take_while(|(other, at)| other.rows.times_ns[*at] == place.ts_ns);
            let known = self.streams.shared
                && same_time
                    .filter(|(other, _)| other.stream == place.stream)
                    .any(|(other, at)| other.rows.same_row(*at, rows, index));
            if !known {
                found.push((segment, index));
            }
        }
        let rows: Vec<(&Segment, usize)> = found.iter().map(|(segment, row)| (segment, *row)).collect();
        Ok(emitter.emit_rows(&rows, sink))
    }

    /// Decodes the rows of a slice, group by group: the rows that were decoded, and their values.
    fn decode(&mut self, slice: &[Place]) -> Result<DecodedPlaces> {
        let mut rows_of: BTreeMap<(u32, u32), Vec<usize>> = BTreeMap::new();
        for place in slice {
            rows_of.entry((place.part, place.group)).or_default().push(place.row as usize);
        }
        self.slices += 1;
        let mut decoded = BTreeMap::new();
        let mut jobs = Vec::new();
        for (key, mut rows) in rows_of {
            rows.sort_unstable();
            match self.streams.parts[key.0 as usize].0 {
                Part::Head(head) => {
                    let mut group = DecodedGroup::default();
                    for &row in &rows {
                        let entry = head.entry_at(key.1, row);
                        group.push_encoded(entry.ts_ns, entry.line, entry.metadata);
                    }
                    decoded.insert(key, (RankedRows(Arc::new(rows)), Arc::new(group)));
                }
                Part::Block(block) => jobs.extend(self.job(block, key, rows, &mut decoded)),
            }
        }
        // These rows have been narrowed.
        let want = Want { needles: &[], equal_labels: &[], templates: None, ..self.want() };
        let read = parallel::each(self.selection.threads, jobs.len(), |index| {
            let job = &jobs[index];
            let mut wanted = job.wanted.clone();
            let values = job.block.decode(job.group, job.times, &mut wanted, want)?;
            Ok((RankedRows(Arc::new(wanted.iter().collect())), values))
        });
        let read: Result<Vec<(RankedRows, Arc<DecodedGroup>)>> = read.into_iter().collect();
        let kept: Vec<((u32, u32), bool)> = jobs.iter().map(|job| (job.key, job.keep)).collect();
        for ((key, keep), value) in kept.into_iter().zip(read?) {
            if keep {
                self.kept_bytes += value.1.lines.bytes().len() as u64;
                self.kept.insert(key, value.clone());
            }
            decoded.insert(key, value);
        }
        Ok(decoded)
    }

    /// What has to be decoded of a group of a block: the rows asked for in the first slice, all wanted ones later. Nothing
    /// where the group was kept: its values go to `decoded`.
    fn job<'b>(
        &'b self,
        block: &'b Block,
        key: (u32, u32),
        rows: Vec<usize>,
        decoded: &mut DecodedPlaces,
    ) -> Option<Job<'b>> {
        if let Some(kept) = self.kept.get(&key) {
            decoded.insert(key, kept.clone());
            return None;
        }
        let (group, (times, all)) = (block.groups().get(key.1 as usize)?, self.groups.get(&key)?);
        if let Some(budget) = self.selection.budget {
            budget.read(group.line_page_bytes());
        }
        let keep = self.slices > 1 && self.kept_bytes + group.raw_bytes <= KEPT_BYTES_MAX;
        let mut wanted = if keep { all.clone() } else { RowSet::none(group.rows) };
        rows.into_iter().for_each(|row| wanted.insert(row));
        Some(Job { key, block, group, times, wanted, keep })
    }
}

/// Rows of a group that are to be decoded, and whether they are kept.
struct Job<'b> {
    key: (u32, u32),
    block: &'b Block,
    group: &'b GroupMeta,
    times: &'b GroupTimes,
    wanted: RowSet,
    keep: bool,
}

/// By part and group: the rows that were decoded, and their values.
type DecodedPlaces = BTreeMap<(u32, u32), (RankedRows, Arc<DecodedGroup>)>;

/// Rows that were decoded, ascending.
#[derive(Clone)]
struct RankedRows(Arc<Vec<usize>>);

impl RankedRows {
    /// The place of a row among them.
    fn rank(&self, row: usize) -> Option<usize> {
        self.0.binary_search(&row).ok()
    }
}
