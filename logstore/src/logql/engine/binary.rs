//! Binary operators between two vectors, and between a vector and a number.

use bedrock::labels::{Labels, LabelsBuilder};
use bedrock::vector::{ABSENT, Groups, MatchGroup, Matches, SetOperation, SetOperator, is_absent, partners};

use crate::logql::ast::{BinaryExpr, BinaryOp, Cardinality, VectorMatching};
use crate::logql::engine::metric::Column;
use crate::logql::error::{QueryError, Result};

/// What an operator makes of two values; [`ABSENT`] where a comparison that filters does not hold.
fn combine(binary: &BinaryExpr, left: f64, right: f64, kept: f64) -> f64 {
    let value = binary.op.apply(left, right);
    match binary.op.is_comparison() && !binary.return_bool {
        true if value == 0.0 => ABSENT,
        true => kept,
        false => value,
    }
}

/// A vector with a number on one side. A comparison that filters keeps the value of the vector.
pub(super) fn with_number(
    binary: &BinaryExpr,
    mut columns: Vec<Column>,
    number: f64,
    number_left: bool,
) -> Vec<Column> {
    for value in columns.iter_mut().flat_map(|column| &mut column.values) {
        if !is_absent(*value) {
            *value = match number_left {
                true => combine(binary, number, *value, *value),
                false => combine(binary, *value, number, *value),
            };
        }
    }
    drop_empty(columns)
}

fn drop_empty(mut columns: Vec<Column>) -> Vec<Column> {
    columns.retain(|column| column.values.iter().any(|value| !is_absent(*value)));
    columns
}

/// Two vectors.
pub(super) fn between(
    binary: &BinaryExpr,
    left: Vec<Column>,
    right: Vec<Column>,
    steps: usize,
) -> Result<Vec<Column>> {
    let mut keys: Groups<Labels> = Groups::new();
    let mut number = |column: &Column| keys.insert(signature(&column.labels, &binary.matching));
    let left_keys: Vec<usize> = left.iter().map(&mut number).collect();
    let right_keys: Vec<usize> = right.iter().map(&mut number).collect();
    let matches = Matches::new(&left_keys, &right_keys);
    match binary.op {
        BinaryOp::And => Ok(set_operation(SetOperator::And, &matches, left, right, steps)),
        BinaryOp::Unless => Ok(set_operation(SetOperator::Unless, &matches, left, right, steps)),
        BinaryOp::Or => Ok(set_operation(SetOperator::Or, &matches, left, right, steps)),
        _ => paired(binary, &matches, &left, &right, steps),
    }
}

/// The labels that series of the two sides are compared by. Empty labels count as absent.
fn signature(labels: &Labels, matching: &VectorMatching) -> Labels {
    let mut key = LabelsBuilder::from(labels);
    key.retain(|name, value| {
        !value.is_empty() && matching.labels.iter().any(|label| label == name) == matching.on
    });
    key.build()
}

/// Whether the column at a place has a value at a step.
fn presence(side: &[Column]) -> impl Fn(usize, usize) -> bool {
    |place, step| side.get(place).and_then(|column| column.values.get(step)).is_some_and(|v| !is_absent(*v))
}

/// `and`, `or`, `unless`.
fn set_operation(
    operator: SetOperator,
    matches: &Matches,
    mut left: Vec<Column>,
    mut right: Vec<Column>,
    steps: usize,
) -> Vec<Column> {
    let operation = SetOperation::new(operator, matches, steps, presence(&left), presence(&right));
    for (place, column) in left.iter_mut().enumerate() {
        retain(column, |step| operation.keeps_left(place, step));
    }
    for (place, column) in right.iter_mut().enumerate() {
        retain(column, |step| operation.keeps_right(place, step));
    }
    let mut merged = Merged::new(steps);
    for column in left.iter().chain(&right) {
        let slot = merged.slot(&column.labels);
        merged.fill(slot, &column.values);
    }
    drop_empty(merged.columns)
}

