//! Layout of a template page.
//!
//! ```text
//! page    version:u8  table
//! table   shapes:varint  heads:part  ids:part (only where shapes > 1)  columns of shape 0, of shape 1, ...
//! heads   (zstd) for every shape: rows:varint  slots:varint  slots + 1 fixed texts, each length:varint and bytes
//! ids     (numbers) the shape of every row
//! column  kind:u8 and, by kind:
//!         0 constant     value: length:varint, bytes
//!         1 dictionary   entries:part (zstd of a dictionary)  codes:part (numbers)
//!         2 integer      values:part (numbers); printed in decimal without leading zeros
//!         3 fixed        width:u8  values:part (numbers); decimal with leading zeros up to the width
//!         4 clock        unit:u8 (power of ten in ns)  values:part (numbers); the integer minus time / 10^unit
//!         5 decimal      digits:u8  form:u8 (see `DecimalForm`)  suffix: length:varint, bytes  values:part (numbers)
//!         6 hex          width:u8 (bytes)  the raw bytes of all values
//!         7 text         ends:part (numbers: lengths)  text:part (zstd, back to back)
//!         8 words        table over the values, cut at their numbers
//! part    length:varint bytes
//! numbers see `bedrock::codec::numbers`
//! ```
//!
//! The page holds neither the number of its rows nor a checksum: the row group that it belongs to knows both.
//!
//! Invariants: the rows of the shapes add up to the rows of the table; a column has as many values as its shape has
//! rows; words do not nest; a table has at most [`ROWS_MAX`] rows and a page [`CELLS_MAX`] values, because a
//! constant column of a few bytes decodes to a value for every row.
//!
//! Version 1 is the first.

use std::cell::OnceCell;

use bedrock::codec::zstd_page::ZstdDecoder;
use bedrock::codec::{ByteReader, DecodeError, Expected, numbers};

use super::tokens::SLOTS_MAX;

/// The version byte of pages written by this build.
pub(super) const VERSION: u8 = 1;

/// Most rows of one page.
pub(crate) const ROWS_MAX: usize = 1 << 20;

/// Most values of all columns together. A row group has a hundred thousand lines of some ten slots.
pub(super) const CELLS_MAX: usize = 1 << 25;

/// Most bytes that one zstd part may grow to.
pub(super) const TEXT_BYTES_MAX: usize = 256 << 20;

pub(super) const KIND_CONSTANT: u8 = 0;
pub(super) const KIND_DICTIONARY: u8 = 1;
pub(super) const KIND_INTEGER: u8 = 2;
pub(super) const KIND_FIXED: u8 = 3;
pub(super) const KIND_CLOCK: u8 = 4;
pub(super) const KIND_DECIMAL: u8 = 5;
pub(super) const KIND_HEX: u8 = 6;
pub(super) const KIND_TEXT: u8 = 7;
pub(super) const KIND_WORDS: u8 = 8;

/// Most digits behind the point of a decimal column, and most digits of an integer or fixed value: all of them
/// fit an `i64` together.
pub(super) const DECIMAL_DIGITS_MAX: u8 = 6;
pub(super) const FIXED_WIDTH_MAX: u8 = 18;
/// Units of a clock column as powers of ten of a nanosecond: ns, us, ms, s.
pub(super) const CLOCK_UNITS: [u8; 4] = [0, 3, 6, 9];

/// Where a part lies in the page.
#[derive(Clone, Copy, Debug)]
pub(super) struct Part {
    start: usize,
    end: usize,
}

impl Part {
    fn parse(reader: &mut ByteReader<'_>, what: &'static str) -> Result<Part, DecodeError> {
        let bytes = reader.bytes(what)?;
        Ok(Self::before(reader, bytes.len()))
    }

    /// The `length` bytes that `reader` took last.
    fn before(reader: &ByteReader<'_>, length: usize) -> Part {
        let end = reader.position() as usize;
        Part { start: end - length, end }
    }

