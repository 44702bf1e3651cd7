//! The naive evaluator: one step at a time, by looking at every sample.

use std::collections::BTreeMap;

use bedrock::labels::{Labels, LabelsBuilder};
use bedrock::series::is_stale;

use crate::data::Data;
use crate::queries::{At, Query, Selector};

const LOOKBACK_MS: i64 = 300_000;

/// What queries refer to.
pub(crate) struct Context<'d> {
    pub(crate) data: &'d Data,
    pub(crate) start: i64,
    pub(crate) end: i64,
}

/// A vector: labels with the name of the metric where it is kept, and the value.
type Vector = Vec<(Labels, f64)>;

fn without(labels: &Labels, names: &[&str]) -> Labels {
    LabelsBuilder::from(labels).retain(|name, _| !names.contains(&name)).build()
}

fn only(labels: &Labels, names: &[&str]) -> Labels {
    LabelsBuilder::from(labels).retain(|name, _| names.contains(&name)).build()
}

impl Context<'_> {
    /// The value of a query at one time; an error where its label sets collide.
    pub(crate) fn evaluate(&self, query: &Query, time: i64) -> Result<Vector, ()> {
        let vector = match query {
            Query::Select(selector) => self.instant(selector, time),
            Query::OverTime { function, selector, range_s } => {
                let end = self.reference(selector, time);
                let start = end - range_s * 1000;
                let windows = self.selected(selector).map(|(labels, samples)| {
                    let inside = samples.iter().filter(|(t, v)| *t > start && *t <= end && !is_stale(*v));
                    (labels.clone(), inside.copied().collect::<Vec<_>>())
                });
                over_time(function, windows.collect(), start, end)
            }
            Query::OverSubquery { function, inner, range_s, step_s } => {
                let (start, step) = (time - range_s * 1000, step_s * 1000);
                let mut windows: BTreeMap<Labels, Vec<(i64, f64)>> = BTreeMap::new();
                // All multiples of the step in the half-open window.
                for at in (start + 1..=time).filter(|at| at.rem_euclid(step) == 0) {
                    for (labels, value) in self.evaluate(inner, at)? {
                        windows.entry(labels).or_default().push((at, value));
                    }
                }
                over_time(function, windows.into_iter().collect(), start, time)
            }
            Query::Aggregate { op, by, inner } => aggregate(op, by, self.evaluate(inner, time)?),
            Query::Absolute(inner) => {
                let inner = self.evaluate(inner, time)?.into_iter();
                inner.map(|(labels, value)| (without(&labels, &["__name__"]), value.abs())).collect()
            }
            Query::WithScalar { op, inner, scalar } => {
                let inner = self.evaluate(inner, time)?.into_iter();
                inner.filter_map(|(labels, value)| combine(op, &labels, value, *scalar)).collect()
            }
            Query::Join { op, on, left, right } => {
                join(op, on, self.evaluate(left, time)?, &self.evaluate(right, time)?)?
            }
        };
        let mut seen: Vec<&Labels> = vector.iter().map(|(labels, _)| labels).collect();
        seen.sort();
        if seen.windows(2).any(|pair| pair[0] == pair[1]) { Err(()) } else { Ok(vector) }
    }

    fn selected(&self, selector: &Selector) -> impl Iterator<Item = &(Labels, Vec<(i64, f64)>)> {
        let (name, a) = (selector.name, selector.a);
        self.data.series.iter().filter(move |(labels, _)| {
            labels.get("__name__") == Some(name) && (a.is_none() || labels.get("a") == a)
        })
    }

    fn reference(&self, selector: &Selector, time: i64) -> i64 {
        let at = match selector.at {
            Some(At::Start) => self.start,
            Some(At::End) => self.end,
            None => time,
        };
        at - selector.offset_s * 1000
    }

    fn instant(&self, selector: &Selector, time: i64) -> Vector {
        let at = self.reference(selector, time);
        let last = |samples: &[(i64, f64)]| {
            let last = samples.iter().rev().find(|(t, _)| *t <= at)?;
            (last.0 > at - LOOKBACK_MS && !is_stale(last.1)).then_some(last.1)
        };
        self.selected(selector)
            .filter_map(|(labels, samples)| Some((labels.clone(), last(samples)?)))
            .collect()
    }
}

fn over_time(function: &str, windows: Vec<(Labels, Vec<(i64, f64)>)>, start: i64, end: i64) -> Vector {
    let keeps_name = matches!(function, "last_over_time" | "first_over_time");
    let value = |window: &[(i64, f64)]| of_window(function, window, start, end);
    let named = |labels: Labels| if keeps_name { labels } else { without(&labels, &["__name__"]) };
    windows.into_iter().filter_map(|(labels, window)| Some((named(labels), value(&window)?))).collect()
}

fn of_window(function: &str, window: &[(i64, f64)], start: i64, end: i64) -> Option<f64> {
    let values: Vec<f64> = window.iter().map(|(_, value)| *value).collect();
    let (first, last) = (*values.first()?, *values.last()?);
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let variance = || values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count;
    let pairs = || values.windows(2).map(|pair| (pair[0], pair[1]));
    Some(match function {
        "sum_over_time" => values.iter().sum(),
        "avg_over_time" => mean,
        "min_over_time" => values.iter().copied().fold(f64::NAN, f64::min),
        "max_over_time" => values.iter().copied().fold(f64::NAN, f64::max),
        "count_over_time" => count,
        "last_over_time" => last,
        "first_over_time" => first,
        "stdvar_over_time" => variance(),
        "stddev_over_time" => variance().sqrt(),
        "changes" => pairs().filter(|(a, b)| a != b && !(a.is_nan() && b.is_nan())).count() as f64,
        "resets" => pairs().filter(|(a, b)| b < a).count() as f64,
        "quantile_over_time" => quantile(0.3, values),
        _ if values.len() < 2 => return None,
        "irate" | "idelta" => {
            let [.., (t0, before), (t1, now)] = window else { return None };
            let seconds = (t1 - t0) as f64 / 1000.0;
            let reset = function == "irate" && now < before;
            let difference = if reset { *now } else { now - before };
            if function == "irate" { difference / seconds } else { difference }
        }
        "deriv" => slope(window),
        _ => extrapolated(function, window, start, end),
    })
}

