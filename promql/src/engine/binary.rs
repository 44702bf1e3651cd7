//! Operators between two numbers or histograms, and between a vector and a number.

use std::sync::Arc;

use bedrock::histogram::{CounterResetHint, Histogram, IncompatibleSchemas};
use bedrock::vector::{self, Outcome};

use super::annotations::{HistogramOperation, Note, Notes};
use super::error::Result;
use super::evaluator::Evaluator;
use super::operand::Operand;
use super::series::{HistogramColumn, Sample, Series};
use super::value::SampleValue;
use crate::ast::{Binary, BinaryOp, ValueType};
use crate::span::Span;

/// Whether an operator makes something else of its operands, so that the name no longer fits.
pub(crate) fn changes_meaning(op: BinaryOp) -> bool {
    use BinaryOp::{Add, Atan2, Div, Mod, Mul, Pow, Sub};
    matches!(op, Add | Sub | Div | Mul | Pow | Mod | Atan2)
}

/// The operator on numbers; none for those of sets and histograms.
fn on_numbers(op: BinaryOp) -> Option<vector::Operator> {
    Some(match op {
        BinaryOp::Add => vector::Operator::Add,
        BinaryOp::Sub => vector::Operator::Sub,
        BinaryOp::Mul => vector::Operator::Mul,
        BinaryOp::Div => vector::Operator::Div,
        BinaryOp::Mod => vector::Operator::Mod,
        BinaryOp::Pow => vector::Operator::Pow,
        BinaryOp::Atan2 => vector::Operator::Atan2,
        BinaryOp::Equal => vector::Operator::Equal,
        BinaryOp::NotEqual => vector::Operator::NotEqual,
        BinaryOp::Greater => vector::Operator::Greater,
        BinaryOp::Less => vector::Operator::Less,
        BinaryOp::GreaterOrEqual => vector::Operator::GreaterOrEqual,
        BinaryOp::LessOrEqual => vector::Operator::LessOrEqual,
        BinaryOp::TrimUpper | BinaryOp::TrimLower | BinaryOp::And | BinaryOp::Or | BinaryOp::Unless => {
            return None;
        }
    })
}

/// What an operator gives for two elements.
pub(crate) struct Element {
    pub(crate) value: SampleValue,
    /// What a comparison found; true for other operators.
    pub(crate) keep: bool,
}

/// An operator with the place that remarks on it point to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Operator {
    pub(crate) op: BinaryOp,
    pub(crate) span: Span,
}

impl Operator {
    pub(crate) fn of(binary: &Binary) -> Self {
        Operator { op: binary.op, span: binary.lhs.span().to(binary.rhs.span()) }
    }

    /// What the operator makes of two columns of numbers; none where it has no meaning for numbers.
    pub(crate) fn columns(&self, lhs: &[f64], rhs: &[f64], return_bool: bool) -> Option<Vec<f64>> {
        let outcome = if return_bool { Outcome::Truth } else { Outcome::KeepLeft };
        let mut combined = Vec::with_capacity(lhs.len());
        on_numbers(self.op)?.columns(lhs, rhs, outcome, &mut combined);
        Some(combined)
    }

    /// Applies the operator to two elements; none, with a remark, where it has no meaning for them.
    pub(crate) fn apply(&self, lhs: Sample<'_>, rhs: Sample<'_>, notes: &mut Notes) -> Option<Element> {
        let kept = |value| Some(Element { value, keep: true });
        match (lhs, rhs) {
            (Sample::Float(l), Sample::Float(r)) => match on_numbers(self.op) {
                Some(op) if op.is_comparison() => {
                    Some(Element { value: SampleValue::Float(l), keep: op.holds(l, r) })
                }
                Some(op) => kept(SampleValue::Float(op.apply(l, r))),
                None => self.incompatible("float", "float", notes),
            },
            (Sample::Float(l), Sample::Histogram(r)) => match self.op {
                BinaryOp::Mul => kept(changed(r, |histogram| histogram.multiply(l))),
                _ => self.incompatible("float", "histogram", notes),
            },
            (Sample::Histogram(l), Sample::Float(r)) => match self.op {
                BinaryOp::Mul => kept(changed(l, |histogram| histogram.multiply(r))),
                BinaryOp::Div => kept(changed(l, |histogram| histogram.divide(r))),
                BinaryOp::TrimUpper => kept(trimmed(l, |histogram| histogram.keep_below(r))),
                BinaryOp::TrimLower => kept(trimmed(l, |histogram| histogram.keep_above(r))),
                _ => self.incompatible("histogram", "float", notes),
            },
            (Sample::Histogram(l), Sample::Histogram(r)) => self.of_histograms(l, r, notes),
        }
    }

    fn incompatible(&self, lhs: &'static str, rhs: &'static str, notes: &mut Notes) -> Option<Element> {
        notes.add(Note::IncompatibleTypes { lhs, op: self.op.as_str(), rhs }, self.span);
        None
    }

