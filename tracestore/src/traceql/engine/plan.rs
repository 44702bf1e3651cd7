//! A pipeline ready to run: expressions compiled once, stages that name them by number.

use super::expr::{self, Expr};
use super::pools::Pools;
use crate::field::{Field, Intrinsic};
use crate::traceql::Value;
use crate::traceql::ast::{
    Aggregate, AggregateOp, Attribute, BinaryOp, Pipeline, ScalarExpr, SpansetExpr, SpansetOp, Stage,
};
use crate::traceql::error::QueryError;

/// An expression of a [`Plan`] by number.
pub(super) type ExprId = usize;

/// A compiled pipeline.
#[derive(Debug)]
pub(super) struct Plan {
    pub(super) exprs: Vec<Expr>,
    pub(super) stages: Vec<PlanStage>,
    /// What the conditions let through.
    pub(super) pools: Pools,
    /// The fields that conditions and groups look at, without repetition.
    pub(super) fields: Vec<Field>,
    /// The fields that `select` adds to the answer, without repetition.
    pub(super) selected: Vec<Field>,
    /// Whether it looks at relations between spans.
    pub(super) structural: bool,
    /// Whether the answer depends on more than one span at a time.
    pub(super) whole_traces: bool,
}

#[derive(Debug)]
pub(super) enum PlanStage {
    Spansets(Spansets),
    /// The aggregate, its name in the answer, and what it must compare with.
    Filter {
        aggregate: AggregateOp,
        of: Option<ExprId>,
        name: String,
        op: BinaryOp,
        bound: Value,
    },
    /// The group and its name in the answer.
    By {
        of: ExprId,
        name: String,
    },
    Coalesce,
}

#[derive(Debug)]
pub(super) enum Spansets {
    Filter(ExprId),
    Stages(Vec<PlanStage>),
    Binary { op: SpansetOp, lhs: Box<Spansets>, rhs: Box<Spansets> },
}

impl Plan {
    pub(super) fn new(pipeline: &Pipeline) -> Result<Self, QueryError> {
        let mut plan = Plan {
            exprs: Vec::new(),
            stages: Vec::new(),
            pools: Pools::new(pipeline),
            fields: Vec::new(),
            selected: Vec::new(),
            structural: false,
            whole_traces: false,
        };
        plan.stages = plan.compile(pipeline)?;
        if plan.structural {
            let numbers = [Intrinsic::NestedSetLeft, Intrinsic::NestedSetRight, Intrinsic::NestedSetParent];
            plan.add_fields(numbers.map(Field::Intrinsic));
        }
        Ok(plan)
    }

    fn compile(&mut self, pipeline: &Pipeline) -> Result<Vec<PlanStage>, QueryError> {
        let mut stages = Vec::new();
        for stage in &pipeline.stages {
            match stage {
                Stage::Spansets(spansets) => stages.push(PlanStage::Spansets(self.spansets(spansets)?)),
                Stage::ScalarFilter(filter) => {
                    let (ScalarExpr::Aggregate(aggregate), ScalarExpr::Literal(bound)) =
                        (&filter.lhs, &filter.rhs)
                    else {
                        return Err(QueryError::Unsupported {
                            feature: format!("the comparison `{filter}`"),
                        });
                    };
                    stages.push(self.filter(aggregate, filter.op, bound)?);
                }
                Stage::Aggregate(aggregate) => {
                    return Err(QueryError::Unsupported {
                        feature: format!("`{aggregate}` without a comparison"),
                    });
                }
                Stage::By(expr) => {
                    self.whole_traces = true;
                    let name = format!("by({expr})");
                    stages.push(PlanStage::By { of: self.expr(Expr::new(expr, &self.pools)?), name });
                }
                Stage::Coalesce => stages.push(PlanStage::Coalesce),
                Stage::Select(attributes) => attributes.iter().try_for_each(|of| self.select(of))?,
            }
        }
        Ok(stages)
    }

    fn filter(
        &mut self,
        aggregate: &Aggregate,
        op: BinaryOp,
        bound: &Value,
    ) -> Result<PlanStage, QueryError> {
        self.whole_traces = true;
        let of = match &aggregate.of {
            Some(of) => Some(self.expr(Expr::new(of, &self.pools)?)),
            None => None,
        };
        Ok(PlanStage::Filter {
            aggregate: aggregate.op,
            of,
            name: aggregate.to_string(),
            op,
            bound: bound.clone(),
        })
    }

    fn spansets(&mut self, spansets: &SpansetExpr) -> Result<Spansets, QueryError> {
        Ok(match spansets {
            SpansetExpr::Filter(expr) => Spansets::Filter(self.expr(Expr::new(expr, &self.pools)?)),
            SpansetExpr::Pipeline(pipeline) => Spansets::Stages(self.compile(pipeline)?),
            SpansetExpr::Binary { op, lhs, rhs } => {
                self.structural |= matches!(op, SpansetOp::Structural { .. });
                self.whole_traces = true;
                let (lhs, rhs) = (Box::new(self.spansets(lhs)?), Box::new(self.spansets(rhs)?));
                Spansets::Binary { op: *op, lhs, rhs }
            }
        })
    }

    fn expr(&mut self, expr: Expr) -> ExprId {
        let mut fields = Vec::new();
        expr.each_field(&mut |field| fields.push(field.clone()));
        self.add_fields(fields);
        self.exprs.push(expr);
        self.exprs.len() - 1
    }

    fn add_fields(&mut self, fields: impl IntoIterator<Item = Field>) {
        for field in fields {
            if !self.fields.contains(&field) {
                self.fields.push(field);
            }
        }
    }

    fn select(&mut self, attribute: &Attribute) -> Result<(), QueryError> {
        for field in expr::fields(attribute)? {
            if !self.selected.contains(&field) {
                self.selected.push(field);
            }
        }
        Ok(())
    }
}
