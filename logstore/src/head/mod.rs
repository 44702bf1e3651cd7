//! Entries in memory: what was committed and is not in a block yet.
//!
//! A stream is a list of 24-byte references, in runs of a thousand, into shared buffers that hold lines and
//! metadata as they came. A view shares runs and buffers, so a snapshot costs 32 bytes a stream and no line is copied:
//! the writer copies the last run of a stream before it changes one that a view holds.
//!
//! An idle stream costs its labels (some 100 bytes), its place in the index, and an empty list.

mod view;

use std::mem;
use std::sync::Arc;

use bedrock::labels::Labels;
use bedrock::postings::HeadPostings;
use bytes::Bytes;
use rustc_hash::FxHashMap;

use crate::batch::Batch;

pub(crate) use view::HeadView;

/// Entries of one run.
const RUN_ENTRIES: usize = 1024;
/// A buffer of this size is closed and another one begun.
const BUFFER_BYTES: usize = 256 << 10;
/// Late entries are merged into the runs when there are more than this.
const LATE_ENTRIES_MAX: usize = 4096;
/// What a stream takes beside its labels: list, index entries, map entry.
const STREAM_BYTES: usize = 120;

/// Where an entry lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct EntryRef {
    pub(crate) ts_ns: i64,
    pub(crate) buffer: u32,
    pub(crate) offset: u32,
    pub(crate) line_bytes: u32,
    pub(crate) metadata_bytes: u32,
}

/// A run of entries, ascending in time.
pub(crate) type Run = Arc<Vec<EntryRef>>;

#[derive(Debug)]
struct Stream {
    labels: Labels,
    runs: Vec<Run>,
    /// Entries that came behind a later one, in order of arrival.
    late: Vec<EntryRef>,
}

/// The entries in memory.
#[derive(Debug, Default)]
pub(crate) struct Head {
    streams: Vec<Stream>,
    by_labels: FxHashMap<Labels, u32>,
    postings: Arc<HeadPostings>,
    closed: Vec<Bytes>,
    open: Vec<u8>,
    bytes: usize,
    entries: u64,
    view: Option<Arc<HeadView>>,
}

impl Head {
    /// Adds a committed batch. Duplicates of what the head holds are dropped, those that come late when the view
    /// is made.
    pub(crate) fn insert(&mut self, batch: &Batch) {
        self.view = None;
        let ids: Vec<u32> = batch.streams.iter().map(|labels| self.stream_id(labels)).collect();
        let mut rest = batch.bytes.as_slice();
        for entry in &batch.entries {
            let (bytes, tail) = rest.split_at((entry.line_bytes + entry.metadata_bytes) as usize);
            rest = tail;
            self.insert_entry(ids[entry.stream as usize], entry.ts_ns, bytes, entry.line_bytes);
        }
    }

    fn stream_id(&mut self, labels: &Labels) -> u32 {
        if let Some(&id) = self.by_labels.get(labels) {
            return id;
        }
        let id = self.streams.len() as u32;
        Arc::make_mut(&mut self.postings).add(id, labels);
        self.by_labels.insert(labels.clone(), id);
        self.bytes += labels.heap_bytes() + STREAM_BYTES;
        self.streams.push(Stream { labels: labels.clone(), runs: Vec::new(), late: Vec::new() });
        id
    }

    fn insert_entry(&mut self, stream: u32, ts_ns: i64, bytes: &[u8], line_bytes: u32) {
        let is_late = self.streams[stream as usize].last().is_some_and(|last| last.ts_ns > ts_ns);
        if !is_late && self.is_known(&self.streams[stream as usize], ts_ns, bytes, line_bytes) {
            return;
        }
        let entry = self.store_bytes(ts_ns, bytes, line_bytes);
        self.bytes += bytes.len() + size_of::<EntryRef>();
        self.entries += 1;
        let stream_late = &mut self.streams[stream as usize];
        if !is_late {
            stream_late.append(entry);
            return;
        }
        stream_late.late.push(entry);
        if stream_late.late.len() > LATE_ENTRIES_MAX {
            self.settle(stream as usize);
        }
    }