fn quantile(q: f64, mut values: Vec<f64>) -> f64 {
    values.sort_by(|a, b| a.partial_cmp(b).unwrap_or_else(|| b.is_nan().cmp(&a.is_nan())));
    let rank = q * (values.len() - 1) as f64;
    let (low, weight) = (rank.floor() as usize, rank - rank.floor());
    let high = (low + 1).min(values.len() - 1);
    values[low] * (1.0 - weight) + values[high] * weight
}

fn slope(window: &[(i64, f64)]) -> f64 {
    let n = window.len() as f64;
    let origin = window[0].0;
    let points = || window.iter().map(|(t, v)| ((t - origin) as f64 / 1000.0, *v));
    if points().all(|(_, y)| y == window[0].1) {
        return 0.0;
    }
    let (mean_x, mean_y) = (points().map(|p| p.0).sum::<f64>() / n, points().map(|p| p.1).sum::<f64>() / n);
    let covariance: f64 = points().map(|(x, y)| (x - mean_x) * (y - mean_y)).sum();
    let variance: f64 = points().map(|(x, _)| (x - mean_x) * (x - mean_x)).sum();
    covariance / variance
}

fn extrapolated(function: &str, window: &[(i64, f64)], start: i64, end: i64) -> f64 {
    let counter = function != "delta";
    let (first, last) = (window[0], window[window.len() - 1]);
    let mut increase = last.1 - first.1;
    if counter {
        increase += window.windows(2).filter(|p| p[1].1 < p[0].1).map(|p| p[0].1).sum::<f64>();
    }
    let seconds = |ms: i64| ms as f64 / 1000.0;
    let sampled = seconds(last.0 - first.0);
    let interval = sampled / (window.len() - 1) as f64;
    let near = |gap: f64| if gap >= interval * 1.1 { interval / 2.0 } else { gap };
    let mut to_start = near(seconds(first.0 - start));
    if counter && increase > 0.0 && first.1 >= 0.0 {
        to_start = to_start.min(sampled * (first.1 / increase));
    }
    let factor = (sampled + to_start + near(seconds(end - last.0))) / sampled;
    increase * factor / if function == "rate" { seconds(end - start) } else { 1.0 }
}

fn aggregate(op: &str, by: &[&str], vector: Vector) -> Vector {
    let mut groups: BTreeMap<Labels, Vec<f64>> = BTreeMap::new();
    for (labels, value) in vector {
        groups.entry(only(&labels, by)).or_default().push(value);
    }
    let of = |values: &[f64]| {
        let count = values.len() as f64;
        let mean = values.iter().sum::<f64>() / count;
        let variance = values.iter().map(|v| (v - mean) * (v - mean)).sum::<f64>() / count;
        match op {
            "sum" => values.iter().sum(),
            "avg" => mean,
            "min" => values.iter().copied().fold(f64::NAN, f64::min),
            "max" => values.iter().copied().fold(f64::NAN, f64::max),
            "count" => count,
            "group" => 1.0,
            "stdvar" => variance,
            _ => variance.sqrt(),
        }
    };
    groups.into_iter().map(|(labels, values)| (labels, of(&values))).collect()
}

/// An element and a number; comparisons keep the element as it is.
fn combine(op: &str, labels: &Labels, value: f64, scalar: f64) -> Option<(Labels, f64)> {
    let named = |keep: bool| keep.then(|| (labels.clone(), value));
    let bare = |value: f64| Some((without(labels, &["__name__"]), value));
    match op {
        "+" => bare(value + scalar),
        "-" => bare(value - scalar),
        "*" => bare(value * scalar),
        "/" => bare(value / scalar),
        ">" => named(value > scalar),
        "<=" => named(value <= scalar),
        _ => named(value != scalar),
    }
}

fn join(op: &str, on: &[&str], left: Vector, right: &Vector) -> Result<Vector, ()> {
    let matching = |labels: &Labels, side: &Vector| -> Vec<f64> {
        let key = only(labels, on);
        side.iter().filter(|(other, _)| only(other, on) == key).map(|(_, value)| *value).collect()
    };
    match op {
        "and" => Ok(left.into_iter().filter(|(labels, _)| !matching(labels, right).is_empty()).collect()),
        "unless" => Ok(left.into_iter().filter(|(labels, _)| matching(labels, right).is_empty()).collect()),
        "or" => {
            let rest: Vector =
                right.iter().filter(|(labels, _)| matching(labels, &left).is_empty()).cloned().collect();
            Ok(left.into_iter().chain(rest).collect())
        }
        _ if left.is_empty() || right.is_empty() => Ok(Vec::new()),
        _ => {
            if right.iter().any(|(labels, _)| matching(labels, right).len() > 1) {
                return Err(());
            }
            let mut joined = Vec::new();
            for (labels, value) in &left {
                let [other] = matching(labels, right)[..] else { continue };
                if matching(labels, &left).len() > 1 {
                    return Err(());
                }
                joined.extend(combine(op, &only(labels, on), *value, other));
            }
            Ok(joined)
        }
    }
}
