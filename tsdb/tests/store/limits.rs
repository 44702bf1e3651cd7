//! Errors that name series and reason, clocks that jump, memory that is held.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use bedrock::disk::MemDisk;
use bedrock::error::Error as BedrockError;
use bedrock::histogram::{Histogram, Span};
use bedrock::labels::{Labels, MatchOp, Matcher};
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use tsdb::{
    Clock, Db, Error, Exemplar, HistogramProblem, LabelProblem, Metadata, MetricKind, Options, SampleProblem,
};

use crate::support::{contents, labels, options};

fn open(change: impl FnOnce(&mut Options)) -> Db {
    let mut options = options(Arc::new(MemDisk::new()));
    change(&mut options);
    Db::open("db", options).unwrap()
}

#[test]
fn every_refusal_names_the_series_and_the_reason() {
    let db = open(|options| options.out_of_order_window_ms = 10_000);
    let mut appender = db.appender();
    let series = appender.series(&labels(1)).unwrap();
    appender.append(series, 100_000, 1.0);
    appender.commit().unwrap();
    appender.append(series, 100_000, 2.0);
    appender.append(series, 100_000, 1.0);
    appender.append(series, 95_000, 3.0);
    appender.append(series, 80_000, 4.0);
    appender.append(series, i64::MAX, 5.0);
    appender.append(series, 101_000, 6.0);
    let committed = appender.commit().unwrap();
    assert_eq!((committed.appended, committed.out_of_order, committed.duplicates), (1, 1, 1));
    let problems: Vec<_> = committed.rejected.iter().map(|r| (r.index, r.problem)).collect();
    let newest_ms = (1_i64 << 50) + Options::default().ahead_ms_max;
    assert_eq!(
        problems,
        [
            (0, SampleProblem::Duplicate),
            (3, SampleProblem::TooOld { oldest_ms: 90_000 }),
            (4, SampleProblem::TooFarAhead { newest_ms }),
        ]
    );
    assert!(committed.rejected.iter().all(|rejection| rejection.labels == labels(1)));
    let text = committed.rejected[0].to_string();
    assert!(text.contains("test_metric") && text.contains("another value"), "{text}");
}

#[test]
fn all_or_nothing_takes_nothing_where_one_sample_is_bad() {
    let db = open(|_| {});
    let mut appender = db.appender().all_or_nothing();
    let series = appender.series(&labels(1)).unwrap();
    appender.append(series, 1_000, 1.0);
    appender.append(series, 1_000, 2.0);
    assert!(matches!(appender.commit(), Err(Error::Rejected(rejected)) if rejected.len() == 1));
    assert!(contents(&db).is_empty());
    appender.append(series, 1_000, 2.0);
    assert_eq!(appender.commit().unwrap().appended, 1, "the appender is empty after a failure");
}

#[test]
fn without_a_window_late_samples_are_out_of_order() {
    let db = open(|options| options.out_of_order_window_ms = 0);
    let mut appender = db.appender();
    let series = appender.series(&labels(1)).unwrap();
    appender.append(series, 2_000, 1.0);
    appender.append(series, 1_000, 1.0);
    let rejected = appender.commit().unwrap().rejected;
    assert_eq!(rejected[0].problem, SampleProblem::OutOfOrder { newest_ms: 2_000 });
}

#[test]
fn labels_break_limits_one_by_one() {
    let db = open(|options| {
        options.labels.labels_max = 2;
        options.labels.name_bytes_max = 10;
        options.labels.value_bytes_max = 5;
    });
    let mut appender = db.appender();
    let mut problem =
        |pairs: &[(&str, &str)]| match appender.series(&Labels::from_pairs(pairs.iter().copied()).unwrap()) {
            Err(Error::Labels { problem, .. }) => problem,
            other => panic!("{other:?}"),
        };
    assert_eq!(problem(&[]), LabelProblem::Empty);
    assert_eq!(problem(&[("a", "1"), ("b", "2"), ("c", "3")]), LabelProblem::TooMany { max: 2, found: 3 });
    assert!(matches!(
        problem(&[("a_long_name_", "1")]),
        LabelProblem::NameTooLong { max: 10, found: 12, .. }
    ));
    assert!(matches!(problem(&[("a", "123456")]), LabelProblem::ValueTooLong { max: 5, found: 6, .. }));
    assert!(matches!(problem(&[("a", "")]), LabelProblem::EmptyValue { .. }));
    let not_text = tsdb::labels_from_bytes([(&b"a"[..], &b"x\xff"[..])]);
    let Err(Error::Labels { problem, .. }) = not_text else { panic!("{not_text:?}") };
    assert_eq!(problem, LabelProblem::NotUtf8 { what: "value", index: 0, valid_up_to: 1 });
    assert!(tsdb::labels_from_bytes([(&b"a"[..], &b"1"[..]), (&b"a"[..], &b"2"[..])]).is_err());
}

