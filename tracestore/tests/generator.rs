//! Names, labels and numbers of the metrics made of spans.

use std::collections::BTreeMap;
use std::convert::Infallible;
use std::sync::Arc;

use tracestore::generator::{SampleSink, ServiceGraph, ServiceGraphOptions, SpanMetrics, SpanMetricsOptions};
use tracestore::model::{
    Attribute, Resource, Span, SpanId, SpanKind, SpanRecord, Status, StatusCode, TraceId,
};

#[derive(Default)]
struct Samples(BTreeMap<String, f64>);

impl SampleSink for Samples {
    type Error = Infallible;

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], _: i64, value: f64) -> Result<(), Infallible> {
        assert!(labels.is_sorted() && labels.iter().all(|(_, value)| !value.is_empty()), "{labels:?}");
        let labels: Vec<String> = labels.iter().map(|(name, value)| format!("{name}={value}")).collect();
        self.0.insert(format!("{name}{{{}}}", labels.join(",")), value);
        Ok(())
    }
}

fn record(service: &str, id: u64, parent: u64, kind: SpanKind, duration_ms: u64) -> SpanRecord {
    let resource =
        Resource { attributes: vec![Attribute::new("service.name", service)], ..Resource::default() };
    let span = Span {
        trace_id: TraceId([7; 16]),
        span_id: SpanId(id.to_be_bytes()),
        parent_span_id: SpanId(parent.to_be_bytes()),
        name: "GET /".to_owned(),
        kind,
        start_ns: 1,
        end_ns: 1 + duration_ms * 1_000_000,
        ..Span::default()
    };
    SpanRecord { resource: Arc::new(resource), scope: Arc::default(), span }
}

#[test]
fn span_metrics() {
    let options =
        SpanMetricsOptions { dimensions: vec!["http.method".to_owned()], ..SpanMetricsOptions::default() };
    let mut metrics = SpanMetrics::new(options);
    let mut call = record("shop", 1, 0, SpanKind::SERVER, 5);
    call.span.attributes.push(Attribute::new("http.method", "GET"));
    metrics.observe(&call);
    call.span.end_ns += 95_000_000;
    call.span.status = Status { code: StatusCode::ERROR, message: String::new() };
    metrics.observe(&call);
    metrics.observe(&call);
    let mut samples = Samples::default();
    let Ok(()) = metrics.collect(0, &mut samples);
    let labels = |status: &str| {
        format!(
            "http_method=GET,{{le}}service=shop,span_kind=SPAN_KIND_SERVER,span_name=GET /,status_code={status}"
        )
    };
    let value = |name: &str, le: &str, status: &str| {
        let le = if le.is_empty() { String::new() } else { format!("le={le},") };
        samples.0[&format!("{name}{{{}}}", labels(status).replace("{le}", &le))]
    };
    assert_eq!(value("traces_spanmetrics_calls_total", "", "STATUS_CODE_UNSET"), 1.0);
    assert_eq!(value("traces_spanmetrics_calls_total", "", "STATUS_CODE_ERROR"), 2.0);
    assert_eq!(value("traces_spanmetrics_latency_bucket", "0.064", "STATUS_CODE_ERROR"), 0.0);
    assert_eq!(value("traces_spanmetrics_latency_bucket", "0.128", "STATUS_CODE_ERROR"), 2.0);
    assert_eq!(value("traces_spanmetrics_latency_bucket", "+Inf", "STATUS_CODE_UNSET"), 1.0);
    assert_eq!(value("traces_spanmetrics_latency_count", "", "STATUS_CODE_ERROR"), 2.0);
    assert!((value("traces_spanmetrics_latency_sum", "", "STATUS_CODE_ERROR") - 0.2).abs() < 1e-12);
}

#[test]
fn series_over_the_limit_are_left_out_and_counted() {
    let mut metrics = SpanMetrics::new(SpanMetricsOptions { series_max: 1, ..SpanMetricsOptions::default() });
    for service in ["a", "b", "a", "c"] {
        metrics.observe(&record(service, 1, 0, SpanKind::SERVER, 1));
    }
    assert_eq!(metrics.left_out(), 2);
}

#[test]
fn service_graph() {
    let mut graph = ServiceGraph::new(ServiceGraphOptions::default());
    // The server's half arrives first.
    let mut server = record("db-proxy", 2, 1, SpanKind::SERVER, 150);
    server.span.status.code = StatusCode::ERROR;
    graph.observe(&server, 0);
    graph.observe(&record("shop", 1, 0, SpanKind::CLIENT, 250), 10);
    // A database sends no spans.
    let mut query = record("db-proxy", 3, 2, SpanKind::CLIENT, 20);
    query.span.attributes.push(Attribute::new("db.name", "orders"));
    graph.observe(&query, 20);
    // A queue, a client whose server is silent, and a root.
    graph.observe(&record("shop", 4, 0, SpanKind::PRODUCER, 1), 30);
    graph.observe(&record("mailer", 5, 4, SpanKind::CONSUMER, 1), 30);
    let mut silent = record("shop", 6, 0, SpanKind::CLIENT, 1);
    silent.span.attributes.push(Attribute::new("peer.service", "bank"));
    graph.observe(&silent, 40);
    graph.observe(&record("shop", 7, 0, SpanKind::SERVER, 1), 40);
    graph.expire(60_000);
    let mut samples = Samples::default();
    let Ok(()) = graph.collect(0, &mut samples);
    let total = |client: &str, connection: &str, server: &str| {
        let connection = match connection {
            "" => String::new(),
            connection => format!("connection_type={connection},"),
        };
        let labels = format!("client={client},{connection}server={server}");
        samples.0.get(&format!("traces_service_graph_request_total{{{labels}}}")).copied()
    };
    assert_eq!(total("shop", "", "db-proxy"), Some(1.0));
    assert_eq!(total("db-proxy", "database", "orders"), Some(1.0));
    assert_eq!(total("shop", "messaging_system", "mailer"), Some(1.0));
    assert_eq!(total("shop", "virtual_node", "bank"), Some(1.0));
    assert_eq!(total("user", "virtual_node", "shop"), Some(1.0));
    let call = "client=shop,server=db-proxy";
    assert_eq!(samples.0[&format!("traces_service_graph_request_failed_total{{{call}}}")], 1.0);
    assert_eq!(samples.0[&format!("traces_service_graph_request_server_seconds_sum{{{call}}}")], 0.15);
    assert_eq!(samples.0[&format!("traces_service_graph_request_client_seconds_sum{{{call}}}")], 0.25);
    assert_eq!(graph.left_out(), 0);
}

/// Halves that nobody comes to meet do not pile up.
#[test]
fn halves_are_bounded() {
    let mut graph =
        ServiceGraph::new(ServiceGraphOptions { waiting_max: 2, ..ServiceGraphOptions::default() });
    for id in 1..=5 {
        graph.observe(&record("shop", id, 0, SpanKind::CLIENT, 1), 0);
    }
    assert_eq!(graph.left_out(), 3);
    graph.expire(60_000);
    assert_eq!(graph.left_out(), 5);
}
