//! The log store on a log workload.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::time::{Duration, Instant};

use bedrock::labels::Labels;
use bedrock::wal::Durability;
use logstore::logql::{self, QueryData, QueryOptions};
use logstore::{Db, Options, StreamRef};

use crate::report::{Answer, Outcome, Report, in_scratch, resident_bytes};

/// Lines of one commit.
const COMMIT_LINES: usize = 1000;
/// Lines that are read and parsed before the clock runs again.
const CHUNK_LINES: usize = 20_000;

/// Log queries ask for the newest lines, as a user does.
const LOG_QUERIES: [&str; 4] = [
    r#"{app=~".+"} |= "needle-""#,
    r#"{app="checkout"}"#,
    r#"{env="prod"} |~ "slow query.*u1[0-9]{3}""#,
    r#"{app="checkout"} | json | http_status >= 500 | duration_ms > 100"#,
];

/// Metric queries over the whole range in steps of a minute.
const METRIC_QUERIES: [&str; 3] = [
    r#"sum by (level) (count_over_time({format="json"} | json level [1m]))"#,
    r#"sum by (app) (rate({env="prod"}[1m]))"#,
    r#"quantile_over_time(0.99, {app="payment"} | logfmt | unwrap duration(duration) [1m]) by (env)"#,
];

/// One line of the workload.
struct Entry {
    stream: usize,
    ts_ns: i64,
    line: Vec<u8>,
}

/// Reads a workload in chunks: a line with the streams and then an entry a line, or a log file as some program wrote
/// it, which is one stream of a line a millisecond.
struct Workload {
    streams: Vec<Labels>,
    lines: std::io::Split<BufReader<File>>,
    /// Lines of a log file so far; none in a workload of entries.
    plain: Option<i64>,
}

impl Workload {
    fn open(path: &Path) -> Outcome<Self> {
        let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
        if reader.fill_buf()?.first() != Some(&b'[') {
            let streams = vec![Labels::from_pairs([("job", "file")])?];
            return Ok(Workload { streams, lines: reader.split(b'\n'), plain: Some(0) });
        }
        let mut lines = reader.split(b'\n');
        let first = lines.next().ok_or("the workload is empty")??;
        let streams: Vec<std::collections::BTreeMap<String, String>> = serde_json::from_slice(&first)?;
        let streams = streams.iter().map(Labels::from_pairs).collect::<Result<_, _>>()?;
        Ok(Workload { streams, lines, plain: None })
    }

    fn chunk(&mut self) -> Outcome<Vec<Entry>> {
        let mut entries = Vec::with_capacity(CHUNK_LINES);
        for line in self.lines.by_ref().take(CHUNK_LINES) {
            let line = line?;
            if let Some(number) = &mut self.plain {
                entries.push(Entry { stream: 0, ts_ns: *number * 1_000_000, line });
                *number += 1;
                continue;
            }
            let line: serde_json::Value = serde_json::from_slice(&line)?;
            let field = |name: &str| line.get(name).ok_or_else(|| format!("a line without {name:?}"));
            entries.push(Entry {
                stream: field("s")?.as_u64().ok_or("a stream that is no number")? as usize,
                ts_ns: field("t")?.as_i64().ok_or("a time that is no number")?,
                line: field("l")?.as_str().ok_or("a line that is no text")?.as_bytes().to_owned(),
            });
        }
        Ok(entries)
    }
}

/// Runs every phase.
pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    in_scratch("logs", "usage: compare logs FILE.jsonl|FILE.log [--json]", arguments, measure)
}

fn measure(report: Report, file: &Path, dir: &Path) -> Outcome<()> {
    let durability = Durability::Interval(Duration::from_secs(1));
    let options = Options { durability, background: false, ..Options::default() };
    let db = Db::open(dir, options.clone())?;
    let (lines, line_bytes, range_ns) = ingest(report, file, &db)?;
    let began = Instant::now();
    db.flush()?;
    report.put("flush_ms", began.elapsed().as_secs_f64() * 1e3, "ms")?;
    report.put("disk_bytes_fresh", db.stats().block_file_bytes as f64, "B")?;
    let began = Instant::now();
    db.compact()?;
    let seconds = began.elapsed().as_secs_f64();
    report.put("compact_mb_per_s", line_bytes as f64 / 1e6 / seconds, "MB/s")?;
    let disk_bytes = db.stats().block_file_bytes as f64;
    report.put("disk_bytes_compacted", disk_bytes, "B")?;
    report.put("bytes_per_line", disk_bytes / lines as f64, "B")?;
    report.put("compact_peak_rss_bytes", resident_bytes().1, "B")?;
    db.close()?;
    queries(report, &Db::open(dir, options)?, range_ns)
}

