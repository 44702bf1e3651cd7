//! From expression to value: which part of the engine evaluates what.

use bedrock::labels::Labels;
use bedrock::vector::ABSENT;

use super::annotations::Notes;
use super::error::{QueryError, Result};
use super::instant::{InstantStream, Take};
use super::operand::{Lazy, Operand};
use super::query::Query;
use super::ranged::{RangeStream, Samples};
use super::series::Series;
use super::steps::Steps;
use crate::FunctionId;
use crate::ast::{Boundary, Call, Expr, Subquery, Unary, ValueType, VectorSelector};
use crate::duration::DurationSign;
use crate::functions::range::RangeCall;

/// Evaluates expressions over some steps.
pub(crate) struct Evaluator<'s, 'q> {
    pub(crate) query: &'s Query<'q>,
    pub(crate) steps: Steps,
    pub(crate) notes: Notes,
    /// Samples that were counted as held by this evaluator.
    pub(crate) held: usize,
    /// Functions whose histograms need count and sum only.
    pub(crate) statistics: Statistics,
}

/// Whether the functions around an expression look at whole histograms.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Statistics {
    /// They do, or there are none.
    #[default]
    Whole,
    /// Count and sum are all that is asked for.
    Only,
    /// Something further out asked for whole histograms: nothing further in changes that.
    Never,
}

impl<'s, 'q> Evaluator<'s, 'q> {
    pub(crate) fn new(query: &'s Query<'q>, steps: Steps) -> Self {
        Evaluator { query, steps, notes: Notes::default(), held: 0, statistics: Statistics::Whole }
    }

    /// Evaluates over other steps.
    pub(crate) fn at_steps<T>(
        &mut self,
        steps: Steps,
        run: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let outer = std::mem::replace(&mut self.steps, steps);
        let result = run(self);
        self.steps = outer;
        result
    }

