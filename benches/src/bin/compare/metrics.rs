//! The metrics store on a metrics workload.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use bedrock::disk::{Disk, FsDisk};
use bedrock::labels::{Labels, METRIC_NAME, MatchOp, Matcher};
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use tsdb::{Background, Db, Options, SeriesRef};

use crate::promql_rows;
use crate::report::{Outcome, Report, cpu_seconds, forget_peak, resident_bytes};
use crate::workload::Workload;

/// The first argument of a phase in a process of its own.
pub(crate) const PHASE: &str = "metrics-phase";

/// Series of the large head, unless the command line says otherwise.
const MANY_SERIES: usize = 1_000_000;
/// Series of one target of the large head.
const TARGET_SERIES: usize = 90;
/// Scrapes of the large head.
const MANY_SCRAPES: usize = 20;

/// Runs every phase.
pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let file = arguments.first().ok_or("usage: compare metrics FILE.mwl [--json] [--series N]")?;
    let json = arguments.iter().any(|argument| argument == "--json");
    let many = arguments.iter().skip_while(|argument| *argument != "--series").nth(1);
    let many = many.map_or_else(|| MANY_SERIES.to_string(), String::clone);
    let base = std::env::temp_dir().join(format!("tristore-compare-{}", std::process::id()));
    let dir = |name: &str| base.join(name).display().to_string();
    let json = if json { "json" } else { "text" };
    let phases = [
        vec!["ingest", json, file, &dir("two"), "2"],
        vec!["ingest", json, file, &dir("one"), "1"],
        vec!["reopen", json, file, &dir("one")],
        vec!["many", json, &many, &dir("many")],
        vec!["many-reopen", json, &many, &dir("many")],
    ]
    .map(|phase| phase.into_iter().map(str::to_owned).collect::<Vec<_>>());
    let outcome = phases.iter().try_for_each(|phase| {
        let status = Command::new(std::env::current_exe()?).arg(PHASE).args(phase).status()?;
        // A phase that plays a killed process ends with a signal.
        if status.success() || status.code().is_none() {
            Ok(())
        } else {
            Err(format!("{phase:?}: {status}").into())
        }
    });
    // The directory may be missing where the first phase failed already.
    let _ = std::fs::remove_dir_all(&base);
    outcome
}

/// Runs one phase.
pub(crate) fn phase(arguments: &[String]) -> Outcome<()> {
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    match words.as_slice() {
        ["ingest", format, file, dir, threads] => {
            ingest(report_of(format), Path::new(file), Path::new(dir), threads.parse()?)
        }
        ["reopen", format, file, dir] => reopen(report_of(format), Path::new(file), Path::new(dir)),
        ["many", format, series, dir] => many(report_of(format), series.parse()?, Path::new(dir)),
        ["many-reopen", format, series, dir] => {
            many_reopen(report_of(format), series.parse()?, &PathBuf::from(dir))
        }
        _ => Err("an unknown phase".into()),
    }
}

fn report_of(format: &str) -> Report {
    Report { json: format == "json" }
}

/// Ingests as a scraper would: one commit per target and scrape, references resolved once. Then dies.
fn ingest(report: Report, file: &Path, dir: &Path, threads: usize) -> Outcome<()> {
    let workload = Workload::read(file)?;
    let db = Db::open(dir, Options::default())?;
    forget_peak();
    let (before, _) = resident_bytes();
    let cpu_before = cpu_seconds();
    let began = Instant::now();
    std::thread::scope(|scope| {
        let workers: Vec<_> = (0..threads)
            .map(|thread| {
                let (db, workload) = (db.clone(), &workload);
                scope.spawn(move || scrape(&db, workload, thread, threads).map_err(|error| error.to_string()))
            })
            .collect();
        workers
            .into_iter()
            .try_for_each(|worker| worker.join().map_err(|_| "a scraper panicked".to_owned())?)
    })?;
    db.sync()?;
    let seconds = began.elapsed().as_secs_f64();
    let rate = workload.samples() as f64 / seconds / 1e6;
    report.put(&format!("ingest_msamples_per_s_{threads}_threads"), rate, "Msamples/s")?;
    // Of scrapers and background thread together: what a busy machine cannot distort.
    let cpu_ns = (cpu_seconds() - cpu_before) * 1e9;
    report.put(
        &format!("ingest_cpu_ns_per_sample_{threads}_threads"),
        cpu_ns / workload.samples() as f64,
        "ns",
    )?;
    if threads == 1 {
        let (_, peak) = resident_bytes();
        report.put("ingest_msamples_per_s", rate, "Msamples/s")?;
        report.put("ingest_peak_rss_bytes", peak, "bytes")?;
        report.put("ingest_peak_rss_beyond_workload_bytes", peak - before, "bytes")?;
    }
    std::process::abort();
}

