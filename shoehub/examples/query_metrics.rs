//! PromQL over a store of one's own, answered as a table by the code of `shoehub query metrics`.
//!
//! ```text
//! cargo run -p tristore-shoehub --example query_metrics -- ['QUERY']
//! ```

use std::error::Error;
use std::io::Write;

use bedrock::labels::Labels;
use shoehub::draw::render;
use shoehub::query::{Question, metrics};
use tsdb::{Clock, Db, Options};

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::env::args().nth(1).unwrap_or_else(|| "rate(shoes_sold_total[5m])".to_owned());
    let (db, now_ms) = (Db::in_memory(Options::default())?, Clock::system().now_ms());
    let mut appender = db.appender();
    for (shop, pairs) in [("berlin", 2), ("lyon", 3), ("oslo", 5)] {
        let sold =
            appender.series(&Labels::from_pairs([("__name__", "shoes_sold_total"), ("shop", shop)])?)?;
        for scrape in 0..40 {
            appender.append(sold, now_ms - (40 - scrape) * 15_000, (scrape * pairs) as f64);
        }
    }
    appender.commit()?;

    let question = Question { text, at_ms: now_ms, range_ms: None, step_ms: None, limit: 20 };
    let answered = metrics::ask(&db.snapshot(), &question)?;
    write!(std::io::stdout(), "{}", render(&answered.table.lines(None), false))?;
    Ok(db.close()?)
}
