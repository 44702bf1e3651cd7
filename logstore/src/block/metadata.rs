//! The page of structured metadata: one typed column a key.

use std::collections::BTreeMap;

use bedrock::codec::bytes::write_bytes;
use bedrock::codec::zstd_page::{ZstdDecoder, ZstdEncoder};
use bedrock::codec::{ByteReader, DecodeError, Expected, varint};
use bytes::Bytes;

use crate::batch::MetadataIter;
use crate::lines::LineBuffer;
use crate::rows::RowSet;
use crate::template::{ValueColumn, write_values};

const ZSTD_LEVEL: i32 = 3;

/// The rows that have a key, their values and their times.
struct GatheredKey<'a> {
    rows: RowSet,
    values: Vec<&'a [u8]>,
    times_ns: Vec<i64>,
}

/// Encodes the metadata of all rows of a group; nothing where no row has any.
pub(super) fn write_metadata_page(metadata: &LineBuffer, times_ns: &[i64]) -> Vec<u8> {
    if metadata.bytes().is_empty() {
        return Vec::new();
    }
    let mut keys: BTreeMap<&str, GatheredKey<'_>> = BTreeMap::new();
    for (row, (encoded, &ts_ns)) in metadata.iter().zip(times_ns).enumerate() {
        for (name, value) in MetadataIter::new(encoded).flatten() {
            let key = keys.entry(name).or_insert_with(|| GatheredKey {
                rows: RowSet::none(times_ns.len()),
                values: Vec::new(),
                times_ns: Vec::new(),
            });
            key.rows.insert(row);
            key.values.push(value.as_bytes());
            key.times_ns.push(ts_ns);
        }
    }
    let mut encoder = ZstdEncoder::new(ZSTD_LEVEL).expect("the level is one of zstd's");
    let mut page = Vec::new();
    varint::write(keys.len() as u64, &mut page);
    for (name, key) in &keys {
        write_bytes(name.as_bytes(), &mut page);
        let mut bitmap = Vec::new();
        encoder.encode(&key.rows.to_bytes(), &mut bitmap);
        write_bytes(&bitmap, &mut page);
        let mut column = Vec::new();
        write_values(&key.values, &key.times_ns, &mut column);
        write_bytes(&column, &mut page);
    }
    page
}

/// One key of a group.
#[derive(Debug)]
pub(super) struct KeyColumn {
    name: String,
    rows: RowSet,
    column: ValueColumn,
}

/// Metadata of the rows of a group: encoded pairs again, row by row.
#[derive(Debug, Default)]
pub(crate) struct MetadataRows {
    names: Vec<String>,
    values: Vec<u8>,
    /// Of every wanted row, where its pairs begin in `pairs`; one more than rows.
    starts: Vec<u32>,
    /// Name and place of the value.
    pairs: Vec<(u32, usize, usize)>,
}

impl MetadataRows {
    /// Decodes the page for the `wanted` rows out of `times_ns.len()`.
    pub(super) fn decode(page: &Bytes, times_ns: &[i64], wanted: &RowSet) -> Result<Self, DecodeError> {
        let keys = parse_keys(page, times_ns.len())?;
        let mut decoded = MetadataRows::default();
        let mut by_row: Vec<Vec<(u32, usize, usize)>> = vec![Vec::new(); times_ns.len()];
        for key in keys {
            let number = decoded.names.len() as u32;
            let times: Vec<i64> = key.rows.iter().map(|row| times_ns[row]).collect();
            let mut start = decoded.values.len();
            let mut ends = Vec::with_capacity(times.len());
            key.column.read(&times, &mut decoded.values, &mut ends)?;
            if std::str::from_utf8(&decoded.values[start..]).is_err() {
                return Err(ByteReader::new(page).error("metadata value", Expected::Form("UTF-8"), 0));
            }
            for (row, end) in key.rows.iter().zip(ends) {
                by_row[row].push((number, start, end));
                start = end;
            }
            decoded.names.push(key.name);
        }
        for row in wanted.iter() {
            decoded.starts.push(decoded.pairs.len() as u32);
            decoded.pairs.extend_from_slice(&by_row[row]);
        }
        decoded.starts.push(decoded.pairs.len() as u32);
        Ok(decoded)
    }

    /// Adds a row.
    pub(crate) fn push<'a>(&mut self, pairs: impl Iterator<Item = (&'a str, &'a str)>) {
        if self.starts.is_empty() {
            self.starts.push(0);
        }
        for (name, value) in pairs {
            let known = self.names.iter().position(|known| known == name);
            let number = known.unwrap_or_else(|| {
                self.names.push(name.to_owned());
                self.names.len() - 1
            });
            let start = self.values.len();
            self.values.extend_from_slice(value.as_bytes());
            self.pairs.push((number as u32, start, self.values.len()));
        }
        self.starts.push(self.pairs.len() as u32);
    }

    /// The pairs of the wanted row at `index`, sorted by name. Nothing where the group has no metadata.
    pub(crate) fn pairs(&self, index: usize) -> impl Iterator<Item = (&str, &str)> {
        let start = self.starts.get(index).copied().unwrap_or_default() as usize;
        let end = self.starts.get(index + 1).copied().unwrap_or_default() as usize;
        let pairs = self.pairs.get(start..end).unwrap_or_default();
        pairs.iter().map(|&(name, from, to)| {
            let value = self.values.get(from..to).and_then(|value| str::from_utf8(value).ok());
            (self.names[name as usize].as_str(), value.unwrap_or_default())
        })
    }
}

/// The names of the keys of a page.
pub(super) fn key_names(page: &Bytes, rows: usize) -> Result<Vec<String>, DecodeError> {
    Ok(parse_keys(page, rows)?.into_iter().map(|key| key.name).collect())
}

/// The rows whose value of a key is `value`.
pub(super) fn rows_with_value(
    page: &Bytes,
    times_ns: &[i64],
    name: &str,
    value: &str,
) -> Result<RowSet, DecodeError> {
    let mut found = RowSet::none(times_ns.len());
    let Some(key) = parse_keys(page, times_ns.len())?.into_iter().find(|key| key.name == name) else {
        return Ok(found);
    };
    let times: Vec<i64> = key.rows.iter().map(|row| times_ns[row]).collect();
    let (mut values, mut ends, mut start) = (Vec::new(), Vec::with_capacity(times.len()), 0);
    key.column.read(&times, &mut values, &mut ends)?;
    for (row, end) in key.rows.iter().zip(ends) {
        if values.get(start..end) == Some(value.as_bytes()) {
            found.insert(row);
        }
        start = end;
    }
    Ok(found)
}

fn parse_keys(page: &Bytes, rows: usize) -> Result<Vec<KeyColumn>, DecodeError> {
    let mut reader = ByteReader::new(page);
    let mut keys = Vec::new();
    let mut bitmap = Vec::new();
    for _ in 0..reader.count("metadata keys", page.len())? {
        let name = reader.text("metadata key")?.to_owned();
        let encoded = reader.bytes("rows of key")?;
        ZstdDecoder::new().decode(encoded, rows.div_ceil(64) * 8, &mut bitmap)?;
        let set = RowSet::from_bytes(&bitmap, rows).ok_or_else(|| {
            reader.error("rows of key", Expected::Exactly(rows as u64), bitmap.len() as u64)
        })?;
        let column = page.slice_ref(reader.bytes("column of key")?);
        keys.push(KeyColumn { name, column: ValueColumn::open(column, set.len())?, rows: set });
    }
    reader.finish("page of metadata")?;
    Ok(keys)
}
