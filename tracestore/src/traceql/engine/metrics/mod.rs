//! Metrics: from spans to series.

mod compare;
mod grid;
mod over_time;
mod second_stage;

use std::ops::ControlFlow;

use super::eval::{Evaluator, Mode};
use super::limits::{Budget, QueryLimits};
use super::pipeline::Run;
use super::plan::Plan;
use super::{Problems, Semantics, requirement};
use crate::field::{Field, Intrinsic};
use crate::model::{SpanId, TraceId};
use crate::source::{ScanRequest, Source, SpanBatch};
use crate::traceql::Value;
use crate::traceql::ast::{Hint, MetricsExpr, MetricsFunction, MetricsSource, Pipeline};
use crate::traceql::error::QueryError;

pub use grid::Grid;

type Result<T> = std::result::Result<T, QueryError>;

/// What a metrics query is limited to.
#[derive(Clone, Debug)]
pub struct MetricsOptions {
    /// The steps.
    pub grid: Grid,
    /// The most numbers that all series of one function may hold while they are built: series times steps.
    pub points_max: usize,
    /// The most exemplars of a series: the first span of a step, of as many steps, evenly spread. Default 0.
    pub exemplars_max: usize,
    /// How attributes with several values are compared.
    pub semantics: Semantics,
    /// What happens where an expression cannot be computed for a span.
    pub problems: Problems,
    /// What the query may cost; each function of it is counted apart.
    pub limits: QueryLimits,
}

impl MetricsOptions {
    /// Over the steps of a grid, with at most 20 million numbers (160 MB).
    pub fn new(grid: Grid) -> Self {
        let (semantics, problems) = (Semantics::default(), Problems::default());
        MetricsOptions {
            grid,
            points_max: 20_000_000,
            exemplars_max: 0,
            semantics,
            problems,
            limits: QueryLimits::default(),
        }
    }
}

/// A label of a series.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Label {
    /// Its name: a group as it is written in the query, or `__name__`, `__bucket`, `p`, `__meta_type`, `__meta_error`.
    pub name: String,
    /// Its value. A group that no span had a value of has [`Value::Nil`].
    pub value: Value,
}

impl Label {
    fn new(name: impl Into<String>, value: Value) -> Self {
        Label { name: name.into(), value }
    }
}

/// A span that stands for a step of a series.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Exemplar {
    /// Its trace.
    pub trace_id: TraceId,
    /// The span.
    pub span_id: SpanId,
    /// When it began, nanoseconds since the epoch.
    pub time_ns: u64,
    /// What the function looks at, durations in seconds; `NaN` where it only counts.
    pub value: f64,
}

/// A series.
#[derive(Clone, Debug, PartialEq)]
pub struct Series {
    /// Its labels, those of groups in the order of the query.
    pub labels: Vec<Label>,
    /// One number a step; `NaN` is no sample.
    pub values: Vec<f64>,
    /// Spans of it, in order of time, as many as were asked for. Arithmetic between series leaves them out, and so
    /// does `compare`.
    pub exemplars: Vec<Exemplar>,
}

impl Series {
    /// What a series is joined by: its labels without `__name__`.
    fn key(&self) -> Vec<Label> {
        self.labels.iter().filter(|label| label.name != "__name__").cloned().collect()
    }

    fn has_samples(&self) -> bool {
        self.values.iter().any(|value| !value.is_nan())
    }
}

/// The series of a metrics query, each with at least one sample.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsAnswer {
    /// The steps.
    pub grid: Grid,
    /// The series, in no particular order.
    pub series: Vec<Series>,
}

/// Answers a metrics query.
///
/// Cost: each function of the query reads the columns it names once; arithmetic and top-k work on finished series.
///
/// # Errors
/// [`QueryError`] where the query cannot be answered, a limit is reached, or reading fails.
pub fn metrics(
    source: &dyn Source,
    expr: &MetricsExpr,
    hints: &[Hint],
    options: &MetricsOptions,
) -> Result<MetricsAnswer> {
    let hinted = |hint: &&Hint| hint.name == "extrapolate" && matches!(hint.value, Value::Bool(_));
    let extrapolate = hints.iter().find(hinted).is_some_and(|hint| hint.value == Value::Bool(true));
    let mut series = evaluated(source, expr, extrapolate, options)?;
    series.retain(Series::has_samples);
    Ok(MetricsAnswer { grid: options.grid, series })
}

