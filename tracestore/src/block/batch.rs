//! Traces of one group as a batch of columns.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use bedrock::Result;

use super::format::{CorePage, GroupMeta};
use super::reader::Block;
use super::values::ValueColumn;
use crate::column::{Column, ColumnBuilder, Nested};
use crate::field::{Field, Intrinsic, Scope};
use crate::memory::{lookup, parent_id, saturated, service_name};
use crate::merge::{Piece, PieceRows};
use crate::model::{SpanId, SpanKind, StatusCode};
use crate::sampling;
use crate::source::{SpanBatch, TraceSummary};
use crate::traceql::Value;
use crate::tree::{self, Node, Place};

/// Some traces of a group. Columns are decoded when they are asked for.
pub(crate) struct GroupBatch<'b> {
    pub(super) block: &'b Block,
    pub(super) group: &'b GroupMeta,
    traces: Vec<TraceSummary>,
    /// The rows of the group that the batch holds; all of them where absent.
    rows: Option<Vec<u32>>,
    ids: OnceCell<Vec<SpanId>>,
    places: OnceCell<Vec<Place>>,
}

impl<'b> GroupBatch<'b> {
    /// The traces of group `number` for which `wanted` is true; `None` where it is true for none.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn open(
        block: &'b Block,
        number: usize,
        mut wanted: impl FnMut(&TraceSummary) -> bool,
    ) -> Result<Option<Self>> {
        let Some(group) = block.groups().get(number) else { return Ok(None) };
        let first = block.groups().iter().take(number).map(|group| group.traces).sum();
        let all = block.summaries(group, first)?;
        let count = all.len();
        let mut traces: Vec<TraceSummary> = all.into_iter().filter(|trace| wanted(trace)).collect();
        if traces.is_empty() {
            return Ok(None);
        }
        let mut rows = None;
        if traces.len() < count {
            let mut selected = Vec::new();
            for trace in &mut traces {
                let start = selected.len();
                selected.extend(trace.rows.clone().map(|row| row as u32));
                trace.rows = start..selected.len();
            }
            rows = Some(selected);
        }
        Ok(Some(GroupBatch { block, group, traces, rows, ids: OnceCell::new(), places: OnceCell::new() }))
    }

    /// The ids of the spans of the group.
    fn ids(&self) -> Result<&[SpanId]> {
        if let Some(ids) = self.ids.get() {
            return Ok(ids);
        }
        let ids = self.block.span_ids(self.group)?;
        Ok(self.ids.get_or_init(|| ids))
    }

    pub(super) fn group_row(&self, row: usize) -> usize {
        self.rows.as_ref().map_or(row, |rows| rows.get(row).copied().unwrap_or_default() as usize)
    }

    /// Values of the rows of the batch, out of those of the group.
    fn select<T: Copy>(&self, values: Vec<T>) -> Vec<T> {
        match &self.rows {
            None => values,
            Some(rows) => rows.iter().filter_map(|row| values.get(*row as usize)).copied().collect(),
        }
    }

    fn select_column(&self, column: Column) -> Column {
        let Some(rows) = &self.rows else { return column };
        match column {
            Column::Constant(value) => Column::Constant(value),
            Column::Coded { codes, values } => Column::Coded { codes: self.select(codes), values },
            Column::Ints { numbers, durations } => Column::Ints { numbers: self.select(numbers), durations },
            Column::Values(_) => column.gather(rows),
        }
    }

    fn of_traces(&self, value: impl Fn(&TraceSummary) -> Value) -> Column {
        let mut codes = Vec::with_capacity(self.span_count());
        let mut values = Vec::with_capacity(self.traces.len());
        for trace in &self.traces {
            codes.resize(codes.len() + trace.rows.len(), values.len() as u32);
            values.push(value(trace));
        }
        Column::Coded { codes, values }
    }

    fn texts(&self, page: CorePage) -> Result<Column> {
        let texts = self.block.texts(self.group, page)?;
        Ok(self.select_column(texts.column((0..self.group.spans as u32).map(Some))))
    }

    fn numbers(&self, numbers: Vec<i64>, value: impl Fn(i64) -> Value) -> Column {
        let mut column = ColumnBuilder::default();
        self.select(numbers).into_iter().for_each(|number| column.push(value(number)));
        column.finish()
    }

    fn places(&self, number: impl Fn(&Place) -> i64) -> Result<Column> {
        if self.places.get().is_none() {
            let places = self.number()?;
            self.places.get_or_init(|| places);
        }
        let numbers = self.places.get().into_iter().flatten().map(number).collect();
        Ok(Column::Ints { numbers, durations: false })
    }

    /// The places of the spans in their traces.
    fn number(&self) -> Result<Vec<Place>> {
        let parents = self.block.parent_rows(self.group)?;
        let mut places = Vec::with_capacity(self.span_count());
        let mut rows: Vec<u32> = Vec::new();
        for trace in &self.traces {
            // The rows of a trace stand together in the group, too.
            let first = self.group_row(trace.rows.start);
            rows.clear();
            rows.extend(parents.iter().skip(first).take(trace.rows.len()).map(|parent| match *parent {
                tree::ROOT | tree::NONE => *parent,
                row => row.checked_sub(first as u32).unwrap_or(tree::NONE),
            }));
            places.extend(tree::number_rows(&rows));
        }
        Ok(places)
    }

    pub(super) fn starts(&self) -> Result<Vec<u64>> {
        let mut starts = self.select(self.block.numbers(self.group, CorePage::Starts)?);
        let mut absolute = Vec::with_capacity(starts.len());
        for trace in &self.traces {
            for start in starts.get_mut(trace.rows.clone()).into_iter().flatten() {
                absolute.push(trace.start_ns.wrapping_add(*start as u64));
            }
        }
        Ok(absolute)
    }

    fn durations(&self) -> Result<Column> {
        let mut numbers = self.select(self.block.numbers(self.group, CorePage::Durations)?);
        if self.group.end_ns < 1 << 63 {
            // No span begins or ends so late that a duration could turn around.
            numbers.iter_mut().for_each(|length| *length = (*length).max(0));
            return Ok(Column::Ints { numbers, durations: true });
        }
        let starts = self.starts()?;
        // An end before the start makes no duration, and one beyond the type the longest.
        let duration =
            |(length, start): (i64, u64)| saturated(start.wrapping_add(length as u64).saturating_sub(start));
        Ok(Column::Ints { numbers: numbers.into_iter().zip(starts).map(duration).collect(), durations: true })
    }

    fn intrinsic(&self, intrinsic: Intrinsic) -> Result<Column> {
        Ok(match intrinsic {
            Intrinsic::Duration => self.durations()?,
            Intrinsic::StartTime => Column::Ints {
                numbers: self.starts()?.into_iter().map(saturated).collect(),
                durations: false,
            },
            Intrinsic::ChildCount => self.places(|place| place.children.into())?,
            Intrinsic::NestedSetLeft => self.places(|place| place.left.into())?,
            Intrinsic::NestedSetRight => self.places(|place| place.right.into())?,
            Intrinsic::NestedSetParent => self.places(|place| place.parent.into())?,
            Intrinsic::Name => self.texts(CorePage::Names)?,
            Intrinsic::StatusMessage => self.texts(CorePage::Messages)?,
            Intrinsic::Kind => {
                let kinds = self.block.kinds(self.group)?.0;
                self.numbers(kinds, |kind| Value::Kind(SpanKind(kind as i32)))
            }
            Intrinsic::Status => {
                let codes = self.block.kinds(self.group)?.1;
                self.numbers(codes, |code| Value::Status(StatusCode(code as i32)))
            }
            Intrinsic::SpanId => {
                let ids = self.select(self.ids()?.to_vec());
                Column::Values(ids.iter().map(|id| Value::str(id.to_string())).collect())
            }
            Intrinsic::ParentId => {
                let parents = self.select(self.block.parents(self.group, self.ids()?)?);
                Column::Values(parents.into_iter().map(parent_id).collect())
            }
            Intrinsic::InstrumentationName => self.of_scopes(|scope| Value::str(&scope.name))?,
            Intrinsic::InstrumentationVersion => self.of_scopes(|scope| Value::str(&scope.version))?,
            Intrinsic::SampleWeight => {
                let (states, _) = self.block.rest(self.group)?;
                let states = states.column((0..self.group.spans as u32).map(Some));
                let weight =
                    |state: &Value| Value::Float(sampling::weight(state.as_str().unwrap_or_default()));
                self.select_column(states.map(weight))
            }
            Intrinsic::TraceId => {
                self.of_traces(|trace| Value::str(trace.id.to_string().trim_start_matches('0')))
            }
            Intrinsic::RootServiceName => self.of_traces(|trace| Value::Str(Arc::clone(&trace.root_service))),
            Intrinsic::RootName => self.of_traces(|trace| Value::Str(Arc::clone(&trace.root_name))),
            Intrinsic::TraceDuration => self
                .of_traces(|trace| Value::Duration(saturated(trace.end_ns.saturating_sub(trace.start_ns)))),
            Intrinsic::EventName
            | Intrinsic::EventTimeSinceStart
            | Intrinsic::LinkSpanId
            | Intrinsic::LinkTraceId
            | Intrinsic::Parent => Column::Constant(Value::Nil),
        })
    }

    fn of_scopes(&self, value: impl Fn(&crate::model::Scope) -> Value) -> Result<Column> {
        let values = self.block.scopes().iter().map(|scope| value(scope)).collect();
        Ok(Column::Coded { codes: self.select(self.block.origins(self.group)?.1), values })
    }

    fn of_resources(&self, key: &str) -> Result<Column> {
        let value = |resource: &Arc<crate::model::Resource>| match lookup(&resource.attributes, key) {
            // Every span has a service, be it one without name.
            Value::Nil if key == "service.name" => Value::str(service_name(resource)),
            found => found,
        };
        let values: Vec<Value> = self.block.resources().iter().map(value).collect();
        if values.iter().all(|value| matches!(value, Value::Nil)) {
            return Ok(Column::Constant(Value::Nil));
        }
        Ok(Column::Coded { codes: self.select(self.block.origins(self.group)?.0), values })
    }

    fn of_spans(&self, name: &str) -> Result<Column> {
        let Some(key) = self.block.key(name) else { return Ok(Column::Constant(Value::Nil)) };
        let Some(values) = self.block.values(self.group, Scope::Span, key)? else {
            return Ok(Column::Constant(Value::Nil));
        };
        let shapes = self.block.shapes(self.group)?;
        Ok(self.select_column(values.column(shapes.first_values(key))))
    }

    /// Items of the rows of the batch: `value` of each event or link of the group.
    fn nested_of(&self, offsets: &[u32], value: impl Fn(usize, usize) -> Value) -> Nested {
        let mut nested = Nested { offsets: vec![0], items: Vec::new() };
        for row in 0..self.span_count() {
            let group_row = self.group_row(row);
            let bounds = offsets.get(group_row).zip(offsets.get(group_row + 1));
            let (from, to) = bounds.map_or((0, 0), |(from, to)| (*from as usize, *to as usize));
            nested.items.extend((from..to).map(|item| value(item, row)));
            nested.offsets.push(nested.items.len() as u32);
        }
        nested
    }

    fn nested_attribute(&self, scope: Scope, name: &str) -> Result<Nested> {
        let (offsets, shapes) = if scope == Scope::Event {
            let events = self.block.events(self.group)?;
            (events.offsets, events.shapes)
        } else {
            let links = self.block.links(self.group)?;
            (links.offsets, links.shapes)
        };
        let key = self.block.key(name);
        let values: Option<ValueColumn> = match key {
            Some(key) => self.block.values(self.group, scope, key)?,
            None => None,
        };
        let firsts: Vec<Option<u32>> = key.map_or_else(Vec::new, |key| shapes.first_values(key).collect());
        Ok(self.nested_of(&offsets, |item, _| {
            let index = firsts.get(item).copied().flatten();
            index.zip(values.as_ref()).map_or(Value::Nil, |(index, values)| values.value(index as usize))
        }))
    }
}

