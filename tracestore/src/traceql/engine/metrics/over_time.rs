//! The functions with one number a step and group.

use std::collections::BTreeMap;

use rustc_hash::FxHashMap;

use super::super::eval::Evaluator;
use super::super::expr::{self, Expr};
use super::{Exemplar, Grid, Label, MetricsOptions, Observer, Result, Series};
use crate::field::{Field, Intrinsic};
use crate::model::TraceId;
use crate::source::SpanBatch;
use crate::traceql::Value;
use crate::traceql::ast::{Attribute, OverTimeOp};
use crate::traceql::error::QueryError;

const NS_PER_S: f64 = 1e9;

/// Builds the series of one function.
pub(super) struct OverTime {
    op: OverTimeOp,
    of: Option<Expr>,
    quantiles: Vec<f64>,
    by: Vec<(String, Expr)>,
    extrapolate: bool,
    grid: Grid,
    points_max: usize,
    points: usize,
    groups: FxHashMap<Vec<Value>, Group>,
    exemplars_max: usize,
    /// The first span of each step of a group.
    exemplars: FxHashMap<Vec<Value>, BTreeMap<usize, Exemplar>>,
}

/// The numbers of one group.
enum Group {
    /// One number a step: a count, a sum or an extreme.
    Numbers(Vec<f64>),
    /// Weight and mean a step.
    Means(Vec<Mean>),
    /// Counts a step by the bucket's upper bound as bits, which order as the bounds do, for they are positive.
    Buckets(BTreeMap<u64, Vec<f64>>),
}

/// A mean that grows by one value at a time and cannot overflow.
#[derive(Clone, Copy, Debug, Default)]
struct Mean {
    weight: f64,
    mean: f64,
    compensation: f64,
}

impl Mean {
    fn add(&mut self, value: f64, weight: f64) {
        self.weight += weight;
        let delta = (value - self.mean) * (weight / self.weight) - self.compensation;
        let mean = self.mean + delta;
        self.compensation = (mean - self.mean) - delta;
        self.mean = if self.weight == weight { value } else { mean };
    }
}

impl OverTime {
    pub(super) fn new(
        op: OverTimeOp,
        of: Option<&Attribute>,
        quantiles: &[f64],
        by: &[Attribute],
        extrapolate: bool,
        options: &MetricsOptions,
    ) -> Result<Self> {
        let compiled =
            |attribute: &Attribute| Ok((attribute.to_string(), Expr::Fields(expr::fields(attribute)?)));
        let of = match of {
            Some(attribute) => Some(Expr::Fields(expr::fields(attribute)?)),
            None => None,
        };
        let mut over_time = OverTime {
            op,
            of,
            quantiles: quantiles.to_vec(),
            by: by.iter().map(compiled).collect::<Result<_>>()?,
            extrapolate,
            grid: options.grid,
            points_max: options.points_max,
            points: 0,
            groups: FxHashMap::default(),
            exemplars_max: options.exemplars_max,
            exemplars: FxHashMap::default(),
        };
        if over_time.by.is_empty() && matches!(op, OverTimeOp::Rate | OverTimeOp::Count) {
            // Without groups there is one series, also where no span is found.
            over_time.group(Vec::new())?;
        }
        Ok(over_time)
    }

    fn group(&mut self, key: Vec<Value>) -> Result<&mut Group> {
        if !self.groups.contains_key(&key) {
            self.grow()?;
        }
        let (op, steps) = (self.op, self.grid.len());
        Ok(self.groups.entry(key).or_insert_with(|| match op {
            OverTimeOp::Rate | OverTimeOp::Count => Group::Numbers(vec![0.0; steps]),
            OverTimeOp::Min | OverTimeOp::Max | OverTimeOp::Sum => Group::Numbers(vec![f64::NAN; steps]),
            OverTimeOp::Avg => Group::Means(vec![Mean::default(); steps]),
            OverTimeOp::Quantile | OverTimeOp::Histogram => Group::Buckets(BTreeMap::new()),
        }))
    }

    /// Makes room for one more series.
    fn grow(&mut self) -> Result<()> {
        self.points += self.grid.len();
        if self.points > self.points_max {
            let what = "the numbers that a metrics query builds";
            return Err(QueryError::limit(what, self.points_max, self.points));
        }
        Ok(())
    }

