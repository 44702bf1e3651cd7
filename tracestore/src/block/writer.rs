//! Writes a block from whole traces in order of their first start.

use std::sync::Arc;

use bedrock::Result;
use bedrock::block;
use bedrock::codec::numbers;
use bedrock::codec::zstd_page::ZstdEncoder;
use bedrock::store::Place;
use rustc_hash::FxHashMap;

use super::attributes::Keys;
use super::coder::Coder;
use super::format::{
    ColumnMeta, CorePage, FILE, FILE_KIND, GROUP_SPANS, GroupMeta, Index, SECTION_IDS, SECTION_INDEX,
    SECTION_PAGES,
};
use super::gather::GatheredTrace;
use super::group::GroupBuilder;
use super::row::SpanRow;
use super::tags::TagsBuilder;
use super::values::ValuesBuilder;
use crate::field::Scope as FieldScope;
use crate::model::{Resource, ResourceSpans, Scope, ScopeSpans, TraceId};
use crate::otlp::proto;
use crate::source::TraceSummary;

const ZSTD_LEVEL: i32 = 6;
/// Allocations of origins that are remembered.
const KNOWN_MAX: usize = 10_000;

/// Takes traces and writes groups as they fill up. Holds one group.
pub(crate) struct BlockWriter<'d> {
    block: block::BlockWriter<'d>,
    file: block::FileWriter,
    index: Index,
    keys: Keys,
    origins: Origins,
    coder: Coder,
    tags: TagsBuilder,
    group: GroupBuilder,
    ids: Vec<TraceId>,
}

/// Numbers of resources and scopes, by content and, faster, by the allocation that spans share.
#[derive(Default)]
struct Origins {
    resources: FxHashMap<Vec<u8>, u32>,
    scopes: FxHashMap<Vec<u8>, u32>,
    /// Numbers by allocation; what is held stays where it is.
    known_resources: FxHashMap<*const Resource, (Arc<Resource>, u32)>,
    known_scopes: FxHashMap<*const Scope, (Arc<Scope>, u32)>,
}

impl<'d> BlockWriter<'d> {
    /// Begins a block.
    pub(crate) fn create(place: Place<'d>) -> Result<Self> {
        let block = block::BlockWriter::create(place.disk, place.blocks, place.number)?;
        let mut file = block.file(FILE, FILE_KIND)?;
        file.begin(SECTION_PAGES)?;
        let index = Index { level: place.level, ..Index::default() };
        let (keys, origins, group) = (Keys::default(), Origins::default(), GroupBuilder::default());
        Ok(BlockWriter {
            block,
            file,
            index,
            keys,
            origins,
            coder: Coder::new(place.level)?,
            tags: TagsBuilder::default(),
            group,
            ids: Vec::new(),
        })
    }

