//! Metric queries: the tree from its leaves up, each node a set of columns.

use bedrock::labels::{Labels, LabelsBuilder};
use bedrock::vector::is_absent;

use crate::logql::ast::{LabelReplace, MetricExpr, VectorOp};
use crate::logql::engine::{QueryData, QueryOptions, Sample, Series, Steps, aggregate, binary, range, to_ms};
use crate::logql::error::{QueryError, Result};
use crate::logql::extract;
use crate::logql::regex::Regex;
use crate::source::{Budget, LogSource};

/// A series: one value per step, [`bedrock::vector::ABSENT`] where it has none.
#[derive(Clone, Debug)]
pub(super) struct Column {
    pub(super) labels: Labels,
    pub(super) values: Vec<f64>,
}

pub(super) fn evaluate(
    source: &dyn LogSource,
    metric: &MetricExpr,
    options: &QueryOptions<'_>,
) -> Result<QueryData> {
    let steps = options.steps()?;
    let evaluator = Evaluator { source, options, budget: options.budget(), steps };
    let columns = match metric {
        MetricExpr::Literal(value) => vec![evaluator.constant(*value)],
        metric => evaluator.columns(metric)?,
    };
    if columns.len() > options.limits.series_max {
        return Err(QueryError::Limit {
            what: "the number of series of an answer",
            max: options.limits.series_max as u64,
            found: columns.len() as u64,
        });
    }
    if options.is_instant() {
        return Ok(vector(metric, columns, options));
    }
    let mut series: Vec<Series> = columns.into_iter().map(|column| points(column, steps)).collect();
    series.retain(|series| !series.points.is_empty());
    series.sort_by(|a, b| a.labels.cmp(&b.labels));
    Ok(QueryData::Matrix(series))
}

/// The values at the only step.
fn vector(metric: &MetricExpr, columns: Vec<Column>, options: &QueryOptions<'_>) -> QueryData {
    let value = |column: Column| {
        let value = column.values.first().copied().filter(|value| !is_absent(*value))?;
        Some(Sample { labels: column.labels, value })
    };
    let mut samples: Vec<Sample> = columns.into_iter().filter_map(value).collect();
    if !sorts(metric) {
        samples.sort_by(|a, b| a.labels.cmp(&b.labels));
    }
    QueryData::Vector(to_ms(options.start_ns), samples)
}

/// Whether the order of the series is part of the answer.
fn sorts(metric: &MetricExpr) -> bool {
    match metric {
        MetricExpr::Aggregation(aggregation) => {
            matches!(aggregation.op, VectorOp::Sort | VectorOp::SortDesc) || sorts(&aggregation.inner)
        }
        MetricExpr::Binary(binary) => sorts(&binary.left) || sorts(&binary.right),
        MetricExpr::LabelReplace(replace) => sorts(&replace.inner),
        MetricExpr::Literal(_) | MetricExpr::Vector(_) | MetricExpr::Range(_) => false,
    }
}

fn points(column: Column, steps: Steps) -> Series {
    let present = column.values.iter().enumerate().filter(|(_, value)| !is_absent(**value));
    Series {
        labels: column.labels,
        points: present.map(|(step, value)| (to_ms(steps.at(step)), *value)).collect(),
    }
}

pub(super) struct Evaluator<'q> {
    pub(super) source: &'q dyn LogSource,
    pub(super) options: &'q QueryOptions<'q>,
    /// Of all aggregations together.
    pub(super) budget: Budget,
    pub(super) steps: Steps,
}

impl Evaluator<'_> {
    fn constant(&self, value: f64) -> Column {
        Column { labels: Labels::empty(), values: vec![value; self.steps.count] }
    }

    fn columns(&self, metric: &MetricExpr) -> Result<Vec<Column>> {
        self.options.check()?;
        match metric {
            MetricExpr::Literal(value) | MetricExpr::Vector(value) => Ok(vec![self.constant(*value)]),
            MetricExpr::Range(aggregation) => range::evaluate(self, aggregation, None),
            MetricExpr::Aggregation(aggregation) => {
                if aggregation.op == VectorOp::ApproxTopk && !self.options.is_instant() {
                    return Err(QueryError::invalid(
                        "`approx_topk` is only supported at a moment, not over a range",
                    ));
                }
                let inner = match &aggregation.inner {
                    MetricExpr::Range(inner) => {
                        let taken_in =
                            extract::takes_in(aggregation.op, inner).then_some(&aggregation.grouping);
                        range::evaluate(self, inner, taken_in)?
                    }
                    inner => self.columns(inner)?,
                };
                Ok(aggregate::aggregate(aggregation, inner, self.steps.count))
            }
            MetricExpr::Binary(expr) => match (&expr.left, &expr.right) {
                (MetricExpr::Literal(number), vector) => {
                    Ok(binary::with_number(expr, self.columns(vector)?, *number, true))
                }
                (vector, MetricExpr::Literal(number)) => {
                    Ok(binary::with_number(expr, self.columns(vector)?, *number, false))
                }
                (left, right) => {
                    binary::between(expr, self.columns(left)?, self.columns(right)?, self.steps.count)
                }
            },
            MetricExpr::LabelReplace(replace) => label_replace(replace, self.columns(&replace.inner)?),
        }
    }
}

fn label_replace(replace: &LabelReplace, mut columns: Vec<Column>) -> Result<Vec<Column>> {
    let regex = Regex::anchored(&replace.regex).map_err(QueryError::invalid)?;
    let mut groups = regex.captures();
    for column in &mut columns {
        let source = column.labels.get(&replace.source).unwrap_or("");
        if !regex.find_groups(source.as_bytes(), &mut groups) {
            continue;
        }
        let mut value = Vec::new();
        regex.expand(&replace.replacement, source.as_bytes(), &groups, &mut value);
        let mut labels = LabelsBuilder::from(&column.labels);
        labels.remove(&replace.target);
        if !value.is_empty() {
            labels.set(&replace.target, &String::from_utf8_lossy(&value));
        }
        column.labels = labels.build();
    }
    Ok(columns)
}
