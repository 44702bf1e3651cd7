//! The loose tree to the typed one.

use super::super::ast::{
    BinaryOp, Body, Form, MetricsExpr, MetricsSource, Pipeline, Relation, ScalarExpr, ScalarFilter,
    SecondStage, SpansetExpr, SpansetOp, Stage,
};
use super::super::error::QueryError;
use super::super::{Value, ops};
use super::node::{Node, Placed};

type Result<T> = std::result::Result<T, QueryError>;

fn wrong(placed: &Placed, expected: &str) -> QueryError {
    let found = match &placed.node {
        Node::Filter(_) => "a filter",
        Node::Number(_) => "a number",
        Node::Negative(_) => "a minus",
        Node::Aggregate(_) => "an aggregate",
        Node::By(_) => "`by`",
        Node::Coalesce => "`coalesce`",
        Node::Select(_) => "`select`",
        Node::Metrics(_) => "a metrics function",
        Node::TopK(..) => "`topk` or `bottomk`",
        Node::Paren(_) => "parentheses",
        Node::Binary { op, .. } => op,
    };
    QueryError::Syntax {
        at: placed.start..placed.start + 1,
        found: found.to_owned(),
        expected: expected.to_owned(),
    }
}

/// What a query asks.
pub(super) fn body(nodes: Vec<Placed>) -> Result<Body> {
    if nodes.iter().any(has_metrics) {
        return metrics_root(nodes).map(Body::Metrics);
    }
    let [only] = nodes.as_slice() else { return pipeline(nodes, false).map(Body::Search) };
    let stage = if is_spanset_pipelines(only) {
        Stage::Spansets(spanset_pipelines(one(nodes)?)?)
    } else if let Node::Binary { op, lhs, .. } = &only.node
        && comparison(op).is_some()
        && ends_in_aggregate(lhs)
    {
        Stage::ScalarFilter(pipeline_filter(one(nodes)?)?)
    } else {
        return pipeline(nodes, false).map(Body::Search);
    };
    Ok(Body::Search(Pipeline { stages: vec![stage] }))
}

fn one(nodes: Vec<Placed>) -> Result<Placed> {
    let mut nodes = nodes.into_iter();
    let only = nodes.next();
    match nodes.next() {
        Some(second) => Err(wrong(&second, "one expression, not a pipeline")),
        None => only.ok_or_else(|| QueryError::Syntax {
            at: 0..0,
            found: "nothing".to_owned(),
            expected: "an expression".to_owned(),
        }),
    }
}

fn comparison(op: &str) -> Option<BinaryOp> {
    Some(match op {
        "=" => BinaryOp::Equal,
        "!=" => BinaryOp::NotEqual,
        "<" => BinaryOp::Less,
        "<=" => BinaryOp::LessEqual,
        ">" => BinaryOp::Greater,
        ">=" => BinaryOp::GreaterEqual,
        _ => return None,
    })
}

fn arithmetic(op: &str) -> Option<BinaryOp> {
    Some(match op {
        "+" => BinaryOp::Add,
        "-" => BinaryOp::Sub,
        "*" => BinaryOp::Mul,
        "/" => BinaryOp::Div,
        "%" => BinaryOp::Mod,
        "^" => BinaryOp::Power,
        _ => return None,
    })
}

fn spanset_op(op: &str) -> Option<SpansetOp> {
    let structural = |relation, form| Some(SpansetOp::Structural { relation, form });
    match op {
        "&&" => Some(SpansetOp::And),
        "||" => Some(SpansetOp::Or),
        ">" => structural(Relation::Child, Form::Related),
        "<" => structural(Relation::Parent, Form::Related),
        ">>" => structural(Relation::Descendant, Form::Related),
        "<<" => structural(Relation::Ancestor, Form::Related),
        "~" => structural(Relation::Sibling, Form::Related),
        "!>" => structural(Relation::Child, Form::Unrelated),
        "!<" => structural(Relation::Parent, Form::Unrelated),
        "!>>" => structural(Relation::Descendant, Form::Unrelated),
        "!<<" => structural(Relation::Ancestor, Form::Unrelated),
        "!~" => structural(Relation::Sibling, Form::Unrelated),
        "&>" => structural(Relation::Child, Form::Union),
        "&<" => structural(Relation::Parent, Form::Union),
        "&>>" => structural(Relation::Descendant, Form::Union),
        "&<<" => structural(Relation::Ancestor, Form::Union),
        "&~" => structural(Relation::Sibling, Form::Union),
        _ => None,
    }
}

