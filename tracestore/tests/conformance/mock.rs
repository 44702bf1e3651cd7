//! `traceql_eval_mockspans` and `traceql_metrics_mockspans`: Tempo's evaluator over spans that are already loaded.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use serde_json::Value as Json;
use tracestore::column::{Column, Nested};
use tracestore::field::{Field, Intrinsic, Scope};
use tracestore::model::{SpanId, Trace, TraceId};
use tracestore::source::{ScanRequest, Source, SpanBatch, TraceSummary, Visit};
use tracestore::traceql::ast::Body;
use tracestore::traceql::{
    Grid, MetricsOptions, SearchOptions, Semantics, Value, check, metrics, parse, search,
};

use crate::compare::{SeriesByLabels, same, same_series, series_of, typed};
use crate::report::{Outcome, Report};
use crate::rows::rows;

/// Spans as a case gives them; the id of a span is its row.
struct Spans {
    rows: Vec<Json>,
    traces: Vec<TraceSummary>,
}

impl Spans {
    /// Each list of spans as a trace of its own.
    fn new(sets: impl IntoIterator<Item = Vec<Json>>) -> Self {
        let mut spans = Spans { rows: Vec::new(), traces: Vec::new() };
        for (index, set) in sets.into_iter().enumerate() {
            let first = spans.rows.len();
            spans.rows.extend(set);
            spans.traces.push(TraceSummary {
                id: TraceId((index as u128 + 1).to_be_bytes()),
                rows: first..spans.rows.len(),
                start_ns: 0,
                end_ns: u64::MAX,
                root_service: "".into(),
                root_name: "".into(),
            });
        }
        spans
    }

    fn value(&self, row: usize, field: &Field) -> Value {
        let span = &self.rows[row];
        let number = |place: usize| span["nestedset"][place].as_i64().map(Value::Int);
        let known = match field {
            Field::Intrinsic(Intrinsic::NestedSetLeft) => number(0),
            Field::Intrinsic(Intrinsic::NestedSetRight) => number(1),
            Field::Intrinsic(Intrinsic::NestedSetParent) => number(2),
            Field::Intrinsic(Intrinsic::StartTime) => span["start"].as_i64().map(Value::Int),
            Field::Intrinsic(Intrinsic::Duration) => span["duration"].as_i64().map(Value::Duration),
            _ => None,
        };
        known.unwrap_or_else(|| {
            let names = match field {
                Field::Attribute(Scope::Span, key) => [format!("span.{key}"), format!(".{key}")],
                Field::Attribute(scope, key) => [format!("{}.{key}", scope.name()), String::new()],
                Field::Intrinsic(intrinsic) => [intrinsic.name().to_owned(), String::new()],
            };
            let attributes = span["attrs"].as_array().into_iter().flatten();
            let mut found =
                attributes.filter(|a| names.iter().any(|name| a["attr"] == **name)).map(|a| value(&a["v"]));
            found.next_back().unwrap_or_default()
        })
    }
}

/// A typed value of a case.
fn value(json: &Json) -> Value {
    let text = json["value"].as_str().unwrap_or_default();
    let items = || text.trim_start_matches('[').trim_end_matches(']').split(", ");
    match json["type"].as_str().unwrap_or_default() {
        "int" => Value::Int(text.parse().expect("an int")),
        "float" => Value::Float(text.parse().expect("a float")),
        "bool" => Value::Bool(text == "true"),
        "string" => Value::str(text),
        "duration" => duration(text),
        "int[]" => Value::IntArray(items().map(|item| item.parse().expect("an int")).collect()),
        "float[]" => Value::FloatArray(items().map(|item| item.parse().expect("a float")).collect()),
        "bool[]" => Value::BoolArray(items().map(|item| item == "true").collect()),
        "string[]" => Value::StrArray(items().map(|item| Arc::from(item.trim_matches('`'))).collect()),
        "nil" => Value::Nil,
        other => panic!("unknown type {other}"),
    }
}

/// A duration as a query has it.
fn duration(text: &str) -> Value {
    use tracestore::traceql::ast::{FieldExpr, SpansetExpr, Stage};
    let tree = parse(&format!("{{ duration = {text} }}")).expect("a duration");
    let Body::Search(pipeline) = tree.body else { return Value::Nil };
    let Some(Stage::Spansets(SpansetExpr::Filter(FieldExpr::Binary { rhs, .. }))) = pipeline.stages.first()
    else {
        return Value::Nil;
    };
    match &**rhs {
        FieldExpr::Literal(value) => value.clone(),
        _ => Value::Nil,
    }
}

impl SpanBatch for Spans {
    fn span_count(&self) -> usize {
        self.rows.len()
    }

    fn traces(&self) -> &[TraceSummary] {
        &self.traces
    }

    fn span_id(&self, row: usize) -> bedrock::Result<SpanId> {
        Ok(SpanId((row as u64).to_be_bytes()))
    }

    fn column(&self, field: &Field) -> bedrock::Result<Arc<Column>> {
        Ok(Arc::new(Column::Values((0..self.rows.len()).map(|row| self.value(row, field)).collect())))
    }

    fn nested(&self, _: &Field) -> bedrock::Result<Arc<Nested>> {
        Ok(Arc::new(Nested { offsets: vec![0; self.rows.len() + 1], items: Vec::new() }))
    }

