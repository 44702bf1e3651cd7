//! Metrics over a range and at an instant.

use super::NS_PER_S;
use crate::source::Source;
use crate::traceql::ast::{Body, MetricsExpr, Query};
use crate::traceql::{self, Grid, MetricsAnswer, MetricsOptions, QueryError};

/// The most steps that a range may be cut into.
const STEPS_MAX: u64 = 5_000;

/// From when to when, and how finely.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RangeParameters {
    /// Nanoseconds since the epoch.
    pub start_ns: u64,
    /// Nanoseconds since the epoch.
    pub end_ns: u64,
    /// Nanoseconds; `None` chooses about 240 steps.
    pub step_ns: Option<u64>,
}

impl RangeParameters {
    /// The steps: multiples of the step since the epoch that cover the range, and one before.
    ///
    /// # Errors
    /// [`QueryError::Parameter`] where the range is empty or has too many steps.
    pub fn grid(self) -> Result<Grid, QueryError> {
        let wrong = |parameter, problem: String| QueryError::Parameter { parameter, problem };
        if self.end_ns <= self.start_ns {
            return Err(wrong("end", "it must be after the start".to_owned()));
        }
        let step_ns = self.step_ns.unwrap_or_else(|| Grid::default_step_ns(self.start_ns, self.end_ns));
        let smallest_ns = (self.end_ns - self.start_ns) / STEPS_MAX;
        if step_ns < smallest_ns || step_ns == 0 {
            let problem = format!("{step_ns} ns is too small, this range needs at least {smallest_ns} ns");
            return Err(wrong("step", problem));
        }
        let aligned_ns = self.start_ns - self.start_ns % step_ns;
        let first_ns = aligned_ns.checked_sub(step_ns).unwrap_or(aligned_ns);
        let last_ns = self.end_ns.div_ceil(step_ns).saturating_mul(step_ns);
        Grid::new(first_ns, last_ns, step_ns)
            .ok_or_else(|| wrong("step", format!("{step_ns} ns does not divide the range into steps")))
    }
}

/// Answers a metrics query over a range. A step is named by its end; the first ends at or before the start.
///
/// ```
/// use tracestore::api::{RangeParameters, query_range};
/// use tracestore::memory::MemorySource;
///
/// let range = RangeParameters { start_ns: 0, end_ns: 60_000_000_000, step_ns: Some(15_000_000_000) };
/// let answer = query_range(&MemorySource::new([]), "{ } | rate()", range).unwrap();
/// assert_eq!(answer.series[0].values, [0.0; 4]);
/// ```
///
/// # Errors
/// [`QueryError`] where the query has no answer, and where reading fails.
pub fn query_range(
    source: &dyn Source,
    query: &str,
    range: RangeParameters,
) -> Result<MetricsAnswer, QueryError> {
    let query = checked(query)?;
    answered(source, &query, &MetricsOptions::new(range.grid()?))
}

/// Answers a metrics query with one number a series, over the spans that start after `start_ns` and up to `end_ns`.
///
/// # Errors
/// [`QueryError`] where the query has no answer, and where reading fails.
pub fn query_instant(
    source: &dyn Source,
    query: &str,
    start_ns: u64,
    end_ns: u64,
) -> Result<MetricsAnswer, QueryError> {
    let query = checked(query)?;
    let grid = Grid::instant(start_ns, end_ns).ok_or_else(|| QueryError::Parameter {
        parameter: "end",
        problem: format!("{} s must be after the start {} s", end_ns / NS_PER_S, start_ns / NS_PER_S),
    })?;
    answered(source, &query, &MetricsOptions::new(grid))
}

/// Answers a metrics query with options: limits, exemplars, and a grid of the caller's or of a range
/// ([`RangeParameters::grid`]).
///
/// ```
/// use tracestore::api::{RangeParameters, query_with};
/// use tracestore::memory::MemorySource;
/// use tracestore::traceql::MetricsOptions;
///
/// let range = RangeParameters { start_ns: 0, end_ns: 60_000_000_000, step_ns: Some(15_000_000_000) };
/// let options = MetricsOptions { exemplars_max: 10, ..MetricsOptions::new(range.grid().unwrap()) };
/// let answer = query_with(&MemorySource::new([]), "{ } | rate()", &options).unwrap();
/// assert!(answer.series[0].exemplars.is_empty());
/// ```
///
/// # Errors
/// [`QueryError`] where the query has no answer, a limit is reached, and where reading fails.
pub fn query_with(
    source: &dyn Source,
    query: &str,
    options: &MetricsOptions,
) -> Result<MetricsAnswer, QueryError> {
    answered(source, &checked(query)?, options)
}

fn checked(query: &str) -> Result<Query, QueryError> {
    let query = traceql::parse(query)?;
    traceql::check(&query)?;
    Ok(query)
}

fn answered(
    source: &dyn Source,
    query: &Query,
    options: &MetricsOptions,
) -> Result<MetricsAnswer, QueryError> {
    let expr: &MetricsExpr = match &query.body {
        Body::Metrics(expr) => expr,
        Body::Search(_) => return Err(QueryError::WrongKind { expected: "series", found: "span sets" }),
    };
    traceql::metrics(source, expr, &query.hints, options)
}
