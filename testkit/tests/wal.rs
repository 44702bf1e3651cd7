//! The log against a model, and under every fault of a workload of 200 operations.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use bedrock::disk::{Disk, FsDisk, SimDisk};
use bedrock::wal::{Durability, Wal, WalOptions, WalPosition};
use bedrock::{Error, Result};
use proptest::prelude::*;
use testkit::faults::{Scenario, for_every_crash_point, for_every_failing_operation};
use testkit::rounds::{cases, rounds};

const DIR: &str = "log/wal";

fn open(disk: &SimDisk, options: WalOptions, from: WalPosition) -> Result<(Wal, Vec<Vec<u8>>)> {
    let mut seen = Vec::new();
    let (wal, _) = Wal::open(Arc::new(disk.clone()), Path::new(DIR), options, from, |record| {
        seen.push(record.payload.to_vec());
        Ok(())
    })?;
    Ok((wal, seen))
}

/// A record that nobody else makes, of a length that crosses the bounds of segments now and then.
fn record(number: usize) -> Vec<u8> {
    let mut bytes = format!("record {number} ").into_bytes();
    bytes.resize(bytes.len() + number * 37 % 101, number as u8);
    bytes
}

/// Commits, rotations, truncations and reopens: 200 of them, in a fixed order.
struct Workload {
    durability: Durability,
}

#[derive(Default)]
struct Journal {
    /// Records that were tried, and records of which a commit or a sync said that they are durable.
    tried: usize,
    acknowledged: usize,
    /// What the manifest of a store would say: replay starts here, and these records lie before.
    covered: WalPosition,
    covered_records: usize,
}

impl Workload {
    fn options(&self) -> WalOptions {
        WalOptions { segment_bytes: 700, durability: self.durability, ..WalOptions::default() }
    }

    fn step(&self, wal: &Wal, step: usize, journal: &mut Journal) -> Result<()> {
        match step % 20 {
            7 => {
                let covered = wal.rotate()?;
                journal.acknowledged = journal.tried;
                if step > 100 {
                    (journal.covered, journal.covered_records) = (covered, journal.tried);
                    wal.truncate_before(covered)?;
                }
            }
            13 => {
                wal.sync()?;
                journal.acknowledged = journal.tried;
            }
            _ => {
                journal.tried += 1;
                wal.commit(&record(journal.tried - 1))?;
                if self.durability == Durability::EveryCommit {
                    journal.acknowledged = journal.tried;
                }
            }
        }
        Ok(())
    }
}

impl Scenario for Workload {
    type Journal = Journal;

    fn run(&self, disk: &SimDisk, journal: &mut Journal) -> Result<()> {
        for opened in 0..4 {
            let (wal, _) = open(disk, self.options(), journal.covered)?;
            for step in opened * 50..(opened + 1) * 50 {
                if let Err(error) = self.step(&wal, step, journal) {
                    // A failed truncation leaves too much behind; everything else poisons the log.
                    if step % 20 != 7 {
                        assert!(matches!(wal.commit(b"refused"), Err(Error::Poisoned { .. })));
                    }
                    return Err(error);
                }
            }
            if opened % 2 == 0 {
                wal.close()?;
            }
        }
        Ok(())
    }

    fn recover(&self, disk: &SimDisk, journal: &Journal) -> Result<()> {
        open(disk, self.options(), journal.covered)?.0.close()
    }

    fn check(&self, disk: &SimDisk, journal: &Journal) {
        let (wal, seen) = open(disk, self.options(), journal.covered).unwrap();
        let found = journal.covered_records + seen.len();
        assert!((journal.acknowledged..=journal.tried).contains(&found), "{found} records");
        for (i, bytes) in seen.iter().enumerate() {
            assert_eq!(*bytes, record(journal.covered_records + i));
        }
        // It goes on working, and an open that follows finds the same.
        drop(wal);
        assert_eq!(open(disk, self.options(), journal.covered).unwrap().1, seen);
    }
}

#[test]
fn every_crash_point_recovers_to_a_prefix_with_all_acknowledged_commits() {
    for seed in 0..2 * rounds() {
        let tally = for_every_crash_point(&Workload { durability: Durability::EveryCommit }, seed);
        assert!(tally.operations > 400 && tally.errors >= tally.operations, "{tally:?}");
    }
}

#[test]
fn without_a_sync_per_commit_a_power_loss_leaves_a_prefix() {
    for durability in [Durability::Never, Durability::Interval(Duration::from_secs(3600))] {
        for seed in 0..2 * rounds() {
            for_every_crash_point(&Workload { durability }, seed);
        }
    }
}

