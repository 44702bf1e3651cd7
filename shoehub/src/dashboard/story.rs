//! One story end to end: a latency in a metric, the trace that its exemplar names, and the log lines of that trace.

use bedrock::labels::{MatchOp, Matcher};
use bedrock::series::Select;
use bedrock::time::TimeRange;
use logstore::logql::QueryData;
use tracestore::model::Trace;

use super::ask::Ask;
use crate::draw::table::Table;
use crate::draw::time;
use crate::error::{Error, Result};

/// The metric that the story begins with.
pub const METRIC: &str = "shoehub_order_duration_seconds";

/// A slow order, from metric to log line.
#[derive(Clone, Debug)]
pub struct Story {
    /// Half and almost all orders took at most so long, in seconds.
    pub p50_s: f64,
    #[expect(missing_docs, reason = "said above")]
    pub p99_s: f64,
    /// How long the slowest order took that left an exemplar.
    pub slowest_s: f64,
    /// When it was answered.
    pub time_ms: i64,
    /// How many exemplars the window has.
    pub exemplars: usize,
    /// Its trace.
    pub trace: Trace,
    /// The query for its lines, in LogQL.
    pub query: String,
    /// Its lines.
    pub lines: Table,
}

/// Finds the slowest exemplar of the window and follows it.
///
/// # Errors
///
/// Where a query has no answer.
pub fn ask(ask: &Ask<'_>) -> Result<Option<Story>> {
    let matcher = Matcher::new(MatchOp::Equal, "__name__", METRIC);
    let matchers = [matcher.map_err(|error| Error::query("PromQL", METRIC, &error))?];
    let range = TimeRange::new(ask.window.start_ms, ask.window.end_ms);
    let series = ask.stores.metrics.exemplars(&Select { matchers: &matchers, range });
    let exemplars: Vec<_> = series.into_iter().flat_map(|series| series.exemplars).collect();
    let Some(slowest) = exemplars.iter().max_by(|a, b| a.value.total_cmp(&b.value)) else { return Ok(None) };
    let id = slowest.labels.get("trace_id").unwrap_or("");
    let trace = tracestore::api::trace_by_id(&ask.stores.traces.snapshot(), id)
        .map_err(|error| Error::query("TraceQL", id, &error))?;
    let Some(trace) = trace else { return Ok(None) };
    let query = format!("{{job=\"shoehub\"}} |= \"{id}\"");
    let quantile = |q: f64| {
        let range = ask.window.range();
        ask.number(&format!("histogram_quantile({q}, sum(rate({METRIC}[{range}])))"))
    };
    Ok(Some(Story {
        p50_s: quantile(0.5)?,
        p99_s: quantile(0.99)?,
        slowest_s: slowest.value,
        time_ms: slowest.timestamp_ms,
        exemplars: exemplars.len(),
        trace,
        lines: lines(ask, &query)?,
        query,
    }))
}

fn lines(ask: &Ask<'_>, query: &str) -> Result<Table> {
    let QueryData::Streams(streams) = ask.logs_range(query, 100)? else { return Ok(Table::default()) };
    let mut lines = Vec::new();
    for stream in streams {
        let app = stream.labels.get("app").unwrap_or("").to_owned();
        lines.extend(stream.entries.into_iter().map(|(time_ns, line)| (time_ns, app.clone(), line)));
    }
    lines.sort();
    let mut table = Table::new(["time", "app", "line"]);
    for (time_ns, app, line) in lines {
        table.row([time::clock(time_ns / 1_000_000), app, String::from_utf8_lossy(&line).into_owned()]);
    }
    Ok(table)
}
