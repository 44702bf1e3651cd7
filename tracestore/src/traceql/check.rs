//! What a query that parses must fulfil to have a meaning.

use super::ast::{
    Aggregate, AggregateOp, Attribute, BinaryOp, Body, FieldExpr, MetricsExpr, MetricsFunction,
    MetricsSource, OverTimeOp, Pipeline, Query, ScalarExpr, ScalarFilter, SecondStage, SpansetExpr, Stage,
    TextSpan, UnaryOp,
};
use super::error::QueryError;
use super::regex::Pattern;
use super::{Type, Value, ops};
use crate::field::{Intrinsic, Scope};

/// The most attributes that series can be grouped by.
pub const GROUP_BY_MAX: usize = 5;
/// The most values of an attribute that `compare` shows.
pub const COMPARE_TOP_MAX: i64 = 1_000;

/// Checks types, regular expressions and limits of a query.
///
/// ```
/// use tracestore::traceql::{check, parse};
/// assert!(check(&parse("{ duration > 5 }").unwrap()).is_ok());
/// assert!(check(&parse("{ duration > `5s` }").unwrap()).is_err());
/// ```
///
/// # Errors
/// [`QueryError::Meaning`], or [`QueryError::Unsupported`] for what the language only reserves.
pub fn check(query: &Query) -> Result<(), QueryError> {
    match &query.body {
        Body::Search(pipeline) => check_pipeline(pipeline),
        Body::Metrics(metrics) => check_metrics(metrics),
    }
}

fn meaning(at: TextSpan, problem: &'static str, part: &dyn ToString) -> QueryError {
    QueryError::Meaning { at: at.start as usize..at.end as usize, problem, part: part.to_string() }
}

fn nowhere(problem: &'static str, part: &dyn ToString) -> QueryError {
    meaning(TextSpan::default(), problem, part)
}

fn unsupported(feature: impl Into<String>) -> QueryError {
    QueryError::Unsupported { feature: feature.into() }
}

fn check_pipeline(pipeline: &Pipeline) -> Result<(), QueryError> {
    pipeline.stages.iter().try_for_each(|stage| match stage {
        Stage::Spansets(spansets) => check_spansets(spansets),
        Stage::ScalarFilter(filter) => check_scalar_filter(filter),
        Stage::Aggregate(aggregate) => check_aggregate(aggregate),
        Stage::By(expr) if !references_span(expr) => Err(nowhere("a group must depend on the span", expr)),
        Stage::By(expr) => check_field(expr),
        Stage::Coalesce => Ok(()),
        Stage::Select(attributes) => attributes.iter().try_for_each(check_attribute),
    })
}

fn check_spansets(spansets: &SpansetExpr) -> Result<(), QueryError> {
    match spansets {
        SpansetExpr::Filter(expr) => check_filter(expr),
        SpansetExpr::Pipeline(pipeline) => check_pipeline(pipeline),
        SpansetExpr::Binary { lhs, rhs, .. } => check_spansets(lhs).and_then(|()| check_spansets(rhs)),
    }
}

fn check_filter(expr: &FieldExpr) -> Result<(), QueryError> {
    check_field(expr)?;
    match implied_type(expr) {
        Type::Attribute | Type::Bool => Ok(()),
        _ => Err(nowhere("a filter must be true or false", expr)),
    }
}

fn check_scalar_filter(filter: &ScalarFilter) -> Result<(), QueryError> {
    check_scalar(&filter.lhs)?;
    check_scalar(&filter.rhs)?;
    check_operands(
        filter.op,
        scalar_type(&filter.lhs),
        scalar_type(&filter.rhs),
        TextSpan::default(),
        filter,
    )?;
    if !matches!(filter.lhs, ScalarExpr::Aggregate(_)) {
        return Err(unsupported(format!("a comparison with `{}` on the left", filter.lhs)));
    }
    if !matches!(filter.rhs, ScalarExpr::Literal(_)) {
        return Err(unsupported(format!("a comparison with `{}` on the right", filter.rhs)));
    }
    Ok(())
}