/// The stages of a pipeline; with `aggregate` the last one is an aggregate.
fn pipeline(nodes: Vec<Placed>, aggregate: bool) -> Result<Pipeline> {
    let count = nodes.len();
    let mut stages = Vec::with_capacity(count);
    for (index, placed) in nodes.into_iter().enumerate() {
        stages.push(match placed.node {
            Node::By(expr) => Stage::By(expr),
            Node::Select(attributes) => Stage::Select(attributes),
            Node::Coalesce if index > 0 => Stage::Coalesce,
            Node::Aggregate(of) if aggregate && index > 0 && index + 1 == count => Stage::Aggregate(of),
            _ if contains_aggregate(&placed) => Stage::ScalarFilter(scalar_filter(placed)?),
            _ => Stage::Spansets(spansets(placed)?),
        });
    }
    Ok(Pipeline { stages })
}

fn contains_aggregate(placed: &Placed) -> bool {
    match &placed.node {
        Node::Aggregate(_) => true,
        Node::Paren(nodes) => matches!(nodes.as_slice(), [only] if contains_aggregate(only)),
        Node::Binary { lhs, rhs, .. } => contains_aggregate(lhs) || contains_aggregate(rhs),
        _ => false,
    }
}

/// Filters with operators between them.
fn spansets(placed: Placed) -> Result<SpansetExpr> {
    match placed.node {
        Node::Filter(expr) => Ok(SpansetExpr::Filter(expr)),
        Node::Paren(nodes) => spansets(one(nodes)?),
        Node::Binary { op, lhs, rhs } => match spanset_op(op) {
            Some(op) => {
                Ok(SpansetExpr::Binary { op, lhs: Box::new(spansets(*lhs)?), rhs: Box::new(spansets(*rhs)?) })
            }
            None => Err(wrong(
                &Placed { node: Node::Binary { op, lhs, rhs }, ..placed },
                "an operator between span sets",
            )),
        },
        _ => Err(wrong(&placed, "a filter `{..}`")),
    }
}

/// Whether these are pipelines in parentheses with operators between them, rather than plain filters.
fn is_spanset_pipelines(placed: &Placed) -> bool {
    match &placed.node {
        Node::Paren(nodes) => match nodes.as_slice() {
            [only] => is_spanset_pipelines(only) || matches!(only.node, Node::By(_) | Node::Select(_)),
            [.., last] => !matches!(last.node, Node::Aggregate(_)),
            [] => false,
        },
        Node::Binary { op, lhs, rhs } => {
            spanset_op(op).is_some() && (is_spanset_pipelines(lhs) || is_spanset_pipelines(rhs))
        }
        _ => false,
    }
}

fn spanset_pipelines(placed: Placed) -> Result<SpansetExpr> {
    match placed.node {
        Node::Paren(nodes) => match nodes.as_slice() {
            [only] if is_spanset_pipelines(only) => spanset_pipelines(one(nodes)?),
            _ => {
                let mut inner = pipeline(nodes, false)?;
                match (inner.stages.pop(), inner.stages.is_empty()) {
                    (Some(Stage::Spansets(only)), true) => Ok(only),
                    (last, _) => {
                        inner.stages.extend(last);
                        Ok(SpansetExpr::Pipeline(inner))
                    }
                }
            }
        },
        Node::Binary { op, lhs, rhs } => match spanset_op(op) {
            Some(op) => Ok(SpansetExpr::Binary {
                op,
                lhs: Box::new(spanset_pipelines(*lhs)?),
                rhs: Box::new(spanset_pipelines(*rhs)?),
            }),
            None => Err(wrong(
                &Placed { node: Node::Binary { op, lhs, rhs }, ..placed },
                "an operator between span sets",
            )),
        },
        _ => Err(wrong(&placed, "a pipeline in parentheses, as on the other side")),
    }
}

/// `aggregate op scalar` in a pipeline.
fn scalar_filter(placed: Placed) -> Result<ScalarFilter> {
    match placed.node {
        Node::Binary { op, lhs, rhs } if comparison(op).is_some() => {
            let op = comparison(op).unwrap_or(BinaryOp::Equal);
            Ok(ScalarFilter { op, lhs: scalar(*lhs)?, rhs: scalar(*rhs)? })
        }
        _ => Err(wrong(&placed, "a comparison of the aggregate")),
    }
}

