//! Pages compressed with zstd, with contexts that are made once.
//!
//! # Layout
//!
//! The raw length as a varint, then one zstd frame that fills the rest. Neither knows a checksum: pages of a block
//! have a CRC-32 of their own, and it covers what is stored.
//!
//! A context takes 150 KB (decoder) to some MB (encoder, by level) and is expensive to make next to a small page:
//! keep one per thread.

use std::fmt;
use std::io::Cursor;

use zstd::bulk::{Compressor, Decompressor};

use super::{ByteReader, DecodeError, Expected, varint};
use crate::error::{Error, Result};

const WHAT: &str = "zstd page";

/// Compresses pages at one level.
pub struct ZstdEncoder {
    compressor: Compressor<'static>,
}

impl ZstdEncoder {
    /// An encoder of a level from 1 (fast) to 19 (dense); negative levels are faster still.
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a level that zstd does not know.
    pub fn new(level: i32) -> Result<Self> {
        let known = zstd::compression_level_range();
        if !known.contains(&level) {
            let problem = format!("must be {} to {}, not {level}", known.start(), known.end());
            return Err(Error::Invalid { what: "zstd level", problem });
        }
        let invalid =
            |error: std::io::Error| Error::Invalid { what: "zstd level", problem: error.to_string() };
        let mut compressor = Compressor::new(level).map_err(invalid)?;
        compressor.include_contentsize(false).map_err(invalid)?;
        Ok(ZstdEncoder { compressor })
    }

    /// Appends the page of `raw`. At most a thousandth and 30 bytes longer than `raw`.
    ///
    /// ```
    /// use bedrock::codec::zstd_page::{ZstdDecoder, ZstdEncoder};
    ///
    /// let raw = b"GET /index.html ".repeat(1000);
    /// let mut page = Vec::new();
    /// ZstdEncoder::new(3)?.encode(&raw, &mut page);
    /// assert!(page.len() < 100);
    /// let mut decoded = Vec::new();
    /// ZstdDecoder::new().decode(&page, 1 << 20, &mut decoded).expect("the page was just written");
    /// assert_eq!(decoded, raw);
    /// # Ok::<(), bedrock::Error>(())
    /// ```
    pub fn encode(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        varint::write(raw.len() as u64, out);
        let start = out.len();
        out.reserve(zstd::zstd_safe::compress_bound(raw.len()));
        let mut cursor = Cursor::new(out);
        cursor.set_position(start as u64);
        self.compressor
            .compress_to_buffer(raw, &mut cursor)
            .expect("zstd fails only where the output is too small, and it has the bound of the input");
    }
}

impl fmt::Debug for ZstdEncoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZstdEncoder").finish_non_exhaustive()
    }
}

/// Decompresses pages.
#[derive(Default)]
pub struct ZstdDecoder {
    decompressor: Decompressor<'static>,
}

impl ZstdDecoder {
    /// A decoder; its context is made here.
    pub fn new() -> Self {
        ZstdDecoder::default()
    }

    /// Decompresses `page` into `out`, replacing what it held. A page that claims to hold more than `raw_bytes_max`
    /// is refused before memory is taken for it.
    ///
    /// # Errors
    ///
    /// Where the page is damaged, above the limit, or does not have the length that it claims.
    pub fn decode(
        &mut self,
        page: &[u8],
        raw_bytes_max: usize,
        out: &mut Vec<u8>,
    ) -> std::result::Result<(), DecodeError> {
        out.clear();
        let mut reader = ByteReader::new(page);
        let raw_bytes = reader.count("raw length of zstd page", raw_bytes_max)?;
        out.reserve(raw_bytes);
        let found = self
            .decompressor
            .decompress_to_buffer(reader.rest(), &mut Cursor::new(&mut *out))
            .map_err(|_| reader.error(WHAT, Expected::Form("a zstd frame"), reader.remaining() as u64))?;
        if found != raw_bytes {
            return Err(reader.error(WHAT, Expected::Exactly(raw_bytes as u64), found as u64));
        }
        Ok(())
    }

    /// The raw length that a page claims, in bytes, without decompressing it. Not checked against anything.
    ///
    /// # Errors
    ///
    /// Where the page does not start with a length.
    pub fn raw_bytes(page: &[u8]) -> std::result::Result<u64, DecodeError> {
        ByteReader::new(page).varint("raw length of zstd page")
    }
}

impl fmt::Debug for ZstdDecoder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ZstdDecoder").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
