//! Calls through a shop: edge, order, then payment, stock and catalog over databases and queues.

use super::START_MS;
use super::sample::Sampler;

/// What [`Traces`] generates.
#[derive(Clone, Copy, Debug)]
pub struct TracesOptions {
    /// Start of the first trace, in nanoseconds.
    pub start_ns: i64,
    /// Mean time between the starts of two traces, in nanoseconds.
    pub gap_ns: f64,
    /// Chooses one of the possible workloads.
    pub seed: u64,
}

impl Default for TracesOptions {
    fn default() -> Self {
        TracesOptions { start_ns: START_MS * 1_000_000, gap_ns: 40_000_000.0, seed: 7 }
    }
}

/// The value of an attribute.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// Text.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// A float.
    Float(f64),
    /// True or false.
    Bool(bool),
}

/// An attribute of a span, an event or a resource.
pub type Attribute = (&'static str, Value);

/// A process that spans come from.
#[derive(Clone, Debug, PartialEq)]
pub struct Resource {
    /// `service.name` and what else describes it.
    pub attributes: Vec<Attribute>,
}

/// The kind of a span, numbered as in OTLP.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SpanKind {
    /// Answers a call.
    Server = 2,
    /// Makes a call.
    Client = 3,
    /// Sends a message.
    Producer = 4,
}

/// Something that happened during a span.
#[derive(Clone, Debug, PartialEq)]
pub struct Event {
    /// When, in nanoseconds since the epoch.
    pub timestamp_ns: i64,
    /// What.
    pub name: &'static str,
    /// More about it.
    pub attributes: Vec<Attribute>,
}

/// One span.
#[derive(Clone, Debug, PartialEq)]
pub struct Span {
    /// The trace it belongs to.
    pub trace_id: [u8; 16],
    /// Its own id.
    pub span_id: [u8; 8],
    /// The span that caused it; `None` for the root.
    pub parent_id: Option<[u8; 8]>,
    /// Index into [`Traces::resources`].
    pub resource: usize,
    /// The operation.
    pub name: String,
    /// Its kind.
    pub kind: SpanKind,
    /// Start, in nanoseconds since the epoch.
    pub start_ns: i64,
    /// Length, in nanoseconds.
    pub duration_ns: i64,
    /// Attributes by the OpenTelemetry conventions.
    pub attributes: Vec<Attribute>,
    /// Whether it failed.
    pub error: bool,
    /// Events, mostly none.
    pub events: Vec<Event>,
}

/// Traces without end, one at a time: 5 to 30 spans each, 1.5% failed, three attributes of many values.
///
/// About 10 us a trace.
///
/// ```
/// use testkit::generate::{Traces, TracesOptions};
///
/// let mut traces = Traces::new(TracesOptions::default());
/// let trace = traces.next().expect("traces do not end");
/// assert_eq!(trace[0].parent_id, None);
/// assert!(trace.iter().all(|span| span.trace_id == trace[0].trace_id));
/// ```
#[derive(Clone, Debug)]
pub struct Traces {
    sampler: Sampler,
    gap_ns: f64,
    now_ns: i64,
    resources: Vec<Resource>,
}

const SERVICES: [&str; 8] = ["edge", "order", "payment", "stock", "catalog", "postgres", "kafka", "redis"];
/// Processes of each service.
const INSTANCES: usize = 4;
const ROUTES: [&str; 6] =
    ["/api/cart", "/api/checkout", "/api/products", "/api/products/{id}", "/login", "/search"];
const TABLES: [&str; 3] = ["orders", "stock", "users"];

fn text(value: impl Into<String>) -> Value {
    Value::Text(value.into())
}