/// The targets of one thread, scrape by scrape.
fn scrape(db: &Db, workload: &Workload, thread: usize, threads: usize) -> Outcome<()> {
    let mut appender = db.appender();
    let offsets = workload.offsets();
    let mut targets = Vec::new();
    for (target, series) in
        workload.targets.iter().enumerate().filter(|(target, _)| target % threads == thread)
    {
        let references = series.iter().filter_map(|index| workload.labels.get(*index));
        let references = references.map(|labels| appender.series(labels)).collect::<Result<Vec<_>, _>>()?;
        targets.push((target, offsets.get(target).copied().unwrap_or_default(), references));
    }
    for step in 0..workload.steps {
        for (target, offset, references) in &targets {
            let start = offset + step * references.len();
            let values = workload.values.get(start..start + references.len()).unwrap_or(&[]);
            appender.append_scrape(references, workload.timestamp_ms(*target, step), values);
            let committed = appender.commit()?;
            if committed.appended != references.len() {
                return Err(format!("a scrape was not taken as it is: {committed:?}").into());
            }
        }
    }
    Ok(())
}

/// Reopens what a dead process left, flushes, compacts, and reads.
fn reopen(report: Report, file: &Path, dir: &Path) -> Outcome<()> {
    let began = Instant::now();
    let db = Db::open(dir, caller_driven())?;
    report.put("replay_ms", milliseconds(began), "ms")?;
    let stats = db.stats();
    report.put("replayed_records", stats.replayed_records as f64, "records")?;
    let workload = Workload::read(file)?;
    let samples = workload.samples() as f64;

    let select = name_matcher("node_cpu_seconds_total")?;
    let last_ms = stats.newest_ms.unwrap_or_default();
    let newest = TimeRange::new(last_ms - 300_000, last_ms);
    let select = Select { matchers: &select, range: newest };
    report.put(
        "select_head_us",
        microseconds_of(|| db.snapshot().select(&select).map(|set| set.len()))?,
        "us",
    )?;

    promql_rows::instant(report, &db, "sum by (dc) (rate(node_cpu_seconds_total[5m]))", last_ms)?;

    let began = Instant::now();
    let flushed = db.flush()?;
    report.put("flush_ms", milliseconds(began), "ms")?;
    report.put("flushed_samples", flushed.samples as f64, "samples")?;
    check_samples(&db, workload.samples())?;
    let blocks = dir.join("blocks");
    report.put("bytes_per_sample_l0", bytes_below(&blocks)? / samples, "bytes")?;
    let began = Instant::now();
    db.compact()?;
    report.put("compact_ms", milliseconds(began), "ms")?;
    check_samples(&db, workload.samples())?;
    db.tick()?;
    report.put("bytes_per_sample", bytes_below(&blocks)? / samples, "bytes")?;
    report.put("disk_bytes", bytes_below(dir)?, "bytes")?;

    let select = Select { range: TimeRange::ALL, ..select };
    report.put("select_us", microseconds_of(|| db.snapshot().select(&select).map(|set| set.len()))?, "us")?;
    let snapshot = db.snapshot();
    let set = snapshot.select(&select)?;
    let mut columns = SeriesColumns::default();
    let (began, mut decoded) = (Instant::now(), 0);
    for index in 0..set.len() {
        set.read(index, TimeRange::ALL, &mut columns)?;
        decoded += columns.floats.values.len();
    }
    let nanoseconds = began.elapsed().as_secs_f64() * 1e9;
    report.put("decode_ns_per_sample", nanoseconds / decoded.max(1) as f64, "ns")?;
    drop(set);
    drop(snapshot);
    promql_rows::queries(report, &db, last_ms)?;
    check_values(&db, &workload)?;
    db.close()?;
    Ok(())
}

/// A store that does nothing by itself, so that a phase measures what it says.
fn caller_driven() -> Options {
    Options { background: Background::Caller, ..Options::default() }
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1e3
}

fn name_matcher(name: &str) -> Outcome<[Matcher; 1]> {
    Ok([Matcher::new(MatchOp::Equal, METRIC_NAME, name)?])
}

/// The median of a few runs.
fn microseconds_of<T, E: std::error::Error + 'static>(
    mut work: impl FnMut() -> Result<T, E>,
) -> Outcome<f64> {
    let mut times = Vec::new();
    for _ in 0..21 {
        let began = Instant::now();
        work()?;
        times.push(began.elapsed().as_secs_f64() * 1e6);
    }
    times.sort_by(f64::total_cmp);
    times.get(times.len() / 2).copied().ok_or_else(|| "no run".into())
}

/// Bytes of all files in a directory and below.
fn bytes_below(dir: &Path) -> Outcome<f64> {
    let disk = FsDisk::new();
    let mut bytes = 0.0;
    for entry in disk.list(dir)? {
        let path = dir.join(&entry.name);
        bytes += if entry.is_dir { bytes_below(&path)? } else { disk.file_bytes(&path)?.unwrap_or(0) as f64 };
    }
    Ok(bytes)
}

fn check_samples(db: &Db, expected: usize) -> Outcome<()> {
    let found = db.stats().block_samples;
    if found == expected as u64 {
        Ok(())
    } else {
        Err(format!("{found} of {expected} samples in blocks").into())
    }
}

