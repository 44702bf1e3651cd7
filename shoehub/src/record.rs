//! From the shop into its stores: spans as OTLP, lines by stream, metrics by scrape.

use std::sync::Arc;

use bedrock::labels::Labels;
use tracestore::generator::SampleSink;
use tracestore::model::{ResourceSpans, ScopeSpans, SpanRecord};
use tsdb::{Appender, SeriesRef};

use crate::error::Result;
use crate::instruments::Instruments;
use crate::registry::Place;
use crate::shop::{Line, Order};
use crate::stores::Stores;

/// Every so many scrapes what was counted from spans is stored, too.
const SPAN_METRICS_EVERY: u64 = 3;

/// How much was stored.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub struct Recorded {
    pub samples: u64,
    pub lines: u64,
    pub spans: u64,
}

impl std::ops::AddAssign for Recorded {
    fn add_assign(&mut self, other: Recorded) {
        self.samples += other.samples;
        self.lines += other.lines;
        self.spans += other.spans;
    }
}

/// Stores the spans of orders in one commit, and all lines in another.
///
/// # Errors
///
/// Where a store refuses.
pub fn store(stores: &Stores, orders: &[Order], own_lines: &[Line]) -> Result<Recorded> {
    let spans = stores.traces.commit(&envelopes(orders))?.spans as u64;
    let mut batch = stores.logs.batch();
    let lines = orders.iter().flat_map(|order| &order.lines).chain(own_lines);
    for line in lines {
        let labels = Labels::from_pairs([("app", line.app), ("job", "shoehub")]).expect("two names");
        let stream = batch.stream(&labels)?;
        batch.push(stream, line.time_ns as i64, line.text.as_bytes(), &[])?;
    }
    stores.logs.commit(&batch)?;
    Ok(Recorded { spans, lines: batch.len() as u64, samples: 0 })
}

/// The spans as services send them: those of a service together.
fn envelopes(orders: &[Order]) -> Vec<ResourceSpans> {
    let mut envelopes: Vec<ResourceSpans> = Vec::new();
    for SpanRecord { resource, scope, span } in orders.iter().flat_map(|order| &order.spans) {
        let of_service = |envelope: &ResourceSpans| Arc::ptr_eq(&envelope.resource, resource);
        let at = envelopes.iter().position(of_service).unwrap_or_else(|| {
            let scopes = vec![ScopeSpans { scope: Arc::clone(scope), spans: Vec::new() }];
            envelopes.push(ResourceSpans { resource: Arc::clone(resource), scopes });
            envelopes.len() - 1
        });
        envelopes[at].scopes[0].spans.push(span.clone());
    }
    envelopes
}

/// Scrapes the shop into the store of metrics.
#[derive(Debug)]
pub struct Scraper {
    appender: Appender,
    series: Vec<SeriesRef>,
    natives: Vec<SeriesRef>,
    scrapes: u64,
}

impl Scraper {
    /// A scraper that has not seen any series yet.
    pub fn new(stores: &Stores) -> Self {
        let appender = stores.metrics.appender().all_or_nothing();
        Scraper { appender, series: Vec::new(), natives: Vec::new(), scrapes: 0 }
    }

    /// Stores what every instrument says now, with the exemplars since the last scrape, in one commit.
    ///
    /// # Errors
    ///
    /// Where the store refuses.
    pub fn scrape(&mut self, instruments: &mut Instruments, time_ms: i64) -> Result<Recorded> {
        let registry = &mut instruments.registry;
        for (family, metadata) in std::mem::take(&mut registry.families) {
            self.appender.set_metadata(&family, metadata);
        }
        // A series is resolved once; from then on it goes by reference.
        for labels in registry.series.iter().skip(self.series.len()) {
            self.series.push(self.appender.series(labels)?);
        }
        for (labels, _) in registry.natives.iter().skip(self.natives.len()) {
            self.natives.push(self.appender.series(labels)?);
        }
        self.appender.append_scrape(&self.series, time_ms, &registry.values);
        for (series, (_, counts)) in self.natives.iter().zip(&registry.natives) {
            self.appender.append_histogram(*series, 0, time_ms, Arc::new(counts.to_histogram()));
        }
        for (place, exemplar) in std::mem::take(&mut registry.exemplars) {
            let series = match place {
                Place::Float(number) => self.series[number],
                Place::Native(number) => self.natives[number],
            };
            self.appender.append_exemplar(series, exemplar);
        }
        if self.scrapes.is_multiple_of(SPAN_METRICS_EVERY) {
            instruments.span_metrics.collect(time_ms, &mut Sink(&mut self.appender))?;
            instruments.service_graph.collect(time_ms, &mut Sink(&mut self.appender))?;
        }
        self.scrapes += 1;
        let samples = self.appender.commit()?.appended as u64;
        Ok(Recorded { samples, ..Recorded::default() })
    }
}

/// Appends what is counted from spans.
struct Sink<'a>(&'a mut Appender);

impl SampleSink for Sink<'_> {
    type Error = tsdb::Error;

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], time_ms: i64, value: f64) -> tsdb::Result<()> {
        let pairs = labels.iter().copied().chain([("__name__", name)]);
        let labels = Labels::from_pairs(pairs)
            .map_err(|problem| tsdb::Error::Labels { labels: name.to_owned(), problem: problem.into() })?;
        let series = self.0.series(&labels)?;
        self.0.append(series, time_ms, value);
        Ok(())
    }
}
