//! A column of values on its own, in the same forms as the slots of a template: what metadata is stored in.

use bedrock::codec::{ByteReader, DecodeError};
use bytes::Bytes;

use super::column::write_column;
use super::decoded::Decoded;
use super::format::{CELLS_MAX, Column};

/// Appends a column of `values`, whose rows have the times `times_ns`.
pub(crate) fn write_values(values: &[&[u8]], times_ns: &[i64], out: &mut Vec<u8>) {
    write_column(values, times_ns, false, out);
}

/// A column that [`write_values`] wrote.
#[derive(Debug)]
pub(crate) struct ValueColumn {
    page: Bytes,
    column: Column,
    rows: usize,
}

impl ValueColumn {
    /// Reads the description of a column of `rows` values that fills `page`.
    pub(crate) fn open(page: Bytes, rows: usize) -> Result<Self, DecodeError> {
        let mut reader = ByteReader::new(&page);
        let column = Column::parse(&mut reader, rows, false, &mut { CELLS_MAX })?;
        reader.finish("column of values")?;
        Ok(ValueColumn { page, column, rows })
    }

    /// Appends every value to `bytes` and its end to `ends`.
    pub(crate) fn read(
        &self,
        times_ns: &[i64],
        bytes: &mut Vec<u8>,
        ends: &mut Vec<usize>,
    ) -> Result<(), DecodeError> {
        let decoded = Decoded::decode(&self.column, self.rows, &self.page, times_ns)?;
        for row in 0..self.rows {
            decoded.write(row, bytes);
            ends.push(bytes.len());
        }
        Ok(())
    }
}
