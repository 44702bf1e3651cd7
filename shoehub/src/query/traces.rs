//! TraceQL over a store of traces: searches, metrics, and a trace by its id.

use serde_json::json;
use tracestore::api;
use tracestore::source::{Source, TimeWindow};
use tracestore::traceql::ast::Body;
use tracestore::traceql::{self, FoundTrace, MetricsAnswer, QueryError, SearchOptions};

use super::{Answered, POINTS, Question, points_cells};
use crate::draw::table::Table;
use crate::draw::{number, time};
use crate::error::{Error, Result};

/// What a query for numbers looks back where the question has no range.
const HOUR_MS: i64 = 3_600_000;

/// Asks for traces, those that begin last, or for numbers: one a series for the last hour, or one a step where the
/// question has a range. 32 hexadecimal digits ask for one trace.
///
/// # Errors
///
/// [`Error::Query`] where the query has no answer.
pub fn ask(source: &dyn Source, question: &Question) -> Result<Answered> {
    let failed = |error: QueryError| {
        let place = match &error {
            QueryError::Syntax { at, .. } | QueryError::Meaning { at, .. } => {
                format!("\n  {}^", " ".repeat(at.start))
            }
            _ => String::new(),
        };
        Error::Query {
            language: "TraceQL",
            query: question.text.clone() + &place,
            problem: error.to_string(),
        }
    };
    let text = question.text.trim();
    if text.len() == 32 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return trace(source, text).map_err(failed);
    }
    let query = traceql::parse(text).map_err(failed)?;
    // Traces are looked for in all of time, numbers are of the last hour.
    let default_ms = if matches!(query.body, Body::Search(_)) { question.at_ms } else { HOUR_MS };
    let (start_ns, end_ns) = (ns(question.start_ms(default_ms)), ns(question.at_ms));
    let (table, json) = match query.body {
        Body::Search(_) => {
            let options = SearchOptions {
                window: TimeWindow { start_ns, end_ns },
                limit: question.limit,
                most_recent: true,
                ..SearchOptions::default()
            };
            found(&api::search(source, text, &options).map_err(failed)?)
        }
        Body::Metrics(_) => {
            let answer = match question.range_ms {
                Some(_) => {
                    let step_ns = Some(ns(question.step_ms()));
                    api::query_range(source, text, api::RangeParameters { start_ns, end_ns, step_ns })
                }
                None => api::query_instant(source, text, start_ns, end_ns),
            };
            metrics(&answer.map_err(failed)?)
        }
    };
    Ok(Answered { table, json, notes: Vec::new() })
}

fn found(traces: &[FoundTrace]) -> (Table, serde_json::Value) {
    let mut table = Table::new(["trace", "begun", ">duration", "service", "root", ">matched", "first match"]);
    let mut objects = Vec::new();
    for trace in traces {
        let spans = || trace.span_sets.iter().flat_map(|set| &set.spans);
        let matched: usize = trace.span_sets.iter().map(|set| set.matched).sum();
        let first = spans().next().map_or(String::new(), |span| {
            let attributes = span.attributes.iter().map(|(field, value)| format!(" {field}={value}"));
            format!("{}{}", span.name, attributes.collect::<String>())
        });
        table.row([
            trace.id.to_string(),
            time::stamp((trace.start_ns / 1_000_000) as i64),
            number::seconds(trace.duration_ns as f64 / 1e9),
            trace.root_service.to_string(),
            trace.root_name.to_string(),
            matched.to_string(),
            first,
        ]);
        let shown = spans().map(|span| {
            let attributes =
                span.attributes.iter().map(|(field, value)| (field.to_string(), json!(value.to_string())));
            json!({
                "spanID": span.id.to_string(),
                "name": &*span.name,
                "startTimeUnixNano": span.start_ns.to_string(),
                "durationNanos": span.duration_ns.to_string(),
                "attributes": serde_json::Value::Object(attributes.collect()),
            })
        });
        objects.push(json!({
            "traceID": trace.id.to_string(),
            "rootServiceName": &*trace.root_service,
            "rootTraceName": &*trace.root_name,
            "startTimeUnixNano": trace.start_ns.to_string(),
            "durationMs": trace.duration_ns / 1_000_000,
            "spanSet": { "matched": matched, "spans": shown.collect::<Vec<_>>() },
        }));
    }
    (table, json!({ "traces": objects }))
}

fn metrics(answer: &MetricsAnswer) -> (Table, serde_json::Value) {
    let is_instant = answer.grid.len() == 1;
    let columns: &[&str] = if is_instant { &[">value"] } else { &POINTS };
    let mut table = Table::new(std::iter::once("series").chain(columns.iter().copied()));
    let mut objects = Vec::new();
    let mut series: Vec<_> = answer.series.iter().collect();
    series
        .sort_by_key(|series| series.labels.iter().map(|label| label.value.to_string()).collect::<Vec<_>>());
    for series in series {
        let labels = series.labels.iter().map(|label| format!("{}={}", label.name, label.value));
        let name = labels.collect::<Vec<_>>().join(", ");
        let cells = match series.values.as_slice() {
            [value] if is_instant => vec![number::plain(*value)],
            values => points_cells(values),
        };
        table.row(std::iter::once(name).chain(cells));
        let labels = series.labels.iter().map(|label| (label.name.clone(), json!(label.value.to_string())));
        let samples = series.values.iter().enumerate().filter(|(_, value)| !value.is_nan()).map(|(step, value)| {
            json!({ "timestampMs": (answer.grid.time_ns(step) / 1_000_000).to_string(), "value": value })
        });
        objects.push(json!({
            "labels": serde_json::Value::Object(labels.collect()),
            "samples": samples.collect::<Vec<_>>(),
        }));
    }
    (table, json!({ "series": objects }))
}

fn trace(source: &dyn Source, id: &str) -> Result<Answered, QueryError> {
    let mut table = Table::new(["begun", ">duration", "service", "span", "status", "attributes"]);
    let mut spans = api::trace_by_id(source, id)?.map_or_else(Vec::new, |trace| trace.spans);
    spans.sort_by_key(|record| record.span.start_ns);
    let mut objects = Vec::new();
    for record in &spans {
        let span = &record.span;
        let text = |attribute: &tracestore::model::Attribute| {
            format!("{}={}", attribute.key, traceql::Value::from_any(&attribute.value))
        };
        let service = record.resource.attributes.iter().find(|attribute| attribute.key == "service.name");
        let service =
            service.map_or_else(String::new, |name| traceql::Value::from_any(&name.value).to_string());
        let status = traceql::status_word(span.status.code).unwrap_or("").to_owned();
        let attributes: Vec<String> = span.attributes.iter().map(text).collect();
        objects.push(json!({
            "spanID": span.span_id.to_string(),
            "parentSpanID": span.parent_span_id.to_string(),
            "service": service,
            "name": span.name,
            "startTimeUnixNano": span.start_ns.to_string(),
            "durationNanos": span.duration_ns().to_string(),
            "status": status,
            "attributes": attributes,
        }));
        table.row([
            time::clock((span.start_ns / 1_000_000) as i64),
            number::seconds(span.duration_ns() as f64 / 1e9),
            service,
            span.name.clone(),
            status,
            attributes.join(" "),
        ]);
    }
    Ok(Answered { table, json: json!({ "traceID": id, "spans": objects }), notes: Vec::new() })
}

fn ns(ms: i64) -> u64 {
    u64::try_from(ms).unwrap_or(0).saturating_mul(1_000_000)
}
