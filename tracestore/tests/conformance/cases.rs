//! `cases`: what a real Tempo answered.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value as Json, json};
use tracestore::api::{self, RangeParameters, ScopeFilter, TagSearch};
use tracestore::memory::MemorySource;
use tracestore::model::{Attribute, ResourceSpans, Scope, ScopeSpans, Trace, TraceId};
use tracestore::otlp;
use tracestore::source::{Source, TimeWindow};
use tracestore::traceql::{FoundTrace, Problems, QueryError, SearchOptions, Value, check, parse};
use tracestore::{Db, Options};

use crate::compare::{SeriesByLabels, same, same_series, series_of, typed, typed_any, typed_json};
use crate::report::{HELD, Outcome, Report};
use crate::rows::{self, rows};

/// How the spans of a data set are held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Held {
    /// In memory, in order of arrival: the model.
    Model,
    /// In a store, as they were committed.
    Head,
    /// In a store, half of them in one block, a quarter in another, the rest in the head.
    Mixed,
    /// In one block of a store.
    Compacted,
}

/// The spans of a data set.
type Loaded = Box<dyn Source>;

pub(crate) fn run(report: &mut Report, folder: &Path) {
    let [head, mixed, compacted] = HELD;
    for (held, name) in
        [(Held::Model, "cases"), (Held::Head, head), (Held::Mixed, mixed), (Held::Compacted, compacted)]
    {
        let mut sources: BTreeMap<String, Loaded> = BTreeMap::new();
        for (stem, path) in rows::files(&folder.join("cases")) {
            for (id, row) in rows(&path) {
                let quirk = row.as_ref().is_some_and(|row| row["quirk"].is_array());
                report.add(name, &stem, &id, quirk, || {
                    let row = row.as_ref().ok_or("unreadable row")?;
                    let name = row["dataset"].as_str().unwrap_or_default();
                    let source = sources.entry(name.to_owned()).or_insert_with(|| load(folder, name, held));
                    case(&**source, row)
                });
            }
        }
    }
    let examples = rows::files(folder).into_iter().filter(|(stem, _)| stem == "examples");
    for (id, row) in examples.flat_map(|(_, path)| rows(&path)) {
        report.add("examples", "examples", &id, false, || {
            row.ok_or_else(|| "unreadable row".to_owned()).and_then(|row| example(&row))
        });
    }
}

fn load(folder: &Path, name: &str, held: Held) -> Loaded {
    let requests = spans(&folder.join("datasets").join(format!("{name}.otlp.jsonl")));
    if held == Held::Model {
        return Box::new(MemorySource::as_arrived(requests));
    }
    let options = Options { background: false, ..Options::default() };
    let db = Db::in_memory(options).expect("a store in memory");
    let (half, quarter) = (requests.len() / 2, requests.len() * 3 / 4);
    for (at, request) in requests.iter().enumerate() {
        if held == Held::Mixed && (at == half || at == quarter) {
            db.flush().expect("a flush");
        }
        let committed = db.commit(std::slice::from_ref(request)).expect("a commit");
        assert!(committed.refused.is_empty(), "{:?}", committed.refused);
    }
    if held == Held::Compacted {
        db.flush().expect("a flush");
        db.compact().expect("a compaction");
    }
    Box::new(db.snapshot())
}

/// The spans of a file of requests, as Tempo's distributor passes them on: libraries of one name and version in one
/// resource of a request become one.
fn spans(path: &Path) -> Vec<ResourceSpans> {
    let text = rows::text(path);
    let requests = text.lines().filter_map(|line| otlp::json::decode(line.as_bytes()).ok());
    let mut envelopes: Vec<ResourceSpans> = requests.flat_map(|decoded| decoded.resource_spans).collect();
    for envelope in &mut envelopes {
        let mut first: Vec<(TraceId, Arc<Scope>)> = Vec::new();
        let mut scopes = Vec::new();
        for ScopeSpans { scope, spans } in std::mem::take(&mut envelope.scopes) {
            for span in spans {
                let same = |(id, known): &&(TraceId, Arc<Scope>)| {
                    *id == span.trace_id && known.name == scope.name && known.version == scope.version
                };
                let known = first.iter().find(same).map(|(_, known)| Arc::clone(known));
                let scope = known.unwrap_or_else(|| {
                    first.push((span.trace_id, Arc::clone(&scope)));
                    Arc::clone(&scope)
                });
                let of_trace = |known: &&mut ScopeSpans| {
                    Arc::ptr_eq(&known.scope, &scope)
                        && known.spans.iter().all(|first| first.trace_id == span.trace_id)
                };
                match scopes.iter_mut().find(of_trace) {
                    Some(known) => known.spans.push(span),
                    None => scopes.push(ScopeSpans { scope, spans: vec![span] }),
                }
            }
        }
        envelope.scopes = scopes;
    }
    envelopes
}

