//! Prometheus and VictoriaMetrics on the metrics workload: started on loopback, asked over HTTP, and stopped.

use std::collections::BTreeMap;
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tsdb::openmetrics::{Dialect, ImportOptions};

use crate::all::bytes_below;
use crate::all_workloads::Workloads;
use crate::promql_rows::{RANGE_MS, RANGE_QUERIES, STEP_MS};
use crate::report::{Answer, Outcome, QUERY_RUNS};

/// How long a server may take to start, or to come to rest.
const PATIENCE: Duration = Duration::from_secs(60);

/// A server of metrics.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    /// How it is installed.
    pub(crate) install: &'static str,
    program: &'static str,
    measure: fn(&Workloads, &Path) -> Outcome<BTreeMap<String, f64>>,
}

pub(crate) const PEERS: [Peer; 2] = [
    Peer {
        name: "Prometheus",
        install: "apt install prometheus",
        program: "prometheus",
        measure: prometheus,
    },
    Peer {
        name: "VictoriaMetrics",
        install: "apt install victoria-metrics",
        program: "victoria-metrics",
        measure: victoria_metrics,
    },
];

/// Version and values by row; `None` where the peer is not installed.
pub(crate) fn measure(
    peer: &Peer,
    workloads: &Workloads,
    dir: &Path,
) -> Outcome<Option<(String, BTreeMap<String, f64>)>> {
    let Ok(output) = Command::new(peer.program).arg("--version").output() else { return Ok(None) };
    let said =
        String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    let version = version_in(&said).or_else(|| packaged_version(peer.program));
    let version = version.unwrap_or_else(|| "of an unknown version".to_owned());
    Ok(Some((version, (peer.measure)(workloads, dir)?)))
}

/// The first word of a text that looks like a version.
fn version_in(text: &str) -> Option<String> {
    let is_version = |word: &&str| word.starts_with(|c: char| c.is_ascii_digit()) && word.contains('.');
    let words = text.split(|c: char| c.is_whitespace() || "-+,v".contains(c));
    words.into_iter().find(is_version).map(str::to_owned)
}

/// What the distribution says: its VictoriaMetrics was built without telling its version.
fn packaged_version(package: &str) -> Option<String> {
    let output = Command::new("dpkg-query").args(["-W", "-f", "${Version}", package]).output().ok()?;
    version_in(&String::from_utf8_lossy(&output.stdout))
}

/// How long our own import of the text takes, in seconds.
pub(crate) fn import_s(workloads: &Workloads, dir: &Path) -> Outcome<f64> {
    let db = tsdb::Db::open(dir.join("import"), tsdb::Options::default())?;
    let began = Instant::now();
    let options = ImportOptions { dialect: Dialect::OpenMetrics, ..ImportOptions::default() };
    let file = std::fs::File::open(&workloads.openmetrics)?;
    let imported = db.import(file, options, |_| std::ops::ControlFlow::Continue(()))?;
    let seconds = began.elapsed().as_secs_f64();
    db.close()?;
    if imported.samples != workloads.samples as u64 {
        return Err(format!("{} of {} samples were imported", imported.samples, workloads.samples).into());
    }
    Ok(seconds)
}

fn prometheus(workloads: &Workloads, dir: &Path) -> Outcome<BTreeMap<String, f64>> {
    let (data, config) = (dir.join("prometheus"), dir.join("prometheus.yml"));
    std::fs::write(&config, "global: {}\n")?;
    let mut measured = BTreeMap::new();
    let began = Instant::now();
    let import = Command::new("promtool")
        .args(["tsdb", "create-blocks-from", "openmetrics"])
        .args([&workloads.openmetrics, &data])
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .status()?;
    if !import.success() {
        return Err(format!("promtool could not import the workload: {import}").into());
    }
    measured.insert("import of OpenMetrics text, s".to_owned(), began.elapsed().as_secs_f64());
    measured.insert("bytes a sample on disk".to_owned(), bytes_below(&data)? / workloads.samples as f64);
    let server = Server::start("prometheus", |address| {
        vec![
            format!("--config.file={}", config.display()),
            format!("--storage.tsdb.path={}", data.display()),
            format!("--web.listen-address={address}"),
            "--storage.tsdb.retention.time=100y".to_owned(),
            "--log.level=error".to_owned(),
        ]
    })?;
    server.wait_for("/-/ready")?;
    server.queries(workloads, "", &mut measured)?;
    Ok(measured)
}

