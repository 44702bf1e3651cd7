//! What logs and traces answer, each answer as a table with its query.

use std::collections::BTreeMap;

use bedrock::labels::Labels;
use logstore::logql::QueryData;
use tracestore::traceql::FoundTrace;

use super::ask::Ask;
use crate::draw::chart::{resampled, spark};
use crate::draw::table::Table;
use crate::draw::{number, time};
use crate::error::Result;

/// A question and its answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// What is asked, in words.
    pub title: &'static str,
    /// What is asked, in the language.
    pub query: String,
    /// The answer.
    pub table: Table,
}

/// Lines of the shop at error level; both ways to write a level are around.
const ERRORS: &str = r#"{job="shoehub"} | logfmt | level=~"error|ERROR""#;

/// What the logs answer.
///
/// # Errors
///
/// Where a query has no answer.
pub fn of_logs(ask: &Ask<'_>) -> Result<Vec<Answer>> {
    Ok(vec![error_rates(ask)?, last_errors(ask)?])
}

fn error_rates(ask: &Ask<'_>) -> Result<Answer> {
    let range = ask.window.range();
    let all = r#"{job="shoehub"} | logfmt | component!="""#;
    let count = |lines: &str, range: &str| format!("sum by (component) (count_over_time({lines} [{range}]))");
    let query = format!("{} / {}", count(ERRORS, &range), count(all, &range));
    let shares = vector(ask.logs_instant(&query)?);
    let counts: BTreeMap<String, f64> =
        vector(ask.logs_instant(&count(ERRORS, &range))?).into_iter().collect();
    let step = format!("{}s", ask.window.step_ms / 1_000);
    let trends = ask.logs_range(&count(ERRORS, &step), 0)?;
    let mut table = Table::new(["component", ">errors", ">of its lines", "over time"]);
    for (component, share) in shares {
        let errors = counts.get(&component).copied().unwrap_or(0.0);
        let trend = spark(&resampled(&trend_of(&trends, &component, ask), 60));
        table.row([component, number::plain(errors), number::percent(share), trend]);
    }
    Ok(Answer { title: "Error rate by component", query, table })
}

/// Component and value, the largest first.
fn vector(data: QueryData) -> Vec<(String, f64)> {
    let QueryData::Vector(_, samples) = data else { return Vec::new() };
    let component = |labels: &Labels| labels.get("component").unwrap_or("").to_owned();
    let mut rows: Vec<(String, f64)> =
        samples.iter().map(|sample| (component(&sample.labels), sample.value)).collect();
    rows.sort_by(|a, b| b.1.total_cmp(&a.1));
    rows
}

/// A value a step; where nothing was counted it is 0.
fn trend_of(data: &QueryData, component: &str, ask: &Ask<'_>) -> Vec<f64> {
    let QueryData::Matrix(series) = data else { return Vec::new() };
    let of_component = series.iter().find(|series| series.labels.get("component") == Some(component));
    let points: BTreeMap<i64, f64> =
        of_component.map_or_else(BTreeMap::new, |series| series.points.iter().copied().collect());
    ask.window.steps().map(|time_ms| points.get(&time_ms).copied().unwrap_or(0.0)).collect()
}

fn last_errors(ask: &Ask<'_>) -> Result<Answer> {
    let mut lines = Vec::new();
    if let QueryData::Streams(streams) = ask.logs_range(ERRORS, 6)? {
        for stream in streams {
            let app = stream.labels.get("app").unwrap_or("").to_owned();
            lines.extend(stream.entries.into_iter().map(|(time_ns, line)| (time_ns, app.clone(), line)));
        }
    }
    lines.sort();
    let mut table = Table::new(["time", "app", "line"]);
    for (time_ns, app, line) in lines {
        table.row([time::clock(time_ns / 1_000_000), app, String::from_utf8_lossy(&line).into_owned()]);
    }
    Ok(Answer { title: "Last errors", query: ERRORS.to_owned(), table })
}

/// What the traces answer.
///
/// # Errors
///
/// Where a query has no answer.
pub fn of_traces(ask: &Ask<'_>) -> Result<Vec<Answer>> {
    Ok(vec![slowest_orders(ask)?, failing_payments(ask)?, where_orders_fail(ask)?, service_graph(ask)?])
}

