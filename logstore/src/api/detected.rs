//! What lines hold: the fields that a parser would find in them, and the labels worth showing.

use std::collections::{BTreeMap, BTreeSet};

use bedrock::labels::{Labels, LabelsBuilder, Matcher};

use crate::api::Result;
use crate::logql::ast::{LogExpr, Stage};
use crate::logql::{Category, Limits, LineProcessor, QueryData, QueryOptions, StreamResult, evaluate};
use crate::logql::{number, quantity};
use crate::source::LogSource;

/// The type that the values of a field have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum FieldType {
    Int,
    Float,
    Boolean,
    Duration,
    Bytes,
    String,
}

impl FieldType {
    /// The name that the reference gives the type.
    pub fn as_str(self) -> &'static str {
        match self {
            FieldType::Int => "int",
            FieldType::Float => "float",
            FieldType::Boolean => "boolean",
            FieldType::Duration => "duration",
            FieldType::Bytes => "bytes",
            FieldType::String => "string",
        }
    }

    fn of(value: &str) -> Self {
        const TRUTHS: [&str; 12] =
            ["1", "t", "T", "TRUE", "true", "True", "0", "f", "F", "FALSE", "false", "False"];
        if value.parse::<i64>().is_ok() {
            FieldType::Int
        } else if number::parse_float(value).is_some() {
            FieldType::Float
        } else if TRUTHS.contains(&value) {
            FieldType::Boolean
        } else if quantity::parse_go_duration(value).is_some() {
            FieldType::Duration
        } else if quantity::parse_bytes(value).is_ok() {
            FieldType::Bytes
        } else {
            FieldType::String
        }
    }
}

/// A field of lines or metadata.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DetectedField {
    /// The label that a parser would set.
    pub label: String,
    /// The type of the value seen last.
    pub field_type: FieldType,
    /// Number of different values.
    pub cardinality: u64,
    /// The parsers that find it, `json` and `logfmt`; none for metadata.
    pub parsers: Vec<&'static str>,
}

/// What is looked at to detect fields.
#[derive(Clone, Debug)]
pub struct DetectRequest<'q> {
    /// Which lines are looked at.
    pub query: &'q LogExpr,
    /// First timestamp.
    pub start_ns: i64,
    /// First timestamp no longer looked at.
    pub end_ns: i64,
    /// How many lines are looked at, the newest first.
    pub line_limit: usize,
    /// The most fields, or values, that are returned.
    pub limit: usize,
}

/// The fields of lines and metadata, sorted by label.
///
/// # Errors
///
/// As [`evaluate`].
///
/// ```
/// use bedrock::labels::Labels;
/// use logstore::api::detected::{DetectRequest, FieldType, fields};
/// use logstore::logql::parse_log;
/// use logstore::memory::MemorySource;
///
/// let mut source = MemorySource::default();
/// source.push(&Labels::from_pairs([("app", "shop")])?, 5, b"took=3ms", &[])?;
/// let query = parse_log(r#"{app="shop"}"#)?;
/// let request = DetectRequest { query: &query, start_ns: 0, end_ns: 10, line_limit: 100, limit: 1000 };
/// assert_eq!(fields(&source, &request)?[0].field_type, FieldType::Duration);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn fields(source: &dyn LogSource, request: &DetectRequest<'_>) -> Result<Vec<DetectedField>> {
    struct Seen {
        field_type: FieldType,
        values: BTreeSet<String>,
        parsers: Vec<&'static str>,
    }
    let mut seen: BTreeMap<String, Seen> = BTreeMap::new();
    each_field(source, request, |label, value, parser| {
        if !seen.contains_key(label) && seen.len() >= request.limit {
            return;
        }
        let field = seen.entry(label.to_owned()).or_insert_with(|| Seen {
            field_type: FieldType::String,
            values: BTreeSet::new(),
            parsers: Vec::new(),
        });
        field.field_type = FieldType::of(value);
        if !field.values.contains(value) {
            field.values.insert(value.to_owned());
        }
        if let Some(parser) = parser.filter(|parser| !field.parsers.contains(parser)) {
            field.parsers.push(parser);
        }
    })?;
    let field = |(label, seen): (String, Seen)| DetectedField {
        label,
        field_type: seen.field_type,
        cardinality: seen.values.len() as u64,
        parsers: seen.parsers,
    };
    Ok(seen.into_iter().map(field).collect())
}

/// The values of one field, sorted; sizes are written in their usual form.
///
/// # Errors
///
/// As [`evaluate`].
pub fn field_values(source: &dyn LogSource, request: &DetectRequest<'_>, label: &str) -> Result<Vec<String>> {
    const SIZE_ENDS: [&str; 13] = ["b", "ki", "k", "mi", "m", "gi", "g", "ti", "t", "pi", "p", "ei", "e"];
    let mut values = BTreeSet::new();
    each_field(source, request, |name, value, parser| {
        if name != label || values.len() >= request.limit {
            return;
        }
        let lower = value.to_lowercase();
        let is_size = parser.is_some() && SIZE_ENDS.iter().any(|end| lower.ends_with(end));
        values.insert(match quantity::parse_bytes(value) {
            Ok(bytes) if is_size => quantity::format_bytes(bytes),
            _ => value.to_owned(),
        });
    })?;
    Ok(values.into_iter().collect())
}

