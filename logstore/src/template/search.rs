//! Which rows may hold a literal, found without building a line.
//!
//! A literal is taken apart into its runs of word bytes. Each run lies whole in one fixed text or one slot of a
//! line that holds the literal (see [`super::tokens`]; quoted content is one slot, so it holds there too). The rows
//! whose texts and columns may hold a run are found shape by shape; the rows of all runs are intersected. The answer
//! may hold rows without the literal, never the other way round: the caller tests the lines.

use bedrock::codec::DecodeError;
use memchr::memmem;

use super::column::hex_digit;
use super::decoded::{Strings, decode_entries};
use super::format::{Column, Shape, Table};
use super::tokens::{Cut, SLOT, cut_word, is_word_byte};
use crate::rows::RowSet;

/// Runs beyond this many, the shortest ones, add nothing but time.
const RUNS_MAX: usize = 4;

/// A run of word bytes of the literal, and its skeleton when cut at numbers.
struct Run<'a> {
    bytes: &'a [u8],
    skeleton: Vec<u8>,
    /// Made once, used for every text.
    finder: memmem::Finder<'a>,
}

/// The rows that may hold `literal`; `None` where the literal says nothing.
pub(super) fn candidates(table: &Table, page: &[u8], literal: &[u8]) -> Result<Option<RowSet>, DecodeError> {
    let mut runs: Vec<&[u8]> =
        literal.split(|&byte| !is_word_byte(byte)).filter(|run| !run.is_empty()).collect();
    runs.sort_by_key(|run| std::cmp::Reverse(run.len()));
    runs.truncate(RUNS_MAX);
    let mut found: Option<RowSet> = None;
    for bytes in runs {
        let mut cut = Cut::default();
        if !cut_word(bytes, &mut cut) {
            continue;
        }
        let run = Run { bytes, skeleton: cut.skeleton, finder: memmem::Finder::new(bytes) };
        let rows = rows_with(table, page, &run)?;
        match &mut found {
            None => found = Some(rows),
            Some(found) => found.intersect(&rows),
        }
        if found.as_ref().is_some_and(RowSet::is_empty) {
            break;
        }
    }
    Ok(found)
}

/// Which rows of a shape may hold a run.
enum Hits {
    All,
    Rows(RowSet),
}

fn rows_with(table: &Table, page: &[u8], run: &Run<'_>) -> Result<RowSet, DecodeError> {
    let hits: Vec<Option<Hits>> =
        table.shapes.iter().map(|shape| shape_hits(shape, page, run)).collect::<Result<_, _>>()?;
    spread(table, page, &hits)
}

/// Turns hits by shape into rows of the table.
fn spread(table: &Table, page: &[u8], hits: &[Option<Hits>]) -> Result<RowSet, DecodeError> {
    let mut rows = RowSet::none(table.rows);
    if hits.iter().all(Option::is_none) {
        return Ok(rows);
    }
    let ids = match &table.ids {
        None => vec![0; table.rows],
        Some(ids) => ids.codes(page, table.rows, table.shapes.len())?,
    };
    let mut next = vec![0usize; hits.len()];
    for (row, &id) in ids.iter().enumerate() {
        let place = next[id as usize];
        next[id as usize] += 1;
        let hit = match &hits[id as usize] {
            None => false,
            Some(Hits::All) => true,
            Some(Hits::Rows(set)) => set.contains(place),
        };
        if hit {
            rows.insert(row);
        }
    }
    Ok(rows)
}

fn shape_hits(shape: &Shape, page: &[u8], run: &Run<'_>) -> Result<Option<Hits>, DecodeError> {
    if shape.texts.iter().any(|text| run.finder.find(text).is_some()) {
        return Ok(Some(Hits::All));
    }
    let mut found: Option<RowSet> = None;
    for column in &shape.columns {
        match column_hits(column, shape.rows, page, run)? {
            None => {}
            Some(Hits::All) => return Ok(Some(Hits::All)),
            Some(Hits::Rows(rows)) => match &mut found {
                None => found = Some(rows),
                Some(found) => found.unite(&rows),
            },
        }
    }
    Ok(found.filter(|rows| !rows.is_empty()).map(Hits::Rows))
}

