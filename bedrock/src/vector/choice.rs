//! Aggregations that keep some members as they are: by rank, by number, by a share of all.

use super::rank::{Extreme, rank_column};

/// Which members of a group are kept at each step: one parameter a step, none being 0.
///
/// | choice | in PromQL | keeps |
/// |---|---|---|
/// | [`Choice::Rank`] | `topk`, `bottomk` | the first `k` in an order of values, sorted |
/// | [`Choice::Limit`] | `limitk` | the first `k` that came |
/// | [`Choice::Ratio`] | `limit_ratio` | those whose place falls into the share |
///
/// ```
/// use bedrock::vector::{Choice, Extreme};
///
/// let mut members = vec![("a", 1.0), ("b", 3.0), ("c", 2.0)];
/// Choice::Rank(Extreme::Largest, vec![2]).keep(0, &mut members, |_| 0.0);
/// assert_eq!(members, [("b", 3.0), ("c", 2.0)]);
/// ```
#[derive(Clone, Debug, PartialEq)]
pub enum Choice {
    /// The first `k` of an order by value.
    Rank(Extreme, Vec<usize>),
    /// The first `k` members there are.
    Limit(Vec<usize>),
    /// A share of all members. `r` from 0 keeps the places below `r`; a negative `r` those from `1 + r` on, so that
    /// `r` and `r - 1` together keep each member once.
    Ratio(Vec<f64>),
}

impl Choice {
    /// Keeps the chosen of the members that are there at `step`, given as `(member, value)`. O(n), and
    /// O(n + k log k) by rank.
    ///
    /// `place` says where a member falls between 0 and 1, the same at every step; only [`Choice::Ratio`] asks.
    pub fn keep<M: Copy>(&self, step: usize, members: &mut Vec<(M, f64)>, place: impl Fn(M) -> f64) {
        let at = |counts: &[usize]| counts.get(step).copied().unwrap_or(0);
        match self {
            Choice::Rank(extreme, counts) => rank_column(*extreme, at(counts), members),
            Choice::Limit(counts) => members.truncate(at(counts)),
            Choice::Ratio(ratios) => {
                let ratio = ratios.get(step).copied().unwrap_or(0.0);
                members.retain(|(member, _)| is_inside(ratio, place(*member)));
            }
        }
    }
}

fn is_inside(ratio: f64, place: f64) -> bool {
    if ratio >= 0.0 { place < ratio } else { place >= 1.0 + ratio }
}
