//! Rows that run a pipeline over one line.

use bedrock::labels::Labels;
use logstore::logql::{Category, Limits, LineProcessor, parse_log};
use serde_json::Value;

use crate::compare::{labels_of, pairs_of};
use crate::{Verdict, differs};

pub(crate) fn run(row: &Value) -> Verdict {
    let stages = row["pipeline"].as_str().ok_or("no pipeline")?;
    let line = row["line"].as_str().ok_or("no line")?;
    let expect = &row["expect"];
    let stream: Labels = labels_of(&row["stream"])?;
    let metadata = pairs_of(&row["structured_metadata"])?;
    let metadata: Vec<(&str, &str)> = metadata.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
    let ts = row["ts"].as_i64().ok_or("no timestamp")?;

    let query = match parse_log(&format!("{{app=\"x\"}} {stages}")) {
        Ok(query) if expect.get("parse_error").is_none() => query,
        Ok(_) => return differs("parse", &expect["parse_error"], "no error"),
        Err(_) if expect.get("parse_error").is_some() => return Ok(()),
        Err(error) => return Err(format!("{stages}: {error}")),
    };
    let mut processor = match LineProcessor::new(&query, &Limits::default()) {
        Ok(processor) if expect.get("pipeline_error").is_none() => processor,
        Ok(_) => return differs("compile", &expect["pipeline_error"], "no error"),
        Err(_) if expect.get("pipeline_error").is_some() => return Ok(()),
        Err(error) => return Err(format!("{stages}: {error}")),
    };
    let processed =
        processor.process(&stream, ts, line.as_bytes(), &metadata).map_err(|error| error.to_string())?;
    let keep = expect["keep"].as_bool().ok_or("no verdict")?;
    let Some(processed) = processed else {
        return if keep { differs(stages, "kept", "dropped") } else { Ok(()) };
    };
    if !keep {
        return differs(stages, "dropped", "kept");
    }
    let found_line = String::from_utf8_lossy(&processed.line);
    if Some(found_line.as_ref()) != expect["line"].as_str() {
        return differs(stages, &expect["line"], found_line);
    }
    let of = |category: Category| {
        processed
            .labels
            .iter()
            .filter(move |(_, _, c)| *c == category)
            .map(|(n, v, _)| (n.clone(), v.clone()))
    };
    for (name, category) in [
        ("stream", Category::Stream),
        ("structured_metadata", Category::Metadata),
        ("parsed", Category::Parsed),
    ] {
        let expected: Vec<_> = without_details(pairs_of(&expect[name])?.into_iter());
        let found = without_details(of(category));
        if expected != found {
            return differs(&format!("{stages}: {name}"), expected, found);
        }
    }
    Ok(())
}

/// Details of errors are for people: their wording does not count.
fn without_details(pairs: impl Iterator<Item = (String, String)>) -> Vec<(String, String)> {
    let mut pairs: Vec<_> = pairs.filter(|(name, _)| name != "__error_details__").collect();
    pairs.sort();
    pairs
}
