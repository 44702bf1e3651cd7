//! Adding columns into a group, one after the other.

use super::{ABSENT, is_absent, kahan_add};

/// What a group makes of its members at each step. NaN is a value like any other; `Min` and `Max` prefer anything
/// else to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Aggregation {
    /// The sum, compensated.
    Sum,
    /// The mean; sums first and divides last, unless the sum leaves the range of floats.
    Avg,
    /// The smallest value.
    Min,
    /// The largest value.
    Max,
    /// How many members have a value.
    Count,
    /// 1 where any member has a value.
    Group,
    /// Standard deviation of the population.
    Stddev,
    /// Variance of the population.
    Stdvar,
}

/// One group under aggregation: takes columns, gives a column. 8 to 24 bytes a step.
///
/// ```
/// use bedrock::vector::{ABSENT, Accumulator, Aggregation};
///
/// let mut sum = Accumulator::new(Aggregation::Sum, 2);
/// sum.add(&[1.0, ABSENT]);
/// sum.add(&[2.0, 3.0]);
/// assert_eq!(sum.finish(), [3.0, 3.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Accumulator {
    aggregation: Aggregation,
    /// Sum, extreme, or sum of squared deviations; absent before the first value.
    main: Vec<f64>,
    /// Compensation of the sum, or running mean.
    side: Vec<f64>,
    count: Vec<f64>,
    /// Running means of the steps whose sum has overflowed; empty while none has.
    means: Vec<f64>,
}

impl Accumulator {
    /// An empty group over `steps` steps.
    pub fn new(aggregation: Aggregation, steps: usize) -> Self {
        use Aggregation::{Avg, Stddev, Stdvar, Sum};
        let zeros = |wanted: bool| if wanted { vec![0.0; steps] } else { Vec::new() };
        Accumulator {
            aggregation,
            main: vec![ABSENT; steps],
            side: zeros(matches!(aggregation, Sum | Avg | Stddev | Stdvar)),
            count: zeros(matches!(aggregation, Avg | Stddev | Stdvar)),
            means: Vec::new(),
        }
    }

    /// Adds a column of as many steps as the group has.
    pub fn add(&mut self, column: &[f64]) {
        match self.aggregation {
            Aggregation::Sum => self.add_sum(column),
            Aggregation::Avg => self.add_avg(column),
            Aggregation::Min => self.replace(column, |old, new| old > new || old.is_nan()),
            Aggregation::Max => self.replace(column, |old, new| old < new || old.is_nan()),
            Aggregation::Count => {
                for (count, value) in self.main.iter_mut().zip(column) {
                    let more = if is_absent(*count) { 1.0 } else { *count + 1.0 };
                    *count = if is_absent(*value) { *count } else { more };
                }
            }
            Aggregation::Group => {
                for (seen, value) in self.main.iter_mut().zip(column) {
                    *seen = if is_absent(*value) { *seen } else { 1.0 };
                }
            }
            Aggregation::Stddev | Aggregation::Stdvar => self.add_deviation(column),
        }
    }

    fn add_sum(&mut self, column: &[f64]) {
        for ((sum, compensation), value) in self.main.iter_mut().zip(&mut self.side).zip(column) {
            let added = kahan_add(*value, *sum, *compensation);
            let next = if is_absent(*sum) { (*value, 0.0) } else { added };
            (*sum, *compensation) = if is_absent(*value) { (*sum, *compensation) } else { next };
        }
    }

    fn replace(&mut self, column: &[f64], better: impl Fn(f64, f64) -> bool) {
        for (best, value) in self.main.iter_mut().zip(column) {
            let take = !is_absent(*value) & (is_absent(*best) | better(*best, *value));
            *best = if take { *value } else { *best };
        }
    }

    fn add_avg(&mut self, column: &[f64]) {
        for (step, value) in column.iter().enumerate() {
            if is_absent(*value) {
                continue;
            }
            let (sum, compensation, count) =
                (&mut self.main[step], &mut self.side[step], &mut self.count[step]);
            *count += 1.0;
            if *count == 1.0 {
                *sum = *value;
                continue;
            }
            let overflowed = self.means.get(step).is_some_and(|mean| !is_absent(*mean));
            if !overflowed {
                let (total, lost) = kahan_add(*value, *sum, *compensation);
                if !total.is_infinite() {
                    (*sum, *compensation) = (total, lost);
                    continue;
                }
                if self.means.is_empty() {
                    self.means = vec![ABSENT; column.len()];
                }
                self.means[step] = *sum / (*count - 1.0);
                *compensation /= *count - 1.0;
            }
            let share = (*count - 1.0) / *count;
            (self.means[step], *compensation) =
                kahan_add(*value / *count, share * self.means[step], share * *compensation);
        }
    }

    fn add_deviation(&mut self, column: &[f64]) {
        for (step, value) in column.iter().enumerate() {
            if is_absent(*value) {
                continue;
            }
            let (squares, mean, count) = (&mut self.main[step], &mut self.side[step], &mut self.count[step]);
            *count += 1.0;
            if *count == 1.0 {
                *mean = *value;
                *squares = if value.is_finite() { 0.0 } else { f64::NAN };
                continue;
            }
            let delta = *value - *mean;
            *mean += delta / *count;
            *squares += delta * (*value - *mean);
        }
    }

    /// The group's column.
    pub fn finish(mut self) -> Vec<f64> {
        match self.aggregation {
            Aggregation::Sum => {
                for (sum, compensation) in self.main.iter_mut().zip(&self.side) {
                    *sum = if is_absent(*sum) { *sum } else { *sum + *compensation };
                }
            }
            Aggregation::Avg => self.finish_avg(),
            Aggregation::Stdvar | Aggregation::Stddev => {
                let root = self.aggregation == Aggregation::Stddev;
                for (squares, count) in self.main.iter_mut().zip(&self.count) {
                    let variance = *squares / *count;
                    let value = if root { variance.sqrt() } else { variance };
                    *squares = if is_absent(*squares) { *squares } else { value };
                }
            }
            Aggregation::Min | Aggregation::Max | Aggregation::Count | Aggregation::Group => {}
        }
        self.main
    }

    fn finish_avg(&mut self) {
        for step in 0..self.main.len() {
            let (sum, compensation, count) = (self.main[step], self.side[step], self.count[step]);
            self.main[step] = match self.means.get(step) {
                _ if is_absent(sum) => sum,
                Some(mean) if !is_absent(*mean) => mean + compensation,
                _ => sum / count + compensation / count,
            };
        }
    }
}
