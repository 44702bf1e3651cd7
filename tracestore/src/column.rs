//! The values of one field for a batch of spans.

use rustc_hash::FxHashMap;

use crate::traceql::Value;

/// One value a span, in one of four shapes, so that a store can hand over what it has.
///
/// The engine works on the shape: a predicate over [`Column::Coded`] is decided once a distinct value, one over
/// [`Column::Ints`] is a loop over machine words.
#[derive(Clone, Debug)]
pub enum Column {
    /// Every span has this value. [`Value::Nil`] says that the field does not occur.
    Constant(Value),
    /// One code a span: an index into the distinct values. Every code is below the number of values.
    Coded {
        /// One a span.
        codes: Vec<u32>,
        /// The values that codes stand for, [`Value::Nil`] among them where spans lack the field.
        values: Vec<Value>,
    },
    /// One number a span, none missing.
    Ints {
        /// One a span.
        numbers: Vec<i64>,
        /// Whether the numbers are durations in nanoseconds rather than integers.
        durations: bool,
    },
    /// One value a span.
    Values(Vec<Value>),
}

impl Column {
    /// The value of the span at `row`; [`Value::Nil`] beyond the end.
    pub fn get(&self, row: usize) -> Value {
        match self {
            Column::Constant(value) => value.clone(),
            Column::Coded { codes, values } => {
                codes.get(row).and_then(|code| values.get(*code as usize)).cloned().unwrap_or_default()
            }
            Column::Ints { numbers, durations } => match numbers.get(row) {
                Some(number) if *durations => Value::Duration(*number),
                Some(number) => Value::Int(*number),
                None => Value::Nil,
            },
            Column::Values(values) => values.get(row).cloned().unwrap_or_default(),
        }
    }

    /// The column in which row `i` is row `rows[i]` of this one; `u32::MAX` stands for a span without the field.
    pub fn gather(&self, rows: &[u32]) -> Column {
        Column::Values(rows.iter().map(|row| self.get(*row as usize)).collect())
    }

    /// The same rows with `change` applied to each value; over codes it runs once a distinct value.
    pub fn map(&self, mut change: impl FnMut(&Value) -> Value) -> Column {
        match self {
            Column::Constant(value) => Column::Constant(change(value)),
            Column::Coded { codes, values } => {
                Column::Coded { codes: codes.clone(), values: values.iter().map(change).collect() }
            }
            Column::Ints { numbers, .. } => {
                Column::Values((0..numbers.len()).map(|row| change(&self.get(row))).collect())
            }
            Column::Values(values) => Column::Values(values.iter().map(change).collect()),
        }
    }

    /// Whether no span can have a value.
    pub fn is_absent(&self) -> bool {
        matches!(self, Column::Constant(Value::Nil))
    }
}

/// Builds a [`Column`] value by value and gives equal values one code.
#[derive(Debug, Default)]
pub struct ColumnBuilder {
    codes: Vec<u32>,
    values: Vec<Value>,
    index: FxHashMap<Value, u32>,
}

impl ColumnBuilder {
    /// Adds the value of the next span.
    pub fn push(&mut self, value: Value) {
        let next = self.values.len() as u32;
        let code = *self.index.entry(value).or_insert_with_key(|value| {
            self.values.push(value.clone());
            next
        });
        self.codes.push(code);
    }

    /// The column of what was pushed.
    pub fn finish(mut self) -> Column {
        match self.values.len() {
            0 => Column::Constant(Value::Nil),
            1 => Column::Constant(self.values.remove(0)),
            _ => Column::Coded { codes: self.codes, values: self.values },
        }
    }
}

/// The values of a field of which a span can have several: those of its events or of its links.
#[derive(Clone, Debug, Default)]
pub struct Nested {
    /// Where each span's items begin; one more than there are spans, and never falling.
    pub offsets: Vec<u32>,
    /// One value an item, of all spans one after the other.
    pub items: Vec<Value>,
}

impl Nested {
    /// The items of the span at `row`.
    pub fn row(&self, row: usize) -> &[Value] {
        let bounds = self.offsets.get(row).zip(self.offsets.get(row + 1));
        bounds.and_then(|(start, end)| self.items.get(*start as usize..*end as usize)).unwrap_or_default()
    }
}
