//! Layout of a block: one file, `spans`, of the form of `bedrock::block`, with three sections.
//!
//! ```text
//! pages      checked pages; where each lies stands in the index
//! ids        (zstd) sorted trace ids of 16 bytes, back to back; then their ordinals (numbers): a trace is the
//!            n-th of the block
//! index      (zstd) version:u8  level:u8  keys  origins  groups  tags
//! keys       count:varint  each: length:varint, bytes; attribute keys by number
//! origins    resources: count:varint, each an OTLP request (length:varint, bytes) of one resource without spans;
//!            then scopes in the same way
//! groups     count:varint  each: spans:varint  traces:varint  first start:varint  last start or end:varint
//!            a page for each of the pages below, then columns:varint, each: scope:u8  key:varint  values:varint  page
//! tags       count:varint  each: field:u8 (a scope, or 16 and more: see `tags.rs`)  key:varint  known:u8 and, where
//!            that is 1, values:varint  page: the distinct values of a field
//! page       offset:varint  bytes:varint
//! ```
//!
//! Pages of a group, in this order (numbers are those of `bedrock::codec::numbers`, a value of every span unless said
//! otherwise; texts are a column of values, see `values.rs`):
//!
//! ```text
//! traces     spans of each trace, its first start (minus that of the trace before), its duration: numbers;
//!            service and name of its root: texts
//! ids        8 bytes a span
//! parents    numbers: 0 a root, 1 a parent outside the trace or one that cannot be told (see `tree.rs`), else
//!            2 + zigzag(row - row of the parent); then the 8 bytes of the id for every 1
//! names      texts
//! kinds      kind, then status code: numbers
//! messages   status message: texts
//! starts     start minus start of the trace: numbers
//! durations  end minus start: numbers
//! origins    resource, then scope: numbers
//! shapes     of attributes, see `attributes.rs`
//! rest       trace state: texts; flags, dropped attributes, events and links: numbers
//! events     count: numbers; then for every event: time minus start, dropped attributes: numbers; name: texts; shapes
//! links      count: numbers; then for every link: 24 bytes of ids; flags, dropped attributes: numbers; trace state:
//!            texts; shapes
//! ```
//!
//! Version 1 is the first.

use bedrock::block::{FileKind, Page};
use bedrock::codec::bytes::write_bytes;
use bedrock::codec::{ByteReader, DecodeError, Expected, varint};

use crate::field::Scope;

pub(super) const VERSION: u8 = 1;
pub(super) const FILE: &str = "spans";
pub(super) const FILE_KIND: FileKind = FileKind { tag: *b"TRCB", version: VERSION };
pub(super) const SECTION_PAGES: &str = "pages";
pub(super) const SECTION_IDS: &str = "ids";
pub(super) const SECTION_INDEX: &str = "index";

/// A group is closed at the end of the trace that brings it to so many spans.
pub(super) const GROUP_SPANS: usize = 4096;
/// Most spans of a group, which is the largest trace of a block.
pub(super) const GROUP_SPANS_MAX: usize = 1 << 26;
const PAGE_BYTES_MAX: usize = 1 << 31;

/// The pages that every group has, by their place in the index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CorePage {
    Traces,
    Ids,
    Parents,
    Names,
    Kinds,
    Messages,
    Starts,
    Durations,
    Origins,
    Shapes,
    Rest,
    Events,
    Links,
}

impl CorePage {
    /// All of them, in the order of the index.
    pub(super) const ALL: [CorePage; 13] = [
        CorePage::Traces,
        CorePage::Ids,
        CorePage::Parents,
        CorePage::Names,
        CorePage::Kinds,
        CorePage::Messages,
        CorePage::Starts,
        CorePage::Durations,
        CorePage::Origins,
        CorePage::Shapes,
        CorePage::Rest,
        CorePage::Events,
        CorePage::Links,
    ];
}

pub(super) const CORE_PAGES: usize = CorePage::ALL.len();
const _: () = assert!(CorePage::Links as usize + 1 == CORE_PAGES);

/// What the index says about a group.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct GroupMeta {
    pub(crate) spans: usize,
    pub(crate) traces: usize,
    pub(crate) start_ns: u64,
    pub(crate) end_ns: u64,
    pub(super) core: Vec<Page>,
    pub(super) columns: Vec<ColumnMeta>,
}

/// Where the values of an attribute key are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ColumnMeta {
    pub(super) scope: Scope,
    pub(super) key: u32,
    /// Number of values: of spans, events or links that have the key, counted as often as they have it.
    pub(super) values: usize,
    pub(super) page: Page,
}

/// Where the distinct values of a field are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TagsMeta {
    pub(super) of: u8,
    pub(super) key: u32,
    pub(super) values: usize,
    /// `None` where they are too many to be kept.
    pub(super) page: Option<Page>,
}

/// The index of a block.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Index {
    pub(super) level: u8,
    pub(super) keys: Vec<String>,
    pub(super) resources: Vec<Vec<u8>>,
    pub(super) scopes: Vec<Vec<u8>>,
    pub(super) groups: Vec<GroupMeta>,
    pub(super) tags: Vec<TagsMeta>,
}

