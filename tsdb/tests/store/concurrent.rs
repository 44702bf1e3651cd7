//! Several appenders, readers, flushes and deletions at once.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::time::Duration;

use bedrock::labels::{MatchOp, Matcher};
use bedrock::time::TimeRange;
use tsdb::{Background, Clock, Db, Durability, Options};

use crate::support::{contents, contents_in, labels, rounds};

/// Series of one appender; every commit gives all of them the same timestamp and value.
const SERIES: usize = 70;

fn on_disk(dir: &std::path::Path) -> Db {
    let options = Options {
        durability: Durability::Never,
        background: Background::Thread,
        clock: Clock::from_fn(|| 1 << 50),
        block_ms: 100_000,
        out_of_order_window_ms: 10_000_000,
        checkpoint_after_bytes: 64 << 10,
        ..Options::default()
    };
    Db::open(dir, options).unwrap()
}

#[test]
fn readers_see_whole_commits_while_everything_goes_on() {
    let dir = tempfile::tempdir().unwrap();
    let db = on_disk(dir.path());
    let commits = 300 * rounds(1) as i64;
    let done = AtomicBool::new(false);
    let committed = [AtomicI64::new(-1), AtomicI64::new(-1)];
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..2)
            .map(|thread| {
                let (db, committed) = (&db, &committed[thread]);
                scope.spawn(move || {
                    let mut appender = db.appender();
                    let mine = (0..SERIES).map(|n| labels(thread * 1_000 + n));
                    let series: Vec<_> = mine.map(|labels| appender.series(&labels).unwrap()).collect();
                    for number in 0..commits {
                        appender.append_scrape(&series, number * 1_000, &[number as f64; SERIES]);
                        let taken = appender.commit().unwrap();
                        assert_eq!(taken.appended + taken.out_of_order, SERIES, "{:?}", taken.rejected);
                        committed.store(number, Ordering::SeqCst);
                    }
                })
            })
            .collect();
        let reader = || {
            while !done.load(Ordering::SeqCst) {
                let floor: Vec<i64> = committed.iter().map(|n| n.load(Ordering::SeqCst)).collect();
                let snapshot = db.snapshot();
                let first = contents_in(&snapshot, TimeRange::ALL);
                for (thread, floor) in floor.iter().enumerate() {
                    let mine: Vec<_> = (0..SERIES)
                        .filter_map(|n| first.get(&labels(thread * 1_000 + n).to_string()))
                        .collect();
                    assert!(mine.is_empty() || mine.len() == SERIES, "a part of the series of a commit");
                    for samples in &mine {
                        assert_eq!(samples, &mine[0], "a part of a commit is visible");
                        assert!(samples.len() as i64 > *floor, "{} commits seen of {floor}", samples.len());
                        let whole = samples.iter().enumerate().all(|(number, (time, value))| {
                            *time == number as i64 * 1_000 && *value == (number as f64).to_bits()
                        });
                        assert!(whole, "samples are missing in between: {samples:?}");
                    }
                }
                assert_eq!(contents_in(&snapshot, TimeRange::ALL), first, "a snapshot moves");
            }
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        let flusher = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                db.flush().unwrap();
                db.tick().unwrap();
                std::thread::sleep(Duration::from_millis(3));
            }
        });
        let results: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        results.into_iter().for_each(|result| result.unwrap());
        readers.into_iter().for_each(|reader| reader.join().unwrap());
        flusher.join().unwrap();
    });
    let all = contents(&db);
    assert_eq!(all.len(), 2 * SERIES);
    assert!(all.values().all(|samples| samples.len() as i64 == commits));
    db.close().unwrap();
    assert_eq!(contents(&on_disk(dir.path())), all);
}

#[test]
fn a_deletion_is_whole_and_leaves_what_comes_after() {
    let dir = tempfile::tempdir().unwrap();
    let db = on_disk(dir.path());
    let mut appender = db.appender();
    let series: Vec<_> = (0..SERIES).map(|n| appender.series(&labels(n)).unwrap()).collect();
    for number in 0..200 {
        appender.append_scrape(&series, number * 1_000, &[number as f64; SERIES]);
        appender.commit().unwrap();
        if number == 100 {
            db.flush().unwrap();
        }
    }
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            while !done.load(Ordering::SeqCst) {
                let seen = contents_in(&db.snapshot(), TimeRange::ALL);
                let sizes: Vec<usize> = seen.values().map(testkit::oracle::Samples::len).collect();
                assert!(
                    sizes.iter().all(|size| *size == sizes[0]),
                    "a part of a deletion is visible: {sizes:?}"
                );
            }
        });
        for step in 0..15 {
            let all = [Matcher::new(MatchOp::Equal, "__name__", "test_metric").unwrap()];
            let start = step * 10_000;
            db.delete(&all, TimeRange::new(start, start + 4_999)).unwrap();
        }
        done.store(true, Ordering::SeqCst);
        reader.join().unwrap();
    });
    assert!(contents(&db).values().all(|samples| samples.len() == 200 - 15 * 5));
}
