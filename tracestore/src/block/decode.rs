//! The pages of a group as columns, and as spans again.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use bedrock::Result;
use bedrock::codec::zstd_page::ZstdDecoder;
use bedrock::codec::{ByteReader, DecodeError, Expected, numbers, varint};
use rustc_hash::FxHashMap;

use super::attributes::Shapes;
use super::format::{CorePage, GROUP_SPANS_MAX, GroupMeta};
use super::group::{PARENT_INSIDE, PARENT_NONE, PARENT_OUTSIDE};
use super::reader::Block;
use super::values::{ValueColumn, to_codes};
use crate::field::Scope as FieldScope;
use crate::model::{
    Attribute, Event, Link, SpanId, SpanKind, SpanRecord, Status, StatusCode, Trace, TraceId,
};
use crate::source::TraceSummary;
use crate::tree;

type Decode<T> = std::result::Result<T, DecodeError>;

/// Events of a group, before attributes.
pub(super) struct Events {
    /// Where the events of each row begin, and the end.
    pub(super) offsets: Vec<u32>,
    pub(super) times: Vec<i64>,
    pub(super) dropped: Vec<i64>,
    pub(super) names: ValueColumn,
    pub(super) shapes: Shapes,
}

/// Links of a group, before attributes.
pub(super) struct Links {
    pub(super) offsets: Vec<u32>,
    pub(super) ids: Vec<(TraceId, SpanId)>,
    pub(super) flags: Vec<i64>,
    pub(super) dropped: Vec<i64>,
    pub(super) trace_states: ValueColumn,
    pub(super) shapes: Shapes,
}