/// An aggregate, a constant, or arithmetic with them.
fn scalar(placed: Placed) -> Result<ScalarExpr> {
    if !contains_aggregate(&placed) {
        return constant(&placed).map(ScalarExpr::Literal);
    }
    match placed.node {
        Node::Aggregate(aggregate) => Ok(ScalarExpr::Aggregate(aggregate)),
        Node::Paren(nodes) => scalar(one(nodes)?),
        Node::Binary { op, lhs, rhs } if arithmetic(op).is_some() => {
            let op = arithmetic(op).unwrap_or(BinaryOp::Add);
            Ok(ScalarExpr::Binary { op, lhs: Box::new(scalar(*lhs)?), rhs: Box::new(scalar(*rhs)?) })
        }
        _ => Err(wrong(&placed, "an aggregate or a number")),
    }
}

/// A number made of numbers.
fn constant(placed: &Placed) -> Result<Value> {
    match &placed.node {
        Node::Number(value) => Ok(value.clone()),
        Node::Negative(operand) => {
            let inner = match &**operand {
                Node::Number(value) => value.clone(),
                Node::Negative(_) | Node::Paren(_) => constant_of(operand, placed)?,
                _ => return Err(wrong(placed, "a number after the minus")),
            };
            ops::negate(&inner).map_err(|_| wrong(placed, "a number after the minus"))
        }
        Node::Paren(_) => constant_of(&placed.node, placed),
        Node::Binary { op, lhs, rhs } => match arithmetic(op) {
            Some(op) if !matches!(op, BinaryOp::Mod | BinaryOp::Power) => {
                let (lhs, rhs) = (constant(lhs)?, constant(rhs)?);
                if matches!(lhs, Value::Duration(_)) || matches!(rhs, Value::Duration(_)) {
                    return Err(wrong(placed, "numbers: a duration cannot be computed with here"));
                }
                ops::binary(op, &lhs, &rhs).map_err(|problem| wrong(placed, problem))
            }
            _ => Err(wrong(placed, "`+`, `-`, `*` or `/` between numbers")),
        },
        _ => Err(wrong(placed, "a number")),
    }
}

fn constant_of(node: &Node, at: &Placed) -> Result<Value> {
    match node {
        Node::Number(value) => Ok(value.clone()),
        Node::Negative(operand) => {
            ops::negate(&constant_of(operand, at)?).map_err(|_| wrong(at, "a number after the minus"))
        }
        Node::Paren(nodes) => match nodes.as_slice() {
            [only] => constant(only),
            _ => Err(wrong(at, "a number")),
        },
        _ => Err(wrong(at, "a number")),
    }
}

/// Whether this is a pipeline in parentheses that ends in an aggregate, or arithmetic between such.
fn ends_in_aggregate(placed: &Placed) -> bool {
    match &placed.node {
        Node::Paren(nodes) => match nodes.as_slice() {
            [only] => ends_in_aggregate(only),
            [.., last] => matches!(last.node, Node::Aggregate(_)),
            [] => false,
        },
        Node::Binary { op, lhs, .. } => arithmetic(op).is_some() && ends_in_aggregate(lhs),
        _ => false,
    }
}

fn pipeline_filter(placed: Placed) -> Result<ScalarFilter> {
    let Node::Binary { op, lhs, rhs } = placed.node else { return Err(wrong(&placed, "a comparison")) };
    let op = comparison(op).unwrap_or(BinaryOp::Equal);
    let lhs = scalar_pipelines(*lhs)?;
    let rhs =
        if ends_in_aggregate(&rhs) { scalar_pipelines(*rhs)? } else { ScalarExpr::Literal(constant(&rhs)?) };
    Ok(ScalarFilter { op, lhs, rhs })
}

fn scalar_pipelines(placed: Placed) -> Result<ScalarExpr> {
    match placed.node {
        Node::Paren(nodes) => match nodes.as_slice() {
            [_] => scalar_pipelines(one(nodes)?),
            _ => pipeline(nodes, true).map(ScalarExpr::Pipeline),
        },
        Node::Binary { op, lhs, rhs } if arithmetic(op).is_some() => {
            let op = arithmetic(op).unwrap_or(BinaryOp::Add);
            let (lhs, rhs) = (scalar_pipelines(*lhs)?, scalar_pipelines(*rhs)?);
            Ok(ScalarExpr::Binary { op, lhs: Box::new(lhs), rhs: Box::new(rhs) })
        }
        _ => Err(wrong(&placed, "a pipeline in parentheses that ends in an aggregate")),
    }
}

fn has_metrics(placed: &Placed) -> bool {
    match &placed.node {
        Node::Metrics(_) | Node::TopK(..) => true,
        Node::Paren(nodes) => nodes.iter().any(has_metrics),
        Node::Binary { lhs, rhs, .. } => has_metrics(lhs) || has_metrics(rhs),
        _ => false,
    }
}

