//! Random sequences of commits, deletions, flushes, compactions, expiry and reopenings answer as the dumb model does, in
//! every order.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use bedrock::disk::{Disk, MemDisk};
use bedrock::labels::{Labels, MatchOp, Matcher};
use logstore::logql::parse_log;
use logstore::memory::MemorySource;
use logstore::source::{BucketRequest, LogSource, Order, Selection};
use logstore::{Db, Options, ReadOnlyDb, RetentionRule, Snapshot, repair_on};
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Operation {
    Commit(Vec<(u8, i64, String, Option<u8>)>),
    /// Streams by their `env`, a text of the line, and ticks of time.
    Delete(&'static str, Option<&'static str>, i64, i64),
    Flush,
    Compact,
    Tick,
    Reopen,
    Repair,
}

fn operation() -> impl Strategy<Value = Operation> {
    let line = prop_oneof!["[a-c]{1,2}", "level=(info|error) user=u[0-9] took=[0-9]{1,3}ms"];
    let entry = (0u8..5, 0i64..40, line, prop::option::of(0u8..3));
    prop_oneof![
        6 => prop::collection::vec(entry, 1..30).prop_map(Operation::Commit),
        1 => (
            prop_oneof![Just("prod"), Just("stage"), Just(".+")],
            prop_oneof![Just(None), Just(Some("a")), Just(Some("user=u1")), Just(Some("level=error"))],
            0i64..40,
            1i64..40,
        )
            .prop_map(|(env, text, start, length)| Operation::Delete(env, text, start, start + length)),
        2 => Just(Operation::Flush),
        1 => Just(Operation::Compact),
        1 => Just(Operation::Tick),
        1 => Just(Operation::Reopen),
        1 => Just(Operation::Repair),
    ]
}

fn labels(stream: u8) -> Labels {
    let name = format!("s{stream}");
    Labels::from_pairs([
        ("app", name.as_str()),
        ("env", if stream.is_multiple_of(2) { "prod" } else { "stage" }),
    ])
    .unwrap()
}

/// Times are a few seconds apart, so that streams have equal ones and minutes have many.
fn ts_ns(tick: i64) -> i64 {
    1_780_000_000_000_000_000 + tick * 7_000_000_000
}

type Row = (String, i64, String, Vec<(String, String)>);

fn rows(source: &impl LogSource, selection: &Selection<'_>) -> Vec<Row> {
    let mut rows = Vec::new();
    let mut streams: BTreeMap<u32, String> = BTreeMap::new();
    source
        .scan(selection, &mut |batch| {
            for entry in batch {
                let labels = entry.labels.to_string();
                let known = streams.entry(entry.stream).or_insert_with(|| labels.clone());
                assert_eq!(*known, labels, "a stream keeps its number");
                assert_eq!(entry.line.len(), entry.line_bytes as usize);
                let metadata = entry.metadata.iter().map(|(n, v)| (n.to_string(), v.to_string())).collect();
                let line = String::from_utf8_lossy(entry.line).into_owned();
                rows.push((entry.labels.to_string(), entry.ts_ns, line, metadata));
            }
            ControlFlow::Continue(())
        })
        .unwrap();
    rows
}

#[track_caller]
fn check(snapshot: &Snapshot, model: &MemorySource, start: i64, end: i64, env: &str) {
    let matchers = [Matcher::new(MatchOp::Regex, "env", env).unwrap()];
    let mut selection = Selection::new(&matchers, ts_ns(start), ts_ns(end));
    let all_ways = [
        (Order::Forward, None),
        (Order::Backward, None),
        (Order::Backward, Some(1)),
        (Order::Backward, Some(5)),
        (Order::PerStream, None),
    ];
    for (order, limit) in all_ways {
        // The limit is a hint: who takes more gets more.
        (selection.order, selection.limit) = (order, limit);
        let mut found = rows(snapshot, &selection);
        let times: Vec<i64> = found.iter().map(|row| row.1).collect();
        match order {
            Order::Forward => assert!(times.is_sorted()),
            Order::Backward => assert!(times.is_sorted_by(|a, b| a >= b)),
            Order::PerStream => {
                // Streams may be mixed; each for itself ascends.
                found.sort_by(|a, b| a.0.cmp(&b.0));
                assert!(found.is_sorted_by_key(|row| (row.0.clone(), row.1)));
            }
        }
        let mut expected = rows(model, &selection);
        found.sort();
        expected.sort();
        assert_eq!(found, expected, "{order:?}");
    }
    let mut streams = snapshot.streams(&matchers, ts_ns(start), ts_ns(end)).unwrap();
    let mut expected = model.streams(&matchers, ts_ns(start), ts_ns(end)).unwrap();
    streams.sort();
    expected.sort();
    assert_eq!(streams, expected);
    check_counters(snapshot, model, &matchers);
}

