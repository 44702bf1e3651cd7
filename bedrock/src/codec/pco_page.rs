//! Numeric pages compressed with `pco`: the densest and the dearest to write, for pages that outlive the head.
//!
//! # Layout
//!
//! One standalone `pco` file that fills the page; it knows its number type. No values are no bytes. The page of a
//! column must not be longer than [`VALUES_MAX`].
//!
//! Encoding takes about 20 ns a value at the default level, decoding 0.5 to 2 ns. Below some 100 values the
//! file's own 20 to 40 bytes outweigh what it saves.
//!
//! Every bit pattern of an `f64` survives, NaN payloads and -0.0 among them.

use pco::data_types::Number;
use pco::standalone::{simple_compress_into, simple_decompress_into};
use pco::{ChunkConfig, DeltaSpec, ModeSpec};

use super::{DecodeError, Expected};

/// The longest page, in values: a damaged count takes no more memory than 8 MiB.
pub const VALUES_MAX: usize = 1 << 20;

/// The level that `pco` recommends, between 0 (fast) and 12.
pub const LEVEL_DEFAULT: usize = 8;

const WHAT: &str = "pco page";

/// The number types that a page may hold: `i64`, `u64` and `f64`.
pub trait PageNumber: Number + Default + sealed::Sealed {}

impl PageNumber for i64 {}
impl PageNumber for u64 {}
impl PageNumber for f64 {}

mod sealed {
    pub trait Sealed {}
    impl Sealed for i64 {}
    impl Sealed for u64 {}
    impl Sealed for f64 {}
}

/// Appends the page of `values`; levels above 12 are taken as 12.
///
/// ```
/// use bedrock::codec::pco_page;
///
/// let column: Vec<f64> = (0..1000).map(|i| f64::from(i % 50) / 10.0).collect();
/// let mut page = Vec::new();
/// pco_page::encode(&column, pco_page::LEVEL_DEFAULT, &mut page);
/// assert!(page.len() < 1000);
/// let mut decoded = Vec::new();
/// pco_page::decode::<f64>(&page, column.len(), &mut decoded)?;
/// assert_eq!(decoded, column);
/// # Ok::<(), bedrock::codec::DecodeError>(())
/// ```
///
/// # Panics
///
/// Where there are more than [`VALUES_MAX`] values.
pub fn encode<T: PageNumber>(values: &[T], level: usize, out: &mut Vec<u8>) {
    assert!(values.len() <= VALUES_MAX, "a page has at most {VALUES_MAX} values, not {}", values.len());
    if values.is_empty() {
        return;
    }
    let config = ChunkConfig::default().with_compression_level(level.min(12));
    simple_compress_into(values, &config, out)
        .expect("the level is in range and memory does not fail to write");
}

/// As [`encode`], for values whose shape the caller knows: the order of differences that packs them best (0 to 7)
/// and no common factor. Four to eight times quicker than finding that out.
///
/// # Panics
///
/// Where there are more than [`VALUES_MAX`] values, or the order is above 7.
pub fn encode_differences<T: PageNumber>(values: &[T], order: usize, level: usize, out: &mut Vec<u8>) {
    assert!(values.len() <= VALUES_MAX, "a page has at most {VALUES_MAX} values, not {}", values.len());
    assert!(order <= 7, "pco takes differences up to order 7, not {order}");
    if values.is_empty() {
        return;
    }
    let delta = if order == 0 { DeltaSpec::NoOp } else { DeltaSpec::TryConsecutive(order) };
    let config = ChunkConfig::default()
        .with_compression_level(level.min(12))
        .with_mode_spec(ModeSpec::Classic)
        .with_delta_spec(delta);
    simple_compress_into(values, &config, out)
        .expect("the level and the order are in range and memory does not fail to write");
}

/// Decodes a page of `count` values into `out`, replacing what it held.
///
/// # Errors
///
/// Where the page is damaged, of another type, does not hold exactly `count` values, or `count` is above
/// [`VALUES_MAX`].
pub fn decode<T: PageNumber>(page: &[u8], count: usize, out: &mut Vec<T>) -> Result<(), DecodeError> {
    out.clear();
    let error = |expected, found| DecodeError { what: WHAT, position: 0, expected, found };
    if count > VALUES_MAX {
        return Err(error(Expected::AtMost(VALUES_MAX as u64), count as u64));
    }
    if count == 0 {
        return match page.len() {
            0 => Ok(()),
            length => Err(error(Expected::Form("no bytes for no values"), length as u64)),
        };
    }
    out.resize(count, T::default());
    let decoded = simple_decompress_into(page, out);
    let decoded =
        decoded.map_err(|_| error(Expected::Form("a pco file of the type asked for"), page.len() as u64));
    match decoded {
        Ok(progress) if progress.finished && progress.n_processed == count => Ok(()),
        Ok(progress) => {
            out.clear();
            Err(error(Expected::Exactly(count as u64), progress.n_processed as u64))
        }
        Err(error) => {
            out.clear();
            Err(error)
        }
    }
}

#[cfg(test)]
mod tests;