impl GroupMeta {
    pub(super) fn page(&self, page: CorePage) -> Page {
        // Decoding makes a group with all of them.
        self.core.get(page as usize).copied().unwrap_or(Page { offset: 0, bytes: 0 })
    }

    pub(super) fn column(&self, scope: Scope, key: u32) -> Option<&ColumnMeta> {
        self.columns.iter().find(|column| column.scope == scope && column.key == key)
    }
}

impl Index {
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&[VERSION, self.level]);
        varint::write(self.keys.len() as u64, out);
        self.keys.iter().for_each(|key| write_bytes(key.as_bytes(), out));
        for origins in [&self.resources, &self.scopes] {
            varint::write(origins.len() as u64, out);
            origins.iter().for_each(|origin| write_bytes(origin, out));
        }
        varint::write(self.groups.len() as u64, out);
        for group in &self.groups {
            for number in [group.spans as u64, group.traces as u64, group.start_ns, group.end_ns] {
                varint::write(number, out);
            }
            group.core.iter().for_each(|page| encode_page(*page, out));
            varint::write(group.columns.len() as u64, out);
            for column in &group.columns {
                out.push(column.scope as u8);
                varint::write(u64::from(column.key), out);
                varint::write(column.values as u64, out);
                encode_page(column.page, out);
            }
        }
        varint::write(self.tags.len() as u64, out);
        for tags in &self.tags {
            out.push(tags.of);
            varint::write(u64::from(tags.key), out);
            out.push(tags.page.is_some().into());
            if let Some(page) = tags.page {
                varint::write(tags.values as u64, out);
                encode_page(page, out);
            }
        }
    }

    pub(super) fn decode(bytes: &[u8]) -> Result<Index, DecodeError> {
        let mut reader = ByteReader::new(bytes);
        let version = reader.u8("version of index")?;
        if version != VERSION {
            return Err(reader.error("version of index", Expected::Exactly(VERSION.into()), version.into()));
        }
        let mut index = Index { level: reader.u8("level of block")?, ..Index::default() };
        for _ in 0..reader.count("keys", bytes.len())? {
            index.keys.push(reader.text("key")?.to_owned());
        }
        for origins in [&mut index.resources, &mut index.scopes] {
            for _ in 0..reader.count("origins", bytes.len())? {
                origins.push(reader.bytes("origin")?.to_vec());
            }
        }
        for _ in 0..reader.count("groups", bytes.len())? {
            index.groups.push(decode_group(&mut reader, index.keys.len())?);
        }
        for _ in 0..reader.count("fields with values", reader.remaining())? {
            index.tags.push(decode_tags(&mut reader)?);
        }
        reader.finish("index")?;
        Ok(index)
    }
}

fn decode_group(reader: &mut ByteReader<'_>, keys: usize) -> Result<GroupMeta, DecodeError> {
    let spans = reader.count("spans of group", GROUP_SPANS_MAX)?;
    let mut group = GroupMeta {
        spans,
        traces: reader.count("traces of group", spans)?,
        start_ns: reader.varint("first start")?,
        end_ns: reader.varint("last end")?,
        core: Vec::with_capacity(CORE_PAGES),
        columns: Vec::new(),
    };
    for _ in 0..CORE_PAGES {
        group.core.push(decode_page(reader)?);
    }
    for _ in 0..reader.count("columns", reader.remaining())? {
        let scope = reader.u8("scope of column")?;
        let scope = Scope::ALL
            .into_iter()
            .find(|known| *known as u8 == scope)
            .ok_or_else(|| reader.error("scope of column", Expected::AtMost(4), scope.into()))?;
        let key = reader.count("key of column", keys.saturating_sub(1))? as u32;
        let values = reader.count("values of column", GROUP_SPANS_MAX)?;
        group.columns.push(ColumnMeta { scope, key, values, page: decode_page(reader)? });
    }
    Ok(group)
}

fn decode_tags(reader: &mut ByteReader<'_>) -> Result<TagsMeta, DecodeError> {
    let of = reader.u8("field of values")?;
    let key = reader.count("key of values", u32::MAX as usize)? as u32;
    let mut tags = TagsMeta { of, key, values: 0, page: None };
    if reader.u8("whether values are known")? == 1 {
        tags.values = reader.count("values of field", GROUP_SPANS_MAX)?;
        tags.page = Some(decode_page(reader)?);
    }
    Ok(tags)
}

fn encode_page(page: Page, out: &mut Vec<u8>) {
    varint::write(page.offset, out);
    varint::write(u64::from(page.bytes), out);
}

fn decode_page(reader: &mut ByteReader<'_>) -> Result<Page, DecodeError> {
    let offset = reader.varint("offset of page")?;
    Ok(Page { offset, bytes: reader.count("bytes of page", PAGE_BYTES_MAX)? as u32 })
}
