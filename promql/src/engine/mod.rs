//! The engine: a query's text to its answer over any [`SeriesSource`].
//!
//! # The life of a query
//!
//! The text is parsed to a tree. Its selectors are gathered, equal ones as one, and each is selected once over all
//! times that the query looks at (`select`). Then every expression is evaluated over **all steps at once**
//! (`evaluator`): a series is a column of one value a step, and a step without a value holds an absent marker.
//!
//! Selectors, functions and operators with a number make **streams** (`stream`): series that are computed when they
//! are asked for, by any thread, and taken in order. An aggregation adds them into its groups as they come, so a sum
//! over a million series needs memory for its groups. Joins hold both sides. Only the answer turns columns into
//! points (`answer`).
//!
//! | part | modules |
//! |---|---|
//! | what a query may use, asks, and answers | `options`, `error`, `value`, `annotations` |
//! | what is read | `select`, `window`, `instant`, `ranged`, `smoothed` |
//! | functions | `calls`, `labels`, `histogram_calls`, `info`, and the crate's `functions` |
//! | aggregations | `grouping`, `aggregate`, `ranked` |
//! | operators | `binary`, `matching` |
//!
//! Invariants: an answer does not depend on the number of threads, to the last bit; no label is looked at more than
//! once a series; what is counted as held is released when the expression that held it has its value.

mod error;
mod options;
mod value;

mod query;
mod select;
pub(crate) mod steps;

mod answer;
mod evaluator;
mod operand;
mod series;
mod stream;

mod instant;
mod ranged;
mod smoothed;
pub(crate) mod window;

mod calls;
mod count_values;
mod histogram_calls;
mod info;
mod labels;

mod aggregate;
mod binary;
mod grouping;
mod matching;
mod ranked;

pub(crate) mod annotations;

use bedrock::series::SeriesSource;

use crate::ast::{Expr, ValueType};
use options::Stop;
use query::{Query, Used};
use select::Selections;
use steps::Steps;

pub use error::{QueryError, Result};
pub use options::{Cancel, EngineOptions, Features, QueryLimits};
pub use value::{Annotations, MatrixSeries, QueryResult, QueryStats, SampleValue, Value, VectorSample};

/// Evaluates queries. Holds its options and no other state: cheap to make, shared by reference between threads.
#[derive(Clone, Debug, Default)]
pub struct Engine {
    options: EngineOptions,
    cancel: Cancel,
}

impl Engine {
    /// An engine with the given options.
    pub fn new(options: EngineOptions) -> Self {
        Engine { options, cancel: Cancel::default() }
    }

    /// The options in force.
    pub fn options(&self) -> &EngineOptions {
        &self.options
    }

    /// The same engine with a handle that stops its queries.
    ///
    /// ```
    /// use promql::engine::{Cancel, Engine};
    ///
    /// let cancel = Cancel::default();
    /// let engine = Engine::default().with_cancel(cancel.clone());
    /// cancel.cancel();
    /// # let _ = engine;
    /// ```
    #[must_use]
    pub fn with_cancel(self, cancel: Cancel) -> Self {
        Engine { cancel, ..self }
    }

    /// Evaluates a query at one time, in milliseconds since the epoch.
    ///
    /// Cost: the windows that the query looks at are decoded, about 1 ns a sample, and looked at once.
    ///
    /// ```
    /// use bedrock::labels::Labels;
    /// use promql::Engine;
    /// use promql::engine::Value;
    /// use promql::script::{MemorySource, Sample};
    ///
    /// let mut source = MemorySource::default();
    /// let labels = Labels::from_pairs([("__name__", "shoes_sold_total"), ("shop", "oslo")])?;
    /// for minute in 0..10 {
    ///     source.append(&labels, minute * 60_000, 0, Sample::Float(3.0 * minute as f64))?;
    /// }
    /// let result = Engine::default().instant(&source, "sum(increase(shoes_sold_total[5m]))", 540_000)?;
    /// let Value::Vector(vector) = result.value else { unreachable!() };
    /// assert_eq!(vector.len(), 1);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`QueryError`] where the text is no query, cannot be evaluated, breaks a limit, or the source fails.
    pub fn instant(&self, source: &dyn SeriesSource, query: &str, time_ms: i64) -> Result<QueryResult> {
        self.evaluate(source, query, Times { start_ms: time_ms, end_ms: time_ms, step_ms: 0 })
    }

