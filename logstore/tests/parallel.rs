//! An answer depends neither on the number of threads nor on where the entries are: in the model, in the head, in blocks,
//! in compacted blocks with their template pages, or in all of them with entries stored twice.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::time::{Duration, Instant};

use bedrock::labels::Labels;
use logstore::logql::{Direction, QueryData, QueryError, QueryOptions, evaluate, parse};
use logstore::memory::MemorySource;
use logstore::source::LogSource;
use logstore::{Db, Options};

const SECOND: i64 = 1_000_000_000;
const ENTRIES: u64 = 6000;

/// An entry: stream, time, line, metadata.
type Pushed = (Labels, i64, String, Vec<(String, String)>);

/// Lines of three services; every tenth has metadata, every hundredth is broken.
fn entry(number: u64) -> Pushed {
    let dice = number.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 32;
    let (app, pod) = ([["api", "json"], ["shop", "logfmt"], ["web", "plain"]][dice as usize % 3], dice % 5);
    let labels = [("app", app[0]), ("format", app[1]), ("pod", &*format!("{}-{pod}", app[0]))];
    let labels = Labels::from_pairs(labels).unwrap();
    let level = ["info", "warn", "error"][(dice / 7) as usize % 3];
    let (took, status) = (dice % 997, 200 + dice % 4 * 100);
    let line = match app[1] {
        _ if dice.is_multiple_of(100) => format!("{{\"level\":\"{level}\", broken {took}"),
        "json" => format!(
            r#"{{"level":"{level}","msg":"order {number} paid","http":{{"status":{status}}},"took_ms":{took}}}"#
        ),
        "logfmt" => format!("level={level} msg=\"order {number} paid\" status={status} took={took}ms"),
        _ => format!("10.0.{pod}.7 GET /cart/{took} {status} {level}"),
    };
    let metadata =
        if dice.is_multiple_of(10) { vec![("level".to_owned(), "meta".to_owned())] } else { vec![] };
    // Entries come somewhat late, and several at one time.
    let at = (number / 3) as i64 * SECOND / 5 - (dice % 4) as i64 * SECOND;
    (labels, at, line, metadata)
}

fn fill(db: &Db, entries: &[Pushed], flush_every: usize) {
    for (number, chunk) in (1..).zip(entries.chunks(100)) {
        let mut batch = db.batch();
        for (labels, at, line, metadata) in chunk {
            let stream = batch.stream(labels).unwrap();
            batch.push(stream, *at, line.as_bytes(), metadata).unwrap();
        }
        db.commit(&batch).unwrap();
        if number % flush_every == 0 {
            db.flush().unwrap();
        }
    }
}

/// The same entries in different places.
fn sources(entries: &[Pushed]) -> Vec<(&'static str, Box<dyn LogSource>)> {
    let mut model = MemorySource::default();
    for (labels, at, line, metadata) in entries {
        model.push(labels, *at, line.as_bytes(), metadata).unwrap();
    }
    let options = || Options { background: false, ..Options::default() };
    let db = Db::in_memory(options()).unwrap();
    fill(&db, entries, 13);
    let blocks = db.snapshot();
    db.flush().unwrap();
    db.compact().unwrap();
    let compacted = db.snapshot();
    // A part of the entries again: they are in the compacted block and in the head.
    fill(&db, &entries[entries.len() / 3..], usize::MAX);
    let twice = db.snapshot();
    vec![
        ("model", Box::new(model)),
        ("blocks", Box::new(blocks)),
        ("compacted", Box::new(compacted)),
        ("twice", Box::new(twice)),
    ]
}

