//! One sample from append to block.

use std::sync::Arc;

use bedrock::disk::MemDisk;
use bedrock::time::TimeRange;
use tsdb::Db;

use crate::support::{Contents, contents, contents_in, labels, options};

fn fill(db: &Db, from: i64, steps: i64) -> Contents {
    let mut expected = Contents::new();
    let mut appender = db.appender();
    let series: Vec<_> = (0..100).map(|number| appender.series(&labels(number)).unwrap()).collect();
    for step in from..from + steps {
        for (number, series) in series.iter().enumerate() {
            let (time, value) = (step * 15_000 + number as i64, (step * number as i64) as f64 / 3.0);
            appender.append(*series, time, value);
            expected.entry(labels(number).to_string()).or_default().insert(time, value.to_bits());
        }
        let committed = appender.commit().unwrap();
        assert_eq!((committed.appended, committed.rejected.len()), (100, 0));
    }
    expected
}

fn join(mut a: Contents, b: Contents) -> Contents {
    for (series, samples) in b {
        a.entry(series).or_default().extend(samples);
    }
    a
}

#[test]
fn samples_are_visible_at_once_and_survive_flush_and_reopen() {
    let disk = Arc::new(MemDisk::new());
    let db = Db::open("db", options(disk.clone())).unwrap();
    let first = fill(&db, 0, 500);
    assert_eq!(contents(&db), first);
    let old = db.snapshot();
    let flushed = db.flush().unwrap();
    assert_eq!(flushed.samples, 50_000);
    assert_eq!(contents(&db), first, "after the flush");
    assert_eq!(contents_in(&old, TimeRange::ALL), first, "a snapshot from before the flush");
    let all = join(first.clone(), fill(&db, 500, 300));
    assert_eq!(contents(&db), all, "blocks and head");
    assert_eq!(contents_in(&old, TimeRange::ALL), first, "the old snapshot sees nothing new");
    drop(old);
    db.tick().unwrap();
    assert_eq!(contents(&db), all, "after a tick");
    db.close().unwrap();

    let db = Db::open("db", options(disk.clone())).unwrap();
    assert_eq!(contents(&db), all, "after a reopen");
    let all = join(all, fill(&db, 800, 100));
    assert_eq!(contents(&db), all);
    drop(db);
    let db = Db::open("db", options(disk)).unwrap();
    assert_eq!(contents(&db), all, "after a reopen without a close");
    let part = TimeRange::new(400 * 15_000, 600 * 15_000);
    let mut expected = all.clone();
    expected.values_mut().for_each(|samples| samples.retain(|time, _| part.contains(*time)));
    assert_eq!(contents_in(&db.snapshot(), part), expected, "a part of the time");
}
