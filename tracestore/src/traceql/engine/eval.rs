//! Expressions over a batch: column in, column out.
//!
//! A comparison with a literal runs once a distinct value where the store hands over codes. Fields of events and links
//! hold several values a span; a comparison holds for a span where it holds for one of them, and the parts of a
//! conjunction must hold for the same one. For that, the rows are unfolded to one an event (or link), the
//! conjunction is evaluated on those, and the spans with a row that holds are taken.

mod compare;
mod items;

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use self::compare::decided;
use self::items::{Unfolded, first_items, unlinked};
use super::expr::Expr;
use super::{Problems, Semantics};
use crate::column::Column;
use crate::field::Field;
use crate::source::SpanBatch;
use crate::traceql::Value;
use crate::traceql::ast::BinaryOp;
use crate::traceql::error::QueryError;
use crate::traceql::ops::{self, Problem};

type Result<T> = std::result::Result<T, QueryError>;

/// How the spans of a batch are looked at.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mode {
    pub(super) semantics: Semantics,
    pub(super) problems: Problems,
}

/// Evaluates expressions over the spans of one batch and keeps the columns it asked for.
pub(super) struct Evaluator<'a> {
    batch: &'a dyn SpanBatch,
    mode: Mode,
    columns: RefCell<FxHashMap<Field, Arc<Column>>>,
}

/// What an expression gives.
enum Out {
    Truths(Vec<bool>),
    Column(Arc<Column>),
}

impl<'a> Evaluator<'a> {
    pub(super) fn new(batch: &'a dyn SpanBatch, mode: Mode) -> Self {
        Evaluator { batch, mode, columns: RefCell::default() }
    }