    /// The value of an expression.
    pub(crate) fn evaluate(&mut self, expr: &'s Expr) -> Result<Operand<'s>> {
        self.query.stop.check()?;
        if self.steps.count == 0 {
            return Ok(match expr.value_type() {
                ValueType::Scalar => Operand::Scalar(Vec::new()),
                _ => Operand::Ready(Vec::new()),
            });
        }
        let held_before = self.held;
        let operand = if self.steps.count > 1 && is_worth_fixing(expr) && is_fixed(expr) {
            self.evaluate_once(expr)?
        } else {
            self.evaluate_node(expr)?
        };
        self.settle(held_before, &operand);
        Ok(operand)
    }

    /// Of what was held for an expression, only its value stays.
    fn settle(&mut self, held_before: usize, operand: &Operand<'s>) {
        let Operand::Ready(all) = operand else { return };
        if self.held > held_before {
            let kept: usize = all.iter().map(Series::sample_count).sum();
            let freed = (self.held - held_before).saturating_sub(kept);
            self.held -= freed;
            self.query.release(freed);
        }
    }

    fn evaluate_node(&mut self, expr: &'s Expr) -> Result<Operand<'s>> {
        match expr {
            Expr::Number(number) => Ok(Operand::Scalar(vec![number.value; self.steps.count])),
            Expr::String(string) => Ok(Operand::Text(string.value.clone())),
            Expr::Paren(paren) => self.evaluate(&paren.expr),
            Expr::Unary(unary) => self.unary(unary),
            Expr::Binary(binary) => self.binary(binary),
            Expr::Vector(selector) => self.vector(selector),
            Expr::Matrix(_) | Expr::Subquery(_) => {
                Err(QueryError::execution("a range vector is no value of a range query"))
            }
            Expr::Aggregate(aggregate) => self.aggregate(aggregate),
            Expr::Call(call) => self.call(call),
        }
    }

    /// Evaluates what is the same at all steps at the first one.
    fn evaluate_once(&mut self, expr: &'s Expr) -> Result<Operand<'s>> {
        let count = self.steps.count;
        let once = self.at_steps(Steps { count: 1, ..self.steps }, |evaluator| {
            Ok(match evaluator.evaluate(expr)? {
                Operand::Scalar(column) => Operand::Scalar(column),
                operand => Operand::Ready(evaluator.collect(operand)?),
            })
        })?;
        Ok(match once {
            Operand::Scalar(column) => {
                Operand::Scalar(vec![column.first().copied().unwrap_or(f64::NAN); count])
            }
            Operand::Ready(all) => {
                let all: Vec<Series> = all.into_iter().map(|series| series.repeat(count)).collect();
                let samples = all.iter().map(Series::sample_count).sum();
                self.held += samples;
                self.query.hold(samples)?;
                Operand::Ready(all)
            }
            other => other,
        })
    }

    fn unary(&mut self, unary: &'s Unary) -> Result<Operand<'s>> {
        let operand = self.evaluate(&unary.expr)?;
        if !unary.negative {
            return Ok(operand);
        }
        if let Operand::Scalar(mut column) = operand {
            column.iter_mut().for_each(|value| *value = -*value);
            return Ok(Operand::Scalar(column));
        }
        self.change(
            operand,
            true,
            Box::new(|mut series, _| {
                for value in &mut series.floats {
                    *value = if bedrock::vector::is_absent(*value) { ABSENT } else { -*value };
                }
                for histogram in series.histograms.iter_mut().flatten() {
                    std::sync::Arc::make_mut(histogram).multiply(-1.0);
                }
                series.drop_name = true;
                Ok(Some(series))
            }),
        )
    }

    pub(crate) fn vector(&mut self, selector: &'s VectorSelector) -> Result<Operand<'s>> {
        if selector.boundary == Boundary::Smoothed {
            return self.smoothed(selector);
        }
        let take = if self.statistics == Statistics::Only { Take::Statistics } else { Take::Value };
        self.instant(selector, take)
    }

    pub(crate) fn instant(&mut self, selector: &'s VectorSelector, take: Take) -> Result<Operand<'s>> {
        let selection = self.query.selections.get(selector)?;
        let reference = self.query.reference(&selector.modifiers)?;
        let stream = InstantStream { query: self.query, selection, reference, steps: self.steps, take };
        Ok(Operand::Lazy(Lazy { stream: Box::new(stream), one_name: selection.one_name }))
    }

    /// Evaluates with the knowledge of what the functions around need of histograms.
    pub(crate) fn with_statistics<T>(
        &mut self,
        statistics: Statistics,
        run: impl FnOnce(&mut Self) -> Result<T>,
    ) -> Result<T> {
        let outer = self.statistics;
        if outer != Statistics::Never {
            self.statistics = statistics;
        }
        let result = run(self);
        self.statistics = outer;
        result
    }

    /// A function with a range vector.
    pub(crate) fn over_range(&mut self, call: &'s Call, matrix: &'s Expr) -> Result<Operand<'s>> {
        let mut params = Vec::new();
        for arg in call.args.iter().filter(|arg| arg.value_type() == ValueType::Scalar) {
            let operand = self.evaluate(arg)?;
            params.push(Self::scalar(operand));
        }
        let function = call.function.id;
        let start_timestamps = self.query.options.features.start_timestamps
            && matches!(
                function,
                FunctionId::Rate | FunctionId::Irate | FunctionId::Increase | FunctionId::Resets
            );
        let span = call.args.first().map_or(call.span, Expr::span);
        let mut range_call =
            RangeCall { function, span, range_ms: 0, boundary: Boundary::Plain, start_timestamps, params };
        let (samples, reference, one_name) = match matrix {
            Expr::Matrix(matrix) => {
                check_boundary(matrix.selector.boundary, call)?;
                range_call.boundary = matrix.selector.boundary;
                range_call.range_ms = self.query.duration(&matrix.range, DurationSign::Positive)?;
                let selection = self.query.selections.get(&matrix.selector)?;
                let reference = self.query.reference(&matrix.selector.modifiers)?;
                (Samples::Stored(selection), reference, selection.one_name)
            }
            Expr::Subquery(subquery) => {
                range_call.range_ms = self.query.duration(&subquery.range, DurationSign::Positive)?;
                let reference = self.query.reference(&subquery.modifiers)?;
                let (series, steps) = self.subquery(subquery)?;
                (Samples::Computed { series, steps }, reference, false)
            }
            _ => return Err(QueryError::execution("a function over time needs a range vector")),
        };
        let statistics = self.statistics == Statistics::Only;
        let (query, steps) = (self.query, self.steps);
        let stream = RangeStream { query, samples, reference, steps, call: range_call, statistics };
        let lazy = Operand::Lazy(Lazy { stream: Box::new(stream), one_name });
        let keeps_name = matches!(function, FunctionId::LastOverTime | FunctionId::FirstOverTime);
        if function == FunctionId::AbsentOverTime {
            return self.absent_over_time(lazy, matrix);
        }
        if one_name || keeps_name || self.query.names_late() {
            return Ok(lazy);
        }
        let all = self.collect(lazy)?;
        super::operand::refuse_equal(&all)?;
        Ok(Operand::Ready(all))
    }

    /// The series of a subquery's expression over the subquery's own steps.
    pub(crate) fn subquery(&mut self, subquery: &'s Subquery) -> Result<(Vec<Series>, Steps)> {
        let range_ms = self.query.duration(&subquery.range, DurationSign::Positive)?;
        let step_ms = match &subquery.step {
            Some(step) => self.query.duration(step, DurationSign::Positive)?,
            None => self.query.options.subquery_step_ms,
        }
        .max(1);
        let reference = self.query.reference(&subquery.modifiers)?;
        let first = reference.time(self.steps.start_ms).saturating_sub(range_ms);
        let end = reference.time(self.steps.end_ms());
        // The first multiple of the step that is above the open left end.
        let start = first.div_euclid(step_ms).saturating_add(1).saturating_mul(step_ms);
        let steps = Steps::between(start, end, step_ms);
        if steps.count > self.query.options.samples_max {
            self.query.hold_briefly(steps.count)?;
        }
        let series = self.at_steps(steps, |evaluator| {
            evaluator.with_statistics(Statistics::Never, |evaluator| {
                let operand = evaluator.evaluate(&subquery.expr)?;
                evaluator.collect(operand)
            })
        })?;
        Ok((series, steps))
    }

    /// 1 at the steps at which no series has a sample.
    fn absent_over_time(&mut self, operand: Operand<'s>, matrix: &'s Expr) -> Result<Operand<'s>> {
        let mut column = vec![1.0; self.steps.count];
        self.for_each(operand, &mut |series| {
            for (step, slot) in column.iter_mut().enumerate() {
                if series.has_sample(step) {
                    *slot = ABSENT;
                }
            }
            Ok(())
        })?;
        let labels = match matrix {
            Expr::Matrix(matrix) => super::labels::of_equal_matchers(&matrix.selector),
            _ => Labels::empty(),
        };
        let mut series = Series::of_floats(labels, column);
        series.drop_name = true;
        Ok(Operand::Ready(if series.is_empty() { Vec::new() } else { vec![series] }))
    }
}

fn check_boundary(boundary: Boundary, call: &Call) -> Result<()> {
    use FunctionId::{Changes, Delta, Increase, Rate, Resets};
    let name = call.function.name;
    let (word, allowed, names) = match boundary {
        Boundary::Plain => return Ok(()),
        Boundary::Anchored => (
            r"anchored",
            &[Changes, Delta, Increase, Rate, Resets][..],
            "changes, delta, increase, rate, resets",
        ),
        Boundary::Smoothed => ("smoothed", &[Delta, Increase, Rate][..], "delta, increase, rate"),
    };
    if allowed.contains(&call.function.id) {
        return Ok(());
    }
    Err(QueryError::execution(format!("{word} modifier can only be used with: {names} - not with {name}")))
}

/// Whether evaluating an expression once saves anything.
fn is_worth_fixing(expr: &Expr) -> bool {
    !matches!(expr, Expr::Number(_) | Expr::String(_))
}

/// Whether an expression has the same value at all steps, because all its selectors have a fixed time.
fn is_fixed(expr: &Expr) -> bool {
    match expr {
        Expr::Number(_) | Expr::String(_) => true,
        Expr::Vector(selector) => selector.modifiers.at.is_some(),
        Expr::Matrix(matrix) => matrix.selector.modifiers.at.is_some(),
        Expr::Subquery(subquery) => subquery.modifiers.at.is_some(),
        Expr::Aggregate(aggregate) => {
            is_fixed(&aggregate.expr) && aggregate.param.as_ref().is_none_or(is_fixed)
        }
        Expr::Call(call) => {
            let args_fixed = call.args.iter().all(is_fixed);
            match call.function.id {
                FunctionId::Start | FunctionId::End | FunctionId::Range | FunctionId::Step => true,
                FunctionId::Timestamp => {
                    args_fixed && matches!(call.args.first().map(Expr::unparen), Some(Expr::Vector(_)))
                }
                FunctionId::Info => call.args.first().is_some_and(is_fixed),
                id => args_fixed && !depends_on_time(id),
            }
        }
        _ => expr.children().all(is_fixed),
    }
}

/// Functions whose value depends on the time of evaluation besides their arguments.
fn depends_on_time(function: FunctionId) -> bool {
    use FunctionId as F;
    matches!(
        function,
        F::DaysInMonth
            | F::DayOfMonth
            | F::DayOfWeek
            | F::DayOfYear
            | F::Hour
            | F::Minute
            | F::Month
            | F::Year
            | F::PredictLinear
            | F::Time
            | F::Timestamp
    )
}
