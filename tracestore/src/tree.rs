//! Nested-set numbers: the shape of a trace as intervals.
//!
//! Walking a tree depth first and counting up once on entering and once on leaving a span gives it an interval
//! `[left, right]`; a span is a descendant of another exactly where its interval lies inside the other's. So
//! structural operators need no tree, only numbers: 16 bytes a span.
//!
//! The rules are those of Tempo, because queries can ask for the numbers: roots (spans without a parent id) are
//! walked in storage order, children in storage order, the first number is 1. A span that hangs on no root, because
//! its parent is missing or because parents form a cycle, has no numbers (0) and stands in no relation. Two spans may
//! share an id, as Zipkin's client and server spans do: a child belongs to the one of the other kind. Where three
//! share an id, or two do and the kind does not decide, nothing is guessed.

use crate::model::{SpanId, SpanKind};

/// The place of a span in its trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Place {
    /// The number on entering the span; 0 where it hangs on no root.
    pub left: i32,
    /// The number on leaving the span; 0 where it hangs on no root.
    pub right: i32,
    /// The parent's `left`; -1 for a root, 0 where the span hangs on none.
    pub parent: i32,
    /// How many spans name this one as their parent.
    pub children: u32,
}

/// What numbering needs to know of a span.
#[derive(Clone, Copy, Debug)]
pub struct Node {
    /// Its id.
    pub id: SpanId,
    /// Its parent's id; no bit set for a root.
    pub parent: SpanId,
    /// Its kind.
    pub kind: SpanKind,
}

/// The parent of a span as a row of its trace; [`ROOT`] or [`NONE`] where it has none there.
pub(crate) type ParentRow = u32;

/// The parent of a root.
pub(crate) const ROOT: ParentRow = u32::MAX;
/// The parent of a span that hangs on nothing: its parent is missing, or cannot be told.
pub(crate) const NONE: ParentRow = u32::MAX - 1;

/// Numbers the spans of one trace, given in storage order. A sort of the ids, then linear; about 40 bytes a span.
pub fn number(nodes: &[Node]) -> Vec<Place> {
    number_rows(&parent_rows(nodes))
}

/// The parent of every span. Where three spans share an id, no span has one, and none is a root.
pub(crate) fn parent_rows(nodes: &[Node]) -> Vec<ParentRow> {
    let mut by_id: Vec<(SpanId, u32)> = nodes.iter().map(|node| node.id).zip(0u32..).collect();
    by_id.sort_unstable();
    if by_id.windows(3).any(|three| three[0].0 == three[2].0) {
        return vec![NONE; nodes.len()];
    }
    let parent = |node: &Node| {
        if node.parent.is_zero() {
            return ROOT;
        }
        let at = by_id.partition_point(|(id, _)| *id < node.parent);
        let same = |at: usize| by_id.get(at).filter(|(id, _)| *id == node.parent).map(|(_, row)| *row);
        match (same(at), same(at + 1)) {
            (Some(only), None) => only,
            (Some(first), Some(second)) => {
                let wanted = if node.kind == SpanKind::SERVER { SpanKind::CLIENT } else { SpanKind::SERVER };
                let is_wanted = |row: &u32| nodes.get(*row as usize).is_some_and(|node| node.kind == wanted);
                [first, second].into_iter().find(is_wanted).unwrap_or(NONE)
            }
            _ => NONE,
        }
    };
    nodes.iter().map(parent).collect()
}

/// Numbers spans by the rows of their parents, which stand for nothing where they are beyond the end. Linear; 16
/// bytes a span beside the result.
pub(crate) fn number_rows(parents: &[ParentRow]) -> Vec<Place> {
    const END: u32 = u32::MAX;
    let mut places = vec![Place::default(); parents.len()];
    if !parents.contains(&ROOT) {
        return places;
    }
    // Children of each span as a linked list through `next`, so that the tree costs two words a span.
    let mut first = vec![END; parents.len()];
    let mut next = vec![END; parents.len()];
    for (child, parent) in parents.iter().enumerate().rev() {
        if let Some(place) = places.get_mut(*parent as usize) {
            place.children += 1;
            next[child] = std::mem::replace(&mut first[*parent as usize], child as u32);
        }
    }
    let mut bound = 1;
    for root in (0..parents.len()).filter(|row| parents[*row] == ROOT) {
        (places[root].left, places[root].parent) = (bound, -1);
        bound += 1;
        let mut at = root;
        loop {
            let child = std::mem::replace(&mut first[at], END) as usize;
            if let Some(after) = next.get(child) {
                first[at] = *after;
                (places[child].left, places[child].parent) = (bound, places[at].left);
                bound += 1;
                at = child;
                continue;
            }
            places[at].right = bound;
            bound += 1;
            if at == root {
                break;
            }
            at = parents[at] as usize;
        }
    }
    places
}
