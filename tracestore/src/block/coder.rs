//! How hard the pages of a block are pressed, and the contexts for it, which are made once a block.
//!
//! A fresh block lives for minutes and is written while commits wait: its pages cost a third of what those of a
//! compacted one do, and are a tenth larger.

use bedrock::Result;
use bedrock::codec::bytes::write_bytes;
use bedrock::codec::zstd_page::ZstdEncoder;
use bedrock::codec::{numbers, pco_page};

const FRESH_ZSTD_LEVEL: i32 = 1;
const DENSE_ZSTD_LEVEL: i32 = 6;
/// Smaller columns of numbers stay plain.
const DENSE_BYTES_MIN: usize = 256;
const FRESH_PCO_LEVEL: usize = 4;
const DENSE_PCO_LEVEL: usize = 8;

/// Encodes pages.
#[derive(Debug)]
pub(super) struct Coder {
    zstd: ZstdEncoder,
    fresh: bool,
}

impl Coder {
    /// For a block of a level; those of level 0 are fresh.
    pub(super) fn new(level: u8) -> Result<Self> {
        let fresh = level == 0;
        Ok(Coder { zstd: ZstdEncoder::new(if fresh { FRESH_ZSTD_LEVEL } else { DENSE_ZSTD_LEVEL })?, fresh })
    }

    /// Appends numbers. Pco's pages take ten times as long to decode as plain ones, so it has to save a third.
    pub(super) fn numbers(&self, values: &[i64], out: &mut Vec<u8>) {
        let start = out.len();
        numbers::write_plain(values, out);
        let plain = out.len() - start;
        if self.fresh || plain < DENSE_BYTES_MIN {
            return;
        }
        let mut dense = Vec::new();
        numbers::write(values, &mut dense);
        if dense.len() * 3 < plain * 2 {
            out.truncate(start);
            out.extend_from_slice(&dense);
        }
    }

    /// Appends floats.
    pub(super) fn floats(&self, values: &[f64], out: &mut Vec<u8>) {
        let level = if self.fresh { FRESH_PCO_LEVEL } else { DENSE_PCO_LEVEL };
        let mut page = Vec::new();
        pco_page::encode(values, level, &mut page);
        write_bytes(&page, out);
    }

    /// Appends bytes, compressed, with their length.
    pub(super) fn compressed(&mut self, raw: &[u8], out: &mut Vec<u8>) {
        let mut page = Vec::new();
        self.zstd.encode(raw, &mut page);
        write_bytes(&page, out);
    }
}
