//! From a query and a source to an answer.
//!
//! A log query walks the entries in time order until it has as many as it wants. A metric query walks them once per
//! range aggregation, in any order of streams, adds each line to the steps whose windows hold it, and then works with
//! columns of one float per step.

mod aggregate;
mod binary;
mod logs;
mod memo;
mod metric;
mod push_down;
mod range;
mod sizes;
mod window;

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use bedrock::labels::Labels;

use crate::logql::ast::{Expr, MetricExpr};
use crate::logql::error::{QueryError, Result};
use crate::logql::limits::Limits;
use crate::logql::line::Category;
use crate::source::{Budget, LogSource, Patience};

pub(crate) use push_down::apply as push_down;

/// In which direction a log query walks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// The newest entries first.
    #[default]
    Backward,
    /// The oldest entries first.
    Forward,
}

/// When and how a query is evaluated.
///
/// ```
/// use logstore::logql::{QueryOptions, Direction};
/// let options = QueryOptions { limit: 10, direction: Direction::Forward, ..QueryOptions::range(0, 3_600_000_000_000, 60_000_000_000) };
/// assert!(!options.is_instant());
/// ```
#[derive(Clone, Debug)]
pub struct QueryOptions<'q> {
    /// First step, and first timestamp of a log query, in nanoseconds since 1970.
    pub start_ns: i64,
    /// Last step, and first timestamp that a log query no longer returns.
    pub end_ns: i64,
    /// Distance of the steps; 0 with equal start and end is a single step.
    pub step_ns: i64,
    /// Most entries that a log query returns.
    pub limit: usize,
    /// Which entries a log query returns first.
    pub direction: Direction,
    /// A log query leaves out entries that follow the one before by less; 0 leaves none out.
    pub interval_ns: i64,
    /// What the query may cost.
    pub limits: Limits,
    /// When to give up.
    pub deadline: Option<Instant>,
    /// Set by whoever no longer wants the answer.
    pub cancelled: Option<&'q AtomicBool>,
    /// How many threads may work on the answer, which does not depend on it; 0 means as many as the machine runs at the
    /// same time.
    pub threads: usize,
}

impl QueryOptions<'_> {
    /// One step at a moment.
    pub fn instant(ts_ns: i64) -> Self {
        QueryOptions::range(ts_ns, ts_ns, 0)
    }

    /// Steps from start to end, both included.
    pub fn range(start_ns: i64, end_ns: i64, step_ns: i64) -> Self {
        QueryOptions {
            start_ns,
            end_ns,
            step_ns,
            limit: 100,
            direction: Direction::Backward,
            interval_ns: 0,
            limits: Limits::default(),
            deadline: None,
            cancelled: None,
            threads: 0,
        }
    }

    /// Whether there is a single step.
    pub fn is_instant(&self) -> bool {
        self.start_ns == self.end_ns && self.step_ns == 0
    }

    /// The steps, in nanoseconds since 1970.
    fn steps(&self) -> Result<Steps> {
        if self.is_instant() {
            return Ok(Steps { start_ns: self.start_ns, step_ns: 1, count: 1 });
        }
        if self.step_ns <= 0 || self.end_ns < self.start_ns {
            return Err(QueryError::invalid(
                "a range needs a step above 0 and an end that is not before its start",
            ));
        }
        let span = i128::from(self.end_ns) - i128::from(self.start_ns);
        let count = usize::try_from(span / i128::from(self.step_ns) + 1).unwrap_or(usize::MAX);
        if count > self.limits.steps_max {
            return Err(QueryError::Limit {
                what: "the number of steps",
                max: self.limits.steps_max as u64,
                found: count as u64,
            });
        }
        Ok(Steps { start_ns: self.start_ns, step_ns: self.step_ns, count })
    }

    fn patience(&self) -> Patience<'_> {
        Patience { deadline: self.deadline, cancelled: self.cancelled }
    }

    fn budget(&self) -> Budget {
        Budget::new(self.limits.read_bytes_max, self.limits.held_bytes_max)
    }

    /// An error where more was read or is held than the limits allow.
    fn check_budget(&self, budget: &Budget) -> Result<()> {
        let limit = |what, max, found| Err(QueryError::Limit { what, max, found });
        match (budget.read_too_much(), budget.holds_too_much()) {
            (Some(found), _) => {
                limit("the number of bytes that a query reads", self.limits.read_bytes_max, found)
            }
            (_, Some(found)) => {
                limit("the number of bytes that a query holds", self.limits.held_bytes_max, found)
            }
            (None, None) => Ok(()),
        }
    }

    /// An error where nobody waits for the answer any more. Asked once per batch of entries.
    fn check(&self) -> Result<()> {
        if self.cancelled.is_some_and(|cancelled| cancelled.load(Ordering::Relaxed)) {
            return Err(QueryError::Cancelled { reason: "the caller gave up" });
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(QueryError::Cancelled { reason: "the deadline passed" });
        }
        Ok(())
    }
}