/// Commits the workload on one thread; reading and parsing it is timed apart.
fn ingest(report: Report, file: &Path, db: &Db) -> Outcome<(u64, u64, (i64, i64))> {
    let mut workload = Workload::open(file)?;
    let mut batch = db.batch();
    let streams: Vec<StreamRef> =
        workload.streams.iter().map(|labels| batch.stream(labels)).collect::<Result<_, _>>()?;
    let (mut reading, mut ingesting) = (Duration::ZERO, Duration::ZERO);
    let (mut lines, mut line_bytes) = (0u64, 0u64);
    let mut range_ns = (i64::MAX, i64::MIN);
    let (before, _) = resident_bytes();
    loop {
        let began = Instant::now();
        let entries = workload.chunk()?;
        reading += began.elapsed();
        let Some((first, last)) = entries.first().zip(entries.last()) else { break };
        range_ns = (range_ns.0.min(first.ts_ns), range_ns.1.max(last.ts_ns));
        let began = Instant::now();
        for commit in entries.chunks(COMMIT_LINES) {
            for entry in commit {
                let stream = streams.get(entry.stream).ok_or("a line of an unknown stream")?;
                batch.push(*stream, entry.ts_ns, &entry.line, &[])?;
            }
            db.commit(&batch)?;
            batch.clear();
        }
        ingesting += began.elapsed();
        lines += entries.len() as u64;
        line_bytes += entries.iter().map(|entry| entry.line.len() as u64).sum::<u64>();
    }
    let began = Instant::now();
    db.sync()?;
    ingesting += began.elapsed();
    let seconds = ingesting.as_secs_f64();
    report.put("read_and_parse_s", reading.as_secs_f64(), "s")?;
    report.put("ingest_s", seconds, "s")?;
    report.put("ingest_mb_per_s_core", line_bytes as f64 / 1e6 / seconds, "MB/s")?;
    report.put("ingest_peak_rss_bytes", resident_bytes().1 - before, "B")?;
    Ok((lines, line_bytes, range_ns))
}

fn queries(report: Report, db: &Db, (first_ns, last_ns): (i64, i64)) -> Outcome<()> {
    let minute_ns = 60_000_000_000;
    for query in LOG_QUERIES {
        let options = QueryOptions::range(first_ns, last_ns + 1, minute_ns);
        time_query(report, db, query, &options)?;
    }
    // Whole minutes, as a dashboard asks for them.
    let start_ns = first_ns.div_euclid(minute_ns) * minute_ns;
    let end_ns = (last_ns.div_euclid(minute_ns) + 1) * minute_ns;
    for query in METRIC_QUERIES {
        time_query(report, db, query, &QueryOptions::range(start_ns, end_ns, minute_ns))?;
    }
    Ok(())
}

fn time_query(report: Report, db: &Db, query: &str, options: &QueryOptions<'_>) -> Outcome<()> {
    for (threads, name) in [(1, "one"), (0, "all")] {
        let options = QueryOptions { threads, ..options.clone() };
        let run = || Ok(logql::evaluate(&db.snapshot(), &logql::parse(query)?, &options)?);
        report.time_query(query, name, run, size_of)?;
    }
    Ok(())
}

/// The lines or the samples of an answer.
fn size_of(data: &QueryData) -> Answer {
    match data {
        QueryData::Streams(streams) => Answer::rows(streams.iter().map(|stream| stream.entries.len()).sum()),
        QueryData::Scalar(_, value) => Answer::numbers(std::iter::once(*value)),
        QueryData::Vector(_, samples) => Answer::numbers(samples.iter().map(|sample| sample.value)),
        QueryData::Matrix(series) => {
            Answer::numbers(series.iter().flat_map(|series| &series.points).map(|(_, value)| *value))
        }
    }
}
