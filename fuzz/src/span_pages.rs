//! What the trace store reads from its own files.

use std::ops::ControlFlow;
use std::sync::Arc;

use bedrock::block::FileKind;
use bedrock::disk::MemDisk;
use bedrock::manifest::StoreKind;
use tracestore::model::TraceId;
use tracestore::source::{Source, TimeWindow};
use tracestore::traceql::SearchOptions;
use tracestore::{Db, Options, api};

use crate::any_block::{DIR, Shape};

/// The corpus's block has this trace.
const TRACE: TraceId = TraceId([1; 16]);

/// A block whose checksums are right and whose index, ids and pages are anything: the input is the index and the ids, not
/// compressed, then pages, each behind its length in two bytes. Opening, asking, checking and compacting it gives answers
/// or errors.
pub fn spans_block(input: &[u8]) {
    let disk = Arc::new(MemDisk::new());
    if BLOCK.write(&disk, input).is_ok() {
        read_block(disk);
    }
}

const BLOCK: Shape = Shape {
    store: StoreKind { tag: *b"TRCS", version: 1 },
    name: "spans",
    file: FileKind { tag: *b"TRCB", version: 1 },
    sections: &["ids", "index"],
};

fn read_block(disk: Arc<MemDisk>) {
    let Ok(db) = Db::open_on(disk, DIR, Options { background: false, ..Options::default() }) else {
        return;
    };
    let _ = db.verify();
    let snapshot = db.snapshot();
    let _ = snapshot.trace(TRACE);
    let _ = snapshot.visit_trace(TRACE, &mut |_| ControlFlow::Continue(()));
    for query in [
        "{ .k = \"a\" && event.n > 0 } >> { link.rel = \"l\" || statusMessage != \"x\" }",
        "{ span:parentID != \"0\" } | by(instrumentation:name) | count() > 0 | select(span.list, nestedSetLeft)",
    ] {
        let _ = api::search(&snapshot, query, &SearchOptions::default());
    }
    for tag in ["span.k", "name", "event.n", "rootName"] {
        let _ = api::tag_values(&snapshot, tag, "", TimeWindow::ALL);
    }
    let _ = db.compact();
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A corpus of a layout that is no longer read would fuzz nothing.
    #[test]
    fn the_corpus_is_blocks_that_are_sound() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/spans_block");
        for entry in std::fs::read_dir(corpus).unwrap() {
            let disk = Arc::new(MemDisk::new());
            BLOCK.write(&disk, &std::fs::read(entry.unwrap().path()).unwrap()).unwrap();
            let db = Db::open_on(disk, DIR, Options { background: false, ..Options::default() }).unwrap();
            assert!(db.verify().is_empty(), "{:?}", db.verify());
            assert_eq!(db.snapshot().trace(TRACE).unwrap().unwrap().spans.len(), 4);
        }
    }
}
