//! Operators between two vectors: series find each other by their labels, once a query; then columns are combined.

use bedrock::labels::{Labels, LabelsBuilder};
use bedrock::vector::{Groups, MatchGroup, Matches, SetOperation, SetOperator, is_absent, partners};
use rustc_hash::FxHashMap;

use super::annotations::Notes;
use super::binary::{Operator, changes_meaning};
use super::error::{QueryError, Result};
use super::evaluator::Evaluator;
use super::grouping::KeyOf;
use super::operand::Operand;
use super::series::{Series, is_metadata, set_or_remove};
use super::value::SampleValue;
use crate::ast::{Binary, BinaryOp, Cardinality, VectorMatching};

/// The key by which series match.
fn signature(matching: &VectorMatching) -> KeyOf<'_> {
    let names = matching.labels.iter().map(|name| &**name);
    if matching.on { KeyOf::labels(names) } else { KeyOf::all_but(names) }
}

/// The series of both sides by the labels that they match by.
fn matches(matching: &VectorMatching, left: &[Series], right: &[Series]) -> Matches {
    let key_of = signature(matching);
    let mut keys: Groups<Box<[u8]>> = Groups::new();
    let mut key = Vec::new();
    let mut number = |series: &Series| {
        key_of.write(&series.labels, false, &mut key);
        keys.ordinal(key.as_slice())
    };
    let left: Vec<usize> = left.iter().map(&mut number).collect();
    let right: Vec<usize> = right.iter().map(&mut number).collect();
    Matches::new(&left, &right)
}

/// Whether the series at a place has a sample at a step.
fn presence(side: &[Series]) -> impl Fn(usize, usize) -> bool {
    |place, step| side.get(place).is_some_and(|series| series.has_sample(step))
}

/// Result series by their labels. Where names are removed late, one that is to lose its name is not one that keeps it.
struct Output {
    steps: usize,
    by_labels: FxHashMap<(Labels, bool), usize>,
    all: Vec<Series>,
}

impl Output {
    fn new(steps: usize) -> Self {
        Output { steps, by_labels: FxHashMap::default(), all: Vec::new() }
    }

    fn slot(&mut self, labels: &Labels, drop_name: bool) -> usize {
        let key = (labels.clone(), drop_name);
        if let Some(slot) = self.by_labels.get(&key) {
            return *slot;
        }
        self.by_labels.insert(key, self.all.len());
        self.all.push(Series::absent(labels.clone(), drop_name, self.steps));
        self.all.len() - 1
    }

    fn set(&mut self, slot: usize, step: usize, value: SampleValue) -> Result<()> {
        let Some(series) = self.all.get_mut(slot) else { return Ok(()) };
        if series.has_sample(step) {
            return Err(QueryError::execution("vector cannot contain metrics with the same labelset"));
        }
        series.set(step, value);
        Ok(())
    }

    /// Adds a whole column to the series of these labels, which must have no sample at the steps of the column's.
    fn add_column(&mut self, labels: &Labels, drop_name: bool, column: Vec<f64>) -> Result<()> {
        let known = self.all.len();
        let slot = self.slot(labels, drop_name);
        match self.all.get_mut(slot) {
            Some(series) if slot == known => series.floats = column,
            _ => {
                for (step, value) in column.into_iter().enumerate().filter(|(_, value)| !is_absent(*value)) {
                    self.set(slot, step, SampleValue::Float(value))?;
                }
            }
        }
        Ok(())
    }

    fn finish<'s>(mut self) -> Operand<'s> {
        self.all.retain(|series| !series.is_empty());
        Operand::Ready(self.all)
    }
}

