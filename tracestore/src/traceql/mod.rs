//! TraceQL: from text to tree to answer.
//!
//! A query is read by [`parse`](fn@parse) to an [`ast::Query`], which [`check`](fn@check) rejects where it has no
//! meaning; the engine answers it over any [`Source`](crate::source::Source).

pub(crate) mod number;
mod value;

pub mod ast;
mod check;
mod error;
mod lex;
pub mod limits;
mod parse;
pub(crate) mod print;

mod engine;
mod ops;
mod regex;

pub use check::{COMPARE_TOP_MAX, GROUP_BY_MAX, check};
pub(crate) use engine::matching_rows;
pub use engine::{
    Cancel, Exemplar, FoundSpan, FoundSpanSet, FoundTrace, Grid, Label, MetricsAnswer, MetricsOptions,
    Problems, QueryLimits, SearchOptions, Semantics, Series, ServiceStats, metrics, search,
};
pub use error::QueryError;
pub use parse::{parse, parse_attribute};
pub use value::{Type, Value, kind_word, status_word};
