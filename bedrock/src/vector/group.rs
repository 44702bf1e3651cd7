//! Grouping: each key is numbered once, by the order of its first appearance.

use std::hash::Hash;

use rustc_hash::FxHashMap;

/// Numbers keys from 0 in the order of their first appearance. O(key) a lookup; about 40 bytes a key besides it.
///
/// ```
/// use bedrock::vector::Groups;
///
/// let mut groups: Groups<String> = Groups::new();
/// assert_eq!(groups.ordinal("eu"), 0);
/// assert_eq!(groups.ordinal("us"), 1);
/// assert_eq!(groups.ordinal("eu"), 0);
/// assert_eq!(groups.len(), 2);
/// ```
#[derive(Clone, Debug)]
pub struct Groups<K> {
    ordinals: FxHashMap<K, usize>,
}

impl<K: Eq + Hash> Groups<K> {
    /// No groups yet.
    pub fn new() -> Self {
        Groups { ordinals: FxHashMap::default() }
    }

    /// The number of a key; a new key gets the next one.
    pub fn ordinal<Q>(&mut self, key: &Q) -> usize
    where
        K: std::borrow::Borrow<Q> + for<'q> From<&'q Q>,
        Q: Eq + Hash + ?Sized,
    {
        if let Some(ordinal) = self.ordinals.get(key) {
            return *ordinal;
        }
        self.insert(K::from(key))
    }

    /// The number of an owned key; a new key gets the next one.
    pub fn insert(&mut self, key: K) -> usize {
        let next = self.ordinals.len();
        *self.ordinals.entry(key).or_insert(next)
    }

    /// The number of a key that was seen before.
    pub fn get<Q>(&self, key: &Q) -> Option<usize>
    where
        K: std::borrow::Borrow<Q>,
        Q: Eq + Hash + ?Sized,
    {
        self.ordinals.get(key).copied()
    }

    /// How many keys were seen.
    pub fn len(&self) -> usize {
        self.ordinals.len()
    }

    /// Whether no key was seen.
    pub fn is_empty(&self) -> bool {
        self.ordinals.is_empty()
    }
}

impl<K: Eq + Hash> Default for Groups<K> {
    fn default() -> Self {
        Groups::new()
    }
}