    /// The bytes of the part.
    pub(super) fn of<'a>(&self, page: &'a [u8]) -> &'a [u8] {
        page.get(self.start..self.end).unwrap_or_default()
    }

    /// Decodes `count` numbers.
    pub(super) fn numbers(&self, page: &[u8], count: usize) -> Result<Vec<i64>, DecodeError> {
        numbers::decode(&mut ByteReader::with_base(self.of(page), self.start as u64), count)
    }

    /// Decodes `count` numbers from 0 to `limit - 1`.
    pub(super) fn codes(&self, page: &[u8], count: usize, limit: usize) -> Result<Vec<u32>, DecodeError> {
        let mut codes = Vec::with_capacity(count);
        for value in self.numbers(page, count)? {
            match u32::try_from(value) {
                Ok(code) if (code as usize) < limit => codes.push(code),
                _ => return Err(self.error("code", Expected::AtMost(limit as u64), value as u64)),
            }
        }
        Ok(codes)
    }

    /// Decompresses the part.
    pub(super) fn text(&self, page: &[u8]) -> Result<Vec<u8>, DecodeError> {
        let mut text = Vec::new();
        ZstdDecoder::new().decode(self.of(page), TEXT_BYTES_MAX, &mut text)?;
        Ok(text)
    }

    /// An error that names the start of this part.
    pub(super) fn error(&self, what: &'static str, expected: Expected, found: u64) -> DecodeError {
        DecodeError { what, position: self.start as u64, expected, found }
    }
}

/// Rows that are made of shapes: all lines of a page, or the values of a column of words.
#[derive(Debug)]
pub(super) struct Table {
    /// Number of rows.
    pub(super) rows: usize,
    /// The distinct fixed texts and their columns.
    pub(super) shapes: Vec<Shape>,
    /// The shape of every row; absent where there is one shape only.
    pub(super) ids: Option<Part>,
    /// Shape and place in the shape of every row, once they were asked for.
    places: OnceCell<Vec<(u32, u32)>>,
}

/// Rows that share their fixed text.
#[derive(Debug)]
pub(super) struct Shape {
    /// Number of rows.
    pub(super) rows: usize,
    /// Fixed text before the first slot, between slots, and behind the last: one more than `columns`.
    pub(super) texts: Vec<Vec<u8>>,
    /// The values of each slot.
    pub(super) columns: Vec<Column>,
}

/// The values of one slot over the rows of its shape.
#[derive(Debug)]
pub(super) enum Column {
    Constant(Vec<u8>),
    Dictionary { entries: Part, codes: Part },
    Integer { values: Part },
    Fixed { width: u8, values: Part },
    Clock { unit: u8, values: Part },
    Decimal { digits: u8, form: DecimalForm, suffix: Vec<u8>, values: Part },
    Hex { width: usize, values: Part },
    Text { lengths: Part, text: Part },
    Words(Table),
}

/// How the values of a decimal column were printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub(super) enum DecimalForm {
    /// With all digits behind the point, `12.500`.
    Padded = 0,
    /// Without trailing zeros but for the first digit behind the point, `12.5` and `12.0`.
    Trimmed = 1,
    /// Without trailing zeros, and without a point where none are left, `12.5` and `12`.
    Shortest = 2,
}

impl Table {
    /// Reads the description of a table; its columns are decoded when they are needed.
    ///
    /// `cells_left` is what is left of [`CELLS_MAX`].
    pub(super) fn parse(
        reader: &mut ByteReader<'_>,
        rows: usize,
        nested: bool,
        cells_left: &mut usize,
    ) -> Result<Table, DecodeError> {
        take_cells(reader, rows, cells_left)?;
        let count = reader.count("shapes", rows.max(1))?;
        let heads = reader.bytes("heads of shapes")?;
        let mut text = Vec::new();
        ZstdDecoder::new().decode(heads, TEXT_BYTES_MAX, &mut text)?;
        let mut shapes = parse_heads(&text, count, rows)?;
        let ids = if count > 1 { Some(Part::parse(reader, "shapes of rows")?) } else { None };
        for shape in &mut shapes {
            for _ in 1..shape.texts.len() {
                take_cells(reader, shape.rows, cells_left)?;
                shape.columns.push(Column::parse(reader, shape.rows, nested, cells_left)?);
            }
        }
        Ok(Table { rows, shapes, ids, places: OnceCell::new() })
    }
}

impl Table {
    /// The shape of every row and the row's place among the rows of its shape; empty where there is one shape. Decoded
    /// at the first call, and checked against the rows that the shapes claim.
    pub(super) fn places(&self, page: &[u8]) -> Result<&[(u32, u32)], DecodeError> {
        let Some(ids) = &self.ids else { return Ok(&[]) };
        if let Some(places) = self.places.get() {
            return Ok(places);
        }
        let mut next = vec![0u32; self.shapes.len()];
        let mut places = Vec::with_capacity(self.rows);
        for id in ids.codes(page, self.rows, self.shapes.len())? {
            let slot = &mut next[id as usize];
            places.push((id, *slot));
            *slot += 1;
        }
        for (shape, &found) in self.shapes.iter().zip(&next) {
            if shape.rows != found as usize {
                let expected = Expected::Exactly(shape.rows as u64);
                return Err(ids.error("rows of shape", expected, u64::from(found)));
            }
        }
        Ok(self.places.get_or_init(|| places))
    }

