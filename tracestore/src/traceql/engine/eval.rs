//! Expressions over a batch: column in, column out.
//!
//! A comparison with a literal runs once a distinct value where the store hands over codes. Fields of events and links
//! hold several values a span; a comparison holds for a span where it holds for one of them, and the parts of a
//! conjunction must hold for the same one. For that, the rows are unfolded to one an event (or link), the
//! conjunction is evaluated on those, and the spans with a row that holds are taken.

use std::cell::RefCell;
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::expr::{Expr, Handed, Test};
use super::{Problems, Semantics};
use crate::column::{Column, Nested};
use crate::field::{Field, Intrinsic, Scope};
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

/// The rows unfolded to one an event or link.
struct Unfolded {
    scope: Scope,
    /// The span of each unfolded row.
    spans: Vec<u32>,
    /// The event or link of each unfolded row; `u32::MAX` for a span that has none.
    items: Vec<u32>,
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

    /// Evaluates a condition on events or links; `None` where it is no condition but a value.
    fn over_items(&self, expr: &Expr, scope: Scope) -> Result<Option<Vec<bool>>> {
        match expr {
            Expr::Test { .. } | Expr::Exists { .. } => {}
            Expr::And(parts) if parts.iter().filter(|part| part.open_scope().is_some()).count() > 1 => {}
            _ => return Ok(None),
        }
        if let Expr::And(parts) = expr {
            // Conditions on links are not about the events: each scope has its own witness.
            let mut truths = vec![true; self.batch.span_count()];
            for of in [None, Some(Scope::Event), Some(Scope::Link)] {
                let group: Vec<&Expr> = parts.iter().filter(|part| part.open_scope() == of).collect();
                let holds = match (of, group.as_slice()) {
                    (_, []) => continue,
                    (Some(scope), [_, _, ..]) => self.any_item(scope, &group)?,
                    _ => self.all_of(&group)?,
                };
                and_into(&mut truths, &holds);
            }
            return Ok(Some(truths));
        }
        self.any_item(scope, &[expr]).map(Some)
    }

    fn all_of(&self, parts: &[&Expr]) -> Result<Vec<bool>> {
        let mut truths = vec![true; self.batch.span_count()];
        for part in parts {
            and_into(&mut truths, &self.truths(part)?);
        }
        Ok(truths)
    }

    /// The spans with an event (or link) that fulfils all parts.
    fn any_item(&self, scope: Scope, parts: &[&Expr]) -> Result<Vec<bool>> {
        let unfolded = self.unfold(scope, parts)?;
        let mut holds = vec![true; unfolded.spans.len()];
        for part in parts {
            let out = self.eval(part, Some(&unfolded))?;
            and_into(&mut holds, &self.to_truths(out, Some(&unfolded)));
        }
        let mut truths = vec![false; self.batch.span_count()];
        for (span, _) in unfolded.spans.iter().zip(&holds).filter(|(_, holds)| **holds) {
            if let Some(truth) = truths.get_mut(*span as usize) {
                *truth = true;
            }
        }
        Ok(truths)
    }

