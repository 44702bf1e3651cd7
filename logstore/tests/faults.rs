//! The store under everything that can happen to it: the scenarios of `testkit::life` over batches of entries.

#![expect(clippy::unwrap_used, reason = "a test may fail where it stands")]

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bedrock::disk::Disk;
use bedrock::labels::{Labels, MatchOp, Matcher};
use bedrock::store::Repaired;
use logstore::logql::parse_log;
use logstore::source::{LogSource, Selection};
use logstore::{Db, Error, Options, ReadOnlyDb, Snapshot, repair_on};
use testkit::life::{Found, Mode, RETENTION_S, Reader, Subject, time_ns};

/// A store whose batches are entries of two streams.
struct Logs(Db);

fn options(mode: Mode) -> Options {
    match mode {
        Mode::Caller => Options {
            background: false,
            compact_fan_in: 2,
            retention: Some(std::time::Duration::from_secs(RETENTION_S)),
            ..Options::default()
        },
        Mode::Thread => Options {
            durability: bedrock::wal::Durability::Never,
            flush_bytes: 8 << 10,
            head_bytes_max: 32 << 10,
            compact_fan_in: 4,
            ..Options::default()
        },
    }
}

/// What the medium said; anything else is a bug of ours.
fn medium(error: Error) -> bedrock::Error {
    match error {
        Error::Store(error) | Error::HeadFull { cause: error, .. } => error,
        other => panic!("{other}"),
    }
}

/// Batches by number, and how many of their entries are there.
fn found(snapshot: &Snapshot) -> bedrock::Result<Found> {
    let matchers = [Matcher::new(MatchOp::Regex, "app", ".+").unwrap()];
    let mut found = Found::new();
    snapshot.scan(&Selection::new(&matchers, i64::MIN, i64::MAX), &mut |entries| {
        for entry in entries {
            let line = std::str::from_utf8(entry.line).unwrap();
            let number: u64 =
                line.strip_prefix("batch=").and_then(|rest| rest.split(' ').next()).unwrap().parse().unwrap();
            assert!(line.ends_with("level=info"), "{line}");
            assert_eq!(entry.metadata, [("user", format!("u{number}").as_str())]);
            *found.entry(number).or_default() += 1;
        }
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

impl Subject for Logs {
    const ROWS: usize = 4;
    type Reader = LogsReader;

    fn open(disk: Arc<dyn Disk>, dir: &Path, mode: Mode) -> bedrock::Result<Self> {
        Db::open_on(disk, dir, options(mode)).map(Logs).map_err(medium)
    }

    fn commit(&self, number: u64) -> bedrock::Result<()> {
        let mut batch = self.0.batch();
        for entry in 0..Self::ROWS {
            let app = format!("app-{}", entry % 2);
            let stream = batch.stream(&Labels::from_pairs([("app", app.as_str())]).unwrap()).unwrap();
            let line = format!("batch={number} entry={entry} level=info");
            let metadata = [("user".to_owned(), format!("u{number}"))];
            batch.push(stream, time_ns(number) + entry as i64, line.as_bytes(), &metadata).unwrap();
        }
        self.0.commit(&batch).map_err(medium)
    }

    fn delete(&self, number: u64) -> bedrock::Result<()> {
        let query = parse_log(&format!("{{app=~\".+\"}} |= \"batch={number} \"")).unwrap();
        let from_ns = time_ns(number);
        let deleted = self.0.delete(&query, from_ns, from_ns + Self::ROWS as i64).map_err(medium)?;
        assert!(deleted == 0 || deleted == Self::ROWS as u64, "{deleted} entries of batch {number}");
        Ok(())
    }

    fn flush(&self) -> bedrock::Result<()> {
        self.0.flush().map_err(medium)
    }

    fn compact(&self) -> bedrock::Result<()> {
        self.0.compact().map_err(medium)
    }

    fn tick(&self, now_ns: i64) -> bedrock::Result<()> {
        self.0.tick(now_ns).map_err(medium)
    }

    fn found(&self) -> bedrock::Result<Found> {
        found(&self.0.snapshot())
    }

    fn verify(&self) -> Vec<bedrock::Error> {
        self.0.verify().problems
    }

    fn close(self) -> bedrock::Result<()> {
        self.0.close().map_err(medium)
    }

    fn snapshot_to(&self, target: &Path) -> bedrock::Result<()> {
        self.0.snapshot_to(target).map_err(medium)
    }

    fn repair(disk: Arc<dyn Disk>, dir: &Path) -> bedrock::Result<Repaired> {
        repair_on(&disk, dir).map_err(medium)
    }
}

struct LogsReader(ReadOnlyDb);

impl Reader for LogsReader {
    fn open(dir: &Path) -> bedrock::Result<Self> {
        ReadOnlyDb::open(dir).map(LogsReader).map_err(medium)
    }

    fn refresh(&self) -> bedrock::Result<()> {
        self.0.refresh().map_err(medium)
    }

    fn found(&self) -> bedrock::Result<Found> {
        found(&self.0.snapshot())
    }
}

testkit::life_tests!(Logs);
