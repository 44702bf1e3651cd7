//! A trace as a tree of spans, each with a bar over the time of the whole.

use tracestore::model::{Span, SpanId, SpanRecord, StatusCode, Trace};

use super::line::{Line, Paint};
use super::number;
use crate::shop::Service;

/// Deeper than this a tree is not followed: traces of this shop are six deep, and a loop of parents ends here.
const DEPTH_MAX: usize = 30;

/// The spans of a trace with their depth: parents before their children, children in the order of time.
pub fn in_order(trace: &Trace) -> Vec<(usize, &SpanRecord)> {
    let ids: Vec<SpanId> = trace.spans.iter().map(|record| record.span.span_id).collect();
    let mut out = Vec::new();
    for root in trace.spans.iter().filter(|record| !ids.contains(&record.span.parent_span_id)) {
        below(trace, root, 0, &mut out);
    }
    out
}

fn below<'a>(trace: &'a Trace, record: &'a SpanRecord, depth: usize, out: &mut Vec<(usize, &'a SpanRecord)>) {
    out.push((depth, record));
    if depth == DEPTH_MAX {
        return;
    }
    let is_child = |child: &&SpanRecord| child.span.parent_span_id == record.span.span_id;
    let mut children: Vec<&SpanRecord> = trace.spans.iter().filter(is_child).collect();
    children.sort_by_key(|child| child.span.start_ns);
    children.into_iter().for_each(|child| below(trace, child, depth + 1, out));
}

/// The tree of a trace, drawn.
pub fn trace(trace: &Trace, width: usize) -> Vec<Line> {
    let start_ns = trace.spans.iter().map(|record| record.span.start_ns).min().unwrap_or(0);
    let end_ns = trace.spans.iter().map(|record| record.span.end_ns).max().unwrap_or(0);
    let whole = Whole { start_ns, length_ns: end_ns.saturating_sub(start_ns).max(1), width };
    in_order(trace).into_iter().map(|(depth, record)| row(record, depth, &whole)).collect()
}

/// What all bars are drawn on.
struct Whole {
    start_ns: u64,
    length_ns: u64,
    width: usize,
}

fn row(record: &SpanRecord, depth: usize, whole: &Whole) -> Line {
    const NAMES: usize = 44;
    let span = &record.span;
    let service = Service::of(&record.resource);
    let paint = Paint::series(service.map_or(5, |service| service as usize));
    let failed = span.status.code == StatusCode::ERROR;
    let name = format!("{}{}{}", if failed { "✗ " } else { "  " }, "  ".repeat(depth), span.name);
    let service = service.map_or("", Service::name).trim_end_matches(" Service");
    let room = whole.width.saturating_sub(NAMES + 10);
    let (before, bar) = place(span, whole, room);
    Line::of(if failed { Paint::Alarm } else { Paint::Plain }, format!("{name:<33}"))
        .with(paint, format!("{service:<11}"))
        .with(Paint::Plain, " ".repeat(before))
        .with(paint, "█".repeat(bar))
        .with(Paint::Plain, " ".repeat(room - before - bar))
        .with(Paint::Plain, format!(" {:>9}", number::seconds(span.duration_ns() as f64 / 1e9)))
}

/// How far from the left the bar of a span begins, and how long it is.
fn place(span: &Span, whole: &Whole, room: usize) -> (usize, usize) {
    let scaled = |ns: u64| (ns as f64 / whole.length_ns as f64 * room as f64).round() as usize;
    let before = scaled(span.start_ns.saturating_sub(whole.start_ns)).min(room.saturating_sub(1));
    (before, scaled(span.duration_ns()).clamp(1, room - before))
}
