//! What a query must fulfil beyond the grammar.

use std::ops::Range;

use bedrock::labels::Matcher;

use crate::logql::ast::{Expr, Grouping, MetricExpr, RangeAggregation, RangeOp, VectorOp};
use crate::logql::error::{QueryError, Result};
use crate::logql::number;
use crate::logql::pattern::Pattern;
use crate::logql::regex::Regex;

/// Checks what depends on the whole: that every selector selects, that `sort` has no grouping.
pub(crate) fn check(expr: &Expr) -> Result<()> {
    match expr {
        Expr::Log(log) => selector(&log.matchers),
        Expr::Metric(metric) => check_metric(metric),
    }
}

fn check_metric(metric: &MetricExpr) -> Result<()> {
    match metric {
        MetricExpr::Literal(_) | MetricExpr::Vector(_) => Ok(()),
        MetricExpr::Range(aggregation) => selector(&aggregation.range.log.matchers),
        MetricExpr::Aggregation(aggregation) => {
            let sorts = matches!(aggregation.op, VectorOp::Sort | VectorOp::SortDesc);
            if sorts && !aggregation.grouping.labels.is_empty() {
                return Err(QueryError::invalid("`sort` and `sort_desc` take no grouping"));
            }
            check_metric(&aggregation.inner)
        }
        MetricExpr::Binary(binary) => {
            check_metric(&binary.left)?;
            check_metric(&binary.right)
        }
        MetricExpr::LabelReplace(replace) => check_metric(&replace.inner),
    }
}

/// A selector has to leave something out: one matcher at least must refuse streams without its label.
pub(crate) fn selector(matchers: &[Matcher]) -> Result<()> {
    if matchers.iter().any(|matcher| !matcher.matches_empty()) {
        return Ok(());
    }
    Err(QueryError::invalid(
        "at least one matcher has to refuse the empty value: {app=~\".+\"} is right, {app=~\".*\"} is not",
    ))
}

/// The first argument of a range aggregation.
pub(crate) fn range_parameter(op: RangeOp, text: Option<&str>, span: &Range<usize>) -> Result<Option<f64>> {
    let name = op.as_str();
    match (op, text) {
        (RangeOp::QuantileOverTime, Some(text)) => match number::parse_float(text) {
            Some(value) => Ok(Some(value)),
            None => Err(QueryError::syntax(format!("{text} is no quantile"), span.clone())),
        },
        (RangeOp::QuantileOverTime, None) => {
            Err(QueryError::syntax(format!("`{name}` needs a number before the lines"), span.clone()))
        }
        (_, Some(_)) => Err(QueryError::syntax(format!("`{name}` takes no number"), span.clone())),
        (_, None) => Ok(None),
    }
}

/// Grouping and unwrap go with some functions only.
pub(crate) fn range_aggregation(aggregation: &RangeAggregation, span: &Range<usize>) -> Result<()> {
    let op = aggregation.op;
    let name = op.as_str();
    if aggregation.grouping.is_some() && !op.takes_grouping() {
        return Err(QueryError::syntax(format!("`{name}` takes no grouping"), span.clone()));
    }
    match aggregation.range.unwrap {
        Some(_) if !op.takes_unwrap() => {
            Err(QueryError::syntax(format!("`{name}` does not go with unwrap"), span.clone()))
        }
        None if !op.takes_lines() => Err(QueryError::syntax(format!("`{name}` needs unwrap"), span.clone())),
        _ => Ok(()),
    }
}

/// The first argument of a vector aggregation.
pub(crate) fn vector_parameter(
    op: VectorOp,
    text: Option<&str>,
    grouping: Option<&Grouping>,
    span: &Range<usize>,
) -> Result<Option<u64>> {
    let name = op.as_str();
    if !op.takes_parameter() {
        return match text {
            Some(_) => Err(QueryError::syntax(format!("`{name}` takes no number"), span.clone())),
            None => Ok(None),
        };
    }
    let Some(text) = text else {
        return Err(QueryError::syntax(format!("`{name}` needs a number before the vector"), span.clone()));
    };
    if op == VectorOp::ApproxTopk && grouping.is_some() {
        return Err(QueryError::syntax(format!("`{name}` takes no grouping"), span.clone()));
    }
    match text.parse::<i64>() {
        Ok(count) if count > 0 => Ok(Some(count.unsigned_abs())),
        _ => Err(QueryError::syntax(
            format!("`{name}` needs a whole number above 0, not {text}"),
            span.clone(),
        )),
    }
}

/// A regular expression that is used later.
pub(crate) fn regex(pattern: &str, span: &Range<usize>) -> Result<()> {
    match Regex::anchored(pattern) {
        Ok(_) => Ok(()),
        Err(problem) => Err(QueryError::syntax(problem, span.clone())),
    }
}

/// The expression of `| regexp`: it has to name at least one group, and none twice.
pub(crate) fn regexp_parser(pattern: &str, span: &Range<usize>) -> Result<()> {
    let regex = Regex::new(pattern).map_err(|problem| QueryError::syntax(problem, span.clone()))?;
    let names: Vec<&str> = regex.group_names().flatten().collect();
    if names.is_empty() {
        return Err(QueryError::syntax("`regexp` needs at least one named group, (?P<name>…)", span.clone()));
    }
    Ok(())
}

/// The expression of `| pattern`.
pub(crate) fn pattern_parser(pattern: &str, span: &Range<usize>) -> Result<()> {
    match Pattern::parser(pattern) {
        Ok(_) => Ok(()),
        Err(problem) => Err(QueryError::syntax(problem, span.clone())),
    }
}