/// Where the counters answer they answer as counting the lines does.
#[track_caller]
fn check_counters(snapshot: &impl LogSource, model: &MemorySource, matchers: &[Matcher]) {
    let minute = 60_000_000_000;
    let origin_ns = ts_ns(0).div_euclid(minute) * minute - 2 * minute;
    let request = BucketRequest { matchers, origin_ns, width_ns: 2 * minute, buckets: 6 };
    let mut counted = Vec::new();
    let answered = snapshot
        .bucket_counts(&request, &mut |labels, buckets| {
            for (bucket, count) in buckets.iter().enumerate().filter(|(_, count)| count.lines > 0) {
                counted.push((labels.to_string(), bucket, count.lines, count.line_bytes));
            }
        })
        .unwrap();
    if !answered {
        assert!(counted.is_empty());
        return;
    }
    let mut expected: Vec<(String, usize, u64, u64)> = Vec::new();
    let mut selection = Selection::new(matchers, origin_ns + 1, origin_ns + 12 * minute + 1);
    selection.order = Order::PerStream;
    for (labels, ts_ns, line, _) in rows(model, &selection) {
        let bucket = ((ts_ns - origin_ns - 1) / (2 * minute)) as usize;
        match expected.last_mut().filter(|last| last.0 == labels && last.1 == bucket) {
            Some(last) => {
                last.2 += 1;
                last.3 += line.len() as u64;
            }
            None => expected.push((labels, bucket, 1, line.len() as u64)),
        }
    }
    counted.sort();
    expected.sort();
    assert_eq!(counted, expected);
}

fn options() -> Options {
    Options { background: false, compact_fan_in: 3, ..Options::default() }
}

fn run(operations: &[Operation], start: i64, length: i64, env: &str) {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let mut db = Db::open_on(disk.clone(), "store", options()).unwrap();
    let mut model = MemorySource::default();
    for operation in operations {
        match operation {
            Operation::Commit(entries) => {
                let mut batch = db.batch();
                for (stream, tick, line, user) in entries {
                    let metadata: Vec<(String, String)> =
                        user.iter().map(|user| ("user.id".to_owned(), format!("u{user}"))).collect();
                    let stream_ref = batch.stream(&labels(*stream)).unwrap();
                    batch.push(stream_ref, ts_ns(*tick), line.as_bytes(), &metadata).unwrap();
                    model.push(&labels(*stream), ts_ns(*tick), line.as_bytes(), &metadata).unwrap();
                }
                db.commit(&batch).unwrap();
            }
            Operation::Flush => db.flush().unwrap(),
            Operation::Compact => db.compact().unwrap(),
            Operation::Tick => db.tick(ts_ns(100)).unwrap(),
            Operation::Reopen => {
                // What another process sees is what a reopening finds.
                let reader = ReadOnlyDb::open_on(disk.clone(), "store").unwrap();
                check(&reader.snapshot(), &model, start, start + length, env);
                drop(db);
                db = Db::open_on(disk.clone(), "store", options()).unwrap();
            }
            Operation::Repair => {
                drop(db);
                let repaired = repair_on(&disk, "store").unwrap();
                assert!(repaired.damaged.is_empty() && repaired.log_bytes_lost == 0, "{repaired:?}");
                db = Db::open_on(disk.clone(), "store", options()).unwrap();
            }
            Operation::Delete(env, text, from, to) => {
                let filter = text.map(|text| format!(" |= `{text}`")).unwrap_or_default();
                let query = parse_log(&format!("{{env=~\"{env}\"}}{filter}")).unwrap();
                db.delete(&query, ts_ns(*from), ts_ns(*to)).unwrap();
                let env = Matcher::new(MatchOp::Regex, "env", env).unwrap();
                model.retain(|labels, time_ns, line| {
                    let line = std::str::from_utf8(line).unwrap();
                    !env.matches(labels.get("env").unwrap_or(""))
                        || !(ts_ns(*from)..ts_ns(*to)).contains(&time_ns)
                        || !line.contains(text.unwrap_or(""))
                });
            }
        }
    }
    check(&db.snapshot(), &model, start, start + length, env);
    check(&db.snapshot(), &model, -100, 100, ".+");
    let verified = db.verify();
    assert!(verified.is_sound());
    assert_eq!((verified.blocks, verified.entries), (db.stats().blocks as u64, db.stats().block_entries));
    db.flush().unwrap();
    let mut all = Selection::new(&[], i64::MIN, i64::MAX);
    all.order = Order::PerStream;
    let shown = rows(&model, &all).len() as u64;
    let stored = db.stats().block_entries - db.stats().deleted_entries;
    // An entry that two blocks hold is stored twice.
    assert!(stored >= shown, "{stored} entries stored, {shown} shown");
    db.compact().unwrap();
    assert_eq!((db.stats().block_entries, db.stats().deleted_entries), (shown, 0));
    check(&db.snapshot(), &model, -100, 100, ".+");
    db.close().unwrap();
}