#[test]
fn histograms_exemplars_and_metadata_survive() {
    let disk = Arc::new(MemDisk::new());
    let db = Db::open("db", options(disk.clone())).unwrap();
    let histogram = Arc::new(Histogram {
        schema: 3,
        count: 6.0,
        sum: 12.5,
        positive_spans: vec![Span { offset: -2, length: 2 }, Span { offset: 3, length: 1 }],
        positive_buckets: vec![1.0, 2.0, 3.0],
        ..Histogram::default()
    });
    let broken = Arc::new(Histogram { positive_buckets: vec![1.0], ..Histogram::clone(&histogram) });
    let custom = Arc::new(Histogram {
        schema: bedrock::histogram::CUSTOM_BUCKETS_SCHEMA,
        count: 1.5,
        sum: 0.5,
        positive_spans: vec![Span { offset: 0, length: 2 }],
        positive_buckets: vec![0.5, 1.0],
        custom_values: vec![0.5, 1.0],
        ..Histogram::default()
    });
    let mut appender = db.appender();
    let series = appender.series(&labels(1)).unwrap();
    appender.append_histogram(series, 500, 1_000, Arc::clone(&histogram));
    appender.append_histogram(series, 500, 2_000, broken);
    appender.append_histogram(series, 500, 3_000, Arc::clone(&custom));
    appender.append_histogram(series, 0, 2_500, Arc::clone(&histogram));
    let trace = Labels::from_pairs([("trace_id", "abc")]).unwrap();
    let exemplar = Exemplar { labels: trace, value: 0.3, timestamp_ms: 900 };
    appender.append_exemplar(series, exemplar.clone());
    let metadata = Metadata { kind: MetricKind::Histogram, help: "seconds".into(), unit: "seconds".into() };
    appender.set_metadata("test_metric", metadata.clone());
    let committed = appender.commit().unwrap();
    let problem = HistogramProblem::Buckets { described: 3, found: 1 };
    assert_eq!(committed.rejected[0].problem, SampleProblem::Histogram(problem));
    assert_eq!((committed.appended, committed.out_of_order), (2, 1));

    let check = |db: &Db| {
        let snapshot = db.snapshot();
        let select = Select { matchers: &[], range: TimeRange::ALL };
        let set = snapshot.select(&select).unwrap();
        let mut columns = SeriesColumns::default();
        set.read(0, TimeRange::ALL, &mut columns).unwrap();
        assert_eq!(columns.histograms.timestamps_ms, [1_000, 2_500, 3_000]);
        assert_eq!(columns.histograms.start_timestamps_ms, [500, 0, 500]);
        let (first, last) = (&columns.histograms.values[0], &columns.histograms.values[2]);
        assert_eq!((first.sum, first.positive_buckets.len()), (12.5, 3));
        assert_eq!(last.custom_values, custom.custom_values);
        assert_eq!(last.positive_buckets, custom.positive_buckets);
        assert_eq!(db.metadata("test_metric"), Some(metadata.clone()));
    };
    check(&db);
    let everything = Select { matchers: &[], range: TimeRange::ALL };
    assert_eq!(db.exemplars(&everything)[0].exemplars, std::slice::from_ref(&exemplar));
    drop(appender);
    drop(db);
    let db = Db::open("db", options(disk.clone())).unwrap();
    check(&db);
    assert_eq!(db.exemplars(&everything)[0].exemplars, std::slice::from_ref(&exemplar));
    db.flush().unwrap();
    check(&db);
    drop(db);
    check(&Db::open("db", options(disk)).unwrap());
}