fn check_scalar(expr: &ScalarExpr) -> Result<(), QueryError> {
    match expr {
        ScalarExpr::Aggregate(aggregate) => check_aggregate(aggregate),
        ScalarExpr::Literal(_) => Ok(()),
        ScalarExpr::Pipeline(pipeline) => check_pipeline(pipeline),
        ScalarExpr::Binary { op, lhs, rhs } => {
            check_scalar(lhs)?;
            check_scalar(rhs)?;
            check_operands(*op, scalar_type(lhs), scalar_type(rhs), TextSpan::default(), expr)
        }
    }
}

/// The type of a scalar; `Nil` is that of a pipeline's aggregate, which fits nothing but itself in comparisons.
fn scalar_type(expr: &ScalarExpr) -> Type {
    match expr {
        ScalarExpr::Aggregate(aggregate) => aggregate_type(aggregate),
        ScalarExpr::Literal(value) => value.kind(),
        ScalarExpr::Pipeline(pipeline) => match pipeline.stages.last() {
            Some(Stage::Aggregate(aggregate)) => aggregate_type(aggregate),
            _ => Type::Attribute,
        },
        ScalarExpr::Binary { lhs, rhs, .. } => match scalar_type(lhs) {
            Type::Attribute => scalar_type(rhs),
            known => known,
        },
    }
}

fn aggregate_type(aggregate: &Aggregate) -> Type {
    match &aggregate.of {
        Some(of) if aggregate.op != AggregateOp::Count => implied_type(of),
        _ => Type::Int,
    }
}

fn check_aggregate(aggregate: &Aggregate) -> Result<(), QueryError> {
    let Some(of) = &aggregate.of else { return Ok(()) };
    check_field(of)?;
    let of_type = implied_type(of);
    if of_type != Type::Attribute && !of_type.is_numeric() {
        return Err(nowhere("an aggregate needs numbers", aggregate));
    }
    if !references_span(of) {
        return Err(nowhere("an aggregate must depend on the span", aggregate));
    }
    Ok(())
}

/// Checks an expression over the fields of a span.
pub(crate) fn check_field(expr: &FieldExpr) -> Result<(), QueryError> {
    match expr {
        FieldExpr::Literal(_) => Ok(()),
        FieldExpr::Attribute(attribute) => check_attribute(attribute),
        FieldExpr::Unary { op, operand, at } => {
            check_field(operand)?;
            if *op == UnaryOp::NotExists
                && let FieldExpr::Attribute(attribute) = &**operand
                && is_never_nil(attribute)
            {
                return Err(meaning(*at, "it cannot be nil", expr));
            }
            match op {
                UnaryOp::Negate if !ops::unary_accepts(true, implied_type(operand)) => {
                    Err(meaning(*at, "a minus needs a number", expr))
                }
                UnaryOp::Not if !ops::unary_accepts(false, implied_type(operand)) => {
                    Err(meaning(*at, "`!` needs true or false", expr))
                }
                _ => Ok(()),
            }
        }
        FieldExpr::Binary { op, lhs, rhs, at } => {
            check_field(lhs)?;
            check_field(rhs)?;
            check_operands(*op, implied_type(lhs), implied_type(rhs), *at, expr)?;
            check_regex(*op, rhs, *at)
        }
    }
}

fn is_never_nil(attribute: &Attribute) -> bool {
    match attribute {
        Attribute::Intrinsic(_) => true,
        Attribute::Scoped(Scope::Resource, key) => &**key == "service.name",
        _ => false,
    }
}

fn check_operands(
    op: BinaryOp,
    lhs: Type,
    rhs: Type,
    at: TextSpan,
    part: &dyn ToString,
) -> Result<(), QueryError> {
    if !lhs.fits(rhs) {
        return Err(meaning(at, "both sides must be of one type", part));
    }
    if !op.accepts(lhs) || !op.accepts(rhs) {
        return Err(meaning(at, "the operator does not take operands of this type", part));
    }
    Ok(())
}

