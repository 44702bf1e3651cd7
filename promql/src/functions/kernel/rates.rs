//! Rates of floats.

use std::ops::Range;

use bedrock::vector::ABSENT;

use super::{Buffers, Input};
use crate::FunctionId;
use crate::engine::window::{Reach, Windows};
use crate::functions::range::RangeCall;

/// What the timestamps of a window decide about extrapolation, in seconds.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Edge {
    /// From the first to the last sample.
    sampled: f64,
    /// What is added before the first sample, unless a counter's zero comes first.
    to_start: f64,
    /// The factor that this makes, divided by the seconds that a rate is over.
    factor: f64,
    /// What is added behind the last sample.
    to_end: f64,
}

/// Fills `edges` for the windows over some timestamps, for a function that divides by `per_second`. About 20 ns a step,
/// once for all series that share them.
pub(crate) fn fill_edges(
    times: &[i64],
    windows: &Windows,
    reach: &Reach,
    per_second: f64,
    edges: &mut Vec<Edge>,
) {
    edges.clear();
    edges.extend(windows.iter().zip(reach.steps.times()).map(|(window, time)| {
        if window.len() < 2 {
            return Edge::default();
        }
        let (first, last) = (times[window.start], times[window.end - 1]);
        let end = reach.reference.time(time);
        let sampled = last.saturating_sub(first) as f64 / 1e3;
        let interval = sampled / (window.len() - 1) as f64;
        let threshold = interval * 1.1;
        let near = |gap_ms: i64| {
            let gap = gap_ms as f64 / 1e3;
            if gap >= threshold { interval / 2.0 } else { gap }
        };
        let to_start = near(first.saturating_sub(end.saturating_sub(reach.behind_ms)));
        let to_end = near(end.saturating_sub(last));
        let factor = if sampled == 0.0 { 1.0 } else { (sampled + to_start + to_end) / sampled };
        Edge { sampled, to_start, factor: factor / per_second, to_end }
    }));
}

/// Up to so many resets in a window are added one by one, exactly as the definition does.
const RESETS_EXACT: usize = 16;

/// `rate`, `increase` and `delta`.
pub(super) fn extrapolated(call: &RangeCall, input: &Input<'_>, buffers: &mut Buffers) -> Vec<f64> {
    let counter = call.function != FunctionId::Delta;
    let per_second = super::extrapolates(call).unwrap_or(1.0);
    let mut resets = Resets { at: &mut buffers.indexes, reached: Vec::new(), first: 0, behind: 0 };
    if counter {
        resets.find(input.values);
    } else {
        resets.at.clear();
    }
    let values = input.values;
    let has_resets = !resets.at.is_empty();
    let mut column = vec![ABSENT; input.edges.len()];
    for ((slot, window), edge) in column.iter_mut().zip(input.windows.iter()).zip(input.edges) {
        if window.len() < 2 {
            continue;
        }
        let (first, last) = (values[window.start], values[window.end - 1]);
        let mut increase = last - first;
        if has_resets {
            increase = resets.add_to(increase, &window, values);
        }
        let mut factor = edge.factor;
        // Rarely true, so the division of the definition is left for where it is.
        let reaches_zero = edge.sampled * first < edge.to_start * increase;
        if reaches_zero && counter && increase > 0.0 && first >= 0.0 && edge.sampled > 0.0 {
            let to_zero = edge.sampled * (first / increase);
            let to_start = if to_zero < edge.to_start { to_zero } else { edge.to_start };
            factor = (edge.sampled + to_start + edge.to_end) / edge.sampled / per_second;
        }
        *slot = increase * factor;
    }
    column
}

/// The resets of a counter.
struct Resets<'b> {
    /// Indexes of samples that are below the one before.
    at: &'b mut Vec<u32>,
    /// What the counter had reached before each of them, added up; made only where windows hold many.
    reached: Vec<f64>,
    first: usize,
    behind: usize,
}

impl Resets<'_> {
    /// Resets are rare: most stretches of samples are dismissed by one vectorised look.
    fn find(&mut self, values: &[f64]) {
        const STRETCH: usize = 64;
        self.at.clear();
        let Some(later) = values.get(1..) else { return };
        let stretches = values.chunks(STRETCH).zip(later.chunks(STRETCH));
        for (stretch, (before, now)) in stretches.enumerate() {
            let pairs = || before.iter().zip(now);
            if !pairs().fold(false, |any, (before, now)| any | (now < before)) {
                continue;
            }
            let inside = pairs().enumerate().filter(|(_, (before, now))| now < before);
            self.at.extend(inside.map(|(index, _)| (stretch * STRETCH + index + 1) as u32));
        }
    }

    /// Adds what was reached before each reset inside the window.
    #[inline(never)]
    fn add_to(&mut self, increase: f64, window: &Range<usize>, values: &[f64]) -> f64 {
        while self.at.get(self.first).is_some_and(|at| *at as usize <= window.start) {
            self.first += 1;
        }
        self.behind = self.behind.max(self.first);
        while self.at.get(self.behind).is_some_and(|at| (*at as usize) < window.end) {
            self.behind += 1;
        }
        let before = |at: &u32| values.get(*at as usize - 1).copied().unwrap_or(0.0);
        if self.behind - self.first <= RESETS_EXACT {
            let inside = self.at.get(self.first..self.behind).unwrap_or_default();
            return inside.iter().fold(increase, |sum, at| sum + before(at));
        }
        if self.reached.is_empty() {
            let mut total = 0.0;
            self.reached.push(0.0);
            self.reached.extend(self.at.iter().map(|at| {
                total += before(at);
                total
            }));
        }
        increase + (self.reached[self.behind] - self.reached[self.first])
    }
}

/// `irate` and `idelta`: between the last two samples.
pub(super) fn instant(function: FunctionId, input: &Input<'_>) -> Vec<f64> {
    let is_rate = function == FunctionId::Irate;
    input.column(|_, window| {
        if window.len() < 2 {
            return ABSENT;
        }
        let (before, now) = (input.values[window.end - 2], input.values[window.end - 1]);
        let interval_ms = input.times[window.end - 1].saturating_sub(input.times[window.end - 2]);
        if interval_ms == 0 {
            return ABSENT;
        }
        let difference = if is_rate && now < before { now } else { now - before };
        if is_rate { difference / (interval_ms as f64 / 1e3) } else { difference }
    })
}
