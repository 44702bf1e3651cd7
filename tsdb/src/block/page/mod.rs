//! Columnar pages: one column of up to [`PAGE_SAMPLES_MAX`] numbers, in the encoding that is smallest for it.
//!
//! | file | column |
//! |---|---|
//! | `integers` | `i64`: timestamps, start timestamps, and floats that turned out to be decimals |
//! | `floats` | `f64`: brought to integers where that is exact bit by bit, and not otherwise |
//!
//! A page knows its encoding and not its length: the number of values comes from the directory entry of the page.
//! Measured on 12.96 M samples of the synthetic workload (9,000 series, every 15 s) and 7.34 M real ones (2,129
//! series, every second):
//!
//! | encodings to choose from | synthetic | real |
//! |---|---|---|
//! | bit packing of values, differences and differences of differences | 0.68 B | 0.65 B |
//! | with runs of equal differences | 0.68 B | 0.44 B |
//! | with `pco` where that saves a tenth | 0.65 B | 0.15 B |
//! | with exceptions inside the packed blocks, or zstd over varints, as well | 0.64 B | 0.15 B |
//!
//! So the last two are left out: they cost a format and bring 2%. Gorilla's XOR was not tried as a
//! fifth: without it the pages are smaller than the goal.

mod floats;
mod integers;
#[cfg(test)]
mod tests;

pub(crate) use floats::{Content, decode as decode_floats, encode as encode_floats};
pub(crate) use integers::{
    decode as decode_integers, decode_map as decode_some_integers, encode as encode_integers,
};

/// The most samples of one page. A series of more has several, so that an instant query decodes a few thousand
/// samples at most: at 15 s a page spans up to 8.5 hours.
pub(crate) const PAGE_SAMPLES_MAX: usize = 2048;

/// Memory that encoders and decoders use again and again.
#[derive(Debug, Default)]
pub(crate) struct Scratch {
    pub(crate) integers: Vec<i64>,
    pub(super) differences: Vec<i64>,
    pub(super) packed: Vec<u8>,
    pub(super) candidate: Vec<u8>,
    pub(super) decimals: Vec<i64>,
    pub(super) floats: Vec<f64>,
}