fn column_hits(
    column: &Column,
    rows: usize,
    page: &[u8],
    run: &Run<'_>,
) -> Result<Option<Hits>, DecodeError> {
    let all_if = |condition: bool| condition.then_some(Hits::All);
    Ok(match column {
        Column::Constant(value) => all_if(run.finder.find(value).is_some()),
        Column::Dictionary { entries, codes } => {
            let entries = decode_entries(&entries.text(page)?)?;
            let matching: Vec<bool> =
                (0..entries.len()).map(|code| run.finder.find(entries.get(code)).is_some()).collect();
            if !matching.contains(&true) {
                return Ok(None);
            }
            let mut hits = RowSet::none(rows);
            for (row, code) in codes.codes(page, rows, entries.len())?.into_iter().enumerate() {
                if matching[code as usize] {
                    hits.insert(row);
                }
            }
            Some(Hits::Rows(hits))
        }
        Column::Integer { .. } | Column::Fixed { .. } | Column::Clock { .. } => {
            all_if(run.bytes.iter().all(|&byte| byte.is_ascii_digit() || byte == b'-'))
        }
        // Digits and point, or the end of them and the start of the suffix.
        Column::Decimal { suffix, .. } => all_if(
            run.bytes.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.' || suffix.contains(byte)),
        ),
        Column::Hex { width, values } => hex_hits(values.of(page), *width, rows, run.bytes).map(Hits::Rows),
        Column::Text { lengths, text } => {
            let bytes = text.text(page)?;
            if run.finder.find(&bytes).is_none() {
                return Ok(None);
            }
            let lengths = lengths.codes(page, rows, bytes.len() + 1)?;
            Some(Hits::Rows(text_hits(&bytes, &lengths, run)))
        }
        Column::Words(table) => {
            let hits: Vec<Option<Hits>> =
                table.shapes.iter().map(|shape| word_hits(shape, page, run)).collect::<Result<_, _>>()?;
            let rows = spread(table, page, &hits)?;
            (!rows.is_empty()).then_some(Hits::Rows(rows))
        }
    })
}

/// A run may span texts and numbers of a word: its skeleton must then stand in the word's skeleton.
fn word_hits(shape: &Shape, page: &[u8], run: &Run<'_>) -> Result<Option<Hits>, DecodeError> {
    let is_remainder = shape.texts.iter().all(Vec::is_empty) && shape.columns.len() == 1;
    if is_remainder {
        return shape_hits(shape, page, run);
    }
    let skeleton = shape.texts.join(&SLOT);
    Ok(memmem::find(&skeleton, &run.skeleton).map(|_| Hits::All))
}

/// Rows of a text column whose value holds the run.
fn text_hits(bytes: &[u8], lengths: &[u32], run: &Run<'_>) -> RowSet {
    let mut strings = Strings { bytes: Vec::new(), ends: Vec::with_capacity(lengths.len()) };
    let mut end = 0u32;
    for &length in lengths {
        end = end.saturating_add(length);
        strings.ends.push(end);
    }
    let mut hits = RowSet::none(lengths.len());
    for at in overlapping(bytes, run.bytes) {
        let row = strings.ends.partition_point(|&end| end as usize <= at);
        // A hit over the border of two values belongs to neither.
        if strings.ends.get(row).is_some_and(|&end| at + run.bytes.len() <= end as usize) {
            hits.insert(row);
        }
    }
    hits
}

/// Rows whose hex digits hold the run, which must be hex itself. Searches the packed bytes for the whole bytes of
/// the run at both alignments; the half bytes at its ends are left to the caller's test of the line.
fn hex_hits(bytes: &[u8], width: usize, rows: usize, run: &[u8]) -> Option<RowSet> {
    let digits: Vec<u8> = run.iter().map(|&byte| hex_digit(byte)).collect::<Option<_>>()?;
    if digits.len() > 2 * width {
        return None;
    }
    let mut hits = RowSet::none(rows);
    for skip in 0..2 {
        let packed: Vec<u8> = digits
            .get(skip..)
            .unwrap_or_default()
            .chunks_exact(2)
            .map(|pair| pair[0] << 4 | pair[1])
            .collect();
        if packed.is_empty() {
            return Some(RowSet::all(rows));
        }
        for at in overlapping(bytes, &packed) {
            hits.insert(at / width);
        }
    }
    (!hits.is_empty()).then_some(hits)
}

/// All places of `needle`, overlapping ones too: a place over the border of two rows may hide one inside a row.
fn overlapping<'a>(bytes: &'a [u8], needle: &'a [u8]) -> impl Iterator<Item = usize> + 'a {
    let finder = memmem::Finder::new(needle).into_owned();
    let mut from = 0;
    std::iter::from_fn(move || {
        let at = from + finder.find(bytes.get(from..)?)?;
        from = at + 1;
        Some(at)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A full run of the property test found it: `00` over the border of `0` and `007` hid the one inside `007`.
    #[test]
    fn a_hit_over_a_border_hides_none_inside_a_value() {
        let run = Run { bytes: b"00", skeleton: Vec::new(), finder: memmem::Finder::new(b"00") };
        let hits = text_hits(b"0007", &[1, 3], &run);
        assert!(!hits.contains(0) && hits.contains(1));
    }
}
