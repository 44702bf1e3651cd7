//! Imports log lines and asks a question of them.
//!
//! ```text
//! cargo run -p tristore-logstore --example import_jsonl -- FILE.jsonl DIRECTORY '{app=~".+"} |= "error"'
//! ```
//!
//! A line of the file is `{"labels": {"app": "x"}, "ts": "<ns since 1970>", "line": "...", "metadata": {"k": "v"}}`;
//! `ts` may be a number, and `metadata` may be missing. Without arguments a file of three lines is made up.

use std::collections::BTreeMap;
use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use bedrock::labels::Labels;
use logstore::logql::{self, QueryData, QueryOptions};
use logstore::{Db, Options};

/// Entries of one commit.
const COMMIT_ENTRIES: usize = 1000;

#[derive(serde::Deserialize)]
struct Entry {
    labels: BTreeMap<String, String>,
    ts: serde_json::Value,
    line: String,
    #[serde(default)]
    metadata: BTreeMap<String, String>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let work = std::env::temp_dir().join(format!("tristore-import-{}", std::process::id()));
    let (file, dir) = match (arguments.next(), arguments.next()) {
        (Some(file), Some(dir)) => (PathBuf::from(file), PathBuf::from(dir)),
        _ => made_up(&work)?,
    };
    let query = arguments.next().unwrap_or_else(|| r#"{app=~".+"}"#.to_owned());

    let mut out = std::io::stdout().lock();
    let db = Db::open(&dir, Options::default())?;
    let (entries, range_ns) = import(&db, &file)?;
    writeln!(out, "{entries} entries")?;
    db.flush()?;
    db.compact()?;

    let options = QueryOptions::range(range_ns.0, range_ns.1 + 1, 60_000_000_000);
    match logql::evaluate(&db.snapshot(), &logql::parse(&query)?, &options)? {
        QueryData::Streams(streams) => {
            for stream in streams {
                writeln!(out, "{}", stream.labels)?;
                for (ts_ns, line) in stream.entries {
                    writeln!(out, "  {ts_ns} {}", String::from_utf8_lossy(&line))?;
                }
            }
        }
        other => writeln!(out, "{other:#?}")?,
    }
    db.close()?;
    if work.exists() {
        std::fs::remove_dir_all(&work)?;
    }
    Ok(())
}

/// Commits a file; gives the number of entries and their first and last time.
fn import(db: &Db, file: &Path) -> Result<(usize, (i64, i64)), Box<dyn Error>> {
    let mut batch = db.batch();
    let (mut entries, mut range_ns) = (0, (i64::MAX, i64::MIN));
    for line in BufReader::new(File::open(file)?).lines() {
        let entry: Entry = serde_json::from_str(&line?)?;
        let ts_ns: i64 = match &entry.ts {
            serde_json::Value::String(text) => text.parse()?,
            other => other.as_i64().ok_or("a time that is no number")?,
        };
        let stream = batch.stream(&Labels::from_pairs(&entry.labels)?)?;
        let metadata: Vec<(String, String)> = entry.metadata.into_iter().collect();
        batch.push(stream, ts_ns, entry.line.as_bytes(), &metadata)?;
        range_ns = (range_ns.0.min(ts_ns), range_ns.1.max(ts_ns));
        entries += 1;
        if batch.len() >= COMMIT_ENTRIES {
            db.commit(&batch)?;
            batch.clear();
        }
    }
    db.commit(&batch)?;
    Ok((entries, range_ns))
}

/// A small file, and a directory beside it.
fn made_up(work: &Path) -> Result<(PathBuf, PathBuf), Box<dyn Error>> {
    std::fs::create_dir_all(work)?;
    let file = work.join("lines.jsonl");
    let mut text = String::new();
    for second in 0..3 {
        text.push_str(&format!(
            "{{\"labels\":{{\"app\":\"shoehub\"}},\"ts\":\"{second}000000000\",\"line\":\"order {second} paid\"}}\n"
        ));
    }
    std::fs::write(&file, text)?;
    Ok((file, work.join("store")))
}
