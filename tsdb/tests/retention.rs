//! What a rule lets go is gone for readers at the next round of work, leaves the disk, and nothing else does.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::sync::Arc;

use bedrock::disk::MemDisk;
use bedrock::labels::{Labels, MatchOp, Matcher};
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use tsdb::{Background, Db, Options, Retention, RetentionRule};

const HOUR_MS: i64 = 3_600_000;

fn options(disk: &Arc<MemDisk>) -> Options {
    let debug = Matcher::new(MatchOp::Regex, "__name__", "debug_.*").unwrap();
    Options {
        disk: Arc::clone(disk) as _,
        background: Background::Caller,
        block_ms: HOUR_MS,
        out_of_order_window_ms: 0,
        retention: Retention {
            rules: vec![RetentionRule { matchers: vec![debug], age_ms: 3 * HOUR_MS }],
            ..Retention::default()
        },
        ..Options::default()
    }
}

/// Every minute of some hours, two series.
fn fill(db: &Db, hours: std::ops::Range<i64>) {
    let mut appender = db.appender();
    let series = ["debug_queue", "requests_total"]
        .map(|name| appender.series(&Labels::from_pairs([("__name__", name)]).unwrap()).unwrap());
    for time_ms in (hours.start * HOUR_MS..hours.end * HOUR_MS).step_by(60_000) {
        appender.append_scrape(&series, time_ms, &[1.0, time_ms as f64]);
        appender.commit().unwrap();
    }
}

/// The first timestamp and the number of samples of each series.
fn kept(db: &Db) -> Vec<(String, i64, usize)> {
    let snapshot = db.snapshot();
    let set = snapshot.select(&Select { matchers: &[], range: TimeRange::ALL }).unwrap();
    let mut columns = SeriesColumns::default();
    let read = |index| {
        set.read(index, TimeRange::ALL, &mut columns).unwrap();
        let times = &columns.floats.timestamps_ms;
        (set.labels(index).get("__name__").unwrap().to_owned(), times[0], times.len())
    };
    (0..set.len()).map(read).collect()
}

#[test]
fn a_rule_takes_its_series_and_leaves_the_others() {
    let disk = Arc::new(MemDisk::new());
    let db = Db::open("db", options(&disk)).unwrap();
    fill(&db, 0..12);
    db.flush().unwrap();
    db.compact().unwrap();
    assert_eq!(kept(&db), [("debug_queue".into(), 0, 720), ("requests_total".into(), 0, 720)]);
    db.tick().unwrap();
    // The newest sample lies a minute before 12 h, and a step of the block is two hours.
    let expected = [("debug_queue".to_owned(), 8 * HOUR_MS, 240), ("requests_total".to_owned(), 0, 720)];
    assert_eq!(kept(&db), expected);
    let before = db.stats().block_samples;
    db.tick().unwrap();
    assert_eq!((before, db.stats().block_samples), (1440, 960), "the next round rewrites the block");
    assert_eq!(kept(&db), expected);
    db.close().unwrap();
    assert_eq!(kept(&Db::open("db", options(&disk)).unwrap()), expected, "also for the next open");
}

#[test]
fn a_block_that_is_old_throughout_loses_them_all() {
    let disk = Arc::new(MemDisk::new());
    let db = Db::open("db", options(&disk)).unwrap();
    fill(&db, 0..4);
    db.flush().unwrap();
    fill(&db, 20..21);
    db.flush().unwrap();
    db.tick().unwrap();
    assert_eq!(kept(&db), [("debug_queue".into(), 20 * HOUR_MS, 60), ("requests_total".into(), 0, 300)]);
}