fn evaluated(
    source: &dyn Source,
    expr: &MetricsExpr,
    extrapolate: bool,
    options: &MetricsOptions,
) -> Result<Vec<Series>> {
    let mut series = match &expr.source {
        MetricsSource::Pipeline(pipeline, function) => {
            first_stage(source, pipeline, function, extrapolate, options)?
        }
        MetricsSource::Binary { op, lhs, rhs } => {
            let lhs = evaluated(source, lhs, extrapolate, options)?;
            let rhs = evaluated(source, rhs, extrapolate, options)?;
            second_stage::joined(*op, &lhs, &rhs)
        }
    };
    for stage in &expr.stages {
        series = second_stage::applied(stage, series, options.grid.len());
    }
    Ok(series)
}

/// What a function does with the spans that a pipeline found.
trait Observer {
    /// The fields that it looks at.
    fn fields(&self) -> Vec<Field>;

    /// Sees the spans of one batch: rows with the step they fall in.
    fn observe(&mut self, evaluator: &Evaluator<'_>, rows: &[(u32, usize)]) -> Result<()>;

    /// The series.
    fn finish(self: Box<Self>) -> Vec<Series>;
}

fn first_stage(
    source: &dyn Source,
    pipeline: &Pipeline,
    function: &MetricsFunction,
    extrapolate: bool,
    options: &MetricsOptions,
) -> Result<Vec<Series>> {
    let plan = Plan::new(pipeline)?;
    let mut observer: Box<dyn Observer> = match function {
        MetricsFunction::Over { op, of, quantiles, by } => {
            Box::new(over_time::OverTime::new(*op, of.as_ref(), quantiles, by, extrapolate, options)?)
        }
        MetricsFunction::Compare { selection, top, window_ns } => {
            Box::new(compare::Compare::new(selection, *top, *window_ns, extrapolate, &plan.pools, options)?)
        }
    };
    let mut fields = plan.fields.clone();
    fields.push(Field::Intrinsic(Intrinsic::StartTime));
    fields.extend(observer.fields().into_iter().filter(|field| !plan.fields.contains(field)));
    let compares = matches!(function, MetricsFunction::Compare { .. });
    let request = ScanRequest {
        window: options.grid.window(),
        requirement: requirement::of_plan(&plan),
        spans_only: !compares && !plan.whole_traces && !fields.iter().any(is_of_the_trace),
        fields,
        newest_first: false,
    };
    let mode = Mode { semantics: options.semantics, problems: options.problems };
    let mut failure = None;
    let mut budget = Budget::new(&options.limits);
    source.scan(&request, &mut |batch| match budget
        .batch(batch.span_count())
        .and_then(|()| observe_batch(batch, &plan, mode, options.grid, &mut *observer))
    {
        Ok(()) => Ok(ControlFlow::Continue(())),
        Err(error) => {
            failure = Some(error);
            Ok(ControlFlow::Break(()))
        }
    })?;
    match failure {
        Some(error) => Err(error),
        None => Ok(observer.finish()),
    }
}

fn observe_batch(
    batch: &dyn SpanBatch,
    plan: &Plan,
    mode: Mode,
    grid: Grid,
    observer: &mut dyn Observer,
) -> Result<()> {
    let run = Run::new(plan, Evaluator::new(batch, mode));
    let candidates = run.candidates()?;
    let mut rows: Vec<u32> = Vec::new();
    for trace in batch.traces().iter().filter(|trace| candidates.has(&trace.rows)) {
        for set in run.trace(trace.rows.clone())? {
            rows.extend(set.rows);
        }
    }
    if rows.is_empty() {
        return Ok(());
    }
    let starts = run.integers(Intrinsic::StartTime)?;
    let step_of = |row: &u32| {
        let start = starts.get(*row as usize).copied()?;
        Some((*row, grid.step_of(start.cast_unsigned())?))
    };
    let rows: Vec<(u32, usize)> = rows.iter().filter_map(step_of).collect();
    if rows.is_empty() { Ok(()) } else { observer.observe(&run.evaluator, &rows) }
}

/// Whether a field needs more of the trace than the span itself.
fn is_of_the_trace(field: &Field) -> bool {
    let Field::Intrinsic(intrinsic) = field else { return false };
    matches!(
        intrinsic,
        Intrinsic::RootName
            | Intrinsic::RootServiceName
            | Intrinsic::TraceDuration
            | Intrinsic::ChildCount
            | Intrinsic::NestedSetLeft
            | Intrinsic::NestedSetRight
            | Intrinsic::NestedSetParent
    )
}