impl<'s> Evaluator<'s, '_> {
    /// `and`, `or`, `unless`.
    pub(crate) fn set_operation(
        &mut self,
        binary: &'s Binary,
        lhs: Operand<'s>,
        rhs: Operand<'s>,
    ) -> Result<Operand<'s>> {
        let operator = match binary.op {
            BinaryOp::And => SetOperator::And,
            BinaryOp::Or => SetOperator::Or,
            _ => SetOperator::Unless,
        };
        let (left, right) = (self.collect(lhs)?, self.collect(rhs)?);
        let matches = matches(&binary.matching, &left, &right);
        let steps = self.steps.count;
        let operation = SetOperation::new(operator, &matches, steps, presence(&left), presence(&right));
        let mut output = Output::new(steps);
        for (place, series) in left.into_iter().enumerate() {
            keep_steps(&mut output, series, |step| operation.keeps_left(place, step))?;
        }
        for (place, series) in right.into_iter().enumerate() {
            keep_steps(&mut output, series, |step| operation.keeps_right(place, step))?;
        }
        Ok(output.finish())
    }

    /// Arithmetic and comparisons.
    pub(crate) fn match_vectors(
        &mut self,
        binary: &'s Binary,
        lhs: Operand<'s>,
        rhs: Operand<'s>,
    ) -> Result<Operand<'s>> {
        let (left, right) = (self.collect(lhs)?, self.collect(rhs)?);
        let swapped = binary.matching.cardinality == Cardinality::OneToMany;
        // From here on the left side is the one of which many may match.
        let (many, one) = if swapped { (right, left) } else { (left, right) };
        let matching = &binary.matching;
        let (fill_many, fill_one) = match swapped {
            false => (matching.fill_left, matching.fill_right),
            true => (matching.fill_right, matching.fill_left),
        };
        let mut joining = Joining {
            binary,
            operator: Operator::of(binary),
            swapped,
            fill_many,
            fill_one,
            live: self.live_steps(&many, &one, matching),
            names_late: self.query.names_late(),
            output: Output::new(self.steps.count),
            notes: Notes::default(),
        };
        for group in matches(matching, &many, &one).groups() {
            self.query.stop.check()?;
            joining.join(&many, &one, group)?;
        }
        self.notes.merge(joining.notes);
        Ok(joining.output.finish())
    }

    /// The steps at which there is anything to match: otherwise nothing can go wrong there either.
    fn live_steps(&self, many: &[Series], one: &[Series], matching: &VectorMatching) -> Vec<bool> {
        let fills = matching.fill_left.is_some() || matching.fill_right.is_some();
        let any = |side: &[Series]| {
            let mut any = vec![false; self.steps.count];
            for series in side {
                any.iter_mut().enumerate().for_each(|(step, flag)| *flag = *flag || series.has_sample(step));
            }
            any
        };
        any(many).into_iter().zip(any(one)).map(|(a, b)| if fills { a || b } else { a && b }).collect()
    }
}

fn keep_steps(output: &mut Output, mut series: Series, keep: impl Fn(usize) -> bool) -> Result<()> {
    for step in 0..series.floats.len() {
        if !keep(step) {
            series.clear(step);
        }
    }
    if series.is_empty() {
        return Ok(());
    }
    let key = (series.labels.clone(), series.drop_name);
    if !output.by_labels.contains_key(&key) {
        output.by_labels.insert(key, output.all.len());
        output.all.push(series);
        return Ok(());
    }
    let slot = output.slot(&series.labels, series.drop_name);
    for step in 0..series.floats.len() {
        if let Some(sample) = series.sample(step) {
            output.set(slot, step, sample.to_value())?;
        }
    }
    Ok(())
}

/// A matching under way.
struct Joining<'b> {
    binary: &'b Binary,
    operator: Operator,
    swapped: bool,
    fill_many: Option<f64>,
    fill_one: Option<f64>,
    live: Vec<bool>,
    names_late: bool,
    output: Output,
    notes: Notes,
}

/// Which steps of a match group have been matched: of all results, or of those of one label set.
type Matched = FxHashMap<Option<Labels>, Vec<bool>>;

/// The steps of one of them.
struct Seen<'m> {
    one_to_one: bool,
    steps: &'m mut [bool],
}

impl Seen<'_> {
    /// Fails where the step was taken before.
    fn take(&mut self, step: usize) -> Result<()> {
        if !self.steps.get_mut(step).is_some_and(|flag| std::mem::replace(flag, true)) {
            return Ok(());
        }
        Err(QueryError::execution(if self.one_to_one {
            "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)"
        } else {
            "multiple matches for labels: grouping labels must ensure unique matches"
        }))
    }
}

