//! Results against what a script expects.

use std::collections::BTreeMap;

use bedrock::histogram::Histogram;
use bedrock::labels::Labels;
use bedrock::series::is_stale;

use crate::engine::{Annotations, MatrixSeries, SampleValue, Value, VectorSample};
use crate::script::eval::Eval;
use crate::script::expect::Text;
use crate::script::points::Point;

/// How far values may lie apart, relative to the sum of their magnitudes.
const EPSILON: f64 = 1e-6;

/// Whether two values are the same but for rounding: both stale, both another NaN, equal, or apart by less than
/// `epsilon` times the sum of their magnitudes.
///
/// ```
/// use promql::script::almost_equal;
///
/// assert!(almost_equal(1.0, 1.000_001, 1e-6));
/// assert!(!almost_equal(0.0, 1e-300, 1e-6));
/// ```
pub fn almost_equal(a: f64, b: f64, epsilon: f64) -> bool {
    if is_stale(a) || is_stale(b) {
        return is_stale(a) && is_stale(b);
    }
    if a == b || (a.is_nan() && b.is_nan()) {
        return true;
    }
    let sum = a.abs() + b.abs();
    let difference = (a - b).abs();
    if a == 0.0 || b == 0.0 || sum < f64::MIN_POSITIVE {
        return difference < epsilon * f64::MIN_POSITIVE;
    }
    difference / sum.min(f64::MAX) < epsilon
}

fn equal(a: f64, b: f64) -> bool {
    almost_equal(a, b, EPSILON)
}

/// Whether annotations are as expected; otherwise why not.
pub(super) fn check_annotations(eval: &Eval, annotations: &Annotations) -> Result<(), String> {
    let expect = &eval.expect;
    check_texts("warning", &expect.warn, expect.no_warn, &annotations.warnings)?;
    check_texts("info", &expect.info, expect.no_info, &annotations.infos)
}

fn check_texts(kind: &str, expected: &[Text], forbidden: bool, found: &[String]) -> Result<(), String> {
    if forbidden && !found.is_empty() {
        return Err(format!("expected no {kind}, got {found:?}"));
    }
    if expected.is_empty() {
        return Ok(());
    }
    if let Some(missing) = expected.iter().find(|text| !found.iter().any(|found| text.accepts(found))) {
        return Err(format!("expected the {kind} {missing:?}, got {found:?}"));
    }
    match found.iter().find(|found| !expected.iter().any(|text| text.accepts(found))) {
        Some(extra) => Err(format!("unexpected {kind} {extra:?}")),
        None => Ok(()),
    }
}

/// Whether a value is as expected; otherwise why not.
pub(super) fn check_value(eval: &Eval, value: &Value) -> Result<(), String> {
    if let Some(expected) = &eval.expect.string {
        return match value {
            Value::String(found) if found == expected => Ok(()),
            other => Err(format!("expected the string {expected:?}, got {other:?}")),
        };
    }
    match (value, eval.scalar) {
        (Value::String(found), _) => Err(format!("unexpected string {found:?}")),
        (Value::Scalar { value, .. }, Some(expected)) if equal(expected, *value) => Ok(()),
        (Value::Scalar { value, .. }, Some(expected)) => Err(format!("expected {expected}, got {value}")),
        (Value::Scalar { value, .. }, None) => Err(format!("expected a vector, got the scalar {value}")),
        (_, Some(expected)) => Err(format!("expected the scalar {expected}, got {value:?}")),
        (Value::Vector(samples), None) => check_vector(eval, samples, eval.expect.ordered),
        (Value::Matrix(_), None) if eval.expect.ordered => {
            Err("expected an ordered result, got a matrix".to_owned())
        }
        (Value::Matrix(series), None) => check_matrix(eval, series),
    }
}

/// Whether a vector is as expected.
pub(super) fn check_vector(eval: &Eval, samples: &[VectorSample], ordered: bool) -> Result<(), String> {
    let mut expected: BTreeMap<&Labels, (usize, &Point)> = BTreeMap::new();
    for (position, (labels, points)) in eval.series.iter().enumerate() {
        expected.insert(labels, (position, points.first().unwrap_or(&Point::Missing)));
    }
    for (found_at, sample) in samples.iter().enumerate() {
        let labels = &sample.labels;
        let Some((position, point)) = expected.remove(labels) else {
            return Err(format!("unexpected or repeated series {labels} with {}", show(&sample.value)));
        };
        if ordered && position != found_at {
            return Err(format!("expected {labels} at position {position}, found it at {found_at}"));
        }
        let matches = match (point, &sample.value) {
            (Point::Float(expected), SampleValue::Float(found)) => equal(*expected, *found),
            (Point::Histogram { histogram, hint_given }, SampleValue::Histogram(found)) => {
                same_histogram(histogram, found, *hint_given)
            }
            _ => false,
        };
        if !matches {
            return Err(format!("expected {} for {labels}, got {}", show_point(point), show(&sample.value)));
        }
    }
    match expected.keys().next() {
        Some(labels) => Err(format!("expected series {labels} not found")),
        None => Ok(()),
    }
}

