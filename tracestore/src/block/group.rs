//! The spans of a group while they are gathered, and the pages that they become.

use bedrock::codec::varint;

use super::attributes::{AttributesBuilder, Keys};
use super::coder::Coder;
use super::format::{CorePage, GroupMeta};
use super::row::{EventRow, LinkRow, SpanRow};
use super::values::ValuesBuilder;
use crate::field::{Intrinsic, Scope};
use crate::model::{SpanId, SpanKind};
use crate::source::TraceSummary;
use crate::tree::{self, Node, ParentRow};

/// A root.
pub(super) const PARENT_NONE: i64 = 0;
/// A parent that is no span of the trace, or cannot be told; its id stands apart.
pub(super) const PARENT_OUTSIDE: i64 = 1;
/// What is added to the distance of a parent inside.
pub(super) const PARENT_INSIDE: i64 = 2;

/// Gathers whole traces.
#[derive(Debug, Default)]
pub(super) struct GroupBuilder {
    pub(super) spans: usize,
    pub(super) traces: usize,
    pub(super) start_ns: u64,
    pub(super) end_ns: u64,
    last_start_ns: u64,
    trace_spans: Vec<i64>,
    trace_starts: Vec<i64>,
    trace_durations: Vec<i64>,
    root_services: ValuesBuilder,
    root_names: ValuesBuilder,
    pub(super) ids: Vec<u8>,
    parents: Vec<i64>,
    parents_outside: Vec<u8>,
    pub(super) names: ValuesBuilder,
    pub(super) kinds: Vec<i64>,
    pub(super) codes: Vec<i64>,
    pub(super) messages: ValuesBuilder,
    pub(super) starts: Vec<i64>,
    pub(super) durations: Vec<i64>,
    pub(super) resources: Vec<i64>,
    pub(super) scopes: Vec<i64>,
    pub(super) attributes: AttributesBuilder,
    pub(super) trace_states: ValuesBuilder,
    pub(super) flags: Vec<i64>,
    pub(super) dropped: [Vec<i64>; 3],
    pub(super) events: EventsBuilder,
    pub(super) links: LinksBuilder,
}

#[derive(Debug, Default)]
pub(super) struct EventsBuilder {
    pub(super) counts: Vec<i64>,
    pub(super) times: Vec<i64>,
    pub(super) dropped: Vec<i64>,
    pub(super) names: ValuesBuilder,
    pub(super) attributes: AttributesBuilder,
}

#[derive(Debug, Default)]
pub(super) struct LinksBuilder {
    pub(super) counts: Vec<i64>,
    pub(super) ids: Vec<u8>,
    pub(super) flags: Vec<i64>,
    pub(super) dropped: Vec<i64>,
    pub(super) trace_states: ValuesBuilder,
    pub(super) attributes: AttributesBuilder,
}