impl Piece for GroupBatch<'_> {
    fn rows(&self) -> Result<PieceRows> {
        let ids = self.ids()?;
        let parents = self.select(self.block.parents(self.group, ids)?);
        let kinds = self.select(self.block.kinds(self.group)?.0);
        let nodes = self.select(ids.to_vec()).into_iter().zip(parents).zip(kinds);
        let (resources, scopes) = self.block.origins(self.group)?;
        Ok(PieceRows {
            starts: self.starts()?,
            nodes: nodes
                .map(|((id, parent), kind)| Node { id, parent, kind: SpanKind(kind as i32) })
                .collect(),
            origins: self.select(resources).into_iter().zip(self.select(scopes)).collect(),
            resources: self.block.resources().to_vec(),
            scopes: self.block.scopes().to_vec(),
        })
    }
}

impl SpanBatch for GroupBatch<'_> {
    fn span_count(&self) -> usize {
        self.rows.as_ref().map_or(self.group.spans, Vec::len)
    }

    fn traces(&self) -> &[TraceSummary] {
        &self.traces
    }

    fn span_id(&self, row: usize) -> Result<SpanId> {
        Ok(self.ids()?.get(self.group_row(row)).copied().unwrap_or_default())
    }

    fn column(&self, field: &Field) -> Result<Arc<Column>> {
        Ok(Arc::new(match field {
            Field::Intrinsic(intrinsic) => self.intrinsic(*intrinsic)?,
            Field::Attribute(Scope::Resource, key) => self.of_resources(key)?,
            Field::Attribute(Scope::Instrumentation, key) => {
                self.of_scopes(|scope| lookup(&scope.attributes, key))?
            }
            Field::Attribute(Scope::Span, key) => self.of_spans(key)?,
            Field::Attribute(Scope::Event | Scope::Link, _) => Column::Constant(Value::Nil),
        }))
    }

    fn nested(&self, field: &Field) -> Result<Arc<Nested>> {
        Ok(Arc::new(match field {
            Field::Intrinsic(Intrinsic::EventName) => {
                let events = self.block.events(self.group)?;
                self.nested_of(&events.offsets, |item, _| events.names.value(item))
            }
            Field::Intrinsic(Intrinsic::EventTimeSinceStart) => {
                let events = self.block.events(self.group)?;
                self.nested_of(&events.offsets, |item, _| {
                    Value::Duration(events.times.get(item).copied().unwrap_or_default())
                })
            }
            Field::Intrinsic(Intrinsic::LinkSpanId) => {
                let links = self.block.links(self.group)?;
                let id =
                    |item: usize| links.ids.get(item).map(|(_, span)| span.to_string()).unwrap_or_default();
                self.nested_of(&links.offsets, |item, _| Value::str(id(item)))
            }
            Field::Intrinsic(Intrinsic::LinkTraceId) => {
                let links = self.block.links(self.group)?;
                let id =
                    |item: usize| links.ids.get(item).map(|(trace, _)| trace.to_string()).unwrap_or_default();
                self.nested_of(&links.offsets, |item, _| Value::str(id(item)))
            }
            Field::Attribute(scope @ (Scope::Event | Scope::Link), key) => {
                self.nested_attribute(*scope, key)?
            }
            _ => Nested { offsets: vec![0; self.span_count() + 1], items: Vec::new() },
        }))
    }

    fn attributes(&self) -> Result<Vec<Field>> {
        let mut seen: BTreeSet<(Scope, &str)> = BTreeSet::new();
        for column in &self.group.columns {
            seen.insert((column.scope, self.block.key_name(column.key)));
        }
        let (resources, scopes) = self.block.origins(self.group)?;
        let resources: BTreeSet<u32> = resources.into_iter().collect();
        for resource in resources.iter().filter_map(|number| self.block.resources().get(*number as usize)) {
            seen.extend(resource.attributes.iter().map(|a| (Scope::Resource, a.key.as_str())));
        }
        let scopes: BTreeSet<u32> = scopes.into_iter().collect();
        for scope in scopes.iter().filter_map(|number| self.block.scopes().get(*number as usize)) {
            seen.extend(scope.attributes.iter().map(|a| (Scope::Instrumentation, a.key.as_str())));
        }
        Ok(seen.into_iter().map(|(scope, key)| Field::attribute(scope, key)).collect())
    }
}
