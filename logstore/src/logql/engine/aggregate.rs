//! Vector aggregations: columns into groups.

use bedrock::labels::{Labels, LabelsBuilder};
use bedrock::vector::{ABSENT, Accumulator, Aggregation, Extreme, Groups, is_absent, rank_column};

use crate::logql::ast::{Grouping, VectorAggregation, VectorOp};
use crate::logql::engine::metric::Column;

/// Aggregates columns.
pub(super) fn aggregate(aggregation: &VectorAggregation, columns: Vec<Column>, steps: usize) -> Vec<Column> {
    let kind = match aggregation.op {
        VectorOp::Sum => Aggregation::Sum,
        VectorOp::Avg => Aggregation::Avg,
        VectorOp::Count => Aggregation::Count,
        VectorOp::Max => Aggregation::Max,
        VectorOp::Min => Aggregation::Min,
        VectorOp::Stddev => Aggregation::Stddev,
        VectorOp::Stdvar => Aggregation::Stdvar,
        VectorOp::Topk | VectorOp::ApproxTopk => return rank(aggregation, columns, Extreme::Largest, steps),
        VectorOp::Bottomk => return rank(aggregation, columns, Extreme::Smallest, steps),
        VectorOp::Sort => return sort(columns, Extreme::Smallest),
        VectorOp::SortDesc => return sort(columns, Extreme::Largest),
    };
    let mut keys: Groups<Labels> = Groups::new();
    let mut groups: Vec<(Labels, Accumulator)> = Vec::new();
    for column in &columns {
        let key = group_key(&column.labels, &aggregation.grouping);
        let ordinal = keys.insert(key.clone());
        if ordinal == groups.len() {
            groups.push((key, Accumulator::new(kind, steps)));
        }
        groups[ordinal].1.add(&column.values);
    }
    groups.into_iter().map(|(labels, group)| Column { labels, values: group.finish() }).collect()
}

/// The labels that a series is grouped under.
fn group_key(labels: &Labels, grouping: &Grouping) -> Labels {
    let mut key = LabelsBuilder::from(labels);
    key.retain(|name, _| grouping.labels.iter().any(|label| label == name) != grouping.without);
    key.build()
}

/// Keeps the first `k` of each group at each step.
fn rank(
    aggregation: &VectorAggregation,
    mut columns: Vec<Column>,
    extreme: Extreme,
    steps: usize,
) -> Vec<Column> {
    let k = usize::try_from(aggregation.parameter.unwrap_or(0)).unwrap_or(usize::MAX);
    let mut keys: Groups<Labels> = Groups::new();
    let mut groups: Vec<Vec<usize>> = Vec::new();
    for (index, column) in columns.iter().enumerate() {
        let ordinal = keys.insert(group_key(&column.labels, &aggregation.grouping));
        if ordinal == groups.len() {
            groups.push(Vec::new());
        }
        groups[ordinal].push(index);
    }
    let mut kept = vec![vec![ABSENT; steps]; columns.len()];
    let mut members: Vec<(usize, f64)> = Vec::new();
    for group in &groups {
        for step in 0..steps {
            members.clear();
            let present = group.iter().map(|&index| (index, columns[index].values[step]));
            members.extend(present.filter(|(_, value)| !is_absent(*value)));
            rank_column(extreme, k, &mut members);
            put(&mut kept, step, &members);
        }
    }
    for (column, values) in columns.iter_mut().zip(kept) {
        column.values = values;
    }
    columns.retain(|column| column.values.iter().any(|value| !is_absent(*value)));
    columns
}

/// Writes the values of one step.
fn put(columns: &mut [Vec<f64>], step: usize, members: &[(usize, f64)]) {
    for &(index, value) in members {
        columns[index][step] = value;
    }
}

/// Orders series by their value at the first step, which is the only one where the order shows.
fn sort(mut columns: Vec<Column>, extreme: Extreme) -> Vec<Column> {
    let first = |column: &Column| column.values.first().copied().unwrap_or(ABSENT);
    columns.sort_by(|a, b| extreme.compare(first(a), first(b)).then_with(|| a.labels.cmp(&b.labels)));
    columns
}
