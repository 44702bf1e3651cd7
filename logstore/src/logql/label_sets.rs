//! Label sets of lines, numbered: equal sets are built once.
//!
//! A query sees millions of lines with some hundred label sets. Finding the number of a set that is known costs a sort
//! of some ten pairs and one hash, and no allocation.

use std::hash::{Hash, Hasher};

use bedrock::labels::Labels;
use hashbrown::HashTable;
use rustc_hash::FxHasher;

/// Numbers label sets from 0 in the order of their first appearance.
#[derive(Debug, Default)]
pub(crate) struct LabelSets {
    table: HashTable<(u64, u32)>,
    sets: Vec<Labels>,
}

impl LabelSets {
    /// The number of the set with these pairs, which are sorted on the way. Names are unique.
    pub(crate) fn number(&mut self, pairs: &mut [(&str, &str)]) -> u32 {
        pairs.sort_unstable();
        // A parser may have found an empty name, which no set can hold.
        let unnamed = pairs.iter().take_while(|(name, _)| name.is_empty()).count();
        let pairs = &pairs[unnamed..];
        let hash = hash_of(pairs.iter().copied());
        let sets = &self.sets;
        let same = |&(other, number): &(u64, u32)| {
            other == hash && sets[number as usize].iter().eq(pairs.iter().copied())
        };
        if let Some(&(_, number)) = self.table.find(hash, same) {
            return number;
        }
        let labels = Labels::from_pairs(pairs.iter().copied()).unwrap_or_default();
        self.insert(hash, labels)
    }

    /// The number of a set.
    pub(crate) fn number_of(&mut self, labels: &Labels) -> u32 {
        let hash = hash_of(labels.iter());
        let sets = &self.sets;
        let same = |&(other, number): &(u64, u32)| other == hash && sets[number as usize] == *labels;
        match self.table.find(hash, same) {
            Some(&(_, number)) => number,
            None => self.insert(hash, labels.clone()),
        }
    }

    fn insert(&mut self, hash: u64, labels: Labels) -> u32 {
        let number = u32::try_from(self.sets.len()).unwrap_or(u32::MAX);
        self.sets.push(labels);
        self.table.insert_unique(hash, (hash, number), |&(hash, _)| hash);
        number
    }

    /// The set of a number.
    pub(crate) fn get(&self, number: u32) -> &Labels {
        &self.sets[number as usize]
    }

    pub(crate) fn len(&self) -> usize {
        self.sets.len()
    }
}

fn hash_of<'p>(pairs: impl Iterator<Item = (&'p str, &'p str)>) -> u64 {
    let mut hasher = FxHasher::default();
    for (name, value) in pairs {
        name.hash(&mut hasher);
        value.hash(&mut hasher);
    }
    hasher.finish()
}
