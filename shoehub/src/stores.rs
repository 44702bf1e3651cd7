//! The three stores of the shop, side by side in one directory.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bedrock::labels::{MatchOp, Matcher};
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use bedrock::wal::Durability;
use promql::engine::{SampleValue, Value};
use promql::{Engine, EngineOptions};
use tsdb::{Background, Clock};

use crate::error::{Error, Result};
use crate::shop::SHOES;

/// How long traces are kept.
const TRACES_KEPT: Duration = Duration::from_secs(48 * 3_600);

/// Metrics, logs and traces in `metrics/`, `logs/` and `traces/` of a directory.
#[derive(Clone, Debug)]
pub struct Stores {
    /// Samples, in PromQL.
    pub metrics: tsdb::Db,
    /// Lines, in LogQL.
    pub logs: logstore::Db,
    /// Spans, in TraceQL.
    pub traces: tracestore::Db,
    /// The directory of all three.
    pub dir: PathBuf,
}

/// What one of the stores takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stored {
    /// What it keeps: samples, lines or spans.
    pub what: &'static str,
    /// The folder it is in.
    pub folder: &'static str,
    /// How many.
    pub items: u64,
    /// What they take on disk, log and indexes included.
    pub bytes: u64,
}

impl Stores {
    /// Opens the stores, which are made where they are missing. The shop does their upkeep itself, by its own clock, so
    /// that hours can pass in seconds: see [`Stores::tick`].
    ///
    /// # Errors
    ///
    /// [`Error::InUse`] where another process has them open; and where a file does not check out.
    pub fn open(dir: &Path, clock: Clock, durability: Durability) -> Result<Self> {
        let options =
            tsdb::Options { clock, durability, background: Background::Caller, ..tsdb::Options::default() };
        let metrics = tsdb::Db::open(dir.join("metrics"), options).map_err(|error| match error {
            tsdb::Error::Storage(error) => opening(dir, error, |error| Error::Metrics(error.into())),
            other => Error::Metrics(other),
        })?;
        let options = logstore::Options { durability, background: false, ..logstore::Options::default() };
        let logs = logstore::Db::open(dir.join("logs"), options).map_err(|error| match error {
            logstore::Error::Store(error) => opening(dir, error, |error| Error::Logs(error.into())),
            other => Error::Logs(other),
        })?;
        let retention = Some(TRACES_KEPT);
        let options = tracestore::Options {
            durability,
            background: false,
            retention,
            ..tracestore::Options::default()
        };
        let traces = tracestore::Db::open(dir.join("traces"), options).map_err(|error| match error {
            tracestore::Error::Store(error) => opening(dir, error, |error| Error::Traces(error.into())),
            other => Error::Traces(other),
        })?;
        Ok(Stores { metrics, logs, traces, dir: dir.to_owned() })
    }

    /// The time of the newest sample, in milliseconds.
    pub fn newest_ms(&self) -> Option<i64> {
        self.metrics.stats().newest_ms
    }

    /// What had been sold at the newest sample, by shoe. The shop keeps no books: it asks its store.
    ///
    /// # Errors
    ///
    /// Where the store cannot be read.
    pub fn sold_before(&self) -> Result<[f64; 3]> {
        let Some(newest_ms) = self.newest_ms() else { return Ok([0.0; 3]) };
        let (engine, query) = (Engine::new(EngineOptions::default()), "shoehub_sales");
        let answer = engine.instant(&self.metrics.snapshot(), query, newest_ms);
        let answer = answer.map_err(|error| Error::query("PromQL", query, &error))?;
        let Value::Vector(samples) = answer.value else { return Ok([0.0; 3]) };
        Ok(SHOES.map(|shoe| {
            let of_shoe = samples.iter().find(|sample| sample.labels.get("ShoeType") == Some(shoe));
            match of_shoe.map(|sample| &sample.value) {
                Some(SampleValue::Float(value)) => *value,
                _ => 0.0,
            }
        }))
    }

    /// Does the upkeep that is due at a time: flushes, compactions, retention.
    ///
    /// # Errors
    ///
    /// The first failure.
    pub fn tick(&self, now_ms: i64) -> Result<()> {
        self.metrics.tick()?;
        self.logs.tick(now_ms * 1_000_000)?;
        self.traces.tick(now_ms * 1_000_000)?;
        Ok(())
    }

    /// Writes everything to blocks and makes few dense ones of them.
    ///
    /// # Errors
    ///
    /// The first failure.
    pub fn settle(&self) -> Result<()> {
        self.metrics.flush()?;
        self.metrics.compact()?;
        self.logs.flush()?;
        self.logs.compact()?;
        self.traces.flush()?;
        self.traces.compact()?;
        Ok(())
    }

    /// What the stores hold and what it takes on disk, all files included.
    pub fn stored(&self) -> [Stored; 3] {
        let (logs, traces) = (self.logs.stats(), self.traces.stats());
        let counted = [
            ("samples", "metrics", self.metrics.stats().block_samples),
            ("lines", "logs", logs.block_entries + logs.head_entries),
            ("spans", "traces", traces.block_spans + traces.head_spans),
        ];
        counted.map(|(what, folder, items)| Stored {
            what,
            folder,
            items,
            bytes: bytes_below(&self.dir.join(folder)),
        })
    }

    /// Closes all three.
    ///
    /// # Errors
    ///
    /// Where the last sync of a log fails.
    pub fn close(self) -> Result<()> {
        self.metrics.close()?;
        self.logs.close()?;
        self.traces.close()?;
        Ok(())
    }
}

/// The time of the last sale in a store of metrics, in milliseconds: what "now" is for a shop with a clock of its own.
pub fn last_sale_ms(source: &dyn SeriesSource) -> Option<i64> {
    let matchers = [Matcher::new(MatchOp::Equal, "__name__", "shoehub_sales").ok()?];
    let series = source.select(&Select { matchers: &matchers, range: TimeRange::ALL }).ok()?;
    let mut columns = SeriesColumns::default();
    if !series.is_empty() {
        series.read(0, TimeRange::ALL, &mut columns).ok()?;
    }
    columns.floats.timestamps_ms.last().copied()
}

/// Why a store cannot be opened.
fn opening(dir: &Path, error: bedrock::Error, of_store: impl FnOnce(bedrock::Error) -> Error) -> Error {
    match error {
        bedrock::Error::Locked { .. } => Error::InUse { dir: dir.to_owned() },
        other => of_store(other),
    }
}

/// The sizes of all files below a directory. What cannot be read counts nothing.
fn bytes_below(dir: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else { return 0 };
    let sizes = entries.flatten().map(|entry| match entry.metadata() {
        Ok(metadata) if metadata.is_dir() => bytes_below(&entry.path()),
        Ok(metadata) => metadata.len(),
        Err(_) => 0,
    });
    sizes.sum()
}
