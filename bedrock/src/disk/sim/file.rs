//! The bytes of one simulated file, and which of them a power loss may take.

use std::ops::Range;

use super::fault::{Random, Survival};

/// A file as the running process sees it, with the appends that are not durable.
#[derive(Clone, Debug, Default)]
pub(super) struct SimContent {
    bytes: Vec<u8>,
    pending: Vec<Pending>,
}

#[derive(Clone, Debug)]
struct Pending {
    range: Range<usize>,
    /// A sync of these bytes failed: no later sync makes them durable.
    is_doubtful: bool,
}

impl SimContent {
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    pub(super) fn append(&mut self, bytes: &[u8]) {
        let start = self.bytes.len();
        self.bytes.extend_from_slice(bytes);
        if !bytes.is_empty() {
            self.pending.push(Pending { range: start..self.bytes.len(), is_doubtful: false });
        }
    }

    pub(super) fn sync(&mut self) {
        self.pending.retain(|append| append.is_doubtful);
    }

    pub(super) fn fail_sync(&mut self) {
        for append in &mut self.pending {
            append.is_doubtful = true;
        }
    }

    pub(super) fn damage(&mut self, change: impl FnOnce(&mut Vec<u8>)) {
        change(&mut self.bytes);
        self.pending.clear();
    }

    /// The file that the next process finds. Lost bytes before kept ones read as zeros or as noise.
    pub(super) fn after_power_loss(&self, random: &mut Random) -> SimContent {
        let survival = Survival::choose(random, self.pending.len());
        let fill_noise = random.below(2) == 0;
        let mut bytes = self.bytes.clone();
        // Appends are in order of their offset; whatever follows the last one is durable.
        let last_end = self.pending.last().map_or(0, |append| append.range.end);
        let mut end = if last_end == bytes.len() { 0 } else { bytes.len() };
        let mut durable_from = 0;
        for (i, append) in self.pending.iter().enumerate() {
            if append.range.start > durable_from {
                end = end.max(append.range.start);
            }
            durable_from = append.range.end;
            let is_kept = survival.keeps(i, random);
            let is_torn = random.below(4) == 0;
            let kept = match (is_kept, is_torn) {
                (true, false) => append.range.len(),
                (true, true) => random.below(append.range.len() + 1),
                (false, _) => 0,
            };
            let lost = append.range.start + kept..append.range.end;
            end = if kept > 0 { end.max(lost.start) } else { end };
            for byte in &mut bytes[lost] {
                *byte = if fill_noise { random.next() as u8 } else { 0 };
            }
        }
        bytes.truncate(end);
        SimContent { bytes, pending: Vec::new() }
    }
}
