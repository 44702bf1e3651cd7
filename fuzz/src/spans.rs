//! OTLP requests and TraceQL: what senders and users hand to the trace store.

use tracestore::memory::MemorySource;
use tracestore::otlp::{json, proto};
use tracestore::traceql::ast::Body;
use tracestore::traceql::{SearchOptions, check, parse, search};

/// Bytes that are a request in protobuf keep their meaning when they are written and read again.
pub fn otlp_proto(input: &[u8]) {
    let Ok(decoded) = proto::decode(input) else { return };
    // NaN is not equal to itself, so bytes are compared with bytes.
    let written = proto::encode(&decoded.resource_spans);
    let Ok(again) = proto::decode(&written) else { panic!("what was written does not read back") };
    assert_eq!(proto::encode(&again.resource_spans), written, "a second round changes the request");
    assert!(again.refused.is_empty(), "what was kept is refused");
}

/// Bytes that are a request in JSON keep their meaning when they are written and read again.
pub fn otlp_json(input: &[u8]) {
    let Ok(decoded) = json::decode(input) else { return };
    let written = json::encode(&decoded.resource_spans);
    let Ok(again) = json::decode(written.as_bytes()) else { panic!("what was written does not read back") };
    assert_eq!(json::encode(&again.resource_spans), written, "a second round changes the request");
}

/// A text is refused, or what is printed of it reads back to the same tree; a search that has a meaning runs.
pub fn traceql_parse(input: &[u8]) {
    let text = String::from_utf8_lossy(input);
    let Ok(tree) = parse(&text) else { return };
    let printed = tree.to_string();
    match parse(&printed) {
        Ok(again) => assert_eq!(again, tree, "{text} prints as {printed}"),
        Err(error) => panic!("{text} prints as {printed}: {error}"),
    }
    if check(&tree).is_ok()
        && let Body::Search(pipeline) = &tree.body
    {
        let source = MemorySource::new([]);
        assert!(search(&source, pipeline, &SearchOptions::default()).is_ok_and(|found| found.is_empty()));
    }
}