/// Hands out every field of every line: label, value, and the parser that found it, none for metadata.
fn each_field(
    source: &dyn LogSource,
    request: &DetectRequest<'_>,
    mut visit: impl FnMut(&str, &str, Option<&'static str>),
) -> Result<()> {
    let mut options = QueryOptions::range(request.start_ns, request.end_ns, 1);
    options.limit = request.line_limit;
    let query = crate::logql::Expr::Log(request.query.clone());
    let QueryData::Streams(streams) = evaluate(source, &query, &options)? else { return Ok(()) };
    let mut parsers = Parsers::new()?;
    for (stream, (_, line)) in
        streams.iter().flat_map(|stream| stream.entries.iter().map(move |entry| (stream, entry)))
    {
        let mut given: Vec<(&str, &str)> = of(stream, Category::Parsed).collect();
        given.retain(|(name, _)| !name.starts_with("__error") && *name != "__preserve_error__");
        of(stream, Category::Metadata).for_each(|(name, value)| visit(name, value, None));
        let (parser, found) = parsers.parse(&base_labels(stream), line)?;
        given.iter().for_each(|(name, value)| visit(name, value, Some(parser)));
        for (name, value) in
            found.iter().filter(|(name, value)| !given.contains(&(name.as_str(), value.as_str())))
        {
            visit(name, value, Some(parser));
        }
    }
    Ok(())
}

/// The labels of a result that come from one place.
fn of(stream: &StreamResult, category: Category) -> impl Iterator<Item = (&str, &str)> {
    let pairs = stream.labels.iter().zip(&stream.categories);
    pairs.filter(move |(_, found)| **found == category).map(|(pair, _)| pair)
}

/// The labels that a parser finds taken: all that the query has not set itself.
fn base_labels(stream: &StreamResult) -> Labels {
    let mut labels = LabelsBuilder::from(&stream.labels);
    of(stream, Category::Parsed).for_each(|(name, _)| {
        labels.remove(name);
    });
    labels.build()
}

/// The parsers that are tried on a line, one after the other.
struct Parsers {
    json: LineProcessor,
    logfmt: LineProcessor,
}

impl Parsers {
    fn new() -> Result<Self> {
        let processor = |stage: Stage| {
            LineProcessor::new(&LogExpr { matchers: Vec::new(), stages: vec![stage] }, &Limits::default())
        };
        let logfmt = Stage::Logfmt { strict: false, keep_empty: false, extractions: Vec::new() };
        Ok(Parsers { json: processor(Stage::Json(Vec::new()))?, logfmt: processor(logfmt)? })
    }

    /// The parser that takes the line, and the labels that it finds.
    fn parse(&mut self, base: &Labels, line: &[u8]) -> Result<(&'static str, Vec<(String, String)>)> {
        for (name, processor) in [("json", &mut self.json), ("logfmt", &mut self.logfmt)] {
            let Some(processed) = processor.process(base, 0, line, &[])? else { continue };
            let mut found = processed.labels;
            if name == "json" && found.iter().any(|(label, _, _)| label == "__error__") {
                continue;
            }
            found.retain(|(_, _, category)| *category == Category::Parsed);
            return Ok((name, found.into_iter().map(|(label, value, _)| (label, value)).collect()));
        }
        Ok(("logfmt", Vec::new()))
    }
}

/// Labels that are always worth showing.
const STATIC_LABELS: [&str; 4] = ["cluster", "namespace", "instance", "pod"];

/// The labels of the selected streams with the number of their values, sorted by name; without those whose values are
/// all numbers or UUIDs, which say nothing to people.
///
/// # Errors
///
/// What the source reports.
pub fn labels(
    source: &dyn LogSource,
    matchers: &[Matcher],
    start_ns: i64,
    end_ns: i64,
) -> Result<Vec<(String, u64)>> {
    let mut values: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for labels in source.streams(matchers, start_ns, end_ns)? {
        for (name, value) in &labels {
            values.entry(name.to_owned()).or_default().insert(value.to_owned());
        }
    }
    values.retain(|name, values| STATIC_LABELS.contains(&name.as_str()) || !says_nothing(values));
    Ok(values.into_iter().map(|(name, values)| (name, values.len() as u64)).collect())
}

fn says_nothing(values: &BTreeSet<String>) -> bool {
    let is_flag = values.len() <= 2 && values.iter().all(|value| value == "0" || value == "1");
    !is_flag && values.iter().all(|value| number::parse_float(value).is_some() || is_uuid(value))
}

/// A UUID as such, in braces, behind `urn:uuid:`, or without dashes.
fn is_uuid(text: &str) -> bool {
    let text = text.strip_prefix("urn:uuid:").unwrap_or(text);
    let text = text.strip_prefix('{').and_then(|text| text.strip_suffix('}')).unwrap_or(text);
    let hex = |text: &str| text.bytes().all(|b| b.is_ascii_hexdigit());
    if text.len() == 32 {
        return hex(text);
    }
    let groups: Vec<&str> = text.split('-').collect();
    groups.iter().map(|group| group.len()).eq([8, 4, 4, 4, 12]) && groups.iter().all(|group| hex(group))
}
