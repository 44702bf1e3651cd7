//! Which values the reference's store would hand its evaluator.
//!
//! The reference collects the conditions of a query by scope and asks its store for the values that pass any of
//! them, whatever attribute a condition was about: the columns of a scope are shared by all attributes. Two answers
//! depend on it, see [`Handed`](super::expr::Handed).

use std::collections::BTreeMap;
use std::sync::Arc;

use super::expr::Test;
use crate::field::{Field, Intrinsic, Scope};
use crate::traceql::Value;
use crate::traceql::ast::{
    Attribute, BinaryOp, FieldExpr, Pipeline, ScalarExpr, SpansetExpr, Stage, UnaryOp,
};

/// What the conditions of one scope, or on one intrinsic, let through.
#[derive(Clone, Debug, Default)]
pub(super) struct Pool {
    /// Whether something is asked for whatever its value.
    all: bool,
    tests: Vec<Test>,
}

impl Pool {
    /// Whether a single value gets through.
    pub(super) fn lets(&self, value: &Value) -> bool {
        let of_the_type = |test: &Test| match test {
            Test::Literal { literal, .. } => literal.kind() == value.kind(),
            Test::Regex { .. } => true,
        };
        self.all || self.tests.iter().any(|test| of_the_type(test) && test.holds(value))
    }
}

/// What shares a pool.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Of {
    Intrinsic(Intrinsic),
    Attributes(Scope),
}

fn of(field: &Field) -> Of {
    match field {
        Field::Intrinsic(intrinsic) => Of::Intrinsic(*intrinsic),
        Field::Attribute(scope, _) => Of::Attributes(*scope),
    }
}

/// The pools of a query.
#[derive(Debug, Default)]
pub(super) struct Pools {
    pools: BTreeMap<Of, Arc<Pool>>,
    named: Vec<Field>,
}

impl Pools {
    /// The pools of all conditions of a pipeline.
    pub(super) fn new(pipeline: &Pipeline) -> Self {
        let mut pools = Pools::default();
        pools.pipeline(pipeline);
        pools
    }

    /// The pool that a field shares.
    pub(super) fn of(&self, field: &Field) -> Arc<Pool> {
        self.pools.get(&of(field)).cloned().unwrap_or_default()
    }

    /// The fields that conditions name, with their pools.
    pub(super) fn named(&self) -> impl Iterator<Item = (&Field, Arc<Pool>)> {
        self.named.iter().map(|field| (field, self.of(field)))
    }

    fn add(&mut self, attribute: &Attribute, test: Option<&Test>) {
        for field in attribute.fields() {
            let pool = Arc::make_mut(self.pools.entry(of(&field)).or_default());
            match test {
                None => pool.all = true,
                Some(test) => pool.tests.push(test.clone()),
            }
            if !self.named.contains(&field) {
                self.named.push(field);
            }
        }
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        for stage in &pipeline.stages {
            match stage {
                Stage::Spansets(spansets) => self.spansets(spansets),
                Stage::ScalarFilter(filter) => {
                    [&filter.lhs, &filter.rhs].into_iter().for_each(|side| self.scalar(side));
                }
                Stage::Aggregate(aggregate) => aggregate.of.iter().for_each(|of| self.field(of)),
                Stage::By(expr) => self.field(expr),
                // Selected attributes are read after everything is decided.
                Stage::Select(_) | Stage::Coalesce => {}
            }
        }
    }

    fn spansets(&mut self, spansets: &SpansetExpr) {
        match spansets {
            SpansetExpr::Filter(expr) => self.field(expr),
            SpansetExpr::Pipeline(pipeline) => self.pipeline(pipeline),
            SpansetExpr::Binary { lhs, rhs, .. } => {
                self.spansets(lhs);
                self.spansets(rhs);
            }
        }
    }

    fn scalar(&mut self, scalar: &ScalarExpr) {
        match scalar {
            ScalarExpr::Aggregate(aggregate) => aggregate.of.iter().for_each(|of| self.field(of)),
            ScalarExpr::Literal(_) => {}
            ScalarExpr::Pipeline(pipeline) => self.pipeline(pipeline),
            ScalarExpr::Binary { lhs, rhs, .. } => {
                self.scalar(lhs);
                self.scalar(rhs);
            }
        }
    }

    fn field(&mut self, expr: &FieldExpr) {
        match expr {
            FieldExpr::Literal(_) => {}
            FieldExpr::Attribute(attribute) => self.add(attribute, None),
            FieldExpr::Unary { op: UnaryOp::NotExists, operand, .. }
                if matches!(**operand, FieldExpr::Attribute(_)) => {}
            FieldExpr::Unary { operand, .. } => self.field(operand),
            FieldExpr::Binary { op, lhs, rhs, .. } => match (&**lhs, &**rhs) {
                (FieldExpr::Attribute(attribute), FieldExpr::Literal(literal))
                | (FieldExpr::Literal(literal), FieldExpr::Attribute(attribute)) => {
                    self.condition(attribute, *op, literal);
                }
                (lhs, rhs) => {
                    self.field(lhs);
                    self.field(rhs);
                }
            },
        }
    }

    /// An attribute beside a literal, in either order: the store takes it as `attribute op literal`.
    fn condition(&mut self, attribute: &Attribute, op: BinaryOp, literal: &Value) {
        if op.is_arithmetic() || matches!(op, BinaryOp::And | BinaryOp::Or) {
            return self.add(attribute, None);
        }
        // A pattern that does not compile is an error of the condition itself.
        if let Ok(Some(test)) = Test::new(op, literal) {
            self.add(attribute, Some(&test));
        }
    }
}
