//! Remarks on a query: collected with their facts, written out once at the end.
//!
//! Remarks of equal text are one; the one that was made last gives the place. Two kinds count what they saw.

use std::collections::BTreeMap;
use std::fmt;

use super::value::Annotations;
use crate::span::Span;

/// What can be remarked.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Note {
    InvalidQuantile(f64),
    InvalidRatio { value: f64, capped_to: f64 },
    BadBucketLabel { metric: String, label: String },
    MixedFloatsHistograms { metric: String },
    MixedFloatsHistogramsAggregation,
    MixedClassicNative { metric: String },
    HistogramNotCounter { metric: String },
    HistogramNotGauge { metric: String },
    MixedExponentialCustom { metric: String },
    IncompatibleBucketLayout { op: &'static str },
    SortInRange,
    CounterResetCollision(HistogramOperation),
    StartTimeOverlap { metric: String, count: u64 },
    PossibleNonCounter { metric: String },
    PossibleNonCounterLabel { metric: String, label: String },
    ForcedMonotonicity { metric: String, seen: Forced },
    IncompatibleTypes { lhs: &'static str, op: &'static str, rhs: &'static str },
    HistogramIgnoredInAggregation(&'static str),
    HistogramIgnoredInMixedRange { metric: String },
    QuantileNanResult { metric: String },
    QuantileNanSkew { metric: String },
    FractionNan { metric: String },
    BoundsReconciled(HistogramOperation),
}

/// What was done to histograms when something about them was remarked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HistogramOperation {
    Addition,
    Subtraction,
    Aggregation,
}

impl HistogramOperation {
    fn as_str(self) -> &'static str {
        match self {
            HistogramOperation::Addition => "addition",
            HistogramOperation::Subtraction => "subtraction",
            HistogramOperation::Aggregation => "aggregation",
        }
    }
}

/// Buckets of classic histograms whose counts had to be made monotonic.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Forced {
    pub(crate) first_ms: i64,
    pub(crate) last_ms: i64,
    pub(crate) lowest_bucket: f64,
    pub(crate) highest_bucket: f64,
    pub(crate) difference_max: f64,
    pub(crate) samples: u64,
}

/// `text for metric name "x"`, or only the text.
fn with_metric(f: &mut fmt::Formatter<'_>, text: &str, metric: &str) -> fmt::Result {
    f.write_str(text)?;
    if metric.is_empty() { Ok(()) } else { write!(f, " for metric name {metric:?}") }
}

impl Note {
    /// Warnings question the answer; the others are infos.
    fn is_warning(&self) -> bool {
        !matches!(
            self,
            Note::PossibleNonCounter { .. }
                | Note::PossibleNonCounterLabel { .. }
                | Note::ForcedMonotonicity { .. }
                | Note::IncompatibleTypes { .. }
                | Note::HistogramIgnoredInAggregation(_)
                | Note::HistogramIgnoredInMixedRange { .. }
                | Note::QuantileNanResult { .. }
                | Note::QuantileNanSkew { .. }
                | Note::FractionNan { .. }
                | Note::BoundsReconciled(_)
        )
    }

    /// Takes over what an equal note had counted.
    fn merge(&mut self, earlier: Note) {
        match (self, earlier) {
            (Note::StartTimeOverlap { count, .. }, Note::StartTimeOverlap { count: before, .. }) => {
                *count += before;
            }
            (Note::ForcedMonotonicity { seen, .. }, Note::ForcedMonotonicity { seen: before, .. }) => {
                seen.first_ms = seen.first_ms.min(before.first_ms);
                seen.last_ms = seen.last_ms.max(before.last_ms);
                seen.lowest_bucket = seen.lowest_bucket.min(before.lowest_bucket);
                seen.highest_bucket = seen.highest_bucket.max(before.highest_bucket);
                seen.difference_max = seen.difference_max.max(before.difference_max);
                seen.samples += before.samples;
            }
            _ => {}
        }
    }

