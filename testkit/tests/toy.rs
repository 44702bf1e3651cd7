//! The toy store under every crash point, every failing operation, and every rotten byte.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::Path;
use std::sync::Arc;

use bedrock::disk::{Disk, FsDisk, SimDisk};
use bedrock::wal::WalOptions;
use bedrock::{Error, Result};
use testkit::corruption::{Rot, files_below, for_every_rot};
use testkit::faults::{Scenario, for_every_crash_point, for_every_failing_operation};
use testkit::rounds::rounds;
use testkit::toy::{Batch, Toy};

const DIR: &str = "toy";

fn open(disk: &SimDisk) -> Result<Toy> {
    open_at(disk, DIR)
}

/// Small segments, so that the log rotates on its own, too.
fn open_at(disk: &SimDisk, dir: &str) -> Result<Toy> {
    let options = WalOptions { segment_bytes: 150, ..WalOptions::default() };
    Toy::open(Arc::new(disk.clone()), Path::new(dir), options)
}

fn batch(number: usize) -> Batch {
    Batch { lines: (0..=number % 3).map(|line| format!("batch {number:03} line {line}")).collect() }
}

/// The lines of the first batches, which are in order already.
fn lines(batches: usize) -> Vec<String> {
    (0..batches).flat_map(|number| batch(number).lines).collect()
}

#[derive(Default)]
struct Journal {
    tried: usize,
    acknowledged: usize,
    /// How many batches a snapshot holds that was said to be whole.
    snapshot: Option<usize>,
}

/// Commits with flushes, compactions and a snapshot in between, over three opens.
struct Life;

impl Life {
    fn live(disk: &SimDisk, journal: &mut Journal, last: usize, note: &mut impl FnMut(Result<()>)) {
        let toy = match open(disk) {
            Ok(toy) => toy,
            Err(error) => return note(Err(error)),
        };
        while journal.tried < last {
            let number = journal.tried;
            journal.tried += 1;
            let committed = toy.commit(&batch(number));
            if committed.is_ok() {
                assert_eq!(journal.acknowledged, number, "nothing is accepted after a commit that failed");
                journal.acknowledged = journal.tried;
            }
            note(committed);
            match number % 7 {
                2 => note(toy.flush()),
                6 => note(toy.compact()),
                _ => {}
            }
            match toy.lines() {
                Ok(found) => assert!(is_allowed(&found, journal), "a reader sees {found:?}"),
                Err(error) => note(Err(error)),
            }
        }
        if journal.snapshot.is_none() {
            let snapshot = toy.snapshot_to(Path::new("snapshot"));
            journal.snapshot = snapshot.is_ok().then_some(journal.acknowledged);
            note(snapshot);
        }
        note(toy.close());
    }
}

/// A prefix of the batches, whole ones, that has everything which was acknowledged.
fn is_allowed(found: &[String], journal: &Journal) -> bool {
    (journal.acknowledged..=journal.tried).any(|batches| lines(batches) == found)
}

impl Scenario for Life {
    type Journal = Journal;

    fn run(&self, disk: &SimDisk, journal: &mut Journal) -> Result<()> {
        let mut first = Ok(());
        let mut note = |result: Result<()>| {
            if first.is_ok() {
                first = result;
            }
        };
        for last in [10, 17, 20] {
            // What failed once may be half there, so numbering goes on only where all is well.
            if journal.acknowledged == journal.tried {
                Life::live(disk, journal, last, &mut note);
            }
        }
        first
    }

    fn recover(&self, disk: &SimDisk, _: &Journal) -> Result<()> {
        open(disk)?.close()
    }

