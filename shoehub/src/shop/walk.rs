//! One request on its way through the services: spans open and close, time passes, lines are logged.

use std::sync::{Arc, LazyLock};

use tracestore::model::{
    AnyValue, Attribute, Event, Resource, Scope, Span, SpanId, SpanKind, SpanRecord, Status, StatusCode,
    TraceId,
};

use super::chance::Chance;

/// The services of the shop: what they are called in traces and in the labels of their logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum Service {
    Order,
    Catalogue,
    Stock,
    Payment,
}

impl Service {
    /// All of them.
    pub const ALL: [Service; 4] = [Service::Order, Service::Catalogue, Service::Stock, Service::Payment];

    /// The resource attribute `service.name`.
    pub fn name(self) -> &'static str {
        match self {
            Service::Order => "Order Service",
            Service::Catalogue => "Catalogue Service",
            Service::Stock => "Stock Service",
            Service::Payment => "Payment Service",
        }
    }

    /// The label `app` of its log stream.
    pub fn app(self) -> &'static str {
        match self {
            Service::Order => "order-service",
            Service::Catalogue => "catalogue-service",
            Service::Stock => "stock-service",
            Service::Payment => "payment-service",
        }
    }

    /// What it does for others: the name of its server spans.
    pub fn operation(self) -> &'static str {
        match self {
            Service::Order => "POST /order",
            Service::Catalogue => "GetShoe",
            Service::Stock => "ReserveStock",
            Service::Payment => "PaymentProcessing",
        }
    }

    /// The service that a resource stands for.
    pub fn of(resource: &Resource) -> Option<Service> {
        let name = resource.attributes.iter().find(|attribute| attribute.key == "service.name")?;
        Service::ALL.into_iter().find(|service| name.value == AnyValue::from(service.name()))
    }

    fn resource(self) -> Arc<Resource> {
        static RESOURCES: LazyLock<[Arc<Resource>; 4]> = LazyLock::new(|| {
            Service::ALL.map(|service| {
                let attributes = vec![
                    Attribute::new("service.name", service.name()),
                    Attribute::new("service.version", "1.0.0"),
                    Attribute::new("service.namespace", "shoehub"),
                ];
                Arc::new(Resource { attributes, ..Resource::default() })
            })
        });
        Arc::clone(&RESOURCES[self as usize])
    }
}

/// A log line of a service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// When, nanoseconds since the epoch.
    pub time_ns: u64,
    /// The label `app` of its stream.
    pub app: &'static str,
    /// The line.
    pub text: String,
}

/// A request under way.
#[derive(Debug)]
pub struct Walk<'a> {
    /// What decides how it goes.
    pub chance: &'a mut Chance,
    /// The time as far as the request has come, nanoseconds since the epoch.
    pub now_ns: u64,
    /// The trace.
    pub trace_id: TraceId,
    /// Every span so far, in the order in which they were opened.
    pub spans: Vec<SpanRecord>,
    /// Every line so far.
    pub lines: Vec<Line>,
    /// The spans that are open, the innermost last.
    open: Vec<usize>,
}

impl<'a> Walk<'a> {
    /// A request that comes in at a time.
    pub fn new(chance: &'a mut Chance, now_ns: u64) -> Self {
        let trace_id = TraceId(chance.trace_id());
        Walk { chance, now_ns, trace_id, spans: Vec::new(), lines: Vec::new(), open: Vec::new() }
    }

    /// Opens a span below the innermost open one.
    pub fn enter(&mut self, service: Service, name: &str, kind: SpanKind) {
        static SCOPE: LazyLock<Arc<Scope>> = LazyLock::new(|| {
            Arc::new(Scope { name: "shoehub".to_owned(), version: "1.0.0".to_owned(), ..Scope::default() })
        });
        let parent = self.open.last().map_or(SpanId::default(), |&parent| self.spans[parent].span.span_id);
        let span = Span {
            trace_id: self.trace_id,
            span_id: SpanId(self.chance.span_id()),
            parent_span_id: parent,
            name: name.to_owned(),
            kind,
            start_ns: self.now_ns,
            status: Status { code: StatusCode::OK, message: String::new() },
            ..Span::default()
        };
        self.open.push(self.spans.len());
        self.spans.push(SpanRecord { resource: service.resource(), scope: Arc::clone(&SCOPE), span });
    }

    /// Closes the innermost open span.
    pub fn leave(&mut self) {
        let now_ns = self.now_ns;
        if let Some(span) = self.innermost() {
            span.end_ns = now_ns;
        }
        self.open.pop();
    }

    /// Time passes: about so many milliseconds.
    pub fn work(&mut self, median_ms: f64) {
        self.now_ns += (self.chance.latency(median_ms) * 1e6) as u64;
    }

    /// Says something about the innermost open span.
    pub fn set(&mut self, key: &str, value: impl Into<AnyValue>) {
        let attribute = Attribute::new(key, value);
        if let Some(span) = self.innermost() {
            span.attributes.push(attribute);
        }
    }

    /// The innermost open span has failed: status, and an event as OpenTelemetry records an exception.
    pub fn fail(&mut self, kind: &str, message: &str) {
        let time_ns = self.now_ns;
        let attributes =
            vec![Attribute::new("exception.type", kind), Attribute::new("exception.message", message)];
        if let Some(span) = self.innermost() {
            span.status = Status { code: StatusCode::ERROR, message: message.to_owned() };
            span.events.push(Event { time_ns, name: "exception".to_owned(), attributes, ..Event::default() });
        }
    }

    /// Writes a line in logfmt, with level, component and trace id.
    pub fn log(&mut self, service: Service, level: &str, component: &str, rest: &str) {
        let text = format!("level={level} component={component} {rest} trace_id={}", self.trace_id);
        self.lines.push(Line { time_ns: self.now_ns, app: service.app(), text });
    }

    fn innermost(&mut self) -> Option<&mut Span> {
        let index = *self.open.last()?;
        self.spans.get_mut(index).map(|record| &mut record.span)
    }
}
