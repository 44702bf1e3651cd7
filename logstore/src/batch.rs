//! Entries on their way into the store.

use bedrock::codec::bytes::write_bytes;
use bedrock::codec::{ByteReader, DecodeError};
use bedrock::labels::Labels;
use rustc_hash::FxHashMap;

use crate::error::Result;
use crate::ingest::{self, Discovery};
use crate::limits::Limits;

/// A stream of a [`Batch`], named once and then used for many entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StreamRef(u32);

/// Entries that are committed together: all of them are stored, or none.
///
/// Lines are copied into one buffer; an entry costs its bytes, 24 bytes more, and some 50 ns.
///
/// ```
/// use bedrock::labels::Labels;
/// use logstore::{Db, Options};
///
/// let db = Db::in_memory(Options::default())?;
/// let mut batch = db.batch();
/// let shop = batch.stream(&Labels::from_pairs([("app", "shop")])?)?;
/// batch.push(shop, 1_000, b"order accepted", &[])?;
/// batch.push(shop, 2_000, b"order paid", &[("trace_id".into(), "4bf92f35".into())])?;
/// db.commit(&batch)?;
/// # db.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Batch {
    limits: Limits,
    discovery: Discovery,
    by_labels: FxHashMap<Labels, StreamRef>,
    pub(crate) streams: Vec<Labels>,
    pub(crate) entries: Vec<BatchEntry>,
    /// Line and encoded metadata of every entry, back to back.
    pub(crate) bytes: Vec<u8>,
}

/// One entry; its line and metadata lie in the bytes of the batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct BatchEntry {
    pub(crate) stream: u32,
    pub(crate) line_bytes: u32,
    pub(crate) metadata_bytes: u32,
    pub(crate) ts_ns: i64,
}

impl Batch {
    pub(crate) fn new(limits: Limits, discovery: Discovery) -> Self {
        Batch { limits, discovery, ..Batch::default() }
    }

    /// Names a stream. The same labels give the same stream.
    ///
    /// # Errors
    ///
    /// Where the labels are beyond a limit; the batch is as before.
    pub fn stream(&mut self, labels: &Labels) -> Result<StreamRef> {
        if let Some(&known) = self.by_labels.get(labels) {
            return Ok(known);
        }
        self.limits.check_labels(labels)?;
        let stored = ingest::stream_labels(labels, &self.discovery);
        let stream = match self.by_labels.get(&stored) {
            Some(&known) => known,
            None => self.add_stream(stored),
        };
        self.by_labels.insert(labels.clone(), stream);
        Ok(stream)
    }

    fn add_stream(&mut self, labels: Labels) -> StreamRef {
        let stream = StreamRef(self.streams.len() as u32);
        self.by_labels.insert(labels.clone(), stream);
        self.streams.push(labels);
        stream
    }

    /// Adds an entry. Entries may come in any order of time; `ts_ns` is nanoseconds since 1970. Metadata names are
    /// made label names.
    ///
    /// # Errors
    ///
    /// Where line or metadata are beyond a limit, or a metadata name has no letter and no digit; the batch is as
    /// before.
    ///
    /// # Panics
    ///
    /// Where `stream` is of another batch and this one has fewer streams.
    pub fn push(
        &mut self,
        stream: StreamRef,
        ts_ns: i64,
        line: &[u8],
        metadata: &[(String, String)],
    ) -> Result<()> {
        let labels = &self.streams[stream.0 as usize];
        self.limits.check_entry(labels, line, metadata)?;
        let start = self.bytes.len();
        self.bytes.extend_from_slice(line);
        if !metadata.is_empty() || self.discovery.level {
            let mut pairs = match ingest::sanitize_metadata(metadata) {
                Ok(pairs) => pairs,
                Err(error) => {
                    self.bytes.truncate(start);
                    return Err(error.into());
                }
            };
            ingest::add_level(labels, line, &mut pairs, &self.discovery);
            let pairs = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str()));
            write_metadata_pairs(pairs, &mut self.bytes);
        }
        let metadata_bytes = (self.bytes.len() - start - line.len()) as u32;
        let line_bytes = line.len() as u32;
        self.entries.push(BatchEntry { stream: stream.0, line_bytes, metadata_bytes, ts_ns });
        Ok(())
    }

    /// Number of entries.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no entry.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes of lines and metadata.
    pub fn bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Forgets the entries and keeps streams and memory, for the next batch of the same streams.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.bytes.clear();
    }

    /// A batch as it came out of the log.
    pub(crate) fn from_parts(streams: Vec<Labels>, entries: Vec<BatchEntry>, bytes: Vec<u8>) -> Self {
        Batch { streams, entries, bytes, ..Batch::default() }
    }
}

/// Appends metadata pairs, for [`MetadataIter`].
pub(crate) fn write_metadata_pairs<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>, out: &mut Vec<u8>) {
    for (name, value) in pairs {
        write_bytes(name.as_bytes(), out);
        write_bytes(value.as_bytes(), out);
    }
}

/// The pairs that [`write_metadata_pairs`] wrote.
pub(crate) struct MetadataIter<'a> {
    reader: ByteReader<'a>,
}

impl<'a> MetadataIter<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        MetadataIter { reader: ByteReader::new(bytes) }
    }
}

impl<'a> Iterator for MetadataIter<'a> {
    type Item = std::result::Result<(&'a str, &'a str), DecodeError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.reader.is_empty() {
            return None;
        }
        let pair = self.reader.text("metadata name").and_then(|name| {
            let value = self.reader.text("metadata value")?;
            Ok((name, value))
        });
        if pair.is_err() {
            self.reader = ByteReader::new(&[]);
        }
        Some(pair)
    }
}
