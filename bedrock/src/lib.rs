//! The ground that Tristore's three embedded stores stand on.
//!
//! `bedrock` holds what a metrics, a log and a trace store have in common and nothing that only one
//! of them needs. It is not a store: it knows no signal and no query language.
//!
//! In the order in which data travels:
//!
//! | module | what it gives |
//! |---|---|
//! | [`error`] | one error type whose variants carry facts: path, offset, limit, what was expected and found |
//! | [`time`] | timestamps, ranges and durations |
//! | [`codec`] | encodings of numbers and bytes: varints, bit streams, packed columns, dictionaries, zstd and pco pages |
//! | [`disk`] | the medium as a trait, with its fault model: the file system, memory, and a simulated disk that fails |
//! | [`wal`] | the write-ahead log: group commit, replay, torn tails told from damage |
//! | [`block`] | immutable directories of checked sections and pages |
//! | [`manifest`] | which blocks a store has, and how much of its log they cover |
//! | [`regex`] | regular expressions as Go means them, taken apart before they are compiled |
//! | [`store`] | the life of a store of blocks: open, commit, flush, compact, drop, copy |
//! | [`labels`] | label sets in one allocation, and the matchers that select by them |
//! | [`postings`] | which series carry a label, and selection by matchers |
//! | [`histogram`] | the native histogram and its arithmetic |
//! | [`series`] | the traits through which a query language reads series from any store |
//! | [`vector`] | the algebra of step-aligned columns: grouping, aggregation, ranking |

pub mod error;
pub mod time;

pub mod codec;

pub mod disk;
pub mod wal;

pub mod block;
pub mod manifest;

pub mod store;

pub mod regex;

pub mod labels;
pub mod postings;

pub mod histogram;
pub mod series;
pub mod vector;

pub use error::{Error, Result};

#[cfg(test)]
mod property;