impl Joining<'_> {
    fn matching(&self) -> &VectorMatching {
        &self.binary.matching
    }

    fn join(&mut self, many: &[Series], one: &[Series], group: &MatchGroup) -> Result<()> {
        let ones: Vec<&Series> = group.right.iter().filter_map(|index| one.get(*index)).collect();
        let manys: Vec<&Series> = group.left.iter().filter_map(|index| many.get(*index)).collect();
        self.check_one_side(&ones)?;
        if (manys.is_empty() && self.fill_many.is_none()) || (ones.is_empty() && self.fill_one.is_none()) {
            return Ok(());
        }
        let mut matched = Matched::default();
        for left in &manys {
            for right in &ones {
                self.pair(left, right, manys.len() > 1 || self.fill_many.is_some(), &mut matched)?;
            }
            if let Some(fill) = self.fill_one {
                let missing = |step: usize| left.has_sample(step) && !ones.iter().any(|r| r.has_sample(step));
                let stand_in = self.stand_in(left, fill, missing);
                self.pair(left, &stand_in, true, &mut matched)?;
            }
        }
        if let Some(fill) = self.fill_many {
            for right in &ones {
                let is_matched =
                    |step: usize| matched.values().any(|steps| steps.get(step).copied().unwrap_or(false));
                let stand_in = self.stand_in(right, fill, |step| right.has_sample(step) && !is_matched(step));
                self.pair(&stand_in, right, true, &mut matched)?;
            }
        }
        Ok(())
    }

    /// Fails where two series of the side of the one have a sample at a step at which matching takes place.
    fn check_one_side(&self, ones: &[&Series]) -> Result<()> {
        if ones.len() < 2 {
            return Ok(());
        }
        let places: Vec<usize> = (0..ones.len()).collect();
        let live = |step: usize| self.live.get(step).copied().unwrap_or(false);
        let has =
            |place: usize, step: usize| live(step) && ones.get(place).is_some_and(|s| s.has_sample(step));
        let Err(double) = partners(&places, self.output.steps, has) else { return Ok(()) };
        if let (Some(first), Some(second)) = (ones.get(double.first), ones.get(double.second)) {
            let side = if self.swapped { "left" } else { "right" };
            let group = signature(self.matching()).project(&second.labels, false);
            let mut both = [first.labels.to_string(), second.labels.to_string()];
            both.sort();
            let [first, second] = both;
            return Err(QueryError::execution(format!(
                "found duplicate series for the match group {group} on the {side} hand-side of the operation: [{first}, {second}];many-to-many matching not allowed: matching labels must be unique on one side"
            )));
        }
        Ok(())
    }

    /// A series of the fill value with the labels that `of` is matched by.
    fn stand_in(&self, of: &Series, fill: f64, wanted: impl Fn(usize) -> bool) -> Series {
        let labels = signature(self.matching()).project(&of.labels, false);
        let mut series = Series::absent(labels, false, self.output.steps);
        for step in (0..self.output.steps).filter(|step| wanted(*step)) {
            series.set(step, SampleValue::Float(fill));
        }
        series
    }

    /// Combines two matching series at the steps that both have.
    fn pair(&mut self, many: &Series, one: &Series, watch: bool, matched: &mut Matched) -> Result<()> {
        if many.histograms.is_empty() && one.histograms.is_empty() {
            let (lhs, rhs) = if self.swapped { (one, many) } else { (many, one) };
            if let Some(column) = self.operator.columns(&lhs.floats, &rhs.floats, self.binary.return_bool) {
                return self.pair_of_floats(many, one, column, watch, matched);
            }
        }
        let mut target = None;
        for step in 0..self.output.steps {
            let (Some(left), Some(right)) = (many.sample(step), one.sample(step)) else { continue };
            let (lhs, rhs) = if self.swapped { (right, left) } else { (left, right) };
            let Some(element) = self.operator.apply(lhs, rhs, &mut self.notes) else { continue };
            let labels = &*target.get_or_insert_with(|| self.result_labels(&many.labels, &one.labels));
            if watch {
                self.seen(labels, matched).take(step)?;
            }
            let value = match (self.binary.return_bool, element.keep) {
                (true, keep) => SampleValue::Float(f64::from(u8::from(keep))),
                (false, true) => element.value,
                (false, false) => continue,
            };
            let slot = self.output.slot(labels, self.binary.return_bool);
            self.output.set(slot, step, value)?;
        }
        Ok(())
    }

    /// The same for two series without histograms, whose combination is given.
    fn pair_of_floats(
        &mut self,
        many: &Series,
        one: &Series,
        column: Vec<f64>,
        watch: bool,
        matched: &mut Matched,
    ) -> Result<()> {
        let mut both = many.floats.iter().zip(&one.floats).map(|(a, b)| !is_absent(*a) && !is_absent(*b));
        let Some(first) = both.clone().position(|both| both) else { return Ok(()) };
        let labels = self.result_labels(&many.labels, &one.labels);
        if watch {
            let mut seen = self.seen(&labels, matched);
            (first..)
                .zip(both.by_ref().skip(first))
                .filter(|(_, both)| *both)
                .try_for_each(|(step, _)| seen.take(step))?;
        }
        self.output.add_column(&labels, self.binary.return_bool, column)
    }

    /// Where a match group notes which steps of a result it has given.
    fn seen<'m>(&self, labels: &Labels, matched: &'m mut Matched) -> Seen<'m> {
        let one_to_one = self.matching().cardinality == Cardinality::OneToOne;
        let key = (!one_to_one).then(|| labels.clone());
        let steps = self.output.steps;
        Seen { one_to_one, steps: matched.entry(key).or_insert_with(|| vec![false; steps]) }
    }

    /// The labels of a result.
    fn result_labels(&self, many: &Labels, one: &Labels) -> Labels {
        let matching = self.matching();
        let mut builder = LabelsBuilder::from(many);
        if changes_meaning(self.binary.op) || (self.binary.return_bool && !self.names_late) {
            builder.retain(|name, _| !is_metadata(name));
        }
        if matching.cardinality == Cardinality::OneToOne {
            let listed = |name: &str| matching.labels.iter().any(|label| **label == *name);
            builder.retain(|name, _| listed(name) == matching.on);
        }
        for name in &matching.include {
            set_or_remove(&mut builder, name, one.get(name).unwrap_or(""));
        }
        builder.build()
    }
}
