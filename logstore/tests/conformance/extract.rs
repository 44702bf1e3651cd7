//! Rows that turn one line into a sample.

use logstore::logql::{Expr, Limits, SampleExtractor, parse};
use serde_json::Value;

use crate::compare::{labels_of, pairs_of, same_number};
use crate::{Verdict, differs};

pub(crate) fn run(row: &Value) -> Verdict {
    let query = row["extract"].as_str().ok_or("no query")?;
    let expect = &row["expect"];
    let ok = expect["ok"].as_bool().ok_or("no verdict")?;
    let compiled = match parse(query).map_err(|error| error.to_string())? {
        Expr::Metric(metric) => SampleExtractor::new(&metric, &Limits::default()),
        Expr::Log(_) => return Err("no metric query".to_owned()),
    };
    let mut extractor = match (compiled, ok) {
        (Ok(extractor), true) => extractor.ok_or("the query is not about lines")?,
        (Err(_), false) => return Ok(()),
        (Err(error), true) => return Err(format!("{query}: {error}")),
        (Ok(_), false) => return differs(query, &expect["error"], "no error"),
    };
    let stream = labels_of(&row["stream"])?;
    let metadata = pairs_of(&row["structured_metadata"])?;
    let metadata: Vec<(&str, &str)> = metadata.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let line = row["line"].as_str().ok_or("no line")?;
    let ts = row["ts"].as_i64().ok_or("no timestamp")?;
    let sample =
        extractor.sample(&stream, ts, line.as_bytes(), &metadata).map_err(|error| error.to_string())?;
    let expected = expect["sample"].as_bool().ok_or("no sample")?;
    let Some((value, labels)) = sample else {
        return if expected { differs(query, expect, "no sample") } else { Ok(()) };
    };
    if !expected {
        return differs(query, "no sample", (value, labels));
    }
    if !same_number(expect["value"].as_str().ok_or("no value")?, value) {
        return differs(query, &expect["value"], value);
    }
    let mut wanted = pairs_of(&expect["labels"])?;
    let mut found: Vec<(String, String)> =
        labels.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
    for pairs in [&mut wanted, &mut found] {
        pairs.retain(|(name, _)| name != "__error_details__");
        pairs.sort();
    }
    if wanted == found { Ok(()) } else { differs(query, wanted, found) }
}
