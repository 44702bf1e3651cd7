//! Runs a plan over the traces of a batch.

use std::cell::{OnceCell, RefCell};
use std::ops::Range;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::eval::Evaluator;
use super::plan::{ExprId, Plan, PlanStage, Spansets};
use super::structure::{self, Numbers};
use crate::column::Column;
use crate::field::{Field, Intrinsic};
use crate::traceql::Value;
use crate::traceql::ast::{AggregateOp, Form, SpansetOp};
use crate::traceql::error::QueryError;
use crate::traceql::ops;

type Result<T> = std::result::Result<T, QueryError>;

/// Spans of one trace that belong together, as rows of the batch.
#[derive(Clone, Debug, Default)]
pub(super) struct SpanSet {
    /// Ascending.
    pub(super) rows: Vec<u32>,
    /// What `by` and aggregates say of the set.
    pub(super) attributes: Vec<(String, Value)>,
}

/// Runs a plan over one batch.
pub(super) struct Run<'a> {
    plan: &'a Plan,
    pub(super) evaluator: Evaluator<'a>,
    truths: RefCell<FxHashMap<ExprId, Rc<Vec<bool>>>>,
    values: RefCell<FxHashMap<ExprId, Arc<Column>>>,
    numbers: OnceCell<[Vec<i64>; 3]>,
}

/// Which traces of a batch can have a span set.
pub(super) struct Candidates {
    /// Filters of which each must hold for some span of the trace.
    needed: Vec<Rc<Vec<bool>>>,
    /// Whether one of them holds for no span of the batch.
    none: bool,
}

impl Candidates {
    /// Whether the trace in these rows can have one.
    pub(super) fn has(&self, rows: &Range<usize>) -> bool {
        let some = |truths: &Rc<Vec<bool>>| truths.get(rows.clone()).is_none_or(|rows| rows.contains(&true));
        !self.none && self.needed.iter().all(some)
    }
}

/// The filters of which each must hold for some span, for there to be a span set.
fn needed(stages: &[PlanStage], found: &mut Vec<ExprId>) {
    for stage in stages {
        if let PlanStage::Spansets(spansets) = stage {
            needed_of(spansets, found);
        }
    }
}

fn needed_of(spansets: &Spansets, found: &mut Vec<ExprId>) {
    match spansets {
        Spansets::Filter(expr) => found.push(*expr),
        Spansets::Stages(stages) => needed(stages, found),
        Spansets::Binary { op, lhs, rhs } => match op {
            SpansetOp::Or => {}
            SpansetOp::Structural { form: Form::Unrelated, .. } => needed_of(rhs, found),
            SpansetOp::And | SpansetOp::Structural { .. } => {
                needed_of(lhs, found);
                needed_of(rhs, found);
            }
        },
    }
}

impl<'a> Run<'a> {
    pub(super) fn new(plan: &'a Plan, evaluator: Evaluator<'a>) -> Self {
        let (truths, values, numbers) = (RefCell::default(), RefCell::default(), OnceCell::new());
        Run { plan, evaluator, truths, values, numbers }
    }

    /// The traces that are worth a closer look. Stops at the first filter that no span of the batch passes.
    pub(super) fn candidates(&self) -> Result<Candidates> {
        let mut exprs = Vec::new();
        needed(&self.plan.stages, &mut exprs);
        let mut candidates = Candidates { needed: Vec::new(), none: false };
        for expr in exprs {
            let truths = self.truths_of(expr)?;
            candidates.none = !truths.contains(&true);
            if candidates.none {
                break;
            }
            candidates.needed.push(truths);
        }
        Ok(candidates)
    }

    /// An intrinsic that is an integer on every span.
    pub(super) fn integers(&self, intrinsic: Intrinsic) -> Result<Vec<i64>> {
        let column = self.evaluator.column(&Field::Intrinsic(intrinsic))?;
        Ok(match &*column {
            Column::Ints { numbers, .. } => numbers.clone(),
            other => {
                let number = |row| match other.get(row) {
                    Value::Int(number) | Value::Duration(number) => number,
                    _ => 0,
                };
                (0..self.evaluator.batch().span_count()).map(number).collect()
            }
        })
    }