fn example(row: &Json) -> Outcome {
    let query = row["query"].as_str().ok_or("no query")?;
    let found = match parse(query).map(|tree| check(&tree)) {
        Err(_) => "parse_fails",
        Ok(Err(QueryError::Unsupported { .. })) => "unsupported",
        Ok(Err(_)) => "validate_fails",
        Ok(Ok(())) => "valid",
    };
    let expected = row["class"].as_str().ok_or("no class")?;
    if found == expected { Ok(()) } else { Err(format!("expected {expected}, found {found}: {query}")) }
}

fn case(source: &dyn Source, row: &Json) -> Outcome {
    let answer = match row["api"].as_str().ok_or("no api")? {
        "search" => search(source, row),
        "trace" => trace(source, row),
        "tags" => tags(source, row),
        "tag_values" => tag_values(source, row),
        "metrics_query_range" | "metrics_query" => metrics(source, row),
        other => return Err(format!("unknown api {other}")),
    };
    match (row["status"].as_u64(), answer) {
        (None, Ok(outcome)) => outcome,
        (None, Err(error)) => Err(format!("{error}: {}", row["query"])),
        (Some(_), Err(_)) => Ok(()),
        (Some(status), Ok(_)) => Err(format!("answered instead of failing with {status}: {row}")),
    }
}

/// What a query was answered with, or that it was refused.
type Answer = Result<Outcome, String>;

fn text<'a>(row: &'a Json, key: &str) -> &'a str {
    row[key].as_str().unwrap_or_default()
}

fn window(row: &Json) -> Result<TimeWindow, String> {
    let seconds = |key| row[key].as_u64().unwrap_or(0);
    api::window_of_seconds(seconds("start"), seconds("end")).map_err(|error| error.to_string())
}

/// A parameter that must be a number where it is there.
fn count(row: &Json, key: &str, default: usize) -> Result<usize, String> {
    match &row[key] {
        Json::Null => Ok(default),
        value => value.as_u64().map(|n| n as usize).ok_or_else(|| format!("{key} is no number")),
    }
}

fn search(source: &dyn Source, row: &Json) -> Answer {
    let defaults = SearchOptions::default();
    let limit = count(row, "limit", defaults.limit)?;
    let spans_per_set = count(row, "spss", defaults.spans_per_set)?;
    let window = window(row)?;
    // Without a query it is a search by tags, without any.
    let found = if text(row, "query").is_empty() {
        let duration = |key| match text(row, key) {
            "" => Ok(None),
            text => milliseconds(text).map(|ms| Some(ms * 1_000_000)),
        };
        let wanted = TagSearch {
            tags: text(row, "tags").to_owned(),
            min_duration_ns: duration("minDuration")?,
            max_duration_ns: duration("maxDuration")?,
            window,
            limit,
        };
        api::search_by_tags(source, &wanted)
    } else {
        let problems = if row["status"] == 500 { Problems::Fail } else { Problems::SkipSpan };
        let options = SearchOptions { window, limit, spans_per_set, problems, ..defaults };
        api::search(source, text(row, "query"), &options)
    };
    let found = found.map_err(|error| error.to_string())?;
    Ok(same_traces(&found, row).map_err(|reason| format!("{}: {reason}", text(row, "query"))))
}

