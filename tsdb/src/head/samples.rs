//! Samples of one series, unpacked: to merge chunks that overlap and to cut deleted intervals out of them.

use bedrock::time::TimeRange;

use super::series::Open;
use crate::chunk::{
    Chunk, ChunkError, ChunkKind, FloatSamples, HistogramSamples, OpenFloats, OpenHistograms, decode_floats,
    decode_histograms,
};

/// Samples that one chunk is cut at.
pub(crate) const CHUNK_SAMPLES: usize = 120;

/// The samples of one series, floats and histograms apart.
#[derive(Clone, Debug, Default)]
pub(crate) struct Samples {
    pub(crate) floats: FloatSamples,
    pub(crate) histograms: HistogramSamples,
}

impl Samples {
    /// Appends the samples of a chunk.
    pub(crate) fn decode(&mut self, chunk: &Chunk) -> Result<(), ChunkError> {
        match chunk.kind()? {
            ChunkKind::Float => decode_floats(&chunk.data, &mut self.floats),
            ChunkKind::Histogram => decode_histograms(&chunk.data, &mut self.histograms),
        }
    }

    /// Keeps the first `count` samples of the one kind that there is.
    pub(crate) fn keep_first(&mut self, count: usize) {
        self.floats.timestamps_ms.truncate(count);
        self.floats.values.truncate(count);
        self.floats.start_timestamps_ms.truncate(count);
        self.histograms.timestamps_ms.truncate(count);
        self.histograms.values.truncate(count);
        self.histograms.start_timestamps_ms.truncate(count);
    }

    /// Removes what lies outside `range`, or inside one of the `deleted` intervals.
    pub(crate) fn cut(&mut self, range: TimeRange, deleted: &[TimeRange]) {
        let keep = |time: i64| range.contains(time) && !deleted.iter().any(|gone| gone.contains(time));
        let floats = std::mem::take(&mut self.floats);
        for (index, (time, value)) in floats.timestamps_ms.iter().zip(&floats.values).enumerate() {
            if keep(*time) {
                self.floats.push(*time, *value, start_of(&floats.start_timestamps_ms, index));
            }
        }
        let histograms = std::mem::take(&mut self.histograms);
        for (index, (time, value)) in histograms.timestamps_ms.iter().zip(&histograms.values).enumerate() {
            if keep(*time) {
                let start = start_of(&histograms.start_timestamps_ms, index);
                self.histograms.push(*time, value.clone(), start);
            }
        }
    }

    /// Packs samples of one kind, no more than came out of one chunk, into one chunk.
    pub(crate) fn one_chunk(&self) -> Option<Chunk> {
        match self.open() {
            Open::None => None,
            Open::Floats(open) => open.seal(),
            Open::Histograms(open) => open.seal(),
        }
    }

    /// Packs samples of one kind, no more than came out of one chunk, into an open chunk.
    pub(crate) fn open(&self) -> Open {
        if !self.floats.is_empty() {
            let mut open = OpenFloats::new();
            let columns = self.floats.timestamps_ms.iter().zip(&self.floats.values);
            for (index, (time, value)) in columns.enumerate() {
                open.append(*time, *value, start_of(&self.floats.start_timestamps_ms, index));
            }
            return Open::Floats(open);
        }
        if self.histograms.is_empty() {
            return Open::None;
        }
        let mut open = OpenHistograms::new();
        let columns = self.histograms.timestamps_ms.iter().zip(&self.histograms.values);
        for (index, (time, value)) in columns.enumerate() {
            open.append(*time, value, start_of(&self.histograms.start_timestamps_ms, index));
        }
        Open::Histograms(Box::new(open))
    }

    /// Packs ascending samples into chunks of [`CHUNK_SAMPLES`], cut also where `slot` of the time changes.
    pub(crate) fn encode(&self, slot: impl Fn(i64) -> i64, out: &mut Vec<Chunk>) {
        let mut open = OpenFloats::new();
        for (index, (time, value)) in self.floats.timestamps_ms.iter().zip(&self.floats.values).enumerate() {
            if open.len() >= CHUNK_SAMPLES || (!open.is_empty() && slot(open.min_time_ms()) != slot(*time)) {
                out.extend(std::mem::take(&mut open).seal());
            }
            open.append(*time, *value, start_of(&self.floats.start_timestamps_ms, index));
        }
        out.extend(open.seal());
        if self.histograms.is_empty() {
            return;
        }
        let mut open = OpenHistograms::new();
        for (index, (time, value)) in
            self.histograms.timestamps_ms.iter().zip(&self.histograms.values).enumerate()
        {
            if open.len() >= CHUNK_SAMPLES || (!open.is_empty() && slot(open.min_time_ms()) != slot(*time)) {
                out.extend(std::mem::take(&mut open).seal());
            }
            open.append(*time, value, start_of(&self.histograms.start_timestamps_ms, index));
        }
        out.extend(open.seal());
    }
}

/// The start of sample `index`, 0 where the column is empty.
pub(crate) fn start_of(starts: &[i64], index: usize) -> i64 {
    starts.get(index).copied().unwrap_or(0)
}
