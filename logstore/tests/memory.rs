//! What a store of very many small streams takes: 100,000 streams of three lines each.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::ops::ControlFlow;

use bedrock::labels::{Labels, MatchOp, Matcher};
use logstore::source::{LogSource, Selection};
use logstore::{Db, Options};
use peak_alloc::PeakAlloc;

#[global_allocator]
static ALLOCATOR: PeakAlloc = PeakAlloc;

const STREAMS: usize = 100_000;
const ROUNDS: usize = 3;

fn labels(stream: usize) -> Labels {
    let (pod, node) =
        (format!("shop-{:08x}", stream * 2_654_435_761 % (1 << 32)), format!("node-{}", stream % 300));
    Labels::from_pairs([("app", "shop"), ("namespace", "prod"), ("node", &node), ("pod", &pod)]).unwrap()
}

#[test]
fn a_hundred_thousand_idle_streams_are_small() {
    let dir = tempfile::tempdir().unwrap();
    let options =
        Options { background: false, durability: bedrock::wal::Durability::Never, ..Options::default() };
    let db = Db::open(dir.path(), options).unwrap();
    let before = PeakAlloc.current_usage();
    let mut line_bytes = 0;
    for round in 0..ROUNDS {
        for first in (0..STREAMS).step_by(1_000) {
            let mut batch = db.batch();
            for stream in first..first + 1_000 {
                let line =
                    format!("level=info msg=\"request handled\" stream={stream} took={}ms", stream % 97);
                line_bytes += line.len();
                let stream = batch.stream(&labels(stream)).unwrap();
                batch.push(stream, 1_000_000_000 * (round * 60) as i64, line.as_bytes(), &[]).unwrap();
            }
            db.commit(&batch).unwrap();
        }
        db.flush().unwrap();
    }
    let per_stream = || (PeakAlloc.current_usage() - before) / STREAMS;
    let in_blocks = per_stream();
    assert_eq!((db.stats().blocks, db.stats().head_streams), (ROUNDS, 0));
    db.compact().unwrap();
    let compacted = per_stream();
    let disk = db.stats().block_file_bytes as usize;
    eprintln!(
        "{in_blocks} bytes a stream in {ROUNDS} blocks, {compacted} in one, {disk} on disk for {line_bytes} of lines, \
         {} MiB at the peak",
        PeakAlloc.peak_usage() >> 20
    );
    drop(db);
    PeakAlloc.reset_peak_usage();
    let db = Db::open(dir.path(), Options { background: false, ..Options::default() }).unwrap();
    let reopened = per_stream();
    assert!(reopened < 200 && PeakAlloc.peak_usage() < before + 400 * STREAMS, "{reopened} bytes a stream");
    assert!(in_blocks < 200 && compacted < 100, "{in_blocks} and {compacted} bytes a stream");
    assert!(disk < line_bytes, "{disk} bytes on disk");
    let one = [Matcher::new(MatchOp::Equal, "pod", labels(77_777).get("pod").unwrap()).unwrap()];
    let mut lines = 0;
    let count = &mut |entries: &[logstore::source::Entry<'_>]| {
        lines += entries.len();
        ControlFlow::Continue(())
    };
    db.snapshot().scan(&Selection::new(&one, i64::MIN, i64::MAX), count).unwrap();
    assert_eq!(lines, ROUNDS);
    db.close().unwrap();
}