    /// The span sets of the trace in these rows; none where it does not match.
    pub(super) fn trace(&self, rows: Range<usize>) -> Result<Vec<SpanSet>> {
        let all = SpanSet { rows: rows.map(|row| row as u32).collect(), attributes: Vec::new() };
        self.stages(&self.plan.stages, vec![all])
    }

    fn stages(&self, stages: &[PlanStage], mut sets: Vec<SpanSet>) -> Result<Vec<SpanSet>> {
        for stage in stages {
            sets = match stage {
                PlanStage::Spansets(spansets) => self.each(spansets, &sets)?,
                PlanStage::Coalesce => coalesced(sets),
                PlanStage::By { of, name } => self.grouped(*of, name, sets)?,
                PlanStage::Filter { aggregate, of, name, op, bound } => {
                    let mut kept = Vec::new();
                    for mut set in sets {
                        let Some(scalar) = self.aggregated(*aggregate, *of, &set.rows)? else { continue };
                        if ops::compare(*op, &scalar, bound) {
                            set.attributes.push((name.clone(), scalar));
                            kept.push(set);
                        }
                    }
                    kept
                }
            };
            sets.retain(|set| !set.rows.is_empty());
            if sets.is_empty() {
                break;
            }
        }
        Ok(sets)
    }

    fn each(&self, spansets: &Spansets, sets: &[SpanSet]) -> Result<Vec<SpanSet>> {
        let mut out = Vec::new();
        for set in sets {
            out.extend(self.spansets(spansets, set)?);
        }
        Ok(out)
    }

    fn spansets(&self, spansets: &Spansets, set: &SpanSet) -> Result<Vec<SpanSet>> {
        match spansets {
            Spansets::Filter(expr) => {
                let truths = self.truths_of(*expr)?;
                let holds = |row: &u32| truths.get(*row as usize) == Some(&true);
                let rows: Vec<u32> = set.rows.iter().copied().filter(holds).collect();
                Ok(if rows.is_empty() { Vec::new() } else { vec![SpanSet { rows, ..set.clone() }] })
            }
            Spansets::Stages(stages) => self.stages(stages, vec![set.clone()]),
            Spansets::Binary { op, lhs, rhs } => {
                let (lhs, rhs) = (self.spansets(lhs, set)?, self.spansets(rhs, set)?);
                let rows = match op {
                    SpansetOp::And if lhs.is_empty() || rhs.is_empty() => Vec::new(),
                    SpansetOp::And | SpansetOp::Or => united(&lhs, &rhs),
                    SpansetOp::Structural { relation, form } => {
                        if lhs.len() > 1 || rhs.len() > 1 {
                            return Err(QueryError::Evaluation {
                                part: "a structural operator".to_owned(),
                                problem: "several span sets a trace; put coalesce() before it",
                            });
                        }
                        let Some(rhs) = rhs.first() else { return Ok(Vec::new()) };
                        let lhs = lhs.first().map_or(&[] as &[u32], |lhs| lhs.rows.as_slice());
                        structure::related(self.numbers()?, *relation, *form, lhs, &rhs.rows)
                    }
                };
                Ok(if rows.is_empty() { Vec::new() } else { vec![SpanSet { rows, ..set.clone() }] })
            }
        }
    }

