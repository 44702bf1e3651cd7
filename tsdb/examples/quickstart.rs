//! A store in a directory: append, read back, close, open again.
//!
//! ```text
//! cargo run -p tristore-tsdb --example quickstart
//! ```

use std::error::Error;
use std::io::Write;

use bedrock::labels::{Labels, MatchOp, Matcher};
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use tsdb::{Clock, Db, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let dir = std::env::temp_dir().join(format!("tristore-quickstart-{}", std::process::id()));
    let mut out = std::io::stdout().lock();

    let db = Db::open(&dir, Options::default())?;
    let mut appender = db.appender();
    // Labels are resolved once; samples go by reference.
    let mut shops = Vec::new();
    for shop in ["berlin", "lyon"] {
        let labels = Labels::from_pairs([("__name__", "shoes_sold_total"), ("shop", shop)])?;
        shops.push(appender.series(&labels)?);
    }
    let now_ms = Clock::system().now_ms();
    for scrape in 0..240_i64 {
        let sold = [scrape as f64 * 2.0, scrape as f64 * 3.0];
        appender.append_scrape(&shops, now_ms - (240 - scrape) * 15_000, &sold);
        let committed = appender.commit()?;
        assert!(committed.rejected.is_empty(), "{:?}", committed.rejected);
    }
    db.close()?;

    // Everything that was committed is there again.
    let db = Db::open(&dir, Options::default())?;
    let snapshot = db.snapshot();
    let lyon = [Matcher::new(MatchOp::Equal, "shop", "lyon")?];
    let set = snapshot.select(&Select { matchers: &lyon, range: TimeRange::ALL })?;
    let mut columns = SeriesColumns::default();
    for index in 0..set.len() {
        set.read(index, TimeRange::ALL, &mut columns)?;
        let values = &columns.floats.values;
        writeln!(out, "{} has {} samples, the last is {:?}", set.labels(index), values.len(), values.last())?;
    }
    drop(set);
    drop(snapshot);
    writeln!(out, "{:#?}", db.stats())?;
    db.close()?;
    std::fs::remove_dir_all(&dir)?;
    Ok(())
}
