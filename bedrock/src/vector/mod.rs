//! The step-aligned algebra that the query languages share.
//!
//! A query is evaluated at a row of steps. A series is a key and a **column**: one float a step. A step without a
//! value holds [`ABSENT`]; a column of 360 steps takes 2,880 bytes and is added to another at about 1 ns a step.
//! Keys are the language's own: label sets in PromQL and LogQL, typed attributes in TraceQL. They are looked at once
//! a series, in [`Groups`], and never again at a step.
//!
//! When names are dropped, which warnings are due: that is the language's, not ours.

mod aggregate;
mod choice;
mod group;
mod matching;
mod operator;
mod quantile;
mod rank;
mod value_counts;

pub use aggregate::{Accumulator, Aggregation};
pub use choice::Choice;
pub use group::Groups;
pub use matching::{Duplicate, MatchGroup, Matches, SetOperation, SetOperator, partners};
pub use operator::{Operator, Outcome};
pub use quantile::{quantile, quantile_columns, quantile_ranks};
pub use rank::{Extreme, rank_column};
pub use value_counts::ValueCounts;

use crate::series::STALE_NAN_BITS;

/// What a column holds where a series has no value: the stale marker, which is no value anywhere else either.
pub const ABSENT: f64 = f64::from_bits(STALE_NAN_BITS);

/// Whether a column holds no value at a step. Other NaNs are values.
#[inline]
pub fn is_absent(value: f64) -> bool {
    value.to_bits() == STALE_NAN_BITS
}

/// Adds `value` to a compensated sum (Kahan's, in Neumaier's form) and returns the new sum and compensation. Their
/// sum is the result. A sum that has left the range of floats loses its compensation.
///
/// ```
/// use bedrock::vector::kahan_add;
///
/// let (sum, compensation) = [1e100, 1.0, -1e100].iter().fold((0.0, 0.0), |(s, c), v| kahan_add(*v, s, c));
/// assert_eq!(sum + compensation, 1.0);
/// ```
#[inline]
pub fn kahan_add(value: f64, sum: f64, compensation: f64) -> (f64, f64) {
    let total = sum + value;
    let lost = if sum.abs() >= value.abs() { (sum - total) + value } else { (value - total) + sum };
    (total, if total.is_infinite() { 0.0 } else { compensation + lost })
}

#[cfg(test)]
mod matching_tests;
#[cfg(test)]
mod tests;
