//! What of a damaged head can be saved: the pages of its checkpoint and the sealed chunks that check out.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::Arc;

use bedrock::disk::Disk;
use bedrock::error::{Error, Result};

use super::Head;
use super::checkpoint::{CheckpointReader, FrameWriter, PageRecord, read_page, write_page};
use super::page::{Page, slot_of_reference};
use super::samples::Samples;
use super::sealed::{Sealed, SealedChunks};
use super::series::damaged;
use super::sync::held;
use crate::records;

/// What was found in the head.
#[derive(Clone, Debug, Default)]
pub struct HeadCheck {
    /// Sealed chunks that were read.
    pub chunks: u64,
    /// Pages of the checkpoint that were read.
    pub pages: u64,
    /// Records of the log that were read.
    pub records: u64,
    /// Everything that does not check out.
    pub problems: Vec<Error>,
}

/// What a repair had to give up of the head.
#[derive(Clone, Debug)]
pub struct HeadLoss {
    /// Pages of the checkpoint, of up to 64 series each; `None` where all of it was lost.
    pub pages: Option<u64>,
    /// Sealed chunks of series in pages that were saved.
    pub chunks: u64,
    /// The first damage.
    pub cause: Error,
}

impl Head {
    /// Reads every sealed chunk. The pages are locked one after the other.
    pub(crate) fn check_chunks(&self, found: &mut HeadCheck) {
        for (_, page) in self.pages.all() {
            for (_, series) in held(&page).iter() {
                for sealed in &series.sealed {
                    found.chunks += 1;
                    found.problems.extend(check_chunk(&self.chunks, sealed).err());
                }
            }
        }
    }
}

fn check_chunk(chunks: &SealedChunks, sealed: &Sealed) -> Result<()> {
    let Sealed { min_time_ms, max_time_ms, count, location, .. } = *sealed;
    let chunk = crate::chunk::Chunk { min_time_ms, max_time_ms, count, data: chunks.read(location)? };
    Samples::default().decode(&chunk).map_err(damaged)
}

/// Reads a checkpoint to its end.
pub(crate) fn check_checkpoint(disk: &dyn Disk, path: &Path, found: &mut HeadCheck) -> Result<()> {
    let (mut reader, _) = CheckpointReader::open(disk, path)?;
    let mut last = None;
    while let Some(payload) = reader.next()? {
        // The last payload is no page.
        if let Some(page) = last.replace(payload) {
            found.pages += 1;
            read_page(&page, |time_ms| time_ms).map_err(|error| error.in_file(path, 0))?;
        }
    }
    records::check(&last.unwrap_or_default()).map_err(|error| error.in_file(path, 0))
}

/// What a checkpoint still has.
struct Saved {
    start: bytes::Bytes,
    pages: Vec<PageRecord>,
    rest: bytes::Bytes,
    pages_lost: u64,
    cause: Option<Error>,
}

/// Saves what checks out of the checkpoint `from` and of the sealed chunks in `chunks` to the new checkpoint `to`. `None`
/// where nothing is damaged; nothing is written then, nor where the loss says that no page could be saved.
///
/// # Errors
///
/// Where the medium refuses.
pub(crate) fn salvage(
    disk: &Arc<dyn Disk>,
    chunks: &Path,
    from: &Path,
    to: &Path,
) -> Result<Option<HeadLoss>> {
    let mut saved = match read_what_is_sound(&**disk, from) {
        Ok(saved) => saved,
        Err(cause @ (Error::Corrupt { .. } | Error::Io { .. })) => {
            return Ok(Some(HeadLoss { pages: None, chunks: 0, cause }));
        }
        Err(other) => return Err(other),
    };
    let pieces = SealedChunks::new(Arc::clone(disk), chunks.to_owned(), u32::MAX);
    let sealed = || saved.pages.iter().flat_map(|page| &page.series).flat_map(|(_, series)| &series.sealed);
    let named: BTreeSet<u32> = sealed().map(|sealed| sealed.location.piece).collect();
    // The chunks of a piece that does not open are missed below.
    let mut cause = saved.cause.take();
    for piece in named {
        cause = pieces.open_piece(piece).err().filter(|_| cause.is_none()).or(cause);
    }
    let mut lost = 0;
    for (_, series) in saved.pages.iter_mut().flat_map(|page| &mut page.series) {
        series.sealed.retain(|sealed| match check_chunk(&pieces, sealed) {
            Ok(()) => true,
            Err(error) => {
                lost += 1;
                cause.get_or_insert(error);
                false
            }
        });
    }
    let Some(cause) = cause else { return Ok(None) };
    let loss = HeadLoss { pages: Some(saved.pages_lost), chunks: lost, cause };
    write_saved(&**disk, to, saved)?;
    Ok(Some(loss))
}

fn write_saved(disk: &dyn Disk, to: &Path, saved: Saved) -> Result<()> {
    let mut writer = FrameWriter::create(disk, to)?;
    writer.frame(&saved.start)?;
    let mut payload = Vec::new();
    for PageRecord { number, complete, series } in saved.pages {
        let mut page = Page::default();
        for (reference, series) in series {
            page.put(slot_of_reference(reference), series);
        }
        payload.clear();
        write_page(&page, number, complete, 0, &mut payload);
        // An empty payload would end the file.
        if !payload.is_empty() {
            writer.frame(&payload)?;
        }
    }
    writer.frame(&saved.rest)?;
    writer.finish(|| Ok(()))?;
    disk.sync_dir(to.parent().unwrap_or(Path::new("")))
}

/// Reads the frames of a checkpoint and passes over those that do not check out.
fn read_what_is_sound(disk: &dyn Disk, path: &Path) -> Result<Saved> {
    let (mut reader, _) = CheckpointReader::open(disk, path)?;
    let start = reader.start().clone();
    let mut saved = Saved { start, pages: Vec::new(), rest: bytes::Bytes::new(), pages_lost: 0, cause: None };
    let mut payloads = Vec::new();
    loop {
        match reader.next() {
            Ok(Some(payload)) => payloads.push(payload),
            Ok(None) => break,
            Err(error) => {
                saved.pages_lost += 1;
                saved.cause.get_or_insert(error);
                if !reader.skip() {
                    break;
                }
            }
        }
    }
    // The last payload is a record, all others are pages.
    match payloads.pop() {
        Some(last) if records::check(&last).is_ok() => saved.rest = last,
        last => {
            let found = format!("{} pages before it", payloads.len());
            let missing = Error::corrupt(path, 0, "record at the end of a checkpoint", "a record", found);
            saved.cause.get_or_insert(missing);
            payloads.extend(last);
        }
    }
    for payload in payloads {
        match read_page(&payload, |time_ms| time_ms) {
            Ok(page) => saved.pages.push(page),
            Err(error) => {
                saved.pages_lost += 1;
                saved.cause.get_or_insert(error.in_file(path, 0));
            }
        }
    }
    if saved.rest.is_empty() {
        saved.rest = records::empty(0).into();
    }
    Ok(saved)
}
