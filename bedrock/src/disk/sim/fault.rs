//! What can be made to fail, and when.

use std::io;
use std::path::Path;

use crate::error::Error;

/// One failure to come. Operations and reads are counted from 0, each on their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Fault {
    kind: Kind,
    at: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    PowerLoss,
    FailOperation,
    FailRead,
    Full,
}

/// What an operation asks of the medium.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Change { allocates: bool },
}

/// What a fault does to an operation.
pub(super) enum Strike {
    /// The power goes: this operation and all after it fail.
    PowerLoss,
    /// This operation fails.
    Refuse(Error),
}

impl Fault {
    /// The power goes before the given operation: of what is not durable by then any subset survives. That an
    /// operation itself is cut short is what a power loss before the next one looks like.
    pub fn power_loss_at(operation: u64) -> Self {
        Fault { kind: Kind::PowerLoss, at: operation }
    }

    /// The given operation fails with EIO, once. An append may leave a part of its bytes, and a sync leaves
    /// everything it was asked for in doubt for good.
    pub fn fail_operation(operation: u64) -> Self {
        Fault { kind: Kind::FailOperation, at: operation }
    }

    /// The given read fails with EIO, once.
    pub fn fail_read(read: u64) -> Self {
        Fault { kind: Kind::FailRead, at: read }
    }

    /// From the given operation on, everything that needs space fails with ENOSPC until
    /// [`crate::disk::SimDisk::clear_faults`]: appends, and new names. Removals and renames work.
    pub fn full_from(operation: u64) -> Self {
        Fault { kind: Kind::Full, at: operation }
    }

    /// What this fault does to the access of the given number.
    pub(super) fn strike(
        &self,
        access: Access,
        number: u64,
        operation: &'static str,
        path: &Path,
    ) -> Option<Strike> {
        let refuse = |kind: io::ErrorKind| Some(Strike::Refuse(Error::io(operation, path, kind.into())));
        let failed = || {
            let source = io::Error::other("simulated EIO");
            Some(Strike::Refuse(Error::io(operation, path, source)))
        };
        match (self.kind, access) {
            (Kind::PowerLoss, Access::Change { .. }) if number == self.at => Some(Strike::PowerLoss),
            (Kind::FailOperation, Access::Change { .. }) | (Kind::FailRead, Access::Read)
                if number == self.at =>
            {
                failed()
            }
            (Kind::Full, Access::Change { allocates: true }) if number >= self.at => {
                refuse(io::ErrorKind::StorageFull)
            }
            _ => None,
        }
    }
}

/// SplitMix64 (Steele, Lea, Flood 2014): enough randomness for choosing what survives, and no dependency.
#[derive(Clone, Debug)]
pub(super) struct Random(u64);

impl Random {
    pub(super) fn new(seed: u64) -> Self {
        Random(seed)
    }

    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `end`, which is not 0.
    pub(super) fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }
}

/// How a power loss treats what is not durable. Each is a thing that real media do.
#[derive(Clone, Copy, Debug)]
pub(super) enum Survival {
    Nothing,
    Everything,
    /// The oldest ones, up to a point.
    Prefix(usize),
    /// Each by the toss of a coin.
    Subset,
}

impl Survival {
    /// Chooses for `count` pending things.
    pub(super) fn choose(random: &mut Random, count: usize) -> Self {
        match random.below(4) {
            0 => Survival::Nothing,
            1 => Survival::Everything,
            2 => Survival::Prefix(random.below(count + 1)),
            _ => Survival::Subset,
        }
    }

    pub(super) fn keeps(self, index: usize, random: &mut Random) -> bool {
        match self {
            Survival::Nothing => false,
            Survival::Everything => true,
            Survival::Prefix(end) => index < end,
            Survival::Subset => random.below(2) == 0,
        }
    }
}
