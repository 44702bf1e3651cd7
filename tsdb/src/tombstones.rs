//! Deleted parts of blocks: sets of series and intervals of time.
//!
//! A delete names, for every block that it meets, the series by their number in the block and the interval. From
//! then on readers leave those samples out; compaction writes blocks without them and the tombstones go with the old
//! blocks. Samples that arrive later, even into the same interval, land in other blocks and are not touched.
//!
//! # Layout
//!
//! | field | |
//! |---|---|
//! | count | varint; then per tombstone: |
//! | block | varint: id of the block |
//! | interval | zigzag varints: first and last millisecond, both inside |
//! | series | length (varint) and bytes of the bitmap in the portable roaring format |

use bedrock::codec::{ByteReader, DecodeError, Expected, bytes::write_bytes, varint};
use bedrock::postings::Ids;
use bedrock::time::TimeRange;

/// One delete as it meets one block.
#[derive(Clone, Debug, PartialEq)]
pub struct Tombstone {
    /// The block.
    pub block: u64,
    /// What is deleted, in milliseconds; both ends are deleted.
    pub range: TimeRange,
    /// The series, by their number in the block.
    pub series: Ids,
}

/// All tombstones of a store.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Tombstones {
    all: Vec<Tombstone>,
}

impl Tombstones {
    /// Adds a tombstone; one without series or time changes nothing.
    pub fn push(&mut self, tombstone: Tombstone) {
        if !tombstone.series.is_empty() && !tombstone.range.is_empty() {
            self.all.push(tombstone);
        }
    }

    /// Whether nothing is deleted.
    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The tombstones, oldest first.
    pub fn iter(&self) -> impl Iterator<Item = &Tombstone> {
        self.all.iter()
    }

    /// Keeps the tombstones of blocks for which `keep(id)` is true.
    pub fn retain_blocks(&mut self, mut keep: impl FnMut(u64) -> bool) {
        self.all.retain(|tombstone| keep(tombstone.block));
    }

    /// Those of one block.
    pub fn of_block(&self, block: u64) -> Vec<&Tombstone> {
        self.all.iter().filter(|tombstone| tombstone.block == block).collect()
    }

    /// The bytes that the manifest keeps.
    pub fn encode(&self) -> Vec<u8> {
        let mut out = Vec::new();
        varint::write(self.all.len() as u64, &mut out);
        for Tombstone { block, range, series } in &self.all {
            varint::write(*block, &mut out);
            varint::write_zigzag(range.start, &mut out);
            varint::write_zigzag(range.end, &mut out);
            let mut bitmap = Vec::with_capacity(series.serialized_size());
            series.serialize_into(&mut bitmap).expect("memory does not fail to write");
            write_bytes(&bitmap, &mut out);
        }
        out
    }

    /// Reads what [`Tombstones::encode`] wrote.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where the bytes are cut or malformed.
    pub fn decode(bytes: &[u8]) -> Result<Self, DecodeError> {
        let mut reader = ByteReader::new(bytes);
        let count = reader.count("tombstones", bytes.len())?;
        let mut tombstones = Tombstones::default();
        for _ in 0..count {
            let block = reader.varint("block of tombstone")?;
            let range =
                TimeRange::new(reader.zigzag("start of tombstone")?, reader.zigzag("end of tombstone")?);
            let bitmap = reader.bytes("series of tombstone")?;
            let series = Ids::deserialize_from(bitmap).map_err(|_| {
                reader.error("series of tombstone", Expected::Form("a roaring bitmap"), bitmap.len() as u64)
            })?;
            tombstones.push(Tombstone { block, range, series });
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
        tombstones.push(Tombstone { block: 7, range: TimeRange::new(-5, 90), series: (3..4000).collect() });
        tombstones.push(Tombstone { block: 9, range: TimeRange::ALL, series: Ids::from_iter([1]) });
        tombstones.push(Tombstone { block: 9, range: TimeRange::ALL, series: Ids::new() });
        assert_eq!(tombstones.iter().count(), 2, "a tombstone without series says nothing");
        let bytes = tombstones.encode();
        assert_eq!(Tombstones::decode(&bytes), Ok(tombstones));
        for end in 0..bytes.len() {
            assert!(Tombstones::decode(&bytes[..end]).is_err());
        }
    }
}
