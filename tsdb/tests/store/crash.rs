//! Power loss, failing and full disks at every operation.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use bedrock::disk::{Fault, SimDisk};
use tsdb::{Db, Durability, Error, Options};

use crate::script::{Driver, Model, Random, Step, is_of_the_medium, script};
use crate::support::{contents, options, rounds};

fn model() -> Model {
    Model { window_ms: 100_000, ..Model::default() }
}

fn open(disk: &SimDisk, durability: Durability) -> Result<Db, Error> {
    Db::open("db", Options { durability, ..options(Arc::new(disk.clone())) })
}

/// Runs steps until one fails; the states before each step and behind the last, and whether the last one failed.
fn run(disk: &SimDisk, durability: Durability, steps: &[Step]) -> (Vec<Model>, bool) {
    let mut states = vec![model()];
    let Ok(db) = open(disk, durability) else { return (states, true) };
    let mut driver = Driver::new(db);
    for step in steps {
        let last = states.last().cloned().unwrap_or_default();
        match driver.run(step) {
            Ok(rejected) => states.push(last.after(step, &rejected)),
            Err(error) => {
                assert!(is_of_the_medium(&error), "{error}");
                // What would have happened had it succeeded: with a window this wide, nothing is refused for its
                // age, and a refused duplicate leaves the model as it is.
                states.push(expected_after(&last, step));
                return (states, true);
            }
        }
    }
    (states, false)
}

/// The model behind a step whose answer was lost.
fn expected_after(model: &Model, step: &Step) -> Model {
    let Step::Commit(samples) = step else { return model.after(step, &BTreeMap::new()) };
    let db = Db::in_memory(options(Arc::new(SimDisk::new(0)))).unwrap();
    let mut driver = Driver::new(db);
    for (number, samples) in model.history.iter().enumerate() {
        driver.run(samples).unwrap_or_else(|error| panic!("step {number}: {error}"));
    }
    let rejected = driver.run(&Step::Commit(samples.clone())).unwrap();
    model.after(step, &rejected)
}

/// A crash at every operation of a script: under `EveryCommit` nothing that was acknowledged is lost, under `Interval` and
/// `Never` what is left is a prefix; nothing partial is visible; and the store works on.
fn crash_everywhere(seed: u64, durability: Durability) {
    let mut random = Random::new(seed);
    let steps = script(&mut random, 14, false);
    let whole = SimDisk::new(seed);
    let (states, failed) = run(&whole, durability, &steps);
    assert!(!failed && states.len() == steps.len() + 1);
    for at in 0..=whole.operations() {
        let disk = SimDisk::new(seed * 1_000 + at);
        disk.inject(Fault::power_loss_at(at));
        let (states, failed) = run(&disk, durability, &steps);
        let disk = disk.restart();
        let db =
            open(&disk, durability).unwrap_or_else(|error| panic!("seed {seed}, operation {at}: {error}"));
        let found = contents(&db);
        let acknowledged = (states.len() - 1).saturating_sub(usize::from(failed));
        let oldest = if durability == Durability::EveryCommit { acknowledged } else { 0 };
        let fits = states.iter().skip(oldest).any(|state| state.contents == found);
        assert!(fits, "seed {seed}, operation {at}, {acknowledged} acknowledged: {found:?}");
        // And it goes on from there.
        let mut driver = Driver::new(db);
        driver.run(&Step::Commit(vec![(0, 50_000_000, 1.0)])).unwrap();
        driver.run(&Step::Flush).unwrap();
        let expected = contents(&driver.db);
        drop(driver);
        assert_eq!(
            contents(&open(&disk, durability).unwrap()),
            expected,
            "seed {seed}, operation {at}, reopened"
        );
    }
}

#[test]
fn nothing_acknowledged_is_lost_under_every_commit() {
    for seed in 1..=rounds(2) {
        crash_everywhere(seed, Durability::EveryCommit);
    }
}

#[test]
fn a_prefix_survives_under_interval() {
    for seed in 100..100 + rounds(1) {
        crash_everywhere(seed, Durability::Interval(Duration::from_secs(3600)));
    }
}

/// Every operation fails once with EIO, or everything from it on with ENOSPC: calls answer with an error, reads go on, and
/// once the disk works again the store does, without being opened anew.
fn fail_everywhere(seed: u64, fault: impl Fn(u64) -> Fault) {
    let mut random = Random::new(seed);
    let steps = script(&mut random, 12, false);
    let whole = SimDisk::new(seed);
    run(&whole, Durability::EveryCommit, &steps);
    for at in 0..=whole.operations() {
        let disk = SimDisk::new(seed);
        disk.inject(fault(at));
        let Ok(db) = open(&disk, Durability::EveryCommit) else {
            disk.clear_faults();
            open(&disk, Durability::EveryCommit).unwrap();
            continue;
        };
        let mut driver = Driver::new(db);
        for step in &steps {
            if let Err(error) = driver.run(step) {
                assert!(is_of_the_medium(&error), "seed {seed}, operation {at}: {error}");
            }
            contents(&driver.db);
        }
        disk.clear_faults();
        let before = contents(&driver.db);
        std::thread::sleep(Duration::from_millis(1));
        let mut works = false;
        for attempt in 0..3 {
            works |= driver.run(&Step::Commit(vec![(1, 60_000_000 + attempt, 2.0)])).is_ok();
        }
        let poisoned_for_good = !works;
        let expected = contents(&driver.db);
        assert!(before.keys().all(|series| expected.contains_key(series)), "seed {seed}, operation {at}");
        drop(driver);
        let db = open(&disk, Durability::EveryCommit).unwrap();
        if poisoned_for_good {
            // After a failed sync of names nobody knows what the medium holds: only a reopen helps.
            let mut driver = Driver::new(db);
            driver.run(&Step::Commit(vec![(1, 70_000_000, 2.0)])).unwrap();
        } else {
            assert_eq!(contents(&db), expected, "seed {seed}, operation {at}, reopened");
        }
    }
}

#[test]
fn a_failing_operation_is_an_error_and_the_store_works_on() {
    for seed in 200..200 + rounds(1) {
        fail_everywhere(seed, Fault::fail_operation);
    }
}

#[test]
fn a_full_disk_is_an_error_and_the_store_works_on_once_there_is_space() {
    for seed in 300..300 + rounds(1) {
        fail_everywhere(seed, Fault::full_from);
    }
}
