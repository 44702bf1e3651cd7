//! Distinct byte strings, numbered.
//!
//! # Layout
//!
//! | field | | |
//! |---|---|---|
//! | count | varint | number of entries |
//! | lengths | [`pack`], `u32` | the length of each entry |
//! | entries | bytes | back to back |
//!
//! The codes of a column are not part of it: they are a column of `u32`, for [`pack`].

use rustc_hash::FxBuildHasher;
use std::collections::HashMap;

use super::{ByteReader, DecodeError, Expected, pack, varint};

/// Numbers byte strings in the order in which they first come.
///
/// Takes the bytes once for the entry and once for its key, and about 40 bytes more an entry.
///
/// ```
/// use bedrock::codec::ByteReader;
/// use bedrock::codec::dictionary::{Dictionary, DictionaryBuilder};
///
/// let mut builder = DictionaryBuilder::default();
/// let codes: Vec<u32> = ["GET", "PUT", "GET"].iter().map(|verb| builder.intern(verb.as_bytes())).collect();
/// assert_eq!(codes, [0, 1, 0]);
/// let mut page = Vec::new();
/// builder.write(&mut page);
/// let dictionary = Dictionary::read(&mut ByteReader::new(&page), 1 << 16)?;
/// assert_eq!(dictionary.get(1), Some(b"PUT".as_slice()));
/// # Ok::<(), bedrock::codec::DecodeError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct DictionaryBuilder {
    codes: HashMap<Box<[u8]>, u32, FxBuildHasher>,
    entries: Vec<u8>,
    lengths: Vec<u32>,
}

impl DictionaryBuilder {
    /// The code of `entry`, which is given the next one where it is new.
    ///
    /// # Panics
    ///
    /// Where an entry has 4 GiB or more, or there are as many entries: a page is far below that.
    pub fn intern(&mut self, entry: &[u8]) -> u32 {
        if let Some(&code) = self.codes.get(entry) {
            return code;
        }
        let code = u32::try_from(self.lengths.len()).expect("a page has fewer entries than 2^32");
        self.lengths.push(u32::try_from(entry.len()).expect("a page has fewer bytes than 2^32"));
        self.entries.extend_from_slice(entry);
        self.codes.insert(entry.into(), code);
        code
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.lengths.len()
    }

    /// The entries in the order of their codes.
    pub fn iter(&self) -> impl Iterator<Item = &[u8]> + '_ {
        let mut rest = self.entries.as_slice();
        self.lengths.iter().map(move |length| {
            let (entry, tail) = rest.split_at_checked(*length as usize).unwrap_or_default();
            rest = tail;
            entry
        })
    }

    /// Whether there is no entry yet.
    pub fn is_empty(&self) -> bool {
        self.lengths.is_empty()
    }

    /// Bytes of all entries, without their lengths: the greater part of what [`DictionaryBuilder::write`] appends.
    pub fn entry_bytes(&self) -> usize {
        self.entries.len()
    }

    /// Appends the dictionary.
    pub fn write(&self, out: &mut Vec<u8>) {
        varint::write(self.lengths.len() as u64, out);
        pack::encode_u32(&self.lengths, out);
        out.extend_from_slice(&self.entries);
    }

    /// Forgets all entries and keeps the memory.
    pub fn clear(&mut self) {
        self.codes.clear();
        self.entries.clear();
        self.lengths.clear();
    }
}

/// A written dictionary: a view of its bytes and 4 bytes an entry.
#[derive(Clone, Debug)]
pub struct Dictionary<'a> {
    entries: &'a [u8],
    /// Where each entry ends.
    ends: Vec<u32>,
}

impl<'a> Dictionary<'a> {
    /// Reads a dictionary of at most `entries_max` entries off the front of `reader`. O(entries).
    ///
    /// # Errors
    ///
    /// Where the input is cut or malformed, or has more entries than the limit.
    pub fn read(reader: &mut ByteReader<'a>, entries_max: usize) -> Result<Self, DecodeError> {
        let count = reader.count("entries of dictionary", entries_max)?;
        let mut ends = Vec::new();
        pack::decode_u32(reader, count, &mut ends)?;
        let mut end = 0u32;
        for slot in &mut ends {
            let Some(next) = end.checked_add(*slot) else {
                let found = u64::from(end) + u64::from(*slot);
                return Err(reader.error(
                    "length of dictionary",
                    Expected::AtMost(u64::from(u32::MAX)),
                    found,
                ));
            };
            end = next;
            *slot = next;
        }
        let entries = reader.take("entries of dictionary", end as usize)?;
        Ok(Dictionary { entries, ends })
    }

    /// The entry of a code, `None` where there is none: a code from a damaged column, say.
    #[inline]
    pub fn get(&self, code: u32) -> Option<&'a [u8]> {
        let code = code as usize;
        let end = *self.ends.get(code)? as usize;
        let start = code.checked_sub(1).map_or(0, |before| self.ends[before] as usize);
        self.entries.get(start..end)
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The entries in the order of their codes.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &'a [u8]> + '_ {
        (0..self.ends.len()).map(|code| self.get(code as u32).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests;
