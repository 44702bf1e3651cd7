//! The questions users ask, as library calls with the answers of Tempo's endpoints.
//!
//! | call | endpoint |
//! |---|---|
//! | [`search`] | `/api/search` with `q` |
//! | [`search_by_tags`] | `/api/search` with `tags`, `minDuration`, `maxDuration` |
//! | [`trace_by_id`] | `/api/traces/{id}` |
//! | [`tag_names`] | `/api/v2/search/tags` |
//! | [`tag_values`], [`tag_value_texts`] | `/api/v2/search/tag/{tag}/values`, and the first version of it |
//! | [`query_range`], [`query_instant`] | `/api/metrics/query_range`, `/api/metrics/query` |
//! | [`query_with`] | either, with limits and exemplars |
//!
//! All take a [`Source`]: a snapshot of a store or spans in memory.

mod filter;
mod legacy;
mod metrics;
mod tags;

use crate::model::{Trace, TraceId};
use crate::source::{Source, TimeWindow};
use crate::traceql::ast::{Body, Pipeline, Query};
use crate::traceql::{self, FoundTrace, QueryError, SearchOptions, Value};

pub use legacy::{TagSearch, search_by_tags};
pub use metrics::{RangeParameters, query_instant, query_range, query_with};
pub use tags::{ScopeFilter, TagNames, intrinsic_names, tag_names, tag_value_texts, tag_values};

/// What stands in the place of a root's service while the root is unknown.
pub const ROOT_UNKNOWN: &str = "<root span not yet received>";

/// Finds the traces with spans that match a TraceQL query. The hint `most_recent=true` asks for those that begin last.
///
/// ```
/// use tracestore::api::search;
/// use tracestore::memory::MemorySource;
/// use tracestore::traceql::SearchOptions;
///
/// let source = MemorySource::new([]);
/// let found = search(&source, "{ status = error } | count() > 2", &SearchOptions::default()).unwrap();
/// assert!(found.is_empty());
/// ```
///
/// # Errors
/// [`QueryError`] where the query has no answer, and where reading fails.
pub fn search(
    source: &dyn Source,
    query: &str,
    options: &SearchOptions,
) -> Result<Vec<FoundTrace>, QueryError> {
    let query = traceql::parse(query)?;
    traceql::check(&query)?;
    if options.limit == 0 {
        return Err(QueryError::Parameter {
            parameter: "limit",
            problem: "it must be at least 1".to_owned(),
        });
    }
    let most_recent = options.most_recent || hint(&query, "most_recent");
    traceql::search(source, pipeline(&query)?, &SearchOptions { most_recent, ..options.clone() })
}

fn pipeline(query: &Query) -> Result<&Pipeline, QueryError> {
    match &query.body {
        Body::Search(pipeline) => Ok(pipeline),
        Body::Metrics(_) => Err(QueryError::WrongKind { expected: "span sets", found: "series" }),
    }
}

fn hint(query: &Query, name: &str) -> bool {
    query.hints.iter().any(|hint| hint.name == name && hint.value == Value::Bool(true))
}

/// All spans of the trace with an id in hexadecimal; `None` where none is known.
///
/// # Errors
/// [`QueryError::Parameter`] where the text is no id, and what reading can run into.
pub fn trace_by_id(source: &dyn Source, id: &str) -> Result<Option<Trace>, QueryError> {
    let id = TraceId::from_hex(id)
        .map_err(|error| QueryError::Parameter { parameter: "trace id", problem: error.to_string() })?;
    Ok(source.trace(id)?)
}

/// A window of whole seconds since the epoch, both ends inside; an end of 0 is the end of time.
///
/// # Errors
/// [`QueryError::Parameter`] where it ends before it starts.
pub fn window_of_seconds(start_s: u64, end_s: u64) -> Result<TimeWindow, QueryError> {
    if end_s == 0 {
        return Ok(TimeWindow { start_ns: start_s.saturating_mul(NS_PER_S), end_ns: u64::MAX });
    }
    if start_s >= end_s {
        let problem = format!("the start {start_s} must be before the end {end_s}");
        return Err(QueryError::Parameter { parameter: "start", problem });
    }
    Ok(TimeWindow { start_ns: start_s.saturating_mul(NS_PER_S), end_ns: end_s.saturating_mul(NS_PER_S) })
}

const NS_PER_S: u64 = 1_000_000_000;
