//! OTLP requests into a store, and what it knows of them afterwards.
//!
//! ```text
//! cargo run -p tristore-tracestore --example import_otlp [REQUESTS.otlp.jsonl [DIRECTORY]]
//! ```
//!
//! The file holds one `ExportTraceServiceRequest` in JSON a line, as the file exporter of the OpenTelemetry Collector
//! writes it. Without one two requests of a shop are imported, and without a directory the store lives in memory.

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};

use tracestore::api::{self, ScopeFilter};
use tracestore::otlp::{json, proto};
use tracestore::source::TimeWindow;
use tracestore::{Db, Options};

const SHOP: [&str; 2] = [
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"Order Service"}}]},
        "scopeSpans":[{"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"00f067aa0ba902b7",
        "name":"PlaceOrder","kind":2,"startTimeUnixNano":"1793534400000000000",
        "endTimeUnixNano":"1793534400080000000","attributes":[{"key":"order.items","value":{"intValue":"3"}}]}]}]}]}"#,
    r#"{"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"Payment Service"}}]},
        "scopeSpans":[{"spans":[{"traceId":"4bf92f3577b34da6a3ce929d0e0e4736","spanId":"b7ad6b7169203331",
        "parentSpanId":"00f067aa0ba902b7","name":"PaymentProcessing","kind":2,
        "startTimeUnixNano":"1793534400010000000","endTimeUnixNano":"1793534400060000000",
        "attributes":[{"key":"card.type","value":{"stringValue":"visa"}}],"status":{"code":2}}]}]}]}"#,
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let (file, directory) = (arguments.next(), arguments.next());
    let db = match directory {
        Some(directory) => Db::open(directory, Options::default())?,
        None => Db::in_memory(Options::default())?,
    };
    let (mut spans, mut refused) = (0, 0);
    let mut import = |line: &str| -> Result<(), Box<dyn Error>> {
        let decoded = json::decode(line.as_bytes())?;
        // The store takes requests as they travel in protobuf; those that arrive so are committed as they are.
        let committed = db.commit_otlp(&proto::encode(&decoded.resource_spans).into())?;
        spans += committed.spans;
        refused += committed.refused.len() + decoded.refused.len();
        Ok(())
    };
    match file {
        Some(file) => {
            for line in BufReader::new(File::open(file)?).lines() {
                import(&line?)?;
            }
        }
        None => SHOP.iter().try_for_each(|request| import(request))?,
    }
    db.flush()?;

    let mut out = std::io::stdout();
    let stats = db.stats();
    writeln!(out, "{spans} spans imported, {refused} refused, {} bytes on disk", stats.block_file_bytes)?;
    let snapshot = db.snapshot();
    for (scope, names) in api::tag_names(&snapshot, ScopeFilter::All, "", TimeWindow::ALL)? {
        if scope != "intrinsic" {
            let names: Vec<&str> = names.iter().map(|name| &**name).collect();
            writeln!(out, "{scope}: {}", names.join(", "))?;
        }
    }
    for service in api::tag_values(&snapshot, "resource.service.name", "", TimeWindow::ALL)? {
        writeln!(out, "service {service}")?;
    }
    db.close()?;
    Ok(())
}
