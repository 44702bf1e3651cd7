//! Numbers with names and units, as text or as JSON lines.

use std::io::Write;
use std::path::Path;

/// What a phase can fail with.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Writes measurements to standard output.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Report {
    /// JSON lines instead of text.
    pub(crate) json: bool,
}

impl Report {
    /// Writes one measurement.
    pub(crate) fn put(self, name: &str, value: f64, unit: &str) -> Outcome<()> {
        let mut out = std::io::stdout().lock();
        if self.json {
            let line = serde_json::json!({"name": name, "value": value, "unit": unit});
            writeln!(out, "{line}")?;
        } else {
            writeln!(out, "{name:<40} {value:>16.3} {unit}")?;
        }
        out.flush()?;
        Ok(())
    }

    /// Writes the times of one query: the first run, which is cold, and the fastest of the others.
    pub(crate) fn put_query(self, query: &str, threads: &str, times_ms: &[f64]) -> Outcome<()> {
        let cold = times_ms.first().copied().unwrap_or_default();
        let warm = times_ms.iter().skip(1).copied().fold(f64::INFINITY, f64::min);
        let mut out = std::io::stdout().lock();
        for (run, value) in [("cold", cold), ("warm", warm)] {
            if self.json {
                let line = serde_json::json!({
                    "name": "query_ms", "value": value, "unit": "ms", "query": query, "run": run, "threads": threads,
                });
                writeln!(out, "{line}")?;
            } else {
                writeln!(
                    out,
                    "{:<40} {value:>16.3} ms  {query}",
                    format!("query_ms {run}, {threads} thread(s)")
                )?;
            }
        }
        out.flush()?;
        Ok(())
    }
}

/// Measures the file that stands first among the arguments, with a directory of its own for the store.
pub(crate) fn in_scratch(
    name: &str,
    usage: &'static str,
    arguments: &[String],
    measure: impl FnOnce(Report, &Path, &Path) -> Outcome<()>,
) -> Outcome<()> {
    let file = arguments.first().ok_or(usage)?;
    let report = Report { json: arguments.iter().any(|argument| argument == "--json") };
    let dir = std::env::temp_dir().join(format!("tristore-compare-{name}-{}", std::process::id()));
    let outcome = measure(report, Path::new(file), &dir);
    // The directory may be missing where the first phase failed already.
    let _ = std::fs::remove_dir_all(&dir);
    outcome
}

/// Resident memory of this process now and at its highest, in bytes, from `/proc`; zeros where there is none.
pub(crate) fn resident_bytes() -> (f64, f64) {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let field = |name: &str| {
        let line = status.lines().find_map(|line| line.strip_prefix(name));
        let kib = line.and_then(|rest| rest.split_whitespace().next()?.parse::<f64>().ok());
        kib.unwrap_or(0.0) * 1024.0
    };
    (field("VmRSS:"), field("VmHWM:"))
}

/// Forgets the highest resident memory so far, so that reading the workload does not count for what follows.
pub(crate) fn forget_peak() {
    // Where the system has no such file the peak is that of the whole process, which is no less than the truth.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Processor time of this process in seconds, all threads, from `/proc`; 0 where there is none. Counted in hundredths.
pub(crate) fn cpu_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // The name of the program is in parentheses and may hold anything.
    let fields = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
    let ticks = fields.split_whitespace().skip(11).take(2).filter_map(|field| field.parse::<f64>().ok());
    ticks.sum::<f64>() / 100.0
}