impl Block {
    /// Reads a core page with `read`, which must consume it.
    fn core<T>(
        &self,
        group: &GroupMeta,
        page: CorePage,
        read: impl FnOnce(&mut ByteReader<'_>, &mut ZstdDecoder) -> Decode<T>,
    ) -> Result<T> {
        let (bytes, page) = self.core_page(group, page)?;
        let mut reader = ByteReader::new(&bytes);
        let value = self
            .with_decoder(|zstd| read(&mut reader, zstd))
            .and_then(|value| reader.finish("page").map(|()| value));
        value.map_err(self.damaged(page))
    }

    /// The traces of a group, which begin at place `first` of the block.
    ///
    /// # Errors
    ///
    /// Where the page cannot be read or does not check out.
    pub(crate) fn summaries(&self, group: &GroupMeta, first: usize) -> Result<Vec<TraceSummary>> {
        self.core(group, CorePage::Traces, |reader, zstd| {
            let spans = numbers::read(reader, group.traces)?;
            let starts = numbers::read(reader, group.traces)?;
            let durations = numbers::read(reader, group.traces)?;
            let services = ValueColumn::read(reader, group.traces, zstd)?;
            let names = ValueColumn::read(reader, group.traces, zstd)?;
            let ((services, service_codes), (names, name_codes)) = (services.shared(), names.shared());
            let shared = |texts: &[Arc<str>], codes: &[u32], trace: usize| {
                codes.get(trace).and_then(|code| texts.get(*code as usize)).cloned().unwrap_or_default()
            };
            let (mut row, mut start_ns) = (0usize, 0u64);
            let mut summaries = Vec::with_capacity(group.traces);
            for (trace, ((spans, start), duration)) in spans.iter().zip(starts).zip(durations).enumerate() {
                let end = usize::try_from(*spans).ok().and_then(|spans| row.checked_add(spans));
                let end = end.filter(|end| *end <= group.spans);
                let end = end.ok_or_else(|| {
                    reader.error("spans of traces", Expected::AtMost(group.spans as u64), *spans as u64)
                })?;
                start_ns = start_ns.wrapping_add(start as u64);
                summaries.push(TraceSummary {
                    id: self.id_at(first + trace),
                    rows: row..end,
                    start_ns,
                    end_ns: start_ns.wrapping_add(duration as u64),
                    root_service: shared(&services, service_codes, trace),
                    root_name: shared(&names, name_codes, trace),
                });
                row = end;
            }
            if row == group.spans {
                return Ok(summaries);
            }
            Err(reader.error("spans of traces", Expected::Exactly(group.spans as u64), row as u64))
        })
    }

    pub(super) fn span_ids(&self, group: &GroupMeta) -> Result<Vec<SpanId>> {
        self.core(group, CorePage::Ids, |reader, _| {
            let (ids, _) = reader.take("span ids", group.spans * size_of::<SpanId>())?.as_chunks();
            Ok(ids.iter().map(|id| SpanId(*id)).collect())
        })
    }

    /// The parent id of every span, given their ids.
    pub(super) fn parents(&self, group: &GroupMeta, ids: &[SpanId]) -> Result<Vec<SpanId>> {
        self.core(group, CorePage::Parents, |reader, _| {
            let codes = numbers::read(reader, group.spans)?;
            let mut parents = Vec::with_capacity(group.spans);
            for (row, code) in codes.into_iter().enumerate() {
                parents.push(match code {
                    PARENT_NONE => SpanId::default(),
                    PARENT_OUTSIDE => SpanId(reader.array("parent id")?),
                    inside => {
                        let distance = varint::unzigzag(inside.wrapping_sub(PARENT_INSIDE) as u64);
                        let parent = usize::try_from((row as i64).wrapping_sub(distance)).ok();
                        let parent = parent.and_then(|parent| ids.get(parent)).copied();
                        parent
                            .ok_or_else(|| reader.error("parent", Expected::Form("a row"), inside as u64))?
                    }
                });
            }
            Ok(parents)
        })
    }

    /// The parent of every span as a row of the group; `tree::ROOT` or `tree::NONE` where it has none there.
    pub(super) fn parent_rows(&self, group: &GroupMeta) -> Result<Vec<u32>> {
        let (bytes, page) = self.core_page(group, CorePage::Parents)?;
        let codes = numbers::read(&mut ByteReader::new(&bytes), group.spans);
        let row = |(row, code): (usize, i64)| match code {
            PARENT_NONE => tree::ROOT,
            PARENT_OUTSIDE => tree::NONE,
            inside => {
                let distance = varint::unzigzag(inside.wrapping_sub(PARENT_INSIDE) as u64);
                u32::try_from((row as i64).wrapping_sub(distance)).unwrap_or(tree::NONE)
            }
        };
        Ok(codes.map_err(self.damaged(page))?.into_iter().enumerate().map(row).collect())
    }

    /// One column of texts: names or status messages.
    pub(super) fn texts(&self, group: &GroupMeta, page: CorePage) -> Result<ValueColumn> {
        self.core(group, page, |reader, zstd| ValueColumn::read(reader, group.spans, zstd))
    }

    /// Kind and status code of every span.
    pub(super) fn kinds(&self, group: &GroupMeta) -> Result<(Vec<i64>, Vec<i64>)> {
        self.core(group, CorePage::Kinds, |reader, _| {
            Ok((numbers::read(reader, group.spans)?, numbers::read(reader, group.spans)?))
        })
    }

    /// One column of numbers: starts or durations.
    pub(super) fn numbers(&self, group: &GroupMeta, page: CorePage) -> Result<Vec<i64>> {
        self.core(group, page, |reader, _| numbers::read(reader, group.spans))
    }

    /// Numbers of resource and scope of every span.
    pub(super) fn origins(&self, group: &GroupMeta) -> Result<(Vec<u32>, Vec<u32>)> {
        self.core(group, CorePage::Origins, |reader, _| {
            let resources = numbers::read(reader, group.spans)?;
            let scopes = numbers::read(reader, group.spans)?;
            let resources = to_codes(reader, &resources, self.resources().len())?;
            Ok((resources, to_codes(reader, &scopes, self.scopes().len())?))
        })
    }

    pub(super) fn shapes(&self, group: &GroupMeta) -> Result<Shapes> {
        self.core(group, CorePage::Shapes, |reader, _| Shapes::read(reader, group.spans, self.keys()))
    }

    /// Trace states, then flags and the three dropped counts.
    pub(super) fn rest(&self, group: &GroupMeta) -> Result<(ValueColumn, [Vec<i64>; 4])> {
        self.core(group, CorePage::Rest, |reader, zstd| {
            let states = ValueColumn::read(reader, group.spans, zstd)?;
            let mut column = || numbers::read(reader, group.spans);
            Ok((states, [column()?, column()?, column()?, column()?]))
        })
    }

    pub(super) fn events(&self, group: &GroupMeta) -> Result<Events> {
        self.core(group, CorePage::Events, |reader, zstd| {
            let offsets = offsets(reader, group.spans)?;
            let count = offsets.last().copied().unwrap_or_default() as usize;
            Ok(Events {
                offsets,
                times: numbers::read(reader, count)?,
                dropped: numbers::read(reader, count)?,
                names: ValueColumn::read(reader, count, zstd)?,
                shapes: Shapes::read(reader, count, self.keys())?,
            })
        })
    }

    pub(super) fn links(&self, group: &GroupMeta) -> Result<Links> {
        self.core(group, CorePage::Links, |reader, zstd| {
            let offsets = offsets(reader, group.spans)?;
            let count = offsets.last().copied().unwrap_or_default() as usize;
            let mut ids = Vec::new();
            for _ in 0..count {
                ids.push((
                    TraceId(reader.array("trace id of link")?),
                    SpanId(reader.array("span id of link")?),
                ));
            }
            Ok(Links {
                offsets,
                ids,
                flags: numbers::read(reader, count)?,
                dropped: numbers::read(reader, count)?,
                trace_states: ValueColumn::read(reader, count, zstd)?,
                shapes: Shapes::read(reader, count, self.keys())?,
            })
        })
    }

    /// Decodes whole traces of a group: those at `wanted`, places within the group, or all of them.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn decode_traces(&self, number: usize, wanted: Option<&[usize]>) -> Result<Vec<Trace>> {
        let Some(group) = self.groups().get(number) else { return Ok(Vec::new()) };
        let first = self.groups().iter().take(number).map(|group| group.traces).sum();
        let mut summaries = self.summaries(group, first)?;
        if let Some(wanted) = wanted {
            summaries = wanted.iter().filter_map(|trace| summaries.get(*trace)).cloned().collect();
        }
        let from = summaries.iter().map(|trace| trace.rows.start).min().unwrap_or(0);
        let to = summaries.iter().map(|trace| trace.rows.end).max().unwrap_or(0);
        let spans = GroupSpans::read(self, group, from..to)?;
        let trace = |trace: &TraceSummary| Trace { id: trace.id, spans: spans.records(trace) };
        Ok(summaries.iter().map(trace).collect())
    }

