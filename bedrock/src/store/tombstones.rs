//! What is deleted, as the manifest keeps it: for every block concerned, the rows.
//!
//! ```text
//! payload   empty where nothing is deleted; else version:u8  blocks:varint
//!           each: block:varint  rows: length:varint and a bitmap in the portable roaring format
//! ```
//!
//! A row is what the store makes of it, by its number in the block. A run of rows takes a few bytes; every other row
//! deleted, an eighth of a byte a row. The manifest is written with every edit, and compaction empties it again.
//!
//! Version 1 is the first.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;

use crate::codec::bytes::write_bytes;
use crate::codec::{ByteReader, DecodeError, Expected, varint};
use crate::error::Result;
use crate::manifest::{MANIFEST_NAME, State};
use crate::postings::Ids;

const VERSION: u8 = 1;

/// The deleted rows of blocks.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Tombstones {
    rows: BTreeMap<u64, Ids>,
}

impl Tombstones {
    /// Those of a manifest in the directory `dir`.
    pub(super) fn of(state: &State, dir: &Path) -> Result<Self> {
        Tombstones::decode(&state.payload).map_err(|error| error.in_file(dir.join(MANIFEST_NAME), 0))
    }

    /// The deleted rows of a block.
    pub(super) fn of_block(&self, block: u64) -> Ids {
        self.rows.get(&block).cloned().unwrap_or_default()
    }

    /// Adds deleted rows of a block.
    pub(super) fn add(&mut self, block: u64, rows: &Ids) {
        if !rows.is_empty() {
            *self.rows.entry(block).or_default() |= rows;
        }
    }

    /// Forgets a block; whether there was something to forget.
    pub(super) fn forget(&mut self, block: u64) -> bool {
        self.rows.remove(&block).is_some()
    }

    pub(super) fn encode(&self) -> Bytes {
        if self.rows.is_empty() {
            return Bytes::new();
        }
        let mut out = vec![VERSION];
        varint::write(self.rows.len() as u64, &mut out);
        for (block, rows) in &self.rows {
            varint::write(*block, &mut out);
            let mut rows = rows.clone();
            rows.optimize();
            let mut bitmap = Vec::with_capacity(rows.serialized_size());
            rows.serialize_into(&mut bitmap).expect("memory does not fail to write");
            write_bytes(&bitmap, &mut out);
        }
        out.into()
    }

    fn decode(payload: &[u8]) -> std::result::Result<Self, DecodeError> {
        let mut tombstones = Tombstones::default();
        if payload.is_empty() {
            return Ok(tombstones);
        }
        let mut reader = ByteReader::new(payload);
        let version = reader.u8("version of tombstones")?;
        if version != VERSION {
            let expected = Expected::Exactly(VERSION.into());
            return Err(reader.error("version of tombstones", expected, version.into()));
        }
        for _ in 0..reader.count("blocks of tombstones", payload.len())? {
            let block = reader.varint("block of tombstone")?;
            let bitmap = reader.bytes("rows of tombstone")?;
            let rows = Ids::deserialize_from(bitmap).map_err(|_| {
                let expected = Expected::Form("a roaring bitmap");
                reader.error("rows of tombstone", expected, bitmap.len() as u64)
            })?;
            tombstones.add(block, &rows);
        }
        reader.finish("tombstones")?;
        Ok(tombstones)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tombstones_come_back_and_damage_is_an_error() {
        let mut tombstones = Tombstones::default();
        assert!(tombstones.encode().is_empty());
        tombstones.add(7, &(3..4000).collect());
        tombstones.add(7, &Ids::from_iter([9000]));
        tombstones.add(9, &Ids::from_iter([1]));
        tombstones.add(11, &Ids::new());
        let bytes = tombstones.encode();
        assert_eq!(Tombstones::decode(&bytes), Ok(tombstones.clone()));
        for end in 1..bytes.len() {
            assert!(Tombstones::decode(&bytes[..end]).is_err());
        }
        assert!(tombstones.forget(7) && tombstones.forget(9) && !tombstones.forget(11));
        assert!(tombstones.encode().is_empty());
    }
}