/// Takes the comparisons off an element, the first one first.
fn peel(placed: Placed) -> Result<(Placed, Vec<SecondStage>)> {
    match placed.node {
        Node::Binary { op, lhs, rhs } if comparison(op).is_some() => {
            let op = comparison(op).unwrap_or(BinaryOp::Equal);
            let bound = match constant(&rhs)? {
                Value::Duration(ns) => ns as f64 / 1e9,
                number => number.as_f64().unwrap_or(f64::NAN),
            };
            let (inner, mut stages) = peel(*lhs)?;
            stages.push(SecondStage::Filter { op, value: bound });
            Ok((inner, stages))
        }
        _ => Ok((placed, Vec::new())),
    }
}

/// A metrics query: a pipeline with a metrics function, or arithmetic between such in parentheses.
fn metrics_root(nodes: Vec<Placed>) -> Result<MetricsExpr> {
    let first_is_series = nodes.first().is_some_and(has_metrics);
    if !first_is_series {
        return metrics_pipeline(nodes);
    }
    let mut nodes = nodes.into_iter();
    let Some(first) = nodes.next() else { return metrics_pipeline(Vec::new()) };
    let (base, filters) = peel(first)?;
    let mut expr = series(base)?;
    expr.stages.extend(filters);
    for node in nodes {
        expr.stages.extend(second_stage(node)?);
    }
    Ok(expr)
}

/// `pipeline | function() .. | topk(n) ..`.
fn metrics_pipeline(mut nodes: Vec<Placed>) -> Result<MetricsExpr> {
    let at = nodes.iter().position(has_metrics).unwrap_or(nodes.len());
    let mut rest = nodes.split_off(at).into_iter();
    let function = rest.next().ok_or_else(|| QueryError::Syntax {
        at: 0..0,
        found: "no metrics function".to_owned(),
        expected: "a metrics function".to_owned(),
    })?;
    let (function, mut stages) = peel(function)?;
    let Node::Metrics(function) = function.node else {
        return Err(wrong(&function, "a metrics function such as `rate()`"));
    };
    if nodes.is_empty() {
        return Err(QueryError::Syntax {
            at: 0..0,
            found: "a metrics function".to_owned(),
            expected: "a filter `{..}` before it".to_owned(),
        });
    }
    for node in rest {
        stages.extend(second_stage(node)?);
    }
    Ok(MetricsExpr { source: MetricsSource::Pipeline(pipeline(nodes, false)?, function), stages })
}

fn second_stage(placed: Placed) -> Result<Vec<SecondStage>> {
    let (base, filters) = peel(placed)?;
    let Node::TopK(top, limit) = base.node else { return Err(wrong(&base, "`topk` or `bottomk`")) };
    let mut stages = vec![if top { SecondStage::TopK(limit) } else { SecondStage::BottomK(limit) }];
    stages.extend(filters);
    Ok(stages)
}

/// Metrics pipelines in parentheses and arithmetic with them.
fn series(placed: Placed) -> Result<MetricsExpr> {
    match placed.node {
        Node::Paren(nodes) => match nodes.as_slice() {
            [only] if has_metrics(only) => series(one(nodes)?),
            _ => metrics_pipeline(nodes),
        },
        Node::Binary { op, lhs, rhs } => {
            let op = match arithmetic(op) {
                Some(op) if !matches!(op, BinaryOp::Mod | BinaryOp::Power) => op,
                _ => {
                    let placed = Placed { node: Node::Binary { op, lhs, rhs }, ..placed };
                    return Err(wrong(&placed, "`+`, `-`, `*` or `/` between series"));
                }
            };
            match (has_metrics(&lhs), has_metrics(&rhs)) {
                (true, true) => {
                    let source = MetricsSource::Binary {
                        op,
                        lhs: Box::new(series(*lhs)?),
                        rhs: Box::new(series(*rhs)?),
                    };
                    Ok(MetricsExpr { source, stages: Vec::new() })
                }
                (left, _) => {
                    let (number, of) = if left { (*rhs, *lhs) } else { (*lhs, *rhs) };
                    let value = match constant(&number)? {
                        Value::Duration(_) => {
                            return Err(wrong(&number, "a number: a duration cannot be computed with here"));
                        }
                        value => value.as_f64().unwrap_or(f64::NAN),
                    };
                    let mut expr = series(of)?;
                    expr.stages.push(SecondStage::Scalar { op, value, scalar_first: !left });
                    Ok(expr)
                }
            }
        }
        _ => Err(wrong(&placed, "a metrics query in parentheses")),
    }
}
