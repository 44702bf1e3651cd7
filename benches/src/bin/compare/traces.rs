//! The trace store on a trace workload.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::time::{Duration, Instant};

use bedrock::wal::Durability;
use bytes::Bytes;
use tracestore::api;
use tracestore::model::TraceId;
use tracestore::otlp::{json, proto};
use tracestore::source::{Source, TimeWindow};
use tracestore::traceql::SearchOptions;
use tracestore::{Db, Options};

use crate::report::{Answer, Outcome, Report, in_scratch, resident_bytes};

/// Requests that are read and encoded before the clock runs again.
const CHUNK_REQUESTS: usize = 50;
/// Traces that are looked up by id.
const LOOKUPS: usize = 200;

const SEARCHES: [&str; 5] = [
    "{ status = error }",
    r#"{ .user.id = "u777" }"#,
    r#"{ span.db.statement =~ ".*orders WHERE id = 77.*" }"#,
    r#"{ resource.service.name = "edge" } >> { resource.service.name = "postgres" && duration > 50ms }"#,
    "{ status = error } | by(resource.service.name) | count() > 1",
];

const TAGS: [&str; 3] = ["resource.service.name", "span.http.route", "span.user.id"];

/// Reads requests: OTLP JSON a line, or protobuf behind a length of four bytes, little endian.
enum Requests {
    Json(std::io::Lines<BufReader<File>>),
    Protobuf(BufReader<File>),
}

impl Requests {
    fn open(path: &Path) -> Outcome<Self> {
        let mut reader = BufReader::with_capacity(1 << 20, File::open(path)?);
        let is_json = reader.fill_buf()?.first() == Some(&b'{');
        Ok(if is_json { Requests::Json(reader.lines()) } else { Requests::Protobuf(reader) })
    }

    fn next(&mut self) -> Outcome<Option<Bytes>> {
        match self {
            Requests::Json(lines) => {
                let Some(line) = lines.next() else { return Ok(None) };
                let decoded = json::decode(line?.as_bytes())?;
                Ok(Some(proto::encode(&decoded.resource_spans).into()))
            }
            Requests::Protobuf(reader) => {
                if reader.fill_buf()?.is_empty() {
                    return Ok(None);
                }
                let mut length = [0; 4];
                reader.read_exact(&mut length)?;
                let mut request = Vec::new();
                reader.take(u32::from_le_bytes(length).into()).read_to_end(&mut request)?;
                Ok(Some(request.into()))
            }
        }
    }
}

/// Runs every phase.
pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    in_scratch("traces", "usage: compare traces FILE.otlp.jsonl [--json]", arguments, measure)
}

fn measure(report: Report, file: &Path, dir: &Path) -> Outcome<()> {
    let durability = Durability::Interval(Duration::from_secs(1));
    let options = Options { durability, background: false, ..Options::default() };
    let db = Db::open(dir, options.clone())?;
    ingest(report, file, &db)?;
    let stats = db.stats();
    report.put("bytes_per_span_fresh", stats.block_file_bytes as f64 / stats.block_spans as f64, "B")?;
    let began = Instant::now();
    db.compact()?;
    report.put("compact_ms", began.elapsed().as_secs_f64() * 1e3, "ms")?;
    let stats = db.stats();
    report.put("disk_bytes", stats.block_file_bytes as f64, "B")?;
    report.put("bytes_per_span", stats.block_file_bytes as f64 / stats.block_spans as f64, "B")?;
    report.put("compact_peak_rss_bytes", resident_bytes().1, "B")?;
    db.close()?;
    queries(report, &Db::open(dir, options)?)
}

/// Commits the workload on one thread and flushes it; reading it and making protobuf of it is timed apart.
fn ingest(report: Report, file: &Path, db: &Db) -> Outcome<()> {
    let mut requests = Requests::open(file)?;
    let (mut reading, mut ingesting) = (Duration::ZERO, Duration::ZERO);
    let (mut spans, mut bytes) = (0, 0);
    let (before, _) = resident_bytes();
    loop {
        let began = Instant::now();
        let mut chunk = Vec::with_capacity(CHUNK_REQUESTS);
        while chunk.len() < CHUNK_REQUESTS
            && let Some(request) = requests.next()?
        {
            chunk.push(request);
        }
        reading += began.elapsed();
        if chunk.is_empty() {
            break;
        }
        let began = Instant::now();
        for request in &chunk {
            bytes += request.len();
            spans += db.commit_otlp(request)?.spans;
        }
        ingesting += began.elapsed();
    }
    let began = Instant::now();
    db.flush()?;
    ingesting += began.elapsed();
    report.put("read_and_encode_s", reading.as_secs_f64(), "s")?;
    report.put("request_bytes", bytes as f64, "B")?;
    report.put("ingest_kspans_per_s_core", spans as f64 / 1e3 / ingesting.as_secs_f64(), "kspans/s")?;
    report.put("ingest_peak_rss_bytes", resident_bytes().1 - before, "B")
}

fn queries(report: Report, db: &Db) -> Outcome<()> {
    let snapshot = db.snapshot();
    let ids = some_ids(&snapshot)?;
    let began = Instant::now();
    for id in &ids {
        std::hint::black_box(snapshot.trace(*id)?.ok_or("a trace that was stored is not found")?);
    }
    report.put("trace_by_id_us", began.elapsed().as_secs_f64() * 1e6 / ids.len().max(1) as f64, "us")?;
    for query in SEARCHES {
        let run = || Ok(api::search(&db.snapshot(), query, &SearchOptions::default())?);
        report.time_query(query, "one", run, |found| Answer::rows(found.len()))?;
    }
    for tag in TAGS {
        let name = format!("tag values of {tag}");
        let run = || Ok(api::tag_values(&db.snapshot(), tag, "", TimeWindow::ALL)?);
        report.time_query(&name, "one", run, |found| Answer::rows(found.len()))?;
    }
    Ok(())
}

/// Ids of traces all over the store.
fn some_ids(source: &impl Source) -> Outcome<Vec<TraceId>> {
    let options = SearchOptions { limit: 40_000, spans_per_set: 1, ..SearchOptions::default() };
    let found = api::search(source, "{ nestedSetParent < 0 }", &options)?;
    let every = (found.len() / LOOKUPS).max(1);
    Ok(found.iter().step_by(every).map(|trace| trace.id).collect())
}
