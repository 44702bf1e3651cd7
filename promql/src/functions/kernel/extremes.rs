//! Smallest and largest values.
//!
//! Without NaN: the best of each stretch of `2^k` samples, made in `k` vectorised passes, so that a window of up to
//! twice as many is the better of two stretches. With NaN: a monotonic queue, which each sample enters and leaves
//! once; it takes some 30 ns a sample where values wander, ten times as long as the passes.

use super::{Buffers, Input};

/// The best value of each window; NaN only where there is nothing else.
pub(super) fn column(
    input: &Input<'_>,
    buffers: &mut Buffers,
    better: impl Fn(f64, f64) -> bool + Copy,
) -> Vec<f64> {
    let any_nan = input.values.iter().fold(false, |any, value| any | value.is_nan());
    if any_nan { by_queue(input, buffers, better) } else { by_stretches(input, buffers, better) }
}

fn by_stretches(
    input: &Input<'_>,
    buffers: &mut Buffers,
    better: impl Fn(f64, f64) -> bool + Copy,
) -> Vec<f64> {
    let best = |a: f64, b: f64| if better(b, a) { b } else { a };
    let widest = input.windows.iter().map(|window| window.len()).max().unwrap_or(0);
    let stretch = 1 << widest.checked_ilog2().unwrap_or(0);
    let stretches = &mut buffers.stretches;
    stretches.clear();
    stretches.extend_from_slice(input.values);
    let mut width = 1;
    while width < stretch {
        // In place: entry i + width has not been widened yet when entry i is.
        for index in 0..stretches.len() - width {
            stretches[index] = best(stretches[index], stretches[index + width]);
        }
        width *= 2;
    }
    input.column(|_, window| {
        if window.len() >= stretch {
            return best(stretches[window.start], stretches[window.end - stretch]);
        }
        let values = &input.values[window];
        values.iter().fold(values[0], |so_far, value| best(so_far, *value))
    })
}

fn by_queue(input: &Input<'_>, buffers: &mut Buffers, better: impl Fn(f64, f64) -> bool) -> Vec<f64> {
    let values = input.values;
    // Indexes of samples that may still become the best, the best first: `queue[head..]`.
    let queue = &mut buffers.indexes;
    queue.clear();
    let (mut head, mut entered) = (0, 0);
    input.column(|_, window| {
        for index in entered.max(window.start)..window.end {
            let value = values[index];
            if value.is_nan() {
                continue;
            }
            while queue.len() > head && queue.last().is_some_and(|last| better(value, values[*last as usize]))
            {
                queue.pop();
            }
            queue.push(index as u32);
        }
        entered = window.end;
        while queue.get(head).is_some_and(|first| (*first as usize) < window.start) {
            head += 1;
        }
        // A window of nothing but NaN: which of them the definition gives is its last.
        queue.get(head).map_or(values[window.end - 1], |best| values[*best as usize])
    })
}
