//! Damage at rest is reported with its place, and a repair keeps what checks out.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use bedrock::labels::Labels;
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use tsdb::openmetrics::ImportOptions;
use tsdb::{Db, Options, repair};

const SERIES: usize = 20;
const SAMPLES: usize = 5000;

fn options() -> Options {
    Options { background: tsdb::Background::Caller, ..Options::default() }
}

/// A store with one block of counters in several pages each.
fn make(dir: &Path) -> PathBuf {
    let db = Db::open(dir, options()).unwrap();
    let mut text = String::new();
    for series in 0..SERIES {
        for i in 0..SAMPLES {
            let value = (i * i + series) % 1013;
            text.push_str(&format!("m{{series=\"{series:02}\"}} {value} {}\n", 1_700_000_000 + 15 * i));
        }
    }
    db.import(text.as_bytes(), ImportOptions::default(), |_| ControlFlow::Continue(())).unwrap();
    assert!(db.verify().is_sound());
    let path = db.snapshot().blocks()[0].path().to_owned();
    db.close().unwrap();
    path
}

fn flip(file: &Path, position: usize) {
    let mut bytes = std::fs::read(file).unwrap();
    bytes[position] ^= 1;
    // Other names of the file, in snapshots say, keep the old bytes.
    std::fs::remove_file(file).unwrap();
    std::fs::write(file, bytes).unwrap();
}

fn count(db: &Db) -> usize {
    let snapshot = db.snapshot();
    let set = snapshot.select(&Select { matchers: &[], range: TimeRange::ALL }).unwrap();
    let mut columns = SeriesColumns::default();
    let read = |index| {
        set.read(index, TimeRange::ALL, &mut columns).unwrap();
        columns.floats.values.len()
    };
    (0..set.len()).map(read).sum()
}

#[test]
fn a_damaged_page_is_found_and_the_rest_is_saved() {
    let dir = tempfile::tempdir().unwrap();
    let samples = make(dir.path()).join("samples");
    let middle = std::fs::metadata(&samples).unwrap().len() as usize / 2;
    flip(&samples, middle);
    let db = Db::open(dir.path(), options()).unwrap();
    let verified = db.verify();
    assert!(!verified.is_sound());
    let problems = &verified.blocks[0].problems;
    assert!(
        problems.iter().any(|problem| problem.to_string().contains("samples is damaged at byte")),
        "{problems:?}"
    );
    db.close().unwrap();

    let repaired = repair(dir.path(), &options()).unwrap();
    assert_eq!((repaired.sound, repaired.rewritten.len(), repaired.set_aside.len()), (0, 1, 0));
    assert_eq!(repaired.rewritten[0].pages, 1, "{repaired:?}");
    let db = Db::open(dir.path(), options()).unwrap();
    assert!(db.verify().is_sound());
    let kept = count(&db);
    assert!((SERIES * SAMPLES - 2048..SERIES * SAMPLES).contains(&kept), "{kept}");
    drop(db);
    let again = repair(dir.path(), &options()).unwrap();
    assert_eq!((again.sound, again.rewritten.len()), (1, 0), "a repaired store needs no repair");
}

#[test]
fn a_block_without_a_sound_index_is_set_aside() {
    let dir = tempfile::tempdir().unwrap();
    let block = make(dir.path());
    let index = block.join("index");
    flip(&index, 70);
    assert!(Db::open(dir.path(), options()).is_err());
    let repaired = repair(dir.path(), &options()).unwrap();
    assert_eq!((repaired.sound, repaired.rewritten.len(), repaired.set_aside.len()), (0, 0, 1));
    let aside = block.with_file_name(format!("damaged-{}", block.file_name().unwrap().to_str().unwrap()));
    assert!(aside.join("samples").exists());
    let db = Db::open(dir.path(), options()).unwrap();
    assert_eq!(count(&db), 0);
}