/// Deletion once looked for series with samples in the head, so exemplars whose samples had gone to blocks stayed.
#[test]
fn exemplars_are_deleted_wherever_their_samples_are() {
    let disk = Arc::new(MemDisk::new());
    let options = || Options { idle_ms: 60_000, ..options(disk.clone()) };
    let db = Db::open("db", options()).unwrap();
    let mut appender = db.appender();
    for (number, time_ms) in [(1, 1_000), (2, 2_000), (3, 10_000_000)] {
        let series = appender.series(&labels(number)).unwrap();
        appender.append(series, time_ms, 1.0);
        let trace = Labels::from_pairs([("trace_id", "abc")]).unwrap();
        appender.append_exemplar(series, Exemplar { labels: trace, value: 0.3, timestamp_ms: time_ms });
        appender.commit().unwrap();
    }
    drop(appender);
    db.flush().unwrap();
    db.tick().unwrap();
    assert_eq!(db.stats().head_series, 1, "the head has forgotten the first two");
    let left = |db: &Db| -> Vec<Labels> {
        let found = db.exemplars(&Select { matchers: &[], range: TimeRange::ALL });
        found.into_iter().map(|series| series.labels).collect()
    };
    for number in [1, 3] {
        let matcher = Matcher::new(MatchOp::Equal, "number", &number.to_string()).unwrap();
        assert_eq!(db.delete(&[matcher], TimeRange::ALL).unwrap().block_series, 1);
    }
    assert_eq!(left(&db), [labels(2)]);
    drop(db);
    assert_eq!(left(&Db::open("db", options()).unwrap()), [labels(2)], "after replay too");
}

#[test]
fn a_clock_that_jumps_stops_nobody() {
    let now = Arc::new(AtomicI64::new(10_000_000_000));
    let db = {
        let now = Arc::clone(&now);
        open(move |options| options.clock = Clock::from_fn(move || now.load(Ordering::Relaxed)))
    };
    let mut appender = db.appender();
    let series = appender.series(&labels(1)).unwrap();
    appender.append(series, 10_000_000_000, 1.0);
    appender.commit().unwrap();
    // A target with a wrong clock cannot close the window for the others.
    appender.append(series, 20_000_000_000, 2.0);
    assert!(matches!(appender.commit().unwrap().rejected[0].problem, SampleProblem::TooFarAhead { .. }));
    // The clock of the store goes back by an hour: what is older than the newest sample is late, and nothing is lost.
    now.fetch_sub(3_600_000, Ordering::Relaxed);
    db.tick().unwrap();
    appender.append(series, 10_000_000_000 - 50_000, 3.0);
    appender.append(series, 10_000_015_000, 4.0);
    let committed = appender.commit().unwrap();
    assert_eq!((committed.appended, committed.out_of_order, committed.rejected.len()), (1, 1, 0));
    db.tick().unwrap();
    assert_eq!(contents(&db).values().next().unwrap().len(), 3);
}

#[test]
fn a_forgotten_reference_is_refused_and_never_means_another_series() {
    let db = open(|options| options.idle_ms = 60_000);
    let mut appender = db.appender();
    let old = appender.series(&labels(1)).unwrap();
    appender.append(old, 0, 1.0);
    appender.commit().unwrap();
    let other = appender.series(&labels(2)).unwrap();
    for step in 0..40 {
        appender.append(other, step * 15_000, 1.0);
        appender.commit().unwrap();
        db.tick().unwrap();
    }
    let third = appender.series(&labels(3)).unwrap();
    assert_ne!(third, old);
    appender.append(old, 700_000, 1.0);
    let rejected = appender.commit().unwrap().rejected;
    assert!(matches!(rejected[0].problem, SampleProblem::UnknownSeries { .. }), "{rejected:?}");
}

#[test]
fn memory_is_held_by_flushing_early_and_then_by_an_error() {
    let db = open(|options| {
        options.head_bytes_max = 3 << 20;
        options.durability = tsdb::Durability::Never;
    });
    let mut appender = db.appender();
    let references: Vec<_> = (0..2_000).map(|n| appender.series(&labels(n)).unwrap()).collect();
    for step in 0..500_i64 {
        appender.append_scrape(&references, step * 50, &vec![(step * 7919 % 1013) as f64 / 7.0; 2_000]);
        assert!(appender.commit().unwrap().rejected.is_empty());
        // What one commit can add: a sealed chunk of every series.
        assert!(db.stats().head_bytes <= (3 << 20) + 2_000 * 1_200, "{:?}", db.stats());
    }
    let more: Result<Vec<_>, _> = (2_000..20_000).map(|n| appender.series(&labels(n))).collect();
    assert!(matches!(more, Err(Error::Storage(BedrockError::Limit { what: "bytes of the head", .. }))));
    assert!(db.stats().blocks > 0, "nothing was flushed early");
}
