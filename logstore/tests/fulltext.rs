//! With an index of words queries read less and answer the same. `cargo test -p tristore-logstore --features fulltext` runs
//! every other test with it, too.
#![cfg(feature = "fulltext")]
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use bedrock::labels::Labels;
use logstore::logql::{Limits, QueryError, QueryOptions, evaluate, parse};
use logstore::{Db, Options, Snapshot};

const STREAMS: usize = 4;
const LINES: usize = 200_000;

/// Several row groups, of which one has the rare word; the same rows without an index, which fresh blocks have not, and
/// with one.
fn snapshots() -> (Snapshot, Snapshot) {
    let db = Db::in_memory(Options { background: false, ..Options::default() }).unwrap();
    let mut batch = db.batch();
    for number in 0..LINES {
        let app = format!("app-{}", number % STREAMS);
        let stream = batch.stream(&Labels::from_pairs([("app", app.as_str())]).unwrap()).unwrap();
        let rare = if number == 150_001 { " needle-face" } else { "" };
        let line = format!(
            "level={} order {number} of customer {:08x} was accepted by the warehouse in {} ms{rare}",
            ["info", "error"][usize::from(number % 97 == 0)],
            number.wrapping_mul(2_654_435_761) & 0xffff_ffff,
            number * 7919 % 1000,
        );
        batch.push(stream, number as i64 * 1_000_000, line.as_bytes(), &[]).unwrap();
        if number % 10_000 == 9_999 {
            db.commit(&batch).unwrap();
            batch.clear();
        }
    }
    db.flush().unwrap();
    let fresh = db.snapshot();
    db.compact().unwrap();
    assert!(db.verify().is_sound());
    (fresh, db.snapshot())
}

#[test]
fn the_same_answers_from_fewer_row_groups() {
    let (fresh, compacted) = snapshots();
    let ask = |snapshot: &Snapshot, query: &str, read_bytes_max: u64| {
        let limits = Limits { read_bytes_max, ..Limits::default() };
        let step_ns = 60_000_000_000;
        let options = QueryOptions {
            limit: 5_000,
            limits,
            ..QueryOptions::range(0, LINES as i64 * 1_000_000, step_ns)
        };
        evaluate(snapshot, &parse(query).unwrap(), &options)
    };
    for query in [
        r#"{app=~".+"} |= "needle-""#,
        r#"{app=~".+"} |= "eedle" |= "face""#,
        r#"{app=~".+"} |= "level=error ""#,
        r#"{app=~".+"} |= "order 777 ""#,
        r#"{app="app-1"} |~ "needle-(face|dead)""#,
        r#"sum(count_over_time({app=~".+"} |= "needle" [1m]))"#,
        r#"sum by (app) (count_over_time({app=~".+"} |= "nowhere" or "accepted" [1m]))"#,
        r#"sum(count_over_time({app=~".+"} |= "nowhere" [1m]))"#,
    ] {
        let expected = ask(&fresh, query, u64::MAX).unwrap();
        assert_eq!(ask(&compacted, query, u64::MAX).unwrap(), expected, "{query}");
    }
    let reads = |query: &str| match ask(&compacted, query, 0) {
        Err(QueryError::Limit { found, .. }) => Some(found),
        Ok(_) => None,
        Err(other) => panic!("{query}: {other}"),
    };
    assert_eq!(reads(r#"sum(count_over_time({app=~".+"} |= "nowhere" [1m]))"#), None, "nothing is read");
    // A power of two that is enough to read for a count.
    let cost = |text: &str| {
        let query = format!("sum(count_over_time({{app=~\".+\"}} |= \"{text}\" [1m]))");
        (10..40).map(|bits| 1u64 << bits).find(|most| ask(&compacted, &query, *most).is_ok()).unwrap()
    };
    assert!(2 * cost("needle-") <= cost("warehouse-"), "one row group of several is read");
}
