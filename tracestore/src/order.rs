//! The order of the spans of a trace in storage, and what a trace says of itself.
//!
//! Earlier spans come first, so that the numbers of the tree do not depend on the order of arrival, but spans of one
//! resource stand together, and so do spans of one library in it, as they do in the reference.

use std::sync::Arc;

use rustc_hash::FxHashMap;

use crate::block::SpanRow;
use crate::memory::service_name;
use crate::model::{Resource, Scope, SpanRecord, TraceId};
use crate::source::TraceSummary;

/// What the order looks at.
pub(crate) trait Ordered {
    /// Start and id.
    fn key(&self) -> (u64, [u8; 8]);
    /// Who emitted it and which library recorded it.
    fn origin(&self) -> (&Arc<Resource>, &Arc<Scope>);
}

impl Ordered for SpanRow<'_> {
    fn key(&self) -> (u64, [u8; 8]) {
        (self.start_ns, self.span_id.0)
    }

    fn origin(&self) -> (&Arc<Resource>, &Arc<Scope>) {
        (self.resource, self.scope)
    }
}

impl Ordered for SpanRecord {
    fn key(&self) -> (u64, [u8; 8]) {
        (self.span.start_ns, self.span.span_id.0)
    }

    fn origin(&self) -> (&Arc<Resource>, &Arc<Scope>) {
        (&self.resource, &self.scope)
    }
}

/// Brings the spans of one trace in order of storage.
pub(crate) fn sort<T: Ordered>(spans: &mut [T]) {
    spans.sort_by_key(Ordered::key);
    gather_origins(spans);
}

/// Brings spans of one resource together, and in it those of one library, in the order in which they first come.
pub(crate) fn gather_origins<T: Ordered>(spans: &mut [T]) {
    let mut origins = Origins::default();
    spans.sort_by_cached_key(|span| {
        let (resource, scope) = span.origin();
        origins.place(resource, scope)
    });
}

/// The origins of one trace in the order in which they first come.
#[derive(Default)]
struct Origins {
    known: Vec<(Arc<Resource>, Arc<Scope>)>,
    /// Most spans share the very same allocations, so that contents are compared once for each of them.
    by_address: FxHashMap<(*const Resource, *const Scope), (u32, u32)>,
}

impl Origins {
    /// The place of the resource's first span, then that of the library's first in it.
    fn place(&mut self, resource: &Arc<Resource>, scope: &Arc<Scope>) -> (u32, u32) {
        let address = (Arc::as_ptr(resource), Arc::as_ptr(scope));
        if let Some(place) = self.by_address.get(&address) {
            return *place;
        }
        let of = |known: &Arc<Resource>| Arc::ptr_eq(known, resource) || *known == *resource;
        let by = |known: &Arc<Scope>| Arc::ptr_eq(known, scope) || *known == *scope;
        let first = self.known.iter().position(|(resource, _)| of(resource));
        let known = self.known.iter().position(|(resource, scope)| of(resource) && by(scope));
        let place = known.unwrap_or_else(|| {
            self.known.push((Arc::clone(resource), Arc::clone(scope)));
            self.known.len() - 1
        });
        let place = (first.unwrap_or(place) as u32, place as u32);
        self.by_address.insert(address, place);
        place
    }
}

/// What spans in order of storage say of their trace.
pub(crate) fn summary(id: TraceId, spans: &[SpanRow<'_>]) -> TraceSummary {
    let root = spans.iter().filter(|span| span.parent.is_zero()).min_by_key(|span| span.start_ns);
    TraceSummary {
        id,
        rows: 0..spans.len(),
        start_ns: spans.iter().map(|span| span.start_ns).min().unwrap_or(0),
        end_ns: spans.iter().map(|span| span.end_ns).max().unwrap_or(0),
        root_service: root.map_or("", |root| service_name(root.resource)).into(),
        root_name: root.map_or("", |root| root.name).into(),
    }
}
