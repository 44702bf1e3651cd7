//! Columns in memory: any value of any row can be written at once.

use bedrock::codec::dictionary::Dictionary;
use bedrock::codec::{ByteReader, DecodeError, Expected};

use super::format::{Column, DecimalForm, FIXED_WIDTH_MAX, ROWS_MAX, Table};
use crate::rows::RowSet;
use crate::templates::ShortTemplate;

/// Byte strings back to back.
#[derive(Debug, Default)]
pub(super) struct Strings {
    pub(super) bytes: Vec<u8>,
    /// End of every string in `bytes`.
    pub(super) ends: Vec<u32>,
}

impl Strings {
    pub(super) fn get(&self, index: usize) -> &[u8] {
        let end = self.ends.get(index).copied().unwrap_or_default() as usize;
        let start =
            index.checked_sub(1).and_then(|before| self.ends.get(before)).copied().unwrap_or_default();
        self.bytes.get(start as usize..end).unwrap_or_default()
    }

    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }
}

/// One decoded column.
#[derive(Debug)]
pub(super) enum Decoded<'a> {
    Constant(&'a [u8]),
    Dictionary { entries: Strings, codes: Vec<u32> },
    Integer(Vec<i64>),
    Fixed { width: usize, values: Vec<i64> },
    Decimal { digits: u32, form: DecimalForm, suffix: &'a [u8], values: Vec<i64> },
    Hex { width: usize, bytes: &'a [u8] },
    Text(Strings),
    Words(DecodedTable<'a>),
}

/// A decoded table. Shapes without a wanted row have no columns.
#[derive(Debug)]
pub(super) struct DecodedTable<'a> {
    shapes: Vec<DecodedShape<'a>>,
    /// See [`Table::places`].
    places: &'a [(u32, u32)],
}

#[derive(Debug, Default)]
struct DecodedShape<'a> {
    first: &'a [u8],
    /// Slots, each with the text behind it.
    slots: Vec<(Decoded<'a>, &'a [u8])>,
}

impl<'a> DecodedTable<'a> {
    /// Decodes the columns that the wanted rows need; all of them where `wanted` is absent. Of shapes with a short
    /// template in `shorts` only its slots are decoded, and rows are written so.
    pub(super) fn decode(
        table: &'a Table,
        page: &'a [u8],
        times_ns: &[i64],
        wanted: Option<&RowSet>,
        shorts: &[Option<&'a ShortTemplate>],
    ) -> Result<Self, DecodeError> {
        let places = table.places(page)?;
        let needed = needed_shapes(table, places, wanted);
        let mut shapes = Vec::with_capacity(table.shapes.len());
        for (id, shape) in table.shapes.iter().enumerate() {
            let mut decoded = DecodedShape::default();
            if needed.get(id).copied().unwrap_or_default() {
                let times = if shape.columns.iter().any(has_clock) {
                    table.times_of(id, page, times_ns)?
                } else {
                    Vec::new()
                };
                let column = |slot: usize| match shape.columns.get(slot) {
                    Some(column) => Decoded::decode(column, shape.rows, page, &times),
                    None => Ok(Decoded::Constant(&[])),
                };
                match shorts.get(id).copied().flatten() {
                    Some(short) => {
                        decoded.first = &short.first;
                        for (slot, text) in &short.slots {
                            decoded.slots.push((column(*slot)?, text));
                        }
                    }
                    None => {
                        let (first, texts) =
                            shape.texts.split_first().unwrap_or((const { &Vec::new() }, &[]));
                        decoded.first = first;
                        for (slot, text) in texts.iter().enumerate() {
                            decoded.slots.push((column(slot)?, text));
                        }
                    }
                }
            }
            shapes.push(decoded);
        }
        Ok(DecodedTable { shapes, places })
    }

    /// Appends the value of a row to `out`.
    #[inline]
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) {
        let (id, place) = self.places.get(row).copied().unwrap_or((0, row as u32));
        let Some(shape) = self.shapes.get(id as usize) else { return };
        out.extend_from_slice(shape.first);
        for (column, text) in &shape.slots {
            column.write(place as usize, out);
            out.extend_from_slice(text);
        }
    }
}

/// The shapes that have a wanted row.
fn needed_shapes(table: &Table, places: &[(u32, u32)], wanted: Option<&RowSet>) -> Vec<bool> {
    let Some(wanted) = wanted else { return vec![true; table.shapes.len()] };
    let mut needed = vec![false; table.shapes.len()];
    if places.is_empty() {
        needed.fill(!wanted.is_empty());
        return needed;
    }
    for row in wanted.iter() {
        if let Some(&(id, _)) = places.get(row) {
            needed[id as usize] = true;
        }
    }
    needed
}

pub(super) fn has_clock(column: &Column) -> bool {
    match column {
        Column::Clock { .. } => true,
        Column::Words(table) => table.shapes.iter().any(|shape| shape.columns.iter().any(has_clock)),
        _ => false,
    }
}

impl<'a> Decoded<'a> {
    /// Decodes a column of `rows` values.
    pub(super) fn decode(
        column: &'a Column,
        rows: usize,
        page: &'a [u8],
        times_ns: &[i64],
    ) -> Result<Self, DecodeError> {
        Ok(match column {
            Column::Constant(value) => Decoded::Constant(value),
            Column::Dictionary { entries, codes } => {
                let entries = decode_entries(&entries.text(page)?)?;
                let codes = codes.codes(page, rows, entries.len())?;
                Decoded::Dictionary { entries, codes }
            }
            Column::Integer { values } => Decoded::Integer(values.numbers(page, rows)?),
            Column::Fixed { width, values } => {
                let width = usize::from(*width);
                Decoded::Fixed { width, values: values.numbers(page, rows)? }
            }
            Column::Clock { unit, values } => {
                let scale = 10i64.pow(u32::from(*unit));
                let mut values = values.numbers(page, rows)?;
                for (value, time_ns) in values.iter_mut().zip(times_ns) {
                    *value = value.wrapping_add(time_ns.div_euclid(scale));
                }
                Decoded::Integer(values)
            }
            Column::Decimal { digits, form, suffix, values } => Decoded::Decimal {
                digits: u32::from(*digits),
                form: *form,
                suffix,
                values: values.numbers(page, rows)?,
            },
            Column::Hex { width, values } => Decoded::Hex { width: *width, bytes: values.of(page) },
            Column::Text { lengths, text } => {
                let bytes = text.text(page)?;
                let lengths = lengths.codes(page, rows, bytes.len() + 1)?;
                Decoded::Text(strings(bytes, &lengths).ok_or_else(|| {
                    text.error("lengths of text", Expected::Form("lengths that add up"), lengths.len() as u64)
                })?)
            }
            Column::Words(table) => Decoded::Words(DecodedTable::decode(table, page, times_ns, None, &[])?),
        })
    }

    /// Appends the value of a row of the shape to `out`.
    #[inline]
    pub(super) fn write(&self, row: usize, out: &mut Vec<u8>) {
        match self {
            Decoded::Constant(value) => out.extend_from_slice(value),
            Decoded::Dictionary { entries, codes } => {
                out.extend_from_slice(entries.get(codes.get(row).copied().unwrap_or_default() as usize));
            }
            Decoded::Integer(values) => {
                let value = values.get(row).copied().unwrap_or_default();
                out.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
            }
            Decoded::Fixed { width, values } => {
                write_padded(values.get(row).copied().unwrap_or_default(), *width, out);
            }
            Decoded::Decimal { digits, form, suffix, values } => {
                write_decimal(values.get(row).copied().unwrap_or_default(), *digits, *form, out);
                out.extend_from_slice(suffix);
            }
            Decoded::Hex { width, bytes } => {
                for &byte in bytes.get(row * width..(row + 1) * width).unwrap_or_default() {
                    out.extend_from_slice(&HEX_PAIRS[usize::from(byte)]);
                }
            }
            Decoded::Text(strings) => out.extend_from_slice(strings.get(row)),
            Decoded::Words(table) => table.write(row, out),
        }
    }
}

/// The entries of a dictionary part, copied out of it.
pub(super) fn decode_entries(text: &[u8]) -> Result<Strings, DecodeError> {
    let mut reader = ByteReader::new(text);
    let dictionary = Dictionary::read(&mut reader, ROWS_MAX)?;
    let mut strings = Strings::default();
    for entry in dictionary.iter() {
        strings.bytes.extend_from_slice(entry);
        strings.ends.push(strings.bytes.len() as u32);
    }
    Ok(strings)
}

fn strings(bytes: Vec<u8>, lengths: &[u32]) -> Option<Strings> {
    let mut ends = Vec::with_capacity(lengths.len());
    let mut end = 0u32;
    for &length in lengths {
        end = end.checked_add(length)?;
        ends.push(end);
    }
    (end as usize == bytes.len()).then_some(Strings { bytes, ends })
}

const HEX_PAIRS: [[u8; 2]; 256] = {
    let digits = b"0123456789abcdef";
    let mut pairs = [[0; 2]; 256];
    let mut i = 0;
    while i < 256 {
        pairs[i] = [digits[i >> 4], digits[i & 15]];
        i += 1;
    }
    pairs
};

/// Zeros to pad with.
const ZEROS: [u8; FIXED_WIDTH_MAX as usize] = [b'0'; FIXED_WIDTH_MAX as usize];

fn write_padded(value: i64, width: usize, out: &mut Vec<u8>) {
    let mut buffer = itoa::Buffer::new();
    let digits = buffer.format(value.unsigned_abs());
    let missing = width.saturating_sub(digits.len());
    out.extend_from_slice(ZEROS.get(..missing).unwrap_or_default());
    out.extend_from_slice(digits.as_bytes());
}

fn write_decimal(value: i64, digits: u32, form: DecimalForm, out: &mut Vec<u8>) {
    let scale = 10i64.pow(digits);
    out.extend_from_slice(itoa::Buffer::new().format(value.div_euclid(scale)).as_bytes());
    out.push(b'.');
    let point = out.len();
    write_padded(value.rem_euclid(scale), digits as usize, out);
    let kept = match form {
        DecimalForm::Padded => return,
        DecimalForm::Trimmed => point + 1,
        DecimalForm::Shortest => point,
    };
    while out.len() > kept && out.last() == Some(&b'0') {
        out.pop();
    }
    if out.len() == point {
        out.pop();
    }
}