    /// Evaluates a query at `start_ms`, `start_ms + step_ms`, ... up to and including `end_ms`.
    ///
    /// Cost: each series is decoded once; a function over time then takes 2 to 10 ns a step, whatever its window, and
    /// an aggregation 1 ns a step and series. Memory follows the answer: series stream through aggregations.
    ///
    /// ```
    /// use promql::Engine;
    /// use promql::engine::Value;
    /// use promql::script::MemorySource;
    ///
    /// let result = Engine::default().range(&MemorySource::default(), "vector(time())", 0, 120_000, 60_000)?;
    /// let Value::Matrix(matrix) = result.value else { unreachable!() };
    /// assert_eq!(matrix[0].floats, [(0, 0.0), (60_000, 60.0), (120_000, 120.0)]);
    /// # Ok::<(), promql::engine::QueryError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`Engine::instant`]; also where the step is not positive, the end lies before the start, or the query is
    /// neither a scalar nor an instant vector.
    pub fn range(
        &self,
        source: &dyn SeriesSource,
        query: &str,
        start_ms: i64,
        end_ms: i64,
        step_ms: i64,
    ) -> Result<QueryResult> {
        if step_ms <= 0 || end_ms < start_ms {
            return Err(QueryError::execution(format!(
                "a range query needs a positive step and an end not before its start, got start {start_ms}, end {end_ms}, step {step_ms} ms"
            )));
        }
        self.evaluate(source, query, Times { start_ms, end_ms, step_ms })
    }

    fn evaluate(&self, source: &dyn SeriesSource, query: &str, times: Times) -> Result<QueryResult> {
        let expr = self.parse(query)?;
        let steps = match times.step_ms {
            0 => Steps::at(times.start_ms),
            step_ms => Steps::between(times.start_ms, times.end_ms, step_ms),
        };
        if steps.count > self.options.limits.steps_max {
            let max = self.options.limits.steps_max as u64;
            return Err(QueryError::Limit { what: "evaluate too many steps", max });
        }
        if times.step_ms > 0 && !matches!(expr.value_type(), ValueType::Scalar | ValueType::Vector) {
            return Err(QueryError::execution(format!(
                "invalid expression type {:?} for range query, must be scalar or instant vector",
                expr.value_type().as_str()
            )));
        }
        let stop = Stop {
            cancel: self.cancel.clone(),
            deadline: std::time::Instant::now().checked_add(self.options.limits.timeout),
        };
        stop.check()?;
        let mut context = Query {
            source,
            options: &self.options,
            stop,
            start_ms: times.start_ms,
            end_ms: times.end_ms,
            step_ms: times.step_ms,
            selections: Selections::default(),
            used: Used::default(),
        };
        context.selections = Selections::load(&context, &expr)?;
        let (value, notes) = answer::answer(&context, &expr, steps, times.step_ms == 0)?;
        let stats = QueryStats {
            series_selected: context.selections.series(),
            samples_decoded: context.used.samples_decoded.load(std::sync::atomic::Ordering::Relaxed),
            samples_returned: value.samples(),
            samples_peak: context.samples_peak() as u64,
        };
        Ok(QueryResult { value, annotations: notes.finish(query), stats })
    }

    fn parse(&self, query: &str) -> Result<Expr> {
        let features = self.options.features;
        let options = crate::ParseOptions {
            depth_max: self.options.limits.depth_max,
            experimental_functions: features.experimental_functions,
            duration_expressions: features.duration_expressions,
            extended_range_selectors: features.extended_range_selectors,
            fill_modifiers: features.fill_modifiers,
            ..crate::ParseOptions::default()
        };
        Ok(crate::parse(query, &options)?)
    }
}

/// The times at which a query is evaluated; `step_ms` is 0 in an instant query.
#[derive(Clone, Copy, Debug)]
struct Times {
    start_ms: i64,
    end_ms: i64,
    step_ms: i64,
}
