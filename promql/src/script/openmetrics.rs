//! OpenMetrics text to samples: `name{label="value"} 1.5 1704065400.123`.

use bedrock::series::STALE_NAN_BITS;

use crate::parse::parse_metric_prefix;
use crate::script::memory::{MemorySource, Sample};

/// Why a line of OpenMetrics text cannot be loaded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct OpenMetricsError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong.
    pub problem: String,
}

/// Loads samples with timestamps. Comments, types and units are skipped; samples of one series must ascend in time.
///
/// # Errors
///
/// [`OpenMetricsError`] where a line is no sample with a timestamp, or goes back in time.
///
/// ```
/// let text = "# TYPE up gauge\nup{job=\"api\"} 1 1704065400.5\n# EOF\n";
/// let source = promql::script::load_openmetrics(text)?;
/// assert_eq!((source.series_count(), source.sample_count()), (1, 1));
/// # Ok::<(), promql::script::OpenMetricsError>(())
/// ```
pub fn load_openmetrics(text: &str) -> Result<MemorySource, OpenMetricsError> {
    let mut source = MemorySource::default();
    for (index, text) in text.lines().enumerate() {
        if text.is_empty() || text.starts_with('#') {
            continue;
        }
        load_line(text, &mut source).map_err(|problem| OpenMetricsError { line: index + 1, problem })?;
    }
    Ok(source)
}

fn load_line(text: &str, source: &mut MemorySource) -> Result<(), String> {
    let (labels, length) = parse_metric_prefix(text).map_err(|error| error.to_string())?;
    let mut fields = text.get(length..).unwrap_or_default().split_ascii_whitespace();
    let value = fields.next().ok_or("the sample has no value")?;
    let value = match value {
        "stale" => f64::from_bits(STALE_NAN_BITS),
        _ => value.parse().map_err(|_| format!("{value:?} is no number"))?,
    };
    let time = fields.next().ok_or("the sample has no timestamp")?;
    let time_ms = timestamp_ms(time).ok_or_else(|| format!("{time:?} is no timestamp in seconds"))?;
    source.append(&labels, time_ms, 0, Sample::Float(value)).map_err(|error| error.to_string())
}

/// Seconds with up to three decimals, exactly.
fn timestamp_ms(text: &str) -> Option<i64> {
    let seconds: f64 = text.parse().ok()?;
    let ms = (seconds * 1e3).round();
    (ms.abs() < 9e15).then_some(ms as i64)
}
