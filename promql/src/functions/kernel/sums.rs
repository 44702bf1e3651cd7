//! Sums and variances of windows from prefix sums in double-double arithmetic (Dekker 1971, Knuth): about 106 bits,
//! so that the difference of two prefixes is as good as a compensated sum of the window, unless nearly all of it
//! cancels. That is checked, and the window then summed by definition.

use super::{Buffers, Input};
use crate::FunctionId;
use crate::functions::range::{avg, sum, variance as variance_of};

/// An unevaluated sum of two floats, the second below half a unit in the last place of the first.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Double {
    high: f64,
    low: f64,
}

/// The sum of two floats and its rounding error, exactly.
fn two_sum(a: f64, b: f64) -> (f64, f64) {
    let sum = a + b;
    let part = sum - a;
    (sum, (a - (sum - part)) + (b - part))
}

/// The product of two floats and its rounding error, exactly where nothing overflows.
fn two_product(a: f64, b: f64) -> (f64, f64) {
    const SPLITTER: f64 = 134_217_729.0;
    let split = |value: f64| {
        let scaled = SPLITTER * value;
        let high = scaled - (scaled - value);
        (high, value - high)
    };
    let product = a * b;
    let ((a_high, a_low), (b_high, b_low)) = (split(a), split(b));
    (product, ((a_high * b_high - product) + a_high * b_low + a_low * b_high) + a_low * b_low)
}

impl Double {
    fn new(high: f64, low: f64) -> Self {
        let (high, low) = two_sum(high, low);
        Double { high, low }
    }

    fn plus(self, value: f64, error: f64) -> Self {
        let (sum, lost) = two_sum(self.high, value);
        Double::new(sum, lost + self.low + error)
    }

    fn minus(self, other: Double) -> Self {
        self.plus(-other.high, -other.low)
    }

    fn value(self) -> f64 {
        self.high + self.low
    }

    /// The square over a whole number.
    fn square_over(self, divisor: f64) -> Self {
        let (square, error) = two_product(self.high, self.high);
        let square = Double::new(square, error + 2.0 * self.high * self.low);
        let quotient = square.high / divisor;
        let (back, back_error) = two_product(quotient, divisor);
        let rest = square.plus(-back, -back_error);
        Double::new(quotient, rest.value() / divisor)
    }
}

/// A result this much smaller than what it was computed from has too few bits left: 40 of 106.
const LEFT_MIN: f64 = 1.0 / (1u64 << 40) as f64;

/// How many samples a window must see on average for prefix sums to pay.
const PREFIX_PAYS: usize = 24;

/// Fills prefix sums; false where a sum leaves the range of floats.
fn fill(prefix: &mut Vec<Double>, terms: impl Iterator<Item = (f64, f64)>) -> bool {
    prefix.clear();
    let mut total = Double::default();
    prefix.push(total);
    for (term, error) in terms {
        total = total.plus(term, error);
        prefix.push(total);
    }
    total.value().is_finite() && prefix.iter().all(|sum| sum.high.is_finite())
}

fn prefix_pays(input: &Input<'_>, per_sample: usize) -> bool {
    let steps = input.windows.iter().len();
    input.samples_seen() > per_sample * input.values.len() + PREFIX_PAYS * steps
}

pub(super) fn sum_or_avg(function: FunctionId, input: &Input<'_>, buffers: &mut Buffers) -> Vec<f64> {
    let average = function == FunctionId::AvgOverTime;
    let by_definition = |values: &[f64]| if average { avg(values) } else { sum(values) };
    let prefix = &mut buffers.sums;
    let terms = input.values.iter().map(|value| (*value, 0.0));
    let use_prefix = prefix_pays(input, 3) && fill(prefix, terms);
    input.column(|_, window| {
        if use_prefix {
            let (before, behind) = (prefix[window.start], prefix[window.end]);
            let total = behind.minus(before);
            if total.high.abs() > LEFT_MIN * before.high.abs().max(behind.high.abs()) {
                let count = window.len() as f64;
                return if average { total.high / count + total.low / count } else { total.value() };
            }
        }
        by_definition(&input.values[window])
    })
}

pub(super) fn variance(function: FunctionId, input: &Input<'_>, buffers: &mut Buffers) -> Vec<f64> {
    let root = function == FunctionId::StddevOverTime;
    let Buffers { sums, squares, .. } = buffers;
    let use_prefix = prefix_pays(input, 4)
        && fill(sums, input.values.iter().map(|value| (*value, 0.0)))
        && fill(squares, input.values.iter().map(|value| two_product(*value, *value)));
    input.column(|_, window| {
        let mut variance = None;
        if use_prefix {
            let count = window.len() as f64;
            let total = sums[window.end].minus(sums[window.start]);
            let of_squares = squares[window.end].minus(squares[window.start]);
            let deviations = of_squares.minus(total.square_over(count)).value();
            if deviations > LEFT_MIN * squares[window.end].high {
                variance = Some(deviations / count);
            }
        }
        let variance = variance.unwrap_or_else(|| variance_of(&input.values[window]));
        if root { variance.sqrt() } else { variance }
    })
}
