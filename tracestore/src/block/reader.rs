//! Reads a block.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};

use bedrock::block::{BlockDir, BlockFile, Page, block_name};
use bedrock::codec::zstd_page::ZstdDecoder;
use bedrock::codec::{ByteReader, DecodeError, Expected, numbers};
use bedrock::disk::Disk;
use bedrock::store::{BlockFacts, StoredBlock};
use bedrock::{Error, Result};
use bytes::Bytes;

use super::format::{CorePage, FILE, FILE_KIND, GroupMeta, Index, SECTION_IDS, SECTION_INDEX, TagsMeta};
use super::values::ValueColumn;
use crate::field::Scope as FieldScope;
use crate::model::{Resource, Scope, TraceId};
use crate::otlp::proto;

/// Most bytes of an index or of the ids when decompressed.
const SECTION_BYTES_MAX: usize = 1 << 30;
const ID_BYTES: usize = size_of::<TraceId>();

/// An open block: index, origins and trace ids in memory (20 bytes a trace), pages on disk.
#[derive(Debug)]
pub(crate) struct Block {
    number: u64,
    dir: BlockDir,
    file: BlockFile,
    index: Index,
    resources: Vec<Arc<Resource>>,
    scopes: Vec<Arc<Scope>>,
    /// Sorted, with the place of the trace in the block.
    ids: Vec<(TraceId, u32)>,
    /// The same by place.
    id_of: Vec<TraceId>,
    /// Contexts that wait for their next use: one takes longer to make than most pages to decode.
    decoders: Mutex<Vec<ZstdDecoder>>,
}

impl StoredBlock for Block {
    fn open(disk: &Arc<dyn Disk>, blocks: &Path, number: u64) -> Result<Self> {
        let dir = BlockDir::new(disk.clone(), blocks.join(block_name(number)));
        let file = BlockFile::open(&**disk, &dir.path().join(FILE), FILE_KIND)?;
        let damaged = |error: DecodeError| error.in_file(file.path(), 0);
        let index = Index::decode(&unpack(&file, SECTION_INDEX)?).map_err(damaged)?;
        let ids = decode_ids(&unpack(&file, SECTION_IDS)?, &index).map_err(damaged)?;
        let mut id_of = vec![TraceId::default(); ids.len()];
        for &(id, ordinal) in &ids {
            id_of[ordinal as usize] = id;
        }
        let not_origin = || {
            let (expected, found) = ("an OTLP request", "other bytes");
            Error::corrupt(file.path(), 0, "resource or scope", expected, found)
        };
        let resources = index.resources.iter().map(|bytes| decode_resource(bytes));
        let resources = resources.collect::<Option<_>>().ok_or_else(not_origin)?;
        let scopes = index.scopes.iter().map(|bytes| decode_scope(bytes));
        let scopes = scopes.collect::<Option<_>>().ok_or_else(not_origin)?;
        Ok(Block { number, dir, file, index, resources, scopes, ids, id_of, decoders: Mutex::default() })
    }

    fn facts(&self) -> BlockFacts {
        let (first, last) = self.time_range().unwrap_or((0, u64::MAX));
        let saturated = |time_ns: u64| i64::try_from(time_ns).unwrap_or(i64::MAX);
        BlockFacts {
            number: self.number,
            level: self.index.level,
            size: self.spans(),
            first_ns: saturated(first),
            last_ns: saturated(last),
            file_bytes: self.file_bytes(),
        }
    }

    fn dir(&self) -> &BlockDir {
        &self.dir
    }

    fn verify(&self) -> Vec<Error> {
        let mut damages: Vec<Error> = self.file.verify().into_iter().map(|damage| damage.error).collect();
        for group in 0..self.groups().len() {
            damages.extend(self.check_group(group).err());
        }
        damages
    }
}

impl Block {
    /// Bytes on disk.
    pub(crate) fn file_bytes(&self) -> u64 {
        self.file.bytes()
    }

    pub(crate) fn groups(&self) -> &[GroupMeta] {
        &self.index.groups
    }

    /// Number of spans.
    pub(crate) fn spans(&self) -> u64 {
        self.groups().iter().map(|group| group.spans as u64).sum()
    }

    /// First start and last end of a span.
    pub(crate) fn time_range(&self) -> Option<(u64, u64)> {
        let start = self.groups().iter().map(|group| group.start_ns).min()?;
        Some((start, self.groups().iter().map(|group| group.end_ns).max()?))
    }

    /// The ids of the traces of the block, sorted, with the place of the trace.
    pub(crate) fn ids(&self) -> &[(TraceId, u32)] {
        &self.ids
    }

    /// The id of the trace at a place.
    pub(crate) fn id_at(&self, place: usize) -> TraceId {
        self.id_of.get(place).copied().unwrap_or_default()
    }