    fn add(&mut self, key: Vec<Value>, step: usize, value: &Value, weight: f64) -> Result<()> {
        let (op, steps) = (self.op, self.grid.len());
        if let OverTimeOp::Quantile | OverTimeOp::Histogram = op {
            let Some(bound) = bucket(value) else { return Ok(()) };
            let Group::Buckets(buckets) = self.group(key.clone())? else { return Ok(()) };
            if !buckets.contains_key(&bound.to_bits()) {
                self.grow()?;
            }
            let Group::Buckets(buckets) = self.group(key)? else { return Ok(()) };
            let counts = buckets.entry(bound.to_bits()).or_insert_with(|| vec![0.0; steps]);
            if let Some(count) = counts.get_mut(step) {
                *count += weight;
            }
            return Ok(());
        }
        let number = match op {
            OverTimeOp::Rate | OverTimeOp::Count => weight,
            _ => match seconds(value) {
                Some(number) => number,
                None => return Ok(()),
            },
        };
        match self.group(key)? {
            Group::Numbers(numbers) => {
                let Some(current) = numbers.get_mut(step) else { return Ok(()) };
                *current = match op {
                    OverTimeOp::Min if *current < number => *current,
                    OverTimeOp::Max if *current > number => *current,
                    OverTimeOp::Min | OverTimeOp::Max => number,
                    OverTimeOp::Sum if current.is_nan() => number * weight,
                    OverTimeOp::Sum => *current + number * weight,
                    _ => *current + number,
                };
            }
            Group::Means(means) => {
                if let Some(mean) = means.get_mut(step) {
                    mean.add(number, weight);
                }
            }
            Group::Buckets(_) => {}
        }
        Ok(())
    }

    /// Keeps a span for its step where it is the first there, whatever the order in which they are seen.
    fn exemplify(&mut self, key: &[Value], step: usize, exemplar: Exemplar) {
        let order = |exemplar: &Exemplar| (exemplar.time_ns, exemplar.trace_id, exemplar.span_id);
        if !self.exemplars.contains_key(key) {
            self.exemplars.insert(key.to_vec(), BTreeMap::new());
        }
        let Some(steps) = self.exemplars.get_mut(key) else { return };
        let kept = steps.entry(step).or_insert(exemplar);
        if order(&exemplar) < order(kept) {
            *kept = exemplar;
        }
    }

    /// The exemplars of a group, evenly spread where there are more steps than are wanted.
    fn exemplars_of(&mut self, key: &[Value]) -> Vec<Exemplar> {
        let all: Vec<Exemplar> = self.exemplars.remove(key).unwrap_or_default().into_values().collect();
        let wanted = self.exemplars_max.min(all.len());
        (0..wanted).filter_map(|at| all.get(at * all.len() / wanted)).copied().collect()
    }

    fn labels(&self, key: &[Value]) -> Vec<Label> {
        let groups = self.by.iter().zip(key).filter(|(_, value)| !value.is_nil());
        groups.map(|((name, _), value)| Label::new(name.clone(), value.clone())).collect()
    }

    /// The labels of a series that has no other: its first group, or its function.
    fn or_default(&self, labels: Vec<Label>) -> Vec<Label> {
        if !labels.is_empty() {
            return labels;
        }
        vec![match self.by.first() {
            Some((name, _)) => Label::new(name.clone(), Value::Nil),
            None => Label::new("__name__", Value::str(self.op.name())),
        }]
    }

    fn series_of(&self, key: &[Value], group: Group) -> Vec<Series> {
        let labels = self.labels(key);
        match group {
            Group::Numbers(mut values) => {
                if self.op == OverTimeOp::Rate {
                    let per_second = 1.0 / self.grid.step_s();
                    values.iter_mut().for_each(|value| *value *= per_second);
                }
                vec![Series { labels: self.or_default(labels), values, exemplars: Vec::new() }]
            }
            Group::Means(means) => {
                let value = |mean: &Mean| if mean.weight == 0.0 { f64::NAN } else { mean.mean };
                vec![Series {
                    labels: self.or_default(labels),
                    values: means.iter().map(value).collect(),
                    exemplars: Vec::new(),
                }]
            }
            Group::Buckets(buckets) if self.op == OverTimeOp::Histogram => {
                let series = buckets.into_iter().map(|(bound, values)| {
                    let mut labels = labels.clone();
                    labels.push(Label::new("__bucket", Value::Float(f64::from_bits(bound))));
                    Series { labels, values, exemplars: Vec::new() }
                });
                series.collect()
            }
            Group::Buckets(buckets) => {
                let series = self.quantiles.iter().map(|quantile| {
                    let mut labels = labels.clone();
                    labels.push(Label::new("p", Value::Float(*quantile)));
                    let values =
                        (0..self.grid.len()).map(|step| quantile_at(&buckets, step, *quantile)).collect();
                    Series { labels, values, exemplars: Vec::new() }
                });
                series.collect()
            }
        }
    }
}

