//! The head as a file, so that replay begins here and not at the first sample.
//!
//! ```text
//! header     0  magic "TRISHEAD"   8 bytes
//!            8  version            u8
//! frame      0  payload_bytes      u32 LE
//!            4  payload_crc        u32 LE, CRC-32 of the payload
//!            8  payload
//! ```
//!
//! The first payload is the head as a whole, then follows one payload a page that has series, then one with exemplars
//! and metadata, and an empty one that ends the file. Texts, varints and sections are those of [`crate::records`].
//!
//! A checkpoint is written page by page while commits go on. Every page says up to which commit it is complete; a replay
//! that begins at the WAL position from before the first page skips, for each page, what that commit number covers.
//! A series takes its labels, 20 bytes of state, 12 to 20 a sealed chunk, and its open chunk as it is packed.

use std::path::Path;

use bedrock::codec::{ByteReader, DecodeError, Expected, bytes::write_bytes, varint};
use bedrock::disk::{Disk, WriteFile};
use bedrock::error::{Error, Result};
use bedrock::labels::Labels;
use bedrock::time::TimeRange;
use bytes::Bytes;

use super::page::{PAGE_SLOT_BITS, Page, page_of, reference, slot_of_reference};
use super::sealed::{Location, Sealed};
use super::series::{Deleted, Late, Open, Rare, Series, Value};
use super::sync::held;
use super::{Head, HeadStart};
use crate::chunk::Chunk;
use crate::records::{
    RecordWriter, SampleRecord, read_definitions, read_samples, write_definitions, write_samples,
};

const MAGIC: [u8; 8] = *b"TRISHEAD";
/// The version of the layout that this build writes and reads.
const VERSION: u8 = 1;
const HEADER_BYTES: usize = MAGIC.len() + 1;
const FRAME_BYTES: usize = 8;
/// A frame that would be larger than this is damage: the largest page has 64 series.
const PAYLOAD_BYTES_MAX: usize = 1 << 30;
/// How much gathers before it goes to the file.
const BUFFER_BYTES: usize = 1 << 20;

/// The state of a series in its page.
const LAST_GONE: u8 = 1;
const LAST_IS_FLOAT: u8 = 1 << 1;
const HAS_OPEN: u8 = 1 << 2;
const HAS_RARE: u8 = 1 << 3;
const OUT_OF_ORDER: u8 = 1;

/// Writes frames to a file.
pub(super) struct FrameWriter {
    file: Box<dyn WriteFile>,
    buffer: Vec<u8>,
    bytes: u64,
}

impl FrameWriter {
    /// Begins a checkpoint in a new file.
    pub(super) fn create(disk: &dyn Disk, path: &Path) -> Result<Self> {
        let mut writer = FrameWriter { file: disk.create(path)?, buffer: MAGIC.to_vec(), bytes: 0 };
        writer.buffer.push(VERSION);
        Ok(writer)
    }

    /// Adds a payload.
    pub(super) fn frame(&mut self, payload: &[u8]) -> Result<()> {
        self.buffer.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        self.buffer.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
        self.buffer.extend_from_slice(payload);
        if self.buffer.len() >= BUFFER_BYTES { self.write_out() } else { Ok(()) }
    }

    fn write_out(&mut self) -> Result<()> {
        self.bytes += self.buffer.len() as u64;
        self.file.append(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }

    /// Ends the file; `before_sync` runs before its bytes are on the medium. Returns its size.
    pub(super) fn finish(mut self, before_sync: impl FnOnce() -> Result<()>) -> Result<u64> {
        self.frame(&[])?;
        self.write_out()?;
        before_sync()?;
        self.file.sync()?;
        Ok(self.bytes)
    }
}

impl Head {
    /// Writes the head, without what flushes up to `flush` moved to blocks, to a new file and syncs it. The sealed
    /// chunks are on the medium afterwards, too. Returns the size of the file.
    ///
    /// # Errors
    ///
    /// Where the medium refuses; the file is then worth nothing.
    pub(crate) fn write_checkpoint(&self, disk: &dyn Disk, path: &Path, flush: u32) -> Result<u64> {
        let mut writer = FrameWriter::create(disk, path)?;
        let mut payload = Vec::new();
        self.write_start(&mut payload);
        writer.frame(&payload)?;
        for (number, page) in self.pages.all() {
            payload.clear();
            {
                let page = held(&page);
                // Whoever commits to this page has its number before the lock is given back, so that every commit
                // up to the last number is in the page, and every later one will be in the log.
                let complete = self.visibility.last_begun();
                write_page(&page, number, complete, flush, &mut payload);
            }
            if !payload.is_empty() {
                writer.frame(&payload)?;
            }
        }
        writer.frame(self.rest_record().bytes())?;
        writer.finish(|| self.chunks.sync_all())
    }

