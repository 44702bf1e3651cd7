//! What a query says of templates, and which rows pass its tests: columns are looked at, lines are not built.
//!
//! What the cuts promise (see [`super::tokens`]) is what makes it sound: a slot between two quotes holds what stood
//! between them in a line, or a word; any other slot holds a word. Only the shape without fixed text, which takes the
//! rows of rare shapes and those that cannot be cut, promises nothing and is left alone.

use bedrock::codec::DecodeError;

use super::decoded::{Decoded, Strings, decode_entries, has_clock};
use super::format::{Column, Shape, Table};
use crate::rows::RowSet;
use crate::templates::{LineTemplate, SlotKind, TemplateQuery, TemplateReading};

/// A reading costs some microseconds, and a line some hundred nanoseconds.
const SHAPE_ROWS_MIN: usize = 64;

/// What a query says of every shape.
pub(super) fn read(
    table: &Table,
    page: &[u8],
    query: &dyn TemplateQuery,
) -> Result<Vec<TemplateReading>, DecodeError> {
    let mut readings = Vec::with_capacity(table.shapes.len());
    for shape in &table.shapes {
        let is_cut = shape.texts.iter().any(|text| !text.is_empty());
        let reading = if is_cut && shape.rows >= SHAPE_ROWS_MIN {
            let slots = kinds(shape, page)?;
            query.read(&LineTemplate { texts: &shape.texts, slots: &slots })
        } else {
            TemplateReading::default()
        };
        readings.push(reading);
    }
    Ok(readings)
}

fn kinds(shape: &Shape, page: &[u8]) -> Result<Vec<SlotKind>, DecodeError> {
    let texts = shape.texts.windows(2);
    shape
        .columns
        .iter()
        .zip(texts)
        .map(|(column, pair)| {
            if pair[0].ends_with(b"\"") && pair[1].starts_with(b"\"") {
                return Ok(SlotKind::Quoted);
            }
            // All values of a text are looked at only where JSON has a value: nobody else asks for the kind.
            let behind = pair[0].trim_ascii_end().last();
            let reads_text = matches!(behind, Some(b':' | b',' | b'['));
            let scalar = are_scalars(column, shape.rows, page, reads_text)?;
            Ok(if scalar { SlotKind::Scalar } else { SlotKind::Word })
        })
        .collect()
}

/// Whether all values of a column are scalars; false where that is not known.
fn are_scalars(column: &Column, rows: usize, page: &[u8], reads_text: bool) -> Result<bool, DecodeError> {
    let all = |values: &Strings| (0..values.len()).all(|number| is_scalar(values.get(number)));
    Ok(match column {
        Column::Integer { .. } | Column::Fixed { .. } | Column::Clock { .. } | Column::Decimal { .. } => true,
        Column::Constant(value) => is_scalar(value),
        Column::Dictionary { entries, .. } => all(&decode_entries(&entries.text(page)?)?),
        Column::Text { .. } if reads_text => match Decoded::decode(column, rows, page, &[])? {
            Decoded::Text(values) => all(&values),
            _ => false,
        },
        Column::Words(table) => {
            for shape in &table.shapes {
                if !are_scalar_words(shape, page, reads_text)? {
                    return Ok(false);
                }
            }
            true
        }
        Column::Hex { .. } | Column::Text { .. } => false,
    })
}

/// As [`are_scalars`], for the words of one shape. The slots of words are runs of digits, but for the shape of rare words,
/// which has no text.
fn are_scalar_words(shape: &Shape, page: &[u8], reads_text: bool) -> Result<bool, DecodeError> {
    match (shape.texts.as_slice(), shape.columns.as_slice()) {
        ([word], []) => Ok(is_scalar(word)),
        ([before, behind], [column]) if before.is_empty() && behind.is_empty() => {
            are_scalars(column, shape.rows, page, reads_text)
        }
        (texts, _) => Ok(texts.first().is_some_and(|text| text.is_empty() || text == b"-")),
    }
}

/// See [`SlotKind::Scalar`].
fn is_scalar(value: &[u8]) -> bool {
    let digits = value.strip_prefix(b"-").unwrap_or(value);
    matches!(value, b"true" | b"false" | b"null") || digits.first().is_some_and(u8::is_ascii_digit)
}

/// Removes the rows that fail the tests.
pub(super) fn narrow(
    table: &Table,
    page: &[u8],
    query: &dyn TemplateQuery,
    readings: &[TemplateReading],
    times_ns: &[i64],
    wanted: &mut RowSet,
) -> Result<(), DecodeError> {
    if readings.iter().all(|reading| !reading.none && reading.tests.is_empty()) {
        return Ok(());
    }
    let places = table.places(page)?;
    let mut rows_of: Vec<Vec<(u32, u32)>> = vec![Vec::new(); table.shapes.len()];
    for row in wanted.iter() {
        let (id, place) = places.get(row).copied().unwrap_or((0, row as u32));
        rows_of[id as usize].push((row as u32, place));
    }
    let mut kept = RowSet::none(table.rows);
    for (id, mut rows) in rows_of.into_iter().enumerate() {
        let (Some(shape), Some(reading)) = (table.shapes.get(id), readings.get(id)) else { continue };
        if reading.none {
            continue;
        }
        for &(slot, test) in &reading.tests {
            if rows.is_empty() {
                break;
            }
            let Some(column) = shape.columns.get(slot) else { continue };
            let times = if has_clock(column) { table.times_of(id, page, times_ns)? } else { Vec::new() };
            let decoded = Decoded::decode(column, shape.rows, page, &times)?;
            keep_passing(&decoded, &mut rows, |value| query.passes(test, value));
        }
        rows.iter().for_each(|&(row, _)| kept.insert(row as usize));
    }
    *wanted = kept;
    Ok(())
}

/// Keeps the rows whose value passes. Entries of a dictionary are tested once each.
fn keep_passing(column: &Decoded<'_>, rows: &mut Vec<(u32, u32)>, passes: impl Fn(&[u8]) -> bool) {
    match column {
        Decoded::Constant(value) => {
            if !passes(value) {
                rows.clear();
            }
        }
        Decoded::Dictionary { entries, codes } => {
            let passing: Vec<bool> = (0..entries.len()).map(|code| passes(entries.get(code))).collect();
            let code = |place: u32| codes.get(place as usize).copied().unwrap_or_default() as usize;
            rows.retain(|&(_, place)| passing.get(code(place)).copied().unwrap_or(true));
        }
        column => {
            let mut value = Vec::new();
            rows.retain(|&(_, place)| {
                value.clear();
                column.write(place as usize, &mut value);
                passes(&value)
            });
        }
    }
}