/// A store whose head has a checkpoint with sealed chunks, and some log behind it.
fn make_head(dir: &Path) {
    let db = Db::open(dir, Options { checkpoint_after_bytes: 0, ..options() }).unwrap();
    let mut appender = db.appender();
    let series: Vec<_> = (0..200)
        .map(|number| {
            let labels = Labels::from_pairs([("__name__", "m"), ("series", &format!("{number:03}"))]);
            appender.series(&labels.unwrap()).unwrap()
        })
        .collect();
    for scrape in 0..300 {
        let values: Vec<f64> = (0..200).map(|number| f64::from(scrape * number)).collect();
        appender.append_scrape(&series, 1_700_000_000_000 + i64::from(scrape) * 15_000, &values);
        appender.commit().unwrap();
        if scrape == 290 {
            db.tick().unwrap();
        }
    }
    let verified = db.verify();
    assert!(verified.is_sound(), "{:?}", verified.head);
    assert_eq!((verified.head.chunks, verified.head.pages, verified.head.records), (400, 4, 9));
    db.close().unwrap();
}

fn only_file(dir: &Path) -> PathBuf {
    let files: Vec<_> = std::fs::read_dir(dir).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert_eq!(files.len(), 1, "{files:?}");
    files.into_iter().next().unwrap()
}

#[test]
fn a_damaged_chunk_of_the_head_is_found_and_given_up() {
    let dir = tempfile::tempdir().unwrap();
    make_head(dir.path());
    let piece = only_file(&dir.path().join("chunks"));
    flip(&piece, std::fs::metadata(&piece).unwrap().len() as usize / 2);
    let db = Db::open(dir.path(), options()).unwrap();
    let head = db.verify().head;
    assert_eq!((head.chunks, head.problems.len()), (400, 1), "{:?}", head.problems);
    db.close().unwrap();

    let loss = repair(dir.path(), &options()).unwrap().head.unwrap();
    assert_eq!((loss.pages, loss.chunks), (Some(0), 1), "{loss:?}");
    let db = Db::open(dir.path(), options()).unwrap();
    assert!(db.verify().is_sound());
    assert_eq!(count(&db), 200 * 300 - 120);
    db.close().unwrap();
    assert!(repair(dir.path(), &options()).unwrap().head.is_none(), "a repaired head needs no repair");
}

#[test]
fn a_damaged_checkpoint_is_found_and_its_other_pages_are_saved() {
    let dir = tempfile::tempdir().unwrap();
    make_head(dir.path());
    let checkpoint = only_file(&dir.path().join("checkpoints"));
    flip(&checkpoint, std::fs::metadata(&checkpoint).unwrap().len() as usize / 2);
    assert!(Db::open(dir.path(), options()).is_err());
    let loss = repair(dir.path(), &options()).unwrap().head.unwrap();
    assert_eq!((loss.pages, loss.chunks), (Some(1), 0), "{loss:?}");
    let db = Db::open(dir.path(), options()).unwrap();
    assert!(db.verify().is_sound());
    assert_eq!(count(&db), 136 * 300, "a page of 64 series is gone");
    db.close().unwrap();
    let aside = std::fs::read_dir(dir.path()).unwrap();
    let aside =
        aside.filter(|entry| entry.as_ref().unwrap().file_name().to_string_lossy().starts_with("damaged-"));
    assert_eq!(aside.count(), 1);
}

#[test]
fn a_checkpoint_that_is_no_checkpoint_is_given_up() {
    let dir = tempfile::tempdir().unwrap();
    make_head(dir.path());
    flip(&only_file(&dir.path().join("checkpoints")), 3);
    assert!(Db::open(dir.path(), options()).is_err());
    let loss = repair(dir.path(), &options()).unwrap().head.unwrap();
    assert_eq!(loss.pages, None, "{loss:?}");
    let db = Db::open(dir.path(), options()).unwrap();
    assert!(db.verify().is_sound());
}
