//! Lines of services in the order in which they are pushed.

use std::fmt::Write as _;

use bedrock::labels::Labels;

use super::START_MS;
use super::sample::Sampler;

/// What [`Logs`] generates.
#[derive(Clone, Copy, Debug)]
pub struct LogsOptions {
    /// Time of the first line, in nanoseconds.
    pub start_ns: i64,
    /// Mean time between two lines, in nanoseconds.
    pub gap_ns: f64,
    /// Chooses one of the possible workloads.
    pub seed: u64,
}

impl Default for LogsOptions {
    fn default() -> Self {
        LogsOptions { start_ns: START_MS * 1_000_000, gap_ns: 3_000_000.0, seed: 7 }
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogLine {
    /// Index into [`Logs::streams`].
    pub stream: usize,
    /// Nanoseconds since the epoch; lines ascend.
    pub timestamp_ns: i64,
    /// The text, without a new line at its end.
    pub line: String,
}

/// Log lines without end: a third JSON, a third logfmt, a third access logs, by 96 streams of which a few are busy.
///
/// Users and paths are zipf-like, latencies log-normal, trace ids do not compress, `needle-<8 hex>` is in about one of
/// 200,000 lines and level `error` in 2%. About 2 us a line.
///
/// ```
/// use testkit::generate::{Logs, LogsOptions};
///
/// let logs = Logs::new(LogsOptions::default());
/// let streams = logs.streams().to_vec();
/// for line in logs.take(3) {
///     assert!(streams[line.stream].get("app").is_some());
///     assert!(!line.line.is_empty());
/// }
/// ```
#[derive(Clone, Debug)]
pub struct Logs {
    sampler: Sampler,
    gap_ns: f64,
    now_ns: i64,
    streams: Vec<Labels>,
    formats: Vec<Format>,
    /// Streams from busy to idle, and the running sum of their weights.
    order: Vec<usize>,
    weights: Vec<f64>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Format {
    Json,
    Logfmt,
    Access,
}

const APPS: [(&str, Format); 8] = [
    ("checkout", Format::Json),
    ("cart", Format::Json),
    ("catalog", Format::Json),
    ("payment", Format::Logfmt),
    ("order", Format::Logfmt),
    ("stock", Format::Logfmt),
    ("edge", Format::Access),
    ("cdn", Format::Access),
];

const AGENTS: [&str; 5] = [
    "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0 Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) AppleWebKit/605.1.15",
    "curl/8.5.0",
    "kube-probe/1.30",
    "Googlebot/2.1 (+http://www.google.com/bot.html)",
];

const MESSAGES: [&str; 10] = [
    "order accepted",
    "payment authorised",
    "payment declined by issuer",
    "cache miss, loading from database",
    "inventory reserved",
    "retrying upstream call",
    "session refreshed",
    "connection pool exhausted, waiting",
    "slow query detected",
    "request completed",
];

/// Levels and how many of a hundred lines have them.
const LEVELS: [(&str, f64); 4] = [("debug", 20.0), ("info", 66.0), ("warn", 12.0), ("error", 2.0)];

impl Logs {
    /// The workload before its first line.
    pub fn new(options: LogsOptions) -> Self {
        let mut sampler = Sampler::new(options.seed);
        let mut streams = Vec::new();
        let mut formats = Vec::new();
        for (app, format) in APPS {
            for env in ["prod", "stage"] {
                for pod in 0..6 {
                    let format_name = match format {
                        Format::Json => "json",
                        Format::Logfmt => "logfmt",
                        Format::Access => "nginx",
                    };
                    let pod_name = format!("{app}-{pod:02}");
                    let region = if pod % 2 == 0 { "eu" } else { "us" };
                    let pairs = [
                        ("app", app),
                        ("format", format_name),
                        ("env", env),
                        ("pod", &pod_name),
                        ("region", region),
                    ];
                    streams.push(Labels::from_pairs(pairs).expect("label names are distinct"));
                    formats.push(format);
                }
            }
        }
        let mut order: Vec<usize> = (0..streams.len()).collect();
        for i in (1..order.len()).rev() {
            order.swap(i, sampler.between(0, i as i64 + 1) as usize);
        }
        let weights = (1..=order.len()).scan(0.0, |sum, rank| {
            *sum += 1.0 / rank as f64;
            Some(*sum)
        });
        let weights = weights.collect();
        Logs { sampler, gap_ns: options.gap_ns, now_ns: options.start_ns, streams, formats, order, weights }
    }

    /// The label sets of the streams.
    pub fn streams(&self) -> &[Labels] {
        &self.streams
    }
}

impl Iterator for Logs {
    type Item = LogLine;

    fn next(&mut self) -> Option<LogLine> {
        let stream = self.order[self.sampler.weighted(&self.weights)];
        self.now_ns += self.sampler.exponential(self.gap_ns) as i64 + 1;
        let request = Request::draw(&mut self.sampler);
        let line = match self.formats[stream] {
            Format::Json => request.json(&mut self.sampler, self.now_ns),
            Format::Logfmt => request.logfmt(&mut self.sampler, self.now_ns),
            Format::Access => request.access(&mut self.sampler, self.now_ns),
        };
        Some(LogLine { stream, timestamp_ns: self.now_ns, line })
    }
}

/// What one line tells of.
struct Request {
    level: &'static str,
    took_ms: f64,
    status: u32,
    path: String,
    user: u64,
    message: String,
}

impl Request {
    fn draw(sampler: &mut Sampler) -> Self {
        let mut running = [0.0; LEVELS.len()];
        let mut sum = 0.0;
        for (slot, (_, weight)) in running.iter_mut().zip(LEVELS) {
            sum += weight;
            *slot = sum;
        }
        let level = LEVELS[sampler.weighted(&running)].0;
        let took_ms = sampler.log_normal(3.0, 1.0);
        let status = match (level, sampler.between(0, 37)) {
            ("error", _) => 500,
            (_, 0..30) => 200,
            (_, 30) => 201,
            (_, 31) => 204,
            (_, 32) => 301,
            (_, 33) => 304,
            (_, 34..36) => 404,
            _ => 429,
        };
        let path = match sampler.between(0, 8) {
            0 => "/api/v1/cart".to_owned(),
            1 => "/api/v1/checkout".to_owned(),
            2 => "/api/v1/products".to_owned(),
            3 => format!("/api/v1/products/{}", sampler.between(1, 5001)),
            4 => "/login".to_owned(),
            5 => format!("/static/js/app.{}.js", sampler.between(1, 5001)),
            6 => "/healthz".to_owned(),
            _ => format!("/img/shoe-{}.webp", sampler.between(1, 5001)),
        };
        let user = sampler.user();
        let mut message = (*sampler.pick(&MESSAGES)).to_owned();
        if sampler.chance(1.0 / 200_000.0) {
            let _ = write!(message, " needle-{:08x}", sampler.bits() as u32);
        }
        Request { level, took_ms, status, path, user, message }
    }

    fn size(&self) -> u64 {
        (self.took_ms * 113.0) as u64
    }

    fn json(&self, sampler: &mut Sampler, now_ns: i64) -> String {
        let Request { level, took_ms, status, path, user, message } = self;
        let trace = trace_id(sampler);
        let method = sampler.pick(&["GET", "GET", "POST"]);
        let size = self.size();
        format!(
            r#"{{"ts":{},"level":"{level}","msg":"{message}","trace_id":"{trace}","user":"u{user}","http":{{"method":"{method}","path":"{path}","status":{status}}},"duration_ms":{},"bytes":{size}}}"#,
            now_ns / 1_000_000,
            (took_ms * 1000.0).round() / 1000.0,
        )
    }

    fn logfmt(&self, sampler: &mut Sampler, now_ns: i64) -> String {
        let Request { level, took_ms, status, path, user, message } = self;
        let component = sampler.pick(&["database", "backend", "gateway", "queue"]);
        let trace = trace_id(sampler);
        format!(
            "ts={} level={level} component={component} msg=\"{message}\" trace_id={trace} user=u{user} path={path} \
             status={status} duration={took_ms:.3}ms size={}B",
            now_ns / 1_000_000,
            self.size(),
        )
    }

    fn access(&self, sampler: &mut Sampler, now_ns: i64) -> String {
        let Request { took_ms, status, path, user, message, .. } = self;
        let seconds = now_ns / 1_000_000_000;
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        let agent = sampler.pick(&AGENTS);
        let (b, c, d) = (user % 250, user * 7 % 250, user * 13 % 250);
        let mut line = format!(
            "10.{b}.{c}.{d} - u{user} [22/Nov/2026:{hour:02}:{minute:02}:{second:02} +0000] \"GET {path} HTTP/1.1\" \
             {status} {} \"-\" \"{agent}\" {:.3}",
            self.size(),
            took_ms / 1000.0,
        );
        if message.contains("needle") {
            let _ = write!(line, " {message}");
        }
        line
    }
}

fn trace_id(sampler: &mut Sampler) -> String {
    format!("{:016x}{:016x}", sampler.bits(), sampler.bits())
}

#[cfg(test)]
mod tests;