    fn write_start(&self, out: &mut Vec<u8>) {
        varint::write(self.visibility.last_begun(), out);
        varint::write(u64::from(self.generation()), out);
        varint::write_zigzag(self.in_order_from_ms(), out);
        varint::write_zigzag(self.max_time_ms(), out);
    }

    /// Exemplars and metadata as a record.
    fn rest_record(&self) -> RecordWriter {
        let mut record = RecordWriter::default();
        record.begin(self.visibility.last_begun());
        let ring = held(&self.exemplars);
        // An exemplar may outlive its series in the head: its labels go with it.
        let mut series: Vec<(u64, &Labels)> =
            ring.iter().map(|entry| (entry.reference, &entry.series)).collect();
        series.sort_unstable_by_key(|(reference, _)| *reference);
        series.dedup_by_key(|(reference, _)| *reference);
        record.definitions(series.iter().copied());
        let exemplars: Vec<_> = ring.iter().map(|entry| (entry.reference, entry.exemplar.clone())).collect();
        record.exemplars(&exemplars);
        drop(ring);
        let metadata = self.all_metadata();
        record.metadata(metadata.iter().map(|(family, metadata)| (family.as_str(), metadata)));
        record
    }
}

/// Appends the series of a page that the log has named; nothing where there is none.
pub(super) fn write_page(page: &Page, number: u32, complete: u64, flush: u32, out: &mut Vec<u8>) {
    let logged = || page.iter().filter(|(_, series)| series.logged);
    if logged().next().is_none() {
        return;
    }
    varint::write(u64::from(number), out);
    varint::write(complete, out);
    let name = |(at, series): (usize, &Series)| {
        let slot = number << PAGE_SLOT_BITS | at as u32;
        reference(series.generation, slot)
    };
    let named: Vec<(u64, &Labels)> =
        logged().map(|(at, series)| (name((at, series)), &series.labels)).collect();
    write_definitions(named.iter().copied(), out);
    for (_, series) in logged() {
        write_series(series, flush, out);
    }
}

fn write_series(series: &Series, flush: u32, out: &mut Vec<u8>) {
    let stays = |flushed_in: u32| flushed_in == 0 || flushed_in > flush;
    let state = series.state();
    let open = match &series.open {
        Open::None => None,
        Open::Floats(open) => open.snapshot(),
        Open::Histograms(open) => open.snapshot(),
    };
    let flag = |set: bool, flag: u8| if set { flag } else { 0 };
    out.push(
        flag(state.last_gone, LAST_GONE)
            | flag(state.last_is_float, LAST_IS_FLOAT)
            | flag(open.is_some(), HAS_OPEN)
            | flag(series.rare.is_some(), HAS_RARE),
    );
    varint::write_zigzag(state.last_time_ms, out);
    out.extend_from_slice(&state.last_value_bits.to_le_bytes());
    varint::write(state.last_commit, out);
    if let Some(open) = open {
        write_bytes(&open.data, out);
    }
    let sealed: Vec<&Sealed> = series.sealed.iter().filter(|sealed| stays(sealed.flushed_in)).collect();
    varint::write(sealed.len() as u64, out);
    for sealed in sealed {
        out.push(flag(sealed.out_of_order, OUT_OF_ORDER));
        varint::write_zigzag(sealed.min_time_ms, out);
        varint::write(sealed.max_time_ms.wrapping_sub(sealed.min_time_ms).cast_unsigned(), out);
        varint::write(sealed.last_commit, out);
        varint::write(u64::from(sealed.location.piece), out);
        varint::write(u64::from(sealed.location.offset), out);
        varint::write(u64::from(sealed.location.bytes), out);
        varint::write(u64::from(sealed.count), out);
    }
    if let Some(rare) = &series.rare {
        write_rare(rare, stays, out);
    }
}

fn write_rare(rare: &Rare, stays: impl Fn(u32) -> bool, out: &mut Vec<u8>) {
    let late: Vec<&Late> = rare.late.iter().filter(|late| stays(late.flushed_in)).collect();
    let mut samples: Vec<SampleRecord> = late.iter().map(|late| late.record()).collect();
    // The last histogram stands in front, with the number of late samples behind it.
    samples.splice(
        ..0,
        rare.last_histogram().map(|last| SampleRecord {
            reference: 0,
            time_ms: 0,
            start_ms: 0,
            value: Value::Histogram(last),
        }),
    );
    varint::write((samples.len() - late.len()) as u64, out);
    write_samples(&samples, out);
    for late in late {
        varint::write(late.commit, out);
    }
    varint::write(rare.deleted.len() as u64, out);
    for gone in &rare.deleted {
        varint::write_zigzag(gone.range.start, out);
        varint::write_zigzag(gone.range.end, out);
        varint::write(gone.commit, out);
    }
}

/// What a page of a checkpoint says.
pub(super) struct PageRecord {
    pub(super) number: u32,
    /// The commit up to which the page is complete.
    pub(super) complete: u64,
    pub(super) series: Vec<(u64, Series)>,
}

/// A checkpoint that is being read, frame by frame.
pub(crate) struct CheckpointReader<'a> {
    path: &'a Path,
    data: Bytes,
    at: usize,
    /// The first payload.
    start: Bytes,
}

