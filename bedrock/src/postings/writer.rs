//! Writes an index, name by name.

use super::Ids;
use super::format::{BLOCK_VALUES, HEADER_BYTES, INLINE_IDS_MAX, MAGIC, VERSION};
use crate::codec::{bytes, varint};
use crate::error::{Error, Result};

/// Writes pairs that come sorted by name and value.
///
/// Lists leave through [`PostingsWriter::take`] as they come; in memory stays what the current name's values take.
///
/// ```
/// use bedrock::postings::{Ids, PostingsReader, PostingsWriter};
///
/// let mut writer = PostingsWriter::new();
/// writer.add("job", "api", &Ids::from_iter([0, 2]))?;
/// writer.add("job", "db", &Ids::from_iter([1]))?;
/// let written = writer.finish(&Ids::from_iter(0..3))?;
/// let reader = PostingsReader::open(written.into(), "index", 0)?;
/// assert_eq!(reader.label_values("job", None, 10)?, ["api", "db"]);
/// # Ok::<(), bedrock::Error>(())
/// ```
#[derive(Debug, Default)]
pub struct PostingsWriter {
    /// Written and not taken yet.
    out: Vec<u8>,
    /// Bytes that were taken.
    taken: u64,
    names: Vec<u8>,
    name_count: u64,
    current: Option<CurrentName>,
}

#[derive(Debug, Default)]
struct CurrentName {
    name: String,
    last_value: String,
    ids: Ids,
    values: u64,
    blocks: Vec<u8>,
    block_offsets: Vec<u8>,
}

impl PostingsWriter {
    /// A writer whose first bytes are the header.
    pub fn new() -> Self {
        let mut out = Vec::with_capacity(HEADER_BYTES);
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&[VERSION, 0, 0, 0]);
        PostingsWriter { out, ..Self::default() }
    }

    /// Adds the series of one pair. A pair without series is left out.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] where the pair does not come after the one before, or its name or value is empty.
    pub fn add(&mut self, name: &str, value: &str, ids: &Ids) -> Result<()> {
        if name.is_empty() || value.is_empty() {
            return Err(out_of_order(name, value, "names and values that are not empty"));
        }
        if ids.is_empty() {
            return Ok(());
        }
        let mut current = match self.current.take() {
            Some(current) if current.name == name => current,
            before => {
                if let Some(before) = before {
                    if *before.name >= *name {
                        return Err(out_of_order(name, value, "names in ascending order"));
                    }
                    self.finish_name(&before)?;
                }
                CurrentName { name: name.to_owned(), ..CurrentName::default() }
            }
        };
        if *current.last_value >= *value {
            return Err(out_of_order(name, value, "values in ascending order"));
        }
        self.add_value(&mut current, value, ids)?;
        self.current = Some(current);
        Ok(())
    }

    fn add_value(&mut self, current: &mut CurrentName, value: &str, ids: &Ids) -> Result<()> {
        let mut shared = 0;
        if current.values.is_multiple_of(BLOCK_VALUES as u64) {
            let offset = u32::try_from(current.blocks.len()).map_err(|_| Error::Limit {
                what: "bytes of the values of one label",
                max: u64::from(u32::MAX),
                found: current.blocks.len() as u64,
            })?;
            current.block_offsets.extend_from_slice(&offset.to_le_bytes());
            varint::write(self.position(), &mut current.blocks);
        } else {
            let pairs = current.last_value.bytes().zip(value.bytes());
            shared = pairs.take_while(|(before, now)| before == now).count();
        }
        let blocks = &mut current.blocks;
        varint::write(shared as u64, blocks);
        bytes::write_bytes(&value.as_bytes()[shared..], blocks);
        varint::write(ids.len(), blocks);
        if ids.len() <= INLINE_IDS_MAX as u64 {
            let mut before = 0;
            for id in ids {
                varint::write(u64::from(id - before), blocks);
                before = id;
            }
        } else {
            let length = write_list(ids, &mut self.out);
            varint::write(length, blocks);
        }
        current.values += 1;
        value.clone_into(&mut current.last_value);
        current.ids |= ids;
        Ok(())
    }

    fn position(&self) -> u64 {
        self.taken + self.out.len() as u64
    }

    fn finish_name(&mut self, name: &CurrentName) -> Result<()> {
        let list_offset = self.position();
        let list_bytes = write_list(&name.ids, &mut self.out);
        let blocks_offset = self.position();
        self.out.extend_from_slice(&name.blocks);
        let table_offset = self.position();
        self.out.extend_from_slice(&name.block_offsets);
        bytes::write_bytes(name.name.as_bytes(), &mut self.names);
        for field in [name.ids.len(), list_offset, list_bytes, name.values, blocks_offset, table_offset] {
            varint::write(field, &mut self.names);
        }
        self.name_count += 1;
        Ok(())
    }

    /// Takes what was written so far; the rest goes on from there.
    pub fn take(&mut self) -> Vec<u8> {
        self.taken += self.out.len() as u64;
        std::mem::take(&mut self.out)
    }

    /// Writes the names and the footer, and gives what was not taken yet. `all` are the ids of all series, those
    /// without labels among them.
    ///
    /// # Errors
    ///
    /// Where the index is too large.
    pub fn finish(mut self, all: &Ids) -> Result<Vec<u8>> {
        if let Some(last) = self.current.take() {
            self.finish_name(&last)?;
        }
        let all_offset = self.position();
        let all_bytes = write_list(all, &mut self.out);
        let names_offset = self.position();
        let mut names = Vec::with_capacity(self.names.len() + 30);
        varint::write(self.name_count, &mut names);
        names.extend_from_slice(&self.names);
        varint::write(all_offset, &mut names);
        varint::write(all_bytes, &mut names);
        self.out.extend_from_slice(&names);
        self.out.extend_from_slice(&names_offset.to_le_bytes());
        self.out.extend_from_slice(&crc32fast::hash(&names).to_le_bytes());
        self.out.extend_from_slice(&MAGIC);
        Ok(self.out)
    }
}

/// Appends a list in the portable Roaring layout and says how long it is.
fn write_list(ids: &Ids, out: &mut Vec<u8>) -> u64 {
    let mut dense = ids.clone();
    dense.optimize();
    let start = out.len();
    dense.serialize_into(&mut *out).expect("memory does not fail to write");
    (out.len() - start) as u64
}

fn out_of_order(name: &str, value: &str, rule: &str) -> Error {
    Error::Invalid { what: "label pair", problem: format!("{name}={value:?}: the index needs {rule}") }
}
