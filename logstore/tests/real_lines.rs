//! Lines of real systems come back as they were, fresh and compacted, in fewer bytes.
//! `cargo test -p tristore-logstore --test real_lines -- --nocapture` prints how many.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bedrock::labels::{Labels, MatchOp, Matcher};
use logstore::source::{LogSource, Selection};
use logstore::{Db, Options, Snapshot};
use testkit::conformance::{report, sorted_entries};

fn lines_of(snapshot: &Snapshot) -> Vec<Vec<u8>> {
    let matchers = [Matcher::new(MatchOp::Equal, "job", "file").unwrap()];
    let mut lines = Vec::new();
    snapshot
        .scan(&Selection::new(&matchers, i64::MIN, i64::MAX), &mut |entries| {
            lines.extend(entries.iter().map(|entry| entry.line.to_vec()));
            ControlFlow::Continue(())
        })
        .unwrap();
    lines
}

fn check(file: &Path) {
    let text = std::fs::read(file).unwrap();
    let lines: Vec<&[u8]> = text.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).collect();
    let db = Db::in_memory(Options { background: false, ..Options::default() }).unwrap();
    let mut batch = db.batch();
    let stream = batch.stream(&Labels::from_pairs([("job", "file")]).unwrap()).unwrap();
    for (number, line) in (0i64..).zip(&lines) {
        batch.push(stream, number * 1_000_000, line, &[]).unwrap();
    }
    db.commit(&batch).unwrap();
    db.flush().unwrap();
    assert_eq!(lines_of(&db.snapshot()), lines, "{}, fresh", file.display());
    let fresh = db.stats().block_file_bytes;
    db.compact().unwrap();
    assert_eq!(lines_of(&db.snapshot()), lines, "{}, compacted", file.display());
    let compacted = db.stats().block_file_bytes;
    let per_line = |bytes: u64| bytes as f64 / lines.len() as f64;
    report(&format!(
        "{:26} {:6} lines, bytes a line: raw {:6.1} fresh {:5.1} compacted {:5.1}",
        file.file_name().unwrap_or_default().to_string_lossy(),
        lines.len(),
        per_line(text.len() as u64),
        per_line(fresh),
        per_line(compacted),
    ));
    assert!(compacted <= fresh && fresh < text.len() as u64, "{}: {compacted}, {fresh}", file.display());
}

#[test]
fn lines_of_real_systems_survive() {
    let shared = std::env::var_os("TRISTORE_SHARED")
        .map_or_else(|| Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared"), PathBuf::from);
    let mut files = sorted_entries(&shared.join("data/logs"));
    files.retain(|file| file.extension().is_some_and(|extension| extension == "txt"));
    if files.is_empty() {
        report("real lines skipped: no samples found (see TRISTORE_SHARED)");
    }
    files.iter().for_each(|file| check(file));
}
