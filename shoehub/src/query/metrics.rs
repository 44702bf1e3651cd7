//! PromQL over a store of metrics.

use bedrock::series::SeriesSource;
use promql::engine::{MatrixSeries, SampleValue, Value};
use promql::{Engine, EngineOptions};
use serde_json::json;

use super::{Answered, POINTS, Question, by_labels, labels_json, points_cells};
use crate::draw::table::Table;
use crate::error::{Error, Result};

/// Asks for a moment, or over a range where the question has one.
///
/// # Errors
///
/// [`Error::Query`] with the place in the query where it has no answer.
pub fn ask(source: &dyn SeriesSource, question: &Question) -> Result<Answered> {
    let engine = Engine::new(EngineOptions::default());
    let (text, at_ms) = (question.text.as_str(), question.at_ms);
    let answer = match question.range_ms {
        Some(_) => engine.range(source, text, question.start_ms(0), at_ms, question.step_ms()),
        None => engine.instant(source, text, at_ms),
    };
    let answer = answer.map_err(|error| match error {
        promql::engine::QueryError::Parse(error) => {
            Error::Query { language: "PromQL", query: String::new(), problem: error.render(text) }
        }
        other => Error::query("PromQL", text, &other),
    })?;
    let (table, json) = match &answer.value {
        Value::Scalar { time_ms, value } => {
            let mut table = Table::new([">value"]);
            table.row([value.to_string()]);
            (table, json!({ "resultType": "scalar", "result": [seconds(*time_ms), value.to_string()] }))
        }
        Value::String(text) => {
            let mut table = Table::new(["text"]);
            table.row([text.as_str()]);
            (table, json!({ "resultType": "string", "result": [seconds(at_ms), text] }))
        }
        Value::Vector(samples) => {
            let labels: Vec<_> = samples.iter().map(|sample| &sample.labels).collect();
            let table = by_labels(&labels, &[">value"], |row| vec![short(&samples[row].value)]);
            let result = samples.iter().map(|sample| {
                let value = json!([seconds(sample.time_ms), text_of(&sample.value)]);
                json!({ "metric": labels_json(&sample.labels), "value": value })
            });
            (table, json!({ "resultType": "vector", "result": result.collect::<Vec<_>>() }))
        }
        Value::Matrix(series) => matrix(series),
    };
    let notes = answer.annotations.warnings.into_iter().chain(answer.annotations.infos).collect();
    Ok(Answered { table, json, notes })
}

fn matrix(series: &[MatrixSeries]) -> (Table, serde_json::Value) {
    let labels: Vec<_> = series.iter().map(|series| &series.labels).collect();
    let table = by_labels(&labels, &POINTS, |row| {
        let values: Vec<f64> = series[row].floats.iter().map(|(_, value)| *value).collect();
        points_cells(&values)
    });
    let result = series.iter().map(|series| {
        let floats =
            series.floats.iter().map(|(time_ms, value)| json!([seconds(*time_ms), value.to_string()]));
        let mut object =
            json!({ "metric": labels_json(&series.labels), "values": floats.collect::<Vec<_>>() });
        if !series.histograms.is_empty() {
            let texts = series
                .histograms
                .iter()
                .map(|(time_ms, value)| json!([seconds(*time_ms), value.to_string()]));
            object["histograms"] = texts.collect();
        }
        object
    });
    (table, json!({ "resultType": "matrix", "result": result.collect::<Vec<_>>() }))
}

fn text_of(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(value) => value.to_string(),
        SampleValue::Histogram(value) => value.to_string(),
    }
}

/// A value for a table: of a histogram what fits a line.
fn short(value: &SampleValue) -> String {
    match value {
        SampleValue::Float(value) => value.to_string(),
        SampleValue::Histogram(value) => {
            let buckets = value.positive_buckets.len() + value.negative_buckets.len();
            format!("{} observations in {buckets} buckets, sum {}", value.count, value.sum)
        }
    }
}

fn seconds(time_ms: i64) -> f64 {
    time_ms as f64 / 1e3
}