impl GroupBuilder {
    /// Adds a trace whose spans are in order of storage. `origins` gives the numbers of resource and scope.
    pub(super) fn push(
        &mut self,
        spans: &[SpanRow<'_>],
        summary: &TraceSummary,
        keys: &mut Keys,
        mut origins: impl FnMut(&SpanRow<'_>) -> (u32, u32),
    ) {
        let last_start_ns = spans.iter().map(|span| span.start_ns).max().unwrap_or(0);
        self.push_trace(summary, last_start_ns);
        let node =
            |span: &SpanRow<'_>| Node { id: span.span_id, parent: span.parent, kind: SpanKind(span.kind) };
        let nodes: Vec<Node> = spans.iter().map(node).collect();
        self.push_parents(&tree::parent_rows(&nodes), nodes.iter().map(|node| node.parent));
        for span in spans {
            let (resource, scope) = origins(span);
            self.resources.push(resource.into());
            self.scopes.push(scope.into());
            self.push_span(span, summary.start_ns, keys);
        }
    }

    /// What the index says of the group, before its pages.
    pub(super) fn meta(&self) -> GroupMeta {
        GroupMeta {
            spans: self.spans,
            traces: self.traces,
            start_ns: self.start_ns,
            end_ns: self.end_ns,
            core: Vec::new(),
            columns: Vec::new(),
        }
    }

    /// Adds what is said of a trace as a whole. A span may begin after it ends, so the last start counts as well.
    pub(super) fn push_trace(&mut self, summary: &TraceSummary, last_start_ns: u64) {
        let before = std::mem::replace(&mut self.last_start_ns, summary.start_ns);
        self.start_ns = if self.traces == 0 { summary.start_ns } else { self.start_ns.min(summary.start_ns) };
        self.end_ns = self.end_ns.max(summary.end_ns).max(last_start_ns);
        self.traces += 1;
        self.spans += summary.rows.len();
        self.trace_spans.push(summary.rows.len() as i64);
        self.trace_starts.push(summary.start_ns.wrapping_sub(before) as i64);
        self.trace_durations.push(summary.end_ns.wrapping_sub(summary.start_ns) as i64);
        self.root_services.push_text(&summary.root_service);
        self.root_names.push_text(&summary.root_name);
    }

    /// Adds the parents of the spans of a trace: their rows, and the ids of them.
    pub(super) fn push_parents(&mut self, rows: &[ParentRow], ids: impl Iterator<Item = SpanId>) {
        for (row, (parent, id)) in rows.iter().zip(ids).enumerate() {
            match *parent {
                tree::ROOT => self.parents.push(PARENT_NONE),
                tree::NONE => {
                    self.parents.push(PARENT_OUTSIDE);
                    self.parents_outside.extend_from_slice(&id.0);
                }
                parent => {
                    self.parents.push(PARENT_INSIDE + varint::zigzag(row as i64 - i64::from(parent)) as i64);
                }
            }
        }
    }

    fn push_span(&mut self, span: &SpanRow<'_>, trace_start_ns: u64, keys: &mut Keys) {
        self.ids.extend_from_slice(&span.span_id.0);
        self.names.push_text(span.name);
        self.kinds.push(span.kind.into());
        self.codes.push(span.code.into());
        self.messages.push_text(span.message);
        self.starts.push(span.start_ns.wrapping_sub(trace_start_ns) as i64);
        self.durations.push(span.end_ns.wrapping_sub(span.start_ns) as i64);
        self.attributes.push(span.attributes, keys);
        self.trace_states.push_text(span.trace_state);
        self.flags.push(span.flags.into());
        self.dropped.iter_mut().zip(span.dropped).for_each(|(column, count)| column.push(count.into()));
        let (mut events, mut links) = (0, 0);
        span.each_event(|event| {
            self.events.push(&event, span.start_ns, keys);
            events += 1;
        });
        span.each_link(|link| {
            self.links.push(&link, keys);
            links += 1;
        });
        self.events.counts.push(events);
        self.links.counts.push(links);
    }

    /// One of the pages that every group has.
    pub(super) fn core_page(&self, page: CorePage, coder: &mut Coder) -> Vec<u8> {
        let mut out = Vec::new();
        match page {
            CorePage::Traces => {
                let numbers = [&self.trace_spans, &self.trace_starts, &self.trace_durations];
                write_numbers(coder, &numbers, &mut out);
                self.root_services.write(coder, &mut out);
                self.root_names.write(coder, &mut out);
            }
            CorePage::Ids => out.extend_from_slice(&self.ids),
            CorePage::Parents => {
                coder.numbers(&self.parents, &mut out);
                out.extend_from_slice(&self.parents_outside);
            }
            CorePage::Names => self.names.write(coder, &mut out),
            CorePage::Kinds => write_numbers(coder, &[&self.kinds, &self.codes], &mut out),
            CorePage::Messages => self.messages.write(coder, &mut out),
            CorePage::Starts => coder.numbers(&self.starts, &mut out),
            CorePage::Durations => coder.numbers(&self.durations, &mut out),
            CorePage::Origins => write_numbers(coder, &[&self.resources, &self.scopes], &mut out),
            CorePage::Shapes => self.attributes.write_shapes(coder, &mut out),
            CorePage::Rest => {
                self.trace_states.write(coder, &mut out);
                let [attributes, events, links] = &self.dropped;
                write_numbers(coder, &[&self.flags, attributes, events, links], &mut out);
            }
            CorePage::Events => self.events.write(coder, &mut out),
            CorePage::Links => self.links.write(coder, &mut out),
        }
        out
    }

    /// Intrinsics that are texts.
    pub(super) fn text_intrinsics(&self) -> [(Intrinsic, &ValuesBuilder); 5] {
        [
            (Intrinsic::Name, &self.names),
            (Intrinsic::StatusMessage, &self.messages),
            (Intrinsic::EventName, &self.events.names),
            (Intrinsic::RootName, &self.root_names),
            (Intrinsic::RootServiceName, &self.root_services),
        ]
    }

    /// Intrinsics that are numbers of words.
    pub(super) fn number_intrinsics(&self) -> [(Intrinsic, &[i64]); 2] {
        [(Intrinsic::Kind, &self.kinds), (Intrinsic::Status, &self.codes)]
    }

    /// The columns of attributes.
    pub(super) fn columns(&self) -> impl Iterator<Item = (Scope, u32, &ValuesBuilder)> {
        let parts = [
            (Scope::Span, &self.attributes),
            (Scope::Event, &self.events.attributes),
            (Scope::Link, &self.links.attributes),
        ];
        parts
            .into_iter()
            .flat_map(|(scope, part)| part.columns().map(move |(key, column)| (scope, key, column)))
    }
}

impl EventsBuilder {
    fn push(&mut self, event: &EventRow<'_>, start_ns: u64, keys: &mut Keys) {
        self.times.push(event.time_ns.wrapping_sub(start_ns) as i64);
        self.dropped.push(event.dropped.into());
        self.names.push_text(event.name);
        self.attributes.push(event.attributes, keys);
    }

    fn write(&self, coder: &mut Coder, out: &mut Vec<u8>) {
        write_numbers(coder, &[&self.counts, &self.times, &self.dropped], out);
        self.names.write(coder, out);
        self.attributes.write_shapes(coder, out);
    }
}

impl LinksBuilder {
    fn push(&mut self, link: &LinkRow<'_>, keys: &mut Keys) {
        self.ids.extend_from_slice(&link.trace_id.0);
        self.ids.extend_from_slice(&link.span_id.0);
        self.flags.push(link.flags.into());
        self.dropped.push(link.dropped.into());
        self.trace_states.push_text(link.trace_state);
        self.attributes.push(link.attributes, keys);
    }

    fn write(&self, coder: &mut Coder, out: &mut Vec<u8>) {
        coder.numbers(&self.counts, out);
        out.extend_from_slice(&self.ids);
        write_numbers(coder, &[&self.flags, &self.dropped], out);
        self.trace_states.write(coder, out);
        self.attributes.write_shapes(coder, out);
    }
}

fn write_numbers(coder: &Coder, columns: &[&Vec<i64>], out: &mut Vec<u8>) {
    columns.iter().for_each(|column| coder.numbers(column, out));
}
