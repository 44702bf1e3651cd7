//! Metrics from spans: calls and latencies by operation, and the graph of who calls whom.
//!
//! [`SpanMetrics`] and [`ServiceGraph`] take spans as they are appended and keep counters with the names and labels
//! that Tempo's metrics generator writes, so that its dashboards work. [`SpanMetrics::collect`] and
//! [`ServiceGraph::collect`] hand the counters as samples to a [`SampleSink`]: any store of metrics, or a test.
//!
//! Counters are cumulative since the generator was made. A generator keeps at most a given number of series (about
//! 300 bytes each with its buckets) and counts what it had to leave out.

mod registry;
mod service_graph;
mod span_metrics;

pub use service_graph::{ServiceGraph, ServiceGraphOptions};
pub use span_metrics::{SpanMetrics, SpanMetricsOptions};

use crate::model::{AnyValue, Attribute, SpanKind, StatusCode};

/// Takes samples.
pub trait SampleSink {
    /// What a sink can fail with.
    type Error;

    /// Takes one sample of a counter. The labels are sorted by name, without `__name__`, and none is empty: stores of
    /// metrics read an empty label as an absent one.
    ///
    /// # Errors
    /// What the sink fails with; the generator stops and hands it on.
    fn sample(
        &mut self,
        name: &str,
        labels: &[(&str, &str)],
        time_ms: i64,
        value: f64,
    ) -> Result<(), Self::Error>;
}

/// The name that OTLP gives a kind.
fn kind_name(kind: SpanKind) -> &'static str {
    match kind {
        SpanKind::INTERNAL => "SPAN_KIND_INTERNAL",
        SpanKind::SERVER => "SPAN_KIND_SERVER",
        SpanKind::CLIENT => "SPAN_KIND_CLIENT",
        SpanKind::PRODUCER => "SPAN_KIND_PRODUCER",
        SpanKind::CONSUMER => "SPAN_KIND_CONSUMER",
        _ => "SPAN_KIND_UNSPECIFIED",
    }
}

/// The name that OTLP gives a status.
fn status_name(status: StatusCode) -> &'static str {
    match status {
        StatusCode::OK => "STATUS_CODE_OK",
        StatusCode::ERROR => "STATUS_CODE_ERROR",
        _ => "STATUS_CODE_UNSET",
    }
}

/// The value of an attribute as a label's value.
fn text_of(attributes: &[Attribute], key: &str) -> Option<String> {
    let found = attributes.iter().find(|attribute| attribute.key == key)?;
    match &found.value {
        AnyValue::String(text) => Some(text.clone()),
        AnyValue::Bool(truth) => Some(truth.to_string()),
        AnyValue::Int(number) => Some(number.to_string()),
        AnyValue::Double(number) => Some(number.to_string()),
        AnyValue::Empty | AnyValue::Array(_) | AnyValue::Map(_) | AnyValue::Bytes(_) => None,
    }
}

/// An attribute's key as a label's name: every character that a label cannot hold becomes `_`.
fn label_name(key: &str) -> String {
    let fits = |(at, c): (usize, char)| {
        if c.is_ascii_alphabetic() || (at > 0 && c.is_ascii_digit()) { c } else { '_' }
    };
    key.chars().enumerate().map(fits).collect()
}

fn seconds(ns: u64) -> f64 {
    ns as f64 / 1e9
}
