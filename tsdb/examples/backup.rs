//! A copy of a store that goes on running, and the copy opened as a store of its own.
//!
//! ```text
//! cargo run -p tristore-tsdb --example backup
//! ```

use std::error::Error;
use std::io::Write;

use bedrock::labels::Labels;
use bedrock::series::{Select, SeriesSource};
use bedrock::time::TimeRange;
use tsdb::{Clock, Db, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let base = std::env::temp_dir().join(format!("tristore-backup-{}", std::process::id()));
    let db = Db::open(base.join("store"), Options::default())?;
    let mut appender = db.appender();
    let now_ms = Clock::system().now_ms();
    for number in 0..1_000 {
        let number = number.to_string();
        let labels = Labels::from_pairs([("__name__", "up"), ("number", number.as_str())])?;
        let series = appender.series(&labels)?;
        appender.append(series, now_ms, 1.0);
    }
    appender.commit()?;

    // Hard links: the copy takes no room until the store itself moves on.
    db.snapshot_to(base.join("copy"))?;
    let late = appender.series(&Labels::from_pairs([("__name__", "only_in_the_store")])?)?;
    appender.append(late, now_ms, 1.0);
    appender.commit()?;

    let copy = Db::open(base.join("copy"), Options::default())?;
    let mut out = std::io::stdout().lock();
    for (name, db) in [("store", &db), ("copy", &copy)] {
        let snapshot = db.snapshot();
        let series = snapshot.select(&Select { matchers: &[], range: TimeRange::ALL })?.len();
        writeln!(out, "the {name} has {series} series")?;
    }
    copy.close()?;
    db.close()?;
    std::fs::remove_dir_all(&base)?;
    Ok(())
}
