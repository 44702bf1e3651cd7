//! A filter on a label that streams and metadata may both have, or neither, answers as the dumb model does, wherever the
//! entries are.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use bedrock::labels::Labels;
use logstore::logql::{QueryData, QueryOptions, evaluate, parse};
use logstore::memory::MemorySource;
use logstore::source::LogSource;
use logstore::{Db, Options};
use proptest::prelude::*;

/// Streams of which some have a label that metadata has, too.
const STREAMS: [&[(&str, &str)]; 4] = [
    &[("job", "a")],
    &[("job", "b"), ("trace", "t1")],
    &[("job", "c"), ("trace", "t2"), ("user", "u1")],
    &[("job", "d")],
];

const QUERIES: [&str; 10] = [
    r#"{job=~".+"} | trace="t1""#,
    r#"{job=~".+"} | trace="t2" | user="u1""#,
    r#"{job=~".+"} |= "paid" | trace="t1""#,
    r#"{job=~"a|d"} | user="u2""#,
    r#"{job=~".+"} | job="b""#,
    r#"{job=~".+"} | missing="x""#,
    r#"{job=~".+"} | trace="t1" | logfmt | n > 5"#,
    r#"{job=~".+"} | logfmt | trace="t1""#,
    r#"sum by (job) (count_over_time({job=~".+"} | trace="t1" [10s]))"#,
    r#"sum by (user) (count_over_time({job=~".+"} | trace="t2" | logfmt | n > 5 [10s]))"#,
];

fn answer(source: &dyn LogSource, query: &str) -> QueryData {
    let options = QueryOptions { limit: 1_000, ..QueryOptions::range(0, 60_000_000_000, 10_000_000_000) };
    let mut answer = evaluate(source, &parse(query).unwrap(), &options).unwrap();
    if let QueryData::Streams(streams) = &mut answer {
        // Entries of one time come in any order.
        streams.iter_mut().for_each(|stream| stream.entries.sort());
    }
    answer
}

/// Entries by stream, second, line number, and values of metadata.
type Row = (usize, i64, u8, Option<u8>, Option<u8>);

proptest! {
    #![proptest_config(testkit::rounds::cases(40))]

    #[test]
    fn filters_on_labels_equal_the_model(
        entries in prop::collection::vec(
            (0..STREAMS.len(), 0i64..60, 0u8..12, prop::option::of(1u8..4), prop::option::of(1u8..4)), 1..120),
    ) {
        let db = Db::in_memory(Options { background: false, ..Options::default() }).unwrap();
        let mut model = MemorySource::default();
        let mut sources: Vec<(&str, Box<dyn LogSource>)> = Vec::new();
        let push = |rows: &[Row], model: &mut MemorySource| {
            let mut batch = db.batch();
            for (stream, second, number, trace, user) in rows {
                let labels = Labels::from_pairs(STREAMS[*stream].iter().copied()).unwrap();
                let line = format!("n={number} paid={}", number % 2);
                let mut metadata = Vec::new();
                metadata.extend(trace.map(|trace| ("trace".to_owned(), format!("t{trace}"))));
                metadata.extend(user.map(|user| ("user".to_owned(), format!("u{user}"))));
                let ts_ns = second * 1_000_000_000;
                let stream = batch.stream(&labels).unwrap();
                batch.push(stream, ts_ns, line.as_bytes(), &metadata).unwrap();
                model.push(&labels, ts_ns, line.as_bytes(), &metadata).unwrap();
            }
            db.commit(&batch).unwrap();
        };
        let (first, second) = entries.split_at(entries.len() / 2);
        push(first, &mut model);
        db.flush().unwrap();
        push(second, &mut model);
        sources.push(("block and head", Box::new(db.snapshot())));
        db.flush().unwrap();
        sources.push(("fresh blocks", Box::new(db.snapshot())));
        db.compact().unwrap();
        sources.push(("compacted", Box::new(db.snapshot())));
        for query in QUERIES {
            let expected = answer(&model, query);
            for (place, source) in &sources {
                prop_assert_eq!(&answer(&**source, query), &expected, "{} in {}", query, place);
            }
        }
    }
}