/// TraceQL finds what is slower than a bound; the bound comes from the native histogram.
fn slowest_orders(ask: &Ask<'_>) -> Result<Answer> {
    let range = ask.window.range();
    let bound_s = ask.number(&format!(
        "histogram_quantile(0.998, sum(increase(shoehub_order_duration_seconds[{range}])))"
    ))?;
    let bound_ms = if bound_s.is_finite() { (bound_s * 1e3) as i64 } else { 0 };
    let query = format!(
        "{{ resource.service.name = \"Order Service\" && kind = server && duration > {bound_ms}ms }} | select(span.shoe.type, span.http.response.status_code)"
    );
    let mut found = ask.traces(&query, 200)?;
    found.sort_by_key(|trace| std::cmp::Reverse(trace.duration_ns));
    let mut table = Table::new(["trace", "begun", ">duration", ">spans", ">failed", "shoe", ">code"]);
    for trace in found.iter().take(5) {
        let (spans, errors) = trace
            .service_stats
            .values()
            .fold((0, 0), |(spans, errors), stats| (spans + stats.spans, errors + stats.errors));
        table.row([
            trace.id.to_string(),
            time::clock((trace.start_ns / 1_000_000) as i64),
            number::seconds(trace.duration_ns as f64 / 1e9),
            spans.to_string(),
            errors.to_string(),
            attribute(trace, "shoe.type"),
            attribute(trace, "http.response.status_code"),
        ]);
    }
    Ok(Answer { title: "Slowest orders", query, table })
}

/// The value of an attribute that a query selected.
fn attribute(trace: &FoundTrace, key: &str) -> String {
    let spans = trace.span_sets.iter().flat_map(|set| &set.spans);
    let mut values = spans.flat_map(|span| &span.attributes);
    let found = values.find(|(field, _)| field.to_string().ends_with(key));
    found.map_or_else(String::new, |(_, value)| value.to_string())
}

fn failing_payments(ask: &Ask<'_>) -> Result<Answer> {
    let query = r#"{ name = "PaymentProcessing" && status = error } | count_over_time() by (span.payment.method, statusMessage)"#;
    counted(ask, "Failing payments", query, ["method", "why", ">payments"])
}

/// A structural query: what went wrong anywhere below an order that failed.
fn where_orders_fail(ask: &Ask<'_>) -> Result<Answer> {
    let query = r#"{ name = "POST /order" && status = error } >> { status = error } | count_over_time() by (resource.service.name, name)"#;
    counted(ask, "What fails below a failed order", query, ["service", "span", ">spans"])
}

/// A table of what a metrics query counts, the most first.
fn counted(ask: &Ask<'_>, title: &'static str, query: &str, columns: [&str; 3]) -> Result<Answer> {
    let mut rows: Vec<(f64, Vec<String>)> = Vec::new();
    for series in ask.trace_metrics(query)?.series {
        let count = series.values.iter().copied().filter(|value| value.is_finite()).sum();
        let groups = series.labels.iter().filter(|label| !label.name.starts_with("__"));
        rows.push((count, groups.map(|label| label.value.to_string()).collect()));
    }
    rows.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut table = Table::new(columns);
    for (count, groups) in rows {
        table.row(groups.into_iter().chain([number::plain(count)]));
    }
    Ok(Answer { title, query: query.to_owned(), table })
}

/// Who calls whom, from the metrics that the trace store derives from spans.
fn service_graph(ask: &Ask<'_>) -> Result<Answer> {
    let range = ask.window.range();
    let by = "sum by (client, server)";
    let query = format!("{by} (increase(traces_service_graph_request_total[{range}]))");
    let failed =
        ask.instant(&format!("{by} (increase(traces_service_graph_request_failed_total[{range}]))"))?;
    let p95 = ask.instant(&format!(
        "histogram_quantile(0.95, sum by (client, server, le) (rate(traces_service_graph_request_server_seconds_bucket[{range}])))"
    ))?;
    let of = |rows: &[(Labels, f64)], labels: &Labels| {
        rows.iter().find(|(other, _)| other == labels).map_or(f64::NAN, |(_, value)| *value)
    };
    let mut calls = ask.instant(&query)?;
    calls.sort_by(|a, b| b.1.total_cmp(&a.1));
    let mut table = Table::new(["client", "", "server", ">calls", ">failed", ">p95"]);
    for (labels, count) in &calls {
        table.row([
            labels.get("client").unwrap_or("").to_owned(),
            "──▶".to_owned(),
            labels.get("server").unwrap_or("").to_owned(),
            number::plain(count.round()),
            number::percent(of(&failed, labels) / count),
            number::seconds(of(&p95, labels)),
        ]);
    }
    Ok(Answer { title: "Service graph (PromQL over what the traces count)", query, table })
}
