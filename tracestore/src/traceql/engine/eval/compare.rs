//! Comparisons: a truth a row.

use std::cell::RefCell;

use super::items::Unfolded;
use super::{Evaluator, Out, Result};
use crate::column::Column;
use crate::field::Field;
use crate::traceql::Value;
use crate::traceql::ast::BinaryOp;
use crate::traceql::engine::expr::{Expr, Handed, Test};
use crate::traceql::engine::{Problems, Semantics};
use crate::traceql::ops::{self, Problem};

impl Evaluator<'_> {
    pub(super) fn exists(&self, operand: &Expr, wanted: bool, unfolded: Option<&Unfolded>) -> Result<Out> {
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
    pub(super) fn unscoped(
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
    pub(super) fn listed(&self, parts: &[&Expr], op: BinaryOp, unfolded: Option<&Unfolded>) -> Result<()> {
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

    pub(super) fn tested(
        &self,
        column: &Column,
        test: &Test,
        handed: &Handed,
        rows: usize,
    ) -> Result<Vec<bool>> {
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
}

/// A truth a row, decided once a distinct value where the column has codes.
pub(super) fn decided(column: &Column, rows: usize, decide: impl Fn(&Value) -> bool) -> Vec<bool> {
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
