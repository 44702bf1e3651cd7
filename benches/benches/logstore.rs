//! The hot paths of the log store: a batch committed, a needle, parsed lines, the newest lines.
//!
//! `cargo bench -p tristore-benches --bench logstore`

use std::hint::black_box;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use logstore::logql::{self, QueryOptions};
use logstore::{Batch, Db, Options};
use testkit::generate::{LogLine, Logs, LogsOptions};

const LINES: usize = 50_000;
const BATCH_LINES: usize = 1_000;

const QUERIES: [(&str, &str); 4] = [
    ("needle", r#"{app=~".+"} |= "needle-""#),
    ("json filter", r#"{app="checkout"} | json | http_status >= 500 | duration_ms > 100"#),
    ("rate", r#"sum by (app) (rate({env="prod"}[1m]))"#),
    (
        "quantile",
        r#"quantile_over_time(0.99, {app="payment"} | logfmt | unwrap duration(duration) [1m]) by (env)"#,
    ),
];

fn options() -> Options {
    Options { background: false, ..Options::default() }
}

fn batch(db: &Db, logs: &Logs, lines: &[LogLine]) -> Batch {
    let mut batch = db.batch();
    for line in lines {
        let stream = batch.stream(&logs.streams()[line.stream]).expect("labels are legal");
        batch.push(stream, line.timestamp_ns, line.line.as_bytes(), &[]).expect("lines are short");
    }
    batch
}

fn commit(criterion: &mut Criterion) {
    let mut logs = Logs::new(LogsOptions::default());
    let db = Db::in_memory(options()).expect("memory opens");
    let mut lines: Vec<LogLine> = logs.by_ref().take(BATCH_LINES).collect();
    let bytes: usize = lines.iter().map(|line| line.line.len()).sum();
    let mut group = criterion.benchmark_group("logstore");
    group.throughput(Throughput::Bytes(bytes as u64));
    group.bench_function("commit", |bencher| {
        bencher.iter(|| {
            lines.iter_mut().for_each(|line| line.timestamp_ns += 1_000_000_000);
            db.commit(&batch(&db, &logs, &lines)).expect("memory takes it");
        });
    });
    group.finish();
}

fn query(criterion: &mut Criterion) {
    let mut logs = Logs::new(LogsOptions::default());
    let db = Db::in_memory(options()).expect("memory opens");
    let lines: Vec<LogLine> = logs.by_ref().take(LINES).collect();
    for lines in lines.chunks(BATCH_LINES) {
        db.commit(&batch(&db, &logs, lines)).expect("memory takes it");
    }
    db.flush().expect("memory takes it");
    db.compact().expect("memory takes it");
    let (first, last) = (lines[0].timestamp_ns, lines[LINES - 1].timestamp_ns);
    let range = QueryOptions::range(first, last + 1, 60_000_000_000);
    let mut group = criterion.benchmark_group("logstore, compacted");
    for (name, query) in QUERIES {
        let query = logql::parse(query).expect(query);
        group.bench_function(name, |bencher| {
            bencher.iter(|| black_box(logql::evaluate(&db.snapshot(), &query, &range).expect(name)));
        });
    }
    group.finish();
}

criterion_group!(benches, commit, query);
criterion_main!(benches);
