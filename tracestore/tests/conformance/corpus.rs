//! The corpora of `extracted`: what Tempo's code answered over blocks of spans.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value as Json;
use tracestore::api::{self, ScopeFilter};
use tracestore::memory::{MemorySource, RootRule};
use tracestore::model::TraceId;
use tracestore::otlp;
use tracestore::source::TimeWindow;
use tracestore::traceql::ast::Body;
use tracestore::traceql::{
    FoundTrace, Grid, MetricsOptions, Problems, SearchOptions, Semantics, Value, check, metrics, parse,
};

use crate::compare::{SeriesByLabels, same, same_series, series_of, typed, typed_otlp};
use crate::report::{Outcome, Report};
use crate::rows::{self, rows};

/// The spans of a corpus, and which span an ordinal stands for.
struct Corpus {
    source: MemorySource,
    spans: Vec<(String, String)>,
    by_name: bool,
}

pub(crate) fn run(report: &mut Report, stem: &str, path: &Path) {
    let data = |suffix| path.with_file_name(format!("{stem}.otlp.jsonl{suffix}"));
    let data = if data("").is_file() { data("") } else { data(".zst") };
    let mut requests = Vec::new();
    let mut spans = Vec::new();
    for line in rows::text(&data).lines() {
        let Ok(decoded) = otlp::json::decode(line.as_bytes()) else { continue };
        for span in decoded.resource_spans.iter().flat_map(|r| &r.scopes).flat_map(|s| &s.spans) {
            spans.push((span.trace_id.to_string(), span.span_id.to_string()));
        }
        requests.extend(decoded.resource_spans);
    }
    // The corpora went through Tempo's block writer in the order of the file.
    let source = MemorySource::as_arrived(requests).with_root(RootRule::LastStored);
    let corpus = Corpus { source, spans, by_name: stem == "semantics_probe" };
    for (id, row) in rows(path) {
        let quirk = row
            .as_ref()
            .is_some_and(|row| row["tempo_pushdown_sensitive"] == true || !row["full_eval"].is_null());
        report.add("extracted", stem, &id, quirk, || {
            row.ok_or_else(|| "unreadable row".to_owned()).and_then(|row| case(&corpus, &row))
        });
    }
}

fn case(corpus: &Corpus, row: &Json) -> Outcome {
    let query = row["q"].as_str().ok_or("no query")?;
    let outcome = match row["kind"].as_str().ok_or("no kind")? {
        "search" => search(corpus, query, row),
        "metrics" => series(corpus, query, row),
        "tags" => tags(corpus, query, row),
        "values" => values(corpus, query, row),
        other => Err(format!("unknown kind {other}")),
    };
    outcome.map_err(|reason| format!("{query}: {reason}"))
}

fn search(corpus: &Corpus, query: &str, row: &Json) -> Outcome {
    let error = ["error", "full_eval_error"].iter().find_map(|key| row[*key].as_str());
    let error = error.or_else(|| row["full_eval"].as_str());
    // What `full_eval` says was computed by the evaluator over spans with all their attributes.
    let full = ["full_eval_sets", "full_eval_error", "full_eval"].iter().any(|key| !row[*key].is_null());
    let seconds = |key: &str| row[key].as_u64().unwrap_or(0);
    let options = SearchOptions {
        window: if seconds("end") == 0 {
            TimeWindow::ALL
        } else {
            TimeWindow { start_ns: seconds("start") * 1_000_000_000, end_ns: seconds("end") * 1_000_000_000 }
        },
        limit: usize::MAX,
        spans_per_set: usize::MAX,
        semantics: if full { Semantics::Evaluator } else { Semantics::Store },
        problems: if error.is_some() { Problems::Fail } else { Problems::SkipSpan },
        ..SearchOptions::default()
    };
    let found = api::search(&corpus.source, query, &options);
    let found = match (found, error) {
        (Err(_), Some(_)) => return Ok(()),
        (Ok(_), Some(error)) => return Err(format!("answered instead of failing with {error}")),
        (found, None) => found.map_err(|error| error.to_string())?,
    };
    let sets =
        [&row["full_eval_sets"], &row["full_eval"], &row["sets"]].into_iter().find(|sets| !sets.is_null());
    let expected = sets.and_then(Json::as_array).ok_or("no sets")?;
    let with_attributes = expected.iter().any(|set| set["attrs"].is_object());
    let expected = expected.iter().map(|set| expected_set(corpus, set)).collect::<Result<Vec<_>, _>>()?;
    same("span sets", found_sets(corpus, &found, with_attributes), expected)
}

/// A span set in one form: spans and attributes.
type SetForm = (Vec<(String, String)>, Vec<(String, String)>);

