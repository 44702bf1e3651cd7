//! The streams of an open block, in as few bytes as a binary search bears: what an idle stream costs a store.
//!
//! Label sets stand in order, each as the bytes that it does not share with the one before; every sixteenth is whole.
//! A set of a service's replicas takes some 20 bytes so, and 110 as an allocation of its own. Reading one takes about a
//! microsecond, some in order 200 ns each. Counters stay as they lie on disk: some 6 bytes a minute.

use bedrock::codec::bytes::write_bytes;
use bedrock::codec::{ByteReader, DecodeError, varint};
use bedrock::labels::Labels;

use super::format::{MinuteCount, decode_minutes};
use crate::records::decode_labels;

/// Every so many label sets one is whole.
const RESTART: usize = 16;

/// Label sets by position, ascending.
#[derive(Debug, Default)]
pub(super) struct StreamTable {
    bytes: Vec<u8>,
    /// Where each whole set begins.
    restarts: Vec<u32>,
    count: usize,
    /// The set that was added last, encoded.
    last: Vec<u8>,
}

/// Appends a label set: number of pairs, then name and value of each.
pub(super) fn encode_labels(labels: &Labels, out: &mut Vec<u8>) {
    varint::write(labels.len() as u64, out);
    for (name, value) in labels {
        write_bytes(name.as_bytes(), out);
        write_bytes(value.as_bytes(), out);
    }
}

impl StreamTable {
    /// Adds the next label set.
    pub(super) fn push(&mut self, labels: &Labels) {
        let mut encoded = Vec::with_capacity(self.last.len());
        encode_labels(labels, &mut encoded);
        let mut shared = 0;
        if self.count.is_multiple_of(RESTART) {
            self.restarts.push(self.bytes.len() as u32);
        } else {
            shared = encoded.iter().zip(&self.last).take_while(|(a, b)| a == b).count();
        }
        varint::write(shared as u64, &mut self.bytes);
        write_bytes(&encoded[shared..], &mut self.bytes);
        self.last = encoded;
        self.count += 1;
    }

    /// Gives back what only adding needs.
    pub(super) fn finish(&mut self) {
        self.last = Vec::new();
        self.bytes.shrink_to_fit();
        self.restarts.shrink_to_fit();
    }

    /// Number of label sets.
    pub(super) fn len(&self) -> usize {
        self.count
    }

    /// The label sets at some positions, which ascend.
    pub(super) fn labels(&self, positions: &[u32]) -> Vec<Labels> {
        let mut found = Vec::with_capacity(positions.len());
        let mut reader = ByteReader::new(&[]);
        let (mut next, mut encoded) = (usize::MAX, Vec::new());
        for &position in positions {
            let position = position as usize;
            // What lies between is read where that is shorter than a jump.
            if next > position || position / RESTART > next / RESTART {
                next = position / RESTART * RESTART;
                let start = self.restarts.get(next / RESTART).map_or(self.bytes.len(), |at| *at as usize);
                reader = ByteReader::new(&self.bytes[start..]);
            }
            while next <= position {
                read_set(&mut reader, &mut encoded).expect("the table is as it was built");
                next += 1;
            }
            let labels = decode_labels(&mut ByteReader::new(&encoded));
            found.push(labels.expect("the table holds label sets"));
        }
        found
    }
}

/// Makes `encoded` the next set, out of the one before.
fn read_set(reader: &mut ByteReader<'_>, encoded: &mut Vec<u8>) -> Result<(), DecodeError> {
    encoded.truncate(reader.count("shared bytes", usize::MAX)?);
    encoded.extend_from_slice(reader.bytes("bytes of label set")?);
    Ok(())
}

/// Counters by stream and minute, as they lie on disk.
#[derive(Debug, Default)]
pub(super) struct MinuteTable {
    bytes: Box<[u8]>,
    /// Where the counters of each stream begin.
    offsets: Box<[u32]>,
}

impl MinuteTable {
    /// Reads and checks the counters of `streams` streams.
    pub(super) fn read(reader: &mut ByteReader<'_>, streams: usize) -> Result<Self, DecodeError> {
        let bytes = reader.rest();
        let mut offsets = Vec::with_capacity(streams.min(bytes.len()));
        for _ in 0..streams {
            offsets.push((bytes.len() - reader.remaining()) as u32);
            decode_minutes(reader)?;
        }
        let read = bytes.len() - reader.remaining();
        Ok(MinuteTable { bytes: bytes[..read].into(), offsets: offsets.into() })
    }

    /// The counters of a stream, ascending by minute.
    pub(super) fn minutes(&self, position: u32) -> Vec<MinuteCount> {
        let start = self.offsets.get(position as usize).map_or(self.bytes.len(), |at| *at as usize);
        let minutes = decode_minutes(&mut ByteReader::new(&self.bytes[start..]));
        minutes.expect("the counters were read before")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn label_sets_come_back_in_any_selection() {
        let set = |number: usize| {
            let (pod, node) = (format!("pod-{:05}", number * 7), format!("node-{}", number / 40));
            Labels::from_pairs([("app", "shop"), ("node", node.as_str()), ("pod", pod.as_str())]).unwrap()
        };
        let mut sets: Vec<Labels> = (0..1_000).map(set).collect();
        sets.sort();
        let mut table = StreamTable::default();
        sets.iter().for_each(|labels| table.push(labels));
        table.finish();
        assert_eq!(table.len(), sets.len());
        for step in [1, 2, 15, 16, 17, 333, 999] {
            for first in [0, 1, 15, 16, 31] {
                let positions: Vec<u32> = (first..1_000).step_by(step).collect();
                let expected: Vec<Labels> = positions.iter().map(|at| sets[*at as usize].clone()).collect();
                assert_eq!(table.labels(&positions), expected, "from {first} by {step}");
            }
        }
        assert!(table.bytes.len() < 20 * sets.len(), "{} bytes", table.bytes.len());
    }
}
