//! Power loss, failing and full disks at every operation of a life of commits, deletions, flushes, compactions and
//! expiry.

use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use bedrock::Result;
use bedrock::disk::{Fault, SimDisk};

use super::{Journal, Mode, RETENTION_S, SECOND_NS, Subject, time_ns};
use crate::faults::Scenario;

const DIR: &str = "store";

/// One thing that is done to a store.
#[derive(Clone, Copy, Debug)]
enum Step {
    Commit(u64),
    Delete(u64),
    Flush,
    Compact,
    Tick,
    /// A tick so late that age lets go of what there is, up to a batch of that time.
    Expire(u64),
}

use Step::{Commit, Compact, Delete, Expire, Flush, Tick};

/// A batch far behind the others.
const LATER: u64 = 10 * RETENTION_S;

const SCRIPT: [Step; 25] = [
    Commit(0),
    Commit(1),
    Flush,
    Commit(2),
    Delete(0),
    Commit(3),
    Flush,
    Commit(4),
    Tick,
    Delete(4),
    Commit(5),
    // What is committed behind a deletion stays, also where it is the same.
    Commit(4),
    Delete(3),
    Tick,
    Commit(6),
    Compact,
    Commit(7),
    Delete(6),
    Compact,
    Commit(8),
    Flush,
    Tick,
    Commit(LATER),
    Flush,
    Expire(LATER),
];

/// The life, as a scenario of the loops in [`crate::faults`].
pub struct Life<S>(PhantomData<S>);

impl<S> Default for Life<S> {
    fn default() -> Self {
        Life(PhantomData)
    }
}

fn open<S: Subject>(disk: &SimDisk) -> Result<S> {
    S::open(Arc::new(disk.clone()), Path::new(DIR), Mode::Caller)
}

/// Does all steps, also behind one that failed. Returns the first error.
fn run<S: Subject>(store: &S, journal: &mut Journal) -> Result<()> {
    let mut outcomes = Vec::new();
    for step in SCRIPT {
        let outcome = match step {
            // A batch that may be there is not committed twice.
            Commit(number) if journal.is_in_doubt(number) => Ok(()),
            Commit(number) => {
                journal.tried(number);
                let outcome = store.commit(number);
                journal.committed(number, &outcome);
                outcome
            }
            Delete(number) => {
                journal.tried(number);
                let outcome = store.delete(number);
                journal.deleted(number, &outcome);
                outcome
            }
            Flush => store.flush(),
            Compact => store.compact(),
            Tick => store.tick(time_ns(20)),
            Expire(number) => {
                journal.may_expire();
                store.tick(time_ns(number) + SECOND_NS)
            }
        };
        outcomes.push(outcome);
    }
    outcomes.into_iter().collect()
}

impl<S: Subject> Scenario for Life<S> {
    type Journal = Journal;

    fn run(&self, disk: &SimDisk, journal: &mut Journal) -> Result<()> {
        let store = open::<S>(disk)?;
        let outcome = run(&store, journal);
        let closed = store.close();
        outcome.and(closed)
    }

    fn recover(&self, disk: &SimDisk, _: &Journal) -> Result<()> {
        let store = open::<S>(disk)?;
        store.flush()?;
        store.tick(time_ns(20))?;
        store.close()
    }

    fn check(&self, disk: &SimDisk, journal: &Journal) {
        // A copy, so that what is committed here is not found by the next check.
        let store = open::<S>(&disk.fork()).expect("a sound disk opens");
        let found = store.found().expect("a sound disk reads");
        journal.check(&found, S::ROWS);
        assert!(store.verify().is_empty());
        // And it goes on from there.
        store.commit(1_000).expect("a sound disk takes commits");
        store.compact().expect("a sound disk takes blocks");
        store.delete(1_000).expect("a sound disk takes deletions");
        assert_eq!(store.found().expect("a sound disk reads"), found);
        store.compact().expect("a sound disk takes blocks");
        assert_eq!(store.found().expect("a sound disk reads"), found);
        store.close().expect("a sound disk syncs");
    }
}

/// Fails every operation of the life in turn, once or from there on, and clears the fault: the same handle, which was
/// never closed, shows what was promised and takes commits again.
pub fn a_store_works_on_once_the_disk_does<S: Subject>(seed: u64) {
    let sound = SimDisk::new(seed);
    run(&open::<S>(&sound).expect("a sound disk opens"), &mut Journal::default())
        .expect("a sound disk works");
    let mut worked_on = 0;
    for at in 0..sound.operations() {
        for fault in [Fault::fail_operation(at), Fault::full_from(at)] {
            let disk = SimDisk::new(seed);
            disk.inject(fault);
            let Ok(store) = open::<S>(&disk) else { continue };
            let mut journal = Journal::default();
            let _ = run(&store, &mut journal);
            disk.clear_faults();
            journal.check(&store.found().expect("a sound disk reads"), S::ROWS);
            // The manifest alone does not come back: what a power loss would leave of it is unknown.
            if store.tick(time_ns(20)).is_err() || store.flush().is_err() {
                continue;
            }
            worked_on += 1;
            journal.tried(1_001);
            let outcome = store.commit(1_001);
            assert!(outcome.is_ok(), "with {fault:?}: {outcome:?}");
            journal.committed(1_001, &outcome);
            drop(store);
            let reopened = open::<S>(&disk.restart()).expect("a sound disk opens");
            journal.check(&reopened.found().expect("a sound disk reads"), S::ROWS);
        }
    }
    assert!(worked_on > sound.operations(), "{worked_on} of {}", 2 * sound.operations());
}

/// What age lets go is gone, and nothing else; and a copy is a store of its own.
pub fn retention_and_copies_keep_what_they_should<S: Subject>() {
    let disk = SimDisk::new(5);
    let store = open::<S>(&disk).expect("a sound disk opens");
    let mut journal = Journal::default();
    run(&store, &mut journal).expect("a sound disk works");
    let left: Vec<u64> = store.found().expect("a sound disk reads").into_keys().collect();
    assert_eq!(left, [LATER]);
    // The clock jumps: nothing is newer than the last batch, so nothing is too old.
    store.tick(i64::MAX).expect("a sound disk works");
    assert_eq!(store.found().expect("a sound disk reads").len(), 1);
    store.commit(LATER + 1).expect("a sound disk takes commits");
    store.delete(LATER).expect("a sound disk takes deletions");
    let copy = Path::new("copy");
    store.snapshot_to(copy).expect("a sound disk has links");
    assert!(store.snapshot_to(copy).is_err(), "a copy would replace a store");
    store.commit(LATER + 2).expect("a sound disk takes commits");
    store.compact().expect("a sound disk takes blocks");
    store.close().expect("a sound disk syncs");
    let copied = S::open(Arc::new(disk.clone()), copy, Mode::Caller).expect("a copy opens");
    let found: Vec<u64> = copied.found().expect("a copy reads").into_keys().collect();
    assert_eq!(found, [LATER + 1]);
    copied.commit(1).expect("a copy takes commits");
    copied.close().expect("a copy closes");
}