    /// Adds a trace; its spans are in order of storage and `summary` is about them.
    pub(crate) fn trace(&mut self, spans: &[SpanRow<'_>], summary: &TraceSummary) -> Result<()> {
        if spans.len() >= GROUP_SPANS {
            // A trace that fills a group has it for itself: who reads its neighbours need not decode it.
            self.write_group()?;
        }
        self.ids.push(summary.id);
        let (origins, index) = (&mut self.origins, &mut self.index);
        let number = |span: &SpanRow<'_>| origins.numbers(span.resource, span.scope, index);
        self.group.push(spans, summary, &mut self.keys, number);
        if self.group.spans >= GROUP_SPANS { self.write_group() } else { Ok(()) }
    }

    /// Adds a trace out of its pieces, as a group of its own. Holds one page at a time.
    pub(crate) fn gathered(&mut self, trace: &GatheredTrace<'_>) -> Result<()> {
        self.write_group()?;
        self.ids.push(trace.whole.summary.id);
        let mut meta = GroupMeta::default();
        for page in CorePage::ALL {
            let (origins, index) = (&mut self.origins, &mut self.index);
            let number = |resource: &_, scope: &_| origins.numbers(resource, scope, index);
            let part = trace.part(page, &mut self.keys, number)?;
            if page == CorePage::Traces {
                meta = part.meta();
            }
            meta.core.push(self.file.page(&part.core_page(page, &mut self.coder))?);
            self.tags.add(&part);
        }
        trace.each_column(|scope, key, column| {
            let key = self.keys.number(key);
            self.tags.add_column(scope as u8, key, column);
            meta.columns.push(write_column(&mut self.file, &mut self.coder, scope, key, column)?);
            Ok(())
        })?;
        self.index.groups.push(meta);
        Ok(())
    }

    fn write_group(&mut self) -> Result<()> {
        let group = std::mem::take(&mut self.group);
        if group.spans == 0 {
            return Ok(());
        }
        let mut meta = group.meta();
        for page in CorePage::ALL {
            meta.core.push(self.file.page(&group.core_page(page, &mut self.coder))?);
        }
        for (scope, key, column) in group.columns() {
            meta.columns.push(write_column(&mut self.file, &mut self.coder, scope, key, column)?);
        }
        self.tags.add(&group);
        self.index.groups.push(meta);
        Ok(())
    }

    /// Writes the last group, the ids and the index, and gives the block its name. Says whether there is a block:
    /// nothing is kept of one without spans.
    pub(crate) fn finish(mut self) -> Result<bool> {
        self.write_group()?;
        if self.ids.is_empty() {
            self.block.abandon()?;
            return Ok(false);
        }
        let file = &mut self.file;
        self.index.tags = std::mem::take(&mut self.tags).finish(&mut self.coder, |page| file.page(page))?;
        self.index.keys = std::mem::take(&mut self.keys.names);
        let mut encoder = ZstdEncoder::new(ZSTD_LEVEL)?;
        let mut section = |raw: &[u8]| {
            let mut bytes = Vec::new();
            encoder.encode(raw, &mut bytes);
            bytes
        };
        let ids = section(&sorted_ids(&self.ids));
        let mut raw = Vec::new();
        self.index.encode(&mut raw);
        let index = section(&raw);
        self.file.section(SECTION_IDS, &ids)?;
        self.file.section(SECTION_INDEX, &index)?;
        self.file.finish()?;
        self.block.publish()?;
        Ok(true)
    }
}

fn write_column(
    file: &mut block::FileWriter,
    coder: &mut Coder,
    scope: FieldScope,
    key: u32,
    column: &ValuesBuilder,
) -> Result<ColumnMeta> {
    let mut page = Vec::new();
    column.write(coder, &mut page);
    Ok(ColumnMeta { scope, key, values: column.len(), page: file.page(&page)? })
}

fn sorted_ids(ids: &[TraceId]) -> Vec<u8> {
    let mut sorted: Vec<(TraceId, i64)> = ids.iter().copied().zip(0i64..).collect();
    sorted.sort_unstable();
    let mut raw = Vec::with_capacity(ids.len() * 20);
    sorted.iter().for_each(|(id, _)| raw.extend_from_slice(&id.0));
    let ordinals: Vec<i64> = sorted.iter().map(|(_, ordinal)| *ordinal).collect();
    numbers::write(&ordinals, &mut raw);
    raw
}

impl Origins {
    fn numbers(&mut self, of: &Arc<Resource>, by: &Arc<Scope>, index: &mut Index) -> (u32, u32) {
        if self.known_resources.len() > KNOWN_MAX {
            self.known_resources.clear();
        }
        if self.known_scopes.len() > KNOWN_MAX {
            self.known_scopes.clear();
        }
        let resource = match self.known_resources.get(&Arc::as_ptr(of)) {
            Some((_, number)) => *number,
            None => {
                let encoded = encode_resource(of);
                let number = number(&mut self.resources, encoded, &mut index.resources);
                let known = (Arc::clone(of), number);
                self.known_resources.insert(Arc::as_ptr(of), known);
                number
            }
        };
        let scope = match self.known_scopes.get(&Arc::as_ptr(by)) {
            Some((_, number)) => *number,
            None => {
                let encoded = encode_scope(by);
                let number = number(&mut self.scopes, encoded, &mut index.scopes);
                self.known_scopes.insert(Arc::as_ptr(by), (Arc::clone(by), number));
                number
            }
        };
        (resource, scope)
    }
}

fn number(known: &mut FxHashMap<Vec<u8>, u32>, encoded: Vec<u8>, list: &mut Vec<Vec<u8>>) -> u32 {
    *known.entry(encoded).or_insert_with_key(|encoded| {
        list.push(encoded.clone());
        list.len() as u32 - 1
    })
}

fn encode_resource(resource: &Arc<Resource>) -> Vec<u8> {
    proto::encode(&[ResourceSpans { resource: resource.clone(), scopes: Vec::new() }])
}

fn encode_scope(scope: &Arc<Scope>) -> Vec<u8> {
    let scopes = vec![ScopeSpans { scope: scope.clone(), spans: Vec::new() }];
    proto::encode(&[ResourceSpans { resource: Arc::default(), scopes }])
}
