//! Aggregations that choose among their members: `topk`, `bottomk`, `limitk`, `limit_ratio`.

use bedrock::vector::{Choice, Extreme, Groups, is_absent};
use twox_hash::XxHash64;

use super::aggregate::{copy_step, key_of};
use super::annotations::Note;
use super::error::{QueryError, Result};
use super::evaluator::Evaluator;
use super::operand::Operand;
use super::series::Series;
use crate::ast::{Aggregate, AggregateOp};

impl<'s> Evaluator<'s, '_> {
    pub(crate) fn ranked(&mut self, aggregate: &'s Aggregate) -> Result<Operand<'s>> {
        let param = match &aggregate.param {
            Some(param) => {
                let operand = self.evaluate(param)?;
                Self::scalar(operand)
            }
            None => Vec::new(),
        };
        let operand = self.evaluate(&aggregate.expr)?;
        let all = self.collect(operand)?;
        let Some(choice) = self.choice(aggregate, param, all.len())? else {
            return Ok(Operand::Ready(Vec::new()));
        };
        let key_of = key_of(aggregate);
        let mut ordinals: Groups<Box<[u8]>> = Groups::new();
        let mut members: Vec<Vec<usize>> = Vec::new();
        let mut key = Vec::new();
        for (index, series) in all.iter().enumerate() {
            key_of.write(&series.labels, false, &mut key);
            let ordinal = ordinals.ordinal(key.as_slice());
            if ordinal == members.len() {
                members.push(Vec::new());
            }
            if let Some(group) = members.get_mut(ordinal) {
                group.push(index);
            }
        }
        let span = aggregate.span;
        let ranks = matches!(choice, Choice::Rank(..));
        if ranks && all.iter().any(|series| series.histograms.iter().any(Option::is_some)) {
            self.notes.add(Note::HistogramIgnoredInAggregation(aggregate.op.as_str()), span);
        }
        let steps = self.steps.count;
        let mut chosen: Vec<Option<Series>> = all.iter().map(|_| None).collect();
        let mut order: Vec<usize> = Vec::new();
        let places: Vec<f64> = match choice {
            Choice::Ratio(_) => all.iter().map(place).collect(),
            _ => Vec::new(),
        };
        let mut kept: Vec<(usize, f64)> = Vec::new();
        for group in &members {
            for step in 0..steps {
                kept.clear();
                kept.extend(
                    group.iter().filter_map(|index| Some((*index, value_at(all.get(*index)?, step, ranks)?))),
                );
                choice.keep(step, &mut kept, |index| places.get(index).copied().unwrap_or(0.0));
                for &(index, _) in &kept {
                    let (Some(from), Some(slot)) = (all.get(index), chosen.get_mut(index)) else { continue };
                    let to = slot.get_or_insert_with(|| {
                        order.push(index);
                        Series::absent(from.labels.clone(), from.drop_name, steps)
                    });
                    copy_step(from, to, step);
                }
            }
        }
        Ok(Operand::Ready(order.into_iter().filter_map(|index| chosen.get_mut(index)?.take()).collect()))
    }

    /// What to choose; none where nothing can be.
    fn choice(&mut self, aggregate: &Aggregate, param: Vec<f64>, series: usize) -> Result<Option<Choice>> {
        let any_nan = param.iter().any(|value| value.is_nan());
        let largest = param.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        let smallest = param.iter().copied().fold(f64::INFINITY, f64::min);
        if aggregate.op == AggregateOp::LimitRatio {
            if any_nan {
                return Err(QueryError::execution("Ratio value is NaN"));
            }
            if largest == 0.0 && smallest == 0.0 {
                return Ok(None);
            }
            let span = aggregate.param.as_ref().map_or(aggregate.span, |param| param.unparen().span());
            if largest > 1.0 {
                self.notes.add(Note::InvalidRatio { value: largest, capped_to: 1.0 }, span);
            }
            if smallest < -1.0 {
                self.notes.add(Note::InvalidRatio { value: smallest, capped_to: -1.0 }, span);
            }
            return Ok(Some(Choice::Ratio(param.into_iter().map(|ratio| ratio.clamp(-1.0, 1.0)).collect())));
        }
        if !any_nan && largest < 1.0 {
            return Ok(None);
        }
        if any_nan {
            return Err(QueryError::execution("Parameter value is NaN"));
        }
        let limit = i64::MAX as f64;
        for (value, outside, word) in
            [(smallest, smallest <= -limit, "under"), (largest, largest >= limit, "over")]
        {
            if outside {
                let value = bedrock::histogram::ShortFloat(value);
                return Err(QueryError::execution(format!("Scalar value {value} {word}flows int64")));
            }
        }
        let counts = param.into_iter().map(|k| if k < 1.0 { 0 } else { (k as usize).min(series) }).collect();
        Ok(Some(match aggregate.op {
            AggregateOp::Topk => Choice::Rank(Extreme::Largest, counts),
            AggregateOp::Bottomk => Choice::Rank(Extreme::Smallest, counts),
            _ => Choice::Limit(counts),
        }))
    }
}

/// The value that a member is chosen by, if it takes part: histograms have no rank.
fn value_at(series: &Series, step: usize, ranks: bool) -> Option<f64> {
    match series.floats.get(step).copied().filter(|value| !is_absent(*value)) {
        None if !ranks => series.has_sample(step).then_some(0.0),
        value => value,
    }
}

/// Where the labels of a series fall between 0 and 1: by the hash of the reference, over its form of a label set.
fn place(series: &Series) -> f64 {
    let mut bytes = Vec::new();
    for text in series.labels.iter().flat_map(|(name, value)| [name, value]) {
        match u8::try_from(text.len()) {
            Ok(length) if length < u8::MAX => bytes.push(length),
            _ => {
                bytes.push(u8::MAX);
                bytes.extend_from_slice(&(text.len() as u32).to_le_bytes()[..3]);
            }
        }
        bytes.extend_from_slice(text.as_bytes());
    }
    XxHash64::oneshot(0, &bytes) as f64 / u64::MAX as f64
}