/// Compares every value with the workload, bit for bit.
fn check_values(db: &Db, workload: &Workload) -> Outcome<()> {
    let snapshot = db.snapshot();
    let set = snapshot.select(&Select { matchers: &[], range: TimeRange::ALL })?;
    let by_labels: HashMap<&Labels, usize> = (0..set.len()).map(|index| (set.labels(index), index)).collect();
    let mut columns = SeriesColumns::default();
    for (target, offset) in workload.offsets().into_iter().enumerate() {
        let series = workload.targets.get(target).map_or(&[][..], Vec::as_slice);
        for (position, number) in series.iter().enumerate() {
            let labels = workload.labels.get(*number).ok_or("a series without labels")?;
            let index = by_labels.get(labels).ok_or_else(|| format!("{labels} is not there"))?;
            set.read(*index, TimeRange::ALL, &mut columns)?;
            let expected = (0..workload.steps)
                .filter_map(|step| workload.values.get(offset + step * series.len() + position));
            if !columns.floats.values.iter().map(|v| v.to_bits()).eq(expected.map(|v| v.to_bits())) {
                return Err(format!("{labels} has other values than were appended").into());
            }
        }
    }
    Ok(())
}

/// A head of many series of ten labels, each scraped a few times.
fn many(report: Report, series: usize, dir: &Path) -> Outcome<()> {
    let db = Db::open(dir, Options::default())?;
    let mut appender = db.appender();
    let (before, _) = resident_bytes();
    let began = Instant::now();
    let targets = series.div_ceil(TARGET_SERIES);
    let mut references: Vec<Vec<SeriesRef>> = Vec::with_capacity(targets);
    let mut values = vec![0.0; TARGET_SERIES];
    let base_ms = 1_780_000_000_000;
    // The labels are the workload: making them is no part of taking them in.
    let mut apart = Duration::ZERO;
    for scrape in 0..MANY_SCRAPES {
        for target in 0..targets {
            if scrape == 0 {
                let making = Instant::now();
                let count = TARGET_SERIES.min(series - target * TARGET_SERIES);
                let labels = (0..count).map(|metric| many_labels(target, metric));
                let labels = labels.collect::<tsdb::Result<Vec<_>>>()?;
                apart += making.elapsed();
                let of_target = labels.iter().map(|labels| appender.series(labels));
                references.push(of_target.collect::<Result<Vec<_>, _>>()?);
            }
            let Some(of_target) = references.get(target) else { continue };
            for (metric, value) in values.iter_mut().enumerate() {
                *value += ((target * 31 + metric * 7 + scrape * 13) % 97) as f64;
            }
            let timestamp_ms = base_ms + scrape as i64 * 15_000 + (target % 15_000) as i64;
            appender.append_scrape(of_target, timestamp_ms, &values);
            appender.commit()?;
        }
    }
    db.sync()?;
    let seconds = (began.elapsed() - apart).as_secs_f64();
    let (after, peak) = resident_bytes();
    let labels_and_head = after - before - (references.len() * TARGET_SERIES * size_of::<SeriesRef>()) as f64;
    report.put(
        "million_ingest_msamples_per_s",
        (series * MANY_SCRAPES) as f64 / seconds / 1e6,
        "Msamples/s",
    )?;
    report.put("bytes_per_series_head", labels_and_head / series as f64, "bytes")?;
    report.put("million_peak_rss_bytes", peak, "bytes")?;
    std::process::abort();
}

/// Ten labels, as a fleet of hosts has them.
fn many_labels(target: usize, metric: usize) -> tsdb::Result<Labels> {
    let pairs = [
        ("__name__", format!("node_metric_{:02}_total", metric / 9)),
        ("instance", format!("host-{target:05}.dc{}.example:9100", target % 4)),
        ("job", "node".to_owned()),
        ("dc", format!("dc{}", target % 4)),
        ("env", if target.is_multiple_of(5) { "staging" } else { "production" }.to_owned()),
        ("team", format!("team-{}", target % 12)),
        ("version", format!("1.{}.{}", target % 7, target % 3)),
        ("device", format!("sd{}", metric % 9)),
        ("mode", ["idle", "user", "system"].get(metric % 3).copied().unwrap_or("other").to_owned()),
        ("rack", format!("r{:03}", target % 250)),
    ];
    Labels::from_pairs(pairs).map_err(|problem| tsdb::Error::Labels {
        labels: format!("target {target} metric {metric}"),
        problem: problem.into(),
    })
}

fn many_reopen(report: Report, series: usize, dir: &Path) -> Outcome<()> {
    let (before, _) = resident_bytes();
    let began = Instant::now();
    let db = Db::open(dir, Options::default())?;
    report.put("million_replay_ms", began.elapsed().as_secs_f64() * 1e3, "ms")?;
    let (after, _) = resident_bytes();
    report.put("bytes_per_series_head_after_replay", (after - before) / series as f64, "bytes")?;
    drop(db);
    Ok(())
}
