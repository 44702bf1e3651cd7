//! Encodings of numbers and bytes, the same for every store.
//!
//! Encoders append to a `Vec<u8>`; decoders take a [`ByteReader`] (or a slice) and refill a `Vec` that the caller
//! reuses, so that a scan allocates once and not once per page. No layout here stores how many values it holds:
//! a page header says that once for all its columns. A decoder proves that the input is there before it allocates,
//! and answers damage with a [`DecodeError`], which [`DecodeError::in_file`] turns into the error of a file.
//!
//! | module | for | decode, per core |
//! |---|---|---|
//! | [`varint`] | lengths, counts, small deltas | 1 ns a value alone, down to 0.3 ns in bulk |
//! | [`bits`] | streams of fields of odd width, such as Gorilla chunks | 1 to 2 ns a field |
//! | [`delta`] | the differences that make sorted columns small | 0.3 ns a value and order |
//! | [`pack`] | columns of integers of similar size: blocks of 128 over a frame of reference | 0.1 to 0.3 ns a value |
//! | [`integer`] | an `i64` column whose shape is not known: the smallest of four ways | as [`pack`] |
//! | [`numbers`] | the same where the column is kept long: [`integer`] or [`pco_page`] | as the smaller one |
//! | [`dictionary`] | columns of few distinct byte strings | one slice a value |
//! | [`zstd_page`] | text and everything else that repeats | 1 to 2 GB/s |
//! | [`pco_page`] | numeric columns that are written once and kept long | 0.5 to 2 ns a value |

pub mod bits;
pub mod bytes;
pub mod delta;
pub mod dictionary;
mod error;
pub mod integer;
pub mod numbers;
pub mod pack;
pub mod pco_page;
pub mod varint;
pub mod zstd_page;

pub use bytes::ByteReader;
pub use error::{DecodeError, Expected};