fn check_matrix(eval: &Eval, series: &[MatrixSeries]) -> Result<(), String> {
    check_sorted(series)?;
    let mut expected: BTreeMap<&Labels, &Vec<Point>> = BTreeMap::new();
    expected.extend(eval.series.iter().map(|(labels, points)| (labels, points)));
    for found in series {
        let Some(points) = expected.remove(&found.labels) else {
            return Err(format!("unexpected or repeated series {} with {:?}", found.labels, found.floats));
        };
        check_points(eval, points, found)?;
    }
    match expected.keys().next() {
        Some(labels) => Err(format!("expected series {labels} not found")),
        None => Ok(()),
    }
}

/// A matrix is always sorted by labels.
pub(super) fn check_sorted(series: &[MatrixSeries]) -> Result<(), String> {
    let unsorted = series.windows(2).find(|pair| matches!(pair, [a, b] if a.labels > b.labels));
    unsorted.map_or(Ok(()), |pair| match pair {
        [a, b] => Err(format!("series are not sorted: {} comes before {}", a.labels, b.labels)),
        _ => Ok(()),
    })
}

fn check_points(eval: &Eval, points: &[Point], found: &MatrixSeries) -> Result<(), String> {
    let times = eval.points;
    let mut floats = found.floats.iter();
    let mut histograms = found.histograms.iter();
    for (index, point) in points.iter().enumerate() {
        let time = times.start_ms + times.step_ms * index as i64;
        if time > times.end_ms {
            return Err(format!("{} has more points expected than the query has steps", found.labels));
        }
        let matches = match point {
            Point::Missing => true,
            Point::Float(expected) => {
                floats.next().is_some_and(|(found_at, value)| *found_at == time && equal(*expected, *value))
            }
            Point::Histogram { histogram, hint_given } => {
                histograms.next().is_some_and(|(found_at, value)| {
                    *found_at == time && same_histogram(histogram, value, *hint_given)
                })
            }
        };
        if !matches {
            return Err(format!(
                "{} at {time} ms: expected {}, got floats {:?} and histograms {:?}",
                found.labels,
                show_point(point),
                found.floats,
                found.histograms.iter().map(|(at, value)| format!("{value} @ {at}")).collect::<Vec<_>>(),
            ));
        }
    }
    if floats.next().is_some() || histograms.next().is_some() {
        return Err(format!(
            "{} has more points than expected: floats {:?}, {} histograms",
            found.labels,
            found.floats,
            found.histograms.len()
        ));
    }
    Ok(())
}

/// Whether two histograms are the same but for empty buckets and rounding.
fn same_histogram(expected: &Histogram, found: &Histogram, compare_hint: bool) -> bool {
    let (mut expected, mut found) = (expected.clone(), found.clone());
    expected.compact();
    found.compact();
    let same = |a: &[f64], b: &[f64]| a.len() == b.len() && a.iter().zip(b).all(|(a, b)| equal(*a, *b));
    expected.schema == found.schema
        && expected.zero_threshold == found.zero_threshold
        && expected.custom_values == found.custom_values
        && expected.positive_spans == found.positive_spans
        && expected.negative_spans == found.negative_spans
        && equal(expected.count, found.count)
        && equal(expected.sum, found.sum)
        && equal(expected.zero_count, found.zero_count)
        && same(&expected.positive_buckets, &found.positive_buckets)
        && same(&expected.negative_buckets, &found.negative_buckets)
        && (!compare_hint || expected.counter_reset_hint == found.counter_reset_hint)
}

fn show(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(value) => value.to_string(),
        SampleValue::Histogram(histogram) => show_histogram(histogram),
    }
}

fn show_point(point: &Point) -> String {
    match point {
        Point::Missing => "no point".to_owned(),
        Point::Float(value) => value.to_string(),
        Point::Histogram { histogram, .. } => show_histogram(histogram),
    }
}

fn show_histogram(histogram: &Histogram) -> String {
    format!("{histogram} ({:?}, schema {})", histogram.counter_reset_hint, histogram.schema)
}
