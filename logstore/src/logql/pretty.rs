//! From the tree back to text, over several lines where one would be longer than 100 bytes.
//!
//! The layout is that of the reference's formatter: each expression is written in one line if it fits, otherwise its
//! parts follow on lines of their own, two blanks deeper.

use crate::logql::ast::{
    BinaryExpr, Expr, Grouping, LabelReplace, LineFilter, LogExpr, LogRange, MetricExpr, RangeAggregation,
    Stage, Unwrap, VectorAggregation,
};
use crate::logql::print::quote;
use crate::logql::{number, quantity};

/// The longest line that is left in one piece.
const LINE_BYTES_MAX: usize = 100;

/// Writes a query over as many lines as its length asks for.
///
/// ```
/// use logstore::logql::{parse, pretty};
/// let query = parse(r#"sum(rate({app="shop"}[5m]))"#)?;
/// assert_eq!(pretty(&query), r#"sum(rate({app="shop"}[5m]))"#);
/// # Ok::<(), logstore::logql::QueryError>(())
/// ```
pub fn pretty(expr: &Expr) -> String {
    match expr {
        Expr::Log(log) => pretty_log(log, 0),
        Expr::Metric(metric) => pretty_metric(metric, 0),
    }
}

fn indent(level: usize) -> String {
    "  ".repeat(level)
}

/// The expression in one line, where it fits.
fn one_line(expr: &impl ToString, level: usize) -> Option<String> {
    let text = expr.to_string();
    (text.len() <= LINE_BYTES_MAX).then(|| indent(level) + &text)
}

fn pretty_log(log: &LogExpr, level: usize) -> String {
    let selector = LogExpr { matchers: log.matchers.clone(), stages: Vec::new() };
    if let Some(text) = one_line(log, level) {
        return text;
    }
    let mut text = indent(level) + &selector.to_string();
    for stage in &log.stages {
        text.push('\n');
        text.push_str(&pretty_stage(stage, level + 1));
    }
    text
}

fn pretty_stage(stage: &Stage, level: usize) -> String {
    match stage {
        Stage::LineFilters(filters) => pretty_line_filters(filters, level),
        Stage::Decolorize => stage.to_string(),
        _ => indent(level) + &stage.to_string(),
    }
}

/// A run that is too long loses its last filter to a line of its own, until the rest fits.
fn pretty_line_filters(filters: &[LineFilter], level: usize) -> String {
    let run = Stage::LineFilters(filters.to_vec());
    if let Some(text) = one_line(&run, level) {
        return text;
    }
    match filters {
        [] => String::new(),
        [only] => indent(level) + &only.to_string(),
        [rest @ .., last] => format!("{}\n{}{last}", pretty_line_filters(rest, level), indent(level)),
    }
}

fn pretty_metric(metric: &MetricExpr, level: usize) -> String {
    if let Some(text) = one_line(metric, level) {
        return text;
    }
    match metric {
        MetricExpr::Literal(_) | MetricExpr::Vector(_) => indent(level) + &metric.to_string(),
        MetricExpr::Range(aggregation) => pretty_range_aggregation(aggregation, level),
        MetricExpr::Aggregation(aggregation) => pretty_aggregation(aggregation, level),
        MetricExpr::Binary(binary) => pretty_binary(binary, level),
        MetricExpr::LabelReplace(replace) => pretty_label_replace(replace, level),
    }
}

fn pretty_range_aggregation(aggregation: &RangeAggregation, level: usize) -> String {
    let mut text = format!("{}{}(\n", indent(level), aggregation.op.as_str());
    if let Some(parameter) = aggregation.parameter {
        text.push_str(&format!("{}{},\n", indent(level + 1), number::format_float(parameter)));
    }
    text.push_str(&pretty_range(&aggregation.range, level + 1));
    text.push_str(&format!("\n{})", indent(level)));
    if let Some(grouping) = &aggregation.grouping {
        text.push_str(&pretty_grouping(grouping));
    }
    text
}

fn pretty_range(range: &LogRange, level: usize) -> String {
    let mut text = pretty_log(&range.log, level);
    if let Some(unwrap) = &range.unwrap {
        text.push('\n');
        text.push_str(&pretty_unwrap(unwrap, level + 1));
    }
    text.push_str(&format!(" [{}]", quantity::format_range(range.range_ns)));
    if range.offset_ns != 0 {
        text.push_str(&format!(" offset {}", quantity::format_range(range.offset_ns)));
    }
    text
}

fn pretty_unwrap(unwrap: &Unwrap, level: usize) -> String {
    let head = Unwrap { filters: Vec::new(), ..unwrap.clone() };
    let mut text = format!("{}{head}", indent(level));
    for filter in &unwrap.filters {
        text.push_str(&format!("\n{}| {filter}", indent(level)));
    }
    text
}

fn pretty_grouping(grouping: &Grouping) -> String {
    let word = match (grouping.without, grouping.labels.is_empty()) {
        (true, _) => " without",
        (false, false) => " by",
        (false, true) => "",
    };
    match grouping.labels.is_empty() {
        true => word.to_owned(),
        false => format!("{word} ({})", grouping.labels.join(", ")),
    }
}

fn pretty_aggregation(aggregation: &VectorAggregation, level: usize) -> String {
    let mut text =
        format!("{}{}{}(\n", indent(level), aggregation.op.as_str(), pretty_grouping(&aggregation.grouping));
    if let Some(parameter) = aggregation.parameter {
        text.push_str(&format!("{}{parameter},\n", indent(level + 1)));
    }
    text.push_str(&pretty_metric(&aggregation.inner, level + 1));
    text.push_str(&format!("\n{})", indent(level)));
    text
}

fn pretty_binary(binary: &BinaryExpr, level: usize) -> String {
    let matching = &binary.matching;
    let mut op = binary.op.as_str().to_owned();
    if binary.return_bool {
        op.push_str(" bool");
    }
    if !matching.labels.is_empty() {
        let word = if matching.on { "on" } else { "ignoring" };
        op.push_str(&format!(" {word} ({}) {}", matching.labels.join(", "), matching.cardinality.as_str()));
        if !matching.include.is_empty() {
            op.push_str(&format!(" ({})", matching.include.join(", ")));
        }
    }
    let left = pretty_metric(&binary.left, level + 1);
    let right = pretty_metric(&binary.right, level + 1);
    format!("{left}\n{}{op}\n{right}", indent(level))
}

fn pretty_label_replace(replace: &LabelReplace, level: usize) -> String {
    let mut text = format!("{}label_replace(\n{}", indent(level), pretty_metric(&replace.inner, level + 1));
    for argument in [&replace.target, &replace.replacement, &replace.source, &replace.regex] {
        text.push_str(&format!(",\n{}{}", indent(level + 1), quote(argument)));
    }
    text.push_str(&format!("\n{})", indent(level)));
    text
}
