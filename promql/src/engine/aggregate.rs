//! Aggregations: series stream into their groups, so memory follows the number of groups.

use std::sync::Arc;

use bedrock::histogram::{CounterResetHint, Histogram, HistogramSum};
use bedrock::labels::Labels;
use bedrock::vector::{ABSENT, Accumulator, Aggregation, Groups, is_absent, quantile_columns};

use super::annotations::{HistogramOperation, Note, Notes};
use super::error::Result;
use super::evaluator::Evaluator;
use super::grouping::{KeyOf, name_is_gone};
use super::instant::Take;
use super::operand::Operand;
use super::series::{HistogramColumn, Series};
use crate::ast::{Aggregate, AggregateOp, Boundary, Expr};
use crate::span::Span;

/// One group while its members come in.
struct Group {
    labels: Labels,
    drop_name: bool,
    floats: Accumulator,
    /// By step; empty while no member had a histogram.
    histograms: Vec<HistogramGroup>,
    /// Members' columns, where all values are needed at once.
    columns: Vec<Vec<f64>>,
}

/// The histograms of a group at one step.
#[derive(Clone, Default)]
struct HistogramGroup {
    sum: Option<HistogramSum>,
    count: f64,
    running_mean: bool,
    incompatible: bool,
    reset_seen: bool,
    no_reset_seen: bool,
}

fn simple(op: AggregateOp) -> Option<Aggregation> {
    Some(match op {
        AggregateOp::Avg => Aggregation::Avg,
        AggregateOp::Count => Aggregation::Count,
        AggregateOp::Group => Aggregation::Group,
        AggregateOp::Max => Aggregation::Max,
        AggregateOp::Min => Aggregation::Min,
        AggregateOp::Stddev => Aggregation::Stddev,
        AggregateOp::Stdvar => Aggregation::Stdvar,
        AggregateOp::Sum => Aggregation::Sum,
        _ => return None,
    })
}

impl<'s> Evaluator<'s, '_> {
    pub(crate) fn aggregate(&mut self, aggregate: &'s Aggregate) -> Result<Operand<'s>> {
        match aggregate.op {
            AggregateOp::CountValues => return self.count_values(aggregate),
            AggregateOp::Topk | AggregateOp::Bottomk | AggregateOp::Limitk | AggregateOp::LimitRatio => {
                return self.ranked(aggregate);
            }
            _ => {}
        }
        let param = match &aggregate.param {
            Some(param) => {
                let operand = self.evaluate(param)?;
                Self::scalar(operand)
            }
            None => Vec::new(),
        };
        if let Some(param_expr) = aggregate.param.as_ref() {
            note_quantile(&param, param_expr.unparen().span(), &mut self.notes);
        }
        let operand = match aggregate.expr.unparen() {
            // Neither asks for values. What has a fixed time is evaluated once, as any expression.
            Expr::Vector(selector)
                if matches!(aggregate.op, AggregateOp::Count | AggregateOp::Group)
                    && selector.boundary == Boundary::Plain
                    && selector.modifiers.at.is_none() =>
            {
                self.instant(selector, Take::Presence)?
            }
            expr => self.evaluate(expr)?,
        };
        let mut folding = Folding::new(aggregate, self.steps.count, self.query.names_late());
        self.for_each(operand, &mut |series| {
            folding.add(&series);
            Ok(())
        })?;
        let all = folding.finish(&param, &mut self.notes);
        let samples = all.iter().map(Series::sample_count).sum();
        self.held += samples;
        self.query.hold(samples)?;
        Ok(Operand::Ready(all))
    }
}

fn note_quantile(param: &[f64], span: Span, notes: &mut Notes) {
    let all = || param.iter().copied();
    if all().any(f64::is_nan) {
        notes.add(Note::InvalidQuantile(f64::NAN), span);
    }
    for extreme in [all().fold(f64::NEG_INFINITY, f64::max), all().fold(f64::INFINITY, f64::min)] {
        if extreme.is_finite() && !(0.0..=1.0).contains(&extreme) {
            notes.add(Note::InvalidQuantile(extreme), span);
        }
    }
}

