//! A log store in a few vectors: the model that tests compare real stores with.
//!
//! It keeps every entry as it came and looks at all of them for every question, so it is right by being dumb: O(entries)
//! per scan. Ingestion has the semantics of the real store: equal entries of a stream are stored once, metadata names
//! are sanitized, discovery is an option.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use bedrock::labels::{Labels, Matcher};

use crate::ingest::{self, Discovery, MetadataError};
use crate::source::{BatchSink, Entry, LogSource, Order, Selection};

/// One stored entry.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Stored {
    ts_ns: i64,
    line: Vec<u8>,
    metadata: Vec<(String, String)>,
}

/// A log store in memory, without any index.
///
/// ```
/// use bedrock::labels::Labels;
/// use logstore::memory::MemorySource;
///
/// let mut source = MemorySource::default();
/// let labels = Labels::from_pairs([("app", "shop")])?;
/// assert!(source.push(&labels, 1_000, b"started", &[])?);
/// assert!(!source.push(&labels, 1_000, b"started", &[])?, "an equal entry is stored once");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct MemorySource {
    discovery: Discovery,
    streams: BTreeMap<Labels, Vec<Stored>>,
}

impl MemorySource {
    /// An empty store with discovery as given.
    pub fn new(discovery: Discovery) -> Self {
        MemorySource { discovery, streams: BTreeMap::new() }
    }

    /// Stores an entry, unless the stream already has it; says whether it was stored.
    ///
    /// Entries may come in any order.
    ///
    /// # Errors
    ///
    /// [`MetadataError`] where a metadata name cannot become a label name.
    pub fn push(
        &mut self,
        labels: &Labels,
        ts_ns: i64,
        line: &[u8],
        metadata: &[(String, String)],
    ) -> Result<bool, MetadataError> {
        let labels = ingest::stream_labels(labels, &self.discovery);
        let mut metadata = ingest::sanitize_metadata(metadata)?;
        ingest::add_level(&labels, line, &mut metadata, &self.discovery);
        let stored = Stored { ts_ns, line: line.to_vec(), metadata };
        let stream = self.streams.entry(labels).or_default();
        let from = stream.partition_point(|other| other.ts_ns < ts_ns);
        let to = stream.partition_point(|other| other.ts_ns <= ts_ns);
        if stream[from..to].contains(&stored) {
            return Ok(false);
        }
        stream.insert(to, stored);
        Ok(true)
    }

    /// Deletes the entries for which `keep` is false; it sees labels, time and line.
    pub fn retain(&mut self, mut keep: impl FnMut(&Labels, i64, &[u8]) -> bool) {
        for (labels, stored) in &mut self.streams {
            stored.retain(|entry| keep(labels, entry.ts_ns, &entry.line));
        }
    }

    /// Number of streams.
    pub fn stream_count(&self) -> usize {
        self.streams.len()
    }

    /// Every entry in the selection, in the order it asks for.
    fn selected<'s>(&'s self, selection: &Selection<'_>) -> Vec<(u32, &'s Labels, &'s Stored)> {
        let mut entries = Vec::new();
        for (stream, (labels, stored)) in (0u32..).zip(&self.streams) {
            if selection.selects(labels) {
                let wanted = stored.iter().filter(|entry| selection.contains(entry.ts_ns));
                entries.extend(wanted.map(|entry| (stream, labels, entry)));
            }
        }
        match selection.order {
            Order::PerStream => {}
            Order::Forward => entries.sort_by_key(|(_, _, entry)| entry.ts_ns),
            Order::Backward => {
                entries.reverse();
                entries.sort_by_key(|(_, _, entry)| std::cmp::Reverse(entry.ts_ns));
            }
        }
        entries
    }
}

impl LogSource for MemorySource {
    fn streams(&self, matchers: &[Matcher], start_ns: i64, end_ns: i64) -> bedrock::Result<Vec<Labels>> {
        let selection = Selection::new(matchers, start_ns, end_ns);
        let matching = self.streams.iter().filter(|(labels, stored)| {
            selection.selects(labels) && stored.iter().any(|entry| selection.contains(entry.ts_ns))
        });
        Ok(matching.map(|(labels, _)| labels.clone()).collect())
    }

    fn scan(&self, selection: &Selection<'_>, sink: &mut BatchSink<'_>) -> bedrock::Result<()> {
        let mut metadata = Vec::new();
        for (stream, labels, stored) in self.selected(selection) {
            metadata.clear();
            metadata.extend(stored.metadata.iter().map(|(name, value)| (name.as_str(), value.as_str())));
            let entry = Entry {
                stream,
                labels,
                ts_ns: stored.ts_ns,
                line: &stored.line,
                line_bytes: u32::try_from(stored.line.len()).unwrap_or(u32::MAX),
                metadata: &metadata,
            };
            if sink(&[entry]) == ControlFlow::Break(()) {
                break;
            }
        }
        Ok(())
    }
}
