//! Asks a store in a directory, beside the process that writes it, and prints the answer as a table.
//!
//! ```text
//! cargo run -p tristore-promql --example query -- DIR 'sum(rate(http_requests_total[5m])) by (code)'
//! cargo run -p tristore-promql --example query -- DIR QUERY START_MS END_MS STEP_MS
//! ```
//!
//! With three numbers behind the query it is a range query; otherwise it is asked for now. Without arguments the
//! example makes a small store of its own and asks that.

use std::error::Error;
use std::io::Write;
use std::path::Path;

use bedrock::labels::Labels;
use promql::engine::{SampleValue, Value};
use promql::{Engine, EngineOptions};
use tsdb::{Clock, Db, Options, ReadOnlyDb};

fn main() -> Result<(), Box<dyn Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let now_ms = Clock::system().now_ms();
    match arguments.as_slice() {
        [dir, query] => ask(Path::new(dir), query, None, now_ms),
        [dir, query, start, end, step] => {
            ask(Path::new(dir), query, Some((start.parse()?, end.parse()?, step.parse()?)), now_ms)
        }
        [] => {
            let dir = std::env::temp_dir().join(format!("tristore-query-{}", std::process::id()));
            fill(&dir, now_ms)?;
            ask(&dir, "sum(rate(shoehub_sales[5m])) by (ShoeType)", None, now_ms)?;
            std::fs::remove_dir_all(&dir)?;
            Ok(())
        }
        _ => Err("usage: query [DIR QUERY [START_MS END_MS STEP_MS]]".into()),
    }
}

/// A store with half an hour of sales.
fn fill(dir: &Path, now_ms: i64) -> Result<(), Box<dyn Error>> {
    let db = Db::open(dir, Options::default())?;
    let mut appender = db.appender();
    let mut shoes = Vec::new();
    for shoe in ["Loafers", "Boots", "HighHeels"] {
        shoes.push(
            appender.series(&Labels::from_pairs([("__name__", "shoehub_sales"), ("ShoeType", shoe)])?)?,
        );
    }
    for scrape in 0..120_i64 {
        let sold = [10, 42, 17].map(|each| (each * scrape) as f64);
        appender.append_scrape(&shoes, now_ms - (120 - scrape) * 15_000, &sold);
        appender.commit()?;
    }
    Ok(db.close()?)
}

/// Asks and prints. A query that is refused says where and why.
fn ask(dir: &Path, query: &str, range: Option<(i64, i64, i64)>, now_ms: i64) -> Result<(), Box<dyn Error>> {
    let db = ReadOnlyDb::open(dir, Options::default())?;
    let engine = Engine::new(EngineOptions::default());
    let result = match range {
        Some((start, end, step)) => engine.range(&db.snapshot(), query, start, end, step)?,
        None => engine.instant(&db.snapshot(), query, now_ms)?,
    };
    let mut out = std::io::stdout().lock();
    match &result.value {
        Value::Scalar { value, .. } => writeln!(out, "{value}")?,
        Value::String(text) => writeln!(out, "{text}")?,
        Value::Vector(samples) => {
            for sample in samples {
                let value = match &sample.value {
                    SampleValue::Float(value) => value.to_string(),
                    SampleValue::Histogram(value) => value.to_string(),
                };
                writeln!(out, "{:<60} {value}", sample.labels.to_string())?;
            }
        }
        Value::Matrix(series) => {
            for series in series {
                writeln!(out, "{}", series.labels)?;
                for (time_ms, value) in &series.floats {
                    writeln!(out, "  {time_ms} {value}")?;
                }
                for (time_ms, value) in &series.histograms {
                    writeln!(out, "  {time_ms} {value}")?;
                }
            }
        }
    }
    for note in result.annotations.warnings.iter().chain(&result.annotations.infos) {
        writeln!(out, "note: {note}")?;
    }
    let stats = result.stats;
    writeln!(out, "{} series, {} samples decoded", stats.series_selected, stats.samples_decoded)?;
    Ok(())
}