    fn attributes(&self) -> bedrock::Result<Vec<Field>> {
        let names = self.rows.iter().flat_map(|row| row["attrs"].as_array().into_iter().flatten());
        let mut fields: Vec<Field> = names
            .filter_map(|a| {
                a["attr"].as_str()?.strip_prefix("span.").map(|key| Field::attribute(Scope::Span, key))
            })
            .collect();
        fields.sort();
        fields.dedup();
        Ok(fields)
    }
}

impl Source for Spans {
    fn scan(&self, _: &ScanRequest, visit: &mut Visit<'_>) -> bedrock::Result<()> {
        let (ControlFlow::Continue(()) | ControlFlow::Break(())) = visit(self)?;
        Ok(())
    }

    fn trace(&self, _: TraceId) -> bedrock::Result<Option<Trace>> {
        Ok(None)
    }
}

fn list(json: &Json) -> Vec<Json> {
    json.as_array().cloned().unwrap_or_default()
}

pub(crate) fn run_search(report: &mut Report, stem: &str, path: &Path) {
    for (id, row) in rows(path) {
        report.add("extracted", stem, &id, false, || {
            row.ok_or_else(|| "unreadable row".to_owned()).and_then(|row| search_case(&row))
        });
    }
}

fn search_case(row: &Json) -> Outcome {
    let query = row["query"].as_str().ok_or("no query")?;
    let spans = Spans::new(list(&row["input"]).iter().map(|set| list(&set["spans"])));
    let tree = parse(query).map_err(|error| error.to_string())?;
    let Body::Search(pipeline) = &tree.body else { return Err("no search".to_owned()) };
    let options = SearchOptions {
        limit: usize::MAX,
        spans_per_set: usize::MAX,
        semantics: Semantics::Evaluator,
        ..SearchOptions::default()
    };
    let found = search(&spans, pipeline, &options).map_err(|error| error.to_string())?;
    let attributes = |span: &Json| {
        let mut attributes: Vec<String> = list(&span["attrs"]).iter().map(Json::to_string).collect();
        attributes.sort();
        (span["id"].to_string(), attributes)
    };
    let mut sets = Vec::new();
    for set in found.iter().flat_map(|trace| &trace.span_sets) {
        let mut spans: Vec<_> = set
            .spans
            .iter()
            .map(|span| attributes(&spans.rows[u64::from_be_bytes(span.id.0) as usize]))
            .collect();
        spans.sort();
        let mut names: Vec<_> =
            set.attributes.iter().map(|(name, value)| (name.clone(), typed(value))).collect();
        names.sort();
        sets.push((spans, names));
    }
    let expected = list(&row["expected"]).into_iter().map(|set| {
        let mut spans: Vec<_> = list(&set["spans"]).iter().map(attributes).collect();
        spans.sort();
        let names = list(&set["attrs"]);
        let name = |a: &Json| (a["name"].as_str().unwrap_or_default().to_owned(), typed(&value(&a["v"])));
        let mut names: Vec<_> = names.iter().map(name).collect();
        names.sort();
        (spans, names)
    });
    same(query, sets, expected.collect())
}

pub(crate) fn run_metrics(report: &mut Report, stem: &str, path: &Path) {
    for (id, row) in rows(path) {
        report.add("extracted", stem, &id, false, || {
            row.ok_or_else(|| "unreadable row".to_owned()).and_then(|row| metrics_case(&row))
        });
    }
}

fn metrics_case(row: &Json) -> Outcome {
    let query = row["query"].as_str().ok_or("no query")?;
    let spans = Spans::new([list(&row["batches"]).iter().flat_map(list).collect()]);
    let tree = parse(query).map_err(|error| error.to_string())?;
    check(&tree).map_err(|error| error.to_string())?;
    let Body::Metrics(expr) = &tree.body else { return Err("no metrics".to_owned()) };
    let number = |key: &str| row[key].as_u64().unwrap_or(0);
    let (start, end, step) = (number("start"), number("end"), number("step"));
    // The evaluator alone counts a span that begins at the very start of an instant query.
    let grid = if end - start == step { Grid::instant(start - 1, end) } else { Grid::new(start, end, step) };
    let options =
        MetricsOptions { semantics: Semantics::Evaluator, ..MetricsOptions::new(grid.ok_or("no grid")?) };
    let answer = metrics(&spans, expr, &tree.hints, &options).map_err(|error| error.to_string())?;
    let mut expected = SeriesByLabels::new();
    for series in list(&row["series"]) {
        let label = |l: &Json| (l["name"].as_str().unwrap_or_default().to_owned(), typed(&value(&l["v"])));
        let mut labels: Vec<_> = list(&series["labels"]).iter().map(label).collect();
        labels.sort();
        let values = list(&series["values"]);
        let values = values.iter().map(|value| value.as_str().and_then(|text| text.parse::<f64>().ok()));
        let samples = values.enumerate().filter_map(|(step, value)| {
            let time_ms = (answer.grid.time_ns(step) / 1_000_000) as i64;
            value.filter(|value| !value.is_nan()).map(|value| (time_ms, value))
        });
        let samples: std::collections::BTreeMap<i64, f64> = samples.collect();
        if !samples.is_empty() {
            expected.insert(labels, samples);
        }
    }
    same_series(&series_of(&answer), &expected).map_err(|reason| format!("{query}: {reason}"))
}
