//! Quantiles of windows: the window is kept sorted while it moves.
//!
//! Values are kept as whole numbers of the same order, which compare in one instruction. A sample that leaves and one
//! that enters are exchanged in one go: only what lies between their places moves.

use super::{Buffers, Input};

/// A whole number that orders as the value does, with NaN first whatever its sign and payload.
fn key(value: f64) -> i64 {
    if value.is_nan() {
        return i64::MIN;
    }
    let bits = value.to_bits() as i64;
    bits ^ (((bits >> 63) as u64) >> 1) as i64
}

/// The value that a key stands for.
fn value_of(key: i64) -> f64 {
    if key == i64::MIN {
        return f64::NAN;
    }
    f64::from_bits((key ^ (((key >> 63) as u64) >> 1) as i64) as u64)
}

fn position(sorted: &[i64], key: i64) -> usize {
    sorted.partition_point(|other| *other < key)
}

/// Takes `old`, which is there, out of a sorted list and puts `new` in.
fn exchange(sorted: &mut [i64], old: i64, new: i64) {
    let (from, to) = (position(sorted, old), position(sorted, new));
    if from < to {
        sorted.copy_within(from + 1..to, from);
        sorted[to - 1] = new;
    } else {
        sorted.copy_within(to..from, to + 1);
        sorted[to] = new;
    }
}

/// The quantile `q[step]`, 0 to 1, of each window.
pub(super) fn quantiles(q: &[f64], input: &Input<'_>, buffers: &mut Buffers) -> Vec<f64> {
    let sorted = &mut buffers.sorted;
    sorted.clear();
    let mut held = 0..0;
    input.column(|step, window| {
        let moved = (window.start - held.start.min(window.start)) + (window.end - held.end.min(window.end));
        if held.end <= window.start || moved > window.len() / 2 {
            sorted.clear();
            sorted.extend(input.values[window.clone()].iter().map(|value| key(*value)));
            sorted.sort_unstable();
        } else {
            let leaving = &input.values[held.start..window.start];
            let entering = &input.values[held.end..window.end];
            for (old, new) in leaving.iter().zip(entering) {
                exchange(sorted, key(*old), key(*new));
            }
            for old in leaving.iter().skip(entering.len()) {
                sorted.remove(position(sorted, key(*old)));
            }
            for new in entering.iter().skip(leaving.len()) {
                let new = key(*new);
                sorted.insert(position(sorted, new), new);
            }
        }
        held = window;
        let q = q.get(step).copied().unwrap_or(f64::NAN);
        let (low, high, weight) = bedrock::vector::quantile_ranks(q, sorted.len());
        value_of(sorted[low]) * (1.0 - weight) + value_of(sorted[high]) * weight
    })
}