    /// The times of the rows of a shape, out of those of all rows.
    pub(super) fn times_of(
        &self,
        shape: usize,
        page: &[u8],
        times_ns: &[i64],
    ) -> Result<Vec<i64>, DecodeError> {
        let places = self.places(page)?;
        if places.is_empty() {
            return Ok(times_ns.to_vec());
        }
        let of_shape = places.iter().zip(times_ns).filter(|((id, _), _)| *id as usize == shape);
        Ok(of_shape.map(|(_, time_ns)| *time_ns).collect())
    }
}

fn take_cells(reader: &ByteReader<'_>, rows: usize, cells_left: &mut usize) -> Result<(), DecodeError> {
    match cells_left.checked_sub(rows) {
        Some(left) => {
            *cells_left = left;
            Ok(())
        }
        None => Err(reader.error("values of page", Expected::AtMost(CELLS_MAX as u64), rows as u64)),
    }
}

fn parse_heads(heads: &[u8], count: usize, rows: usize) -> Result<Vec<Shape>, DecodeError> {
    let mut reader = ByteReader::new(heads);
    let mut shapes = Vec::new();
    let mut left = rows;
    for _ in 0..count {
        let shape_rows = reader.count("rows of shape", left)?;
        left -= shape_rows;
        let slots = reader.count("slots of shape", SLOTS_MAX)?;
        let mut texts = Vec::with_capacity(slots + 1);
        for _ in 0..=slots {
            texts.push(reader.bytes("fixed text")?.to_vec());
        }
        shapes.push(Shape { rows: shape_rows, texts, columns: Vec::new() });
    }
    if left > 0 {
        return Err(reader.error("rows of shapes", Expected::Exactly(rows as u64), (rows - left) as u64));
    }
    reader.finish("heads of shapes")?;
    Ok(shapes)
}

impl Column {
    /// Reads the description of a column; its values are decoded when they are needed.
    pub(super) fn parse(
        reader: &mut ByteReader<'_>,
        rows: usize,
        nested: bool,
        cells_left: &mut usize,
    ) -> Result<Column, DecodeError> {
        Ok(match reader.u8("kind of column")? {
            KIND_CONSTANT => Column::Constant(reader.bytes("constant")?.to_vec()),
            KIND_DICTIONARY => {
                let entries = Part::parse(reader, "entries")?;
                Column::Dictionary { entries, codes: Part::parse(reader, "codes")? }
            }
            KIND_INTEGER => Column::Integer { values: Part::parse(reader, "integers")? },
            KIND_FIXED => {
                let width = bounded(reader, "width", FIXED_WIDTH_MAX)?;
                Column::Fixed { width, values: Part::parse(reader, "fixed integers")? }
            }
            KIND_CLOCK => {
                let unit = bounded(reader, "unit of clock", CLOCK_UNITS[CLOCK_UNITS.len() - 1])?;
                Column::Clock { unit, values: Part::parse(reader, "clock")? }
            }
            KIND_DECIMAL => {
                let digits = bounded(reader, "digits of decimal", DECIMAL_DIGITS_MAX)?;
                let form = match bounded(reader, "form of decimal", DecimalForm::Shortest as u8)? {
                    0 => DecimalForm::Padded,
                    1 => DecimalForm::Trimmed,
                    _ => DecimalForm::Shortest,
                };
                let suffix = reader.bytes("suffix of decimal")?.to_vec();
                Column::Decimal { digits, form, suffix, values: Part::parse(reader, "decimals")? }
            }
            KIND_HEX => {
                let width = usize::from(reader.u8("width of hex")?);
                reader.take("hex", width * rows)?;
                Column::Hex { width, values: Part::before(reader, width * rows) }
            }
            KIND_TEXT => {
                let lengths = Part::parse(reader, "lengths of text")?;
                Column::Text { lengths, text: Part::parse(reader, "text")? }
            }
            KIND_WORDS if !nested => Column::Words(Table::parse(reader, rows, true, cells_left)?),
            kind => {
                return Err(reader.error(
                    "kind of column",
                    Expected::AtMost(u64::from(KIND_WORDS)),
                    u64::from(kind),
                ));
            }
        })
    }
}

fn bounded(reader: &mut ByteReader<'_>, what: &'static str, max: u8) -> Result<u8, DecodeError> {
    let value = reader.u8(what)?;
    if value > max {
        return Err(reader.error(what, Expected::AtMost(u64::from(max)), u64::from(value)));
    }
    Ok(value)
}