    fn unfold(&self, scope: Scope, parts: &[&Expr]) -> Result<Unfolded> {
        let mut field = None;
        for part in parts {
            part.each_field(&mut |each| {
                if each.nested_scope() == Some(scope) {
                    field = Some(each.clone());
                }
            });
        }
        let field = field.unwrap_or(Field::Intrinsic(Intrinsic::EventName));
        let nested = self.batch.nested(&field)?;
        let mut unfolded = Unfolded { scope, spans: Vec::new(), items: Vec::new() };
        for (row, bounds) in nested.offsets.windows(2).enumerate() {
            let [start, end] = *bounds else { continue };
            let items = if start == end { u32::MAX..u32::MAX } else { start..end };
            if start == end {
                unfolded.spans.push(row as u32);
                unfolded.items.push(u32::MAX);
            }
            unfolded.spans.extend(items.clone().map(|_| row as u32));
            unfolded.items.extend(items);
        }
        Ok(unfolded)
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

    fn exists(&self, operand: &Expr, wanted: bool, unfolded: Option<&Unfolded>) -> Result<Out> {
        let rows = self.rows(unfolded);
        let absent = |value: &Value| matches!(value, Value::Nil);
        // An attribute without scope is there where either scope has it, and is nil where either lacks it.
        let operands = match operand {
            Expr::Fields(fields) => {
                fields.iter().map(|field| self.field(field, unfolded)).collect::<Result<Vec<_>>>()?
            }
            other => vec![self.eval_column(other, unfolded)?],
        };
        let mut truths = vec![false; rows];
        for column in operands {
            let found = decided(&column, rows, |value| if wanted { !value.is_nil() } else { absent(value) });
            truths.iter_mut().zip(found).for_each(|(truth, found)| *truth |= found);
        }
        Ok(Out::Truths(truths))
    }

    /// A comparison with an attribute that may be the span's or the resource's.
    fn unscoped(
        &self,
        fields: &[Field; 2],
        test: &Test,
        [of_span, of_resource]: &[Handed; 2],
        unfolded: Option<&Unfolded>,
    ) -> Result<Out> {
        let rows = self.rows(unfolded);
        let [span, resource] = fields;
        let (span, resource) = (self.field(span, unfolded)?, self.field(resource, unfolded)?);
        if span.is_absent() {
            return Ok(Out::Truths(self.tested(&resource, test, of_resource, rows)?));
        }
        let from_span = self.tested(&span, test, of_span, rows)?;
        if resource.is_absent() {
            return Ok(Out::Truths(from_span));
        }
        let from_resource = self.tested(&resource, test, of_resource, rows)?;
        // The span's value hides the resource's, whatever its type.
        let hidden = decided(&span, rows, |value| !value.is_nil());
        let truths = hidden.into_iter().zip(from_span).zip(from_resource);
        Ok(Out::Truths(
            truths.map(|((hidden, span), resource)| if hidden { span } else { resource }).collect(),
        ))
    }

    /// The reference reads `.a = 1 || .a = 2` as one comparison with a list, and `.a != 1 && .a != 2` alike, and
    /// cannot compute it for an array. Who asks to be told is told; the answer does not depend on it.
    fn listed(&self, parts: &[&Expr], op: BinaryOp, unfolded: Option<&Unfolded>) -> Result<()> {
        if self.mode.problems == Problems::SkipSpan {
            return Ok(());
        }
        let tests = || parts.iter().filter_map(|part| part.field_tests());
        for (at, (field, test, handed)) in tests().enumerate() {
            let Test::Literal { op: of, literal } = test else { continue };
            let again = tests().skip(at + 1).any(|(other, test, _)| {
                matches!(test, Test::Literal { op: other, literal: l } if *other == op && l.kind() == literal.kind())
                    && other == field
            });
            if *of != op || !again {
                continue;
            }
            let reaches =
                |value: &Value| self.mode.semantics == Semantics::Evaluator || handed.lets(test, value);
            let column = self.field(field, unfolded)?;
            let several = |value: &Value| value.elements().into_iter().filter(&reaches).count() > 1;
            if decided(&column, self.rows(unfolded), several).contains(&true) {
                return self.solved((), Some("a list of values and an array"));
            }
        }
        Ok(())
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

    fn tested(&self, column: &Column, test: &Test, handed: &Handed, rows: usize) -> Result<Vec<bool>> {
        if let (
            Column::Ints { numbers, .. },
            Test::Literal { op, literal: Value::Int(n) | Value::Duration(n) },
            None,
        ) = (column, test, &handed.asked)
        {
            return Ok(compared(numbers, *op, *n));
        }
        let problem = RefCell::new(None);
        let truths = decided(column, rows, |value| {
            let (truth, found) = self.passes(value, test, handed);
            if found.is_some() {
                problem.replace(found);
            }
            truth
        });
        self.solved(truths, problem.into_inner())
    }

    /// Whether a value passes, and what stood in the way of telling.
    fn passes(&self, value: &Value, test: &Test, handed: &Handed) -> (bool, Option<Problem>) {
        let reaches = |value: &Value| self.mode.semantics == Semantics::Evaluator || handed.lets(test, value);
        let single = |value: &Value| match test {
            Test::Literal { op, literal } => match ops::binary(*op, value, literal) {
                Ok(truth) => (truth.as_bool() == Some(true), None),
                Err(problem) => (false, Some(problem)),
            },
            Test::Regex { .. } => (test.holds(value), None),
        };
        if !value.kind().is_array() {
            return if handed.asked.is_some() && !reaches(value) { (false, None) } else { single(value) };
        }
        let elements: Vec<Value> = value.elements().into_iter().filter(reaches).collect();
        let (truths, problems): (Vec<bool>, Vec<Option<Problem>>) = elements.iter().map(single).unzip();
        let differs =
            matches!(test, Test::Literal { op: BinaryOp::NotEqual, .. } | Test::Regex { wanted: false, .. });
        let truth =
            if differs { !truths.is_empty() && !truths.contains(&false) } else { truths.contains(&true) };
        let several = (matches!(test, Test::Regex { .. }) && elements.len() > 1)
            .then_some("a regular expression and an array of several elements");
        (truth, problems.into_iter().flatten().next().or(several))
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

/// What a link of nothing shows where a span without links is asked for a link whose id is compared with something
/// that is no id: the reference's store then hands over every span.
fn unlinked(operand: &Expr, test: &Test) -> Option<Value> {
    let Expr::Fields(fields) = operand else { return None };
    let is_id = |text: &str| !text.is_empty() && text.bytes().all(|digit| digit.is_ascii_hexdigit());
    let compared = match test {
        Test::Literal { literal, .. } => literal.as_str()?,
        Test::Regex { pattern, .. } => pattern.source(),
    };
    match fields.as_slice() {
        _ if is_id(compared) => None,
        [Field::Intrinsic(Intrinsic::LinkSpanId)] => Some(Value::str("0".repeat(16))),
        [Field::Intrinsic(Intrinsic::LinkTraceId)] => Some(Value::str("")),
        _ => None,
    }
}

/// A truth a row, decided once a distinct value where the column has codes.
fn decided(column: &Column, rows: usize, decide: impl Fn(&Value) -> bool) -> Vec<bool> {
    match column {
        Column::Constant(value) => vec![decide(value); rows],
        Column::Coded { codes, values } => {
            let truths: Vec<bool> = values.iter().map(decide).collect();
            codes.iter().map(|code| truths.get(*code as usize).copied().unwrap_or(false)).collect()
        }
        Column::Ints { numbers, .. } => (0..numbers.len()).map(|row| decide(&column.get(row))).collect(),
        Column::Values(values) => values.iter().map(decide).collect(),
    }
}

fn compared(numbers: &[i64], op: BinaryOp, with: i64) -> Vec<bool> {
    let each = |test: fn(i64, i64) -> bool| numbers.iter().map(|number| test(*number, with)).collect();
    match op {
        BinaryOp::Equal => each(|a, b| a == b),
        BinaryOp::NotEqual => each(|a, b| a != b),
        BinaryOp::Less => each(|a, b| a < b),
        BinaryOp::LessEqual => each(|a, b| a <= b),
        BinaryOp::Greater => each(|a, b| a > b),
        BinaryOp::GreaterEqual => each(|a, b| a >= b),
        _ => vec![false; numbers.len()],
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

/// What stands for the events or links of a span where one value is needed: the first there is. The intrinsics of a
/// span without any are those of an event or link that says nothing.
fn first_items(nested: &Nested, rows: usize, field: &Field) -> Column {
    let default = match field {
        Field::Intrinsic(Intrinsic::EventTimeSinceStart) => Value::Duration(0),
        Field::Intrinsic(_) => Value::str(""),
        Field::Attribute(..) => Value::Nil,
    };
    let first = |row| nested.row(row).iter().find(|value| !value.is_nil()).unwrap_or(&default).clone();
    Column::Values((0..rows).map(first).collect())
}
