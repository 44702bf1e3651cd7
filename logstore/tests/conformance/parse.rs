//! Rows that say whether a query parses, and how it is printed.

use logstore::logql::{Expr, parse, pretty};
use serde_json::Value;

use crate::{Verdict, differs};

pub(crate) fn run(row: &Value) -> Verdict {
    let query = row["query"].as_str().ok_or("no query")?;
    let ok = row["ok"].as_bool().ok_or("no verdict")?;
    let parsed = parse(query);
    let expr = match (&parsed, ok) {
        (Ok(expr), true) => expr,
        (Err(_), false) => return Ok(()),
        (Ok(expr), false) => return differs(query, row["error"].as_str(), expr.to_string()),
        (Err(error), true) => return differs(query, "no error", error.to_string()),
    };
    let kind = match expr {
        Expr::Log(_) => "log",
        Expr::Metric(_) => "metric",
    };
    let canonical = expr.to_string();
    let pretty = pretty(expr);
    for (name, found) in [("kind", kind), ("canonical", &canonical), ("pretty", &pretty)] {
        if let Some(expected) = row.get(name).and_then(Value::as_str)
            && expected != found
        {
            return differs(name, expected, found);
        }
    }
    Ok(())
}

/// The shape of a query, with placeholders for selector and range.
pub(crate) fn run_shape(row: &Value) -> Verdict {
    let shape = row["query"].as_str().ok_or("no query")?;
    let placeholders = [
        ("${SELECTOR}", r#"{app="x"}"#),
        ("${RANGE}", "5m"),
        ("${LABEL_NAME}", "app"),
        ("${LABEL_VALUE}", "x"),
    ];
    let query = placeholders.iter().fold(shape.to_owned(), |query, (name, value)| query.replace(name, value));
    let expr = parse(&query).map_err(|error| format!("{query}: {error}"))?;
    let kind = if matches!(expr, Expr::Log(_)) { "log" } else { "metric" };
    match row["kind"].as_str() {
        Some(expected) if expected != kind => differs("kind", expected, kind),
        _ => Ok(()),
    }
}
