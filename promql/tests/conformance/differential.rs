//! Recorded answers: each line of a case file is one case, its number is its id.

use std::collections::HashMap;
use std::path::Path;

use promql::engine::Features;
use promql::script::{MemorySource, Script, load_openmetrics};
use promql::{Engine, EngineOptions};
use serde_json::Value as Json;

use testkit::conformance::{Verdict, caught};

use crate::{Verdicts, compare};

pub(crate) fn run(path: &Path) -> Verdicts {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) => return vec![("file".to_owned(), Err(error.to_string()))],
    };
    let mut data = Datasets::new(path.parent().unwrap_or(Path::new(".")));
    let rows = (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty());
    rows.map(|(number, row)| (number.to_string(), caught(|| run_row(row, &mut data)))).collect()
}

fn run_row(row: &str, data: &mut Datasets<'_>) -> Verdict {
    let row: Json = serde_json::from_str(row).map_err(|error| format!("the row cannot be read: {error}"))?;
    let text = |name: &str| row[name].as_str().ok_or_else(|| format!("the row has no text {name:?}"));
    let time = |name: &str| milliseconds(&row[name]).ok_or_else(|| format!("the row has no time {name:?}"));
    let source = data.get(text("dataset")?)?;
    let query = text("query")?;
    let engine = engine(&row);
    let result = match text("kind")? {
        "instant" => engine.instant(source, query, time("time")?),
        "range" => engine.range(source, query, time("start")?, time("end")?, time("step")?),
        other => return Err(format!("unknown kind {other:?}")),
    };
    let verdict = match (result, row.get("expect_error"), row.get("expect")) {
        (Err(_), Some(_), _) => Ok(()),
        (Ok(result), Some(error), _) => Err(format!("expected error {error}, got {:?}", result.value)),
        (Err(error), None, _) => Err(format!("error: {error}")),
        (Ok(result), None, Some(expected)) => compare::check(expected, row["ordered"] == true, &result.value),
        (Ok(_), None, None) => Err("the row expects nothing".to_owned()),
    };
    verdict.map_err(|problem| format!("{query} on {}: {problem}", row["dataset"]))
}

/// The reference was recorded with names removed at once, except where a case says otherwise.
fn engine(row: &Json) -> Engine {
    let delayed = row["features"]
        .as_array()
        .is_some_and(|features| features.iter().any(|feature| feature == "promql-delayed-name-removal"));
    let features = Features { delayed_name_removal: delayed, ..Features::ALL };
    Engine::new(EngineOptions { features, ..EngineOptions::default() })
}

/// Seconds, possibly with decimals.
fn milliseconds(seconds: &Json) -> Option<i64> {
    Some((seconds.as_f64()? * 1e3).round() as i64)
}

/// The data sets of a folder, each loaded once.
struct Datasets<'a> {
    folder: &'a Path,
    loaded: HashMap<String, Result<MemorySource, String>>,
}

impl<'a> Datasets<'a> {
    fn new(folder: &'a Path) -> Self {
        Datasets { folder, loaded: HashMap::new() }
    }

    fn get(&mut self, name: &str) -> Result<&MemorySource, String> {
        if !self.loaded.contains_key(name) {
            self.loaded.insert(name.to_owned(), load(self.folder, name));
        }
        match self.loaded.get(name) {
            Some(Ok(source)) => Ok(source),
            Some(Err(error)) => Err(format!("data set {name:?}: {error}")),
            None => Err(format!("data set {name:?} is missing")),
        }
    }
}

fn load(folder: &Path, name: &str) -> Result<MemorySource, String> {
    let text = std::fs::read_to_string(folder.join(name)).map_err(|error| error.to_string())?;
    if name.ends_with(".om") {
        return load_openmetrics(&text).map_err(|error| error.to_string());
    }
    let index = std::fs::read_to_string(folder.join("datasets.json")).map_err(|error| error.to_string())?;
    let index: Json = serde_json::from_str(&index).map_err(|error| error.to_string())?;
    let offset_ms = milliseconds(&index[name]["offset"]).unwrap_or(0);
    Script::parse(&text).load(offset_ms).map_err(|error| error.to_string())
}
