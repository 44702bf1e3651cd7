//! A trace in pieces as one batch.

use std::cell::OnceCell;
use std::collections::BTreeSet;
use std::sync::Arc;

use bedrock::Result;
use rustc_hash::FxHashMap;

use super::{At, Piece, Whole};
use crate::column::{Column, Nested};
use crate::field::{Field, Intrinsic};
use crate::memory::saturated;
use crate::model::SpanId;
use crate::source::{SpanBatch, TraceSummary};
use crate::traceql::Value;
use crate::tree::{self, Place};

/// One trace, the columns of which are those of its pieces, row by row.
pub(crate) struct MergedBatch<'a> {
    pieces: Vec<&'a dyn Piece>,
    whole: Whole,
    places: OnceCell<Vec<Place>>,
}

impl<'a> MergedBatch<'a> {
    /// Brings the pieces of a trace together.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or does not check out.
    pub(crate) fn new(pieces: Vec<&'a dyn Piece>) -> Result<Self> {
        let whole = Whole::of(&pieces)?;
        Ok(MergedBatch { pieces, whole, places: OnceCell::new() })
    }

    fn places(&self, number: impl Fn(&Place) -> i64) -> Column {
        let places = self.places.get_or_init(|| tree::number_rows(&self.whole.parents));
        Column::Ints { numbers: places.iter().map(number).collect(), durations: false }
    }

    fn intrinsic(&self, intrinsic: Intrinsic) -> Option<Column> {
        let summary = &self.whole.summary;
        let length = || saturated(summary.end_ns.saturating_sub(summary.start_ns));
        Some(match intrinsic {
            Intrinsic::ChildCount => self.places(|place| place.children.into()),
            Intrinsic::NestedSetLeft => self.places(|place| place.left.into()),
            Intrinsic::NestedSetRight => self.places(|place| place.right.into()),
            Intrinsic::NestedSetParent => self.places(|place| place.parent.into()),
            Intrinsic::RootServiceName => Column::Constant(Value::Str(Arc::clone(&summary.root_service))),
            Intrinsic::RootName => Column::Constant(Value::Str(Arc::clone(&summary.root_name))),
            Intrinsic::TraceDuration => Column::Constant(Value::Duration(length())),
            // Of the span alone.
            _ => return None,
        })
    }
}

impl SpanBatch for MergedBatch<'_> {
    fn span_count(&self) -> usize {
        self.whole.order.len()
    }

    fn traces(&self) -> &[TraceSummary] {
        std::slice::from_ref(&self.whole.summary)
    }

    fn span_id(&self, row: usize) -> Result<SpanId> {
        let at = self.whole.order.get(row);
        match at.and_then(|at| Some((at, self.pieces.get(at.piece as usize)?))) {
            Some((at, piece)) => piece.span_id(at.row as usize),
            None => Ok(SpanId::default()),
        }
    }

    fn column(&self, field: &Field) -> Result<Arc<Column>> {
        if let Field::Intrinsic(intrinsic) = field
            && let Some(column) = self.intrinsic(*intrinsic)
        {
            return Ok(Arc::new(column));
        }
        let columns: Result<Vec<Arc<Column>>> = self.pieces.iter().map(|piece| piece.column(field)).collect();
        Ok(Arc::new(gather(&columns?, &self.whole.order)))
    }

    fn nested(&self, field: &Field) -> Result<Arc<Nested>> {
        let parts: Result<Vec<Arc<Nested>>> = self.pieces.iter().map(|piece| piece.nested(field)).collect();
        let parts = parts?;
        let mut nested = Nested { offsets: vec![0], items: Vec::new() };
        for at in &self.whole.order {
            if let Some(part) = parts.get(at.piece as usize) {
                nested.items.extend_from_slice(part.row(at.row as usize));
            }
            nested.offsets.push(nested.items.len() as u32);
        }
        Ok(Arc::new(nested))
    }

    fn attributes(&self) -> Result<Vec<Field>> {
        let mut seen = BTreeSet::new();
        for piece in &self.pieces {
            seen.extend(piece.attributes()?);
        }
        Ok(seen.into_iter().collect())
    }
}

/// The rows of columns in an order.
fn gather(columns: &[Arc<Column>], order: &[At]) -> Column {
    if let Some((parts, durations)) = ints(columns) {
        return Column::Ints { numbers: order.iter().map(|at| at.of(&parts)).collect(), durations };
    }
    if let Some((codes, values)) = coded(columns) {
        let code = |at: &At| match codes.get(at.piece as usize) {
            Some(Codes::All(code)) => *code,
            Some(Codes::Each(of, codes)) => {
                let code = codes.get(at.row as usize).and_then(|code| of.get(*code as usize));
                code.copied().unwrap_or_default()
            }
            None => 0,
        };
        return Column::Coded { codes: order.iter().map(code).collect(), values };
    }
    let value = |at: &At| columns.get(at.piece as usize).map(|column| column.get(at.row as usize));
    Column::Values(order.iter().map(|at| value(at).unwrap_or_default()).collect())
}

/// Columns of numbers of one type, if all are.
fn ints(columns: &[Arc<Column>]) -> Option<(Vec<&[i64]>, bool)> {
    let part = |column: &'_ Arc<Column>| match &**column {
        Column::Ints { durations, .. } => Some(*durations),
        _ => None,
    };
    let durations = part(columns.first()?)?;
    let numbers = |column: &'_ Arc<Column>| part(column) == Some(durations);
    columns.iter().all(numbers).then_some(())?;
    let parts = columns.iter().filter_map(|column| match &**column {
        Column::Ints { numbers, .. } => Some(numbers.as_slice()),
        _ => None,
    });
    Some((parts.collect(), durations))
}

/// The codes of a piece among the values of the whole.
enum Codes<'c> {
    All(u32),
    /// Code of the whole by code of the piece; code of the piece by row.
    Each(Vec<u32>, &'c [u32]),
}

/// Columns of codes over one list of values, if all have codes.
fn coded(columns: &[Arc<Column>]) -> Option<(Vec<Codes<'_>>, Vec<Value>)> {
    let mut values: Vec<Value> = Vec::new();
    let mut index: FxHashMap<Value, u32> = FxHashMap::default();
    let mut code = |value: &Value| {
        *index.entry(value.clone()).or_insert_with_key(|value| {
            values.push(value.clone());
            values.len() as u32 - 1
        })
    };
    let mut codes = Vec::with_capacity(columns.len());
    for column in columns {
        codes.push(match &**column {
            Column::Constant(value) => Codes::All(code(value)),
            Column::Coded { codes, values } => Codes::Each(values.iter().map(&mut code).collect(), codes),
            _ => return None,
        });
    }
    Some((codes, values))
}
