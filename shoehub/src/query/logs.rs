//! LogQL over a store of logs.

use logstore::logql::{self, Expr, QueryData, QueryOptions, StreamResult};
use logstore::source::LogSource;
use serde_json::json;

use super::{Answered, POINTS, Question, by_labels, labels_json, points_cells};
use crate::draw::table::Table;
use crate::draw::time;
use crate::error::{Error, Result};

/// Asks for lines, the newest first, or for numbers: at a moment, or over a range where the question has one.
///
/// # Errors
///
/// [`Error::Query`] where the query has no answer.
pub fn ask(source: &dyn LogSource, question: &Question) -> Result<Answered> {
    let failed = |error: logql::QueryError| {
        let place = error.span().map_or(String::new(), |span| format!("\n  {}^", " ".repeat(span.start)));
        Error::Query { language: "LogQL", query: question.text.clone() + &place, problem: error.to_string() }
    };
    let query = logql::parse(&question.text).map_err(failed)?;
    let is_of_lines = matches!(query, Expr::Log(_));
    let (start_ns, end_ns) = (ns(question.start_ms(question.at_ms)), ns(question.at_ms));
    let options = match question.range_ms {
        None if !is_of_lines => QueryOptions::instant(end_ns),
        // The end of a query for lines lies outside.
        _ => QueryOptions::range(start_ns, end_ns.saturating_add(1), ns(question.step_ms())),
    };
    let answer = logql::evaluate(source, &query, &QueryOptions { limit: question.limit, ..options });
    let (table, json) = match answer.map_err(failed)? {
        QueryData::Streams(streams) => lines(&streams),
        QueryData::Scalar(time_ms, value) => {
            let mut table = Table::new([">value"]);
            table.row([value.to_string()]);
            (table, json!({ "resultType": "scalar", "result": [time_ms as f64 / 1e3, value.to_string()] }))
        }
        QueryData::Vector(time_ms, samples) => {
            let labels: Vec<_> = samples.iter().map(|sample| &sample.labels).collect();
            let table = by_labels(&labels, &[">value"], |row| vec![samples[row].value.to_string()]);
            let result = samples.iter().map(|sample| {
                let value = json!([time_ms as f64 / 1e3, sample.value.to_string()]);
                json!({ "metric": labels_json(&sample.labels), "value": value })
            });
            (table, json!({ "resultType": "vector", "result": result.collect::<Vec<_>>() }))
        }
        QueryData::Matrix(series) => {
            let labels: Vec<_> = series.iter().map(|series| &series.labels).collect();
            let table = by_labels(&labels, &POINTS, |row| {
                points_cells(&series[row].points.iter().map(|(_, value)| *value).collect::<Vec<_>>())
            });
            let result = series.iter().map(|series| {
                let points = series
                    .points
                    .iter()
                    .map(|(time_ms, value)| json!([*time_ms as f64 / 1e3, value.to_string()]));
                json!({ "metric": labels_json(&series.labels), "values": points.collect::<Vec<_>>() })
            });
            (table, json!({ "resultType": "matrix", "result": result.collect::<Vec<_>>() }))
        }
    };
    Ok(Answered { table, json, notes: Vec::new() })
}

/// Lines of all streams together, the newest last, as a terminal is read.
fn lines(streams: &[StreamResult]) -> (Table, serde_json::Value) {
    let mut rows: Vec<(i64, &str, &[u8])> = Vec::new();
    for stream in streams {
        let app = stream.labels.get("app").or_else(|| stream.labels.iter().next().map(|(_, value)| value));
        rows.extend(
            stream.entries.iter().map(|(time_ns, line)| (*time_ns, app.unwrap_or(""), line.as_slice())),
        );
    }
    rows.sort_by_key(|(time_ns, _, _)| *time_ns);
    let mut table = Table::new(["time", "stream", "line"]);
    for (time_ns, app, line) in rows {
        let time = time::stamp(time_ns.div_euclid(1_000_000));
        let millis = time_ns.div_euclid(1_000_000).rem_euclid(1_000);
        table.row([
            format!("{time}.{millis:03}"),
            app.to_owned(),
            String::from_utf8_lossy(line).into_owned(),
        ]);
    }
    let result = streams.iter().map(|stream| {
        let values = stream
            .entries
            .iter()
            .map(|(time_ns, line)| json!([time_ns.to_string(), String::from_utf8_lossy(line)]));
        json!({ "stream": labels_json(&stream.labels), "values": values.collect::<Vec<_>>() })
    });
    (table, json!({ "resultType": "streams", "result": result.collect::<Vec<_>>() }))
}

fn ns(ms: i64) -> i64 {
    ms.saturating_mul(1_000_000)
}
