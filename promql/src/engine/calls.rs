//! Function calls that take no range vector.

use bedrock::labels::Labels;
use bedrock::vector::{ABSENT, is_absent};

use super::error::Result;
use super::evaluator::{Evaluator, Statistics};
use super::instant::Take;
use super::operand::Operand;
use super::series::{HistogramColumn, Series};
use crate::FunctionId;
use crate::ast::{Call, Expr, ValueType};
use crate::functions::{calendar, elementwise};

/// Maps the floats of a series, which thereby loses histograms and name.
fn map_floats(mut series: Series, map: impl Fn(usize, f64) -> f64) -> Series {
    for (step, value) in series.floats.iter_mut().enumerate() {
        if !is_absent(*value) {
            *value = map(step, *value);
        }
    }
    series.histograms = HistogramColumn::new();
    series.drop_name = true;
    series
}

impl<'s> Evaluator<'s, '_> {
    pub(crate) fn call(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        use FunctionId as F;
        if let Some(matrix) =
            call.args.iter().map(Expr::unparen).find(|arg| arg.value_type() == ValueType::Matrix)
        {
            return self.over_range(call, matrix);
        }
        if let Some(map) = elementwise::one_float(call.function.id) {
            let operand = self.argument(call, 0)?;
            return self.change(
                operand,
                true,
                Box::new(move |series, _| Ok(Some(map_floats(series, |_, value| map(value))))),
            );
        }
        match call.function.id {
            F::Time => Ok(Operand::Scalar(self.steps.times().map(|t| t as f64 / 1e3).collect())),
            F::Pi => Ok(self.constant(std::f64::consts::PI)),
            F::Start => Ok(self.constant(self.query.start_ms as f64 / 1e3)),
            F::End => Ok(self.constant(self.query.end_ms as f64 / 1e3)),
            F::Range => Ok(self.constant(self.query.end_ms.saturating_sub(self.query.start_ms) as f64 / 1e3)),
            F::Step => {
                let one = self.query.start_ms == self.query.end_ms;
                Ok(self.constant(if one { 0.0 } else { self.query.step_ms as f64 / 1e3 }))
            }
            F::MaxOf => self.two_scalars(call, elementwise::max_of),
            F::MinOf => self.two_scalars(call, elementwise::min_of),
            F::Vector => {
                let column = self.scalar_argument(call, 0)?;
                Ok(Operand::Ready(vec![Series::of_floats(Labels::empty(), column)]))
            }
            F::Scalar => self.scalar_of(call),
            F::Absent => self.absent(call),
            F::Clamp | F::ClampMin | F::ClampMax => self.clamp(call),
            F::Round => self.round(call),
            F::Timestamp | F::StartTimestamp => self.timestamp(call),
            F::Sort | F::SortDesc | F::SortByLabel | F::SortByLabelDesc => self.sort(call),
            F::LabelReplace => self.label_replace(call),
            F::LabelJoin => self.label_join(call),
            F::Info => self.info(call),
            F::HistogramQuantile | F::HistogramQuantiles | F::HistogramFraction => {
                self.with_statistics(Statistics::Never, |evaluator| evaluator.histogram_rank(call))
            }
            F::HistogramAvg | F::HistogramCount | F::HistogramSum => {
                self.with_statistics(Statistics::Only, |evaluator| evaluator.histogram_part(call))
            }
            F::HistogramStddev | F::HistogramStdvar => self.histogram_part(call),
            _ => self.calendar(call),
        }
    }

    pub(crate) fn argument(&mut self, call: &'s Call, index: usize) -> Result<Operand<'s>> {
        match call.args.get(index) {
            Some(arg) => self.evaluate(arg),
            None => Ok(Operand::Ready(Vec::new())),
        }
    }

    pub(crate) fn scalar_argument(&mut self, call: &'s Call, index: usize) -> Result<Vec<f64>> {
        let operand = self.argument(call, index)?;
        Ok(Self::scalar(operand))
    }

    fn constant(&self, value: f64) -> Operand<'s> {
        Operand::Scalar(vec![value; self.steps.count])
    }

    fn two_scalars(&mut self, call: &'s Call, combine: fn(f64, f64) -> f64) -> Result<Operand<'s>> {
        let (a, b) = (self.scalar_argument(call, 0)?, self.scalar_argument(call, 1)?);
        Ok(Operand::Scalar(a.into_iter().zip(b).map(|(a, b)| combine(a, b)).collect()))
    }

    /// The only float at each step; NaN where there is none or more than one.
    fn scalar_of(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        let operand = self.argument(call, 0)?;
        let mut column = vec![ABSENT; self.steps.count];
        self.for_each(operand, &mut |series| {
            for (slot, value) in column.iter_mut().zip(&series.floats) {
                if !is_absent(*value) {
                    *slot = if is_absent(*slot) { *value } else { f64::NAN };
                }
            }
            Ok(())
        })?;
        column.iter_mut().filter(|value| is_absent(**value)).for_each(|value| *value = f64::NAN);
        Ok(Operand::Scalar(column))
    }

    fn absent(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        let operand = self.argument(call, 0)?;
        let mut column = vec![1.0; self.steps.count];
        self.for_each(operand, &mut |series| {
            for (step, slot) in column.iter_mut().enumerate() {
                if series.has_sample(step) {
                    *slot = ABSENT;
                }
            }
            Ok(())
        })?;
        let labels = match call.args.first().map(Expr::unparen) {
            Some(Expr::Vector(selector)) => super::labels::of_equal_matchers(selector),
            _ => Labels::empty(),
        };
        let series = Series::of_floats(labels, column);
        Ok(Operand::Ready(if series.is_empty() { Vec::new() } else { vec![series] }))
    }

    fn clamp(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        let operand = self.argument(call, 0)?;
        let all = |value: f64| vec![value; self.steps.count];
        let (lowest, highest) = (all(f64::NEG_INFINITY), all(f64::INFINITY));
        let (lowest, highest) = match call.function.id {
            FunctionId::ClampMin => (self.scalar_argument(call, 1)?, highest),
            FunctionId::ClampMax => (lowest, self.scalar_argument(call, 1)?),
            _ => (self.scalar_argument(call, 1)?, self.scalar_argument(call, 2)?),
        };
        let bounds: Vec<(f64, f64)> = lowest.into_iter().zip(highest).collect();
        self.change(
            operand,
            true,
            Box::new(move |series, _| {
                Ok(Some(map_floats(series, |step, value| {
                    let (lowest, highest) = bounds.get(step).copied().unwrap_or((f64::NAN, f64::NAN));
                    if highest < lowest {
                        return ABSENT;
                    }
                    elementwise::max_of(lowest, elementwise::min_of(highest, value))
                })))
            }),
        )
    }

    fn round(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        let operand = self.argument(call, 0)?;
        let nearest = match call.args.len() {
            0 | 1 => vec![1.0; self.steps.count],
            _ => self.scalar_argument(call, 1)?,
        };
        self.change(
            operand,
            true,
            Box::new(move |series, _| {
                Ok(Some(map_floats(series, |step, value| {
                    elementwise::round(value, nearest.get(step).copied().unwrap_or(f64::NAN))
                })))
            }),
        )
    }

    fn calendar(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        let function = call.function.id;
        if call.args.is_empty() {
            let column = self.steps.times().map(|t| calendar::part_of(function, (t / 1000) as f64)).collect();
            return Ok(Operand::Ready(vec![Series::of_floats(Labels::empty(), column)]));
        }
        let operand = self.argument(call, 0)?;
        self.change(
            operand,
            true,
            Box::new(move |series, _| {
                Ok(Some(map_floats(series, |_, value| calendar::part_of(function, value))))
            }),
        )
    }

    /// Of a selector: the times of its samples. Of any other expression: the times of evaluation.
    fn timestamp(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        let is_start = call.function.id == FunctionId::StartTimestamp;
        let take = if is_start { Take::StartTimestamp } else { Take::Timestamp };
        if is_start && !self.query.options.features.start_timestamps {
            return Ok(Operand::Ready(Vec::new()));
        }
        if let Some(Expr::Vector(selector)) = call.args.first().map(Expr::unparen) {
            let operand = self.instant(selector, take)?;
            return self.change(
                operand,
                true,
                Box::new(|mut series, _| {
                    series.drop_name = true;
                    Ok(Some(series))
                }),
            );
        }
        let operand = self.argument(call, 0)?;
        let times: Vec<f64> = self.steps.times().map(|t| t as f64 / 1e3).collect();
        self.change(
            operand,
            true,
            Box::new(move |mut series, _| {
                if is_start {
                    return Ok(None);
                }
                for (step, time) in times.iter().enumerate() {
                    if series.has_sample(step)
                        && let Some(slot) = series.floats.get_mut(step)
                    {
                        *slot = *time;
                    }
                }
                series.histograms = HistogramColumn::new();
                series.drop_name = true;
                Ok(Some(series))
            }),
        )
    }
}
