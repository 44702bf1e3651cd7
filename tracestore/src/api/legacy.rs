//! Search as it was before TraceQL: by tags and by the duration of the trace.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::field::{Field, Intrinsic, Scope};
use crate::source::{Requirement, ScanRequest, Source, SpanBatch, TimeWindow, TraceSummary};
use crate::traceql::{FoundTrace, QueryError, Value};

/// What is looked for.
#[derive(Clone, Debug)]
pub struct TagSearch {
    /// Tags in logfmt: `service.name="cart" http.status_code=500`. Each must be found on some span of the trace.
    pub tags: String,
    /// The shortest trace, in nanoseconds.
    pub min_duration_ns: Option<u64>,
    /// The longest trace, in nanoseconds.
    pub max_duration_ns: Option<u64>,
    /// Traces that overlap this window.
    pub window: TimeWindow,
    /// The most traces in the answer.
    pub limit: usize,
}

impl Default for TagSearch {
    fn default() -> Self {
        let (min_duration_ns, max_duration_ns) = (None, None);
        TagSearch {
            tags: String::new(),
            min_duration_ns,
            max_duration_ns,
            window: TimeWindow::ALL,
            limit: 20,
        }
    }
}

/// Finds traces by tags and duration. The traces have no span sets.
///
/// `name`, `service.name`, `root.name`, `root.service.name`, `http.method` and `http.url` need only contain the text;
/// `http.status_code` is compared as a number, `status.code` by its word, every other tag as a text that must be equal.
///
/// # Errors
/// [`QueryError::Parameter`] where the tags are no logfmt or name one twice, and what reading can run into.
pub fn search_by_tags(source: &dyn Source, wanted: &TagSearch) -> Result<Vec<FoundTrace>, QueryError> {
    let tags: Vec<Tag> =
        parsed(&wanted.tags)?.into_iter().map(|(key, value)| Tag::new(&key, value)).collect();
    let request = ScanRequest {
        window: wanted.window,
        requirement: Requirement::Anything,
        spans_only: false,
        fields: tags.iter().flat_map(|tag| tag.fields.clone()).collect(),
        newest_first: false,
    };
    let mut found = Vec::new();
    source.scan(&request, &mut |batch| {
        let mut holds: Vec<Vec<bool>> = Vec::new();
        for tag in &tags {
            holds.push(tag.rows(batch)?);
        }
        for trace in batch.traces() {
            let on_some_span =
                |rows: &Vec<bool>| rows.get(trace.rows.clone()).is_some_and(|rows| rows.contains(&true));
            if in_bounds(trace, wanted) && holds.iter().all(on_some_span) {
                found.push(summary(trace));
                if found.len() >= wanted.limit {
                    return Ok(ControlFlow::Break(()));
                }
            }
        }
        Ok(ControlFlow::Continue(()))
    })?;
    Ok(found)
}

fn in_bounds(trace: &TraceSummary, wanted: &TagSearch) -> bool {
    let duration_ns = trace.end_ns.saturating_sub(trace.start_ns);
    wanted.min_duration_ns.is_none_or(|min| duration_ns >= min)
        && wanted.max_duration_ns.is_none_or(|max| duration_ns <= max)
}

fn summary(trace: &TraceSummary) -> FoundTrace {
    FoundTrace {
        id: trace.id,
        root_service: trace.root_service.clone(),
        root_name: trace.root_name.clone(),
        start_ns: trace.start_ns,
        duration_ns: trace.end_ns.saturating_sub(trace.start_ns),
        service_stats: BTreeMap::new(),
        span_sets: Vec::new(),
    }
}

/// A tag to look for.
struct Tag {
    fields: Vec<Field>,
    value: String,
    test: TagTest,
}

enum TagTest {
    Contains,
    Equals,
    Number,
}

impl Tag {
    fn new(key: &str, value: String) -> Self {
        let attribute = || [Scope::Span, Scope::Resource].map(|scope| Field::attribute(scope, key)).to_vec();
        let (fields, test) = match key {
            "name" => (vec![Field::Intrinsic(Intrinsic::Name)], TagTest::Contains),
            "root.name" => (vec![Field::Intrinsic(Intrinsic::RootName)], TagTest::Contains),
            "root.service.name" => (vec![Field::Intrinsic(Intrinsic::RootServiceName)], TagTest::Contains),
            "service.name" => (vec![Field::attribute(Scope::Resource, key)], TagTest::Contains),
            "status.code" => (vec![Field::Intrinsic(Intrinsic::Status)], TagTest::Equals),
            "http.method" | "http.url" => (attribute(), TagTest::Contains),
            "http.status_code" => (attribute(), TagTest::Number),
            _ => (attribute(), TagTest::Equals),
        };
        Tag { fields, value, test }
    }

    /// The spans on which the tag is found.
    fn rows(&self, batch: &dyn SpanBatch) -> bedrock::Result<Vec<bool>> {
        let mut rows = vec![false; batch.span_count()];
        for field in &self.fields {
            let column = batch.column(field)?;
            for (row, holds) in rows.iter_mut().enumerate() {
                *holds |= self.holds(&column.get(row));
            }
        }
        Ok(rows)
    }

    fn holds(&self, value: &Value) -> bool {
        match (&self.test, value) {
            (TagTest::Contains, Value::Str(text)) => text.contains(&self.value),
            (TagTest::Equals | TagTest::Number, Value::Str(text)) => **text == *self.value,
            (TagTest::Equals, Value::Status(_)) => value.to_string() == self.value,
            (TagTest::Number, Value::Int(number)) => self.value.parse() == Ok(*number),
            (_, Value::StrArray(texts)) => texts.iter().any(|text| **text == *self.value),
            _ => false,
        }
    }
}

/// The pairs of a logfmt line.
fn parsed(tags: &str) -> Result<Vec<(String, String)>, QueryError> {
    let wrong = |problem: String| QueryError::Parameter { parameter: "tags", problem };
    let mut pairs: Vec<(String, String)> = Vec::new();
    let mut rest = tags.trim_start();
    while !rest.is_empty() {
        let end = rest.find(|c: char| c == '=' || c.is_whitespace()).unwrap_or(rest.len());
        let (key, tail) = rest.split_at(end);
        if key.is_empty() || key.contains('"') {
            return Err(wrong(format!("expected a name at `{rest}`")));
        }
        let (value, tail) = match tail.strip_prefix('=') {
            None => (String::new(), tail),
            Some(tail) => match tail.strip_prefix('"') {
                None => {
                    let end = tail.find(char::is_whitespace).unwrap_or(tail.len());
                    let (value, tail) = tail.split_at(end);
                    (value.to_owned(), tail)
                }
                Some(quoted) => unquoted(quoted)
                    .ok_or_else(|| wrong(format!("the value of {key} lacks its closing quote")))?,
            },
        };
        if pairs.iter().any(|(known, _)| known == key) {
            return Err(wrong(format!("{key} is set twice")));
        }
        pairs.push((key.to_owned(), value));
        rest = tail.trim_start();
    }
    Ok(pairs)
}

/// A quoted value and what follows its closing quote.
fn unquoted(text: &str) -> Option<(String, &str)> {
    let mut value = String::new();
    let mut chars = text.char_indices();
    while let Some((at, c)) = chars.next() {
        match c {
            '"' => return Some((value, text.get(at + 1..)?)),
            '\\' => value.push(chars.next()?.1),
            other => value.push(other),
        }
    }
    None
}
