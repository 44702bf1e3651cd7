//! Structural operators on nested-set numbers.
//!
//! Intervals of a trace lie inside each other or apart, so every relation is a merge over sorted numbers: one sort of
//! each side, then one pass. Spans without numbers stand in no relation.

use std::collections::HashMap;

use rustc_hash::{FxBuildHasher, FxHashSet};

use crate::traceql::ast::{Form, Relation};

/// The numbers of the spans of a batch, one each a row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Numbers<'a> {
    pub(super) left: &'a [i64],
    pub(super) right: &'a [i64],
    pub(super) parent: &'a [i64],
}

impl Numbers<'_> {
    fn left(&self, row: u32) -> i64 {
        self.left.get(row as usize).copied().unwrap_or(0)
    }

    fn right(&self, row: u32) -> i64 {
        self.right.get(row as usize).copied().unwrap_or(0)
    }

    fn parent(&self, row: u32) -> i64 {
        self.parent.get(row as usize).copied().unwrap_or(0)
    }
}

/// The spans that `lhs relation rhs` gives in its form, in the order of the rows.
pub(super) fn related(
    numbers: Numbers<'_>,
    relation: Relation,
    form: Form,
    lhs: &[u32],
    rhs: &[u32],
) -> Vec<u32> {
    match (form, relation) {
        (Form::Union, Relation::Descendant) => return branches(numbers, lhs, rhs),
        (Form::Union, Relation::Ancestor) => return branches(numbers, rhs, lhs),
        _ => {}
    }
    let right = stands(numbers, relation, lhs, rhs);
    match form {
        Form::Related => picked(rhs, &right, true),
        Form::Unrelated => picked(rhs, &right, false),
        Form::Union => {
            let left = stands(numbers, converse(relation), rhs, lhs);
            let mut both = picked(rhs, &right, true);
            both.extend(picked(lhs, &left, true));
            both.sort_unstable();
            both.dedup();
            both
        }
    }
}

/// Spans with a relative below or above on the other side, as the reference walks them: branch by branch down to the
/// next gap among the lower spans, then through the upper spans that begin before that gap. A span that pairs only
/// across such a turn is left out. Recorded answers follow from the walk, so it is kept.
fn branches(numbers: Numbers<'_>, upper: &[u32], lower: &[u32]) -> Vec<u32> {
    let sorted = |rows: &[u32]| {
        let mut rows = rows.to_vec();
        rows.sort_by_key(|row| numbers.left(*row));
        rows
    };
    let (upper, lower) = (sorted(upper), sorted(lower));
    let encloses = |above: u32, below: u32| {
        numbers.left(above) != 0
            && numbers.left(below) > numbers.left(above)
            && numbers.right(below) < numbers.right(above)
    };
    let mut found = Vec::new();
    let (mut above, mut below) = (0, 0);
    while let (Some(first), Some(_)) = (upper.get(above), lower.get(below)) {
        let mut tip = None;
        while let Some(row) = lower.get(below) {
            below += 1;
            tip = Some(*row);
            if encloses(*first, *row) {
                found.push(*row);
            }
            if lower.get(below).is_some_and(|next| numbers.left(*next) > numbers.right(*row)) {
                break;
            }
        }
        let Some(tip) = tip else { break };
        while let Some(row) = upper.get(above) {
            if numbers.left(*row) > numbers.right(tip) {
                break;
            }
            if encloses(*row, tip) {
                found.push(*row);
                if lower.get(below).is_some_and(|next| encloses(*row, *next)) {
                    break;
                }
            }
            above += 1;
        }
    }
    found.sort_unstable();
    found.dedup();
    found
}

fn picked(rows: &[u32], which: &[bool], wanted: bool) -> Vec<u32> {
    rows.iter().zip(which).filter(|(_, which)| **which == wanted).map(|(row, _)| *row).collect()
}

fn converse(relation: Relation) -> Relation {
    match relation {
        Relation::Child => Relation::Parent,
        Relation::Parent => Relation::Child,
        Relation::Descendant => Relation::Ancestor,
        Relation::Ancestor => Relation::Descendant,
        Relation::Sibling => Relation::Sibling,
    }
}

/// For each span of `of`, whether it stands in the relation to some span of `to`.
fn stands(numbers: Numbers<'_>, relation: Relation, to: &[u32], of: &[u32]) -> Vec<bool> {
    match relation {
        Relation::Child => {
            let parents: FxHashSet<i64> =
                to.iter().map(|row| numbers.left(*row)).filter(|left| *left != 0).collect();
            of.iter().map(|row| parents.contains(&numbers.parent(*row))).collect()
        }
        Relation::Parent => {
            let parents: FxHashSet<i64> = to.iter().map(|row| numbers.parent(*row)).collect();
            of.iter().map(|row| numbers.left(*row) != 0 && parents.contains(&numbers.left(*row))).collect()
        }
        Relation::Sibling => siblings(numbers, to, of),
        Relation::Descendant => descendants(numbers, to, of),
        Relation::Ancestor => ancestors(numbers, to, of),
    }
}

/// Another span has the same parent. Roots count as children of one parent.
fn siblings(numbers: Numbers<'_>, to: &[u32], of: &[u32]) -> Vec<bool> {
    let mut children: HashMap<i64, (u32, bool), FxBuildHasher> = HashMap::default();
    for row in to {
        children
            .entry(numbers.parent(*row))
            .and_modify(|(first, several)| *several |= *first != *row)
            .or_insert((*row, false));
    }
    let sibling = |row: &u32| {
        let parent = numbers.parent(*row);
        parent != 0 && children.get(&parent).is_some_and(|(first, several)| *several || first != row)
    };
    of.iter().map(sibling).collect()
}

/// An interval of `to` encloses it. Among those that begin before it, the one that ends last decides.
fn descendants(numbers: Numbers<'_>, to: &[u32], of: &[u32]) -> Vec<bool> {
    let mut enclosing: Vec<(i64, i64)> = intervals(numbers, to);
    let mut last_end = 0;
    for (_, end) in &mut enclosing {
        last_end = last_end.max(*end);
        *end = last_end;
    }
    let inside = |row: &u32| {
        let (left, right) = (numbers.left(*row), numbers.right(*row));
        let before = enclosing.partition_point(|(start, _)| *start < left);
        let end = before.checked_sub(1).and_then(|index| enclosing.get(index)).map_or(0, |(_, end)| *end);
        left != 0 && end > right
    };
    of.iter().map(inside).collect()
}

/// It encloses an interval of `to`. The first that begins after it decides.
fn ancestors(numbers: Numbers<'_>, to: &[u32], of: &[u32]) -> Vec<bool> {
    let enclosed = intervals(numbers, to);
    let encloses = |row: &u32| {
        let (left, right) = (numbers.left(*row), numbers.right(*row));
        let after = enclosed.partition_point(|(start, _)| *start <= left);
        left != 0 && enclosed.get(after).is_some_and(|(start, _)| *start < right)
    };
    of.iter().map(encloses).collect()
}

/// The intervals of spans that have one, by their beginning.
fn intervals(numbers: Numbers<'_>, rows: &[u32]) -> Vec<(i64, i64)> {
    let mut intervals: Vec<_> = rows
        .iter()
        .map(|row| (numbers.left(*row), numbers.right(*row)))
        .filter(|(left, _)| *left != 0)
        .collect();
    intervals.sort_unstable();
    intervals
}
