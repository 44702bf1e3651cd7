//! Text goes into a store and comes out again, and what is in the store is found by queries.

use std::ops::ControlFlow;

use bedrock::labels::{MatchOp, Matcher};
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use tsdb::openmetrics::{ImportError, ImportOptions, Imported, export};
use tsdb::{Db, Metadata, MetricKind, Options};

fn import(db: &Db, text: &str) -> Result<Imported, ImportError> {
    db.import(text.as_bytes(), ImportOptions::default(), |_| ControlFlow::Continue(()))
}

fn exported(db: &Db) -> String {
    let mut text = Vec::new();
    export(&db.snapshot(), &Select { matchers: &[], range: TimeRange::ALL }, &mut text)
        .expect("memory takes it");
    String::from_utf8(text).expect("exports are UTF-8")
}

#[test]
fn what_was_exported_imports_to_the_same() {
    let text = "\
{\"odd name\",\"a.b\"=\"x\\\"y\\\\z\\n\"} -0 -1.500
a_total 1 1.000
a_total 1e300 2.000
a_total 0.1 1700000000.001
b{Z=\"upper\",a=\"lower\"} NaN 1.000
b{Z=\"upper\",a=\"lower\"} +Inf 2.000
b{Z=\"upper\",a=\"lower\"} -Inf 3.000
c{} 5e-324 4.000
# EOF
";
    let first = Db::in_memory(Options::default()).unwrap();
    let imported = import(&first, text).unwrap();
    assert_eq!((imported.samples, imported.progress.series), (8, 4));
    let once = exported(&first);
    let second = Db::in_memory(Options::default()).unwrap();
    import(&second, &once).unwrap();
    assert_eq!(exported(&second), once);
    assert_eq!(once.lines().count(), 9, "{once}");
    assert!(once.contains("{\"odd name\",\"a.b\"=\"x\\\"y\\\\z\\n\"} -0 -1.500\n"), "{once}");
    assert!(once.contains("c 5e-324 4.000\n"), "{once}");
}

#[test]
fn an_import_spans_windows_merges_with_the_head_and_survives_a_reopen() {
    let dir = tempfile::tempdir().unwrap();
    let db = Db::open(dir.path(), Options::default()).unwrap();
    let mut appender = db.appender();
    let labels = bedrock::labels::Labels::from_pairs([("__name__", "m")]).unwrap();
    let series = appender.series(&labels).unwrap();
    appender.append(series, 1_700_000_000_000, 7.0);
    appender.commit().unwrap();
    // Twenty days by the hour, the newest first.
    let text: String =
        (0..480).rev().map(|hour| format!("m {hour} {}\n", 1_698_300_000 + 3600 * hour)).collect();
    let imported = import(&db, &text).unwrap();
    assert_eq!(imported.samples, 480);
    assert!(imported.blocks > 1, "five days a block");
    let check = |db: &Db| {
        let snapshot = db.snapshot();
        let m = Matcher::new(MatchOp::Equal, "__name__", "m").unwrap();
        let set = snapshot.select(&Select { matchers: &[m], range: TimeRange::ALL }).unwrap();
        let mut columns = SeriesColumns::default();
        set.read(0, TimeRange::ALL, &mut columns).unwrap();
        assert_eq!((set.len(), columns.floats.values.len()), (1, 481));
        assert!(columns.floats.timestamps_ms.is_sorted());
    };
    check(&db);
    drop(appender);
    db.close().unwrap();
    check(&Db::open(dir.path(), Options::default()).unwrap());
}

#[test]
fn a_broken_line_leaves_the_store_as_it_was() {
    let db = Db::in_memory(Options::default()).unwrap();
    let error = import(&db, "a 1 1\na 2 2\na two 3\n").unwrap_err();
    assert_eq!(error.to_string(), "line 3, column 3: \"two\" is no value");
    assert_eq!(exported(&db), "# EOF\n");
}

#[test]
fn exemplars_and_metadata_come_along_and_stay() {
    let dir = tempfile::tempdir().unwrap();
    let text = "# HELP x_seconds How long\\nit takes.\n# TYPE x_seconds histogram\n# UNIT x_seconds seconds\n\
        # a comment\nx_seconds_bucket{le=\"1\"} 4 1700000000 # {trace_id=\"a b\"} 0.5 1700000000.25\n\
        x_seconds_bucket{le=\"1\"} 5 1700000015 # {trace_id=\"c\"} 0.75\n# EOF\n";
    let db = Db::open(dir.path(), Options::default()).unwrap();
    let imported =
        db.import(text.as_bytes(), ImportOptions::default(), |_| ControlFlow::Continue(())).unwrap();
    assert_eq!((imported.samples, imported.progress.exemplars), (2, 2));
    let check = |db: &Db| {
        let metadata = db.metadata("x_seconds").unwrap();
        let expected = Metadata {
            kind: MetricKind::Histogram,
            help: "How long\nit takes.".into(),
            unit: "seconds".into(),
        };
        assert_eq!(metadata, expected);
        let found = db.exemplars(&Select { matchers: &[], range: TimeRange::ALL });
        assert_eq!(found.len(), 1);
        assert_eq!(found[0].labels.get("le"), Some("1"));
        let seen: Vec<_> = found[0].exemplars.iter().map(|e| (e.timestamp_ms, e.value)).collect();
        assert_eq!(seen, [(1_700_000_000_250, 0.5), (1_700_000_015_000, 0.75)]);
    };
    check(&db);
    db.close().unwrap();
    let db = Db::open(dir.path(), Options { checkpoint_after_bytes: 0, ..Options::default() }).unwrap();
    check(&db);
    db.tick().unwrap();
    db.close().unwrap();
    check(&Db::open(dir.path(), Options::default()).unwrap());
    let broken = "x 1 1 # {a=\"b\"} 0.5 1 1\n";
    let error = Db::in_memory(Options::default()).unwrap().import(
        broken.as_bytes(),
        ImportOptions::default(),
        |_| ControlFlow::Continue(()),
    );
    assert_eq!(error.unwrap_err().to_string(), "line 1, column 23: expected the end of the line");
}
