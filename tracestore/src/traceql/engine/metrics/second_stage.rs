//! Functions from series to series.

use std::cmp::Ordering::{self, Equal};
use std::collections::HashMap;

use rustc_hash::FxBuildHasher;

use super::{Label, Series};
use crate::traceql::Value;
use crate::traceql::ast::{BinaryOp, SecondStage};

/// Applies one stage.
pub(super) fn applied(stage: &SecondStage, series: Vec<Series>, steps: usize) -> Vec<Series> {
    match stage {
        SecondStage::TopK(limit) => best(series, *limit, steps, true),
        SecondStage::BottomK(limit) => best(series, *limit, steps, false),
        SecondStage::Filter { op, value } => filtered(series, *op, *value),
        SecondStage::Scalar { op, value, scalar_first } => scaled(series, *op, *value, *scalar_first),
    }
}

/// Keeps, at each step, the largest or the smallest points. Among equals the largest are those of the series whose
/// labels come first in the alphabet, and the smallest those whose labels come last.
fn best(mut series: Vec<Series>, limit: i64, steps: usize, largest: bool) -> Vec<Series> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    if series.len() <= limit {
        return series;
    }
    // The one that is kept among equals comes first.
    series.sort_by(|a, b| if largest { rank(b, a) } else { rank(a, b) });
    let mut kept: Vec<Vec<f64>> = vec![vec![f64::NAN; steps]; series.len()];
    for step in 0..steps {
        let at = |index: usize| series.get(index).and_then(|series| series.values.get(step)).copied();
        let mut present: Vec<(usize, f64)> = (0..series.len())
            .filter_map(|index| Some((index, at(index)?)))
            .filter(|(_, value)| !value.is_nan())
            .collect();
        // The sort is stable, so equals stay in the order of their labels.
        present.sort_by(|(_, a), (_, b)| {
            if largest { b.partial_cmp(a) } else { a.partial_cmp(b) }.unwrap_or(Equal)
        });
        for (index, value) in present.into_iter().take(limit) {
            if let Some(point) = kept.get_mut(index).and_then(|values| values.get_mut(step)) {
                *point = value;
            }
        }
    }
    series.iter_mut().zip(kept).for_each(|(series, values)| series.values = values);
    series.retain(Series::has_samples);
    series
}

/// The order of series among equals: texts against the alphabet, then types, then bits.
fn rank(a: &Series, b: &Series) -> Ordering {
    let key = |label: &Label| match &label.value {
        Value::Int(number) => (String::new(), 1, number.cast_unsigned()),
        Value::Float(number) => (String::new(), 2, number.to_bits()),
        Value::Bool(truth) => (String::new(), 4, u64::from(*truth)),
        other => (other.to_string(), 3, 0),
    };
    let (a, b) = (a.key(), b.key());
    let pairs = a.iter().zip(&b).map(|(a, b)| {
        let ((a_text, a_type, a_bits), (b_text, b_type, b_bits)) = (key(a), key(b));
        b_text.cmp(&a_text).then(b.name.cmp(&a.name)).then(a_type.cmp(&b_type)).then(a_bits.cmp(&b_bits))
    });
    pairs.fold(Equal, Ordering::then).then(b.len().cmp(&a.len()))
}

fn filtered(mut series: Vec<Series>, op: BinaryOp, bound: f64) -> Vec<Series> {
    let holds = |value: f64| match op {
        BinaryOp::Equal => value == bound,
        BinaryOp::NotEqual => value != bound,
        BinaryOp::Less => value < bound,
        BinaryOp::LessEqual => value <= bound,
        BinaryOp::Greater => value > bound,
        _ => value >= bound,
    };
    for value in series.iter_mut().flat_map(|series| &mut series.values) {
        if !holds(*value) {
            *value = f64::NAN;
        }
    }
    series.retain(Series::has_samples);
    series
}

fn scaled(mut series: Vec<Series>, op: BinaryOp, scalar: f64, scalar_first: bool) -> Vec<Series> {
    for value in series.iter_mut().flat_map(|series| &mut series.values) {
        *value = if scalar_first { computed(op, scalar, *value) } else { computed(op, *value, scalar) };
    }
    series
}

fn computed(op: BinaryOp, lhs: f64, rhs: f64) -> f64 {
    match op {
        BinaryOp::Add => lhs + rhs,
        BinaryOp::Sub => lhs - rhs,
        BinaryOp::Mul => lhs * rhs,
        _ if rhs == 0.0 => f64::NAN,
        _ => lhs / rhs,
    }
}

/// Joins series on equal labels; a side without labels goes with every series of the other.
pub(super) fn joined(op: BinaryOp, lhs: &[Series], rhs: &[Series]) -> Vec<Series> {
    let index = |side: &'_ [Series]| -> HashMap<Vec<Label>, usize, FxBuildHasher> {
        side.iter().enumerate().map(|(index, series)| (series.key(), index)).collect()
    };
    let (left, right) = (index(lhs), index(rhs));
    let none: Vec<Label> = Vec::new();
    let target = if right.contains_key(&none) { &left } else { &right };
    let mut joined = Vec::new();
    for key in target.keys() {
        let find = |side: &HashMap<Vec<Label>, usize, FxBuildHasher>| {
            side.get(key).or_else(|| side.get(&none)).copied()
        };
        let pair =
            find(&left).and_then(|index| lhs.get(index)).zip(find(&right).and_then(|index| rhs.get(index)));
        let Some((l, r)) = pair else { continue };
        let values = l.values.iter().zip(&r.values).map(|(l, r)| computed(op, *l, *r)).collect();
        joined.push(Series { labels: merged(op, &l.labels, &r.labels), values, exemplars: Vec::new() });
    }
    joined
}

/// The labels of both; two functions become one name.
fn merged(op: BinaryOp, lhs: &[Label], rhs: &[Label]) -> Vec<Label> {
    let name = |labels: &[Label]| {
        labels.iter().find(|label| label.name == "__name__").map(|label| label.value.to_string())
    };
    let mut labels: Vec<Label> = lhs.iter().filter(|label| label.name != "__name__").cloned().collect();
    for label in rhs {
        if label.name != "__name__" && !labels.iter().any(|known| known.name == label.name) {
            labels.push(label.clone());
        }
    }
    if let (Some(left), Some(right)) = (name(lhs), name(rhs)) {
        labels.push(Label::new("__name__", Value::str(format!("({left} {} {right})", op.symbol()))));
    }
    labels
}
