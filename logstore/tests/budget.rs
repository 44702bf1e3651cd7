//! A query that reads or holds more than it may fails with the figures, and one that needs less gets its answer.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use bedrock::labels::Labels;
use logstore::logql::{Limits, QueryData, QueryError, QueryOptions, evaluate, parse};
use logstore::{Db, Options, Snapshot};

const LINES: i64 = 20_000;
const QUERIES: [&str; 4] = [
    r#"{app="shop"}"#,
    r#"{app="shop"} |= "refused""#,
    r#"sum(count_over_time({app="shop"} |= "paid" [1m]))"#,
    r#"count_over_time({app="shop"} |= "paid" [1m]) + count_over_time({app="shop"} |= "order" [1m])"#,
];

/// Half of the lines in a fresh block, then all of them compacted.
fn snapshots() -> [Snapshot; 2] {
    let db = Db::in_memory(Options { background: false, ..Options::default() }).unwrap();
    let labels = Labels::from_pairs([("app", "shop")]).unwrap();
    for half in 0..2 {
        let mut batch = db.batch();
        let stream = batch.stream(&labels).unwrap();
        for number in half * LINES / 2..(half + 1) * LINES / 2 {
            let end = if number % 1_000 == 0 { "refused" } else { "paid" };
            let line = format!("order {number} of user u{} {end}", number * 7919 % 10_007);
            batch.push(stream, number * 1_000_000, line.as_bytes(), &[]).unwrap();
        }
        db.commit(&batch).unwrap();
        db.flush().unwrap();
    }
    let fresh = db.snapshot();
    db.compact().unwrap();
    [fresh, db.snapshot()]
}

fn ask(snapshot: &Snapshot, query: &str, limits: &Limits) -> Result<QueryData, QueryError> {
    let (end_ns, step_ns) = (LINES * 1_000_000, 60_000_000_000);
    let options = QueryOptions {
        limit: LINES as usize,
        limits: limits.clone(),
        ..QueryOptions::range(0, end_ns, step_ns)
    };
    evaluate(snapshot, &parse(query).unwrap(), &options)
}

#[test]
fn a_query_reads_no_more_than_it_may() {
    for snapshot in snapshots() {
        for query in QUERIES {
            let whole = ask(&snapshot, query, &Limits::default()).unwrap();
            let few = Limits { read_bytes_max: 1_000, ..Limits::default() };
            match ask(&snapshot, query, &few) {
                Err(QueryError::Limit { what, max: 1_000, found }) => {
                    assert!(what.contains("reads") && found > 1_000, "{query}: {what} {found}");
                }
                other => panic!("{query}: {other:?}"),
            }
            let enough = Limits { read_bytes_max: 10 << 20, ..Limits::default() };
            assert_eq!(ask(&snapshot, query, &enough).unwrap(), whole, "{query}");
        }
    }
}

#[test]
fn a_query_of_lines_holds_no_more_than_it_may() {
    for snapshot in snapshots() {
        let few = Limits { held_bytes_max: 100_000, ..Limits::default() };
        match ask(&snapshot, QUERIES[0], &few) {
            Err(QueryError::Limit { what, max: 100_000, .. }) => assert!(what.contains("holds"), "{what}"),
            other => panic!("{other:?}"),
        }
        let narrow = ask(&snapshot, QUERIES[1], &few).unwrap();
        assert_eq!(narrow, ask(&snapshot, QUERIES[1], &Limits::default()).unwrap());
    }
}