impl Traces {
    /// The workload before its first trace.
    pub fn new(options: TracesOptions) -> Self {
        let mut resources = Vec::new();
        for (number, service) in SERVICES.into_iter().enumerate() {
            for instance in 0..INSTANCES {
                let region = if instance % 2 == 0 { "eu-west-1" } else { "us-east-1" };
                resources.push(Resource {
                    attributes: vec![
                        ("service.name", text(service)),
                        ("service.version", text(format!("1.{}.0", instance % 3))),
                        ("k8s.pod.name", text(format!("{service}-{instance}"))),
                        ("k8s.namespace.name", text("shop")),
                        ("cloud.region", text(region)),
                        ("host.name", text(format!("node-{}", (number * 5 + instance) % 12))),
                    ],
                });
            }
        }
        Traces {
            sampler: Sampler::new(options.seed),
            gap_ns: options.gap_ns,
            now_ns: options.start_ns,
            resources,
        }
    }

    /// The processes that spans come from.
    pub fn resources(&self) -> &[Resource] {
        &self.resources
    }

    /// A span of some instance of a service, without attributes.
    fn span(
        &mut self,
        trace: &Trace,
        parent: Option<&Span>,
        service: &str,
        name: String,
        kind: SpanKind,
    ) -> Span {
        let number = SERVICES.iter().position(|known| *known == service).unwrap_or_default();
        let instance = self.sampler.between(0, INSTANCES as i64) as usize;
        Span {
            trace_id: trace.id,
            span_id: self.sampler.bits().to_be_bytes(),
            parent_id: parent.map(|parent| parent.span_id),
            resource: number * INSTANCES + instance,
            name,
            kind,
            start_ns: self.now_ns,
            duration_ns: trace.duration_ns,
            attributes: Vec::new(),
            error: trace.failed,
            events: Vec::new(),
        }
    }

    /// What payment, stock or catalog do for an order.
    fn service_call(&mut self, trace: &Trace, order: &Span, service: &'static str, spans: &mut Vec<Span>) {
        let duration_ns = trace.duration_ns;
        let mut call = self.span(trace, Some(order), service, format!("{service}.handle"), SpanKind::Server);
        call.start_ns += duration_ns / 10;
        call.duration_ns = duration_ns / self.sampler.between(2, 7);
        let grpc_status = if trace.failed { 13 } else { 0 };
        call.attributes = vec![
            ("rpc.system", text("grpc")),
            ("rpc.service", text(service)),
            ("rpc.grpc.status_code", Value::Integer(grpc_status)),
        ];
        call.error = trace.failed && service == "payment";
        if call.error {
            let message = format!("issuer said no {:06x}", self.sampler.bits() & 0xff_ffff);
            call.events.push(Event {
                timestamp_ns: self.now_ns + duration_ns / 9,
                name: "exception",
                attributes: vec![
                    ("exception.type", text("CardDeclined")),
                    ("exception.message", text(message)),
                ],
            });
        }
        spans.push(call.clone());
        for _ in 0..self.sampler.between(0, 4) {
            let query = self.query(trace, &call);
            spans.push(query);
        }
        if self.sampler.chance(0.3) {
            let mut get = self.span(trace, Some(&call), "redis", "GET".into(), SpanKind::Client);
            (get.start_ns, get.duration_ns) = (self.now_ns + duration_ns / 8, duration_ns / 100);
            get.attributes =
                vec![("db.system", text("redis")), ("cache.hit", Value::Bool(self.sampler.chance(0.8)))];
            get.error = false;
            spans.push(get);
        }
        if self.sampler.chance(0.2) {
            let mut publish =
                self.span(trace, Some(&call), "kafka", "orders publish".into(), SpanKind::Producer);
            (publish.start_ns, publish.duration_ns) = (self.now_ns + duration_ns / 7, duration_ns / 60);
            publish.attributes = vec![
                ("messaging.system", text("kafka")),
                ("messaging.destination.name", text("orders")),
                ("messaging.kafka.offset", Value::Integer(self.sampler.between(1, 10_000_001))),
            ];
            publish.error = false;
            spans.push(publish);
        }
    }

