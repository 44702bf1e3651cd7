//! Chunks: a run of samples of one series, packed bit by bit while it grows.
//!
//! A series in the head owns one open chunk ([`OpenFloats`] or [`OpenHistograms`]). At about 120 samples it is sealed
//! into a [`Chunk`]: bytes that describe themselves, which go to disk as they are and stay as they are in
//! level-0 blocks. Reading decodes a whole chunk to columns.
//!
//! | file | what |
//! |---|---|
//! | `format` | layout of the bytes, and the reasons |
//! | `bits` | bit writer and checked bit reader |
//! | `float`, `decode` | delta-of-delta timestamps and XORed values (Gorilla, VLDB 2015), written and read |
//! | `tail` | the newest samples of an open float chunk |
//! | `histogram` | native histograms: layout once, counts as deltas of deltas |

mod bits;
mod decode;
mod float;
mod format;
mod histogram;
mod tail;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bedrock::histogram::Histogram;
use bytes::Bytes;

pub use float::OpenFloats;
pub use format::ChunkKind;
pub use histogram::OpenHistograms;

/// The most samples that one chunk holds.
pub const CHUNK_SAMPLES_MAX: usize = u16::MAX as usize;

/// A sealed run of samples of one series: what the head maps from disk and what a level-0 block stores.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunk {
    /// The timestamp of the first sample in milliseconds.
    pub min_time_ms: i64,
    /// The timestamp of the last sample in milliseconds.
    pub max_time_ms: i64,
    /// Number of samples, at least 1.
    pub count: u16,
    /// The packed samples, header included.
    pub data: Bytes,
}

impl Chunk {
    /// Whether the bytes hold floats or histograms.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] where the bytes have no header or one of an unknown kind.
    pub fn kind(&self) -> Result<ChunkKind, ChunkError> {
        Ok(format::Header::read(&self.data)?.kind)
    }

    /// Appends the floats of a float chunk to `out`. About 2 to 4 ns a sample.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] where the bytes are not a float chunk; what `out` then holds of it is unspecified.
    pub fn decode_floats(&self, out: &mut FloatSamples) -> Result<(), ChunkError> {
        decode_floats(&self.data, out)
    }

    /// Appends the histograms of a histogram chunk to `out`.
    ///
    /// # Errors
    ///
    /// [`ChunkError`] where the bytes are not a histogram chunk; what `out` then holds of it is unspecified.
    pub fn decode_histograms(&self, out: &mut HistogramSamples) -> Result<(), ChunkError> {
        decode_histograms(&self.data, out)
    }
}

pub use decode::decode_floats;
pub use histogram::decode as decode_histograms;

/// Float samples in columns, all of the same length; `start_timestamps_ms` is empty where no sample has a start.
#[derive(Clone, Debug, Default)]
pub struct FloatSamples {
    /// Milliseconds, ascending.
    pub timestamps_ms: Vec<i64>,
    /// Values, stale markers included.
    pub values: Vec<f64>,
    /// Start timestamps, 0 where unknown; empty where every one is unknown.
    pub start_timestamps_ms: Vec<i64>,
}

impl FloatSamples {
    /// Number of samples.
    pub fn len(&self) -> usize {
        self.timestamps_ms.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.timestamps_ms.is_empty()
    }

    /// Removes all samples and keeps the memory.
    pub fn clear(&mut self) {
        self.timestamps_ms.clear();
        self.values.clear();
        self.start_timestamps_ms.clear();
    }

    /// Appends one sample; a start of 0 is unknown.
    pub fn push(&mut self, time_ms: i64, value: f64, start_ms: i64) {
        if start_ms != 0 && self.start_timestamps_ms.is_empty() {
            self.start_timestamps_ms.resize(self.timestamps_ms.len(), 0);
        }
        if start_ms != 0 || !self.start_timestamps_ms.is_empty() {
            self.start_timestamps_ms.push(start_ms);
        }
        self.timestamps_ms.push(time_ms);
        self.values.push(value);
    }
}

/// Histogram samples in columns, as [`FloatSamples`] for floats.
#[derive(Clone, Debug, Default)]
pub struct HistogramSamples {
    /// Milliseconds, ascending.
    pub timestamps_ms: Vec<i64>,
    /// Histograms; a stale marker is one whose sum is the stale NaN.
    pub values: Vec<Arc<Histogram>>,
    /// Start timestamps, 0 where unknown; empty where every one is unknown.
    pub start_timestamps_ms: Vec<i64>,
}

impl HistogramSamples {
    /// Appends one sample; a start of 0 is unknown.
    pub fn push(&mut self, time_ms: i64, value: Arc<Histogram>, start_ms: i64) {
        if start_ms != 0 && self.start_timestamps_ms.is_empty() {
            self.start_timestamps_ms.resize(self.timestamps_ms.len(), 0);
        }
        if start_ms != 0 || !self.start_timestamps_ms.is_empty() {
            self.start_timestamps_ms.push(start_ms);
        }
        self.timestamps_ms.push(time_ms);
        self.values.push(value);
    }

    /// Number of samples.
    pub fn len(&self) -> usize {
        self.timestamps_ms.len()
    }

    /// Whether there is no sample.
    pub fn is_empty(&self) -> bool {
        self.timestamps_ms.is_empty()
    }

    /// Removes all samples and keeps the memory.
    pub fn clear(&mut self) {
        self.timestamps_ms.clear();
        self.values.clear();
        self.start_timestamps_ms.clear();
    }
}

/// Why the bytes of a chunk do not decode. The caller adds the file they came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("chunk is damaged at byte {offset}: {what}")]
pub struct ChunkError {
    /// Offset of the damage inside the chunk, in bytes.
    pub offset: usize,
    /// The field that does not check out.
    pub what: &'static str,
}