/// Evenly spaced moments.
#[derive(Clone, Copy, Debug)]
struct Steps {
    start_ns: i64,
    step_ns: i64,
    count: usize,
}

impl Steps {
    fn at(&self, step: usize) -> i64 {
        self.start_ns.saturating_add(self.step_ns.saturating_mul(step as i64))
    }

    fn last(&self) -> i64 {
        self.at(self.count - 1)
    }
}

/// Entries with equal labels.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamResult {
    /// Stream labels, metadata and parsed labels, sorted by name.
    pub labels: Labels,
    /// Where each label comes from, in the order of the labels.
    pub categories: Vec<Category>,
    /// Timestamps and lines, in the direction of the query.
    pub entries: Vec<(i64, Vec<u8>)>,
}

/// One value of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Sample {
    /// The labels of the series.
    pub labels: Labels,
    /// The value.
    pub value: f64,
}

/// The values of one series.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// The labels of the series.
    pub labels: Labels,
    /// Steps in milliseconds since 1970, and values.
    pub points: Vec<(i64, f64)>,
}

/// The answer to a query.
#[derive(Clone, Debug, PartialEq)]
pub enum QueryData {
    /// Log lines, sorted by labels.
    Streams(Vec<StreamResult>),
    /// One number, at a moment in milliseconds since 1970.
    Scalar(i64, f64),
    /// Series at one moment in milliseconds since 1970, sorted by labels, or by value where the query sorts.
    Vector(i64, Vec<Sample>),
    /// Series over many steps, sorted by labels.
    Matrix(Vec<Series>),
}

/// Nanoseconds to milliseconds, downwards.
fn to_ms(ns: i64) -> i64 {
    ns.div_euclid(1_000_000)
}

/// Evaluates a query.
///
/// # Errors
///
/// [`QueryError`]: where a stage does not compile, a line fails, vectors do not match, a limit is reached, or the source
/// reports an error. A log query at a single step is an error.
///
/// ```
/// use bedrock::labels::Labels;
/// use logstore::logql::{QueryData, QueryOptions, evaluate, parse};
/// use logstore::memory::MemorySource;
///
/// let mut source = MemorySource::default();
/// let labels = Labels::from_pairs([("app", "shop")])?;
/// source.push(&labels, 1_000_000_000, b"took=2s", &[])?;
/// let query = parse(r#"count_over_time({app="shop"}[1m])"#)?;
/// let answer = evaluate(&source, &query, &QueryOptions::instant(60_000_000_000))?;
/// let QueryData::Vector(_, samples) = answer else { panic!("a metric query at a moment gives a vector") };
/// assert_eq!(samples[0].value, 1.0);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn evaluate(source: &dyn LogSource, query: &Expr, options: &QueryOptions<'_>) -> Result<QueryData> {
    if options.end_ns < options.start_ns {
        return Err(QueryError::invalid("the end of a query lies before its start"));
    }
    let mut query = query.clone();
    sizes::round(&mut query);
    match &query {
        Expr::Log(_) if options.is_instant() => {
            Err(QueryError::invalid("a query of log lines needs a time range, not a moment"))
        }
        Expr::Log(log) => logs::evaluate(source, log, options),
        Expr::Metric(MetricExpr::Literal(value)) if options.is_instant() => {
            Ok(QueryData::Scalar(to_ms(options.start_ns), *value))
        }
        Expr::Metric(metric) => metric::evaluate(source, metric, options),
    }
}
