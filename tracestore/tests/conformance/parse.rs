//! `traceql_parse`: what is a query, and what it means.

use std::path::Path;

use serde_json::Value as Json;
use tracestore::traceql::ast::Body;
use tracestore::traceql::{QueryError, check, parse};

use crate::report::{Outcome, Report};
use crate::rows::rows;

pub(crate) fn run(report: &mut Report, stem: &str, path: &Path) {
    for (id, row) in rows(path) {
        report.add("extracted", stem, &id, false, || {
            row.ok_or_else(|| "unreadable row".to_owned()).and_then(|row| case(&row))
        });
    }
}

fn case(row: &Json) -> Outcome {
    let query = row["q"].as_str().ok_or("no query")?;
    let parsed = parse(query);
    let found = match parsed.as_ref().map(|tree| (tree, check(tree))) {
        Err(_) => "parse_error",
        Ok((_, Err(QueryError::Unsupported { .. }))) => "unsupported",
        Ok((_, Err(_))) => "validate_error",
        Ok((_, Ok(()))) => "valid",
    };
    let expected = row["result"].as_str().ok_or("no result")?;
    if found != expected {
        return Err(format!("expected {expected}, found {found}: {query} {:?}", parsed.err()));
    }
    let Ok(tree) = parsed else { return Ok(()) };
    let printed = tree.to_string();
    match parse(&printed) {
        Ok(again) if again == tree => {}
        other => return Err(format!("{query} prints as {printed}, which is another tree: {other:?}")),
    }
    if let Some(kind) = row["type"].as_str() {
        let found = if matches!(tree.body, Body::Search(_)) { "search" } else { "metrics" };
        if kind != found {
            return Err(format!("expected a {kind} query, found {found}: {query}"));
        }
    }
    // The reference prints `compare` and `minInt` in forms that are no queries, and rounds quantiles.
    let canonical = row["canonical"].as_str().ok_or("no canonical form")?;
    if canonical.contains("compare(") || canonical.contains("quantile_over_time(") {
        return Ok(());
    }
    match parse(&canonical.replace("-9223372036854775808", "minInt")) {
        Ok(canonical) if canonical == tree => Ok(()),
        Ok(canonical) => Err(format!("{query} prints as {printed}, expected {canonical}")),
        Err(error) => Err(format!("the canonical form of {query} does not parse: {error}")),
    }
}
