//! How many neighbouring samples of a window differ in some way.

use super::{Buffers, Input};

/// Counts the pairs of neighbours inside each window for which `differs` holds.
pub(super) fn pairs(
    input: &Input<'_>,
    buffers: &mut Buffers,
    differs: impl Fn(f64, f64) -> bool,
) -> Vec<f64> {
    // Entry i counts the pairs that end at sample i or before.
    let prefix = &mut buffers.indexes;
    prefix.clear();
    let mut count = 0;
    prefix.push(0);
    for pair in input.values.windows(2) {
        if let [before, now] = pair {
            count += u32::from(differs(*before, *now));
        }
        prefix.push(count);
    }
    input.column(|_, window| f64::from(prefix[window.end - 1] - prefix[window.start]))
}
