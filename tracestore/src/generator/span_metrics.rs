//! Calls, latencies and sizes by service, operation, kind and status.

use super::registry::{Registry, doubling};
use super::{SampleSink, kind_name, label_name, seconds, status_name, text_of};
use crate::memory::service_name;
use crate::model::SpanRecord;
use crate::{otlp, sampling};

/// What span metrics count by.
#[derive(Clone, Debug)]
pub struct SpanMetricsOptions {
    /// The upper bounds of the latency's buckets, in seconds, ascending.
    pub latency_bounds_s: Vec<f64>,
    /// Attributes of the span or its resource that become labels beside the usual ones.
    pub dimensions: Vec<String>,
    /// Whether the status message becomes a label.
    pub status_message: bool,
    /// Whether a sampled span counts for all that it stands for, as its trace state says.
    pub extrapolate: bool,
    /// The most sets of labels.
    pub series_max: usize,
}

impl Default for SpanMetricsOptions {
    /// Fourteen buckets from 2 ms to 16 s, no further labels, 100,000 sets of labels.
    fn default() -> Self {
        SpanMetricsOptions {
            latency_bounds_s: doubling(0.002, 14),
            dimensions: Vec::new(),
            status_message: false,
            extrapolate: false,
            series_max: 100_000,
        }
    }
}

/// Counts spans: `traces_spanmetrics_calls_total`, `traces_spanmetrics_size_total` and the histogram
/// `traces_spanmetrics_latency` with the labels `service`, `span_name`, `span_kind` and `status_code`.
///
/// ```
/// use tracestore::generator::{SampleSink, SpanMetrics, SpanMetricsOptions};
/// use tracestore::model::SpanRecord;
///
/// struct Calls(f64);
/// impl SampleSink for Calls {
///     type Error = ();
///     fn sample(&mut self, name: &str, _: &[(&str, &str)], _: i64, value: f64) -> Result<(), ()> {
///         self.0 += if name == "traces_spanmetrics_calls_total" { value } else { 0.0 };
///         Ok(())
///     }
/// }
///
/// let mut metrics = SpanMetrics::new(SpanMetricsOptions::default());
/// metrics.observe(&SpanRecord::default());
/// let mut calls = Calls(0.0);
/// metrics.collect(0, &mut calls).unwrap();
/// assert_eq!(calls.0, 1.0);
/// ```
#[derive(Debug)]
pub struct SpanMetrics {
    options: SpanMetricsOptions,
    registry: Registry,
}

impl SpanMetrics {
    /// Counters at zero.
    pub fn new(options: SpanMetricsOptions) -> Self {
        let counters = &["traces_spanmetrics_calls_total", "traces_spanmetrics_size_total"];
        let histograms = &["traces_spanmetrics_latency"];
        let registry =
            Registry::new(counters, histograms, options.latency_bounds_s.clone(), options.series_max);
        SpanMetrics { options, registry }
    }

    /// Counts a span. The size is that of its protobuf form, in bytes.
    pub fn observe(&mut self, record: &SpanRecord) {
        let span = &record.span;
        let mut labels = vec![
            ("service".to_owned(), service_name(&record.resource).to_owned()),
            ("span_name".to_owned(), span.name.clone()),
            ("span_kind".to_owned(), kind_name(span.kind).to_owned()),
            ("status_code".to_owned(), status_name(span.status.code).to_owned()),
        ];
        if self.options.status_message {
            labels.push(("status_message".to_owned(), span.status.message.clone()));
        }
        for key in &self.options.dimensions {
            let value = text_of(&record.resource.attributes, key).or_else(|| text_of(&span.attributes, key));
            labels.push((label_name(key), value.unwrap_or_default()));
        }
        labels.sort();
        labels.dedup_by(|next, first| next.0 == first.0);
        let weight = if self.options.extrapolate { sampling::weight(&span.trace_state) } else { 1.0 };
        let size = otlp::proto::span_bytes(span) as f64;
        self.registry.add(labels, &[1.0, size], &[seconds(span.duration_ns())], weight);
    }

    /// Hands every counter to a sink, as of `time_ms`.
    ///
    /// # Errors
    /// What the sink fails with.
    pub fn collect<S: SampleSink>(&self, time_ms: i64, sink: &mut S) -> Result<(), S::Error> {
        self.registry.collect(time_ms, sink)
    }

    /// How many spans were left out because there were too many sets of labels.
    pub fn left_out(&self) -> u64 {
        self.registry.left_out()
    }
}