fn retain(column: &mut Column, keep: impl Fn(usize) -> bool) {
    let gone = column.values.iter_mut().enumerate().filter(|(step, _)| !keep(*step));
    gone.for_each(|(_, value)| *value = ABSENT);
}

/// Arithmetic and comparisons: each series of the many with its one.
fn paired(
    binary: &BinaryExpr,
    matches: &Matches,
    left: &[Column],
    right: &[Column],
    steps: usize,
) -> Result<Vec<Column>> {
    let swapped = binary.matching.cardinality == Cardinality::OneToMany;
    let mut merged = Merged::new(steps);
    for MatchGroup { left: of_left, right: of_right } in matches.groups() {
        let (many, manys, one, ones) = match swapped {
            true => (right, of_right, left, of_left),
            false => (left, of_left, right, of_right),
        };
        let partners = partners(ones, steps, presence(one)).map_err(|_| QueryError::Matching {
            problem: "found duplicate series on one side of the operator: the labels that match have to be unique there",
        })?;
        let mut taken: Vec<Vec<usize>> = vec![Vec::new(); steps];
        for column in manys.iter().map(|&index| &many[index]) {
            // The result of a column and its partner, the last one seen: partners seldom change between steps.
            let mut target: Option<(usize, usize)> = None;
            for step in 0..steps {
                let Some(partner) = partners[step].filter(|_| !is_absent(column.values[step])) else {
                    continue;
                };
                let slot = match target.filter(|(of, _)| *of == partner) {
                    Some((_, slot)) => slot,
                    None => {
                        merged.slot(&result_labels(&column.labels, &one[partner].labels, &binary.matching))
                    }
                };
                target = Some((partner, slot));
                clash(&mut taken[step], slot, binary.matching.cardinality)?;
                let (mine, theirs) = (column.values[step], one[partner].values[step]);
                let (left, right) = if swapped { (theirs, mine) } else { (mine, theirs) };
                let value = combine(binary, left, right, left);
                if !is_absent(value) {
                    merged.columns[slot].values[step] = value;
                }
            }
        }
    }
    Ok(drop_empty(merged.columns))
}

/// Notes that a result has a value at a step; an error where it had one already.
fn clash(taken: &mut Vec<usize>, slot: usize, cardinality: Cardinality) -> Result<()> {
    if cardinality == Cardinality::OneToOne && !taken.is_empty() {
        return Err(QueryError::Matching {
            problem: "multiple matches for labels: many-to-one matching must be explicit (group_left/group_right)",
        });
    }
    if taken.contains(&slot) {
        return Err(QueryError::Matching {
            problem: "multiple matches for labels: grouping labels must ensure unique matches",
        });
    }
    taken.push(slot);
    Ok(())
}

/// The labels of a result.
fn result_labels(many: &Labels, one: &Labels, matching: &VectorMatching) -> Labels {
    let mut labels = LabelsBuilder::from(many);
    labels.retain(|_, value| !value.is_empty());
    if matching.cardinality == Cardinality::OneToOne {
        labels.retain(|name, _| matching.labels.iter().any(|label| label == name) == matching.on);
    }
    for name in &matching.include {
        match one.get(name).filter(|value| !value.is_empty()) {
            Some(value) => labels.set(name, value),
            None => labels.remove(name),
        };
    }
    labels.build()
}

/// Columns by their labels.
struct Merged {
    keys: Groups<Labels>,
    columns: Vec<Column>,
    steps: usize,
}

impl Merged {
    fn new(steps: usize) -> Self {
        Merged { keys: Groups::new(), columns: Vec::new(), steps }
    }

    fn slot(&mut self, labels: &Labels) -> usize {
        let slot = self.keys.insert(labels.clone());
        if slot == self.columns.len() {
            self.columns.push(Column { labels: labels.clone(), values: vec![ABSENT; self.steps] });
        }
        slot
    }

    fn fill(&mut self, slot: usize, values: &[f64]) {
        for (mine, value) in self.columns[slot].values.iter_mut().zip(values) {
            if !is_absent(*value) {
                *mine = *value;
            }
        }
    }
}
