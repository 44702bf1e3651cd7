//! What kinds of lines there are, and how often each comes.

use std::collections::BTreeMap;
use std::ops::ControlFlow;

use crate::api::Result;
use crate::api::drain::Drain;
use crate::ingest::DETECTED_LEVEL;
use crate::level;
use crate::logql::ast::LogExpr;
use crate::logql::json::{self, Event, JsonType, Walk};
use crate::logql::{Limits, LineProcessor, QueryError};
use crate::source::{LogSource, Order, Selection};

/// Members of a JSON line that hold its message, the first that is there.
const MESSAGE_KEYS: [&[u8]; 6] = [b"log", b"message", b"msg", b"msg_", b"_msg", b"content"];
/// Patterns of lines of one level.
const CLUSTERS_MAX: usize = 300;
const STEPS_MAX: i64 = 11_000;

/// What patterns are asked of.
#[derive(Clone, Debug)]
pub struct PatternRequest<'q> {
    /// Which lines are looked at; stages may filter and change them.
    pub query: &'q LogExpr,
    /// First timestamp.
    pub start_ns: i64,
    /// First timestamp no longer looked at.
    pub end_ns: i64,
    /// The length of the steps that lines are counted by.
    pub step_ns: i64,
    /// How many lines are looked at, the newest first.
    pub line_limit: usize,
}

/// A kind of lines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LinePattern {
    /// The text with `<_>` where lines differ; a JSON line shows its message. Usable with the filter `|>`.
    pub pattern: String,
    /// The level of the lines, as ingestion would find it.
    pub level: String,
    /// Number of lines.
    pub lines: u64,
    /// Start of each step that has lines, in nanoseconds since 1970, a multiple of the step, and how many.
    pub samples: Vec<(i64, u64)>,
}

/// The patterns of the selected lines, the most frequent first. Some microseconds a line; memory follows the patterns,
/// at most 300 a level.
///
/// # Errors
///
/// [`QueryError::Invalid`] for a step of 0 or less, [`QueryError::Limit`] for more than 11,000 steps, and as
/// [`crate::logql::evaluate`].
///
/// ```
/// use bedrock::labels::Labels;
/// use logstore::api::patterns::{PatternRequest, patterns};
/// use logstore::logql::parse_log;
/// use logstore::memory::MemorySource;
///
/// let mut source = MemorySource::default();
/// let labels = Labels::from_pairs([("app", "shop")])?;
/// for order in 0..5 {
///     source.push(&labels, order, format!("order {order} paid").as_bytes(), &[])?;
/// }
/// let query = parse_log(r#"{app="shop"}"#)?;
/// let request = PatternRequest { query: &query, start_ns: 0, end_ns: 10, step_ns: 10, line_limit: 1000 };
/// let found = patterns(&source, &request)?;
/// assert_eq!((found[0].pattern.as_str(), found[0].lines), ("order <_> paid", 5));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn patterns(source: &dyn LogSource, request: &PatternRequest<'_>) -> Result<Vec<LinePattern>> {
    let span = request.end_ns.saturating_sub(request.start_ns);
    if request.step_ns <= 0 {
        return Err(QueryError::invalid("the step of patterns has to be above 0"));
    }
    if span / request.step_ns > STEPS_MAX {
        let found = (span / request.step_ns) as u64;
        return Err(QueryError::Limit { what: "the number of steps", max: STEPS_MAX as u64, found });
    }
    let mut levels: BTreeMap<String, Drain> = BTreeMap::new();
    let mut processor = LineProcessor::new(request.query, &Limits::default())?;
    let mut selection = Selection::new(&request.query.matchers, request.start_ns, request.end_ns);
    selection.order = Order::Backward;
    selection.limit = Some(request.line_limit);
    let (mut left, mut failed) = (request.line_limit, None);
    source.scan(&selection, &mut |batch| {
        for entry in batch {
            if left == 0 {
                return ControlFlow::Break(());
            }
            let processed = match processor.process(entry.labels, entry.ts_ns, entry.line, entry.metadata) {
                Ok(Some(processed)) => processed,
                Ok(None) => continue,
                Err(error) => {
                    failed = Some(error);
                    return ControlFlow::Break(());
                }
            };
            left -= 1;
            let metadata: Vec<(String, String)> =
                entry.metadata.iter().map(|&(name, value)| (name.to_owned(), value.to_owned())).collect();
            let known = metadata.iter().find(|(name, _)| name == DETECTED_LEVEL);
            let level = known
                .and_then(|(_, value)| level::normalize(value))
                .unwrap_or_else(|| level::of_entry(entry.labels, &metadata, entry.line));
            let step = entry.ts_ns.div_euclid(request.step_ns) * request.step_ns;
            let line = String::from_utf8_lossy(&processed.line);
            let drain = levels.entry(level.to_owned()).or_insert_with(|| Drain::new(CLUSTERS_MAX));
            match message(&processed.line) {
                Some(message) => drain.train(&format!("\u{1}{message}\u{1}"), step),
                None => drain.train(&line, step),
            }
        }
        ControlFlow::Continue(())
    })?;
    failed.map_or(Ok(()), Err)?;
    let mut all: Vec<LinePattern> = levels
        .iter()
        .flat_map(|(level, drain)| drain.clusters.iter().map(move |cluster| (level, cluster)))
        .map(|(level, cluster)| LinePattern {
            pattern: cluster
                .pattern()
                .replace("<_>\u{1}", "<_>")
                .replace("\u{1}<_>", "<_>")
                .replace('\u{1}', "<_>"),
            level: level.clone(),
            lines: cluster.lines(),
            samples: cluster.steps.iter().map(|(&step, &lines)| (step, lines)).collect(),
        })
        .collect();
    all.sort_by(|a, b| {
        b.lines.cmp(&a.lines).then_with(|| (&a.pattern, &a.level).cmp(&(&b.pattern, &b.level)))
    });
    Ok(all)
}

/// The message of a JSON line.
fn message(line: &[u8]) -> Option<String> {
    if !line.trim_ascii_start().starts_with(b"{") {
        return None;
    }
    let mut found: Option<(usize, Vec<u8>)> = None;
    let end = json::walk(line, &mut |event| {
        if let Event::Member(key, value) = event
            && value.kind == JsonType::Text
            && let Some(rank) = MESSAGE_KEYS.iter().position(|name| *name == key)
            && found.as_ref().is_none_or(|(best, _)| rank < *best)
        {
            found = Some((rank, value.raw.to_vec()));
        }
        Walk::On
    });
    let (_, raw) = found.filter(|_| end.is_ok())?;
    String::from_utf8(raw).ok()
}
