//! Spans in memory: what was committed and is not in a block yet.
//!
//! Requests stay as the bytes they came in. A span is a reference into them (40 bytes), found by its trace; resources
//! and scopes are kept once. A view shares all of it, and a query decodes the spans of the traces it needs.

use std::collections::HashMap;
use std::sync::Arc;

use bytes::Bytes;
use rustc_hash::FxBuildHasher;

use crate::block::SpanRow;
use crate::intake::Intake;
use crate::model::{Resource, Scope, SpanRecord, Trace, TraceId};
use crate::order;
use crate::otlp::view::{self, SpanView};
use crate::otlp::{OtlpError, Refused, proto};

/// What a span takes beside the bytes of its request: reference and index entry.
const SPAN_BYTES: usize = 56;

type FxMap<K, V> = HashMap<K, V, FxBuildHasher>;

/// Where a span lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SpanRef {
    pub(crate) trace: TraceId,
    request: u32,
    start: u32,
    end: u32,
    pub(crate) resource: u32,
    pub(crate) scope: u32,
}

/// Resource or scope as it lies in the request, with its schema.
type OriginKey = (Bytes, String);

/// The spans in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Head {
    requests: Vec<Bytes>,
    spans: Vec<SpanRef>,
    resources: Vec<Arc<Resource>>,
    scopes: Vec<Arc<Scope>>,
    resource_ids: FxMap<OriginKey, u32>,
    scope_ids: FxMap<OriginKey, u32>,
    bytes: usize,
}

/// A request whose spans have been found and checked.
#[derive(Debug)]
pub(crate) struct CheckedRequest {
    request: Bytes,
    spans: Vec<SpanRef>,
    resources: Vec<(OriginKey, Arc<Resource>)>,
    scopes: Vec<(OriginKey, Arc<Scope>)>,
    /// Spans that cannot be stored.
    pub(crate) refused: Vec<Refused>,
}

impl CheckedRequest {
    /// Walks a request. Every message of it is read once, so that nothing behind this has to expect damage.
    pub(crate) fn new(request: &Bytes, intake: &Intake) -> Result<Self, OtlpError> {
        let mut checked = CheckedRequest {
            request: request.clone(),
            spans: Vec::new(),
            resources: Vec::new(),
            scopes: Vec::new(),
            refused: Vec::new(),
        };
        for envelope in view::resource_spans(request) {
            let envelope = envelope?;
            let (message, schema) = (envelope.resource()?, envelope.schema_url()?);
            let key = (request.slice_ref(message), schema.to_owned());
            checked.resources.push((key, intake.resource(message, schema)?));
            for spans in envelope.scope_spans() {
                let spans = spans?;
                let (message, schema) = (spans.scope()?, spans.schema_url()?);
                let key = (request.slice_ref(message), schema.to_owned());
                checked.scopes.push((key, intake.scope(message, schema)?));
                for span in spans.spans() {
                    checked.add_span(&span?)?;
                }
            }
        }
        Ok(checked)
    }

    fn add_span(&mut self, span: &SpanView<'_>) -> Result<(), OtlpError> {
        let trace = match proto::check(span)? {
            Ok(trace) => trace,
            Err(refused) => {
                self.refused.push(refused);
                return Ok(());
            }
        };
        let message = span.message();
        let start = message.as_ptr() as usize - self.request.as_ptr() as usize;
        self.spans.push(SpanRef {
            trace,
            request: 0,
            start: start as u32,
            end: (start + message.len()) as u32,
            resource: self.resources.len() as u32 - 1,
            scope: self.scopes.len() as u32 - 1,
        });
        Ok(())
    }

    /// Number of spans that can be stored.
    pub(crate) fn spans(&self) -> usize {
        self.spans.len()
    }
}

impl Head {
    /// Adds a committed request.
    pub(crate) fn insert(&mut self, checked: CheckedRequest) {
        let request = self.requests.len() as u32;
        let number = |ids: &mut FxMap<OriginKey, u32>, key: OriginKey, next: usize| {
            let id = *ids.entry(key).or_insert(next as u32);
            (id, id as usize == next)
        };
        let mut resources = Vec::with_capacity(checked.resources.len());
        for (key, resource) in checked.resources {
            let (id, is_new) = number(&mut self.resource_ids, key, self.resources.len());
            if is_new {
                self.resources.push(resource);
            }
            resources.push(id);
        }
        let mut scopes = Vec::with_capacity(checked.scopes.len());
        for (key, scope) in checked.scopes {
            let (id, is_new) = number(&mut self.scope_ids, key, self.scopes.len());
            if is_new {
                self.scopes.push(scope);
            }
            scopes.push(id);
        }
        self.bytes += checked.request.len() + checked.spans.len() * SPAN_BYTES;
        for span in checked.spans {
            let (resource, scope) = (resources[span.resource as usize], scopes[span.scope as usize]);
            self.spans.push(SpanRef { request, resource, scope, ..span });
        }
        self.requests.push(checked.request);
    }

    /// An estimate of the memory in use.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Number of spans.
    pub(crate) fn len(&self) -> usize {
        self.spans.len()
    }

    /// The spans of each trace, in order of arrival; traces in order of id.
    pub(crate) fn by_trace(&self) -> Vec<SpanRef> {
        let mut spans = self.spans.clone();
        spans.sort_by_key(|span| span.trace);
        spans
    }

    /// The message of a span.
    pub(crate) fn view(&self, span: &SpanRef) -> Option<SpanView<'_>> {
        let request = self.requests.get(span.request as usize)?;
        let message = request.get(span.start as usize..span.end as usize)?;
        SpanView::new(message).ok()
    }

    /// The spans of one trace in order of storage, as they are written to a block.
    pub(crate) fn rows(&self, spans: &[SpanRef]) -> Vec<SpanRow<'_>> {
        let row = |span: &SpanRef| {
            let resource = self.resources.get(span.resource as usize)?;
            SpanRow::wire(&self.view(span)?, resource, self.scopes.get(span.scope as usize)?)
        };
        let mut rows: Vec<SpanRow<'_>> = spans.iter().filter_map(row).collect();
        order::sort(&mut rows);
        rows
    }

    /// Decodes the spans of one trace.
    pub(crate) fn decode(&self, id: TraceId, spans: &[SpanRef]) -> Trace {
        let spans = spans.iter().filter_map(|span| {
            let decoded = proto::span(&self.view(span)?).ok()?.ok()?;
            let resource = self.resources.get(span.resource as usize)?.clone();
            let scope = self.scopes.get(span.scope as usize)?.clone();
            Some(SpanRecord { resource, scope, span: decoded })
        });
        Trace { id, spans: spans.collect() }
    }
}