    fn numbers(&self) -> Result<Numbers<'_>> {
        let [left, right, parent] = match self.numbers.get() {
            Some(numbers) => numbers,
            None => {
                let numbers = [
                    self.integers(Intrinsic::NestedSetLeft)?,
                    self.integers(Intrinsic::NestedSetRight)?,
                    self.integers(Intrinsic::NestedSetParent)?,
                ];
                self.numbers.get_or_init(|| numbers)
            }
        };
        Ok(Numbers { left, right, parent })
    }

    fn truths_of(&self, expr: ExprId) -> Result<Rc<Vec<bool>>> {
        if let Some(truths) = self.truths.borrow().get(&expr) {
            return Ok(Rc::clone(truths));
        }
        let truths = match self.plan.exprs.get(expr) {
            Some(expr) => Rc::new(self.evaluator.truths(expr)?),
            None => Rc::default(),
        };
        self.truths.borrow_mut().insert(expr, Rc::clone(&truths));
        Ok(truths)
    }

    fn values_of(&self, expr: ExprId) -> Result<Arc<Column>> {
        if let Some(values) = self.values.borrow().get(&expr) {
            return Ok(Arc::clone(values));
        }
        let values = match self.plan.exprs.get(expr) {
            Some(expr) => self.evaluator.values(expr)?,
            None => Arc::new(Column::Constant(Value::Nil)),
        };
        self.values.borrow_mut().insert(expr, Arc::clone(&values));
        Ok(values)
    }

    fn grouped(&self, of: ExprId, name: &str, sets: Vec<SpanSet>) -> Result<Vec<SpanSet>> {
        let values = self.values_of(of)?;
        let mut out: Vec<SpanSet> = Vec::new();
        for set in sets {
            let mut groups: FxHashMap<Value, usize> = FxHashMap::default();
            for row in set.rows {
                let value =
                    Some(values.get(row as usize)).filter(|value| !value.is_nil()).unwrap_or_default();
                let index = *groups.entry(value).or_insert_with_key(|value| {
                    let mut attributes = set.attributes.clone();
                    attributes.push((name.to_owned(), value.clone()));
                    out.push(SpanSet { rows: Vec::new(), attributes });
                    out.len() - 1
                });
                if let Some(group) = out.get_mut(index) {
                    group.rows.push(row);
                }
            }
        }
        Ok(out)
    }

    /// The aggregate over rows; `None` where no span has a value.
    fn aggregated(&self, op: AggregateOp, of: Option<ExprId>, rows: &[u32]) -> Result<Option<Value>> {
        let Some(of) = of else { return Ok(Some(Value::Int(rows.len() as i64))) };
        let values = self.values_of(of)?;
        let present = rows.iter().map(|row| values.get(*row as usize)).filter(|value| !value.is_nil());
        Ok(match op {
            AggregateOp::Count => Some(Value::Int(rows.len() as i64)),
            AggregateOp::Min => present.min_by(Value::order),
            // The first of equals, as for the smallest.
            AggregateOp::Max => present.reduce(|max, next| if next.order(&max).is_gt() { next } else { max }),
            AggregateOp::Sum => present.reduce(|sum, next| added(&sum, &next)),
            AggregateOp::Avg => {
                let mut count = 0;
                let sum = present.inspect(|_| count += 1).reduce(|sum, next| added(&sum, &next));
                sum.map(|sum| divided(&sum, count))
            }
        })
    }
}

/// The sum of two values of one type; others are left out of it.
fn added(sum: &Value, next: &Value) -> Value {
    match (sum, next) {
        (Value::Int(a), Value::Int(b)) => Value::Int(a.wrapping_add(*b)),
        (Value::Duration(a), Value::Duration(b)) => Value::Duration(a.wrapping_add(*b)),
        (Value::Float(a), Value::Float(b)) => Value::Float(a + b),
        _ => sum.clone(),
    }
}

fn divided(sum: &Value, count: i64) -> Value {
    match sum {
        Value::Int(sum) => Value::Float(*sum as f64 / count as f64),
        Value::Float(sum) => Value::Float(sum / count as f64),
        Value::Duration(sum) => Value::Duration(sum / count.max(1)),
        other => other.clone(),
    }
}

fn united(lhs: &[SpanSet], rhs: &[SpanSet]) -> Vec<u32> {
    let mut rows: Vec<u32> = lhs.iter().chain(rhs).flat_map(|set| &set.rows).copied().collect();
    rows.sort_unstable();
    rows.dedup();
    rows
}

fn coalesced(sets: Vec<SpanSet>) -> Vec<SpanSet> {
    let mut rows: Vec<u32> = sets.into_iter().flat_map(|set| set.rows).collect();
    rows.sort_unstable();
    rows.dedup();
    vec![SpanSet { rows, attributes: Vec::new() }]
}
