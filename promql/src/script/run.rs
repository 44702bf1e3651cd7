//! Running a script: every evaluation in each of its forms.

use std::fmt;

use crate::engine::{Engine, QueryResult, SampleValue, Value, VectorSample};
use crate::script::eval::Eval;
use crate::script::memory::MemorySource;
use crate::script::{Action, Script, ScriptError, compare, pinned};

/// A minute: how far the range query around an instant reaches to both sides, and its step.
const MINUTE_MS: i64 = 60_000;

/// What a script did.
#[derive(Clone, Debug, Default)]
pub struct ScriptReport {
    /// Each `eval` in the order of the script.
    pub evals: Vec<EvalReport>,
    /// Commands other than `eval` that failed.
    pub errors: Vec<ScriptError>,
}

/// What one `eval` did.
#[derive(Clone, Debug)]
pub struct EvalReport {
    /// Number of its line, from 1.
    pub line: usize,
    /// Its query; empty where the command cannot be read.
    pub query: String,
    /// Where it went wrong.
    pub mismatch: Option<Mismatch>,
}

/// Where an evaluation differs from what is expected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mismatch {
    /// The query as it was run: the extra runs change it.
    pub query: String,
    /// Time of the evaluation in milliseconds.
    pub time_ms: i64,
    /// Whether it was run as a range query.
    pub in_range: bool,
    /// What differs.
    pub problem: String,
}

impl ScriptReport {
    /// Whether everything went as expected.
    pub fn passed(&self) -> bool {
        self.errors.is_empty() && self.failures().next().is_none()
    }

    /// The evaluations that went wrong.
    pub fn failures(&self) -> impl Iterator<Item = (&EvalReport, &Mismatch)> {
        self.evals.iter().filter_map(|eval| Some((eval, eval.mismatch.as_ref()?)))
    }
}

impl fmt::Display for ScriptReport {
    /// Writes a line for each failure, then the totals.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for error in &self.errors {
            writeln!(f, "{error}")?;
        }
        for (eval, mismatch) in self.failures() {
            writeln!(f, "line {}: {mismatch}", eval.line)?;
        }
        let failed = self.failures().count();
        write!(f, "{} passed, {failed} failed", self.evals.len() - failed)
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let form = if self.in_range { " in range form" } else { "" };
        write!(f, "{} at {} ms{form}: {}", self.query, self.time_ms, self.problem)
    }
}

pub(super) fn run(script: &Script, engine: &Engine) -> ScriptReport {
    let mut source = MemorySource::default();
    let mut report = ScriptReport::default();
    for command in &script.commands {
        match &command.action {
            Action::Clear => source = MemorySource::default(),
            Action::Load(load) => {
                if let Err(error) = load.apply(&mut source, 0) {
                    report.errors.push(error);
                }
            }
            Action::Eval(eval) => {
                let mismatch = run_eval(eval, engine, &source).err();
                report.evals.push(EvalReport { line: eval.line, query: eval.query.clone(), mismatch });
            }
            Action::Broken { error, is_eval: true } => {
                let problem = error.to_string();
                let mismatch = Mismatch { query: String::new(), time_ms: 0, in_range: false, problem };
                let query = String::new();
                report.evals.push(EvalReport { line: command.line, query, mismatch: Some(mismatch) });
            }
            Action::Broken { error, is_eval: false } => report.errors.push(error.clone()),
        }
    }
    report
}

fn run_eval(eval: &Eval, engine: &Engine, source: &MemorySource) -> Result<(), Mismatch> {
    if eval.is_range {
        let times = eval.points;
        let result = engine.range(source, &eval.query, times.start_ms, times.end_ms, times.step_ms);
        let mismatch = |problem| Mismatch {
            query: eval.query.clone(),
            time_ms: times.start_ms,
            in_range: true,
            problem,
        };
        return check(eval, result).map(|_| ()).map_err(mismatch);
    }
    run_instant(eval, engine, source, &eval.query, eval.time_ms)?;
    let Some(expr) = pinned::pinned(&eval.expr, eval.time_ms) else { return Ok(()) };
    let query = expr.to_string();
    pinned::other_times(eval.time_ms)
        .into_iter()
        .try_for_each(|time_ms| run_instant(eval, engine, source, &query, time_ms))
}

/// Checks a result against everything but its order in a range. Returns it where no failure was expected.
fn check(
    eval: &Eval,
    result: Result<QueryResult, crate::engine::QueryError>,
) -> Result<Option<QueryResult>, String> {
    match (result, &eval.expect.fail) {
        (Err(error), None) => Err(format!("error: {error}")),
        (Err(error), Some(text)) => {
            let error = error.to_string();
            if text.accepts(&error) {
                Ok(None)
            } else {
                Err(format!("expected the error {text:?}, got {error:?}"))
            }
        }
        (Ok(result), Some(text)) => Err(format!("expected the error {text:?}, got {:?}", result.value)),
        (Ok(result), None) => {
            compare::check_annotations(eval, &result.annotations)?;
            compare::check_value(eval, &result.value)?;
            Ok(Some(result))
        }
    }
}

/// Runs a query at one time, then as the middle of a range query.
fn run_instant(
    eval: &Eval,
    engine: &Engine,
    source: &MemorySource,
    query: &str,
    time_ms: i64,
) -> Result<(), Mismatch> {
    let mismatch = |in_range| move |problem| Mismatch { query: query.to_owned(), time_ms, in_range, problem };
    let Some(result) = check(eval, engine.instant(source, query, time_ms)).map_err(mismatch(false))? else {
        return Ok(());
    };
    if eval.range_vector || eval.expect.string.is_some() || pinned::refers_to_query_times(query) {
        return Ok(());
    }
    let range = engine
        .range(source, query, time_ms - MINUTE_MS, time_ms + MINUTE_MS, MINUTE_MS)
        .map_err(|error| mismatch(true)(format!("error: {error}")))?;
    if eval.expect.ordered {
        return Ok(());
    }
    check_middle(eval, &result.value, &range.value, time_ms).map_err(mismatch(true))
}

/// The middle point of a range query must be the answer of the instant query.
fn check_middle(eval: &Eval, instant: &Value, range: &Value, time_ms: i64) -> Result<(), String> {
    let Value::Matrix(series) = range else {
        return Err(format!("expected a matrix, got {range:?}"));
    };
    compare::check_sorted(series)?;
    let mut middle = Vec::new();
    for one in series {
        let float =
            one.floats.iter().find(|(at, _)| *at == time_ms).map(|(_, value)| SampleValue::Float(*value));
        let histogram = one.histograms.iter().find(|(at, _)| *at == time_ms);
        let histogram = histogram.map(|(_, value)| SampleValue::Histogram(value.clone()));
        for value in float.into_iter().chain(histogram) {
            middle.push(VectorSample { labels: one.labels.clone(), time_ms, value });
        }
    }
    match (instant, middle.as_slice()) {
        (Value::Scalar { .. }, [VectorSample { value: SampleValue::Float(value), .. }]) => {
            compare::check_value(eval, &Value::Scalar { time_ms, value: *value })
        }
        (Value::Scalar { .. }, other) => Err(format!("expected one number, got {other:?}")),
        _ => compare::check_vector(eval, &middle, false),
    }
}
