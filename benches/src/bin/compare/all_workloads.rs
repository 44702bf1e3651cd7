//! The three workloads as files: in the forms that our own phases read, and in forms that peers load.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bedrock::labels::{Labels, METRIC_NAME};
use serde_json::json;
use testkit::generate::{self, Logs, LogsOptions, Metrics, MetricsOptions, Traces, TracesOptions};
use tracestore::model::{
    AnyValue, Attribute, Event, Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, SpanKind, Status,
    StatusCode, TraceId,
};
use tracestore::otlp::proto;

use crate::report::Outcome;

/// Scrapes of six hours, one in 15 s.
const SCRAPES: usize = 6 * 240;
/// Traces of one request.
const REQUEST_TRACES: usize = 20;

/// How much is made.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sizes {
    /// Targets of about 140 series.
    pub(crate) targets: usize,
    pub(crate) lines: usize,
    /// Traces of about nine spans.
    pub(crate) traces: usize,
}

impl Default for Sizes {
    fn default() -> Self {
        Sizes { targets: 30, lines: 500_000, traces: 20_000 }
    }
}

/// The files.
#[derive(Debug, Default)]
pub(crate) struct Workloads {
    pub(crate) metrics: PathBuf,
    pub(crate) series: usize,
    pub(crate) samples: usize,
    /// For Prometheus: text with timestamps.
    pub(crate) openmetrics: PathBuf,
    /// For VictoriaMetrics: one JSON object a series.
    pub(crate) series_json: PathBuf,
    pub(crate) last_ms: i64,
    pub(crate) logs: PathBuf,
    pub(crate) lines: usize,
    /// For columnar databases: one JSON object a line.
    pub(crate) rows_of_logs: PathBuf,
    pub(crate) traces: PathBuf,
    pub(crate) spans: usize,
    pub(crate) rows_of_traces: PathBuf,
}

/// Makes all of them in a directory.
pub(crate) fn make(sizes: &Sizes, dir: &Path) -> Outcome<Workloads> {
    let mut workloads = Workloads {
        metrics: dir.join("metrics.mwl"),
        openmetrics: dir.join("metrics.om"),
        series_json: dir.join("metrics.jsonl"),
        logs: dir.join("logs.jsonl"),
        rows_of_logs: dir.join("logs.rows.jsonl"),
        traces: dir.join("traces.otlp"),
        rows_of_traces: dir.join("traces.rows.jsonl"),
        ..Workloads::default()
    };
    metrics(sizes, &mut workloads)?;
    logs(sizes, &mut workloads)?;
    traces(sizes, &mut workloads)?;
    Ok(workloads)
}

fn writer(path: &Path) -> Outcome<BufWriter<File>> {
    Ok(BufWriter::with_capacity(1 << 20, File::create(path)?))
}

fn metrics(sizes: &Sizes, workloads: &mut Workloads) -> Outcome<()> {
    let mut metrics =
        Metrics::new(MetricsOptions { targets: u32::try_from(sizes.targets)?, ..MetricsOptions::default() });
    let texts: Vec<String> = metrics.series().iter().map(|series| text_of(&series.labels)).collect();
    let (mut times, mut values) = (Vec::new(), vec![Vec::with_capacity(SCRAPES); texts.len()]);
    let mut openmetrics = writer(&workloads.openmetrics)?;
    for _ in 0..SCRAPES {
        metrics.step();
        let at_ms = metrics.timestamps_ms().to_vec();
        for (index, ((series, text), value)) in
            metrics.series().iter().zip(&texts).zip(metrics.values()).enumerate()
        {
            let time_ms = at_ms[series.target as usize];
            writeln!(openmetrics, "{text} {value} {}.{:03}", time_ms / 1000, time_ms % 1000)?;
            values[index].push(*value);
        }
        times.push(at_ms);
    }
    writeln!(openmetrics, "# EOF")?;
    openmetrics.flush()?;
    workloads.series = texts.len();
    workloads.samples = texts.len() * SCRAPES;
    workloads.last_ms = times.iter().flatten().copied().max().unwrap_or(0);

    let mut file = writer(&workloads.metrics)?;
    file.write_all(b"MWL1")?;
    for count in [texts.len(), SCRAPES, sizes.targets] {
        file.write_all(&u32::try_from(count)?.to_le_bytes())?;
    }
    for (series, text) in metrics.series().iter().zip(&texts) {
        file.write_all(&series.target.to_le_bytes())?;
        file.write_all(&u32::try_from(text.len())?.to_le_bytes())?;
        file.write_all(text.as_bytes())?;
    }
    for target in 0..sizes.targets {
        times.iter().try_for_each(|at_ms| file.write_all(&at_ms[target].to_le_bytes()))?;
    }
    for value in values.iter().flatten() {
        file.write_all(&value.to_le_bytes())?;
    }
    file.flush()?;

    let mut file = writer(&workloads.series_json)?;
    for (series, values) in metrics.series().iter().zip(&values) {
        let labels: serde_json::Map<String, serde_json::Value> =
            series.labels.iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        let times: Vec<i64> = times.iter().map(|at_ms| at_ms[series.target as usize]).collect();
        writeln!(file, "{}", json!({ "metric": labels, "values": values, "timestamps": times }))?;
    }
    Ok(file.flush()?)
}

/// `name{a="b",...}`; the generator writes nothing that would have to be escaped.
fn text_of(labels: &Labels) -> String {
    let name = labels.get(METRIC_NAME).unwrap_or("");
    let pairs = labels.iter().filter(|(name, _)| *name != METRIC_NAME);
    let pairs: Vec<String> = pairs.map(|(name, value)| format!("{name}=\"{value}\"")).collect();
    format!("{name}{{{}}}", pairs.join(","))
}