    pub(super) fn batch(&self) -> &'a dyn SpanBatch {
        self.batch
    }

    /// One truth a span: whether the expression is true, not just present.
    pub(super) fn truths(&self, expr: &Expr) -> Result<Vec<bool>> {
        let out = self.eval(expr, None)?;
        Ok(self.to_truths(out, None))
    }

    /// One value a span.
    pub(super) fn values(&self, expr: &Expr) -> Result<Arc<Column>> {
        Ok(match self.eval(expr, None)? {
            Out::Column(column) => column,
            Out::Truths(truths) => Arc::new(Column::Values(truths.into_iter().map(Value::Bool).collect())),
        })
    }

    /// The values of a field, the first one where a span has several.
    pub(super) fn column(&self, field: &Field) -> Result<Arc<Column>> {
        if let Some(column) = self.columns.borrow().get(field) {
            return Ok(Arc::clone(column));
        }
        let column = match field.nested_scope() {
            None => self.batch.column(field)?,
            Some(_) => Arc::new(first_items(&*self.batch.nested(field)?, self.batch.span_count(), field)),
        };
        self.columns.borrow_mut().insert(field.clone(), Arc::clone(&column));
        Ok(column)
    }

    fn rows(&self, unfolded: Option<&Unfolded>) -> usize {
        unfolded.map_or(self.batch.span_count(), |unfolded| unfolded.spans.len())
    }

    fn eval(&self, expr: &Expr, unfolded: Option<&Unfolded>) -> Result<Out> {
        if unfolded.is_none()
            && self.mode.semantics == Semantics::Store
            && let Some(scope) = expr.open_scope()
            && let Some(truths) = self.over_items(expr, scope)?
        {
            return Ok(Out::Truths(truths));
        }
        Ok(match expr {
            Expr::Literal(value) => Out::Column(Arc::new(Column::Constant(value.clone()))),
            Expr::Fields(fields) => Out::Column(self.fields(fields, unfolded)?),
            Expr::Negate(operand) => {
                let column = self.eval_column(operand, unfolded)?;
                Out::Column(Arc::new(self.mapped(&column, ops::negate)?))
            }
            Expr::Not(operand) => return self.not(operand, unfolded),
            Expr::Exists { operand, wanted } => self.exists(operand, *wanted, unfolded)?,
            Expr::Unscoped { fields, test, handed } => self.unscoped(fields, test, handed, unfolded)?,
            Expr::Test { operand, test, handed } => {
                let mut column = self.eval_column(operand, unfolded)?;
                if let (Some(_), Some(unlinked)) = (unfolded, unlinked(operand, test)) {
                    column = Arc::new(column.map(|value| match value {
                        Value::Opaque => unlinked.clone(),
                        value => value.clone(),
                    }));
                }
                Out::Truths(self.tested(&column, test, handed, self.rows(unfolded))?)
            }
            Expr::And(parts) => {
                self.listed(&parts.iter().collect::<Vec<_>>(), BinaryOp::NotEqual, unfolded)?;
                self.conjunction(parts, unfolded)?
            }
            Expr::Binary { op: BinaryOp::Or, lhs, rhs } => {
                self.listed(&[lhs, rhs], BinaryOp::Equal, unfolded)?;
                let (lhs, rhs) = (self.eval(lhs, unfolded)?, self.eval(rhs, unfolded)?);
                self.or(lhs, rhs, unfolded)?
            }
            Expr::Binary { op, lhs, rhs } => {
                let (lhs, rhs) = (self.eval_column(lhs, unfolded)?, self.eval_column(rhs, unfolded)?);
                Out::Column(Arc::new(self.zipped(*op, &lhs, &rhs, self.rows(unfolded))?))
            }
        })
    }

    fn eval_column(&self, expr: &Expr, unfolded: Option<&Unfolded>) -> Result<Arc<Column>> {
        // An operand is a value, not a condition: a span's first event stands for it unless the rows are unfolded.
        match expr {
            Expr::Fields(fields) => self.fields(fields, unfolded),
            _ => Ok(match self.eval(expr, unfolded)? {
                Out::Column(column) => column,
                Out::Truths(truths) => {
                    Arc::new(Column::Values(truths.into_iter().map(Value::Bool).collect()))
                }
            }),
        }
    }

    fn fields(&self, fields: &[Field], unfolded: Option<&Unfolded>) -> Result<Arc<Column>> {
        let [first, rest @ ..] = fields else { return Ok(Arc::new(Column::Constant(Value::Nil))) };
        let mut column = self.field(first, unfolded)?;
        for next in rest {
            let next = self.field(next, unfolded)?;
            column = coalesced(&column, &next, self.rows(unfolded));
        }
        Ok(column)
    }

    fn field(&self, field: &Field, unfolded: Option<&Unfolded>) -> Result<Arc<Column>> {
        let Some(unfolded) = unfolded else { return self.column(field) };
        if field.nested_scope() != Some(unfolded.scope) {
            return Ok(Arc::new(self.column(field)?.gather(&unfolded.spans)));
        }
        let nested = self.batch.nested(field)?;
        // A span without events must not pass as one whose event lacks the attribute.
        let value = |item: &u32| nested.items.get(*item as usize).cloned().unwrap_or(Value::Opaque);
        Ok(Arc::new(Column::Values(unfolded.items.iter().map(value).collect())))
    }

    fn not(&self, operand: &Expr, unfolded: Option<&Unfolded>) -> Result<Out> {
        // What stands after `!` is a condition of its own, also inside a conjunction on events.
        match self.eval(operand, None)? {
            Out::Truths(mut truths) => {
                truths.iter_mut().for_each(|truth| *truth = !*truth);
                Ok(match unfolded {
                    None => Out::Truths(truths),
                    Some(unfolded) => {
                        let of = |span: &u32| truths.get(*span as usize).copied().unwrap_or(false);
                        Out::Truths(unfolded.spans.iter().map(of).collect())
                    }
                })
            }
            Out::Column(column) => {
                let column = self.mapped(&column, ops::not)?;
                Ok(Out::Column(Arc::new(match unfolded {
                    None => column,
                    Some(unfolded) => column.gather(&unfolded.spans),
                })))
            }
        }
    }

    fn conjunction(&self, parts: &[Expr], unfolded: Option<&Unfolded>) -> Result<Out> {
        let mut truths = vec![true; self.rows(unfolded)];
        for part in parts {
            let out = self.eval(part, unfolded)?;
            and_into(&mut truths, &self.to_truths(out, unfolded));
        }
        Ok(Out::Truths(truths))
    }

    fn or(&self, lhs: Out, rhs: Out, unfolded: Option<&Unfolded>) -> Result<Out> {
        match (lhs, rhs) {
            (Out::Truths(mut lhs), Out::Truths(rhs)) => {
                lhs.iter_mut().zip(rhs).for_each(|(left, right)| *left |= right);
                Ok(Out::Truths(lhs))
            }
            (lhs, rhs) => {
                let column = |out| match out {
                    Out::Column(column) => column,
                    Out::Truths(truths) => {
                        Arc::new(Column::Values(truths.into_iter().map(Value::Bool).collect()))
                    }
                };
                let rows = self.rows(unfolded);
                Ok(Out::Column(Arc::new(self.zipped(BinaryOp::Or, &column(lhs), &column(rhs), rows)?)))
            }
        }
    }

    fn to_truths(&self, out: Out, unfolded: Option<&Unfolded>) -> Vec<bool> {
        let is_true = |value: &Value| value.as_bool() == Some(true);
        match out {
            Out::Truths(truths) => truths,
            Out::Column(column) => decided(&column, self.rows(unfolded), is_true),
        }
    }

    fn mapped(
        &self,
        column: &Column,
        compute: fn(&Value) -> std::result::Result<Value, Problem>,
    ) -> Result<Column> {
        let mut problem = None;
        let column = column.map(|value| {
            compute(value).unwrap_or_else(|found| {
                problem = Some(found);
                Value::Nil
            })
        });
        self.solved(column, problem)
    }

    fn zipped(&self, op: BinaryOp, lhs: &Column, rhs: &Column, rows: usize) -> Result<Column> {
        let mut problem = None;
        let mut compute = |lhs: &Value, rhs: &Value| {
            ops::binary(op, lhs, rhs).unwrap_or_else(|found| {
                problem = Some(found);
                Value::Nil
            })
        };
        let column = match (lhs, rhs) {
            (lhs, Column::Constant(rhs)) => lhs.map(|lhs| compute(lhs, rhs)),
            (Column::Constant(lhs), rhs) => rhs.map(|rhs| compute(lhs, rhs)),
            (lhs, rhs) => {
                Column::Values((0..rows).map(|row| compute(&lhs.get(row), &rhs.get(row))).collect())
            }
        };
        self.solved(column, problem)
    }

    fn solved<T>(&self, found: T, problem: Option<Problem>) -> Result<T> {
        match (problem, self.mode.problems) {
            (Some(problem), Problems::Fail) => {
                Err(QueryError::Evaluation { part: "the query".to_owned(), problem })
            }
            _ => Ok(found),
        }
    }
}

fn and_into(truths: &mut [bool], with: &[bool]) {
    truths.iter_mut().zip(with).for_each(|(truth, with)| *truth &= with);
}

/// The first column's values, the second's where it has none.
fn coalesced(first: &Arc<Column>, second: &Arc<Column>, rows: usize) -> Arc<Column> {
    if first.is_absent() {
        return Arc::clone(second);
    }
    if second.is_absent() {
        return Arc::clone(first);
    }
    let value = |row| Some(first.get(row)).filter(|value| !value.is_nil()).unwrap_or_else(|| second.get(row));
    Arc::new(Column::Values((0..rows).map(value).collect()))
}
