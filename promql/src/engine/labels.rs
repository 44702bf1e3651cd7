//! Functions that change labels, and those that order by them.

use bedrock::labels::{Labels, LabelsBuilder, METRIC_NAME, MatchOp};
use bedrock::regex::GoRegex;

use super::annotations::Note;
use super::error::{QueryError, Result};
use super::evaluator::Evaluator;
use super::operand::{Operand, merge_equal};
use super::series::{Series, set_or_remove};
use crate::FunctionId;
use crate::ast::{Call, Expr, VectorSelector};
use crate::functions::natural;

/// The labels that a selector asks for by name and value, once each: what `absent` gives.
pub(crate) fn of_equal_matchers(selector: &VectorSelector) -> Labels {
    let mut builder = LabelsBuilder::new();
    let mut seen: Vec<&str> = Vec::new();
    for matcher in &selector.matchers {
        let name = matcher.name();
        if name == METRIC_NAME {
            continue;
        }
        if matcher.op() == MatchOp::Equal && !seen.contains(&name) {
            set_or_remove(&mut builder, name, matcher.value());
            seen.push(name);
        } else {
            builder.remove(name);
        }
    }
    builder.build()
}

fn text(call: &Call, index: usize) -> &str {
    match call.args.get(index).map(Expr::unparen) {
        Some(Expr::String(string)) => &string.value,
        _ => "",
    }
}

/// Whether a label can have that name. Bytes in a query that are no UTF-8 have become replacement characters by now,
/// and no name may come from them.
pub(super) fn is_label_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(char::REPLACEMENT_CHARACTER)
}

fn check_label(name: &str, role: &str, function: &str) -> Result<()> {
    if !is_label_name(name) {
        return Err(QueryError::execution(format!("invalid {role} label name in {function}(): {name}")));
    }
    Ok(())
}

impl<'s> Evaluator<'s, '_> {
    pub(crate) fn label_replace(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        let (target, replacement, source) = (text(call, 1), text(call, 2), text(call, 3));
        let pattern = text(call, 4);
        let regex = GoRegex::anchored(pattern).map_err(|_| {
            QueryError::execution(format!("invalid regular expression in label_replace(): {pattern}"))
        })?;
        check_label(target, "destination", "label_replace")?;
        let operand = self.argument(call, 0)?;
        let mut all = self.collect(operand)?;
        for series in &mut all {
            let mut value = String::new();
            if let Some(groups) = regex.captures(series.labels.get(source).unwrap_or("")) {
                groups.expand(replacement, &mut value);
                relabel(series, target, &value);
            }
        }
        Ok(Operand::Ready(merge_equal(all)?))
    }

    pub(crate) fn label_join(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        let (target, separator) = (text(call, 1), text(call, 2));
        let sources: Vec<&str> = (3..call.args.len()).map(|index| text(call, index)).collect();
        for source in &sources {
            check_label(source, "source", "label_join")?;
        }
        check_label(target, "destination", "label_join")?;
        let operand = self.argument(call, 0)?;
        let mut all = self.collect(operand)?;
        for series in &mut all {
            let values: Vec<&str> =
                sources.iter().map(|name| series.labels.get(name).unwrap_or("")).collect();
            let value = values.join(separator);
            relabel(series, target, &value);
        }
        Ok(Operand::Ready(merge_equal(all)?))
    }

    /// `sort` and its like. They order an instant query's answer; a range query's is ordered by labels anyway.
    pub(crate) fn sort(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        use FunctionId as F;
        let function = call.function.id;
        let is_range = self.steps.count > 1;
        if is_range {
            self.notes.add(Note::SortInRange, call.span);
        }
        let operand = self.argument(call, 0)?;
        let mut all = self.collect(operand)?;
        if matches!(function, F::Sort | F::SortDesc) {
            let extreme = match function {
                F::Sort => bedrock::vector::Extreme::Smallest,
                _ => bedrock::vector::Extreme::Largest,
            };
            for series in &mut all {
                series.histograms.clear();
            }
            all.retain(|series| !series.is_empty());
            let value = |series: &Series| series.floats.first().copied().unwrap_or(f64::NAN);
            if !is_range {
                all.sort_by(|a, b| extreme.compare(value(a), value(b)));
            }
            return Ok(Operand::Ready(all));
        }
        let names: Vec<&str> = (1..call.args.len()).map(|index| text(call, index)).collect();
        all.sort_by(|a, b| {
            let order = names.iter().map(|name| {
                let value = |labels: &'_ Labels| labels.get(name).unwrap_or("").to_owned();
                natural::compare(&value(&a.labels), &value(&b.labels))
            });
            let order = order.fold(std::cmp::Ordering::Equal, std::cmp::Ordering::then);
            let order = order.then_with(|| a.labels.cmp(&b.labels));
            if function == F::SortByLabelDesc { order.reverse() } else { order }
        });
        Ok(Operand::Ready(all))
    }
}

fn relabel(series: &mut Series, target: &str, value: &str) {
    let mut builder = LabelsBuilder::from(&series.labels);
    set_or_remove(&mut builder, target, value);
    series.labels = builder.build();
    if target == METRIC_NAME {
        series.drop_name = false;
    }
}