    fn query(&mut self, trace: &Trace, call: &Span) -> Span {
        let name = format!("SELECT {}", self.sampler.pick(&TABLES));
        let mut query = self.span(trace, Some(call), "postgres", name, SpanKind::Client);
        query.start_ns += trace.duration_ns / 8;
        query.duration_ns = trace.duration_ns / self.sampler.between(8, 41);
        let (table, row) = (*self.sampler.pick(&TABLES), self.sampler.between(1, 1_000_001));
        query.attributes = vec![
            ("db.system", text("postgresql")),
            ("db.statement", text(format!("SELECT * FROM {table} WHERE id = {row}"))),
            ("db.rows", Value::Integer(self.sampler.between(0, 51))),
        ];
        query.error = false;
        query
    }

    fn root(&mut self, trace: &Trace) -> Span {
        let route = trace.route;
        let mut root = self.span(trace, None, "edge", format!("GET {route}"), SpanKind::Server);
        let path = route.replace("{id}", &self.sampler.between(1, 10_000).to_string());
        let user = format!("u{}", self.sampler.user());
        let mut octet = || self.sampler.between(0, 250);
        let address = format!("10.{}.{}.{}", octet(), octet(), octet());
        root.attributes = vec![
            ("http.request.method", text("GET")),
            ("http.route", text(route)),
            ("url.path", text(path)),
            ("http.response.status_code", Value::Integer(trace.status)),
            ("user.id", text(user)),
            ("client.address", text(address)),
        ];
        root
    }
}

/// What all spans of a trace share.
struct Trace {
    id: [u8; 16],
    route: &'static str,
    status: i64,
    duration_ns: i64,
    failed: bool,
}

impl Iterator for Traces {
    /// The spans of one trace, parents before children.
    type Item = Vec<Span>;

    fn next(&mut self) -> Option<Vec<Span>> {
        self.now_ns += self.sampler.exponential(self.gap_ns) as i64 + 1;
        let failed = self.sampler.chance(0.015);
        let id = (u128::from(self.sampler.bits()) << 64 | u128::from(self.sampler.bits())).to_be_bytes();
        let route = *self.sampler.pick(&ROUTES);
        let status = match (failed, self.sampler.between(0, 23)) {
            (true, _) => 500,
            (_, 0..20) => 200,
            (_, 20) => 201,
            (_, 21) => 304,
            _ => 404,
        };
        let duration_ns = self.sampler.log_normal(17.5, 0.8) as i64;
        let trace = Trace { id, route, status, duration_ns, failed };

        let root = self.root(&trace);
        let mut call = self.span(&trace, Some(&root), "edge", "HTTP GET".into(), SpanKind::Client);
        (call.start_ns, call.duration_ns) = (self.now_ns + duration_ns / 20, duration_ns / 10 * 8);
        call.attributes = vec![
            ("server.address", text("order")),
            ("http.request.method", text("GET")),
            ("http.response.status_code", Value::Integer(status)),
        ];
        call.error = false;
        let mut order = self.span(&trace, Some(&call), "order", format!("order {route}"), SpanKind::Server);
        (order.start_ns, order.duration_ns) = (self.now_ns + duration_ns / 15, duration_ns / 10 * 7);
        let total = (self.sampler.log_normal(4.0, 1.0) * 100.0).round() / 100.0;
        order.attributes = vec![
            ("http.route", text(route)),
            ("order.items", Value::Integer(self.sampler.between(1, 10))),
            ("order.total", Value::Float(total)),
            ("feature.flag", Value::Bool(self.sampler.chance(0.1))),
        ];
        let mut spans = vec![root, call, order.clone()];
        let mut services = ["payment", "stock", "catalog"];
        let count = self.sampler.between(1, 4) as usize;
        for i in 0..count {
            let drawn = self.sampler.between(i as i64, services.len() as i64) as usize;
            services.swap(i, drawn);
            self.service_call(&trace, &order, services[i], &mut spans);
        }
        Some(spans)
    }
}

#[cfg(test)]
mod tests;