fn same_traces(found: &[FoundTrace], row: &Json) -> Outcome {
    let expected = row["expect"]["traces"].as_array().ok_or("no traces expected")?;
    let ids = expected.iter().map(|trace| text(trace, "traceID").to_owned()).collect();
    same("traces", found.iter().map(|trace| trace.id.to_string()).collect(), ids)?;
    let select: Vec<&str> = row["select"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    for expected in expected {
        let id = text(expected, "traceID");
        let Some(found) = found.iter().find(|trace| trace.id.to_string() == id) else { continue };
        let root_service =
            if found.root_service.is_empty() { api::ROOT_UNKNOWN } else { &found.root_service };
        let meta = json!([root_service, &*found.root_name, found.start_ns, found.duration_ns / 1_000_000]);
        let wanted = json!([
            expected["rootServiceName"],
            expected["rootTraceName"],
            expected["startTimeUnixNano"],
            expected["durationMs"]
        ]);
        if meta != wanted {
            return Err(format!("trace {id}: found {meta}, expected {wanted}"));
        }
        if let Some(stats) = expected["serviceStats"].as_object() {
            let found: Vec<_> =
                found.service_stats.iter().map(|(k, v)| (k.to_string(), v.spans, v.errors)).collect();
            let count = |value: &Json| value.as_u64().unwrap_or(0) as u32;
            let wanted = stats.iter().map(|(k, v)| (k.clone(), count(&v[0]), count(&v[1])));
            if !found.is_empty() || row["query"].is_string() {
                same("service stats", found, wanted.collect())?;
            }
        }
        if let Some(sets) = expected["spanSets"].as_array() {
            let shown = |set: &Json| set["spans"].as_array().map_or(0, Vec::len);
            let whole = sets.iter().all(|set| shown(set) as u64 == set["matched"].as_u64().unwrap_or(0));
            let wanted = sets.iter().map(|set| expected_set(set, &select, whole)).collect();
            same(&format!("span sets of {id}"), found_sets(found, &select, whole), wanted)?;
        }
    }
    Ok(())
}

/// A span set in one form: matched, shown, attributes, spans.
type SetForm = (u64, usize, Vec<(String, String)>, Vec<(String, Vec<(String, String)>)>);

fn expected_set(set: &Json, select: &[&str], whole: bool) -> SetForm {
    let pairs = |list: &Json| -> Vec<(String, String)> {
        let items = list.as_array().into_iter().flatten();
        items.map(|item| (text_of(&item[0]), typed_json(item[1].as_str().unwrap_or(""), &item[2]))).collect()
    };
    let spans = set["spans"].as_array().into_iter().flatten().map(|span| {
        let mut attributes = pairs(&span[1]);
        attributes.retain(|(key, _)| select.contains(&key.as_str()));
        attributes.sort();
        (text_of(&span[0]), attributes)
    });
    let mut spans: Vec<_> = spans.collect();
    spans.sort();
    let shown = spans.len();
    if !whole {
        spans.clear();
    }
    let mut attributes = pairs(&set["attributes"]);
    attributes.sort();
    (set["matched"].as_u64().unwrap_or(0), shown, attributes, spans)
}

fn found_sets(trace: &FoundTrace, select: &[&str], whole: bool) -> Vec<SetForm> {
    let set = |set: &tracestore::traceql::FoundSpanSet| {
        let spans = set.spans.iter().map(|span| {
            let selected = span.attributes.iter().filter(|(field, _)| select.contains(&field.key()));
            let mut attributes: Vec<_> =
                selected.map(|(field, value)| (field.key().to_owned(), typed(value))).collect();
            attributes.sort();
            (span.id.to_string(), attributes)
        });
        let mut spans: Vec<_> = spans.collect();
        spans.sort();
        let shown = spans.len();
        if !whole {
            spans.clear();
        }
        let mut attributes: Vec<_> =
            set.attributes.iter().map(|(name, value)| (name.clone(), typed(value))).collect();
        attributes.sort();
        (set.matched as u64, shown, attributes, spans)
    };
    trace.span_sets.iter().map(set).collect()
}

fn text_of(json: &Json) -> String {
    json.as_str().unwrap_or_default().to_owned()
}

fn milliseconds(text: &str) -> Result<u64, String> {
    match bedrock::time::parse_duration_ms(text) {
        Some(ms) => Ok(ms.unsigned_abs()),
        None => Err(format!("{text} is no duration")),
    }
}

fn trace(source: &dyn Source, row: &Json) -> Answer {
    let found = api::trace_by_id(source, text(row, "traceID")).map_err(|error| error.to_string())?;
    if found.is_none() && row["v"] == 1 {
        return Err("not found".to_owned());
    }
    let found = found.unwrap_or_default();
    let expected = &row["expect"];
    if Some(found.spans.len() as u64) != expected["spanCount"].as_u64() {
        return Ok(Err(format!("{} spans, expected {}", found.spans.len(), expected["spanCount"])));
    }
    let short = found.spans.len() > 200;
    let expected = expected["spans"].as_array().cloned().unwrap_or_default();
    let lines = |spans: Vec<Json>| spans.into_iter().map(|span| floats(span).to_string()).collect::<Vec<_>>();
    Ok(same("spans", lines(span_forms(&found, short)), lines(expected)))
}

/// The form with every float written as one: `["d", 8]` as `["d", 8.0]`, and lists of attributes in one order.
fn floats(form: Json) -> Json {
    match form {
        Json::Array(items) => {
            let is_double = items.len() >= 2 && items[items.len() - 2] == "d";
            let mut items: Vec<Json> = items.into_iter().map(floats).collect();
            if is_double && let Some(last) = items.last_mut() {
                *last = json!(last.as_f64());
            }
            Json::Array(items)
        }
        Json::Object(fields) => {
            Json::Object(fields.into_iter().map(|(name, field)| (name, floats(field))).collect())
        }
        other => other,
    }
}

fn span_forms(trace: &Trace, short: bool) -> Vec<Json> {
    let attributes = |attributes: &[Attribute]| {
        let mut forms: Vec<Json> = attributes
            .iter()
            .map(|attribute| {
                let value = typed_any(&attribute.value);
                json!([attribute.key, value[0], value[1]])
            })
            .collect();
        forms.sort_by_key(Json::to_string);
        forms
    };
    let form = |record: &tracestore::model::SpanRecord| {
        let span = &record.span;
        let parent =
            if span.parent_span_id.is_zero() { String::new() } else { span.parent_span_id.to_string() };
        if short {
            return json!([span.span_id.to_string(), parent, span.name]);
        }
        let kinds = ["UNSPECIFIED", "INTERNAL", "SERVER", "CLIENT", "PRODUCER", "CONSUMER"];
        let codes = ["UNSET", "OK", "ERROR"];
        let mut form = json!({
            "spanID": span.span_id.to_string(),
            "parentSpanID": parent,
            "name": span.name,
            "kind": format!("SPAN_KIND_{}", kinds[span.kind.0 as usize]),
            "start": span.start_ns,
            "end": span.end_ns,
            "status": format!("STATUS_CODE_{}", codes[span.status.code.0 as usize]),
            "message": span.status.message,
            "attributes": attributes(&span.attributes),
            "resource": attributes(&record.resource.attributes),
            "scope": {
                "name": record.scope.name,
                "version": record.scope.version,
                "attributes": attributes(&record.scope.attributes),
            },
        });
        if !span.events.is_empty() {
            let event = |e: &tracestore::model::Event| json!([e.time_ns, e.name, attributes(&e.attributes)]);
            let mut events: Vec<&tracestore::model::Event> = span.events.iter().collect();
            events.sort_by_key(|event| (event.time_ns, &event.name));
            form["events"] = events.into_iter().map(event).collect();
        }
        if !span.links.is_empty() {
            let link = |l: &tracestore::model::Link| {
                json!([l.trace_id.to_string(), l.span_id.to_string(), attributes(&l.attributes)])
            };
            form["links"] = span.links.iter().map(link).collect();
        }
        form
    };
    trace.spans.iter().map(form).collect()
}

fn tags(source: &dyn Source, row: &Json) -> Answer {
    let scope = ScopeFilter::parse(text(row, "scope")).map_err(|error| error.to_string())?;
    let found =
        api::tag_names(source, scope, text(row, "query"), window(row)?).map_err(|error| error.to_string())?;
    let list = |json: &Json| -> Vec<String> { json.as_array().into_iter().flatten().map(text_of).collect() };
    if row["v"] == 1 {
        let mut names: Vec<String> = found
            .iter()
            .filter(|(scope, _)| **scope != "intrinsic")
            .flat_map(|(_, names)| names)
            .map(ToString::to_string)
            .collect();
        names.sort();
        names.dedup();
        return Ok(same("tags", names, list(&row["expect"]["tagNames"])));
    }
    let empty = serde_json::Map::new();
    let expected = row["expect"]["scopes"].as_object().unwrap_or(&empty);
    let flat = expected
        .iter()
        .flat_map(|(scope, names)| list(names).into_iter().map(move |name| (scope.clone(), name)));
    let found = found
        .iter()
        .flat_map(|(scope, names)| names.iter().map(move |name| (scope.to_string(), name.to_string())));
    Ok(same("tags", found.collect(), flat.collect()))
}

fn tag_values(source: &dyn Source, row: &Json) -> Answer {
    let (tag, window) = (text(row, "tag"), window(row)?);
    let expected = row["expect"]["tagValues"].as_array().cloned().unwrap_or_default();
    if row["v"] == 1 {
        let found = api::tag_value_texts(source, tag, window).map_err(|error| error.to_string())?;
        return Ok(same("values", found.into_iter().collect(), expected.iter().map(text_of).collect()));
    }
    let found =
        api::tag_values(source, tag, text(row, "query"), window).map_err(|error| error.to_string())?;
    let form = |value: &Value| {
        let kind = match value {
            Value::Int(_) => "int",
            Value::Float(_) => "float",
            Value::Bool(_) => "bool",
            Value::Status(_) | Value::Kind(_) => "keyword",
            Value::Duration(_) => "duration",
            _ => "string",
        };
        (kind.to_owned(), value.to_string())
    };
    let expected = expected.iter().map(|pair| (text_of(&pair[0]), text_of(&pair[1])));
    Ok(same("values", found.iter().map(form).collect(), expected.collect()))
}

fn metrics(source: &dyn Source, row: &Json) -> Answer {
    let nanoseconds = |key: &str| {
        let number = row[key].as_u64().unwrap_or(0);
        if number >= 1_000_000_000_000_000_000 { number } else { number * 1_000_000_000 }
    };
    let (start_ns, end_ns) = (nanoseconds("start"), nanoseconds("end"));
    let query = text(row, "query");
    let answer = if row["api"] == "metrics_query" {
        api::query_instant(source, query, start_ns, end_ns)
    } else {
        let step_ns = match text(row, "step") {
            "" => None,
            step => Some(milliseconds(step)? * 1_000_000),
        };
        api::query_range(source, query, RangeParameters { start_ns, end_ns, step_ns })
    };
    let answer = answer.map_err(|error| error.to_string())?;
    let mut expected = SeriesByLabels::new();
    for series in row["expect"]["series"].as_array().into_iter().flatten() {
        let labels = series["labels"].as_array().into_iter().flatten();
        let mut labels: Vec<_> =
            labels.map(|l| (text_of(&l[0]), typed_json(l[1].as_str().unwrap_or(""), &l[2]))).collect();
        labels.sort();
        let number = |json: &Json| json.as_f64();
        let samples = if let Some(samples) = series["samples"].as_array() {
            samples.iter().filter_map(|pair| Some((pair[0].as_i64()?, number(&pair[1])?))).collect()
        } else if let Some(values) = series["values"].as_array() {
            let (t0, step) = (series["t0"].as_i64().unwrap_or(0), series["step_ms"].as_i64().unwrap_or(0));
            values.iter().enumerate().filter_map(|(i, v)| Some((t0 + i as i64 * step, number(v)?))).collect()
        } else {
            number(&series["value"]).map(|value| ((end_ns / 1_000_000) as i64, value)).into_iter().collect()
        };
        expected.insert(labels, samples);
    }
    let mut found = series_of(&answer);
    if query.contains("compare(") {
        // Attributes that never have a value are not in the cases; the totals of the others say nil.
        found.retain(|labels, _| !labels.iter().any(|(name, _)| name == "__meta_error"));
    }
    Ok(same_series(&found, &expected).map_err(|reason| format!("{query}: {reason}")))
}
