//! The pages of a group as spans again.

use std::ops::{ControlFlow, Range};
use std::sync::Arc;

use bedrock::Result;
use rustc_hash::FxHashMap;

use super::attributes::Shapes;
use super::decode::{Events, Links, items};
use super::format::{CorePage, GroupMeta};
use super::reader::Block;
use super::values::ValueColumn;
use crate::field::Scope as FieldScope;
use crate::model::{Attribute, Event, Link, SpanId, SpanKind, SpanRecord, Status, StatusCode, Trace};
use crate::source::TraceSummary;

impl Block {
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

    /// Decodes every column of a group, without making spans of them.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn check_group(&self, number: usize) -> Result<()> {
        let Some(group) = self.groups().get(number) else { return Ok(()) };
        self.summaries(group, 0)?;
        GroupSpans::read(self, group, 0..group.spans).map(drop)
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
