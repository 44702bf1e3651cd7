//! Range functions over all windows of a series of floats at once.
//!
//! Work per step does not grow with the window: rates from the edge samples and a list of resets, extremes from
//! the best of stretches, sums and variances from prefix sums in double-double arithmetic, counts from prefix counts, and
//! quantiles from a window that is kept sorted. What timestamps alone decide is computed once for all series that
//! share them. About 2 to 10 ns a step, besides 0.3 to 15 ns a sample for the prefix sums.
//!
//! Results equal the definition in [`super::range`] up to rounding; where that cannot be promised (infinite values,
//! sums that nearly cancel) the definition itself is used.

mod counts;
mod extremes;
mod rates;
mod sorted;
mod sums;

use bedrock::vector::ABSENT;

use super::range::RangeCall;
use crate::FunctionId;
use crate::engine::window::Windows;

pub(crate) use rates::{Edge, fill_edges};

/// Memory that a thread reuses from series to series.
#[derive(Debug, Default)]
pub(crate) struct Buffers {
    indexes: Vec<u32>,
    stretches: Vec<f64>,
    sorted: Vec<i64>,
    sums: Vec<sums::Double>,
    squares: Vec<sums::Double>,
}

/// The floats of one series and what each step sees of them.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'i> {
    pub(crate) times: &'i [i64],
    pub(crate) values: &'i [f64],
    pub(crate) windows: &'i Windows,
    /// By step, for functions that extrapolate.
    pub(crate) edges: &'i [Edge],
}

impl Input<'_> {
    /// A column whose value at a step is made of the window there; absent where that is empty.
    fn column(&self, mut value: impl FnMut(usize, std::ops::Range<usize>) -> f64) -> Vec<f64> {
        let windows = self.windows.iter().enumerate();
        windows.map(|(step, window)| if window.is_empty() { ABSENT } else { value(step, window) }).collect()
    }

    /// Samples in all windows, those in several counted several times.
    fn samples_seen(&self) -> usize {
        self.windows.iter().map(|window| window.len()).sum()
    }
}

/// What the function divides by after it has extrapolated, where it does that: it needs [`Input::edges`].
pub(crate) fn extrapolates(call: &RangeCall) -> Option<f64> {
    match call.function {
        FunctionId::Rate => Some(call.range_ms as f64 / 1e3),
        FunctionId::Increase | FunctionId::Delta => Some(1.0),
        _ => None,
    }
}

/// The column of the function; none where no kernel computes it.
pub(crate) fn column(call: &RangeCall, input: &Input<'_>, buffers: &mut Buffers) -> Option<Vec<f64>> {
    use FunctionId as F;
    let at = |index: usize| input.values.get(index).copied().unwrap_or(ABSENT);
    let time_at = |index: usize| input.times.get(index).map_or(ABSENT, |time| *time as f64 / 1e3);
    Some(match call.function {
        F::Rate | F::Increase | F::Delta => rates::extrapolated(call, input, buffers),
        F::Irate | F::Idelta => rates::instant(call.function, input),
        F::CountOverTime => input.column(|_, window| window.len() as f64),
        F::PresentOverTime | F::AbsentOverTime => input.column(|_, _| 1.0),
        F::FirstOverTime => input.column(|_, window| at(window.start)),
        F::LastOverTime => input.column(|_, window| at(window.end - 1)),
        F::TsOfFirstOverTime => input.column(|_, window| time_at(window.start)),
        F::TsOfLastOverTime => input.column(|_, window| time_at(window.end - 1)),
        F::Changes => counts::pairs(input, buffers, |a, b| a != b && !(a.is_nan() && b.is_nan())),
        F::Resets => counts::pairs(input, buffers, |a, b| b < a),
        F::MinOverTime => extremes::column(input, buffers, |new, old| new < old),
        F::MaxOverTime => extremes::column(input, buffers, |new, old| new > old),
        F::SumOverTime | F::AvgOverTime => sums::sum_or_avg(call.function, input, buffers),
        F::StddevOverTime | F::StdvarOverTime => sums::variance(call.function, input, buffers),
        F::QuantileOverTime => {
            let q = call.params.first()?;
            if q.iter().any(|q| !(0.0..=1.0).contains(q)) {
                return None;
            }
            sorted::quantiles(q, input, buffers)
        }
        _ => return None,
    })
}