    /// Whether one of the entries at the end of the stream that have this time is the same.
    fn is_known(&self, stream: &Stream, ts_ns: i64, bytes: &[u8], line_bytes: u32) -> bool {
        let newest_first = stream.runs.iter().rev().flat_map(|run| run.iter().rev());
        newest_first
            .take_while(|entry| entry.ts_ns == ts_ns)
            .any(|entry| entry.line_bytes == line_bytes && self.bytes_of(entry) == bytes)
    }

    /// Line and metadata of an entry.
    fn bytes_of(&self, entry: &EntryRef) -> &[u8] {
        let buffer = self.closed.get(entry.buffer as usize).map_or(self.open.as_slice(), |closed| closed);
        let end = entry.offset + entry.line_bytes + entry.metadata_bytes;
        &buffer[entry.offset as usize..end as usize]
    }

    fn store_bytes(&mut self, ts_ns: i64, bytes: &[u8], line_bytes: u32) -> EntryRef {
        if self.open.len() >= BUFFER_BYTES {
            self.close_buffer();
        }
        let offset = self.open.len() as u32;
        self.open.extend_from_slice(bytes);
        let metadata_bytes = bytes.len() as u32 - line_bytes;
        EntryRef { ts_ns, buffer: self.closed.len() as u32, offset, line_bytes, metadata_bytes }
    }

    fn close_buffer(&mut self) {
        if !self.open.is_empty() {
            self.closed.push(Bytes::from(mem::take(&mut self.open)));
        }
    }

    /// Brings late entries of a stream into order and drops those that are already there.
    fn settle(&mut self, stream: usize) {
        let Stream { runs, late, .. } = &mut self.streams[stream];
        if late.is_empty() {
            return;
        }
        let mut all: Vec<EntryRef> = runs.iter().flat_map(|run| run.iter().copied()).collect();
        all.append(late);
        *late = Vec::new();
        all.sort_by_key(|entry| entry.ts_ns);
        let mut kept: Vec<EntryRef> = Vec::with_capacity(all.len());
        for entry in all {
            let same_time = kept.iter().rev().take_while(|other| other.ts_ns == entry.ts_ns);
            let mut same = same_time.filter(|other| other.line_bytes == entry.line_bytes);
            if same.any(|other| self.bytes_of(other) == self.bytes_of(&entry)) {
                self.entries -= 1;
                continue;
            }
            kept.push(entry);
        }
        self.streams[stream].runs = kept.chunks(RUN_ENTRIES).map(|run| Arc::new(run.to_vec())).collect();
    }

    /// What the head holds now. Shares everything with the head; O(streams) where the head changed since the last
    /// view.
    pub(crate) fn view(&mut self) -> Arc<HeadView> {
        if let Some(view) = &self.view {
            return view.clone();
        }
        for stream in 0..self.streams.len() {
            self.settle(stream);
        }
        self.close_buffer();
        let streams =
            self.streams.iter().map(|stream| (stream.labels.clone(), stream.runs.clone())).collect();
        let view = Arc::new(HeadView::new(streams, self.postings.clone(), self.closed.clone()));
        self.view = Some(view.clone());
        view
    }

    /// An estimate of the memory in use.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of entries, late duplicates included until they are found.
    pub(crate) fn entries(&self) -> u64 {
        self.entries
    }

    /// Number of streams.
    pub(crate) fn streams(&self) -> usize {
        self.streams.len()
    }
}

impl Stream {
    fn last(&self) -> Option<&EntryRef> {
        self.runs.last().and_then(|run| run.last())
    }

    fn append(&mut self, entry: EntryRef) {
        match self.runs.last_mut() {
            Some(run) if run.len() < RUN_ENTRIES => Arc::make_mut(run).push(entry),
            _ => self.runs.push(Arc::new(vec![entry])),
        }
    }
}
