//! Numbers with names and units, as text or as JSON lines.

use std::io::Write;
use std::path::Path;
use std::time::Instant;

/// What a phase can fail with.
pub(crate) type Outcome<T> = Result<T, Box<dyn std::error::Error>>;

/// Times that a query runs; the first is cold, the fastest of the others is warm.
pub(crate) const QUERY_RUNS: usize = 6;

/// How large an answer is, so that answers of different systems to one question can be held against each other.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Answer {
    /// Samples of series, lines, traces or values.
    pub(crate) rows: usize,
    /// Of the values that are finite, where an answer is made of numbers.
    pub(crate) sum: Option<f64>,
}

impl Answer {
    /// An answer that is no numbers.
    pub(crate) fn rows(rows: usize) -> Self {
        Answer { rows, sum: None }
    }

    /// An answer that is numbers.
    pub(crate) fn numbers(values: impl Iterator<Item = f64>) -> Self {
        let (mut rows, mut sum) = (0, 0.0);
        for value in values {
            rows += 1;
            sum += if value.is_finite() { value } else { 0.0 };
        }
        Answer { rows, sum: Some(sum) }
    }
}

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

    /// Runs a query several times and writes how long it took, the first run, which is cold, and the fastest of the
    /// others, and how large its answer is.
    pub(crate) fn time_query<T>(
        self,
        query: &str,
        threads: &str,
        run: impl Fn() -> Outcome<T>,
        size_of: impl Fn(&T) -> Answer,
    ) -> Outcome<()> {
        let (mut cold, mut warm, mut answer) = (None, f64::INFINITY, Answer::default());
        for _ in 0..QUERY_RUNS {
            let began = Instant::now();
            let found = run()?;
            let took_ms = began.elapsed().as_secs_f64() * 1e3;
            answer = size_of(&found);
            match cold {
                None => cold = Some(took_ms),
                Some(_) => warm = warm.min(took_ms),
            }
        }
        let mut out = std::io::stdout().lock();
        for (run, value) in [("cold", cold.unwrap_or_default()), ("warm", warm)] {
            if self.json {
                let line = serde_json::json!({
                    "name": "query_ms", "value": value, "unit": "ms", "query": query, "run": run, "threads": threads,
                    "rows": answer.rows, "sum": answer.sum,
                });
                writeln!(out, "{line}")?;
            } else {
                let name = format!("query_ms {run}, {threads} thread(s)");
                writeln!(out, "{name:<40} {value:>16.3} ms  {query}  ({} rows)", answer.rows)?;
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
