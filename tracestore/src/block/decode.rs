//! The pages of a group as columns.

use std::ops::Range;
use std::sync::Arc;

use bedrock::Result;
use bedrock::codec::zstd_page::ZstdDecoder;
use bedrock::codec::{ByteReader, DecodeError, Expected, numbers, varint};

use super::attributes::Shapes;
use super::format::{CorePage, GROUP_SPANS_MAX, GroupMeta};
use super::group::{PARENT_INSIDE, PARENT_NONE, PARENT_OUTSIDE};
use super::reader::Block;
use super::values::{ValueColumn, to_codes};
use crate::model::{SpanId, TraceId};
use crate::source::TraceSummary;
use crate::tree;

type Decode<T> = std::result::Result<T, DecodeError>;

/// Events of a group, before attributes.
pub(super) struct Events {
    /// Where the events of each row begin, and the end.
    pub(super) offsets: Vec<u32>,
    pub(super) times: Vec<i64>,
    pub(super) dropped: Vec<i64>,
    pub(super) names: ValueColumn,
    pub(super) shapes: Shapes,
}

/// Links of a group, before attributes.
pub(super) struct Links {
    pub(super) offsets: Vec<u32>,
    pub(super) ids: Vec<(TraceId, SpanId)>,
    pub(super) flags: Vec<i64>,
    pub(super) dropped: Vec<i64>,
    pub(super) trace_states: ValueColumn,
    pub(super) shapes: Shapes,
}

