//! Reads a template page.

use bedrock::codec::{ByteReader, DecodeError, Expected};
use bytes::Bytes;

use super::decoded::DecodedTable;
use super::format::{CELLS_MAX, ROWS_MAX, Table, VERSION};
use super::{query, search};
use crate::lines::LineBuffer;
use crate::rows::RowSet;
use crate::templates::{TemplateQuery, TemplateReading};

/// A template page: its templates parsed, its columns still encoded.
#[derive(Debug)]
pub struct TemplatePage {
    page: Bytes,
    table: Table,
}

impl TemplatePage {
    /// Parses the templates of a page of `rows` lines. Columns are decoded by the calls below and checked then.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where the bytes are not a template page of that many lines.
    pub fn open(page: Bytes, rows: usize) -> Result<Self, DecodeError> {
        let mut reader = ByteReader::new(&page);
        let version = reader.u8("version of template page")?;
        if version != VERSION {
            let expected = Expected::Exactly(u64::from(VERSION));
            return Err(reader.error("version of template page", expected, u64::from(version)));
        }
        if rows > ROWS_MAX {
            return Err(reader.error("lines of page", Expected::AtMost(ROWS_MAX as u64), rows as u64));
        }
        let table = Table::parse(&mut reader, rows, false, &mut { CELLS_MAX })?;
        reader.finish("template page")?;
        Ok(TemplatePage { page, table })
    }

    /// Number of templates.
    pub fn templates(&self) -> usize {
        self.table.shapes.len()
    }

    /// The rows whose line may hold `literal`: a superset of those that do, found from fixed texts and columns
    /// alone. `None` where the literal has no word in it and says nothing.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where a column that had to be read is damaged.
    pub fn candidates(&self, literal: &[u8]) -> Result<Option<RowSet>, DecodeError> {
        search::candidates(&self.table, &self.page, literal)
    }

    /// As [`TemplatePage::candidates`], for rows that hold at least one of several literals.
    ///
    /// # Errors
    ///
    /// As [`TemplatePage::candidates`].
    pub fn candidates_any(&self, literals: &[Vec<u8>]) -> Result<Option<RowSet>, DecodeError> {
        let mut all: Option<RowSet> = None;
        for literal in literals {
            let Some(found) = self.candidates(literal)? else { return Ok(None) };
            match &mut all {
                None => all = Some(found),
                Some(all) => all.unite(&found),
            }
        }
        Ok(all)
    }

    /// Appends the lines of the wanted rows, in order, all of them where `wanted` is absent. `times_ns` are the
    /// times of all rows of the page, as they were when it was written. Only templates with a wanted row are
    /// decoded. About 300 ns a line, the decoding of columns included.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where a column is damaged.
    pub fn lines(
        &self,
        times_ns: &[i64],
        wanted: Option<&RowSet>,
        out: &mut LineBuffer,
    ) -> Result<(), DecodeError> {
        self.lines_read(times_ns, wanted, &[], out)
    }

    /// What a query says of each template, in order.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where a dictionary that had to be read is damaged.
    pub fn read(&self, query: &dyn TemplateQuery) -> Result<Vec<TemplateReading>, DecodeError> {
        query::read(&self.table, &self.page, query)
    }

    /// Removes the rows from `wanted` whose lines fail the tests of the `readings` of a query.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where a column that had to be read is damaged.
    pub fn narrow(
        &self,
        query: &dyn TemplateQuery,
        readings: &[TemplateReading],
        times_ns: &[i64],
        wanted: &mut RowSet,
    ) -> Result<(), DecodeError> {
        query::narrow(&self.table, &self.page, query, readings, times_ns, wanted)
    }

    /// As [`TemplatePage::lines`], but with the short templates of the `readings` where there are any.
    ///
    /// # Errors
    ///
    /// As [`TemplatePage::lines`].
    pub fn lines_read(
        &self,
        times_ns: &[i64],
        wanted: Option<&RowSet>,
        readings: &[TemplateReading],
        out: &mut LineBuffer,
    ) -> Result<(), DecodeError> {
        let shorts: Vec<_> = readings.iter().map(|reading| reading.short.as_ref()).collect();
        let table = DecodedTable::decode(&self.table, &self.page, times_ns, wanted, &shorts)?;
        match wanted {
            None => (0..self.table.rows).for_each(|row| out.push_with(|bytes| table.write(row, bytes))),
            Some(rows) => rows.iter().for_each(|row| out.push_with(|bytes| table.write(row, bytes))),
        }
        Ok(())
    }
}
