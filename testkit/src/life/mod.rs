//! The life of a store under everything that can happen to it: one set of scenarios for all stores of blocks.
//!
//! A [`Subject`] makes batches by their number and finds them again. What a batch is made of is the store's; that it is
//! there as a whole or not at all, when it must be there and when it must be gone, is told here, by a [`Journal`].
//!
//! | module | what it does to a store |
//! |---|---|
//! | [`faults`] | power loss, failing and full disks at every operation |
//! | [`damage`] | rotten bytes, and the repair of what they leave |
//! | [`kill`] | another process that is killed while it writes, and one that reads meanwhile |
//! | [`concurrent`] | commits, queries, flushes, compactions and deletions at once |
//!
//! [`life_tests!`](crate::life_tests) makes a test of each.

pub mod concurrent;
pub mod damage;
pub mod faults;
pub mod kill;
mod suite;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use bedrock::disk::Disk;
use bedrock::store::Repaired;
use bedrock::{Error, Result};

/// Nanoseconds of a second.
const SECOND_NS: i64 = 1_000_000_000;
/// The time of the first batch.
const BEGIN_NS: i64 = 1_780_000_000 * SECOND_NS;

/// How a subject is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Every commit durable, two blocks are compacted into one, nothing happens but by a call; what is older than
    /// [`RETENTION_S`] goes.
    Caller,
    /// The system decides what is durable, a thread does the work, and heads are small.
    Thread,
}

/// The age beyond which batches go under [`Mode::Caller`], in seconds.
pub const RETENTION_S: u64 = 10_000;

/// Batches by number, and how many of their rows are there.
pub type Found = BTreeMap<u64, usize>;

/// A store as the scenarios see it. Errors are those of the medium; any other is a bug, and panics.
pub trait Subject: Sized + Sync {
    /// Rows of a batch.
    const ROWS: usize;

    /// Opens the store in `dir`.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn open(disk: Arc<dyn Disk>, dir: &Path, mode: Mode) -> Result<Self>;

    /// Commits batch `number`, its rows at [`time_ns`] and within a second behind it.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn commit(&self, number: u64) -> Result<()>;

    /// Deletes batch `number`.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn delete(&self, number: u64) -> Result<()>;

    /// Writes the head to a block.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn flush(&self) -> Result<()>;

    /// Compacts everything.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn compact(&self) -> Result<()>;

    /// Does what is due.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn tick(&self, now_ns: i64) -> Result<()>;

    /// What a snapshot shows now. Panics where a row is not as it was committed.
    ///
    /// # Errors
    ///
    /// Those of the medium, and damage.
    fn found(&self) -> Result<Found>;

    /// What does not check out.
    fn verify(&self) -> Vec<Error>;

    /// Closes the store.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn close(self) -> Result<()>;

    /// Copies the store.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn snapshot_to(&self, target: &Path) -> Result<()>;

    /// Repairs the store in `dir`.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn repair(disk: Arc<dyn Disk>, dir: &Path) -> Result<Repaired>;

    /// The store of another process.
    type Reader: Reader;
}

/// A store opened for reading only.
pub trait Reader: Sized {
    /// Opens the store in `dir`.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn open(dir: &Path) -> Result<Self>;

    /// Moves on to what is there now.
    ///
    /// # Errors
    ///
    /// Those of the medium.
    fn refresh(&self) -> Result<()>;

    /// What a snapshot shows.
    ///
    /// # Errors
    ///
    /// Those of the medium, and damage.
    fn found(&self) -> Result<Found>;
}

/// The time of a batch. Every other one is late, so that heads and blocks overlap.
pub fn time_ns(number: u64) -> i64 {
    let tick = if number.is_multiple_of(2) { number } else { number / 2 };
    BEGIN_NS + tick as i64 * 10 * SECOND_NS
}

/// What must hold of a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Promise {
    /// It is there, whole.
    There,
    /// It is not there.
    Gone,
    /// It is there as a whole, or not at all: nobody was told.
    Unknown,
}

/// What was tried and what was acknowledged.
#[derive(Clone, Debug, Default)]
pub struct Journal {
    promises: BTreeMap<u64, Promise>,
    /// Batches whose commit failed once: its record may come back from the log at any later open.
    failed: Vec<u64>,
}

impl Journal {
    /// Before a commit or a deletion.
    pub fn tried(&mut self, number: u64) {
        self.promises.insert(number, Promise::Unknown);
    }

    /// Behind a commit.
    pub fn committed(&mut self, number: u64, outcome: &Result<()>) {
        match outcome {
            Ok(()) => drop(self.promises.insert(number, Promise::There)),
            Err(_) => self.failed.push(number),
        }
    }

    /// Behind a deletion.
    pub fn deleted(&mut self, number: u64, outcome: &Result<()>) {
        if outcome.is_ok() && !self.failed.contains(&number) {
            self.promises.insert(number, Promise::Gone);
        }
    }

    /// Before age may let go of every batch so far.
    pub fn may_expire(&mut self) {
        self.promises.values_mut().for_each(|promise| {
            if *promise == Promise::There {
                *promise = Promise::Unknown;
            }
        });
    }

    /// Panics where what was found is not what was promised.
    #[track_caller]
    pub fn check(&self, found: &Found, rows: usize) {
        for (number, count) in found {
            assert_eq!(*count, rows, "batch {number} is there in part");
            let promise = self.promises.get(number);
            assert!(promise.is_some(), "batch {number} was never committed");
            assert!(promise != Some(&Promise::Gone), "batch {number} was deleted and is there");
        }
        for (number, promise) in &self.promises {
            let is_lost = *promise == Promise::There && !found.contains_key(number);
            assert!(!is_lost, "batch {number} was acknowledged and is gone: {found:?}");
        }
    }

    /// Whether the batch may be there.
    fn is_in_doubt(&self, number: u64) -> bool {
        self.promises.get(&number).is_some_and(|promise| *promise != Promise::Gone)
    }

    /// Whether a commit of the batch was tried.
    fn knows(&self, number: u64) -> bool {
        self.promises.contains_key(&number)
    }

    /// As [`Journal::check`], for something that was found between this journal and a `later` one.
    #[track_caller]
    fn check_between(&self, found: &Found, rows: usize, later: &Journal) {
        for (number, count) in found {
            assert_eq!(*count, rows, "batch {number} is there in part");
            assert!(later.knows(*number), "batch {number} was never committed");
            let is_gone = self.promises.get(number) == Some(&Promise::Gone);
            assert!(!is_gone, "batch {number} was deleted and is there");
        }
        for (number, promise) in &self.promises {
            let must_be_there = *promise == Promise::There && later.promises.get(number) == Some(promise);
            assert!(
                !must_be_there || found.contains_key(number),
                "batch {number} was acknowledged and is gone"
            );
        }
    }
}