#[test]
fn every_failing_operation_is_an_error_and_loses_nothing() {
    for seed in 0..rounds() {
        let tally = for_every_failing_operation(&Workload { durability: Durability::EveryCommit }, seed);
        assert_eq!(tally.errors, tally.struck, "a failure went unnoticed");
    }
}

/// What a caller can do with a log.
#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<u8>),
    Append(Vec<u8>),
    Sync,
    Rotate,
    /// Rotate, and let go of what lies before.
    Cover,
    Close,
    /// The process dies: what the system has is there.
    Die,
    PowerLoss,
}

fn step() -> impl Strategy<Value = Step> {
    let bytes = || proptest::collection::vec(any::<u8>(), 1..300);
    prop_oneof![
        6 => bytes().prop_map(Step::Commit),
        4 => bytes().prop_map(Step::Append),
        1 => Just(Step::Sync),
        1 => Just(Step::Rotate),
        1 => Just(Step::Cover),
        1 => Just(Step::Close),
        1 => Just(Step::Die),
        1 => Just(Step::PowerLoss),
    ]
}

/// The log as a list: what is in it, and how much of it is durable.
#[derive(Default)]
struct Model {
    records: Vec<Vec<u8>>,
    durable: usize,
    covered: WalPosition,
}

impl Model {
    /// Takes over what an open found, having checked that it may be so.
    fn reopen(&mut self, seen: Vec<Vec<u8>>) -> std::result::Result<(), TestCaseError> {
        prop_assert!(seen.len() >= self.durable && self.records.starts_with(&seen));
        self.durable = seen.len();
        self.records = seen;
        Ok(())
    }

    fn cover(&mut self, covered: WalPosition) {
        self.records.clear();
        self.durable = 0;
        self.covered = covered;
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn a_log_is_a_list(seed in any::<u64>(), segment_bytes in 100_u64..2000, steps in proptest::collection::vec(step(), 1..60)) {
        let options = WalOptions { segment_bytes, ..WalOptions::default() };
        let mut disk = SimDisk::new(seed);
        let mut model = Model::default();
        let (mut wal, _) = open(&disk, options, WalPosition::START).unwrap();
        for step in steps {
            match step {
                Step::Commit(bytes) => {
                    wal.commit(&bytes).unwrap();
                    model.records.push(bytes);
                    model.durable = model.records.len();
                }
                Step::Append(bytes) => {
                    wal.append(&bytes).unwrap();
                    model.records.push(bytes);
                }
                Step::Sync | Step::Rotate => {
                    if matches!(step, Step::Sync) { wal.sync().unwrap() } else { wal.rotate().map(|_| ()).unwrap() }
                    model.durable = model.records.len();
                }
                Step::Cover => {
                    let covered = wal.rotate().unwrap();
                    wal.truncate_before(covered).unwrap();
                    model.cover(covered);
                }
                Step::Close | Step::Die | Step::PowerLoss => {
                    match step {
                        Step::Close => {
                            wal.close().unwrap();
                            model.durable = model.records.len();
                        }
                        Step::PowerLoss => disk = disk.restart(),
                        _ => drop(wal),
                    }
                    let (opened, seen) = open(&disk, options, model.covered).unwrap();
                    model.reopen(seen)?;
                    wal = opened;
                }
            }
        }
    }
}

/// Eight threads that commit with a real sync share syncs. How many share depends on the medium, so the test asks
/// for less than the bench shows.
#[test]
fn threads_share_the_syncs_of_a_real_disk() {
    let dir = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(FsDisk::new());
    let path = dir.path().join("wal");
    let options = WalOptions::default();
    let (wal, _) = Wal::open(Arc::clone(&disk), &path, options, WalPosition::START, |_| Ok(())).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let wal = &wal;
            scope.spawn(move || {
                for i in 0..50 {
                    wal.commit(&record(thread * 50 + i)).unwrap();
                }
            });
        }
    });
    let stats = wal.stats();
    assert_eq!(stats.commits, 400);
    assert!(stats.syncs <= 400, "{stats:?}");
    wal.close().unwrap();
    let mut seen = Vec::new();
    let (_, report) = Wal::open(disk, &path, options, WalPosition::START, |record| {
        seen.push(record.payload.to_vec());
        Ok(())
    })
    .unwrap();
    assert!(report.cut.is_none());
    seen.sort();
    let mut expected: Vec<Vec<u8>> = (0..400).map(record).collect();
    expected.sort();
    assert_eq!(seen, expected);
}
