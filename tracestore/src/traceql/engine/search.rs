//! Searches: the traces with matching spans.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;

use super::eval::{Evaluator, Mode};
use super::limits::{Budget, QueryLimits};
use super::pipeline::{Run, SpanSet};
use super::plan::Plan;
use super::pools::Pool;
use super::{Problems, Semantics, requirement};
use crate::field::{Field, Intrinsic, Scope};
use crate::model::{SpanId, StatusCode, TraceId};
use crate::source::{ScanRequest, Source, SpanBatch, TimeWindow, TraceSummary};
use crate::traceql::Value;
use crate::traceql::ast::Pipeline;
use crate::traceql::error::QueryError;

type Result<T> = std::result::Result<T, QueryError>;

/// What a search is limited to.
#[derive(Clone, Debug)]
pub struct SearchOptions {
    /// Traces that overlap this window. All their spans are looked at.
    pub window: TimeWindow,
    /// The most traces in the answer.
    pub limit: usize,
    /// The most spans shown of a span set; it counts them all.
    pub spans_per_set: usize,
    /// Whether the traces that begin last are wanted, rather than the first that are found.
    pub most_recent: bool,
    /// How attributes with several values are compared.
    pub semantics: Semantics,
    /// What happens where an expression cannot be computed for a span.
    pub problems: Problems,
    /// What the query may cost.
    pub limits: QueryLimits,
}

impl Default for SearchOptions {
    /// All of time, 20 traces with 3 spans a set, as Tempo does.
    fn default() -> Self {
        SearchOptions {
            window: TimeWindow::ALL,
            limit: 20,
            spans_per_set: 3,
            most_recent: false,
            semantics: Semantics::default(),
            problems: Problems::default(),
            limits: QueryLimits::default(),
        }
    }
}

/// A trace with matching spans.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundTrace {
    /// The trace.
    pub id: TraceId,
    /// The service of its root; empty while the root is unknown.
    pub root_service: Arc<str>,
    /// The name of its root; empty while the root is unknown.
    pub root_name: Arc<str>,
    /// Its first start, nanoseconds since the epoch.
    pub start_ns: u64,
    /// From its first start to its last end, in nanoseconds.
    pub duration_ns: u64,
    /// Its spans and errors by service.
    pub service_stats: BTreeMap<Arc<str>, ServiceStats>,
    /// What matched.
    pub span_sets: Vec<FoundSpanSet>,
}

/// Counts of one service in one trace.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ServiceStats {
    /// Its spans.
    pub spans: u32,
    /// Those of them that ended in an error.
    pub errors: u32,
}

/// Spans that matched together.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundSpanSet {
    /// How many spans matched.
    pub matched: usize,
    /// What `by` and aggregates say of the set: name and value.
    pub attributes: Vec<(String, Value)>,
    /// The first of the spans, as many as were asked for.
    pub spans: Vec<FoundSpan>,
}

/// A span that matched.
#[derive(Clone, Debug, PartialEq)]
pub struct FoundSpan {
    /// The span.
    pub id: SpanId,
    /// Its name.
    pub name: Arc<str>,
    /// Its start, nanoseconds since the epoch.
    pub start_ns: i64,
    /// Its duration in nanoseconds.
    pub duration_ns: i64,
    /// The values of the fields that the query names. One field can stand for two: a key of the span and of its
    /// resource.
    pub attributes: Vec<(Field, Value)>,
}

/// Finds traces. The traces of the answer stand by their start, the last one first.
///
/// Cost: the columns of the conditions for every trace in the window that the store cannot rule out, and those of
/// the answer for batches with a match.
///
/// # Errors
/// [`QueryError`] where the pipeline cannot be answered or reading fails.
pub fn search(source: &dyn Source, pipeline: &Pipeline, options: &SearchOptions) -> Result<Vec<FoundTrace>> {
    let plan = Plan::new(pipeline)?;
    let mode = Mode { semantics: options.semantics, problems: options.problems };
    let request = ScanRequest {
        window: options.window,
        requirement: requirement::of_plan(&plan),
        spans_only: false,
        fields: plan.fields.clone(),
        newest_first: options.most_recent,
    };
    let mut found: Vec<FoundTrace> = Vec::new();
    let mut failure = None;
    if options.limit == 0 {
        return Ok(found);
    }
    let mut budget = Budget::new(&options.limits);
    source.scan(&request, &mut |batch| match search_batch(
        batch,
        &plan,
        mode,
        options,
        &mut budget,
        &mut found,
    ) {
        Ok(flow) => Ok(flow),
        Err(error) => {
            failure = Some(error);
            Ok(ControlFlow::Break(()))
        }
    })?;
    if let Some(error) = failure {
        return Err(error);
    }
    newest(&mut found, options.limit);
    Ok(found)
}

fn newest(found: &mut Vec<FoundTrace>, limit: usize) {
    found.sort_by(|a, b| b.start_ns.cmp(&a.start_ns).then(a.id.cmp(&b.id)));
    found.truncate(limit);
}

