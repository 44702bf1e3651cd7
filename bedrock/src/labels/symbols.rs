//! A symbol table: the texts of all labels of a block, each once, numbered in the order of their first use.
//!
//! # Layout
//!
//! | field | bytes |
//! |---|---|
//! | count | 4 |
//! | ends | 4 each: where the text ends, from the start of the texts |
//! | texts | back to back |
//!
//! Little-endian. Looking one up by number is two loads in the mapped section; nothing is decoded at open.

use crate::codec::{ByteReader, DecodeError, Expected};
use bytes::Bytes;
use rustc_hash::FxHashMap;

/// Bytes of a count or an end.
const WORD: usize = 4;

/// Numbers texts in the order in which they first come. Takes each text twice and about 40 bytes more.
///
/// ```
/// use bedrock::labels::{Symbols, SymbolsBuilder};
/// use bytes::Bytes;
///
/// let mut builder = SymbolsBuilder::default();
/// assert_eq!(["job", "api", "job"].map(|text| builder.intern(text)), [Some(0), Some(1), Some(0)]);
/// let symbols = Symbols::open(&Bytes::from(builder.finish()))?;
/// assert_eq!(symbols.get(1)?, "api");
/// # Ok::<(), bedrock::codec::DecodeError>(())
/// ```
#[derive(Debug, Default)]
pub struct SymbolsBuilder {
    numbers: FxHashMap<Box<str>, u32>,
    ends: Vec<u8>,
    texts: Vec<u8>,
}

impl SymbolsBuilder {
    /// The number of a text; `None` where the texts together would pass 4 GiB.
    pub fn intern(&mut self, text: &str) -> Option<u32> {
        if let Some(&number) = self.numbers.get(text) {
            return Some(number);
        }
        let end = u32::try_from(self.texts.len() + text.len()).ok()?;
        let number = u32::try_from(self.numbers.len()).ok()?;
        self.texts.extend_from_slice(text.as_bytes());
        self.ends.extend_from_slice(&end.to_le_bytes());
        self.numbers.insert(text.into(), number);
        Some(number)
    }

    /// The texts by number.
    pub fn texts(&self) -> Vec<&str> {
        let mut texts = vec![""; self.numbers.len()];
        for (text, &number) in &self.numbers {
            if let Some(slot) = texts.get_mut(number as usize) {
                *slot = text;
            }
        }
        texts
    }

    /// The section.
    pub fn finish(&self) -> Vec<u8> {
        let count = self.numbers.len() as u32;
        [count.to_le_bytes().as_slice(), &self.ends, &self.texts].concat()
    }
}

/// The section, read where it lies.
#[derive(Clone, Debug)]
pub struct Symbols {
    ends: Bytes,
    texts: Bytes,
}

impl Symbols {
    /// Checks the frame of the section; texts are checked when they are asked for.
    ///
    /// # Errors
    ///
    /// Where the section is shorter than its count says.
    pub fn open(section: &Bytes) -> Result<Self, DecodeError> {
        let mut reader = ByteReader::new(section);
        let count = reader.u32("number of symbols")? as usize;
        let ends = reader.take("ends of symbols", count.saturating_mul(WORD))?;
        Ok(Symbols { ends: section.slice_ref(ends), texts: section.slice_ref(reader.rest()) })
    }

    /// Number of symbols.
    pub fn len(&self) -> usize {
        self.ends.len() / WORD
    }

    /// Whether there is no symbol.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// The text of a number.
    ///
    /// # Errors
    ///
    /// Where there is no such number, or its text does not lie in the section or is not UTF-8.
    pub fn get(&self, symbol: u32) -> Result<&str, DecodeError> {
        let wrong =
            |what, expected, found| DecodeError { what, position: u64::from(symbol), expected, found };
        let index = symbol as usize;
        let Some(end) = self.end(index) else {
            return Err(wrong("symbol", Expected::AtMost(self.len() as u64), u64::from(symbol)));
        };
        let start = index.checked_sub(1).and_then(|before| self.end(before)).unwrap_or(0);
        let bytes = self.texts.get(start..end);
        let text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        text.ok_or_else(|| wrong("text of symbol", Expected::Form("UTF-8 inside the section"), end as u64))
    }

    fn end(&self, index: usize) -> Option<usize> {
        let bytes = self.ends.get(index * WORD..)?.first_chunk::<WORD>()?;
        Some(u32::from_le_bytes(*bytes) as usize)
    }
}

#[cfg(test)]
mod tests;
