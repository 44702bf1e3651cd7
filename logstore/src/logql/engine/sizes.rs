//! Sizes as a running reference compares them.
//!
//! The reference hands a query on as text, in which a size has one digit behind the point and the units of a thousand:
//! `10KiB` is compared as `10kB`, `1.5GiB` as `1.6GB`. Answers to whole queries follow that; a [`super::super::LineProcessor`]
//! compares what is written, as the reference does where it runs a stage alone.

use crate::logql::ast::{Expr, LabelFilter, LogExpr, MetricExpr, Stage};
use crate::logql::quantity;

/// Rounds every size that labels are compared with.
pub(super) fn round(query: &mut Expr) {
    match query {
        Expr::Log(log) => round_stages(log),
        Expr::Metric(metric) => round_metric(metric),
    }
}

fn round_metric(metric: &mut MetricExpr) {
    match metric {
        MetricExpr::Literal(_) | MetricExpr::Vector(_) => {}
        MetricExpr::Range(aggregation) => {
            round_stages(&mut aggregation.range.log);
            let unwrap = aggregation.range.unwrap.iter_mut();
            unwrap.flat_map(|unwrap| &mut unwrap.filters).for_each(round_filter);
        }
        MetricExpr::Aggregation(aggregation) => round_metric(&mut aggregation.inner),
        MetricExpr::Binary(binary) => {
            round_metric(&mut binary.left);
            round_metric(&mut binary.right);
        }
        MetricExpr::LabelReplace(replace) => round_metric(&mut replace.inner),
    }
}

fn round_stages(log: &mut LogExpr) {
    for stage in &mut log.stages {
        if let Stage::LabelFilter(filter) = stage {
            round_filter(filter);
        }
    }
}

fn round_filter(filter: &mut LabelFilter) {
    match filter {
        LabelFilter::Bytes { value_bytes, .. } => {
            if let Ok(rounded) = quantity::parse_bytes(&quantity::format_bytes(*value_bytes)) {
                *value_bytes = rounded;
            }
        }
        LabelFilter::And(left, right) | LabelFilter::Or(left, right) => {
            round_filter(left);
            round_filter(right);
        }
        LabelFilter::Text(_)
        | LabelFilter::Number { .. }
        | LabelFilter::Duration { .. }
        | LabelFilter::Ip { .. } => {}
    }
}
