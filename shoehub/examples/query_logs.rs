//! LogQL over a store of one's own, answered as a table by the code of `shoehub query logs`.
//!
//! ```text
//! cargo run -p tristore-shoehub --example query_logs -- ['QUERY']
//! ```

use std::error::Error;
use std::io::Write;

use bedrock::labels::Labels;
use logstore::{Db, Options};
use shoehub::draw::render;
use shoehub::query::{Question, logs};

fn main() -> Result<(), Box<dyn Error>> {
    let text = std::env::args().nth(1);
    let text =
        text.unwrap_or_else(|| r#"sum by (level) (count_over_time({app="shop"} | logfmt [1m]))"#.to_owned());
    let db = Db::in_memory(Options::default())?;
    let mut batch = db.batch();
    let shop = batch.stream(&Labels::from_pairs([("app", "shop")])?)?;
    for second in 0..60 {
        let level = if second % 20 == 7 { "error" } else { "info" };
        let line = format!("level={level} took={}ms", 3 + second % 5);
        batch.push(shop, second * 1_000_000_000, line.as_bytes(), &[])?;
    }
    db.commit(&batch)?;

    let question = Question { text, at_ms: 60_000, range_ms: None, step_ms: None, limit: 20 };
    let answered = logs::ask(&db.snapshot(), &question)?;
    write!(std::io::stdout(), "{}", render(&answered.table.lines(None), false))?;
    Ok(db.close()?)
}
