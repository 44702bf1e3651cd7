//! The quantile of plain values: sort, then interpolate between the two nearest ranks.

use super::{ABSENT, is_absent};

/// The `q` quantile of `values`, which are sorted on the way; NaN counts as smallest. An empty slice and a NaN `q`
/// give NaN, `q` below 0 gives -Inf and above 1 +Inf. O(n log n).
///
/// ```
/// assert_eq!(bedrock::vector::quantile(0.5, &mut [3.0, 1.0]), 2.0);
/// ```
pub fn quantile(q: f64, values: &mut [f64]) -> f64 {
    if let Some(answer) = out_of_range(q, values.len()) {
        return answer;
    }
    values.sort_unstable_by(|a, b| nan_first(*a).total_cmp(&nan_first(*b)));
    let (lower, upper, weight) = quantile_ranks(q, values.len());
    values[lower] * (1.0 - weight) + values[upper] * weight
}

/// Between which ranks the `q` quantile, 0 to 1, of `count` sorted values lies, and the weight of the upper one.
/// `count` must not be 0. O(1).
///
/// ```
/// assert_eq!(bedrock::vector::quantile_ranks(0.25, 3), (0, 1, 0.5));
/// ```
pub fn quantile_ranks(q: f64, count: usize) -> (usize, usize, f64) {
    let last = count.saturating_sub(1);
    let rank = q * last as f64;
    let lower = (rank.floor().max(0.0) as usize).min(last);
    (lower, (lower + 1).min(last), rank - rank.floor())
}

fn out_of_range(q: f64, count: usize) -> Option<f64> {
    if count == 0 || q.is_nan() {
        Some(f64::NAN)
    } else if q < 0.0 {
        Some(f64::NEG_INFINITY)
    } else if q > 1.0 {
        Some(f64::INFINITY)
    } else {
        None
    }
}

fn nan_first(value: f64) -> f64 {
    if value.is_nan() { -f64::NAN.abs() } else { value }
}

/// The quantile `q[step]` over the columns at each step. O(steps * members * log members).
pub fn quantile_columns(q: &[f64], columns: &[Vec<f64>]) -> Vec<f64> {
    let mut values = Vec::with_capacity(columns.len());
    let at = |(step, q): (usize, &f64)| {
        values.clear();
        values.extend(columns.iter().filter_map(|c| c.get(step)).filter(|v| !is_absent(**v)));
        if values.is_empty() { ABSENT } else { quantile(*q, &mut values) }
    };
    q.iter().enumerate().map(at).collect()
}
