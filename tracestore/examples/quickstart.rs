//! A store in a directory: commit spans, search them in TraceQL, close, open again.
//!
//! ```text
//! cargo run -p tristore-tracestore --example quickstart
//! ```

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use tracestore::model::{
    Attribute, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind, Status, StatusCode,
    TraceId,
};
use tracestore::traceql::SearchOptions;
use tracestore::{Db, Options, api};

/// The spans of a service.
fn of_service(name: &str, span: Span) -> ResourceSpans {
    let attributes = vec![Attribute::new("service.name", name)];
    let resource = Arc::new(Resource { attributes, ..Resource::default() });
    ResourceSpans {
        resource,
        scopes: vec![ScopeSpans { scope: Arc::new(Scope::default()), spans: vec![span] }],
    }
}

/// An order that calls the payment service; every fifth payment fails.
fn order(number: u8) -> Vec<ResourceSpans> {
    let trace_id = TraceId([number + 1; 16]);
    let start_ns = u64::from(number) * 1_000_000_000;
    let call = Span {
        trace_id,
        span_id: SpanId([1; 8]),
        name: "Making HTTP Call".into(),
        kind: SpanKind::CLIENT,
        start_ns,
        end_ns: start_ns + 80_000_000,
        attributes: vec![Attribute::new("comms", "api"), Attribute::new("protocol", "http")],
        ..Span::default()
    };
    let failed = number % 5 == 3;
    let payment = Span {
        trace_id,
        span_id: SpanId([2; 8]),
        parent_span_id: call.span_id,
        name: "PaymentProcessing".into(),
        kind: SpanKind::SERVER,
        start_ns: start_ns + 10_000_000,
        end_ns: start_ns + 60_000_000,
        status: Status {
            code: if failed { StatusCode::ERROR } else { StatusCode::OK },
            message: String::new(),
        },
        ..Span::default()
    };
    vec![of_service("Order Service", call), of_service("Payment Service", payment)]
}

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("tristore-traces-quickstart-{}", std::process::id()));
    let mut out = std::io::stdout().lock();

    let db = Db::open(&dir, Options::default())?;
    for number in 0..20 {
        db.commit(&order(number))?;
    }
    db.close()?;

    // Everything that was committed is there again.
    let db = Db::open(&dir, Options::default())?;
    let query = r#"{ resource.service.name = "Order Service" } >> { status = error }"#;
    for trace in api::search(&db.snapshot(), query, &SearchOptions::default())? {
        writeln!(out, "{}  {} of {}", trace.id, trace.root_name, trace.root_service)?;
    }
    writeln!(out, "{:#?}", db.stats())?;
    db.close()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
