//! Runs LogQL against the answers recorded from the reference implementation, and against the project's own cases.
//!
//! Every row counts; one that cannot be read counts as failed. What is known to fail stands in `baseline.txt` by id, with
//! the reason. Where the sets are found is told in [`testkit::conformance`].

mod api;
mod cases;
mod compare;
mod data;
mod extract;
mod parse;
mod pipeline;
mod script;

use std::fmt::Write as _;
use std::io::Read;
use std::path::Path;

use serde_json::Value;
use testkit::conformance::{Run, Tally, baseline, caught, folder, report, sorted_entries};

pub(crate) use testkit::conformance::Verdict;

use crate::data::Datasets;

#[test]
fn recorded_answers() {
    let Some((root, is_judged)) = folder("logql") else {
        report("conformance logql skipped: no recorded sets found (see TRISTORE_SHARED)");
        return;
    };
    let mut run = Run::new("logql");
    for folder in ["extracted", "cases"] {
        run_folder(&mut run, &root, folder);
    }
    if is_judged {
        run.judge(&baseline(include_str!("baseline.txt")));
    }
}

#[test]
fn own_cases() {
    let mut run = Run::new("logql");
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests");
    let tally = run_folder(&mut run, &root, "cases");
    assert!(tally.total > 0 && run.is_clean(), "{run:#?}");
}

fn run_folder(run: &mut Run, root: &Path, folder: &str) -> Tally {
    let mut tallies = Vec::new();
    let mut data = Datasets::new(root.join("datasets"));
    for path in sorted_entries(&root.join(folder)) {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let Some((stem, rest)) = name.split_once('.') else { continue };
        if rest.starts_with("jsonl") {
            tallies.push(run.file(&format!("{folder}/{stem}"), verdicts(&path, stem, &mut data)));
        }
    }
    run.folder(folder, &tallies)
}

fn verdicts(path: &Path, stem: &str, data: &mut Datasets) -> Vec<(String, Verdict)> {
    let text = match read_text(path) {
        Ok(text) => text,
        Err(error) => return vec![(stem.to_owned(), Err(error.to_string()))],
    };
    let rows = (1..).zip(text.lines()).filter(|(_, row)| !row.trim().is_empty());
    let verdict = |(number, row): (usize, &str)| {
        let parsed: Result<Value, _> = serde_json::from_str(row);
        let id = parsed.as_ref().ok().and_then(|row| row["id"].as_str()).map(str::to_owned);
        let verdict = match parsed {
            Ok(row) => caught(|| run_row(&row, data)),
            Err(error) => Err(format!("the row cannot be read: {error}")),
        };
        (id.unwrap_or_else(|| format!("{stem}:{number}")), verdict)
    };
    rows.map(verdict).collect()
}

/// A row is known by its members, so that a file may have any name.
fn run_row(row: &Value, data: &mut Datasets) -> Verdict {
    let has = |name: &str| row.get(name).is_some();
    if has("api") {
        cases::run(row, data)
    } else if has("pipeline") {
        pipeline::run(row)
    } else if has("extract") {
        extract::run(row)
    } else if has("evals") {
        script::run(row)
    } else if has("suite") {
        parse::run_shape(row)
    } else if has("ok") {
        parse::run(row)
    } else {
        Err("the row is of no known kind".to_owned())
    }
}

fn read_text(path: &Path) -> std::io::Result<String> {
    let bytes = std::fs::read(path)?;
    if path.extension().is_none_or(|extension| extension != "zst") {
        return String::from_utf8(bytes).map_err(std::io::Error::other);
    }
    let mut text = String::new();
    zstd::Decoder::new(bytes.as_slice())?.read_to_string(&mut text)?;
    Ok(text)
}

/// A difference, cut to a length that can be read.
pub(crate) fn differs(what: &str, expected: impl std::fmt::Debug, found: impl std::fmt::Debug) -> Verdict {
    let mut text = format!("{what}: expected ");
    for value in [format!("{expected:?}"), format!("{found:?}")] {
        let cut: String = value.chars().take(6000).collect();
        let _ = write!(text, "{cut} | ");
    }
    Err(text)
}