fn search_batch(
    batch: &dyn SpanBatch,
    plan: &Plan,
    mode: Mode,
    options: &SearchOptions,
    budget: &mut Budget<'_>,
    found: &mut Vec<FoundTrace>,
) -> Result<ControlFlow<()>> {
    budget.batch(batch.span_count())?;
    let run = Run::new(plan, Evaluator::new(batch, mode));
    let candidates = run.candidates()?;
    let mut shown = None;
    for trace in batch.traces().iter().filter(|trace| candidates.has(&trace.rows)) {
        let sets = run.trace(trace.rows.clone())?;
        if sets.is_empty() {
            continue;
        }
        let shown = match &shown {
            Some(shown) => shown,
            None => shown.insert(Shown::new(&run, plan)?),
        };
        found.push(shown.trace(batch, trace, sets, options.spans_per_set)?);
        budget.answer(found.last().map_or(0, size))?;
        if !options.most_recent && found.len() >= options.limit {
            return Ok(ControlFlow::Break(()));
        }
    }
    if found.len() >= options.limit.saturating_mul(2) {
        newest(found, options.limit);
    }
    Ok(ControlFlow::Continue(()))
}

/// About how many bytes a trace of the answer takes.
fn size(trace: &FoundTrace) -> usize {
    let values = |span: &FoundSpan| span.attributes.len() * size_of::<(Field, Value)>();
    let spans = trace.span_sets.iter().flat_map(|set| &set.spans);
    size_of::<FoundTrace>() + spans.map(|span| size_of::<FoundSpan>() + values(span)).sum::<usize>()
}

/// The columns of an answer.
struct Shown {
    names: Arc<crate::column::Column>,
    services: Arc<crate::column::Column>,
    statuses: Arc<crate::column::Column>,
    starts: Vec<i64>,
    durations: Vec<i64>,
    fields: Vec<(Field, Arc<crate::column::Column>, Option<Arc<Pool>>)>,
}

impl Shown {
    fn new(run: &Run<'_>, plan: &Plan) -> Result<Self> {
        let mut fields = Vec::new();
        for field in plan.selected.iter().chain(&plan.fields) {
            if !fields.iter().any(|(known, _, _)| known == field) && is_shown(field) {
                let pool = (!plan.selected.contains(field)).then(|| plan.pools.of(field));
                fields.push((field.clone(), run.evaluator.column(field)?, pool));
            }
        }
        Ok(Shown {
            names: run.evaluator.column(&Field::Intrinsic(Intrinsic::Name))?,
            services: run.evaluator.column(&Field::attribute(Scope::Resource, "service.name"))?,
            statuses: run.evaluator.column(&Field::Intrinsic(Intrinsic::Status))?,
            starts: run.integers(Intrinsic::StartTime)?,
            durations: run.integers(Intrinsic::Duration)?,
            fields,
        })
    }

    fn trace(
        &self,
        batch: &dyn SpanBatch,
        trace: &TraceSummary,
        sets: Vec<SpanSet>,
        spans: usize,
    ) -> Result<FoundTrace> {
        let span_sets = sets.into_iter().map(|set| {
            let shown = set.rows.iter().take(spans).map(|row| self.span(batch, *row as usize));
            Ok(FoundSpanSet {
                matched: set.rows.len(),
                attributes: set.attributes,
                spans: shown.collect::<Result<_>>()?,
            })
        });
        Ok(FoundTrace {
            id: trace.id,
            root_service: Arc::clone(&trace.root_service),
            root_name: Arc::clone(&trace.root_name),
            start_ns: trace.start_ns,
            duration_ns: trace.end_ns.saturating_sub(trace.start_ns),
            service_stats: self.service_stats(trace),
            span_sets: span_sets.collect::<Result<_>>()?,
        })
    }

    fn service_stats(&self, trace: &TraceSummary) -> BTreeMap<Arc<str>, ServiceStats> {
        let mut stats: BTreeMap<Arc<str>, ServiceStats> = BTreeMap::new();
        for row in trace.rows.clone() {
            let service = match self.services.get(row) {
                Value::Str(service) => service,
                _ => Arc::from(""),
            };
            let of = stats.entry(service).or_default();
            of.spans += 1;
            of.errors += u32::from(self.statuses.get(row) == Value::Status(StatusCode::ERROR));
        }
        stats
    }

    fn span(&self, batch: &dyn SpanBatch, row: usize) -> Result<FoundSpan> {
        // What was not selected is shown where a condition lets it through.
        let shown = |value: &Value, pool: &Option<Arc<Pool>>| {
            let elements = value.elements();
            pool.as_ref().is_none_or(|pool| elements.iter().any(|element| pool.lets(element)))
        };
        let values = self.fields.iter().map(|(field, column, pool)| (field, column.get(row), pool));
        let attributes = values
            .filter(|(_, value, pool)| shown(value, pool))
            .map(|(field, value, _)| (field.clone(), value));
        Ok(FoundSpan {
            id: batch.span_id(row)?,
            name: match self.names.get(row) {
                Value::Str(name) => name,
                _ => Arc::from(""),
            },
            start_ns: self.starts.get(row).copied().unwrap_or(0),
            duration_ns: self.durations.get(row).copied().unwrap_or(0),
            attributes: attributes.filter(|(_, value)| !value.is_nil()).collect(),
        })
    }
}

/// What the answer says in its own place is not said again as an attribute.
fn is_shown(field: &Field) -> bool {
    let Field::Intrinsic(intrinsic) = field else { return true };
    !matches!(
        intrinsic,
        Intrinsic::Name
            | Intrinsic::Duration
            | Intrinsic::TraceDuration
            | Intrinsic::RootServiceName
            | Intrinsic::RootName
            | Intrinsic::TraceId
            | Intrinsic::SpanId
    )
}
