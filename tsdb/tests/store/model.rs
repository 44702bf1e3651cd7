//! Random sequences of appends, late appends, deletions, flushes, reopens and copies equal the model.

use std::sync::Arc;

use bedrock::disk::MemDisk;
use bedrock::time::TimeRange;
use tsdb::{Db, Duplicates, Options, ReadOnlyDb};

use crate::script::{Driver, Model, Random, Step, script};
use crate::support::{contents, contents_in, labels, options, rounds};

fn run(seed: u64) {
    let mut random = Random::new(seed);
    let disk = Arc::new(MemDisk::new());
    let last_write_wins = seed.is_multiple_of(3);
    let duplicates = if last_write_wins { Duplicates::LastWriteWins } else { Duplicates::Refuse };
    let options = || Options { duplicates, ..options(disk.clone()) };
    let steps = script(&mut random, 60, true);
    let mut driver = Driver::new(Db::open("db", options()).unwrap());
    let mut model =
        Model { last_write_wins, window_ms: options().out_of_order_window_ms, ..Model::default() };
    let mut kept = Vec::new();
    for (number, step) in steps.iter().enumerate() {
        let rejected = driver.run(step).unwrap();
        if let Step::Commit(samples) = step {
            model.check_rejections(samples, &rejected);
        }
        model = model.after(step, &rejected);
        if matches!(step, Step::Reopen) {
            kept.clear();
            let Driver { db, appender, .. } = driver;
            drop(appender);
            if random.below(2) == 0 {
                db.close().unwrap();
            } else {
                drop(db);
            }
            driver = Driver::new(Db::open("db", options()).unwrap());
        }
        assert_eq!(contents(&driver.db), model.contents, "seed {seed}, step {number}: {step:?}");
        if random.below(8) == 0 {
            kept.push((driver.db.snapshot(), model.contents.clone()));
        }
        for (snapshot, expected) in &kept {
            assert_eq!(
                &contents_in(snapshot, TimeRange::ALL),
                expected,
                "seed {seed}, a snapshot at {number}"
            );
        }
        if kept.len() > 3 {
            kept.remove(0);
        }
        if random.below(20) == 0 {
            let copy = format!("copy-{number}");
            driver.db.snapshot_to(&copy).unwrap();
            let copy = Db::open(&copy, options()).unwrap();
            assert_eq!(contents(&copy), model.contents, "seed {seed}, a copy at {number}");
        }
        if random.below(10) == 0 {
            let reader = ReadOnlyDb::open("db", options()).unwrap();
            let found = contents_in(&reader.snapshot(), TimeRange::ALL);
            assert_eq!(found, model.contents, "seed {seed}, read only at {number}");
        }
    }
}

#[test]
fn random_sequences_equal_the_model() {
    for seed in 0..rounds(60) {
        run(seed);
    }
}

/// The third value was taken for a repetition of the first, which the second had replaced by then. Found by sequence 861 of
/// 10,000.
#[test]
fn the_last_of_three_writes_of_one_commit_wins() {
    let disk = Arc::new(MemDisk::new());
    let options = Options { duplicates: Duplicates::LastWriteWins, ..options(disk) };
    let db = Db::open("db", options).unwrap();
    let mut appender = db.appender();
    let series = appender.series(&labels(3)).unwrap();
    for value in [1.0, 2.0, 1.0] {
        appender.append(series, 1_000, value);
    }
    appender.commit().unwrap();
    let samples = contents(&db).into_values().next().unwrap();
    assert_eq!(samples.into_values().collect::<Vec<_>>(), [1.0_f64.to_bits()]);
}