impl Observer for OverTime {
    fn fields(&self) -> Vec<Field> {
        let mut fields = Vec::new();
        for expr in self.of.iter().chain(self.by.iter().map(|(_, expr)| expr)) {
            expr.each_field(&mut |field| fields.push(field.clone()));
        }
        if self.extrapolate {
            fields.push(Field::Intrinsic(Intrinsic::SampleWeight));
        }
        fields
    }

    fn observe(&mut self, evaluator: &Evaluator<'_>, rows: &[(u32, usize)]) -> Result<()> {
        let of = self.of.as_ref().map(|of| evaluator.values(of)).transpose()?;
        let by = self.by.iter().map(|(_, by)| evaluator.values(by)).collect::<Result<Vec<_>>>()?;
        let weights = match self.extrapolate {
            true => Some(evaluator.column(&Field::Intrinsic(Intrinsic::SampleWeight))?),
            false => None,
        };
        let starts = match self.exemplars_max {
            0 => None,
            _ => Some(evaluator.column(&Field::Intrinsic(Intrinsic::StartTime))?),
        };
        for (row, step) in rows {
            let row = *row as usize;
            let group = |column: &std::sync::Arc<crate::column::Column>| {
                // Arrays group like nothing.
                Some(column.get(row))
                    .filter(|value| !value.is_nil() && !value.kind().is_array())
                    .unwrap_or_default()
            };
            let key: Vec<Value> = by.iter().map(group).collect();
            let weight = weights.as_ref().and_then(|weights| weights.get(row).as_f64()).unwrap_or(1.0);
            let value = of.as_ref().map(|of| of.get(row)).unwrap_or_default();
            if self.exemplars_max > 0
                && *step < self.grid.len()
                && let Some(trace_id) = trace_of(evaluator.batch(), row)
            {
                let time_ns = starts.as_ref().and_then(|starts| match starts.get(row) {
                    Value::Int(start) => u64::try_from(start).ok(),
                    _ => None,
                });
                let (span_id, time_ns) = (evaluator.batch().span_id(row)?, time_ns.unwrap_or(0));
                let value = seconds(&value).unwrap_or(f64::NAN);
                self.exemplify(&key, *step, Exemplar { trace_id, span_id, time_ns, value });
            }
            self.add(key, *step, &value, weight)?;
        }
        Ok(())
    }

    fn finish(mut self: Box<Self>) -> Vec<Series> {
        let groups = std::mem::take(&mut self.groups);
        let mut all = Vec::new();
        for (key, group) in groups {
            let mut series = self.series_of(&key, group);
            if let Some(first) = series.first_mut() {
                first.exemplars = self.exemplars_of(&key);
            }
            all.extend(series);
        }
        all
    }
}

/// The trace that a row of a batch belongs to.
fn trace_of(batch: &dyn SpanBatch, row: usize) -> Option<TraceId> {
    let traces = batch.traces();
    let after = traces.partition_point(|trace| trace.rows.start <= row);
    traces.get(after.checked_sub(1)?).map(|trace| trace.id)
}

/// A number as metrics count it: durations in seconds.
fn seconds(value: &Value) -> Option<f64> {
    match value {
        Value::Duration(ns) => Some(*ns as f64 / NS_PER_S),
        other => other.as_f64().filter(|number| !number.is_nan()),
    }
}

/// The upper bound of the bucket of a number: the power of two at or above it; durations in seconds.
fn bucket(value: &Value) -> Option<f64> {
    let bound = |number: &i64| {
        u64::try_from(*number).ok().filter(|n| *n >= 2).map(|n| (n as u128).next_power_of_two() as f64)
    };
    match value {
        Value::Int(number) => bound(number),
        Value::Duration(ns) => bound(ns).map(|bound| bound / NS_PER_S),
        _ => None,
    }
}

/// The quantile of the counts in one step: exponential interpolation inside the bucket in which it falls.
fn quantile_at(buckets: &BTreeMap<u64, Vec<f64>>, step: usize, quantile: f64) -> f64 {
    let present: Vec<(f64, f64)> = buckets
        .iter()
        .map(|(bound, counts)| (f64::from_bits(*bound), counts.get(step).copied().unwrap_or(0.0).trunc()))
        .filter(|(_, count)| *count > 0.0)
        .collect();
    let all: f64 = present.iter().map(|(_, count)| count).sum();
    let wanted = (quantile * all).ceil().max(1.0);
    let mut taken = 0.0;
    let mut below = None;
    for (bound, count) in &present {
        if taken + count > wanted {
            let high = bound.log2();
            let low = below.map_or(high - 1.0, f64::log2);
            return (low + (high - low) * ((wanted - taken) / count)).exp2();
        }
        taken += count;
        if taken == wanted {
            return *bound;
        }
        below = Some(*bound);
    }
    0.0
}
