//! Compaction, import and deletion at every moment at which the medium can fail: whatever happens, a store that is
//! opened afterwards has what was acknowledged, all of the step under way or nothing of it, and every block checks out.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bedrock::Result;
use bedrock::disk::{Disk, SimDisk};
use bedrock::labels::{Labels, METRIC_NAME, MatchOp, Matcher};
use bedrock::time::TimeRange;
use testkit::faults::{Scenario, for_every_crash_point, for_every_failing_operation};
use testkit::oracle::{self, Contents};
use testkit::rounds::rounds;
use tsdb::openmetrics::{ImportError, ImportOptions};
use tsdb::{Background, Db, Durability, Error, Options};

#[derive(Clone, Copy, Debug)]
enum Step {
    /// Samples of four series from one second to another, at a slope.
    Import(i64, i64, i64),
    /// One series, a range of seconds.
    Delete(i64, i64, i64),
    Compact,
}

const STEPS: [Step; 6] = [
    Step::Import(0, 60, 1),
    Step::Import(40, 90, 3),
    Step::Delete(2, 20, 50),
    Step::Compact,
    Step::Import(45, 47, 5),
    Step::Compact,
];

fn labels(series: i64) -> Labels {
    Labels::from_pairs([(METRIC_NAME, "m"), ("series", &series.to_string())]).unwrap()
}

/// What the store holds after so many steps.
fn content_after(steps: usize) -> Contents {
    let mut content = Contents::new();
    for step in &STEPS[..steps] {
        match *step {
            Step::Import(start, end, slope) => {
                for (series, second) in
                    (0..4).flat_map(|series| (start..end).map(move |second| (series, second)))
                {
                    let value = (second * slope + series) as f64;
                    oracle::insert(&mut content, &labels(series), second * 1000, value);
                }
            }
            Step::Delete(series, start, end) => {
                let range = TimeRange::new(start * 1000, end * 1000);
                oracle::delete(&mut content, Some(&labels(series)), range);
            }
            Step::Compact => {}
        }
    }
    content
}

fn open(disk: &SimDisk) -> Result<Db> {
    let disk: Arc<dyn Disk> = Arc::new(disk.clone());
    let options = Options {
        disk,
        durability: Durability::EveryCommit,
        background: Background::Caller,
        ..Options::default()
    };
    storage(Db::open("store", options))
}

/// All errors of this workload come from the ground.
fn storage<T>(result: std::result::Result<T, Error>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Storage(error) => error,
        other => panic!("{other}"),
    })
}

fn take(db: &Db, step: Step) -> Result<()> {
    match step {
        Step::Import(start, end, slope) => {
            let line =
                |series, second| format!("m{{series=\"{series}\"}} {} {second}\n", second * slope + series);
            let text: String =
                (0..4).flat_map(|series| (start..end).map(move |second| line(series, second))).collect();
            let imported =
                db.import(text.as_bytes(), ImportOptions::default(), |_| ControlFlow::Continue(()));
            storage(imported.map(drop).map_err(|error| match error {
                ImportError::Store(error) => error,
                other => panic!("{other}"),
            }))
        }
        Step::Delete(series, start, end) => {
            let matcher = Matcher::new(MatchOp::Equal, "series", &series.to_string()).unwrap();
            storage(db.delete(&[matcher], TimeRange::new(start * 1000, end * 1000)).map(drop))
        }
        Step::Compact => storage(db.compact().map(drop)),
    }
}

fn content(db: &Db) -> Contents {
    oracle::contents_in(&db.snapshot(), TimeRange::ALL)
}

struct Workload;

impl Scenario for Workload {
    /// Steps acknowledged in a row, and whether one more was tried.
    type Journal = (usize, bool);

    fn run(&self, disk: &SimDisk, journal: &mut Self::Journal) -> Result<()> {
        let db = open(disk)?;
        for (number, step) in STEPS.into_iter().enumerate() {
            *journal = (number, true);
            take(&db, step)?;
            *journal = (number + 1, false);
        }
        storage(db.close())
    }

    fn recover(&self, disk: &SimDisk, _journal: &Self::Journal) -> Result<()> {
        storage(open(disk)?.close())
    }

    fn check(&self, disk: &SimDisk, &(done, tried): &Self::Journal) {
        let db = open(disk).unwrap();
        let verified = db.verify();
        assert!(verified.is_sound(), "{verified:?}");
        let found = content(&db);
        let allowed = done..=(done + usize::from(tried)).min(STEPS.len());
        assert!(allowed.clone().any(|steps| content_after(steps) == found), "after {allowed:?}: {found:?}");
        // The store works on, and leaves one block behind.
        db.compact().unwrap();
        assert_eq!(content(&db), found);
        assert!(db.snapshot().blocks().len() <= 1);
        let blocks = disk.list(Path::new("store/blocks")).unwrap();
        assert!(blocks.len() <= 1, "{blocks:?}");
        db.close().unwrap();
    }
}

#[test]
fn a_crash_at_every_operation_loses_nothing() {
    for seed in 0..rounds() {
        let tally = for_every_crash_point(&Workload, seed);
        assert!(tally.runs > 50, "{tally:?}");
    }
}

#[test]
fn every_operation_may_fail() {
    for seed in 0..rounds() {
        let tally = for_every_failing_operation(&Workload, seed);
        assert!(tally.errors > 50, "{tally:?}");
    }
}