const QUERIES: [&str; 18] = [
    r#"{app=~".+"}"#,
    r#"{app=~".+"} |= "order 77""#,
    r#"{app=~".+"} |~ "order [0-9]+7 paid" != "8""#,
    r#"{app="api"} | json | http_status >= 400 | took_ms > 500"#,
    r#"{app="api"} | json | level = "error""#,
    r#"{app=~".+"} | json | missing != """#,
    r#"{app="shop"} | logfmt | took > 300ms and status != 200"#,
    r#"{app=~".+"} | logfmt | level_extracted = "info""#,
    r#"sum by (app) (count_over_time({app=~".+"} [1m]))"#,
    r#"sum by (level) (count_over_time({app="api"} | json level | __error__ = "" [1m]))"#,
    r#"sum by (level, pod) (count_over_time({app="api"} | json | __error__ = "" [90s]))"#,
    r#"sum by (level_extracted) (rate({app="shop"} | logfmt [1m]))"#,
    r#"quantile_over_time(0.9, {app="shop"} | logfmt | unwrap duration(took) | __error__ = "" [1m]) by (level)"#,
    r#"avg_over_time({app="api"} | json | status_x = "" | unwrap took_ms | __error__ = "" [1m])"#,
    r#"first_over_time({app="shop"} | logfmt | unwrap status [5m]) by (app)"#,
    r#"topk(2, sum by (pod) (bytes_rate({app="web"} |= "GET" [1m])))"#,
    r#"sum without (pod) (count_over_time({app="web"} | pattern `<ip> <_> <path> <status> <level>` [2m]))"#,
    r#"sum by (app) (count_over_time({app="api"} | json | level != "info" [1m]))"#,
];

fn answers(source: &dyn LogSource, query: &str, threads: usize) -> Vec<String> {
    let end = ENTRIES as i64 / 15 * SECOND;
    let ranges = [(-10 * SECOND, end + 10 * SECOND), (end / 3 + 7, end / 2)];
    let directions = [(Direction::Backward, 40), (Direction::Forward, 40), (Direction::Backward, 10_000)];
    let asked = ranges.iter().flat_map(|range| directions.iter().map(move |how| (range, how)));
    asked
        .map(|(&(start, end), &(direction, limit))| {
            let options =
                QueryOptions { direction, limit, threads, ..QueryOptions::range(start, end, 31 * SECOND) };
            match evaluate(source, &parse(query).unwrap(), &options) {
                // Where the limit cuts between equal times any of them will do.
                Ok(QueryData::Streams(streams)) if limit < 10_000 => {
                    let mut times: Vec<i64> =
                        streams.iter().flat_map(|stream| stream.entries.iter().map(|(at, _)| *at)).collect();
                    times.sort_unstable();
                    format!("{times:?}")
                }
                Ok(QueryData::Streams(mut streams)) => {
                    streams.iter_mut().for_each(|stream| stream.entries.sort());
                    format!("{streams:?}")
                }
                Ok(answer) => format!("{answer:?}"),
                Err(error) => match error {
                    QueryError::Pipeline { .. } => "a line failed".to_owned(),
                    other => panic!("{query}: {other}"),
                },
            }
        })
        .collect()
}

#[test]
fn threads_and_places_change_no_answer() {
    let entries: Vec<Pushed> = (0..ENTRIES).map(entry).collect();
    let sources = sources(&entries);
    for query in QUERIES {
        let wanted = answers(&*sources[0].1, query, 1);
        for (place, source) in &sources[1..] {
            for threads in [1, 3] {
                let found = answers(&**source, query, threads);
                for (wanted, found) in wanted.iter().zip(&found) {
                    let cut = |text: &str| text.chars().take(2000).collect::<String>();
                    assert!(
                        wanted == found,
                        "{query} over {place} with {threads} threads:\n{}\n{}",
                        cut(wanted),
                        cut(found)
                    );
                }
            }
        }
    }
}

#[test]
fn a_deadline_ends_a_scan_on_every_thread() {
    let entries: Vec<Pushed> = (0..600).map(entry).collect();
    let sources = sources(&entries);
    for query in [r#"{app=~".+"} |= "paid""#, r#"sum(count_over_time({app=~".+"} |= "paid" [1m]))"#] {
        let deadline = Some(Instant::now() - Duration::from_secs(1));
        let options = QueryOptions { deadline, ..QueryOptions::range(0, 100 * SECOND, SECOND) };
        for (_, source) in &sources {
            let answer = evaluate(&**source, &parse(query).unwrap(), &options);
            assert!(matches!(answer, Err(QueryError::Cancelled { .. })), "{answer:?}");
        }
    }
}
