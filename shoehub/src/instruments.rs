//! What the shop counts of its orders and requests.

use bedrock::labels::Labels;
use tracestore::generator::{ServiceGraph, ServiceGraphOptions, SpanMetrics, SpanMetricsOptions};
use tracestore::model::{SpanKind, SpanRecord, StatusCode};
use tsdb::{Exemplar, MetricKind};

use crate::registry::{Classic, Counter, Gauge, Native, Registry};
use crate::shop::{COUNTRIES, METHODS, Order, Outcome, SHOES, Service};

/// The metrics of the shop and of its services.
#[derive(Debug)]
pub struct Instruments {
    /// Every series.
    pub registry: Registry,
    /// Calls, latencies and sizes by operation, counted from the spans.
    pub span_metrics: SpanMetrics,
    /// Who calls whom, counted from the spans.
    pub service_graph: ServiceGraph,
    sales: [Counter; 3],
    payments: [[Gauge; 3]; 3],
    outcomes: [Counter; 4],
    order_duration: Native,
    /// Each by service, in the order of [`Service::ALL`].
    requests: Vec<[Counter; 2]>,
    durations: Vec<Classic>,
    cpu: Vec<Counter>,
}

impl Instruments {
    /// Everything at zero.
    pub fn new() -> Self {
        let mut registry = Registry::default();
        describe(&mut registry);
        let sales = SHOES.map(|shoe| registry.counter("shoehub_sales", &[("ShoeType", shoe)]));
        let payments = COUNTRIES.map(|country| {
            METHODS.map(|method| {
                registry.gauge("shoehub_payments", &[("CountryCode", country), ("PaymentMethod", method)])
            })
        });
        let outcomes = Outcome::ALL
            .map(|outcome| registry.counter("otel_order_total", &[("outcome", outcome.as_str())]));
        let order_duration = registry.native("shoehub_order_duration_seconds", &[]);
        let (mut requests, mut durations, mut cpu) = (Vec::new(), Vec::new(), Vec::new());
        for service in Service::ALL {
            let labels = [("service", service.name()), ("route", service.operation())];
            let answered = |code| [labels[0], labels[1], ("code", code)];
            requests
                .push(["200", "500"].map(|code| registry.counter("http_requests_total", &answered(code))));
            durations.push(registry.classic("http_request_duration_seconds", &labels));
            cpu.push(registry.counter("process_cpu_seconds_total", &labels[..1]));
            let up = registry.gauge("up", &labels[..1]);
            registry.set(up, 1.0);
        }
        Instruments {
            registry,
            span_metrics: SpanMetrics::new(SpanMetricsOptions::default()),
            service_graph: ServiceGraph::new(ServiceGraphOptions::default()),
            sales,
            payments,
            outcomes,
            order_duration,
            requests,
            durations,
            cpu,
        }
    }

    /// Sold: a shoe, by its index.
    pub fn sold(&mut self, shoe: usize, value: f64) {
        self.registry.add(self.sales[shoe], value);
    }

    /// Paid: the gauge of a country and a method, by their indexes.
    pub fn paid(&mut self, country: usize, method: usize, value: f64) {
        self.registry.set(self.payments[country][method], value);
    }

    /// What was sold so far, by shoe.
    pub fn sales(&self) -> [f64; 3] {
        self.sales.map(|counter| self.registry.value(counter))
    }

    /// Counts an order, and every request that a service answered for it.
    pub fn count(&mut self, order: &Order) {
        self.registry.add(self.outcomes[order.outcome as usize], 1.0);
        let exemplar = exemplar(order.duration_ns(), order.end_ns, &order.trace_id.to_string());
        self.registry.observe_native(self.order_duration, exemplar);
        for record in &order.spans {
            self.span_metrics.observe(record);
            self.service_graph.observe(record, (order.end_ns / 1_000_000) as i64);
            if record.span.kind == SpanKind::SERVER {
                self.count_request(record);
            }
        }
    }

    /// Counts a request by the span of the service that answered it.
    fn count_request(&mut self, record: &SpanRecord) {
        let span = &record.span;
        let Some(service) = Service::of(&record.resource) else { return };
        let service = service as usize;
        let failed = usize::from(span.status.code == StatusCode::ERROR);
        self.registry.add(self.requests[service][failed], 1.0);
        let exemplar = exemplar(span.duration_ns(), span.end_ns, &span.trace_id.to_string());
        self.registry.observe(self.durations[service], exemplar);
        self.registry.add(self.cpu[service], 0.0004);
    }
}

impl Default for Instruments {
    fn default() -> Self {
        Instruments::new()
    }
}

/// A request's duration with its trace.
fn exemplar(duration_ns: u64, end_ns: u64, trace_id: &str) -> Exemplar {
    let labels = Labels::from_pairs([("trace_id", trace_id)]).expect("one label with a name");
    Exemplar { labels, value: duration_ns as f64 / 1e9, timestamp_ms: (end_ns / 1_000_000) as i64 }
}

fn describe(registry: &mut Registry) {
    let families = [
        ("shoehub_sales", MetricKind::Counter, "", "Value of the shoes sold."),
        ("shoehub_payments", MetricKind::Gauge, "", "The last payment."),
        ("otel_order", MetricKind::Counter, "", "Orders by outcome."),
        ("http_requests", MetricKind::Counter, "", "Requests answered."),
        ("http_request_duration_seconds", MetricKind::Histogram, "seconds", "Time to answer a request."),
        ("shoehub_order_duration_seconds", MetricKind::Histogram, "seconds", "Time to answer an order."),
        ("process_cpu_seconds", MetricKind::Counter, "seconds", "Processor time used."),
        ("up", MetricKind::Gauge, "", "Whether the service answers."),
    ];
    for (family, kind, unit, help) in families {
        registry.describe(family, kind, unit, help);
    }
}
