//! A child process that is killed while it commits: everything that it had acknowledged is there.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use bedrock::time::TimeRange;
use tsdb::{Db, Durability, Options, ReadOnlyDb};

use crate::script::Random;
use crate::support::{contents, contents_in, labels, rounds};

/// Says to the test that it is the child, and where the store is.
const CHILD_DIR: &str = "TRISTORE_KILL_TEST_DIR";
const SERIES: usize = 40;

fn options() -> Options {
    Options {
        durability: Durability::Never,
        clock: tsdb::Clock::from_fn(|| 1 << 50),
        block_ms: 300_000,
        checkpoint_after_bytes: 32 << 10,
        ..Options::default()
    }
}

/// The child: commits for ever, and says which commits were acknowledged.
#[test]
fn child() {
    let Some(dir) = std::env::var_os(CHILD_DIR) else { return };
    let db = Db::open(Path::new(&dir), options()).unwrap();
    let mut appender = db.appender();
    let first = contents(&db).values().next().map_or(0, |samples| samples.len() as i64);
    let mut out = std::io::stdout().lock();
    for number in first.. {
        for series in 0..SERIES {
            let reference = appender.series(&labels(series)).unwrap();
            appender.append(reference, number * 1_000, number as f64);
        }
        appender.commit().unwrap();
        if number % 50 == 49 {
            db.flush().unwrap();
        }
        writeln!(out, "acknowledged {number}").unwrap();
        out.flush().unwrap();
    }
}

fn start(dir: &Path) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["kill::child", "--exact", "--nocapture", "--test-threads=1"])
        .env(CHILD_DIR, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap()
}

/// The commit that a line of the child acknowledges.
fn acknowledged(line: &str) -> Option<i64> {
    line.rsplit_once("acknowledged ")?.1.trim().parse().ok()
}

fn check(samples: &crate::support::Contents, acknowledged: i64, round: u64) {
    assert_eq!(samples.len(), SERIES, "round {round}");
    for (series, samples) in samples {
        let count = samples.len() as i64;
        assert!(count > acknowledged, "round {round}: {series} has {count} of {acknowledged} and more");
        let whole = samples
            .iter()
            .enumerate()
            .all(|(n, (time, value))| *time == n as i64 * 1_000 && *value == (n as f64).to_bits());
        assert!(whole, "round {round}: {series} has gaps");
    }
    let first = samples.values().next();
    assert!(samples.values().all(|samples| Some(samples) == first), "round {round}: a part of a commit");
}

#[test]
fn a_killed_writer_loses_nothing_that_it_acknowledged() {
    let dir = tempfile::tempdir().unwrap();
    let mut random = Random::new(11);
    for round in 0..rounds(6) {
        let mut child = start(dir.path());
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let (mut last, mut seen) = (-1, 0);
        let enough = 3 + random.below(120);
        while let Some(Ok(line)) = lines.next() {
            if let Some(number) = acknowledged(&line) {
                (last, seen) = (number, seen + 1);
            }
            if seen == enough {
                child.kill().unwrap();
                break;
            }
        }
        // What the child had said before it died.
        for line in lines.map_while(Result::ok) {
            last = acknowledged(&line).unwrap_or(last);
        }
        child.wait().unwrap();
        assert!(seen >= 3, "the child says nothing");
        let db = Db::open(dir.path(), options()).unwrap();
        check(&contents(&db), last, round);
        drop(db);
    }
}

#[test]
fn another_process_reads_what_a_writer_writes() {
    let dir = tempfile::tempdir().unwrap();
    let mut child = start(dir.path());
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut last = -1;
    while last < 20 {
        let line = lines.next().unwrap().unwrap();
        last = acknowledged(&line).unwrap_or(last);
    }
    let reader = ReadOnlyDb::open(dir.path(), options()).unwrap();
    check(&contents_in(&reader.snapshot(), TimeRange::ALL), last, 0);
    for round in 1..=rounds(12) {
        let before = contents_in(&reader.snapshot(), TimeRange::ALL);
        let target = last + 25;
        while last < target {
            let line = lines.next().unwrap().unwrap();
            last = acknowledged(&line).unwrap_or(last);
        }
        assert_eq!(contents_in(&reader.snapshot(), TimeRange::ALL), before, "it moves on by itself");
        reader.refresh().unwrap();
        check(&contents_in(&reader.snapshot(), TimeRange::ALL), last, round);
    }
    child.kill().unwrap();
    child.wait().unwrap();
}