impl<'a> CheckpointReader<'a> {
    /// Opens a checkpoint and reads what it says of the head as a whole.
    ///
    /// # Errors
    ///
    /// Where the file cannot be read or is no checkpoint of a known version.
    pub(crate) fn open(disk: &dyn Disk, path: &'a Path) -> Result<(Self, HeadStart)> {
        let data = disk.open(path)?.map()?;
        let magic = data.get(..MAGIC.len());
        if magic != Some(&MAGIC) {
            let found = format!("{:?}", magic.unwrap_or(&data));
            return Err(Error::corrupt(path, 0, "magic", "TRISHEAD", found));
        }
        match data.get(MAGIC.len()).copied() {
            Some(VERSION) => {}
            found => {
                let found = found.unwrap_or(0);
                return Err(Error::Version { path: path.to_owned(), found, supported: VERSION });
            }
        }
        let mut reader = CheckpointReader { path, data, at: HEADER_BYTES, start: Bytes::new() };
        let offset = reader.at as u64;
        let payload = reader.next()?.ok_or_else(|| {
            Error::corrupt(path, offset, "checkpoint", "the state of the head", "the end of the file")
        })?;
        let start = read_start(&payload).map_err(|e| e.in_file(path, offset))?;
        reader.start = payload;
        Ok((reader, start))
    }

    /// The payload that says what the head is as a whole.
    pub(super) fn start(&self) -> &Bytes {
        &self.start
    }

    /// The next payload; `None` at the end, which the file itself must say.
    ///
    /// # Errors
    ///
    /// Where a frame does not check out.
    pub(crate) fn next(&mut self) -> Result<Option<Bytes>> {
        let at = self.at;
        let rest = self.data.get(at..).unwrap_or(&[]);
        let short = |expected: String| {
            Error::corrupt(
                self.path,
                at as u64,
                "frame of a checkpoint",
                expected,
                format!("{} bytes", rest.len()),
            )
        };
        let Some([a, b, c, d, e, f, g, h]) = rest.first_chunk::<FRAME_BYTES>().copied() else {
            return Err(short(format!("{FRAME_BYTES} bytes")));
        };
        let length = u32::from_le_bytes([a, b, c, d]) as usize;
        let start = at + FRAME_BYTES;
        if length > PAYLOAD_BYTES_MAX || self.data.len() - start < length {
            return Err(short(format!("{length} bytes of payload")));
        }
        let payload = self.data.slice(start..start + length);
        let (expected, found) = (u32::from_le_bytes([e, f, g, h]), crc32fast::hash(&payload));
        if expected != found {
            let (expected, found) = (format!("{expected:#010x}"), format!("{found:#010x}"));
            return Err(Error::corrupt(self.path, at as u64, "checksum of a frame", expected, found));
        }
        self.at = start + length;
        Ok((length > 0).then_some(payload))
    }

    /// Passes over a frame that does not check out; `false` where it does not say where the next one begins.
    pub(super) fn skip(&mut self) -> bool {
        let length = self.data.get(self.at..).and_then(|rest| rest.first_chunk::<4>());
        let end = length.map(|bytes| self.at + FRAME_BYTES + u32::from_le_bytes(*bytes) as usize);
        match end.filter(|end| *end <= self.data.len()) {
            Some(end) => {
                self.at = end;
                true
            }
            None => false,
        }
    }
}

fn read_start(payload: &[u8]) -> std::result::Result<HeadStart, DecodeError> {
    let mut reader = ByteReader::new(payload);
    let last_commit = reader.varint("last commit")?;
    if last_commit == u64::MAX {
        return Err(reader.error("last commit", Expected::AtMost(u64::MAX - 1), last_commit));
    }
    let generation = reader.varint("generation")?;
    let generation = u32::try_from(generation)
        .map_err(|_| reader.error("generation", Expected::AtMost(u64::from(u32::MAX)), generation))?;
    let in_order_from_ms = reader.zigzag("in order from")?;
    let max_time_ms = reader.zigzag("newest timestamp")?;
    Ok(HeadStart { last_commit, generation, next_piece: 1, in_order_from_ms, max_time_ms })
}

