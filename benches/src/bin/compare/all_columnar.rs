//! DuckDB and ClickHouse (as chdb) on the log and the trace workload, by the Python script beside this file.

use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

use crate::all::value;
use crate::all_table::Better;
use crate::all_workloads::Workloads;
use crate::report::Outcome;

const SCRIPT: &str = include_str!("all_columnar.py");
/// The script ends with this status where the package is not there.
const NOT_INSTALLED: i32 = 3;

type Measured = BTreeMap<String, f64>;

/// A database that is a Python package.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Peer {
    pub(crate) name: &'static str,
    pub(crate) install: &'static str,
    package: &'static str,
}

pub(crate) const PEERS: [Peer; 2] = [
    Peer { name: "DuckDB", install: "pip install duckdb", package: "duckdb" },
    Peer { name: "ClickHouse", install: "pip install chdb", package: "chdb" },
];

/// A row: its name, which the script gives its values, and our own value from what our phase measured.
type Row = (&'static str, Better, fn(&Measured, usize) -> Outcome<f64>);

/// A workload for them.
pub(crate) struct Signal {
    pub(crate) name: &'static str,
    pub(crate) items: &'static str,
    pub(crate) rows: &'static [Row],
}

/// Rows of queries, named by the query and timed warm.
macro_rules! queries {
    ($($query:expr),* $(,)?) => {
        [$((concat!("ms: ", $query), Better::Less, |ours: &Measured, _| value(ours, concat!("query ", $query)))),*]
    };
}

const LOG_QUERIES: [Row; 6] = queries![
    r#"{app=~".+"} |= "needle-""#,
    r#"{app="checkout"}"#,
    r#"{env="prod"} |~ "slow query.*u1[0-9]{3}""#,
    r#"{app="checkout"} | json | http_status >= 500 | duration_ms > 100"#,
    r#"sum by (level) (count_over_time({format="json"} | json level [1m]))"#,
    r#"sum by (app) (rate({env="prod"}[1m]))"#,
];

const TRACE_QUERIES: [Row; 6] = queries![
    "{ status = error }",
    r#"{ .user.id = "u777" }"#,
    r#"{ span.db.statement =~ ".*orders WHERE id = 77.*" }"#,
    "{ status = error } | by(resource.service.name) | count() > 1",
    "tag values of resource.service.name",
    "tag values of span.user.id",
];

const LOG_ROWS: [Row; 8] = {
    let [a, b, c, d, e, f] = LOG_QUERIES;
    let load: Row = ("load, thousand lines a second", Better::More, |ours, lines| {
        Ok(lines as f64 / 1e3 / (value(ours, "read_and_parse_s")? + value(ours, "ingest_s")?))
    });
    [load, ("bytes a line on disk", Better::Less, |ours, _| value(ours, "bytes_per_line")), a, b, c, d, e, f]
};

const TRACE_ROWS: [Row; 9] = {
    let [a, b, c, d, e, f] = TRACE_QUERIES;
    let load: Row = ("load, thousand spans a second", Better::More, |ours, spans| {
        let ingest_s = spans as f64 / 1e3 / value(ours, "ingest_kspans_per_s_core")?;
        Ok(spans as f64 / 1e3 / (value(ours, "read_and_encode_s")? + ingest_s))
    });
    let by_id: Row =
        ("ms: a trace by its id", Better::Less, |ours, _| Ok(value(ours, "trace_by_id_us")? / 1e3));
    [
        load,
        ("bytes a span on disk", Better::Less, |ours, _| value(ours, "bytes_per_span")),
        by_id,
        a,
        b,
        c,
        d,
        e,
        f,
    ]
};

pub(crate) const SIGNALS: [Signal; 2] = [
    Signal {
        name: "logs",
        items: "lines of 96 streams, a third each JSON, logfmt, access log",
        rows: &LOG_ROWS,
    },
    Signal { name: "traces", items: "spans of calls through a shop", rows: &TRACE_ROWS },
];

/// The Python that is here.
pub(crate) struct Python;

impl Python {
    pub(crate) fn find() -> Option<Self> {
        Command::new("python3").arg("--version").output().is_ok().then_some(Python)
    }

    /// Version and values by row; `None` where the package is not installed.
    pub(crate) fn measure(
        &self,
        peer: &Peer,
        signal: &str,
        workloads: &Workloads,
        dir: &Path,
    ) -> Outcome<Option<(String, Measured)>> {
        let rows = if signal == "logs" { &workloads.rows_of_logs } else { &workloads.rows_of_traces };
        let data = dir.join(format!("{}-{signal}", peer.package));
        let output = Command::new("python3")
            .args(["-c", SCRIPT, peer.package, signal])
            .arg(rows)
            .arg(data)
            .output()?;
        if output.status.code() == Some(NOT_INSTALLED) {
            return Ok(None);
        }
        if !output.status.success() {
            return Err(format!("{}: {}", peer.name, String::from_utf8_lossy(&output.stderr)).into());
        }
        let said = String::from_utf8(output.stdout)?;
        let told: serde_json::Value = serde_json::from_str(said.lines().last().unwrap_or(""))?;
        let version = told.get("version").and_then(serde_json::Value::as_str).unwrap_or("").to_owned();
        let rows: Measured = serde_json::from_value(told.get("rows").cloned().unwrap_or_default())?;
        Ok(Some((version, rows)))
    }
}