fn victoria_metrics(workloads: &Workloads, dir: &Path) -> Outcome<BTreeMap<String, f64>> {
    let data = dir.join("victoria");
    let server = Server::start("victoria-metrics", |address| {
        vec![
            format!("-storageDataPath={}", data.display()),
            format!("-httpListenAddr={address}"),
            "-retentionPeriod=100y".to_owned(),
            "-loggerLevel=ERROR".to_owned(),
        ]
    })?;
    server.wait_for("/health")?;
    server.request("POST", "/api/v1/import", &std::fs::read(&workloads.series_json)?)?;
    server.request("GET", "/internal/force_flush", &[])?;
    server.request("GET", "/internal/force_merge", &[])?;
    let mut measured = BTreeMap::new();
    measured.insert("bytes a sample on disk".to_owned(), at_rest(&data)? / workloads.samples as f64);
    server.queries(workloads, "&nocache=1", &mut measured)?;
    Ok(measured)
}

/// The size of a directory once it does not change any more.
fn at_rest(data: &Path) -> Outcome<f64> {
    let data = data.to_owned();
    let (began, mut before, mut same) = (Instant::now(), 0.0, 0);
    while same < 3 && began.elapsed() < PATIENCE {
        std::thread::sleep(Duration::from_secs(1));
        // A file may go while its directory is read.
        let now = bytes_below(&data).unwrap_or(0.0);
        same = if now == before && now > 0.0 { same + 1 } else { 0 };
        before = now;
    }
    Ok(before)
}

/// A server that was started here; it is stopped with the value.
struct Server {
    child: Child,
    address: String,
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Server {
    fn start(program: &str, arguments: impl FnOnce(&str) -> Vec<String>) -> Outcome<Self> {
        let address = TcpListener::bind("127.0.0.1:0")?.local_addr()?.to_string();
        let child = Command::new(program)
            .args(arguments(&address))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        Ok(Server { child, address })
    }

    fn wait_for(&self, path: &str) -> Outcome<()> {
        let began = Instant::now();
        while let Err(error) = self.request("GET", path, &[]) {
            if began.elapsed() > PATIENCE {
                return Err(format!("the server at {} does not answer: {error}", self.address).into());
            }
            std::thread::sleep(Duration::from_millis(100));
        }
        Ok(())
    }

    /// HTTP/1.0: the answer ends with the connection and comes in one piece.
    fn request(&self, method: &str, path: &str, body: &[u8]) -> Outcome<Vec<u8>> {
        let mut stream = TcpStream::connect(&self.address)?;
        let length = body.len();
        write!(
            stream,
            "{method} {path} HTTP/1.0\r\nHost: {}\r\nContent-Length: {length}\r\n\r\n",
            self.address
        )?;
        stream.write_all(body)?;
        let mut answer = Vec::new();
        stream.read_to_end(&mut answer)?;
        let status = answer.split(|byte| *byte == b' ').nth(1).unwrap_or(b"");
        if status.first() == Some(&b'2') {
            Ok(answer)
        } else {
            Err(format!("{method} {path}: {}", String::from_utf8_lossy(&answer)).into())
        }
    }

    /// Every query of the table, the fastest of several runs, in milliseconds.
    fn queries(
        &self,
        workloads: &Workloads,
        more: &str,
        measured: &mut BTreeMap<String, f64>,
    ) -> Outcome<()> {
        let (end_s, range_s) = (workloads.last_ms as f64 / 1e3, RANGE_MS as f64 / 1e3);
        for query in RANGE_QUERIES {
            let path = format!(
                "/api/v1/query_range?query={}&start={}&end={end_s}&step={}{more}",
                encoded(query),
                end_s - range_s,
                STEP_MS / 1_000
            );
            let (mut best_ms, mut answer) = (f64::INFINITY, Vec::new());
            for _ in 0..QUERY_RUNS {
                let began = Instant::now();
                answer = self.request("GET", &path, &[])?;
                best_ms = best_ms.min(began.elapsed().as_secs_f64() * 1e3);
            }
            measured.insert(format!("ms: {query}"), best_ms);
            let answer = size_of(&answer)?;
            measured.insert(format!("rows: {query}"), answer.rows as f64);
            measured.extend(answer.sum.map(|sum| (format!("sum: {query}"), sum)));
        }
        Ok(())
    }
}

/// The samples of the matrix in an HTTP answer.
fn size_of(answer: &[u8]) -> Outcome<Answer> {
    let head = answer.windows(4).position(|end| end == b"\r\n\r\n").ok_or("an answer without a body")?;
    let body: serde_json::Value = serde_json::from_slice(&answer[head + 4..])?;
    let series = body["data"]["result"].as_array().ok_or("an answer without a result")?;
    let samples = series.iter().filter_map(|series| series["values"].as_array()).flatten();
    let value = |sample: &serde_json::Value| sample[1].as_str().and_then(|text| text.parse().ok());
    Ok(Answer::numbers(samples.map(|sample| value(sample).unwrap_or(f64::NAN))))
}

/// A text as part of a URL.
fn encoded(text: &str) -> String {
    let byte = |byte: u8| {
        if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") }
    };
    text.bytes().map(byte).collect()
}
