//! TraceQL over a store of one's own, answered as a table by the code of `shoehub query traces`.
//!
//! ```text
//! cargo run -p tristore-shoehub --example query_traces -- ['QUERY']
//! ```

use std::error::Error;
use std::io::Write;
use std::sync::Arc;

use shoehub::draw::render;
use shoehub::query::{Question, traces};
use tracestore::model::{Attribute, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, TraceId};
use tracestore::{Db, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::env::args().nth(1).unwrap_or_else(|| "{ duration > 50ms }".to_owned());
    let db = Db::in_memory(Options::default())?;
    let attributes = vec![Attribute::new("service.name", "Order Service")];
    let resource = Arc::new(Resource { attributes, ..Resource::default() });
    let spans = (1..=9).map(|number: u8| Span {
        trace_id: TraceId([number; 16]),
        span_id: SpanId([number; 8]),
        name: "POST /order".to_owned(),
        start_ns: u64::from(number) * 1_000_000_000,
        end_ns: u64::from(number) * 1_010_000_000,
        ..Span::default()
    });
    let scopes = vec![ScopeSpans { scope: Arc::new(Scope::default()), spans: spans.collect() }];
    db.commit(&[ResourceSpans { resource, scopes }])?;

    let question = Question { text, at_ms: 60_000, range_ms: None, step_ms: None, limit: 20 };
    let answered = traces::ask(&db.snapshot(), &question)?;
    write!(std::io::stdout(), "{}", render(&answered.table.lines(None), false))?;
    Ok(db.close()?)
}