/// The key that an aggregation groups by.
pub(super) fn key_of(aggregate: &Aggregate) -> KeyOf<'_> {
    let names = aggregate.grouping.iter().map(|name| &**name);
    if aggregate.without { KeyOf::all_but(names) } else { KeyOf::labels(names) }
}

/// An aggregation under way.
struct Folding<'a> {
    op: AggregateOp,
    key_of: KeyOf<'a>,
    span: Span,
    steps: usize,
    names_late: bool,
    ordinals: Groups<Box<[u8]>>,
    key: Vec<u8>,
    groups: Vec<Group>,
    presence: Vec<f64>,
    notes: Notes,
}

impl<'a> Folding<'a> {
    fn new(aggregate: &'a Aggregate, steps: usize, names_late: bool) -> Self {
        Folding {
            op: aggregate.op,
            key_of: key_of(aggregate),
            span: aggregate.expr.unparen().span(),
            steps,
            names_late,
            ordinals: Groups::new(),
            key: Vec::new(),
            groups: Vec::new(),
            presence: Vec::new(),
            notes: Notes::default(),
        }
    }

    fn add(&mut self, series: &Series) {
        let hide = name_is_gone(series, self.names_late);
        self.key_of.write(&series.labels, hide, &mut self.key);
        let ordinal = self.ordinals.ordinal(self.key.as_slice());
        if ordinal == self.groups.len() {
            let labels = self.key_of.project(&series.labels, hide);
            let aggregation = simple(self.op).unwrap_or(Aggregation::Group);
            let steps = if self.op == AggregateOp::Quantile { 0 } else { self.steps };
            self.groups.push(Group {
                labels,
                drop_name: false,
                floats: Accumulator::new(aggregation, steps),
                histograms: Vec::new(),
                columns: Vec::new(),
            });
        }
        let Some(group) = self.groups.get_mut(ordinal) else { return };
        group.drop_name |= series.drop_name && self.names_late;
        let has_histograms = !series.histograms.is_empty();
        match self.op {
            AggregateOp::Count | AggregateOp::Group if has_histograms => {
                self.presence.clear();
                self.presence.extend_from_slice(&series.floats);
                for (slot, histogram) in self.presence.iter_mut().zip(&series.histograms) {
                    if histogram.is_some() {
                        *slot = 1.0;
                    }
                }
                group.floats.add(&self.presence);
            }
            AggregateOp::Sum | AggregateOp::Avg if has_histograms || !group.histograms.is_empty() => {
                group.add_mixed(series, self.op, self.span, &mut self.notes);
            }
            AggregateOp::Quantile => group.columns.push(series.floats.clone()),
            _ => group.floats.add(&series.floats),
        }
        let ignores =
            !matches!(self.op, AggregateOp::Count | AggregateOp::Group | AggregateOp::Sum | AggregateOp::Avg);
        if has_histograms && ignores && series.histograms.iter().any(Option::is_some) {
            self.notes.add(Note::HistogramIgnoredInAggregation(self.op.as_str()), self.span);
        }
    }

    fn finish(mut self, param: &[f64], notes: &mut Notes) -> Vec<Series> {
        let mut all = Vec::with_capacity(self.groups.len());
        for group in std::mem::take(&mut self.groups) {
            let mut series = Series::absent(group.labels, group.drop_name, 0);
            series.floats = match self.op {
                AggregateOp::Quantile => quantile_columns(param, &group.columns),
                _ => group.floats.finish(),
            };
            if !group.histograms.is_empty() {
                finish_histograms(&mut series, group.histograms, self.op, self.span, &mut self.notes);
            }
            if !series.is_empty() {
                all.push(series);
            }
        }
        notes.merge(self.notes);
        all
    }
}

