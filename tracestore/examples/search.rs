//! Questions in TraceQL: a search, a relation between spans, groups, a metric, with a deadline.
//!
//! ```text
//! cargo run -p tristore-tracestore --example search [DIRECTORY QUERY]
//! ```
//!
//! Without arguments a shop of forty orders is asked; with them a query is answered over a store that
//! `--example import_otlp` has filled.

use std::error::Error;
use std::io::Write;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tracestore::api::{self, RangeParameters};
use tracestore::model::{
    Attribute, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind, Status, StatusCode,
    TraceId,
};
use tracestore::source::Source;
use tracestore::traceql::{QueryLimits, SearchOptions};
use tracestore::{Db, Options};

const SECOND_NS: u64 = 1_000_000_000;

/// An order and its payment; every fifth payment fails, every fourth is slow.
fn order(number: u64) -> Vec<ResourceSpans> {
    let start_ns = 1_793_534_400 * SECOND_NS + number * SECOND_NS;
    let span = |id: u8, parent: u8, name: &str, duration_ms: u64| Span {
        trace_id: TraceId((u128::from(number) + 1).to_be_bytes()),
        span_id: SpanId([id; 8]),
        parent_span_id: SpanId([parent; 8]),
        name: name.into(),
        kind: SpanKind::SERVER,
        start_ns: start_ns + u64::from(id) * 1_000_000,
        end_ns: start_ns + u64::from(id) * 1_000_000 + duration_ms * 1_000_000,
        ..Span::default()
    };
    let mut payment = span(2, 1, "PaymentProcessing", if number.is_multiple_of(4) { 90 } else { 20 });
    payment
        .attributes
        .push(Attribute::new("card.type", if number.is_multiple_of(3) { "visa" } else { "amex" }));
    payment.status =
        Status { code: StatusCode(if number.is_multiple_of(5) { 2 } else { 1 }), ..Status::default() };
    [("Order Service", span(1, 0, "PlaceOrder", 120)), ("Payment Service", payment)]
        .into_iter()
        .map(|(service, span)| ResourceSpans {
            resource: Arc::new(Resource {
                attributes: vec![Attribute::new("service.name", service)],
                ..Resource::default()
            }),
            scopes: vec![ScopeSpans { scope: Arc::new(Scope::default()), spans: vec![span] }],
        })
        .collect()
}

fn show(out: &mut impl Write, source: &dyn Source, query: &str) -> Result<(), Box<dyn Error>> {
    let deadline = Instant::now().checked_add(Duration::from_secs(10));
    let limits = QueryLimits { deadline, ..QueryLimits::default() };
    let found = api::search(source, query, &SearchOptions { limits, ..SearchOptions::default() })?;
    writeln!(out, "\n{query}: {} traces", found.len())?;
    for trace in found.iter().take(3) {
        for set in &trace.span_sets {
            let facts: Vec<String> =
                set.attributes.iter().map(|(name, value)| format!(" {name}={value}")).collect();
            writeln!(out, "  {} {}: {} spans{}", trace.id, trace.root_name, set.matched, facts.concat())?;
        }
    }
    Ok(())
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut out = std::io::stdout();
    let mut arguments = std::env::args().skip(1);
    if let (Some(directory), Some(query)) = (arguments.next(), arguments.next()) {
        let db = Db::open(directory, Options::default())?;
        show(&mut out, &db.snapshot(), &query)?;
        db.close()?;
        return Ok(());
    }
    let db = Db::in_memory(Options::default())?;
    for number in 0..40 {
        db.commit(&order(number))?;
    }
    let snapshot = db.snapshot();
    for query in [
        "{ status = error && span.card.type = \"visa\" }",
        "{ name = \"PlaceOrder\" } >> { resource.service.name = \"Payment Service\" && duration > 50ms }",
        "{ } | by(resource.service.name) | avg(duration) > 30ms",
    ] {
        show(&mut out, &snapshot, query)?;
    }
    let start_ns = 1_793_534_400 * SECOND_NS;
    let range =
        RangeParameters { start_ns, end_ns: start_ns + 40 * SECOND_NS, step_ns: Some(20 * SECOND_NS) };
    let query = "{ name = \"PaymentProcessing\" } | count_over_time() by (span.card.type)";
    writeln!(out, "\n{query}")?;
    let answer = api::query_range(&snapshot, query, range)?;
    for series in answer.series {
        let labels: Vec<String> =
            series.labels.iter().map(|label| format!("{}={}", label.name, label.value)).collect();
        writeln!(out, "  {} {:?}", labels.join(" "), series.values)?;
    }
    db.close()?;
    Ok(())
}
