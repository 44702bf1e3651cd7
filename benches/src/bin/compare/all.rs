//! `compare all`: makes three workloads, measures the stores on them, and measures whatever peers are installed here on
//! the same data: Prometheus and VictoriaMetrics on loopback, DuckDB and ClickHouse (chdb) through Python.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::all_columnar;
use crate::all_metrics;
use crate::all_table::{Better, Table};
use crate::all_workloads::{self, Sizes};
use crate::report::Outcome;

/// What our own phases measure, by name; queries by `query <text>` in warm milliseconds.
type Measured = BTreeMap<String, f64>;

/// Runs everything and prints the tables.
pub(crate) fn run(arguments: &[String]) -> Outcome<()> {
    let sizes = sizes(arguments)?;
    let dir = std::env::temp_dir().join(format!("tristore-compare-all-{}", std::process::id()));
    std::fs::create_dir_all(&dir)?;
    let outcome = measure(&sizes, &dir);
    // What could not be removed is in the directory for temporary files.
    let _ = std::fs::remove_dir_all(&dir);
    outcome
}

fn sizes(arguments: &[String]) -> Outcome<Sizes> {
    let mut sizes = Sizes::default();
    let mut rest = arguments.iter();
    while let Some(option) = rest.next() {
        let mut number = || -> Outcome<usize> {
            let value = rest.next().ok_or_else(|| format!("{option} needs a number"))?;
            value.parse().map_err(|_| format!("{option} {value}: that is no number").into())
        };
        match option.as_str() {
            "--targets" => sizes.targets = number()?,
            "--lines" => sizes.lines = number()?,
            "--traces" => sizes.traces = number()?,
            other => {
                return Err(
                    format!("{other}: usage: compare all [--targets N] [--lines N] [--traces N]").into()
                );
            }
        }
    }
    Ok(sizes)
}

fn measure(sizes: &Sizes, dir: &Path) -> Outcome<()> {
    tell("making the workloads")?;
    let workloads = all_workloads::make(sizes, dir)?;
    let python = all_columnar::Python::find();
    let mut tables = Vec::new();

    tell("metrics: tristore")?;
    let ours = phase(&["metrics", &text(&workloads.metrics), "--json", "--series", "9000"])?;
    let title = format!(
        "metrics: {} series, {} samples, 6 hours, scraped every 15 s",
        workloads.series, workloads.samples
    );
    let mut table = Table::new(&title, &ours);
    table.ours("import of OpenMetrics text, s", Better::Less, all_metrics::import_s(&workloads, dir)?);
    table.ours("bytes a sample on disk", Better::Less, value(&ours, "bytes_per_sample")?);
    for query in crate::promql_rows::RANGE_QUERIES {
        table.ours(&format!("ms: {query}"), Better::Less, value(&ours, &format!("query {query}"))?);
    }
    for peer in all_metrics::PEERS {
        tell(&format!("metrics: {}", peer.name))?;
        match all_metrics::measure(&peer, &workloads, dir)? {
            Some((version, measured)) => table.peer(&format!("{} {version}", peer.name), &measured),
            None => table.absent(peer.name, peer.install),
        }
    }
    tables.push(table);

    for columnar in all_columnar::SIGNALS {
        tell(&format!("{}: tristore", columnar.name))?;
        let (file, items) = match columnar.name {
            "logs" => (&workloads.logs, workloads.lines),
            _ => (&workloads.traces, workloads.spans),
        };
        let ours = phase(&[columnar.name, &text(file), "--json"])?;
        let mut table = Table::new(&format!("{}: {items} {}", columnar.name, columnar.items), &ours);
        for (row, better, ours_of) in columnar.rows {
            table.ours(row, *better, ours_of(&ours, items)?);
        }
        for peer in all_columnar::PEERS {
            tell(&format!("{}: {}", columnar.name, peer.name))?;
            match python
                .as_ref()
                .and_then(|python| python.measure(&peer, columnar.name, &workloads, dir).transpose())
            {
                Some(measured) => {
                    let (version, measured) = measured?;
                    table.peer(&format!("{} {version}", peer.name), &measured);
                }
                None => table.absent(peer.name, peer.install),
            }
        }
        tables.push(table);
    }

    let mut out = std::io::stdout().lock();
    for table in &tables {
        writeln!(out, "{table}")?;
    }
    let lost: Vec<String> = tables.iter().flat_map(Table::lost).collect();
    match lost.as_slice() {
        _ if tables.iter().all(Table::has_no_peer) => {
            writeln!(out, "No peer is installed here: nothing was compared.")?;
        }
        [] => writeln!(out, "Where we lose: in none of these rows.")?,
        lost => writeln!(out, "Where we lose:\n  {}", lost.join("\n  "))?,
    }
    let differing: Vec<String> = tables.iter().flat_map(Table::differing).collect();
    if !differing.is_empty() {
        writeln!(
            out,
            "Where answers are not of one size, so that times say less:\n  {}",
            differing.join("\n  ")
        )?;
    }
    writeln!(
        out,
        "\nA ratio is how many times better tristore is. It runs in process, servers are asked over HTTP on loopback,\n\
         columnar databases in SQL that asks for the same; all on this machine, each query warm, the best of several runs.\n\
         Its queries of traces run on one thread; everything else may use every core. Prometheus before 3.0 counts a\n\
         sample at the left end of a range too, and VictoriaMetrics has a rule of its own for the ends of a rate."
    )?;
    Ok(())
}

/// Runs a comparison of this program in a process of its own and reads what it measured.
fn phase(arguments: &[&str]) -> Outcome<Measured> {
    let output = Command::new(std::env::current_exe()?).args(arguments).output()?;
    if !output.status.success() {
        return Err(
            format!("compare {}: {}", arguments.join(" "), String::from_utf8_lossy(&output.stderr)).into()
        );
    }
    let mut measured = Measured::new();
    for line in String::from_utf8(output.stdout)?.lines() {
        let line: serde_json::Value = serde_json::from_str(line)?;
        let text = |key: &str| line.get(key).and_then(serde_json::Value::as_str).unwrap_or("");
        let value = line.get("value").and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN);
        match text("name") {
            // Of one thread and of all, the last row is that of all.
            "query_ms" if text("run") == "warm" => {
                let query = text("query");
                measured.insert(format!("query {query}"), value);
                for size in ["rows", "sum"] {
                    let of = line.get(size).and_then(serde_json::Value::as_f64);
                    measured.extend(of.map(|of| (format!("{size}: {query}"), of)));
                }
            }
            "query_ms" => {}
            name => drop(measured.insert(name.to_owned(), value)),
        }
    }
    Ok(measured)
}

/// One measured value.
pub(crate) fn value(measured: &Measured, name: &str) -> Outcome<f64> {
    measured.get(name).copied().ok_or_else(|| format!("{name} was not measured").into())
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// Says what is being done, where somebody may wait for it.
fn tell(what: &str) -> Outcome<()> {
    Ok(writeln!(std::io::stderr(), "compare all: {what} ...")?)
}

/// Bytes of all files in a directory and below.
pub(crate) fn bytes_below(dir: &PathBuf) -> Outcome<f64> {
    let mut bytes = 0.0;
    for entry in std::fs::read_dir(dir)? {
        let entry = entry?;
        bytes += if entry.file_type()?.is_dir() {
            bytes_below(&entry.path())?
        } else {
            entry.metadata()?.len() as f64
        };
    }
    Ok(bytes)
}