    /// Shows the spans of one trace of a group, that at `place` within it, at most `spans_max` at a time.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn visit_trace(
        &self,
        number: usize,
        place: usize,
        spans_max: usize,
        visit: &mut dyn FnMut(Vec<SpanRecord>) -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>> {
        let Some(group) = self.groups().get(number) else { return Ok(ControlFlow::Continue(())) };
        let first = self.groups().iter().take(number).map(|group| group.traces).sum();
        let summaries = self.summaries(group, first)?;
        let Some(trace) = summaries.get(place) else { return Ok(ControlFlow::Continue(())) };
        let spans = GroupSpans::read(self, group, trace.rows.clone())?;
        for from in trace.rows.clone().step_by(spans_max.max(1)) {
            let to = trace.rows.end.min(from.saturating_add(spans_max.max(1)));
            if visit((from..to).map(|row| spans.record(trace, row)).collect()).is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

fn offsets(reader: &mut ByteReader<'_>, rows: usize) -> Decode<Vec<u32>> {
    let mut offsets = Vec::with_capacity(rows + 1);
    let mut end = 0u32;
    offsets.push(end);
    for count in numbers::read(reader, rows)? {
        let next = u32::try_from(count).ok().and_then(|count| end.checked_add(count));
        let next = next.filter(|next| *next as usize <= GROUP_SPANS_MAX);
        end = next.ok_or_else(|| {
            reader.error("items of span", Expected::AtMost(GROUP_SPANS_MAX as u64), count as u64)
        })?;
        offsets.push(end);
    }
    Ok(offsets)
}

/// All pages of a group, decoded, to make spans of.
struct GroupSpans<'b> {
    block: &'b Block,
    ids: Vec<SpanId>,
    parents: Vec<SpanId>,
    names: ValueColumn,
    kinds: (Vec<i64>, Vec<i64>),
    messages: ValueColumn,
    starts: Vec<i64>,
    durations: Vec<i64>,
    origins: (Vec<u32>, Vec<u32>),
    rest: (ValueColumn, [Vec<i64>; 4]),
    attributes: AttributeRows,
    events: Events,
    event_attributes: AttributeRows,
    links: Links,
    link_attributes: AttributeRows,
}

/// Attributes of some rows: for every row and key of its shape, where the value is.
struct AttributeRows {
    /// The first of the rows.
    first: usize,
    /// By number of the key.
    columns: FxHashMap<u32, ValueColumn>,
    /// Key and index of the value, row by row.
    places: Vec<(u32, u32)>,
    offsets: Vec<u32>,
}

impl AttributeRows {
    /// Reads the attributes of `rows`: only the columns of keys that these rows have.
    fn read(
        block: &Block,
        group: &GroupMeta,
        scope: FieldScope,
        shapes: &Shapes,
        rows: Range<usize>,
    ) -> Result<Self> {
        let (first, columns) = (rows.start, FxHashMap::default());
        let mut found = AttributeRows { first, columns, places: Vec::new(), offsets: vec![0] };
        let keys = |shape: &u32| shapes.keys.get(*shape as usize).map_or(&[] as &[u32], Vec::as_slice);
        let wanted = shapes.rows.get(rows).unwrap_or_default();
        // How many values of a key the rows before have: once a shape, not once a row.
        let mut next: FxHashMap<u32, u32> = FxHashMap::default();
        let mut before = vec![0u32; shapes.keys.len()];
        for shape in shapes.rows.iter().take(first) {
            if let Some(count) = before.get_mut(*shape as usize) {
                *count += 1;
            }
        }
        for (shape, count) in (0u32..).zip(before).filter(|(_, count)| *count > 0) {
            keys(&shape).iter().for_each(|key| *next.entry(*key).or_default() += count);
        }
        let mut seen = vec![false; shapes.keys.len()];
        for shape in wanted {
            let is_new = seen.get_mut(*shape as usize).is_some_and(|seen| !std::mem::replace(seen, true));
            for key in keys(shape).iter().filter(|_| is_new) {
                if !found.columns.contains_key(key)
                    && let Some(column) = block.values(group, scope, *key)?
                {
                    found.columns.insert(*key, column);
                }
            }
            for key in keys(shape) {
                let index = next.entry(*key).or_default();
                found.places.push((*key, *index));
                *index += 1;
            }
            found.offsets.push(found.places.len() as u32);
        }
        Ok(found)
    }

    fn row(&self, block: &Block, row: usize) -> Vec<Attribute> {
        let row = row.wrapping_sub(self.first);
        let bounds = self.offsets.get(row).zip(self.offsets.get(row + 1));
        let places = bounds.and_then(|(from, to)| self.places.get(*from as usize..*to as usize));
        let attribute = |(key, index): &(u32, u32)| {
            let value = self.columns.get(key).map(|column| column.any(*index as usize)).unwrap_or_default();
            Attribute { key: block.key_name(*key).to_owned(), value }
        };
        places.unwrap_or_default().iter().map(attribute).collect()
    }
}

impl<'b> GroupSpans<'b> {
    fn read(block: &'b Block, group: &GroupMeta, rows: Range<usize>) -> Result<Self> {
        let ids = block.span_ids(group)?;
        let shapes = block.shapes(group)?;
        let events = block.events(group)?;
        let links = block.links(group)?;
        let items =
            |offsets: &[u32]| items(offsets, rows.start).start..items(offsets, rows.end.max(1) - 1).end;
        let (of_events, of_links) = (items(&events.offsets), items(&links.offsets));
        Ok(GroupSpans {
            block,
            parents: block.parents(group, &ids)?,
            ids,
            names: block.texts(group, CorePage::Names)?,
            kinds: block.kinds(group)?,
            messages: block.texts(group, CorePage::Messages)?,
            starts: block.numbers(group, CorePage::Starts)?,
            durations: block.numbers(group, CorePage::Durations)?,
            origins: block.origins(group)?,
            rest: block.rest(group)?,
            attributes: AttributeRows::read(block, group, FieldScope::Span, &shapes, rows)?,
            event_attributes: AttributeRows::read(
                block,
                group,
                FieldScope::Event,
                &events.shapes,
                of_events,
            )?,
            events,
            link_attributes: AttributeRows::read(block, group, FieldScope::Link, &links.shapes, of_links)?,
            links,
        })
    }

    fn records(&self, trace: &TraceSummary) -> Vec<SpanRecord> {
        trace.rows.clone().map(|row| self.record(trace, row)).collect()
    }

    fn record(&self, trace: &TraceSummary, row: usize) -> SpanRecord {
        let number = |column: &[i64]| column.get(row).copied().unwrap_or_default();
        let start_ns = trace.start_ns.wrapping_add(number(&self.starts) as u64);
        let (states, [flags, attributes, events, links]) = &self.rest;
        let origin = |column: &[u32]| column.get(row).copied().unwrap_or_default() as usize;
        let span = crate::model::Span {
            trace_id: trace.id,
            span_id: self.ids.get(row).copied().unwrap_or_default(),
            parent_span_id: self.parents.get(row).copied().unwrap_or_default(),
            trace_state: states.text(row).to_string(),
            flags: number(flags) as u32,
            name: self.names.text(row).to_string(),
            kind: SpanKind(number(&self.kinds.0) as i32),
            start_ns,
            end_ns: start_ns.wrapping_add(number(&self.durations) as u64),
            attributes: self.attributes.row(self.block, row),
            dropped_attributes_count: number(attributes) as u32,
            events: items(&self.events.offsets, row).map(|item| self.event(start_ns, item)).collect(),
            dropped_events_count: number(events) as u32,
            links: items(&self.links.offsets, row).filter_map(|item| self.link(item)).collect(),
            dropped_links_count: number(links) as u32,
            status: Status {
                code: StatusCode(number(&self.kinds.1) as i32),
                message: self.messages.text(row).to_string(),
            },
        };
        let resource = self.block.resources().get(origin(&self.origins.0)).cloned().unwrap_or_default();
        let scope = self.block.scopes().get(origin(&self.origins.1)).cloned().unwrap_or_default();
        SpanRecord { resource: Arc::clone(&resource), scope, span }
    }

    fn event(&self, start_ns: u64, item: usize) -> Event {
        let number = |column: &[i64]| column.get(item).copied().unwrap_or_default();
        Event {
            time_ns: start_ns.wrapping_add(number(&self.events.times) as u64),
            name: self.events.names.text(item).to_string(),
            attributes: self.event_attributes.row(self.block, item),
            dropped_attributes_count: number(&self.events.dropped) as u32,
        }
    }

    fn link(&self, item: usize) -> Option<Link> {
        let number = |column: &[i64]| column.get(item).copied().unwrap_or_default();
        let (trace_id, span_id) = *self.links.ids.get(item)?;
        Some(Link {
            trace_id,
            span_id,
            trace_state: self.links.trace_states.text(item).to_string(),
            attributes: self.link_attributes.row(self.block, item),
            dropped_attributes_count: number(&self.links.dropped) as u32,
            flags: number(&self.links.flags) as u32,
        })
    }
}

fn items(offsets: &[u32], row: usize) -> Range<usize> {
    match offsets.get(row).zip(offsets.get(row + 1)) {
        Some((from, to)) => *from as usize..*to as usize,
        None => 0..0,
    }
}