    fn check(&self, disk: &SimDisk, journal: &Journal) {
        let toy = open(disk).unwrap();
        let found = toy.lines().unwrap();
        assert!(is_allowed(&found, journal), "{} acknowledged: {found:?}", journal.acknowledged);
        toy.flush().unwrap();
        toy.compact().unwrap();
        assert_eq!(toy.lines().unwrap(), found);
        let blocks = disk.list(Path::new("toy/blocks")).unwrap();
        assert!(blocks.len() <= 1, "what a crash left half made is gone: {blocks:?}");
        toy.close().unwrap();
        if let Some(batches) = journal.snapshot {
            let snapshot = open_at(disk, "snapshot").unwrap();
            assert_eq!(snapshot.lines().unwrap(), lines(batches));
        }
    }
}

#[test]
fn every_crash_point_recovers_to_a_prefix_with_all_that_was_acknowledged() {
    for seed in 0..3 * rounds() {
        let tally = for_every_crash_point(&Life, seed);
        assert!(tally.operations > 200 && tally.errors >= tally.operations, "{tally:?}");
    }
}

#[test]
fn every_failing_operation_is_an_error_and_loses_nothing() {
    for seed in 0..rounds() {
        let tally = for_every_failing_operation(&Life, seed);
        assert!(tally.reads > 100 && tally.errors * 10 > tally.runs * 9, "{tally:?}");
    }
}

#[test]
fn rot_is_an_error_or_harmless() {
    let disk = SimDisk::new(7);
    let toy = open(&disk).unwrap();
    for number in 0..9 {
        toy.commit(&batch(number)).unwrap();
        if number % 4 == 3 {
            toy.flush().unwrap();
        }
    }
    toy.close().unwrap();
    for path in files_below(&disk, Path::new(DIR)) {
        if disk.file_bytes(&path).unwrap() == Some(0) {
            continue;
        }
        let is_log = path.extension().is_some_and(|extension| extension == "wal");
        for_every_rot(&disk, &path, |disk, rot| match open(&disk).and_then(|toy| toy.lines()) {
            Err(Error::Corrupt { path: named, .. }) => assert!(named.starts_with(DIR)),
            Err(Error::Version { .. }) => {}
            Err(error) => panic!("{rot:?} in {}: {error}", path.display()),
            // A log that was cut short looks like one whose tail was never written.
            Ok(found) if is_log && matches!(rot, Rot::Truncated(_)) => {
                assert!((0..=9).any(|batches| found == lines(batches)), "{rot:?} {found:?}");
            }
            Ok(found) => assert_eq!(found, lines(9), "{rot:?} in {}", path.display()),
        });
    }
}

#[test]
fn readers_keep_what_compaction_removes_and_two_stores_do_not_share_a_directory() {
    let root = tempfile::tempdir().unwrap();
    let disk: Arc<dyn Disk> = Arc::new(FsDisk::new());
    let dir = root.path().join("toy");
    let toy = Toy::open(Arc::clone(&disk), &dir, WalOptions::default()).unwrap();
    assert!(matches!(Toy::open(Arc::clone(&disk), &dir, WalOptions::default()), Err(Error::Locked { .. })));
    std::thread::scope(|scope| {
        let reader = scope.spawn(|| {
            let mut longest = 0;
            while longest < lines(60).len() {
                let found = toy.lines().unwrap();
                assert!((0..=60).any(|batches| found == lines(batches)), "{found:?}");
                assert!(found.len() >= longest, "what was seen once stays");
                longest = found.len();
            }
        });
        for number in 0..60 {
            toy.commit(&batch(number)).unwrap();
            if number % 5 == 0 {
                toy.flush().unwrap();
                toy.compact().unwrap();
            }
        }
        reader.join().unwrap();
    });
    toy.snapshot_to(&root.path().join("snapshot")).unwrap();
    toy.close().unwrap();
    for dir in [dir, root.path().join("snapshot")] {
        let toy = Toy::open(Arc::clone(&disk), &dir, WalOptions::default()).unwrap();
        assert_eq!(toy.lines().unwrap(), lines(60));
        let blocks = disk.list(&dir.join("blocks")).unwrap();
        assert!(blocks.len() <= 2, "compacted blocks are gone: {blocks:?}");
    }
}
