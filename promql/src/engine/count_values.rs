//! `count_values`: how many series have each value, one series a value.

use bedrock::labels::{Labels, LabelsBuilder};
use bedrock::vector::{ABSENT, Groups, ValueCounts, is_absent};

use super::error::{QueryError, Result};
use super::evaluator::Evaluator;
use super::grouping::KeyOf;
use super::labels::is_label_name;
use super::operand::Operand;
use super::series::Series;
use crate::ast::{Aggregate, Expr};

/// The counts of all groups: labels are made once for each value of a group.
struct Counting<'a> {
    key_of: KeyOf<'a>,
    label: &'a str,
    steps: usize,
    ordinals: Groups<Labels>,
    counted: Vec<Series>,
}

impl<'s> Evaluator<'s, '_> {
    pub(crate) fn count_values(&mut self, aggregate: &'s Aggregate) -> Result<Operand<'s>> {
        let label = match aggregate.param.as_ref().map(Expr::unparen) {
            Some(Expr::String(string)) => string.value.as_str(),
            _ => "",
        };
        if !is_label_name(label) {
            return Err(QueryError::execution(format!("invalid label name {label:?}")));
        }
        let operand = self.evaluate(&aggregate.expr)?;
        let all = self.collect(operand)?;
        let names = aggregate.grouping.iter().map(|name| &**name);
        let key_of =
            if aggregate.without { KeyOf::all_but(names) } else { KeyOf::labels(names.chain([label])) };
        let steps = self.steps.count;
        let mut counting = Counting { key_of, label, steps, ordinals: Groups::new(), counted: Vec::new() };
        let mut groups: Groups<Labels> = Groups::new();
        let mut floats: Vec<(Labels, ValueCounts)> = Vec::new();
        let mut values = 0;
        for series in &all {
            let base = counting.labels(&series.labels, "");
            let ordinal = groups.insert(base.clone());
            if ordinal == floats.len() {
                floats.push((base, ValueCounts::new(steps)));
            }
            let Some((base, counts)) = floats.get_mut(ordinal) else { continue };
            let before = counts.len();
            counts.add(&series.floats);
            counting.add_histograms(base, series);
            values += counts.len() - before;
            self.query.hold_briefly((values + counting.counted.len()) * steps)?;
        }
        for (base, counts) in floats {
            counts.finish().for_each(|(value, column)| counting.add(&base, &plain_float(value), &column));
        }
        Ok(Operand::Ready(counting.counted))
    }
}

impl Counting<'_> {
    /// The labels of a series with a text for its value.
    fn labels(&self, labels: &Labels, text: &str) -> Labels {
        self.key_of.project(&LabelsBuilder::from(labels).set(self.label, text).build(), false)
    }

    /// Adds counts of a value. Where grouping takes the label of the value away, all values are one.
    fn add(&mut self, base: &Labels, text: &str, counts: &[f64]) {
        let labels = self.labels(base, text);
        let ordinal = self.ordinals.insert(labels.clone());
        if ordinal == self.counted.len() {
            self.counted.push(Series::absent(labels, false, self.steps));
        }
        let Some(series) = self.counted.get_mut(ordinal) else { return };
        for (slot, count) in series.floats.iter_mut().zip(counts).filter(|(_, count)| !is_absent(**count)) {
            *slot = if is_absent(*slot) { *count } else { *slot + count };
        }
    }

    /// Histograms are rare here: each is counted by its text.
    fn add_histograms(&mut self, base: &Labels, series: &Series) {
        let mut column = vec![ABSENT; series.histograms.len()];
        for step in 0..column.len() {
            let Some(histogram) = series.histogram(step) else { continue };
            column[step] = 1.0;
            self.add(base, &histogram.to_string(), &column);
            column[step] = ABSENT;
        }
    }
}

/// A float without exponent.
fn plain_float(value: f64) -> String {
    if value.is_nan() {
        "NaN".to_owned()
    } else if value.is_infinite() {
        if value > 0.0 { "+Inf".to_owned() } else { "-Inf".to_owned() }
    } else {
        value.to_string()
    }
}