fn check_regex(op: BinaryOp, rhs: &FieldExpr, at: TextSpan) -> Result<(), QueryError> {
    if !matches!(op, BinaryOp::Regex | BinaryOp::NotRegex) {
        return Ok(());
    }
    match rhs {
        FieldExpr::Literal(Value::Str(pattern)) if Pattern::new(pattern).is_some() => Ok(()),
        FieldExpr::Literal(Value::Str(_)) => {
            Err(meaning(at, "the regular expression does not compile or is too large", rhs))
        }
        _ => Err(meaning(at, "a regular expression must be a literal text", rhs)),
    }
}

fn check_attribute(attribute: &Attribute) -> Result<(), QueryError> {
    match attribute {
        Attribute::OfParent(..) | Attribute::Intrinsic(Intrinsic::Parent) => Err(unsupported("`parent`")),
        _ => Ok(()),
    }
}

/// Whether an expression depends on the span.
pub(crate) fn references_span(expr: &FieldExpr) -> bool {
    match expr {
        FieldExpr::Literal(_) => false,
        FieldExpr::Attribute(_) => true,
        FieldExpr::Unary { operand, .. } => references_span(operand),
        FieldExpr::Binary { lhs, rhs, .. } => references_span(lhs) || references_span(rhs),
    }
}

/// The type of an expression; [`Type::Attribute`] where only the data will tell.
pub(crate) fn implied_type(expr: &FieldExpr) -> Type {
    match expr {
        FieldExpr::Literal(value) => value.kind(),
        FieldExpr::Attribute(attribute) => attribute.implied_type(),
        FieldExpr::Unary { op: UnaryOp::Exists | UnaryOp::NotExists, .. } => Type::Bool,
        FieldExpr::Unary { operand, .. } => implied_type(operand),
        FieldExpr::Binary { op, .. } if op.is_boolean() => Type::Bool,
        FieldExpr::Binary { lhs, rhs, .. } => match implied_type(lhs) {
            Type::Attribute => implied_type(rhs),
            known => known,
        },
    }
}

fn check_metrics(metrics: &MetricsExpr) -> Result<(), QueryError> {
    match &metrics.source {
        MetricsSource::Pipeline(pipeline, function) => {
            check_pipeline(pipeline)?;
            check_function(function)?;
            if matches!(function, MetricsFunction::Compare { .. }) && !metrics.stages.is_empty() {
                return Err(nowhere(
                    "`compare` cannot be followed by another function or computed with",
                    metrics,
                ));
            }
        }
        MetricsSource::Binary { lhs, rhs, .. } => {
            for side in [lhs, rhs] {
                if matches!(&side.source, MetricsSource::Pipeline(_, MetricsFunction::Compare { .. })) {
                    return Err(nowhere(
                        "`compare` cannot be followed by another function or computed with",
                        metrics,
                    ));
                }
                check_metrics(side)?;
            }
        }
    }
    metrics.stages.iter().try_for_each(|stage| match stage {
        SecondStage::TopK(limit) | SecondStage::BottomK(limit) if *limit <= 0 => {
            Err(nowhere("the limit must be greater than 0", metrics))
        }
        _ => Ok(()),
    })
}

fn check_function(function: &MetricsFunction) -> Result<(), QueryError> {
    match function {
        MetricsFunction::Over { op, of, quantiles, by } => {
            // These need a label of their own.
            let reserved = matches!(op, OverTimeOp::Histogram | OverTimeOp::Quantile | OverTimeOp::Avg);
            let max = GROUP_BY_MAX - usize::from(reserved);
            if by.len() > max {
                return Err(unsupported(format!("grouping series by {} attributes", by.len())));
            }
            if quantiles.iter().any(|quantile| !(0.0..=1.0).contains(quantile)) {
                return Err(nowhere("a quantile must be between 0 and 1", function));
            }
            of.iter().chain(by).try_for_each(check_attribute)
        }
        MetricsFunction::Compare { selection, top, window_ns } => {
            check_filter(selection)?;
            if !(1..=COMPARE_TOP_MAX).contains(top) {
                return Err(nowhere("`compare` shows from 1 to 1000 values", function));
            }
            let (start, end) = *window_ns;
            if (start, end) != (0, 0) && (start <= 0 || end <= start) {
                return Err(nowhere("`compare` needs a start after 0 and an end after the start", function));
            }
            Ok(())
        }
    }
}
