//! What a trace needs at least, drawn from the query for the store.
//!
//! Only what must hold in every matching trace may be drawn: where a part of the query cannot be expressed, the part
//! asks for nothing, which is always sound.

use super::expr::{Expr, Test};
use super::plan::{Plan, PlanStage, Spansets};
use crate::field::{Field, Intrinsic};
use crate::source::{Comparison, Condition, Requirement, Test as SourceTest};
use crate::traceql::Value;
use crate::traceql::ast::{BinaryOp, Form, SpansetOp};

/// The most alternatives that are handed to a store; more cost it more than they save.
const ALTERNATIVES_MAX: usize = 64;

/// What a trace needs to give a span set in every stage.
pub(super) fn of_plan(plan: &Plan) -> Requirement {
    of_stages(plan, &plan.stages)
}

fn of_stages(plan: &Plan, stages: &[PlanStage]) -> Requirement {
    let parts = stages.iter().filter_map(|stage| match stage {
        PlanStage::Spansets(spansets) => Some(of_spansets(plan, spansets)),
        _ => None,
    });
    all(parts.collect())
}

fn of_spansets(plan: &Plan, spansets: &Spansets) -> Requirement {
    match spansets {
        Spansets::Filter(expr) => plan.exprs.get(*expr).map_or(Requirement::Anything, of_filter),
        Spansets::Stages(stages) => of_stages(plan, stages),
        Spansets::Binary { op, lhs, rhs } => match op {
            SpansetOp::And | SpansetOp::Structural { form: Form::Related | Form::Union, .. } => {
                all(vec![of_spansets(plan, lhs), of_spansets(plan, rhs)])
            }
            SpansetOp::Structural { form: Form::Unrelated, .. } => of_spansets(plan, rhs),
            SpansetOp::Or => any(vec![of_spansets(plan, lhs), of_spansets(plan, rhs)]),
        },
    }
}

fn all(parts: Vec<Requirement>) -> Requirement {
    let mut parts: Vec<Requirement> =
        parts.into_iter().filter(|part| *part != Requirement::Anything).collect();
    match parts.len() {
        0 => Requirement::Anything,
        1 => parts.remove(0),
        _ => Requirement::All(parts),
    }
}

fn any(parts: Vec<Requirement>) -> Requirement {
    if parts.contains(&Requirement::Anything) || parts.len() > ALTERNATIVES_MAX {
        return Requirement::Anything;
    }
    Requirement::Any(parts)
}

/// What one span must fulfil for the filter to be true of it.
fn of_filter(expr: &Expr) -> Requirement {
    match expr {
        Expr::Literal(Value::Bool(false)) => Requirement::Any(Vec::new()),
        Expr::And(parts) => {
            let mut conditions = Vec::new();
            for part in parts {
                match of_filter(part) {
                    Requirement::Span(more) => conditions.extend(more),
                    // An alternative beside other conditions is sound on its own, but not part of one span's list.
                    _ => continue,
                }
            }
            if conditions.is_empty() { Requirement::Anything } else { Requirement::Span(conditions) }
        }
        Expr::Binary { op: BinaryOp::Or, lhs, rhs } => any(vec![of_filter(lhs), of_filter(rhs)]),
        Expr::Unscoped { fields, test, .. } => condition(fields.to_vec(), test),
        Expr::Test { operand, test, .. } => match &**operand {
            Expr::Fields(fields) => condition(fields.clone(), test),
            _ => Requirement::Anything,
        },
        Expr::Exists { operand, wanted: true } => match &**operand {
            Expr::Fields(fields) => {
                Requirement::Span(vec![Condition { fields: fields.clone(), test: SourceTest::Exists }])
            }
            _ => Requirement::Anything,
        },
        _ => Requirement::Anything,
    }
}

fn condition(fields: Vec<Field>, test: &Test) -> Requirement {
    // Spans without events answer these with a default, and numbers of the tree are not known before the tree is.
    let derived = |field: &Field| match field {
        Field::Intrinsic(intrinsic) => {
            intrinsic.nested_scope().is_some()
                || matches!(
                    intrinsic,
                    Intrinsic::NestedSetLeft
                        | Intrinsic::NestedSetRight
                        | Intrinsic::NestedSetParent
                        | Intrinsic::ChildCount
                        | Intrinsic::TraceDuration
                        | Intrinsic::RootName
                        | Intrinsic::RootServiceName
                )
        }
        Field::Attribute(..) => false,
    };
    if fields.iter().any(derived) {
        return Requirement::Anything;
    }
    let test = match test {
        Test::Regex { pattern, wanted: true } => SourceTest::Matches(pattern.source().into()),
        Test::Regex { wanted: false, .. } => SourceTest::Exists,
        Test::Literal { op, literal } => match op {
            BinaryOp::Equal => SourceTest::Compare(Comparison::Equal, literal.clone()),
            BinaryOp::Less => SourceTest::Compare(Comparison::Less, literal.clone()),
            BinaryOp::LessEqual => SourceTest::Compare(Comparison::LessEqual, literal.clone()),
            BinaryOp::Greater => SourceTest::Compare(Comparison::Greater, literal.clone()),
            BinaryOp::GreaterEqual => SourceTest::Compare(Comparison::GreaterEqual, literal.clone()),
            BinaryOp::NotEqual => SourceTest::Exists,
            _ => return Requirement::Anything,
        },
    };
    Requirement::Span(vec![Condition { fields, test }])
}
