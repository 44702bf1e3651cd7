//! Trends: a line by least squares, and double exponential smoothing.

use bedrock::vector::kahan_add;

/// A line through samples; the intercept is its value at a chosen time.
pub(crate) struct Line {
    pub(crate) slope: f64,
    pub(crate) intercept: f64,
}

/// The line of least squares, with compensated sums. Equal values give a level line exactly.
pub(crate) fn line(times: &[i64], values: &[f64], intercept_ms: i64) -> Line {
    let first = values.first().copied().unwrap_or(f64::NAN);
    if values.iter().all(|value| *value == first) {
        return match first.is_infinite() {
            true => Line { slope: f64::NAN, intercept: f64::NAN },
            false => Line { slope: 0.0, intercept: first },
        };
    }
    let mut sums = [(0.0, 0.0); 4];
    for (time, value) in times.iter().zip(values) {
        let x = time.saturating_sub(intercept_ms) as f64 / 1e3;
        for (sum, term) in sums.iter_mut().zip([x, *value, x * value, x * x]) {
            *sum = kahan_add(term, sum.0, sum.1);
        }
    }
    let [x, y, xy, xx] = sums.map(|(sum, compensation)| sum + compensation);
    let n = values.len() as f64;
    let slope = (xy - x * y / n) / (xx - x * x / n);
    Line { slope, intercept: y / n - slope * x / n }
}

/// Double exponential smoothing (Holt's linear method) over at least two values.
pub(crate) fn double_exponential(values: &[f64], smoothing: f64, trend_factor: f64) -> f64 {
    let [first, second, ..] = values else { return f64::NAN };
    let (mut before, mut smoothed, mut trend) = (0.0, *first, second - first);
    for (i, value) in values.iter().enumerate().skip(1) {
        if i > 1 {
            trend = trend_factor * (smoothed - before) + (1.0 - trend_factor) * trend;
        }
        let next = smoothing * value + (1.0 - smoothing) * (smoothed + trend);
        (before, smoothed) = (smoothed, next);
    }
    smoothed
}
