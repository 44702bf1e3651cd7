//! The dashboard as one self-contained page: charts by Chart.js, which is written into it, so that it needs no network.

use serde_json::{Value, json};

use crate::dashboard::{Answer, Dashboard, Panel, Story, rule};
use crate::draw::{number, time, tree};

/// The page, with places for style, script and data.
const PAGE: &str = include_str!("page.html");
/// How it looks.
const STYLE: &str = include_str!("page.css");
/// What draws it.
const SCRIPT: &str = include_str!("page.js");
/// Chart.js, as it is published (licence in `assets/chart.LICENSE.md`).
const CHARTS: &str = include_str!("../../assets/chart.umd.min.js");

/// The dashboard as HTML.
pub fn html(dashboard: &Dashboard) -> String {
    // Inside a script element only `</` could end it early.
    let data = data(dashboard).to_string().replace("</", "<\\/");
    let mut out = String::with_capacity(CHARTS.len() + data.len() + (64 << 10));
    let mut rest = PAGE;
    for (place, text) in [("{style}", STYLE), ("{charts}", CHARTS), ("{data}", &data), ("{script}", SCRIPT)] {
        let Some((before, behind)) = rest.split_once(place) else { continue };
        out.push_str(before);
        out.push_str(text);
        rest = behind;
    }
    out + rest
}

fn data(dashboard: &Dashboard) -> Value {
    let window = &dashboard.window;
    let now = dashboard.rule.now();
    json!({
        "range": format!(
            "{} to {} UTC",
            time::stamp(window.start_ms),
            time::stamp(window.end_ms)
        ),
        "times": window.steps().collect::<Vec<i64>>(),
        "panels": dashboard.panels.iter().map(panel).collect::<Vec<_>>(),
        "rule": {
            "name": rule::NAME,
            "query": rule::QUERY,
            "state": now.as_str(),
            "since": time::stamp(dashboard.rule.since_ms()),
            "firing": dashboard.rule.firing(),
            "states": dashboard.rule.states.iter().map(|(time_ms, state)| json!([time_ms, state.as_str()])).collect::<Vec<_>>(),
        },
        "logs": dashboard.logs.iter().map(answer).collect::<Vec<_>>(),
        "traces": dashboard.traces.iter().map(answer).collect::<Vec<_>>(),
        "story": dashboard.story.as_ref().map(story),
        "stored": dashboard.stored.iter().map(|stored| json!({
            "what": stored.what,
            "items": number::count(stored.items),
            "bytes": number::bytes(stored.bytes),
            "each": format!("{:.2}", stored.bytes as f64 / stored.items.max(1) as f64),
        })).collect::<Vec<_>>(),
    })
}

fn panel(panel: &Panel) -> Value {
    // JSON has no NaN: what is not there is null.
    let finite = |value: f64| value.is_finite().then_some(value);
    let series = panel.series.iter().map(|series| {
        json!({
            "name": series.name,
            "now": finite(series.now),
            "points": series.points.iter().map(|value| finite(*value)).collect::<Vec<_>>(),
        })
    });
    json!({
        "title": panel.title,
        "shape": panel.shape.as_str(),
        "query": panel.query,
        "series": series.collect::<Vec<_>>(),
    })
}

fn answer(answer: &Answer) -> Value {
    json!({
        "title": answer.title,
        "query": answer.query,
        "columns": answer.table.columns.iter().map(|column| json!({ "name": column.name, "right": column.right })).collect::<Vec<_>>(),
        "rows": answer.table.rows,
    })
}

fn story(story: &Story) -> Value {
    let start_ns = story.trace.spans.iter().map(|record| record.span.start_ns).min().unwrap_or(0);
    let spans = tree::in_order(&story.trace).into_iter().map(|(depth, record)| {
        let service = crate::shop::Service::of(&record.resource).map_or("", crate::shop::Service::name);
        json!({
            "depth": depth,
            "name": record.span.name,
            "service": service,
            "start": (record.span.start_ns - start_ns) as f64 / 1e6,
            "length": record.span.duration_ns() as f64 / 1e6,
            "failed": record.span.status.message,
        })
    });
    json!({
        "trace": story.trace.id.to_string(),
        "told": format!(
            "Half of all orders take at most {}, 99% at most {}. The slowest of {} exemplars took {} at {}.",
            number::seconds(story.p50_s),
            number::seconds(story.p99_s),
            number::count(story.exemplars as u64),
            number::seconds(story.slowest_s),
            time::clock(story.time_ms),
        ),
        "spans": spans.collect::<Vec<_>>(),
        "query": story.query,
        "lines": story.lines.rows,
    })
}
