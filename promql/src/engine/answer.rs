//! From the value of the whole expression to the answer.

use bedrock::vector::is_absent;

use super::annotations::Notes;
use super::error::{QueryError, Result};
use super::evaluator::Evaluator;
use super::operand::{Operand, drop_names, merge_equal, refuse_equal};
use super::query::Query;
use super::ranged;
use super::select::Selection;
use super::series::{Sample, Series};
use super::steps::{Reference, Steps};
use super::stream::Scratch;
use super::value::{MatrixSeries, Value, VectorSample};
use crate::ast::{Expr, MatrixSelector};
use crate::duration::DurationSign;

/// Evaluates the whole expression.
pub(super) fn answer(
    query: &Query<'_>,
    expr: &Expr,
    steps: Steps,
    is_instant: bool,
) -> Result<(Value, Notes)> {
    let mut evaluator = Evaluator::new(query, steps);
    let value = match expr.unparen() {
        Expr::Matrix(matrix) => Value::Matrix(range_vector(query, matrix, steps.start_ms)?),
        Expr::Subquery(subquery) => {
            let (mut series, inner) = evaluator.subquery(subquery)?;
            if query.names_late() {
                drop_names(&mut series);
                series = merge_equal(series)?;
            }
            matrix(query, series, inner)?
        }
        expr => match evaluator.evaluate(expr)? {
            Operand::Scalar(column) if is_instant => {
                Value::Scalar { time_ms: steps.start_ms, value: column.first().copied().unwrap_or(f64::NAN) }
            }
            Operand::Text(text) => Value::String(text),
            operand => {
                let mut all = evaluator.collect(operand)?;
                if query.names_late() {
                    drop_names(&mut all);
                    all = merge_equal(all)?;
                }
                if is_instant { vector(all, steps.start_ms) } else { matrix(query, all, steps)? }
            }
        },
    };
    Ok((value, evaluator.notes))
}

fn vector(all: Vec<Series>, time_ms: i64) -> Value {
    let sample = |series: Series| {
        let value = series.sample(0).map(Sample::to_value)?;
        Some(VectorSample { labels: series.labels, time_ms, value })
    };
    Value::Vector(all.into_iter().filter_map(sample).collect())
}

/// Counts the bytes of a result.
#[derive(Default)]
struct Bytes(usize);

impl Bytes {
    fn add(&mut self, query: &Query<'_>, series: &MatrixSeries) -> Result<()> {
        let histograms: usize = series.histograms.iter().map(|(_, h)| h.heap_bytes() + 16).sum();
        self.0 += series.labels.heap_bytes() + 16 * series.floats.len() + histograms;
        let max = query.options.limits.result_bytes_max;
        if self.0 > max {
            return Err(QueryError::Limit { what: "return too many bytes", max: max as u64 });
        }
        Ok(())
    }
}

fn matrix(query: &Query<'_>, all: Vec<Series>, steps: Steps) -> Result<Value> {
    let mut bytes = Bytes::default();
    let mut result = Vec::with_capacity(all.len());
    refuse_equal(&all)?;
    for series in all {
        let present = series.floats.iter().filter(|value| !is_absent(**value)).count();
        let mut floats = Vec::with_capacity(present);
        let points = series.floats.iter().zip(steps.times()).filter(|(value, _)| !is_absent(**value));
        floats.extend(points.map(|(value, time)| (time, *value)));
        let histograms = series.histograms.into_iter().zip(steps.times());
        let histograms: Vec<_> =
            histograms.filter_map(|(histogram, time)| Some((time, histogram?))).collect();
        if floats.is_empty() && histograms.is_empty() {
            continue;
        }
        let series = MatrixSeries { labels: series.labels, floats, histograms };
        bytes.add(query, &series)?;
        result.push(series);
    }
    result.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(Value::Matrix(result))
}

/// The samples of a range selector, as they are stored.
fn range_vector(query: &Query<'_>, matrix: &MatrixSelector, time_ms: i64) -> Result<Vec<MatrixSeries>> {
    let selection: &Selection<'_> = query.selections.get(&matrix.selector)?;
    let reference: Reference = query.reference(&matrix.selector.modifiers)?;
    let range_ms = query.duration(&matrix.range, DurationSign::Positive)?;
    let end = reference.time(time_ms);
    let bounds = ranged::Bounds {
        start_ms: end.saturating_sub(range_ms),
        end_ms: end,
        lookback_ms: query.options.lookback_ms,
        boundary: matrix.selector.boundary,
    };
    let mut scratch = Scratch::default();
    let mut bytes = Bytes::default();
    let mut result = Vec::new();
    for index in 0..selection.set.len() {
        if index % 64 == 0 {
            query.stop.check()?;
        }
        selection.set.read(index, selection.within(bounds.range()), &mut scratch.columns)?;
        let columns = ranged::without_stale(&scratch.columns, &mut scratch.kept);
        let Some(series) = bounds.cut(selection.set.labels(index).clone(), columns)? else { continue };
        query.hold(series.floats.len() + series.histograms.len())?;
        bytes.add(query, &series)?;
        result.push(series);
    }
    result.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(result)
}
