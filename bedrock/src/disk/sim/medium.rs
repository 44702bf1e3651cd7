//! Everything behind the lock of a simulated disk: names, bytes, faults, counters.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::{Path, PathBuf};

use super::fault::{Access, Fault, Random, Strike};
use super::file::SimContent;
use super::names::{Names, NodeId};
use crate::error::{Error, Result};

#[derive(Clone, Debug)]
pub(super) struct Medium {
    pub(super) names: Names,
    files: BTreeMap<NodeId, SimContent>,
    pub(super) locks: BTreeSet<PathBuf>,
    pub(super) faults: Vec<Fault>,
    pub(super) operations: u64,
    pub(super) reads: u64,
    pub(super) random: Random,
    pub(super) is_down: bool,
    pub(super) has_failed: bool,
}

impl Medium {
    pub(super) fn new(seed: u64) -> Self {
        Medium {
            names: Names::new(),
            files: BTreeMap::new(),
            locks: BTreeSet::new(),
            faults: Vec::new(),
            operations: 0,
            reads: 0,
            random: Random::new(seed),
            is_down: false,
            has_failed: false,
        }
    }

    pub(super) fn create_file(&mut self, path: &Path) -> Result<NodeId> {
        let id = self.names.create_file(path)?;
        self.files.insert(id, SimContent::default());
        Ok(id)
    }

    pub(super) fn file_mut(&mut self, id: NodeId) -> &mut SimContent {
        self.files.entry(id).or_default()
    }

    /// Counts a change and says whether it happens.
    pub(super) fn change(&mut self, operation: &'static str, path: &Path) -> Result<()> {
        let allocates = matches!(operation, "append" | "create" | "create directory" | "hard link");
        let number = self.operations;
        self.operations += 1;
        self.attempt(Access::Change { allocates }, number, operation, path)
    }

    /// Counts a read and says whether it happens.
    pub(super) fn read(&mut self, operation: &'static str, path: &Path) -> Result<()> {
        let number = self.reads;
        self.reads += 1;
        self.attempt(Access::Read, number, operation, path)
    }

    fn attempt(&mut self, access: Access, number: u64, operation: &'static str, path: &Path) -> Result<()> {
        let down = || Err(Error::io(operation, path, io::Error::other("simulated power loss")));
        if self.is_down {
            return down();
        }
        match self.faults.iter().find_map(|fault| fault.strike(access, number, operation, path)) {
            None => Ok(()),
            Some(Strike::PowerLoss) => {
                self.has_failed = true;
                self.is_down = true;
                down()
            }
            Some(Strike::Refuse(error)) => {
                self.has_failed = true;
                Err(error)
            }
        }
    }

    /// What the next process finds.
    pub(super) fn after_power_loss(&mut self) -> Medium {
        let seed = self.random.next();
        let mut random = Random::new(seed);
        let names = self.names.after_power_loss(&mut random);
        let files = self.files.iter().map(|(id, file)| (*id, file.after_power_loss(&mut random))).collect();
        Medium { names, files, random, ..Medium::new(seed) }
    }
}