    /// The place of a trace. One binary search.
    pub(crate) fn find(&self, id: TraceId) -> Option<usize> {
        let index = self.ids.binary_search_by_key(&id, |(known, _)| *known).ok()?;
        Some(self.ids[index].1 as usize)
    }

    /// The group that the trace at a place is in, and the place of the group's first trace.
    pub(crate) fn group_of(&self, place: usize) -> Option<(usize, usize)> {
        let mut first = 0;
        for (number, group) in self.groups().iter().enumerate() {
            if place < first + group.traces {
                return Some((number, first));
            }
            first += group.traces;
        }
        None
    }

    pub(crate) fn resources(&self) -> &[Arc<Resource>] {
        &self.resources
    }

    pub(crate) fn scopes(&self) -> &[Arc<Scope>] {
        &self.scopes
    }

    /// The number of an attribute key, where the block has it.
    pub(super) fn key(&self, name: &str) -> Option<u32> {
        self.index.keys.iter().position(|key| key == name).map(|number| number as u32)
    }

    pub(super) fn key_name(&self, key: u32) -> &str {
        self.index.keys.get(key as usize).map_or("", String::as_str)
    }

    pub(super) fn tags(&self) -> &[TagsMeta] {
        &self.index.tags
    }

    pub(super) fn page(&self, page: Page) -> Result<Bytes> {
        self.file.page(page)
    }

    /// Number of attribute keys.
    pub(super) fn keys(&self) -> usize {
        self.index.keys.len()
    }

    pub(super) fn core_page(&self, group: &GroupMeta, page: CorePage) -> Result<(Bytes, Page)> {
        let page = group.page(page);
        Ok((self.file.page(page)?, page))
    }

    /// Reads and decodes an attribute column; `None` where the group has no such key.
    pub(super) fn values(
        &self,
        group: &GroupMeta,
        scope: FieldScope,
        key: u32,
    ) -> Result<Option<ValueColumn>> {
        let Some(column) = group.column(scope, key) else { return Ok(None) };
        let bytes = self.file.page(column.page)?;
        let mut reader = ByteReader::new(&bytes);
        let values = self.with_decoder(|zstd| ValueColumn::read(&mut reader, column.values, zstd));
        Ok(Some(values.map_err(self.damaged(column.page))?))
    }

    /// Lends a decoder.
    pub(super) fn with_decoder<T>(&self, decode: impl FnOnce(&mut ZstdDecoder) -> T) -> T {
        let waiting = || self.decoders.lock().unwrap_or_else(PoisonError::into_inner);
        let mut decoder = waiting().pop().unwrap_or_default();
        let decoded = decode(&mut decoder);
        waiting().push(decoder);
        decoded
    }

    /// Makes an error of this file.
    pub(super) fn damaged(&self, page: Page) -> impl Fn(DecodeError) -> Error {
        move |error| error.in_file(self.file.path(), page.offset)
    }
}

fn unpack(file: &BlockFile, section: &str) -> Result<Vec<u8>> {
    let mut raw = Vec::new();
    let packed = file.section(section)?;
    ZstdDecoder::new()
        .decode(&packed, SECTION_BYTES_MAX, &mut raw)
        .map_err(|error| error.in_file(file.path(), 0))?;
    Ok(raw)
}

fn decode_ids(raw: &[u8], index: &Index) -> std::result::Result<Vec<(TraceId, u32)>, DecodeError> {
    let count: usize = index.groups.iter().map(|group| group.traces).sum();
    let mut reader = ByteReader::new(raw);
    let mut ids = Vec::new();
    let (chunks, _) = reader.take("trace ids", count.saturating_mul(ID_BYTES))?.as_chunks::<ID_BYTES>();
    let places = numbers::read(&mut reader, count)?;
    for (id, place) in chunks.iter().zip(places) {
        let known = usize::try_from(place).is_ok_and(|place| place < count);
        if !known {
            return Err(reader.error("place of trace", Expected::AtMost(count as u64), place as u64));
        }
        ids.push((TraceId(*id), place as u32));
    }
    if !ids.is_sorted() {
        return Err(reader.error("trace ids", Expected::Form("ids in order"), count as u64));
    }
    Ok(ids)
}

fn decode_resource(bytes: &[u8]) -> Option<Arc<Resource>> {
    let decoded = proto::decode(bytes).ok()?.resource_spans;
    // A resource of which nothing is set is an empty request.
    Some(decoded.into_iter().next().map(|envelope| envelope.resource).unwrap_or_default())
}

fn decode_scope(bytes: &[u8]) -> Option<Arc<Scope>> {
    let decoded = proto::decode(bytes).ok()?.resource_spans;
    let scopes = decoded.into_iter().next().map(|envelope| envelope.scopes).unwrap_or_default();
    Some(scopes.into_iter().next().map(|spans| spans.scope).unwrap_or_default())
}