/// Reads a page. `cut_at` says where an open chunk that begins at a time is to be cut.
pub(super) fn read_page(
    payload: &[u8],
    end_of_slot: impl Fn(i64) -> i64,
) -> std::result::Result<PageRecord, DecodeError> {
    let mut reader = ByteReader::new(payload);
    let number = reader.varint("number of a page")?;
    let number = u32::try_from(number)
        .ok()
        .filter(|number| *number < 1 << (32 - PAGE_SLOT_BITS))
        .ok_or_else(|| reader.error("number of a page", Expected::Form("26 bits"), number))?;
    let complete = reader.varint("commit")?;
    let mut named = Vec::new();
    read_definitions(&mut reader, |_| true, |reference, labels| named.push((reference, labels)))?;
    let mut series = Vec::with_capacity(named.len());
    for (reference, labels) in named {
        if page_of(slot_of_reference(reference)) != number {
            return Err(reader.error("reference", Expected::Form("a slot of its page"), reference));
        }
        let read = read_series(&mut reader, labels, (reference >> 32) as u32, &end_of_slot)?;
        series.push((reference, read));
    }
    reader.finish("page")?;
    Ok(PageRecord { number, complete, series })
}

fn read_series(
    reader: &mut ByteReader<'_>,
    labels: Labels,
    generation: u32,
    end_of_slot: &impl Fn(i64) -> i64,
) -> std::result::Result<Series, DecodeError> {
    let mut series = Series::new(labels, generation);
    series.logged = true;
    let flags = reader.u8("state of a series")?;
    let mut state = series.state();
    state.last_gone = flags & LAST_GONE != 0;
    state.last_is_float = flags & LAST_IS_FLOAT != 0;
    state.last_time_ms = reader.zigzag("newest timestamp")?;
    state.last_value_bits = reader.u64("newest value")?;
    state.last_commit = reader.varint("commit")?;
    series.set_state(state);
    if flags & HAS_OPEN != 0 {
        let data = Bytes::copy_from_slice(reader.bytes("open chunk")?);
        let chunk = Chunk { min_time_ms: 0, max_time_ms: 0, count: 0, data };
        series.reopen(&chunk, end_of_slot).map_err(|error| {
            reader.error("open chunk", Expected::Form("a chunk that decodes"), error.offset as u64)
        })?;
    }
    let count = reader.count("sealed chunks", reader.remaining() / 8)?;
    series.sealed.reserve_exact(count);
    for _ in 0..count {
        series.sealed.push(read_sealed(reader)?);
    }
    if flags & HAS_RARE != 0 {
        series.rare = Some(Box::new(read_rare(reader)?));
    }
    Ok(series)
}

fn read_sealed(reader: &mut ByteReader<'_>) -> std::result::Result<Sealed, DecodeError> {
    let out_of_order = reader.u8("flags of a sealed chunk")? & OUT_OF_ORDER != 0;
    let min_time_ms = reader.zigzag("oldest timestamp")?;
    let max_time_ms = min_time_ms.wrapping_add_unsigned(reader.varint("newest timestamp")?);
    let last_commit = reader.varint("commit")?;
    let mut small = |what| {
        let value = reader.varint(what)?;
        u32::try_from(value).map_err(|_| reader.error(what, Expected::Form("32 bits"), value))
    };
    let location = Location { piece: small("piece")?, offset: small("offset")?, bytes: small("length")? };
    let count = small("count")?;
    let count = u16::try_from(count)
        .map_err(|_| reader.error("count", Expected::Form("16 bits"), u64::from(count)))?;
    Ok(Sealed { min_time_ms, max_time_ms, last_commit, location, flushed_in: 0, count, out_of_order })
}

fn read_rare(reader: &mut ByteReader<'_>) -> std::result::Result<Rare, DecodeError> {
    let mut rare = Rare::default();
    let in_front = reader.count("last histograms", 1)?;
    let mut samples = Vec::new();
    read_samples(reader, |sample| samples.push(sample))?;
    for (index, sample) in samples.into_iter().enumerate() {
        match (index < in_front, sample.value) {
            (true, Value::Histogram(last)) => rare.set_last_histogram(last),
            (true, Value::Float(_)) => {}
            (false, value) => {
                let commit = reader.varint("commit")?;
                let (time_ms, start_ms) = (sample.time_ms, sample.start_ms);
                rare.late.push(Late { time_ms, start_ms, value, commit, flushed_in: 0 });
            }
        }
    }
    let deleted = reader.count("deleted intervals", reader.remaining() / 3)?;
    for _ in 0..deleted {
        let range = TimeRange::new(reader.zigzag("start")?, reader.zigzag("end")?);
        rare.deleted.push(Deleted { range, commit: reader.varint("commit")? });
    }
    Ok(rare)
}
