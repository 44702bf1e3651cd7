//! The columns of a trace out of those of its pieces in other blocks, one at a time.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use bedrock::Result;

use super::attributes::{AttributesBuilder, Keys, Shapes};
use super::batch::GroupBatch;
use super::format::CorePage;
use super::group::GroupBuilder;
use super::values::{ValueColumn, ValuesBuilder};
use crate::field::Scope;
use crate::merge::{At, Piece, Whole};
use crate::model::{self, SpanId, TraceId};

/// A trace in pieces. Besides the columns at hand it takes 30 bytes a span.
pub(crate) struct GatheredTrace<'b> {
    pieces: Vec<GroupBatch<'b>>,
    pub(super) whole: Whole,
    /// Where the spans lie, as rows of groups rather than of pieces.
    rows: Vec<At>,
}

/// The events or the links of a trace.
struct Items {
    counts: Vec<i64>,
    /// Where each lies, as items of groups.
    places: Vec<At>,
}

impl<'b> GatheredTrace<'b> {
    /// Brings the pieces of a trace in order.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn new(pieces: Vec<GroupBatch<'b>>) -> Result<Self> {
        let parts: Vec<&dyn Piece> = pieces.iter().map(|piece| piece as &dyn Piece).collect();
        let whole = Whole::of(&parts)?;
        let group_row = |at: &At| {
            let piece = pieces.get(at.piece as usize);
            At {
                piece: at.piece,
                row: piece.map_or(u32::MAX, |piece| piece.group_row(at.row as usize) as u32),
            }
        };
        let rows = whole.order.iter().map(group_row).collect();
        Ok(GatheredTrace { pieces, whole, rows })
    }

    /// Number of spans.
    pub(crate) fn spans(&self) -> usize {
        self.rows.len()
    }

    /// Reads a column of every piece.
    fn each<T>(&self, read: impl FnMut(&GroupBatch<'b>) -> Result<T>) -> Result<Vec<T>> {
        self.pieces.iter().map(read).collect()
    }

    /// A builder with what one core page needs. `origins` numbers resources and scopes.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(super) fn part(
        &self,
        page: CorePage,
        keys: &mut Keys,
        origins: impl FnMut(&Arc<model::Resource>, &Arc<model::Scope>) -> (u32, u32),
    ) -> Result<GroupBuilder> {
        let mut part = GroupBuilder::default();
        match page {
            CorePage::Traces => part.push_trace(&self.whole.summary, self.whole.last_start_ns),
            CorePage::Ids => {
                let ids = self.each(|piece| piece.block.span_ids(piece.group))?;
                let ids = self.rows.iter().map(|at| at.of::<SpanId>(&ids));
                part.ids = ids.flat_map(|id| id.0).collect();
            }
            CorePage::Parents => {
                part.push_parents(&self.whole.parents, self.whole.parent_ids.iter().copied());
            }
            CorePage::Names | CorePage::Messages => {
                let texts = self.each(|piece| piece.block.texts(piece.group, page))?;
                let column = if page == CorePage::Names { &mut part.names } else { &mut part.messages };
                push_texts(column, &texts, &self.rows);
            }
            CorePage::Kinds => {
                let (kinds, codes): (Vec<_>, Vec<_>) =
                    self.each(|piece| piece.block.kinds(piece.group))?.into_iter().unzip();
                (part.kinds, part.codes) = (numbers(&kinds, &self.rows), numbers(&codes, &self.rows));
            }
            CorePage::Starts => {
                let starts = self.each(GroupBatch::starts)?;
                let first = self.whole.summary.start_ns;
                let start = |at: &At| at.of::<u64>(&starts).wrapping_sub(first) as i64;
                part.starts = self.whole.order.iter().map(start).collect();
            }
            CorePage::Durations => {
                let durations = self.each(|piece| piece.block.numbers(piece.group, page))?;
                part.durations = numbers(&durations, &self.rows);
            }
            CorePage::Origins => self.push_origins(&mut part, origins)?,
            CorePage::Shapes => {
                let shapes = self.shapes(Scope::Span)?;
                self.push_shapes(&mut part.attributes, &shapes, &self.rows, keys);
            }
            CorePage::Rest => self.push_rest(&mut part)?,
            CorePage::Events => self.push_events(&mut part, keys)?,
            CorePage::Links => self.push_links(&mut part, keys)?,
        }
        Ok(part)
    }

    fn push_origins(
        &self,
        part: &mut GroupBuilder,
        mut origins: impl FnMut(&Arc<model::Resource>, &Arc<model::Scope>) -> (u32, u32),
    ) -> Result<()> {
        let (resources, scopes): (Vec<_>, Vec<_>) =
            self.each(|piece| piece.block.origins(piece.group))?.into_iter().unzip();
        for at in &self.rows {
            let Some(piece) = self.pieces.get(at.piece as usize) else { continue };
            let resource = piece.block.resources().get(at.of::<u32>(&resources) as usize);
            let scope = piece.block.scopes().get(at.of::<u32>(&scopes) as usize);
            // Decoding has checked both against the lists.
            let Some((resource, scope)) = resource.zip(scope) else { continue };
            let (resource, scope) = origins(resource, scope);
            part.resources.push(resource.into());
            part.scopes.push(scope.into());
        }
        Ok(())
    }

    fn push_rest(&self, part: &mut GroupBuilder) -> Result<()> {
        let (mut states, mut columns) = (Vec::new(), [const { Vec::new() }; 4]);
        for (state, counts) in self.each(|piece| piece.block.rest(piece.group))? {
            states.push(state);
            columns.iter_mut().zip(counts).for_each(|(column, counts)| column.push(counts));
        }
        push_texts(&mut part.trace_states, &states, &self.rows);
        let [flags, dropped @ ..] = columns.map(|column| numbers(&column, &self.rows));
        (part.flags, part.dropped) = (flags, dropped);
        Ok(())
    }

    fn push_events(&self, part: &mut GroupBuilder, keys: &mut Keys) -> Result<()> {
        let events = self.each(|piece| piece.block.events(piece.group))?;
        let items = self.items(&events.iter().map(|events| events.offsets.as_slice()).collect::<Vec<_>>());
        let (mut times, mut dropped, mut names, mut shapes) = (vec![], vec![], vec![], vec![]);
        for events in events {
            times.push(events.times);
            dropped.push(events.dropped);
            names.push(events.names);
            shapes.push(events.shapes);
        }
        let built = &mut part.events;
        (built.times, built.dropped) = (numbers(&times, &items.places), numbers(&dropped, &items.places));
        push_texts(&mut built.names, &names, &items.places);
        self.push_shapes(&mut built.attributes, &shapes, &items.places, keys);
        built.counts = items.counts;
        Ok(())
    }

    fn push_links(&self, part: &mut GroupBuilder, keys: &mut Keys) -> Result<()> {
        let links = self.each(|piece| piece.block.links(piece.group))?;
        let items = self.items(&links.iter().map(|links| links.offsets.as_slice()).collect::<Vec<_>>());
        let (mut ids, mut flags, mut dropped) = (vec![], vec![], vec![]);
        let (mut states, mut shapes) = (vec![], vec![]);
        for links in links {
            ids.push(links.ids);
            flags.push(links.flags);
            dropped.push(links.dropped);
            states.push(links.trace_states);
            shapes.push(links.shapes);
        }
        let built = &mut part.links;
        for (trace, span) in items.places.iter().map(|at| at.of::<(TraceId, SpanId)>(&ids)) {
            built.ids.extend_from_slice(&trace.0);
            built.ids.extend_from_slice(&span.0);
        }
        (built.flags, built.dropped) = (numbers(&flags, &items.places), numbers(&dropped, &items.places));
        push_texts(&mut built.trace_states, &states, &items.places);
        self.push_shapes(&mut built.attributes, &shapes, &items.places, keys);
        built.counts = items.counts;
        Ok(())
    }

    /// Finds the items of every span, given where those of each row begin.
    fn items(&self, offsets: &[&[u32]]) -> Items {
        let mut items = Items { counts: Vec::with_capacity(self.rows.len()), places: Vec::new() };
        for at in &self.rows {
            let range = match offsets.get(at.piece as usize) {
                Some(offsets) => bounds(offsets, at.row as usize),
                None => 0..0,
            };
            items.counts.push(range.len() as i64);
            items.places.extend(range.map(|row| At { piece: at.piece, row }));
        }
        items
    }

    /// The shapes of spans, events or links, piece by piece.
    fn shapes(&self, scope: Scope) -> Result<Vec<Shapes>> {
        self.each(|piece| {
            Ok(match scope {
                Scope::Event => piece.block.events(piece.group)?.shapes,
                Scope::Link => piece.block.links(piece.group)?.shapes,
                _ => piece.block.shapes(piece.group)?,
            })
        })
    }

    fn push_shapes(&self, built: &mut AttributesBuilder, shapes: &[Shapes], places: &[At], keys: &mut Keys) {
        // The number of a shape here, by its number in the piece.
        let mut known: Vec<Vec<Option<i64>>> =
            shapes.iter().map(|shapes| vec![None; shapes.keys.len()]).collect();
        for at in places {
            let (piece, row) = (at.piece as usize, at.row as usize);
            let Some(((known, shapes), from)) =
                known.get_mut(piece).zip(shapes.get(piece)).zip(self.pieces.get(piece))
            else {
                continue;
            };
            let shape = shapes.rows.get(row).copied().unwrap_or_default() as usize;
            let Some((known, shape)) = known.get_mut(shape).zip(shapes.keys.get(shape)) else { continue };
            let number = *known.get_or_insert_with(|| {
                let numbered = shape.iter().map(|key| keys.number(from.block.key_name(*key)));
                built.number(&numbered.collect::<Vec<u32>>())
            });
            built.push_shape(number);
        }
    }

    /// Shows the columns of attributes that any piece has, one after the other.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out, and what `see` returns.
    pub(super) fn each_column(
        &self,
        mut see: impl FnMut(Scope, &str, &ValuesBuilder) -> Result<()>,
    ) -> Result<()> {
        for scope in [Scope::Span, Scope::Event, Scope::Link] {
            let mut names = BTreeSet::new();
            for piece in &self.pieces {
                let columns = piece.group.columns.iter().filter(|column| column.scope == scope);
                names.extend(columns.map(|column| piece.block.key_name(column.key)));
            }
            if names.is_empty() {
                continue;
            }
            let items;
            let places = match scope {
                Scope::Event => {
                    let offsets = self.each(|piece| Ok(piece.block.events(piece.group)?.offsets))?;
                    items = self.items(&offsets.iter().map(Vec::as_slice).collect::<Vec<_>>());
                    &items.places
                }
                Scope::Link => {
                    let offsets = self.each(|piece| Ok(piece.block.links(piece.group)?.offsets))?;
                    items = self.items(&offsets.iter().map(Vec::as_slice).collect::<Vec<_>>());
                    &items.places
                }
                _ => &self.rows,
            };
            let shapes = self.shapes(scope)?;
            for name in names {
                let values = self.values(scope, name, &shapes, places)?;
                if values.len() > 0 {
                    see(scope, name, &values)?;
                }
            }
        }
        Ok(())
    }

    fn values(&self, scope: Scope, name: &str, shapes: &[Shapes], places: &[At]) -> Result<ValuesBuilder> {
        let mut parts: Vec<Option<(ValueColumn, Vec<Range<u32>>)>> = Vec::with_capacity(shapes.len());
        for (piece, shapes) in self.pieces.iter().zip(shapes) {
            let key = piece.block.key(name);
            let column = key.map(|key| piece.block.values(piece.group, scope, key)).transpose()?.flatten();
            parts.push(key.zip(column).map(|(key, column)| (column, shapes.values(key).collect())));
        }
        let mut built = ValuesBuilder::default();
        for at in places {
            let Some(Some((column, ranges))) = parts.get(at.piece as usize) else { continue };
            let Some(range) = ranges.get(at.row as usize) else { continue };
            range.clone().filter_map(|index| column.row(index as usize)).for_each(|value| built.push(value));
            if range.len() > 1 {
                built.set_repeats();
            }
        }
        Ok(built)
    }
}

fn numbers(columns: &[Vec<i64>], places: &[At]) -> Vec<i64> {
    places.iter().map(|at| at.of(columns)).collect()
}

fn push_texts(column: &mut ValuesBuilder, texts: &[ValueColumn], places: &[At]) {
    for at in places {
        column.push_text(texts.get(at.piece as usize).map_or("", |texts| texts.text(at.row as usize)));
    }
}

fn bounds(offsets: &[u32], row: usize) -> Range<u32> {
    offsets.get(row).zip(offsets.get(row + 1)).map_or(0..0, |(from, to)| *from..*to)
}