impl Group {
    /// Adds a series where histograms have come into play.
    fn add_mixed(&mut self, series: &Series, op: AggregateOp, span: Span, notes: &mut Notes) {
        let steps = series.floats.len();
        if self.histograms.is_empty() {
            self.histograms = vec![HistogramGroup::default(); steps];
        }
        self.floats.add(&series.floats);
        for (slot, histogram) in self.histograms.iter_mut().zip(&series.histograms) {
            if let Some(histogram) = histogram {
                slot.add(histogram, op, (span, series.metric_name()), notes);
            }
        }
    }
}

impl HistogramGroup {
    fn add(&mut self, histogram: &Histogram, op: AggregateOp, place: (Span, &str), notes: &mut Notes) {
        if self.incompatible {
            return;
        }
        self.count += 1.0;
        match histogram.counter_reset_hint {
            CounterResetHint::CounterReset => self.reset_seen = true,
            CounterResetHint::NotCounterReset => self.no_reset_seen = true,
            CounterResetHint::Unknown | CounterResetHint::Gauge => {}
        }
        let Some(sum) = &mut self.sum else {
            self.sum = Some(HistogramSum::new(histogram));
            return;
        };
        let met = if op == AggregateOp::Avg {
            add_to_mean(sum, &mut self.running_mean, self.count, histogram)
        } else {
            sum.add(histogram)
        };
        match met {
            Ok(met) if met.bounds_reconciled => {
                notes.add(Note::BoundsReconciled(HistogramOperation::Aggregation), place.0);
            }
            Ok(_) => {}
            Err(_) => {
                notes.add(Note::MixedExponentialCustom { metric: place.1.to_owned() }, place.0);
                self.incompatible = true;
            }
        }
    }
}

/// Adds to a sum that will be divided, or to a running mean from where the sum leaves the range of floats.
fn add_to_mean(
    sum: &mut HistogramSum,
    running_mean: &mut bool,
    count: f64,
    histogram: &Histogram,
) -> Result<bedrock::histogram::Combined, bedrock::histogram::IncompatibleSchemas> {
    if !*running_mean {
        let mut tried = sum.clone();
        let met = tried.add(histogram)?;
        if !tried.has_overflow() {
            *sum = tried;
            return Ok(met);
        }
        *running_mean = true;
        sum.divide(count - 1.0);
    }
    sum.multiply((count - 1.0) / count);
    let mut share = histogram.clone();
    share.divide(count);
    sum.add(&share)
}

/// Puts the histograms of a group into its series; steps with floats too have no value.
fn finish_histograms(
    series: &mut Series,
    groups: Vec<HistogramGroup>,
    op: AggregateOp,
    span: Span,
    notes: &mut Notes,
) {
    let mut histograms = HistogramColumn::with_capacity(groups.len());
    for (slot, group) in series.floats.iter_mut().zip(groups) {
        let HistogramGroup { sum, count, running_mean, incompatible, reset_seen, no_reset_seen } = group;
        let mut value = None;
        if let Some(mut sum) = sum {
            if !is_absent(*slot) {
                notes.add(Note::MixedFloatsHistogramsAggregation, span);
                *slot = ABSENT;
            } else if !incompatible {
                if op == AggregateOp::Avg && !running_mean {
                    sum.divide(count);
                }
                let mut histogram = sum.finish();
                histogram.compact();
                value = Some(Arc::new(histogram));
                if reset_seen && no_reset_seen {
                    notes.add(Note::CounterResetCollision(HistogramOperation::Aggregation), span);
                }
            }
        }
        histograms.push(value);
    }
    series.histograms = histograms;
}

/// The value of a step, for aggregations that hand values on as they are.
pub(super) fn copy_step(from: &Series, to: &mut Series, step: usize) {
    match from.sample(step) {
        Some(sample) => to.set(step, sample.to_value()),
        None => to.clear(step),
    }
}
