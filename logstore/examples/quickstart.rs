//! A store in a directory: push lines, ask in LogQL, close, open again.
//!
//! ```text
//! cargo run -p tristore-logstore --example quickstart
//! ```

use std::error::Error;
use std::io::Write;

use bedrock::labels::Labels;
use logstore::logql::{self, QueryData, QueryOptions};
use logstore::{Db, Options};

const SECOND_NS: i64 = 1_000_000_000;

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("tristore-logs-quickstart-{}", std::process::id()));
    let mut out = std::io::stdout().lock();

    let db = Db::open(&dir, Options::default())?;
    let mut batch = db.batch();
    let shop = batch.stream(&Labels::from_pairs([("app", "shoehub"), ("job", "shoehub")])?)?;
    for second in 0..60 {
        let level = if second % 20 == 7 { "ERROR" } else { "INFO" };
        let line = format!("level={level} component=database took={}ms", 3 + second % 5);
        batch.push(shop, second * SECOND_NS, line.as_bytes(), &[])?;
    }
    db.commit(&batch)?;
    db.close()?;

    // Everything that was committed is there again.
    let db = Db::open(&dir, Options::default())?;
    let whole = QueryOptions::range(0, 61 * SECOND_NS, 20 * SECOND_NS);
    let errors = logql::parse(r#"{app="shoehub"} | logfmt | level="ERROR""#)?;
    if let QueryData::Streams(streams) = logql::evaluate(&db.snapshot(), &errors, &whole)? {
        for stream in streams {
            for (ts_ns, line) in stream.entries {
                writeln!(out, "{:>3} s  {}", ts_ns / SECOND_NS, String::from_utf8_lossy(&line))?;
            }
        }
    }
    let slow = logql::parse(
        r#"quantile_over_time(0.9, {app="shoehub"} | logfmt | unwrap duration(took) [20s]) by (component)"#,
    )?;
    writeln!(out, "{:?}", logql::evaluate(&db.snapshot(), &slow, &whole)?)?;
    writeln!(out, "{:#?}", db.stats())?;
    db.close()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
