//! Volumes of steps add up to the volume of the whole, wherever the entries are.
#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::collections::BTreeMap;

use bedrock::labels::Labels;
use logstore::api::patterns::{PatternRequest, patterns};
use logstore::api::volume::{AggregateBy, VolumeRequest, volume, volume_range};
use logstore::logql::{QueryError, parse_log, parse_selector};
use logstore::memory::MemorySource;
use logstore::source::LogSource;
use logstore::{Db, Options};

fn sources() -> Vec<(&'static str, Box<dyn LogSource>)> {
    let db = Db::in_memory(Options { background: false, ..Options::default() }).unwrap();
    let mut model = MemorySource::default();
    for number in 0..900i64 {
        let app = ["cart", "till", "web"][number as usize % 3];
        let labels = Labels::from_pairs([("app", app), ("pod", "1")]).unwrap();
        let line =
            format!("order {number} of user u{} {}", number % 7, ["paid", "refused"][number as usize % 2]);
        model.push(&labels, number, line.as_bytes(), &[]).unwrap();
        let mut batch = db.batch();
        let stream = batch.stream(&labels).unwrap();
        batch.push(stream, number, line.as_bytes(), &[]).unwrap();
        db.commit(&batch).unwrap();
        if number % 250 == 249 {
            db.flush().unwrap();
        }
    }
    let mixed = db.snapshot();
    db.flush().unwrap();
    let fresh = db.snapshot();
    db.compact().unwrap();
    let compacted = db.snapshot();
    vec![
        ("model", Box::new(model)),
        ("mixed", Box::new(mixed)),
        ("fresh", Box::new(fresh)),
        ("compacted", Box::new(compacted)),
    ]
}

#[test]
fn steps_add_up_to_the_whole() {
    let matchers = parse_selector(r#"{app=~"c.*|t.*"}"#).unwrap();
    let targets = ["app".to_owned()];
    let request = VolumeRequest {
        matchers: &matchers,
        start_ns: 10,
        end_ns: 805,
        target_labels: &targets,
        aggregate_by: AggregateBy::Series,
        limit: 10,
    };
    let mut answers = Vec::new();
    for (place, source) in sources() {
        let whole = volume(&*source, &request).unwrap();
        let steps = volume_range(&*source, &request, 100).unwrap();
        assert_eq!(
            steps.iter().map(|(end, _)| *end).collect::<Vec<_>>(),
            [110, 210, 310, 410, 510, 610, 710, 805]
        );
        let mut sums: BTreeMap<Labels, u64> = BTreeMap::new();
        for (labels, bytes) in steps.iter().flat_map(|(_, groups)| groups) {
            *sums.entry(labels.clone()).or_default() += bytes;
        }
        assert_eq!(sums, whole.into_iter().collect(), "{place}");
        assert!(matches!(volume_range(&*source, &request, 0), Err(QueryError::Invalid { .. })));
        let long = VolumeRequest { end_ns: i64::MAX, ..request.clone() };
        assert!(matches!(volume_range(&*source, &long, 1), Err(QueryError::Limit { .. })));
        answers.push(steps);
    }
    assert!(answers.windows(2).all(|pair| pair[0] == pair[1]));
}

#[test]
fn patterns_count_lines_of_one_kind() {
    let query = parse_log(r#"{app="cart"}"#).unwrap();
    let request =
        PatternRequest { query: &query, start_ns: 0, end_ns: 900, step_ns: 500, line_limit: 10_000 };
    for (place, source) in sources() {
        let found = patterns(&*source, &request).unwrap();
        assert_eq!(found.len(), 1, "{place}: {found:?}");
        assert_eq!(found[0].pattern, "order <_> of user <_> <_>");
        assert_eq!((found[0].lines, found[0].samples.as_slice()), (300, [(0, 167), (500, 133)].as_slice()));
        let newest = PatternRequest { line_limit: 10, ..request.clone() };
        assert_eq!(patterns(&*source, &newest).unwrap().iter().map(|pattern| pattern.lines).sum::<u64>(), 10);
    }
}