    fn of_histograms(
        &self,
        lhs: &Arc<Histogram>,
        rhs: &Arc<Histogram>,
        notes: &mut Notes,
    ) -> Option<Element> {
        let same = |keep| Some(Element { value: SampleValue::Histogram(Arc::clone(lhs)), keep });
        let mut result;
        let (met, operation) = match self.op {
            BinaryOp::Equal => return same(lhs.same_data(rhs)),
            BinaryOp::NotEqual => return same(!lhs.same_data(rhs)),
            BinaryOp::Add => {
                result = Histogram::clone(lhs);
                (result.add(rhs), HistogramOperation::Addition)
            }
            BinaryOp::Sub => {
                result = Histogram::clone(lhs);
                let met = result.sub(rhs);
                result.counter_reset_hint = CounterResetHint::Gauge;
                (met, HistogramOperation::Subtraction)
            }
            _ => return self.incompatible("histogram", "histogram", notes),
        };
        match met {
            Err(IncompatibleSchemas) => {
                notes.add(Note::IncompatibleBucketLayout { op: self.op.as_str() }, self.span);
                return None;
            }
            Ok(met) if met.counter_reset_collision => {
                notes.add(Note::CounterResetCollision(operation), self.span);
                return None;
            }
            Ok(met) if met.bounds_reconciled => notes.add(Note::BoundsReconciled(operation), self.span),
            Ok(_) => {}
        }
        result.compact();
        Some(Element { value: SampleValue::Histogram(Arc::new(result)), keep: true })
    }
}

fn changed(histogram: &Histogram, change: impl FnOnce(&mut Histogram)) -> SampleValue {
    let mut histogram = histogram.clone();
    change(&mut histogram);
    histogram.compact();
    SampleValue::Histogram(Arc::new(histogram))
}

fn trimmed(histogram: &Histogram, change: impl FnOnce(&mut Histogram)) -> SampleValue {
    let mut histogram = histogram.clone();
    change(&mut histogram);
    SampleValue::Histogram(Arc::new(histogram))
}

impl<'s> Evaluator<'s, '_> {
    pub(crate) fn binary(&mut self, binary: &'s Binary) -> Result<Operand<'s>> {
        let types = (binary.lhs.value_type(), binary.rhs.value_type());
        let trims = matches!(binary.op, BinaryOp::TrimUpper | BinaryOp::TrimLower);
        let (lhs, rhs) = if trims {
            use super::evaluator::Statistics::Never;
            self.with_statistics(Never, |e| Ok((e.evaluate(&binary.lhs)?, e.evaluate(&binary.rhs)?)))?
        } else {
            (self.evaluate(&binary.lhs)?, self.evaluate(&binary.rhs)?)
        };
        match types {
            (ValueType::Scalar, ValueType::Scalar) => {
                let (lhs, rhs) = (Self::scalar(lhs), Self::scalar(rhs));
                let mut column = Vec::new();
                if let Some(op) = on_numbers(binary.op) {
                    op.columns(&lhs, &rhs, Outcome::Truth, &mut column);
                }
                Ok(Operand::Scalar(column))
            }
            (ValueType::Scalar, _) => self.with_scalar(binary, rhs, Self::scalar(lhs), true),
            (_, ValueType::Scalar) => self.with_scalar(binary, lhs, Self::scalar(rhs), false),
            _ if binary.op.is_set() => self.set_operation(binary, lhs, rhs),
            _ => self.match_vectors(binary, lhs, rhs),
        }
    }

    /// A vector and a number; `swapped` where the number stands left.
    fn with_scalar(
        &mut self,
        binary: &'s Binary,
        vector: Operand<'s>,
        scalar: Vec<f64>,
        swapped: bool,
    ) -> Result<Operand<'s>> {
        let operator = Operator::of(binary);
        let return_bool = binary.return_bool;
        let drops_name = changes_meaning(binary.op) || return_bool;
        self.change(
            vector,
            drops_name,
            Box::new(move |mut series, scratch| {
                series.drop_name |= drops_name;
                if let Some(op) = on_numbers(operator.op).filter(|_| series.histograms.is_empty()) {
                    float_column(op, &mut series.floats, &scalar, swapped, return_bool);
                    return Ok(Some(series));
                }
                Ok(Some(mixed_column(&operator, &series, &scalar, swapped, return_bool, &mut scratch.notes)))
            }),
        )
    }
}

/// A column of numbers under an operator with a number at each step.
fn float_column(
    op: vector::Operator,
    column: &mut Vec<f64>,
    scalar: &[f64],
    swapped: bool,
    return_bool: bool,
) {
    let mut combined = Vec::with_capacity(column.len());
    match (swapped, return_bool) {
        (false, true) => op.columns(column, scalar, Outcome::Truth, &mut combined),
        (true, true) => op.columns(scalar, column, Outcome::Truth, &mut combined),
        (false, false) => op.columns(column, scalar, Outcome::KeepLeft, &mut combined),
        (true, false) => op.columns(scalar, column, Outcome::KeepRight, &mut combined),
    }
    *column = combined;
}

fn mixed_column(
    operator: &Operator,
    series: &Series,
    scalar: &[f64],
    swapped: bool,
    return_bool: bool,
    notes: &mut Notes,
) -> Series {
    let mut result = Series::absent(series.labels.clone(), series.drop_name, series.floats.len());
    result.histograms = HistogramColumn::new();
    for (step, number) in scalar.iter().enumerate() {
        let Some(sample) = series.sample(step) else { continue };
        let number = Sample::Float(*number);
        let (lhs, rhs) = if swapped { (number, sample) } else { (sample, number) };
        let Some(element) = operator.apply(lhs, rhs, notes) else { continue };
        if return_bool {
            result.set(step, SampleValue::Float(f64::from(u8::from(element.keep))));
        } else if element.keep {
            let filters = operator.op.is_comparison();
            result.set(step, if filters { sample.to_value() } else { element.value });
        }
    }
    result
}