proptest! {
    #![proptest_config(testkit::rounds::cases(100))]

    #[test]
    fn a_store_answers_as_the_model(
        operations in prop::collection::vec(operation(), 1..25),
        start in 0i64..40,
        length in 1i64..40,
        env in prop_oneof![Just("prod"), Just("stage|prod"), Just("none")],
    ) {
        run(&operations, start, length, env);
    }
}

/// One rule lets streams go earlier than the rest and one keeps them longer; what is left of a block stays readable, and
/// the rows are gone from the disk once it was compacted.
#[test]
fn rules_of_retention_hold_for_their_streams() {
    let rule = |op, value, age_s| RetentionRule {
        matchers: vec![Matcher::new(op, "app", value).unwrap()],
        age: Duration::from_secs(age_s),
    };
    let options = Options {
        background: false,
        retention: Some(Duration::from_secs(200)),
        retention_rules: vec![rule(MatchOp::Equal, "s0", 50), rule(MatchOp::Regex, "s0|s1", 1_000)],
        ..Options::default()
    };
    let db = Db::in_memory(options).unwrap();
    let commit = |seconds: i64| {
        let mut batch = db.batch();
        for stream in 0..3 {
            let stream = batch.stream(&labels(stream)).unwrap();
            batch.push(stream, seconds * 1_000_000_000, b"line", &[]).unwrap();
        }
        db.commit(&batch).unwrap();
        db.flush().unwrap();
    };
    let left = |at_seconds: i64| {
        db.tick(at_seconds * 1_000_000_000).unwrap();
        let matchers = [Matcher::new(MatchOp::Regex, "app", ".+").unwrap()];
        let found = rows(&db.snapshot(), &Selection::new(&matchers, i64::MIN, i64::MAX));
        found.into_iter().map(|row| (row.0[6..8].to_owned(), row.1 / 1_000_000_000)).collect::<Vec<_>>()
    };
    let row = |stream: &str, seconds: i64| (stream.to_owned(), seconds);
    commit(1_000);
    commit(1_060);
    let newest = [row("s0", 1_060), row("s1", 1_060), row("s2", 1_060)];
    assert_eq!(left(1_050).len(), 6, "50 s is not more than 50 s");
    assert_eq!(left(9_000), [&[row("s1", 1_000), row("s2", 1_000)], &newest[..]].concat());
    commit(1_250);
    let newest = [row("s0", 1_250), row("s1", 1_250), row("s2", 1_250)];
    assert_eq!(left(1_250), [&[row("s1", 1_000), row("s1", 1_060), row("s2", 1_060)], &newest[..]].concat());
    commit(9_000);
    assert_eq!(left(9_000).len(), 3);
    assert_eq!((db.stats().blocks, db.stats().block_entries), (1, 3));
    db.close().unwrap();
}
