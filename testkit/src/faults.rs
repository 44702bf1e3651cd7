//! Loops over every moment at which a medium can fail.
//!
//! A [`Scenario`] is a workload, what it was promised, and a check. The loops run it once on a sound disk to learn
//! how many operations it takes, then once per operation with a fault there: power loss, EIO, a full disk. Whatever
//! happens, a store that is opened afterwards must hold what had been acknowledged, and nothing half.
//!
//! A run of 300 operations of microseconds each makes 300 runs of half the length: well under a second.

use bedrock::disk::{Fault, SimDisk};
use bedrock::{Error, Result};

/// A workload that can be run again and again, and what must hold after it was cut short.
pub trait Scenario {
    /// What the workload tried and what was acknowledged to it.
    type Journal: Default;

    /// Runs the workload on an empty disk, noting in the journal what is tried before it is tried, and what is
    /// acknowledged as soon as it is. May go on after an error, as a user would. Returns the first error.
    fn run(&self, disk: &SimDisk, journal: &mut Self::Journal) -> Result<()>;

    /// Opens what is on the disk, as the next process does, and closes it again.
    ///
    /// # Errors
    ///
    /// Whatever opening runs into on a failing disk.
    fn recover(&self, disk: &SimDisk, journal: &Self::Journal) -> Result<()>;

    /// Opens what is on a sound disk and panics where it is not what the journal allows.
    fn check(&self, disk: &SimDisk, journal: &Self::Journal);
}

/// How often what happened.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally {
    /// Operations of the workload on a sound disk, without reads.
    pub operations: u64,
    /// Reads of the workload on a sound disk.
    pub reads: u64,
    /// Runs with a fault.
    pub runs: u64,
    /// Runs in which the fault struck. A disk that is full from the last operation on may refuse nothing.
    pub struck: u64,
    /// Runs in which the workload saw an error.
    pub errors: u64,
}

/// Says where a loop stood when something panicked.
struct Where(String);

impl Drop for Where {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("this happened {}", self.0);
        }
    }
}

fn sound_run<S: Scenario>(scenario: &S, seed: u64) -> Tally {
    let disk = SimDisk::new(seed);
    let mut journal = S::Journal::default();
    let outcome = scenario.run(&disk, &mut journal);
    assert!(outcome.is_ok(), "the workload fails on a sound disk: {outcome:?}");
    let tally = Tally { operations: disk.operations(), reads: disk.reads(), ..Tally::default() };
    scenario.check(&disk, &journal);
    scenario.check(&disk.restart(), &journal);
    tally
}

/// Cuts the power before every operation of the workload, then once more at some operation of the recovery, and
/// checks what the next process finds. `seed` decides what survives: run several.
pub fn for_every_crash_point<S: Scenario>(scenario: &S, seed: u64) -> Tally {
    let mut tally = sound_run(scenario, seed);
    for at in 0..=tally.operations {
        let _where = Where(format!("with seed {seed} and a power loss at operation {at}"));
        let disk = SimDisk::new(seed.wrapping_mul(1_000_003).wrapping_add(at));
        disk.inject(Fault::power_loss_at(at));
        let mut journal = S::Journal::default();
        tally.errors += u64::from(scenario.run(&disk, &mut journal).is_err());
        tally.struck += u64::from(disk.has_failed());
        tally.runs += 1;
        let disk = disk.restart();
        crash_recovery(scenario, &disk.fork(), &journal, at);
        scenario.check(&disk, &journal);
        // The check opened the store and worked with it: that must survive, too.
        scenario.check(&disk.restart(), &journal);
    }
    tally
}

/// Lets a recovery die at one operation, which differs from crash point to crash point, and recovers from that.
fn crash_recovery<S: Scenario>(scenario: &S, disk: &SimDisk, journal: &S::Journal, salt: u64) {
    let sound = disk.fork();
    let recovered = scenario.recover(&sound, journal);
    assert!(recovered.is_ok(), "recovery fails on a sound disk: {recovered:?}");
    let at = salt.wrapping_mul(0x9e37_79b9) % (sound.operations() + 1);
    let _where = Where(format!("after a second power loss at operation {at} of the recovery"));
    disk.inject(Fault::power_loss_at(at));
    // Whether the recovery got that far does not matter.
    let _ = scenario.recover(disk, journal);
    scenario.check(&disk.restart(), journal);
}

/// Fails every operation and every read of the workload with EIO, and fills the disk at every operation. Checks
/// what a new process finds on the same disk, and what it finds after a power loss.
pub fn for_every_failing_operation<S: Scenario>(scenario: &S, seed: u64) -> Tally {
    let mut tally = sound_run(scenario, seed);
    let operations = (0..tally.operations).flat_map(|at| [Fault::fail_operation(at), Fault::full_from(at)]);
    let reads = (0..tally.reads).map(Fault::fail_read);
    for (i, fault) in operations.chain(reads).enumerate() {
        let _where = Where(format!("with seed {seed} and the fault {fault:?}"));
        let disk = SimDisk::new(seed.wrapping_mul(1_000_003).wrapping_add(i as u64));
        disk.inject(fault);
        let mut journal = S::Journal::default();
        let outcome = scenario.run(&disk, &mut journal);
        assert!(!matches!(outcome, Err(Error::Corrupt { .. })), "a failing disk is no damage: {outcome:?}");
        tally.errors += u64::from(outcome.is_err());
        tally.struck += u64::from(disk.has_failed());
        tally.runs += 1;
        disk.clear_faults();
        scenario.check(&disk.fork().restart(), &journal);
        scenario.check(&disk, &journal);
        scenario.check(&disk.restart(), &journal);
    }
    tally
}
