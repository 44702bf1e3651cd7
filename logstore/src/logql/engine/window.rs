//! What a range aggregation makes of the samples in one window.

use bedrock::vector;

use crate::logql::ast::RangeOp;

/// A timestamp in nanoseconds and a value.
pub(super) type Point = (i64, f64);

/// The value of a window with at least one sample. `end_ns` is the end of the window, `range_ns` its length.
pub(super) fn value(
    op: RangeOp,
    parameter: Option<f64>,
    points: &[Point],
    end_ns: i64,
    range_ns: i64,
) -> f64 {
    let values = points.iter().map(|(_, value)| *value);
    let seconds = range_ns as f64 / 1e9;
    match op {
        RangeOp::CountOverTime => points.len() as f64,
        RangeOp::Rate | RangeOp::BytesRate => values.sum::<f64>() / seconds,
        RangeOp::SumOverTime | RangeOp::BytesOverTime => values.sum(),
        RangeOp::RateCounter => counter_rate(points, end_ns, range_ns),
        RangeOp::AvgOverTime => mean(values),
        RangeOp::MinOverTime => {
            values.fold(f64::NAN, |min, value| if value < min || min.is_nan() { value } else { min })
        }
        RangeOp::MaxOverTime => {
            values.fold(f64::NAN, |max, value| if value > max || max.is_nan() { value } else { max })
        }
        RangeOp::StdvarOverTime => variance(values),
        RangeOp::StddevOverTime => variance(values).sqrt(),
        RangeOp::QuantileOverTime => {
            let mut sorted: Vec<f64> = values.collect();
            vector::quantile(parameter.unwrap_or(f64::NAN), &mut sorted)
        }
        RangeOp::FirstOverTime => points.first().map_or(f64::NAN, |(_, value)| *value),
        RangeOp::LastOverTime => points.last().map_or(f64::NAN, |(_, value)| *value),
        RangeOp::AbsentOverTime => 1.0,
    }
}

/// The running mean; once infinite, only an infinity of the other sign or NaN changes it.
fn mean(values: impl Iterator<Item = f64>) -> f64 {
    let mut mean = 0.0f64;
    for (count, value) in (1..).map(f64::from).zip(values) {
        let stays =
            mean.is_infinite() && (value.is_infinite() && (mean > 0.0) == (value > 0.0) || value.is_finite());
        if !stays {
            mean += value / count - mean / count;
        }
    }
    mean
}

/// The variance of the population, in one pass.
fn variance(values: impl Iterator<Item = f64>) -> f64 {
    let (mut count, mut mean, mut squares) = (0.0f64, 0.0f64, 0.0f64);
    for value in values {
        count += 1.0;
        let delta = value - mean;
        mean += delta / count;
        squares += delta * (value - mean);
    }
    squares / count
}

/// The rate per second of a counter that may start again, extrapolated to the ends of the window as Prometheus does.
fn counter_rate(points: &[Point], end_ns: i64, range_ns: i64) -> f64 {
    let (Some(&(first_ns, first)), Some(&(last_ns, last))) = (points.first(), points.last()) else {
        return 0.0;
    };
    if points.len() < 2 {
        return 0.0;
    }
    let mut increase = last - first;
    let mut before = 0.0;
    for &(_, value) in points {
        if value < before {
            increase += before;
        }
        before = value;
    }
    let seconds = |ns: i64| ns as f64 / 1e9;
    let mut to_start = seconds(first_ns - (end_ns - range_ns));
    let mut to_end = seconds(end_ns - last_ns);
    let sampled = seconds(last_ns - first_ns);
    let between = sampled / (points.len() - 1) as f64;
    let threshold = between * 1.1;
    if to_start >= threshold {
        to_start = between / 2.0;
    }
    // A counter that starts at zero did not run before that.
    let to_zero = if increase > 0.0 && first >= 0.0 { sampled * (first / increase) } else { to_start };
    to_start = to_start.min(to_zero);
    if to_end >= threshold {
        to_end = between / 2.0;
    }
    increase * ((sampled + to_start + to_end) / sampled) / seconds(range_ns)
}
