//! Members counted by their value.

use super::group::Groups;
use super::{ABSENT, is_absent};

/// Counts the members of a group by value at each step, as `count_values` does: one column a distinct value.
///
/// Every NaN is one value; 0 and -0 are two. A value that follows itself in a column costs about 1 ns, another one a
/// look into a table; a distinct value takes 8 bytes a step.
///
/// ```
/// use bedrock::vector::ValueCounts;
///
/// let mut counts = ValueCounts::new(2);
/// counts.add(&[7.0, 7.0]);
/// counts.add(&[7.0, 8.0]);
/// let found: Vec<f64> = counts.finish().map(|(value, _)| value).collect();
/// assert_eq!(found, [7.0, 8.0]);
/// ```
#[derive(Clone, Debug)]
pub struct ValueCounts {
    steps: usize,
    ordinals: Groups<u64>,
    columns: Vec<(f64, Vec<f64>)>,
}

impl ValueCounts {
    /// No members yet.
    pub fn new(steps: usize) -> Self {
        ValueCounts { steps, ordinals: Groups::new(), columns: Vec::new() }
    }

    /// Adds one member.
    pub fn add(&mut self, column: &[f64]) {
        let mut last = None;
        for (step, &value) in column.iter().take(self.steps).enumerate() {
            if is_absent(value) {
                continue;
            }
            let bits = if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() };
            let ordinal = match last {
                Some((same, ordinal)) if same == bits => ordinal,
                _ => self.ordinal(bits),
            };
            last = Some((bits, ordinal));
            if let Some(slot) = self.columns.get_mut(ordinal).and_then(|(_, counts)| counts.get_mut(step)) {
                *slot = if is_absent(*slot) { 1.0 } else { *slot + 1.0 };
            }
        }
    }

    fn ordinal(&mut self, bits: u64) -> usize {
        let ordinal = self.ordinals.insert(bits);
        if ordinal == self.columns.len() {
            self.columns.push((f64::from_bits(bits), vec![ABSENT; self.steps]));
        }
        ordinal
    }

    /// Number of distinct values so far.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Whether no value was seen.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }

    /// Each value with its counts, absent where no member had it, in the order of first appearance.
    pub fn finish(self) -> impl Iterator<Item = (f64, Vec<f64>)> {
        self.columns.into_iter()
    }
}
