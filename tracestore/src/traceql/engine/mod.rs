//! Answers queries over a [`Source`](crate::source::Source).
//!
//! A query is compiled once to a plan. Each batch is then filtered column by column, and what is left is put
//! together trace by trace: span sets, groups, aggregates. Memory follows the batch and the answer, not the data.

mod eval;
mod expr;
mod limits;
mod metrics;
mod pipeline;
mod plan;
mod pools;
mod requirement;
mod rows;
mod search;
mod structure;

pub use limits::{Cancel, QueryLimits};
pub use metrics::{Exemplar, Grid, Label, MetricsAnswer, MetricsOptions, Series, metrics};
pub(crate) use rows::matching_rows;
pub use search::{FoundSpan, FoundSpanSet, FoundTrace, SearchOptions, ServiceStats, search};

/// How an attribute with several values is compared.
///
/// A Tempo server lets its store look for matching values before its evaluator sees a span, so that its answers
/// differ from what the evaluator alone would say. Both are recorded in the conformance sets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Semantics {
    /// As the server answers: a comparison holds where one element of an array, one event or one link fulfils it,
    /// `!=` and `!~` included, and an attribute of the span hides the resource's only from literals of its type.
    #[default]
    Store,
    /// As the evaluator decides over a span whose attributes are all loaded: `!=` and `!~` must hold for every
    /// element, the first event and the first link stand for all, a span's attribute always hides the resource's.
    Evaluator,
}

/// What happens where an expression cannot be computed for a span: arithmetic on an array, `!` on a number.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Problems {
    /// The span does not match.
    #[default]
    SkipSpan,
    /// The query fails with [`QueryError::Evaluation`](super::QueryError::Evaluation).
    Fail,
}