    /// What was counted, behind the text that makes notes equal.
    fn details(&self) -> String {
        match self {
            Note::ForcedMonotonicity { seen, .. } => format!(
                ", from buckets {} to {}, with a max diff of {}, over {} samples from {} to {}",
                GoFloat(seen.lowest_bucket),
                GoFloat(seen.highest_bucket),
                two_digits(seen.difference_max),
                seen.samples,
                crate::functions::calendar::rfc3339(seen.first_ms.div_euclid(1000)),
                crate::functions::calendar::rfc3339(seen.last_ms.div_euclid(1000)),
            ),
            Note::StartTimeOverlap { count, .. } if *count > 1 => format!(" ({count} occurrences)"),
            _ => String::new(),
        }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_warning() { "PromQL warning: " } else { "PromQL info: " })?;
        match self {
            Note::InvalidQuantile(q) => {
                write!(f, "quantile value should be between 0 and 1, got {}", GoFloat(*q))
            }
            Note::InvalidRatio { value, capped_to } => write!(
                f,
                "ratio value should be between -1 and 1, got {}, capping to {}",
                GoFloat(*value),
                GoFloat(*capped_to)
            ),
            Note::BadBucketLabel { metric, label } => {
                let text = format!("bucket label \"le\" is missing or has a malformed value of {label:?}");
                with_metric(f, &text, metric)
            }
            Note::MixedFloatsHistograms { metric } => {
                write!(f, "encountered a mix of histograms and floats for metric name {metric:?}")
            }
            Note::MixedFloatsHistogramsAggregation => {
                f.write_str("encountered a mix of histograms and floats for aggregation")
            }
            Note::MixedClassicNative { metric } => {
                with_metric(f, "vector contains a mix of classic and native histograms", metric)
            }
            Note::HistogramNotCounter { metric } => {
                write!(f, "this native histogram metric is not a counter: {metric:?}")
            }
            Note::HistogramNotGauge { metric } => {
                write!(f, "this native histogram metric is not a gauge: {metric:?}")
            }
            Note::MixedExponentialCustom { metric } => write!(
                f,
                "vector contains a mix of histograms with exponential and custom buckets schemas for metric name {metric:?}"
            ),
            Note::IncompatibleBucketLayout { op } => {
                write!(f, "incompatible bucket layout encountered for binary operator {op}")
            }
            Note::SortInRange => f.write_str(
                "sort is ineffective for range queries since results are always ordered by labels",
            ),
            Note::CounterResetCollision(operation) => {
                write!(f, "conflicting counter resets during histogram {}", operation.as_str())
            }
            Note::StartTimeOverlap { metric, .. } => write!(
                f,
                "sample has start time that overlaps with previous sample timestamp for metric {metric:?}"
            ),
            Note::PossibleNonCounter { metric } => write!(
                f,
                "metric might not be a counter, name does not end in _total/_sum/_count/_bucket: {metric:?}"
            ),
            Note::PossibleNonCounterLabel { metric, label } => write!(
                f,
                "metric might not be a counter, __type__ label is not set to \"counter\" or \"histogram\", got {label:?}: {metric:?}"
            ),
            Note::ForcedMonotonicity { metric, .. } => {
                let text = "input to histogram_quantile needed to be fixed for monotonicity (see https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile)";
                with_metric(f, text, metric)
            }
            Note::IncompatibleTypes { lhs, op, rhs } => write!(
                f,
                "incompatible sample types encountered for binary operator {op:?}: {lhs} {op} {rhs}"
            ),
            Note::HistogramIgnoredInAggregation(name) => write!(f, "ignored histogram in {name} aggregation"),
            Note::HistogramIgnoredInMixedRange { metric } => write!(
                f,
                "ignored histograms in a range containing both floats and histograms for metric name {metric:?}"
            ),
            Note::QuantileNanResult { metric } => {
                with_metric(f, "input to histogram_quantile has NaN observations, result is NaN", metric)
            }
            Note::QuantileNanSkew { metric } => with_metric(
                f,
                "input to histogram_quantile has NaN observations, result is skewed higher",
                metric,
            ),
            Note::FractionNan { metric } => with_metric(
                f,
                "input to histogram_fraction has NaN observations, which are excluded from all fractions",
                metric,
            ),
            Note::BoundsReconciled(operation) => {
                write!(f, "mismatched custom buckets were reconciled during {}", operation.as_str())
            }
        }
    }
}

/// The remarks on a query while it is evaluated.
#[derive(Clone, Debug, Default)]
pub(crate) struct Notes {
    by_text: BTreeMap<String, (Note, Span)>,
}

impl Notes {
    pub(crate) fn add(&mut self, mut note: Note, span: Span) {
        let text = note.to_string();
        if let Some((earlier, _)) = self.by_text.remove(&text) {
            note.merge(earlier);
        }
        self.by_text.insert(text, (note, span));
    }

    pub(crate) fn merge(&mut self, later: Notes) {
        if self.by_text.is_empty() {
            *self = later;
            return;
        }
        for (note, span) in later.by_text.into_values() {
            self.add(note, span);
        }
    }

    /// The texts with their places in `query`.
    pub(crate) fn finish(self, query: &str) -> Annotations {
        let mut annotations = Annotations::default();
        for (text, (note, span)) in self.by_text {
            let line = format!("{text}{} ({})", note.details(), span.line_column(query));
            if note.is_warning() { annotations.warnings.push(line) } else { annotations.infos.push(line) }
        }
        annotations
    }
}

/// A float as Go's `%g` writes it.
struct GoFloat(f64);

impl fmt::Display for GoFloat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        bedrock::histogram::ShortFloat(self.0).fmt(f)
    }
}

/// Two significant digits, as Go's `%.2g`.
fn two_digits(value: f64) -> String {
    let rounded: f64 = format!("{value:.1e}").parse().unwrap_or(value);
    let exponent = if rounded == 0.0 { 0 } else { rounded.abs().log10().floor() as i32 };
    if !(-4..2).contains(&exponent) {
        let text = format!("{rounded:e}");
        let (digits, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let exponent: i32 = exponent.parse().unwrap_or(0);
        let sign = if exponent < 0 { '-' } else { '+' };
        return format!("{digits}e{sign}{:02}", exponent.abs());
    }
    format!("{}", GoFloat(rounded))
}
