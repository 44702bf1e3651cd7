//! The members of a group with the largest or smallest values.

use std::cmp::Ordering;

/// Which end of the order is wanted. NaN comes last at either end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Extreme {
    /// The largest values.
    Largest,
    /// The smallest values.
    Smallest,
}

impl Extreme {
    /// Orders the wanted value first; equal values are left as they are.
    pub fn compare(self, a: f64, b: f64) -> Ordering {
        match (a.is_nan(), b.is_nan()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Greater,
            (false, true) => Ordering::Less,
            (false, false) => {
                let order = a.partial_cmp(&b).unwrap_or(Ordering::Equal);
                if self == Extreme::Largest { order.reverse() } else { order }
            }
        }
    }
}

/// Keeps the `k` members of `(member, value)` that come first in the order, sorted. O(n + k log k).
pub fn rank_column<M: Copy>(extreme: Extreme, k: usize, members: &mut Vec<(M, f64)>) {
    if k == 0 {
        members.clear();
        return;
    }
    // Ties go to the member that came first, so positions take part in the order.
    let mut order: Vec<(usize, M, f64)> = members.iter().enumerate().map(|(i, (m, v))| (i, *m, *v)).collect();
    let compare = |a: &(usize, M, f64), b: &(usize, M, f64)| extreme.compare(a.2, b.2).then(a.0.cmp(&b.0));
    if k < order.len() {
        order.select_nth_unstable_by(k - 1, compare);
        order.truncate(k);
    }
    order.sort_unstable_by(compare);
    members.clear();
    members.extend(order.into_iter().map(|(_, member, value)| (member, value)));
}
