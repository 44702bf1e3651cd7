//! Attributes of spans, events or links: which keys each has, and a column of values a key.
//!
//! The keys of a span, in their order and as often as they occur, are its shape. Spans of one kind share one, so the
//! shapes of a group are few and say at once where each key is present, in which order a span listed its keys, and
//! which it named twice.
//!
//! ```text
//! shapes   count:varint  each: keys:varint, key:varint..  then the shape of every row: numbers
//! ```

use std::ops::Range;

use bedrock::codec::{ByteReader, DecodeError, numbers, varint};
use rustc_hash::FxHashMap;

use super::coder::Coder;
use super::row::Attributes;
use super::values::{ValuesBuilder, to_codes};

/// Numbers of the attribute keys of a block.
#[derive(Debug, Default)]
pub(super) struct Keys {
    numbers: FxHashMap<String, u32>,
    pub(super) names: Vec<String>,
}

impl Keys {
    pub(super) fn number(&mut self, key: &str) -> u32 {
        if let Some(&number) = self.numbers.get(key) {
            return number;
        }
        let number = self.names.len() as u32;
        self.numbers.insert(key.to_owned(), number);
        self.names.push(key.to_owned());
        number
    }
}

/// Gathers the attributes of rows.
#[derive(Debug, Default)]
pub(super) struct AttributesBuilder {
    shapes: FxHashMap<Vec<u32>, i64>,
    shape_keys: Vec<Vec<u32>>,
    rows: Vec<i64>,
    /// By number of the key; empty where no row has it.
    columns: Vec<ValuesBuilder>,
    /// The shape of the row at hand.
    shape: Vec<u32>,
}

impl AttributesBuilder {
    pub(super) fn push(&mut self, attributes: Attributes<'_>, keys: &mut Keys) {
        self.shape.clear();
        attributes.each(|key, value| {
            let number = keys.number(key);
            let repeats = self.shape.contains(&number);
            self.shape.push(number);
            let key = number as usize;
            if self.columns.len() <= key {
                self.columns.resize_with(key + 1, ValuesBuilder::default);
            }
            self.columns[key].push(value);
            if repeats {
                self.columns[key].set_repeats();
            }
        });
        let shape = std::mem::take(&mut self.shape);
        let number = self.number(&shape);
        self.rows.push(number);
        self.shape = shape;
    }

    /// Adds a row of which only the shape is known, by its number.
    pub(super) fn push_shape(&mut self, number: i64) {
        self.rows.push(number);
    }

    /// The number of a shape.
    pub(super) fn number(&mut self, shape: &[u32]) -> i64 {
        if let Some(number) = self.shapes.get(shape) {
            return *number;
        }
        let number = self.shape_keys.len() as i64;
        self.shapes.insert(shape.to_vec(), number);
        self.shape_keys.push(shape.to_vec());
        number
    }

    /// Appends the shapes.
    pub(super) fn write_shapes(&self, coder: &mut Coder, out: &mut Vec<u8>) {
        varint::write(self.shape_keys.len() as u64, out);
        for shape in &self.shape_keys {
            varint::write(shape.len() as u64, out);
            shape.iter().for_each(|key| varint::write(u64::from(*key), out));
        }
        coder.numbers(&self.rows, out);
    }

    /// The columns by key.
    pub(super) fn columns(&self) -> impl Iterator<Item = (u32, &ValuesBuilder)> {
        let columns = (0u32..).zip(&self.columns);
        columns.filter(|(_, column)| column.len() > 0)
    }
}

/// The shapes of the rows of a group.
#[derive(Debug, Default)]
pub(super) struct Shapes {
    pub(super) keys: Vec<Vec<u32>>,
    pub(super) rows: Vec<u32>,
}

impl Shapes {
    /// Reads the shapes of `rows` rows, with keys below `keys`.
    pub(super) fn read(reader: &mut ByteReader<'_>, rows: usize, keys: usize) -> Result<Self, DecodeError> {
        let mut shapes = Shapes::default();
        for _ in 0..reader.count("shapes", rows)? {
            let count = reader.count("keys of shape", reader.remaining())?;
            let shape: Result<Vec<u32>, DecodeError> = (0..count)
                .map(|_| Ok(reader.count("key of shape", keys.saturating_sub(1))? as u32))
                .collect();
            shapes.keys.push(shape?);
        }
        let numbers = numbers::read(reader, rows)?;
        shapes.rows = to_codes(reader, &numbers, shapes.keys.len())?;
        Ok(shapes)
    }

    /// For every row, which value of the key's column is its first, if it has the key.
    pub(super) fn first_values(&self, key: u32) -> impl Iterator<Item = Option<u32>> + '_ {
        self.values(key).map(|values| (!values.is_empty()).then_some(values.start))
    }

    /// For every row, which values of the key's column are its own.
    pub(super) fn values(&self, key: u32) -> impl Iterator<Item = Range<u32>> + '_ {
        let counts: Vec<u32> = self
            .keys
            .iter()
            .map(|shape| shape.iter().filter(|known| **known == key).count() as u32)
            .collect();
        let mut next = 0;
        self.rows.iter().map(move |shape| {
            let count = counts.get(*shape as usize).copied().unwrap_or_default();
            let first = next;
            next += count;
            first..next
        })
    }
}
