//! The name that somebody may have meant.

use std::cmp::Reverse;

use crate::ast::AggregateOp;
use crate::signature::FUNCTIONS;

/// The longest name that is compared: all real ones are shorter.
const NAME_BYTES_MAX: usize = 40;

/// The function or aggregation whose name is nearest to `name`, where one is near: at most half of the letters
/// inserted, dropped or replaced.
pub(crate) fn nearest_callable(name: &str) -> Option<&'static str> {
    if name.len() > NAME_BYTES_MAX {
        return None;
    }
    let name = name.to_ascii_lowercase();
    let functions = FUNCTIONS.iter().map(|function| function.name);
    let aggregations = AggregateOp::ALL.into_iter().map(AggregateOp::as_str);
    functions
        .chain(aggregations)
        .map(|candidate| (edits(name.as_bytes(), candidate.as_bytes()), candidate))
        .filter(|(distance, candidate)| *distance * 2 <= candidate.len())
        // Of equally near names the one that starts alike.
        .min_by_key(|(distance, candidate)| (*distance, Reverse(common_prefix(&name, candidate)), *candidate))
        .map(|(_, candidate)| candidate)
}

fn common_prefix(a: &str, b: &str) -> usize {
    a.bytes().zip(b.bytes()).take_while(|(a, b)| a == b).count()
}

/// Levenshtein distance, one row of the table at a time.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = i;
        let mut left = i + 1;
        for (cell, y) in row.iter_mut().skip(1).zip(b) {
            let replaced = diagonal + usize::from(x != y);
            diagonal = *cell;
            left = replaced.min(diagonal + 1).min(left + 1);
            *cell = left;
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or(0)
}