impl Block {
    /// Reads a core page with `read`, which must consume it.
    fn core<T>(
        &self,
        group: &GroupMeta,
        page: CorePage,
        read: impl FnOnce(&mut ByteReader<'_>, &mut ZstdDecoder) -> Decode<T>,
    ) -> Result<T> {
        let (bytes, page) = self.core_page(group, page)?;
        let mut reader = ByteReader::new(&bytes);
        let value = self
            .with_decoder(|zstd| read(&mut reader, zstd))
            .and_then(|value| reader.finish("page").map(|()| value));
        value.map_err(self.damaged(page))
    }

    /// The traces of a group, which begin at place `first` of the block.
    ///
    /// # Errors
    ///
    /// Where the page cannot be read or does not check out.
    pub(crate) fn summaries(&self, group: &GroupMeta, first: usize) -> Result<Vec<TraceSummary>> {
        self.core(group, CorePage::Traces, |reader, zstd| {
            let spans = numbers::read(reader, group.traces)?;
            let starts = numbers::read(reader, group.traces)?;
            let durations = numbers::read(reader, group.traces)?;
            let services = ValueColumn::read(reader, group.traces, zstd)?;
            let names = ValueColumn::read(reader, group.traces, zstd)?;
            let ((services, service_codes), (names, name_codes)) = (services.shared(), names.shared());
            let shared = |texts: &[Arc<str>], codes: &[u32], trace: usize| {
                codes.get(trace).and_then(|code| texts.get(*code as usize)).cloned().unwrap_or_default()
            };
            let (mut row, mut start_ns) = (0usize, 0u64);
            let mut summaries = Vec::with_capacity(group.traces);
            for (trace, ((spans, start), duration)) in spans.iter().zip(starts).zip(durations).enumerate() {
                let end = usize::try_from(*spans).ok().and_then(|spans| row.checked_add(spans));
                let end = end.filter(|end| *end <= group.spans);
                let end = end.ok_or_else(|| {
                    reader.error("spans of traces", Expected::AtMost(group.spans as u64), *spans as u64)
                })?;
                start_ns = start_ns.wrapping_add(start as u64);
                summaries.push(TraceSummary {
                    id: self.id_at(first + trace),
                    rows: row..end,
                    start_ns,
                    end_ns: start_ns.wrapping_add(duration as u64),
                    root_service: shared(&services, service_codes, trace),
                    root_name: shared(&names, name_codes, trace),
                });
                row = end;
            }
            if row == group.spans {
                return Ok(summaries);
            }
            Err(reader.error("spans of traces", Expected::Exactly(group.spans as u64), row as u64))
        })
    }

    pub(super) fn span_ids(&self, group: &GroupMeta) -> Result<Vec<SpanId>> {
        self.core(group, CorePage::Ids, |reader, _| {
            let (ids, _) = reader.take("span ids", group.spans * size_of::<SpanId>())?.as_chunks();
            Ok(ids.iter().map(|id| SpanId(*id)).collect())
        })
    }

    /// The parent id of every span, given their ids.
    pub(super) fn parents(&self, group: &GroupMeta, ids: &[SpanId]) -> Result<Vec<SpanId>> {
        self.core(group, CorePage::Parents, |reader, _| {
            let codes = numbers::read(reader, group.spans)?;
            let mut parents = Vec::with_capacity(group.spans);
            for (row, code) in codes.into_iter().enumerate() {
                parents.push(match code {
                    PARENT_NONE => SpanId::default(),
                    PARENT_OUTSIDE => SpanId(reader.array("parent id")?),
                    inside => {
                        let distance = varint::unzigzag(inside.wrapping_sub(PARENT_INSIDE) as u64);
                        let parent = usize::try_from((row as i64).wrapping_sub(distance)).ok();
                        let parent = parent.and_then(|parent| ids.get(parent)).copied();
                        parent
                            .ok_or_else(|| reader.error("parent", Expected::Form("a row"), inside as u64))?
                    }
                });
            }
            Ok(parents)
        })
    }

    /// The parent of every span as a row of the group; `tree::ROOT` or `tree::NONE` where it has none there.
    pub(super) fn parent_rows(&self, group: &GroupMeta) -> Result<Vec<u32>> {
        let (bytes, page) = self.core_page(group, CorePage::Parents)?;
        let codes = numbers::read(&mut ByteReader::new(&bytes), group.spans);
        let row = |(row, code): (usize, i64)| match code {
            PARENT_NONE => tree::ROOT,
            PARENT_OUTSIDE => tree::NONE,
            inside => {
                let distance = varint::unzigzag(inside.wrapping_sub(PARENT_INSIDE) as u64);
                u32::try_from((row as i64).wrapping_sub(distance)).unwrap_or(tree::NONE)
            }
        };
        Ok(codes.map_err(self.damaged(page))?.into_iter().enumerate().map(row).collect())
    }

    /// One column of texts: names or status messages.
    pub(super) fn texts(&self, group: &GroupMeta, page: CorePage) -> Result<ValueColumn> {
        self.core(group, page, |reader, zstd| ValueColumn::read(reader, group.spans, zstd))
    }

    /// Kind and status code of every span.
    pub(super) fn kinds(&self, group: &GroupMeta) -> Result<(Vec<i64>, Vec<i64>)> {
        self.core(group, CorePage::Kinds, |reader, _| {
            Ok((numbers::read(reader, group.spans)?, numbers::read(reader, group.spans)?))
        })
    }

    /// One column of numbers: starts or durations.
    pub(super) fn numbers(&self, group: &GroupMeta, page: CorePage) -> Result<Vec<i64>> {
        self.core(group, page, |reader, _| numbers::read(reader, group.spans))
    }

    /// Numbers of resource and scope of every span.
    pub(super) fn origins(&self, group: &GroupMeta) -> Result<(Vec<u32>, Vec<u32>)> {
        self.core(group, CorePage::Origins, |reader, _| {
            let resources = numbers::read(reader, group.spans)?;
            let scopes = numbers::read(reader, group.spans)?;
            let resources = to_codes(reader, &resources, self.resources().len())?;
            Ok((resources, to_codes(reader, &scopes, self.scopes().len())?))
        })
    }

    pub(super) fn shapes(&self, group: &GroupMeta) -> Result<Shapes> {
        self.core(group, CorePage::Shapes, |reader, _| Shapes::read(reader, group.spans, self.keys()))
    }

    /// Trace states, then flags and the three dropped counts.
    pub(super) fn rest(&self, group: &GroupMeta) -> Result<(ValueColumn, [Vec<i64>; 4])> {
        self.core(group, CorePage::Rest, |reader, zstd| {
            let states = ValueColumn::read(reader, group.spans, zstd)?;
            let mut column = || numbers::read(reader, group.spans);
            Ok((states, [column()?, column()?, column()?, column()?]))
        })
    }

    pub(super) fn events(&self, group: &GroupMeta) -> Result<Events> {
        self.core(group, CorePage::Events, |reader, zstd| {
            let offsets = offsets(reader, group.spans)?;
            let count = offsets.last().copied().unwrap_or_default() as usize;
            Ok(Events {
                offsets,
                times: numbers::read(reader, count)?,
                dropped: numbers::read(reader, count)?,
                names: ValueColumn::read(reader, count, zstd)?,
                shapes: Shapes::read(reader, count, self.keys())?,
            })
        })
    }

    pub(super) fn links(&self, group: &GroupMeta) -> Result<Links> {
        self.core(group, CorePage::Links, |reader, zstd| {
            let offsets = offsets(reader, group.spans)?;
            let count = offsets.last().copied().unwrap_or_default() as usize;
            let mut ids = Vec::new();
            for _ in 0..count {
                ids.push((
                    TraceId(reader.array("trace id of link")?),
                    SpanId(reader.array("span id of link")?),
                ));
            }
            Ok(Links {
                offsets,
                ids,
                flags: numbers::read(reader, count)?,
                dropped: numbers::read(reader, count)?,
                trace_states: ValueColumn::read(reader, count, zstd)?,
                shapes: Shapes::read(reader, count, self.keys())?,
            })
        })
    }
}

fn offsets(reader: &mut ByteReader<'_>, rows: usize) -> Decode<Vec<u32>> {
    let mut offsets = Vec::with_capacity(rows + 1);
    let mut end = 0u32;
    offsets.push(end);
    for count in numbers::read(reader, rows)? {
        let next = u32::try_from(count).ok().and_then(|count| end.checked_add(count));
        let next = next.filter(|next| *next as usize <= GROUP_SPANS_MAX);
        end = next.ok_or_else(|| {
            reader.error("items of span", Expected::AtMost(GROUP_SPANS_MAX as u64), count as u64)
        })?;
        offsets.push(end);
    }
    Ok(offsets)
}

/// The items of a row.
pub(super) fn items(offsets: &[u32], row: usize) -> Range<usize> {
    match offsets.get(row).zip(offsets.get(row + 1)) {
        Some((from, to)) => *from as usize..*to as usize,
        None => 0..0,
    }
}
