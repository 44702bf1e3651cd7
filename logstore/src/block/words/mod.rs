//! The words of a block and the row groups that they stand in, as a tantivy index (feature `fulltext`).
//!
//! A word is a run of four or more ASCII letters of a line; the bytes around it are whatever else. A document of the index is
//! a row group. A text that a line must hold is taken apart into such runs, too: where one stands whole in it, between other
//! bytes, it is a word of the line; where it touches an end of the text it is a part of one, and the words are walked. So
//! answers are a superset for any text, and the scan tests the lines. Texts without such a run say nothing: numbers and ids
//! are not indexed, which would double the bytes of a block (21 MB beside 19 for a million lines with a trace id each;
//! words take 0.3).
//!
//! Measured with `compare logs` with and without `--features fulltext`: a million lines take 19.47 MB and not 19.15, a needle
//! that stands in 3 of some 40 row groups is found in a fifth of the time, words that are in all of them win nothing, and
//! compaction is 3% slower and takes 5 MB more.
//!
//! The section holds tantivy's files, made in memory:
//!
//! ```text
//! words    version:u8  files:varint  each: length:varint name  length:varint bytes
//! terms    `w` and a word; `x` and a word that could stand in a hex number, of which there are many; `+` where the group
//!          has a longer word than fit in here
//! ```
//!
//! Version 1 is the first. The index lives and dies with its block. A damaged one is reported by `verify` and ignored by
//! queries; a block without one, which a build without the feature writes, is scanned.

mod needle;
mod reader;
mod writer;

pub(super) use reader::WordIndex;
pub(super) use writer::WordsWriter;

/// The section of a block's file.
pub(super) const SECTION: &str = "words";
const VERSION: u8 = 1;
/// The field of the index.
const FIELD: &str = "words";

/// Shorter runs of letters are in every group.
const WORD_BYTES_MIN: usize = 4;
/// Longer ones are no words but encoded bytes.
const WORD_BYTES_MAX: usize = 64;

const TERM_WORD: u8 = b'w';
const TERM_HEX: u8 = b'x';
const TERM_LONG: &[u8] = b"+";

/// Whether a run could stand in a hex number.
fn is_hex(word: &[u8]) -> bool {
    word.iter().all(u8::is_ascii_hexdigit)
}

/// The runs of letters that are long enough, with their places.
fn runs(bytes: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        loop {
            let start = at + bytes.get(at..)?.iter().position(u8::is_ascii_alphabetic)?;
            let rest = bytes.get(start..)?;
            let length = rest.iter().position(|byte| !byte.is_ascii_alphabetic()).unwrap_or(rest.len());
            at = start + length;
            if length >= WORD_BYTES_MIN {
                return Some(start..at);
            }
        }
    })
}

#[cfg(test)]
mod tests;
