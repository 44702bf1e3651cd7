//! Follows what is committed, as `tail -f` does: one thread writes, another sees the lines that a query lets through.
//!
//! ```text
//! cargo run -p tristore-logstore --example tail
//! ```

use std::error::Error;
use std::io::Write;
use std::time::Duration;

use bedrock::labels::Labels;
use logstore::logql::parse_log;
use logstore::{Db, Options, TailOptions};

fn main() -> Result<(), Box<dyn Error>> {
    let db = Db::in_memory(Options::default())?;
    let slow =
        parse_log(r#"{app="shoehub"} | logfmt | took > 90ms | line_format "{{.path}} took {{.took}}""#)?;
    let tail = db.tail(&slow, TailOptions { entries_max: 100, ..TailOptions::default() })?;

    let writer = std::thread::spawn({
        let db = db.clone();
        move || -> logstore::Result<()> {
            let mut batch = db.batch();
            let labels = [("app", "shoehub")];
            let shop = batch.stream(&Labels::from_pairs(labels).unwrap_or_default())?;
            for request in 0..200i64 {
                let line = format!("path=/shoes/{} took={}ms", request % 7, request * 37 % 100);
                batch.push(shop, request * 1_000_000, line.as_bytes(), &[])?;
                if request % 10 == 9 {
                    db.commit(&batch)?;
                    batch.clear();
                }
            }
            Ok(())
        }
    });

    let mut out = std::io::stdout().lock();
    while let Some(entry) = tail.next(Duration::from_millis(300)) {
        writeln!(out, "{:>4} ms  {}", entry.ts_ns / 1_000_000, String::from_utf8_lossy(&entry.line))?;
    }
    writeln!(out, "{} lines were lost on the way", tail.dropped())?;
    writer.join().map_err(|_| "the writer panicked")??;
    db.close()?;
    Ok(())
}
