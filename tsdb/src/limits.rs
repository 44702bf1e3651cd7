//! What a series may be called, and what a histogram must look like.

use bedrock::histogram::{CUSTOM_BUCKETS_SCHEMA, Histogram};
use bedrock::labels::Labels;
use bedrock::series::is_stale;

use crate::error::{Error, HistogramProblem, LabelProblem, Result};

/// Limits on label sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LabelLimits {
    /// Labels of one series. Default 64.
    pub labels_max: usize,
    /// Bytes of a name. Default 512.
    pub name_bytes_max: usize,
    /// Bytes of a value. Default 4096.
    pub value_bytes_max: usize,
}

impl Default for LabelLimits {
    fn default() -> Self {
        LabelLimits { labels_max: 64, name_bytes_max: 512, value_bytes_max: 4096 }
    }
}

impl LabelLimits {
    /// Checks a label set. O(labels).
    ///
    /// # Errors
    ///
    /// [`Error::Labels`] with the first limit that is broken.
    pub fn check(&self, labels: &Labels) -> Result<()> {
        match self.problem(labels) {
            None => Ok(()),
            Some(problem) => Err(Error::Labels { labels: labels.to_string(), problem }),
        }
    }

    fn problem(&self, labels: &Labels) -> Option<LabelProblem> {
        let mut count = 0;
        for (name, value) in labels {
            count += 1;
            if name.len() > self.name_bytes_max {
                let start: String = name.chars().take(32).collect();
                let (max, found) = (self.name_bytes_max, name.len());
                return Some(LabelProblem::NameTooLong { name: start, max, found });
            }
            if value.len() > self.value_bytes_max {
                let (max, found) = (self.value_bytes_max, value.len());
                return Some(LabelProblem::ValueTooLong { name: name.to_owned(), max, found });
            }
            if value.is_empty() {
                return Some(LabelProblem::EmptyValue { name: name.to_owned() });
            }
        }
        match count {
            0 => Some(LabelProblem::Empty),
            found if found > self.labels_max => Some(LabelProblem::TooMany { max: self.labels_max, found }),
            _ => None,
        }
    }
}

/// Builds a label set from bytes of the outside.
///
/// ```
/// let labels = tsdb::labels_from_bytes([(&b"job"[..], &b"api"[..])])?;
/// assert_eq!(labels.get("job"), Some("api"));
/// assert!(tsdb::labels_from_bytes([(&b"job"[..], &b"\xff"[..])]).is_err());
/// # Ok::<(), tsdb::Error>(())
/// ```
///
/// # Errors
///
/// [`Error::Labels`] where a name or value is not UTF-8, or a name is empty or given twice.
pub fn labels_from_bytes<'a>(pairs: impl IntoIterator<Item = (&'a [u8], &'a [u8])>) -> Result<Labels> {
    let mut texts = Vec::new();
    for (index, (name, value)) in pairs.into_iter().enumerate() {
        texts.push((text("name", index, name)?, text("value", index, value)?));
    }
    Labels::from_pairs(texts.iter().copied()).map_err(|problem| {
        let labels = texts.iter().map(|(name, value)| format!("{name}={value:?}")).collect::<Vec<_>>();
        Error::Labels { labels: format!("{{{}}}", labels.join(", ")), problem: problem.into() }
    })
}

fn text<'a>(what: &'static str, index: usize, bytes: &'a [u8]) -> Result<&'a str> {
    str::from_utf8(bytes).map_err(|error| Error::Labels {
        labels: String::from_utf8_lossy(bytes).chars().take(64).collect(),
        problem: LabelProblem::NotUtf8 { what, index, valid_up_to: error.valid_up_to() },
    })
}

/// What is wrong with a histogram, `None` where it is sound. A stale marker is always sound.
pub(crate) fn histogram_problem(histogram: &Histogram) -> Option<HistogramProblem> {
    if is_stale(histogram.sum) {
        return None;
    }
    let schema = histogram.schema;
    let custom = schema == CUSTOM_BUCKETS_SCHEMA;
    if !custom && !(-4..=8).contains(&schema) {
        return Some(HistogramProblem::Schema { schema });
    }
    let ascend = histogram.custom_values.is_sorted_by(|a, b| a < b);
    if !ascend || (!custom && !histogram.custom_values.is_empty()) {
        return Some(HistogramProblem::CustomBounds);
    }
    let sides = [
        (&histogram.positive_spans, &histogram.positive_buckets),
        (&histogram.negative_spans, &histogram.negative_buckets),
    ];
    for (spans, buckets) in sides {
        let described: u64 = spans.iter().map(|span| u64::from(span.length)).sum();
        let found = buckets.len() as u64;
        if described != found {
            return Some(HistogramProblem::Buckets { described, found });
        }
    }
    let counts = histogram.positive_buckets.iter().chain(&histogram.negative_buckets);
    let scalars = [histogram.count, histogram.zero_count];
    let negative = counts.chain(&scalars).any(|count| *count < 0.0);
    // A gauge may shrink below what it began with.
    let gauge = histogram.counter_reset_hint == bedrock::histogram::CounterResetHint::Gauge;
    (negative && !gauge).then_some(HistogramProblem::Negative)
}