fn expected_set(corpus: &Corpus, set: &Json) -> Result<SetForm, String> {
    let mut spans = Vec::new();
    if corpus.by_name {
        let numbers = set["spans"].as_array().or(set.as_array()).ok_or("no spans")?;
        spans.extend(numbers.iter().map(|number| (String::new(), format!("s{number}"))));
    } else {
        for part in set["spans"].as_str().ok_or("no spans")?.split(',') {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            let range = first.parse::<usize>().ok().zip(last.parse::<usize>().ok()).ok_or("no range")?;
            spans.extend(corpus.spans.get(range.0..=range.1).ok_or("an unknown span")?.iter().cloned());
        }
        let id =
            TraceId::from_hex(set["t"].as_str().ok_or("no trace")?).map_err(|error| error.to_string())?;
        if spans.iter().any(|(trace, _)| *trace != id.to_string()) {
            return Err("ordinals of another trace".to_owned());
        }
    }
    spans.sort();
    let attributes = set["attrs"].as_object().into_iter().flatten();
    let mut attributes: Vec<_> = attributes.map(|(name, value)| (name.clone(), typed_otlp(value))).collect();
    attributes.sort();
    Ok((spans, attributes))
}

fn found_sets(corpus: &Corpus, found: &[FoundTrace], with_attributes: bool) -> Vec<SetForm> {
    let mut sets = Vec::new();
    for trace in found {
        for set in &trace.span_sets {
            let mut spans: Vec<_> = match corpus.by_name {
                true => set.spans.iter().map(|span| (String::new(), span.name.to_string())).collect(),
                false => set.spans.iter().map(|span| (trace.id.to_string(), span.id.to_string())).collect(),
            };
            spans.sort();
            let attributes: BTreeMap<_, _> =
                set.attributes.iter().map(|(name, v)| (name.clone(), typed(v))).collect();
            sets.push((spans, if with_attributes { attributes.into_iter().collect() } else { Vec::new() }));
        }
    }
    sets
}

fn series(corpus: &Corpus, query: &str, row: &Json) -> Outcome {
    let number = |key: &str| row[key].as_u64().unwrap_or(0) * 1_000_000_000;
    let (start, end, step) = (number("start"), number("end"), number("step").max(1));
    let answer = parse(query).and_then(|tree| {
        check(&tree)?;
        let Body::Metrics(expr) = &tree.body else { return Ok(None) };
        let grid = Grid::new(start - start % step, end.div_ceil(step) * step, step);
        let Some(grid) = grid else { return Ok(None) };
        metrics(&corpus.source, expr, &tree.hints, &MetricsOptions::new(grid)).map(Some)
    });
    let answer = match (answer, row["error"].as_str()) {
        (Err(_) | Ok(None), Some(_)) => return Ok(()),
        (Ok(Some(_)), Some(error)) => return Err(format!("answered instead of failing with {error}")),
        (answer, None) => answer.map_err(|error| error.to_string())?.ok_or("no metrics query")?,
    };
    let mut expected = SeriesByLabels::new();
    for series in row["series"].as_array().ok_or("no series")? {
        let labels = series["labels"].as_object().into_iter().flatten();
        let mut labels: Vec<_> = labels.map(|(name, value)| (name.clone(), typed_otlp(value))).collect();
        labels.sort();
        let samples = series["samples"].as_array().into_iter().flatten();
        let sample = |pair: &Json| Some((pair[0].as_i64()?, pair[1].as_str()?.parse::<f64>().ok()?));
        expected.insert(labels, samples.filter_map(sample).collect());
    }
    same_series(&series_of(&answer), &expected)
}

fn tags(corpus: &Corpus, query: &str, row: &Json) -> Outcome {
    let scope =
        ScopeFilter::parse(row["scope"].as_str().unwrap_or_default()).map_err(|error| error.to_string())?;
    let found =
        api::tag_names(&corpus.source, scope, query, TimeWindow::ALL).map_err(|error| error.to_string())?;
    // The names of intrinsics are not in a block.
    let found = found.iter().filter(|(scope, _)| **scope != "intrinsic");
    let found =
        found.flat_map(|(scope, names)| names.iter().map(move |name| (scope.to_string(), name.to_string())));
    let expected = row["tags"].as_object().into_iter().flatten().flat_map(|(scope, names)| {
        let names = names.as_array().into_iter().flatten().filter_map(Json::as_str);
        names.map(move |name| (scope.clone(), name.to_owned()))
    });
    same("tags", found.collect(), expected.collect())
}

fn values(corpus: &Corpus, query: &str, row: &Json) -> Outcome {
    let tag = row["tag"].as_str().ok_or("no tag")?;
    let found =
        api::tag_values(&corpus.source, tag, query, TimeWindow::ALL).map_err(|error| error.to_string())?;
    let form = |value: &Value| {
        let kind = match value {
            Value::Int(_) => "TypeInt",
            Value::Float(_) => "TypeFloat",
            Value::Bool(_) => "TypeBoolean",
            Value::Status(_) => "TypeStatus",
            Value::Kind(_) => "TypeKind",
            Value::Duration(_) => "TypeDuration",
            _ => "TypeString",
        };
        format!("{kind}|{value}")
    };
    let expected = row["values"].as_array().into_iter().flatten().filter_map(Json::as_str);
    same(&format!("values of {tag}"), found.iter().map(form).collect(), expected.map(str::to_owned).collect())
}
