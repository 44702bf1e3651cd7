//! The series of a source as OpenMetrics text.

use std::io::Write;

use bedrock::labels::{Labels, METRIC_NAME};
use bedrock::series::{Select, SeriesColumns, SeriesSource, is_stale};
use bedrock::{Error, Result};

/// What an export wrote, and what the text has no form for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// Series with at least one line.
    pub series: u64,
    /// Lines with a float sample.
    pub samples: u64,
    /// Stale markers left out.
    pub stale_markers: u64,
    /// Native histograms left out.
    pub histograms: u64,
}

/// Writes all selected float samples as OpenMetrics, series by series, families together, and `# EOF`.
///
/// Values are written so that they read back bit by bit, except for the payloads of NaNs. Memory: one series.
///
/// # Errors
///
/// Where the source cannot be read or the text not be written.
pub fn export(source: &dyn SeriesSource, select: &Select<'_>, out: &mut dyn Write) -> Result<Exported> {
    let set = source.select(select)?;
    let mut order: Vec<usize> = (0..set.len()).collect();
    // Labels that sort before the name would tear families apart.
    order.sort_by_key(|&index| (set.labels(index).get(METRIC_NAME), index));
    let mut exported = Exported::default();
    let mut columns = SeriesColumns::default();
    let mut text = String::new();
    let written = |error| Error::io("write", "export", error);
    for index in order {
        set.read(index, select.range, &mut columns)?;
        let series = series_text(set.labels(index));
        text.clear();
        let before = exported.samples;
        for (&time_ms, &value) in columns.floats.timestamps_ms.iter().zip(&columns.floats.values) {
            if !select.range.contains(time_ms) {
                continue;
            }
            if is_stale(value) {
                exported.stale_markers += 1;
                continue;
            }
            text.push_str(&series);
            push_sample(&mut text, time_ms, value);
            exported.samples += 1;
        }
        let histograms = columns.histograms.timestamps_ms.iter();
        exported.histograms += histograms.filter(|time_ms| select.range.contains(**time_ms)).count() as u64;
        exported.series += u64::from(exported.samples > before);
        out.write_all(text.as_bytes()).map_err(written)?;
    }
    out.write_all(b"# EOF\n").map_err(written)?;
    Ok(exported)
}

fn push_sample(text: &mut String, time_ms: i64, value: f64) {
    use std::fmt::Write as _;
    let magnitude = value.abs();
    // Writing to a string cannot fail.
    let _ = if value.is_nan() {
        write!(text, " NaN")
    } else if value.is_infinite() {
        write!(text, " {}Inf", if value > 0.0 { '+' } else { '-' })
    } else if magnitude != 0.0 && !(1e-5..1e17).contains(&magnitude) {
        write!(text, " {value:e}")
    } else {
        write!(text, " {value}")
    };
    let (sign, time_ms) = (if time_ms < 0 { "-" } else { "" }, time_ms.unsigned_abs());
    let _ = writeln!(text, " {sign}{}.{:03}", time_ms / 1000, time_ms % 1000);
}

/// The series as it stands at the front of its lines.
fn series_text(labels: &Labels) -> String {
    let name = labels.get(METRIC_NAME).unwrap_or("");
    let mut parts = Vec::new();
    let bare = is_bare(name, true);
    if !bare {
        parts.push(quoted(name));
    }
    for (label, value) in labels.iter().filter(|(label, _)| *label != METRIC_NAME) {
        let label = if is_bare(label, false) { label.to_owned() } else { quoted(label) };
        parts.push(format!("{label}={}", quoted(value)));
    }
    let front = if bare { name } else { "" };
    if parts.is_empty() { front.to_owned() } else { format!("{front}{{{}}}", parts.join(",")) }
}

/// Whether a name may stand without quotes.
fn is_bare(name: &str, metric: bool) -> bool {
    let legal = |c: char| c.is_ascii_alphanumeric() || c == '_' || (metric && c == ':');
    !name.is_empty() && name.chars().all(legal) && !name.starts_with(|c: char| c.is_ascii_digit())
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n"))
}