fn logs(sizes: &Sizes, workloads: &mut Workloads) -> Outcome<()> {
    let logs = Logs::new(LogsOptions::default());
    let streams: Vec<serde_json::Map<String, serde_json::Value>> = logs
        .streams()
        .iter()
        .map(|labels| labels.iter().map(|(name, value)| (name.to_owned(), value.into())).collect())
        .collect();
    let (mut file, mut rows) = (writer(&workloads.logs)?, writer(&workloads.rows_of_logs)?);
    writeln!(file, "{}", json!(streams))?;
    for line in logs.take(sizes.lines) {
        writeln!(file, "{}", json!({ "s": line.stream, "t": line.timestamp_ns, "l": line.line }))?;
        let mut row = streams[line.stream].clone();
        row.insert("ts".to_owned(), line.timestamp_ns.into());
        row.insert("line".to_owned(), line.line.into());
        writeln!(rows, "{}", serde_json::Value::Object(row))?;
    }
    workloads.lines = sizes.lines;
    rows.flush()?;
    Ok(file.flush()?)
}

fn traces(sizes: &Sizes, workloads: &mut Workloads) -> Outcome<()> {
    let mut traces = Traces::new(TracesOptions::default());
    let resources: Vec<Arc<Resource>> = traces
        .resources()
        .iter()
        .map(|resource| {
            Arc::new(Resource { attributes: attributes(&resource.attributes), ..Resource::default() })
        })
        .collect();
    let scope = Arc::new(Scope { name: "workload".to_owned(), ..Scope::default() });
    let (mut file, mut rows) = (writer(&workloads.traces)?, writer(&workloads.rows_of_traces)?);
    let mut left = sizes.traces;
    while left > 0 {
        let spans: Vec<generate::Span> = traces.by_ref().take(REQUEST_TRACES.min(left)).flatten().collect();
        left = left.saturating_sub(REQUEST_TRACES);
        workloads.spans += spans.len();
        let mut envelopes: Vec<ResourceSpans> = Vec::new();
        for (number, resource) in resources.iter().enumerate() {
            let own = spans.iter().filter(|span| span.resource == number);
            let scopes = vec![ScopeSpans { scope: Arc::clone(&scope), spans: own.map(span_of).collect() }];
            envelopes.push(ResourceSpans { resource: Arc::clone(resource), scopes });
        }
        envelopes.retain(|envelope| envelope.scopes.iter().any(|scope| !scope.spans.is_empty()));
        let request = proto::encode(&envelopes);
        file.write_all(&u32::try_from(request.len())?.to_le_bytes())?;
        file.write_all(&request)?;
        for span in &spans {
            writeln!(rows, "{}", row_of(span, &resources))?;
        }
    }
    rows.flush()?;
    Ok(file.flush()?)
}

fn attributes(attributes: &[generate::Attribute]) -> Vec<Attribute> {
    let value = |value: &generate::Value| match value {
        generate::Value::Text(text) => AnyValue::String(text.clone()),
        generate::Value::Integer(number) => AnyValue::Int(*number),
        generate::Value::Float(number) => AnyValue::Double(*number),
        generate::Value::Bool(truth) => AnyValue::Bool(*truth),
    };
    attributes.iter().map(|(key, of)| Attribute::new(*key, value(of))).collect()
}

fn span_of(span: &generate::Span) -> Span {
    // The generator numbers kinds as OTLP does.
    let kind = SpanKind(span.kind as i32);
    let event = |event: &generate::Event| Event {
        time_ns: event.timestamp_ns as u64,
        name: event.name.to_owned(),
        attributes: attributes(&event.attributes),
        ..Event::default()
    };
    Span {
        trace_id: TraceId(span.trace_id),
        span_id: SpanId(span.span_id),
        parent_span_id: SpanId(span.parent_id.unwrap_or_default()),
        name: span.name.clone(),
        kind,
        start_ns: span.start_ns as u64,
        end_ns: (span.start_ns + span.duration_ns) as u64,
        attributes: attributes(&span.attributes),
        events: span.events.iter().map(event).collect(),
        status: Status {
            code: if span.error { StatusCode::ERROR } else { StatusCode::UNSET },
            message: String::new(),
        },
        ..Span::default()
    }
}

/// A span as a row: what everybody asks for in columns, the rest in one map of texts.
fn row_of(span: &generate::Span, resources: &[Arc<Resource>]) -> serde_json::Value {
    let text = |value: &AnyValue| match value {
        AnyValue::String(text) => text.clone(),
        AnyValue::Int(number) => number.to_string(),
        AnyValue::Double(number) => number.to_string(),
        AnyValue::Bool(truth) => truth.to_string(),
        _ => String::new(),
    };
    let map = |attributes: &[Attribute]| -> serde_json::Map<String, serde_json::Value> {
        attributes.iter().map(|attribute| (attribute.key.clone(), text(&attribute.value).into())).collect()
    };
    let of = &resources[span.resource].attributes;
    json!({
        "trace_id": TraceId(span.trace_id).to_string(),
        "span_id": SpanId(span.span_id).to_string(),
        "parent_id": span.parent_id.map_or_else(String::new, |id| SpanId(id).to_string()),
        "service": of.first().map(|service| text(&service.value)).unwrap_or_default(),
        "name": span.name,
        "kind": format!("{:?}", span.kind),
        "start_ns": span.start_ns,
        "duration_ns": span.duration_ns,
        "error": span.error,
        "resource": map(of),
        "attributes": map(&attributes(&span.attributes)),
        "events": span.events.iter().map(|event| format!("{event:?}")).collect::<Vec<_>>().join("\n"),
    })
}
