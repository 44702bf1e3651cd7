//! Functions of histograms, native and classic.

use std::sync::Arc;

use bedrock::histogram::{Histogram, NanObservations, ShortFloat};
use bedrock::labels::{Labels, LabelsBuilder};
use bedrock::vector::{ABSENT, Groups, is_absent};

use super::annotations::{Note, Notes};
use super::error::Result;
use super::evaluator::Evaluator;
use super::operand::{Operand, drop_names, merge_equal};
use super::series::{HistogramColumn, Series};
use crate::FunctionId;
use crate::ast::{Call, Expr};
use crate::functions::classic::{self, Bucket};
use crate::span::Span;

/// The label that holds the upper bound of a classic bucket.
const BUCKET_LABEL: &str = "le";

impl<'s> Evaluator<'s, '_> {
    /// A number of each native histogram.
    pub(crate) fn histogram_part(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        use FunctionId as F;
        let part: fn(&Histogram) -> f64 = match call.function.id {
            F::HistogramCount => |histogram| histogram.count,
            F::HistogramSum => |histogram| histogram.sum,
            F::HistogramAvg => |histogram| histogram.sum / histogram.count,
            F::HistogramStddev => |histogram| histogram.variance().sqrt(),
            _ => Histogram::variance,
        };
        let operand = self.argument(call, 0)?;
        self.change(
            operand,
            true,
            Box::new(move |mut series, _| {
                series.floats.fill(ABSENT);
                for (slot, histogram) in series.floats.iter_mut().zip(&series.histograms) {
                    if let Some(histogram) = histogram {
                        *slot = part(histogram);
                    }
                }
                series.histograms = HistogramColumn::new();
                series.drop_name = true;
                Ok(Some(series))
            }),
        )
    }

    /// `histogram_quantile`, `histogram_quantiles` and `histogram_fraction`.
    pub(crate) fn histogram_rank(&mut self, call: &'s Call) -> Result<Operand<'s>> {
        use FunctionId as F;
        let span = |index: usize| call.args.get(index).map_or(call.span, |arg| arg.unparen().span());
        let (vector, asked) = match call.function.id {
            F::HistogramFraction => {
                let (lower, upper) = (self.scalar_argument(call, 0)?, self.scalar_argument(call, 1)?);
                (2, vec![Asked { of: Of::Fraction { lower, upper }, label: None }])
            }
            F::HistogramQuantiles => {
                let label = match call.args.get(1).map(Expr::unparen) {
                    Some(Expr::String(string)) => string.value.clone(),
                    _ => String::new(),
                };
                let mut asked = Vec::new();
                for index in 2..call.args.len() {
                    let q = self.scalar_argument(call, index)?;
                    note_quantiles(&q, span(index), &mut self.notes);
                    asked.push(Asked { of: Of::Quantile(q), label: Some(label.clone()) });
                }
                (0, asked)
            }
            _ => {
                let q = self.scalar_argument(call, 0)?;
                note_quantiles(&q, span(0), &mut self.notes);
                (1, vec![Asked { of: Of::Quantile(q), label: None }])
            }
        };
        let operand = self.argument(call, vector)?;
        let all = self.collect(operand)?;
        let mut ranking = Ranking {
            span: span(vector),
            names_late: self.query.names_late(),
            times: self.steps.times().collect(),
            notes: Notes::default(),
        };
        let sources = ranking.sources(&all);
        let mut results = Vec::new();
        for asked in &asked {
            for source in &sources {
                ranking.answer(&all, source, asked, &mut results);
            }
        }
        self.notes.merge(ranking.notes);
        results.retain(|series| !series.is_empty());
        if !self.query.names_late() {
            drop_names(&mut results);
        }
        Ok(Operand::Ready(merge_equal(results)?))
    }
}

fn note_quantiles(q: &[f64], span: Span, notes: &mut Notes) {
    for q in q.iter().filter(|q| !(0.0..=1.0).contains(*q)) {
        notes.add(Note::InvalidQuantile(*q), span);
    }
}

/// What is asked of each histogram.
enum Of {
    Quantile(Vec<f64>),
    Fraction { lower: Vec<f64>, upper: Vec<f64> },
}

/// One question, and the label that gets the quantile where there may be several.
struct Asked {
    of: Of,
    label: Option<String>,
}

/// A histogram: native series and classic buckets that have its labels.
struct Source {
    labels: Labels,
    drop_name: bool,
    native: Vec<usize>,
    /// Upper bound and series.
    buckets: Vec<(f64, usize)>,
}

struct Ranking {
    span: Span,
    names_late: bool,
    times: Vec<i64>,
    notes: Notes,
}

impl Ranking {
    /// Sorts series into histograms.
    fn sources(&mut self, all: &[Series]) -> Vec<Source> {
        let mut ordinals: Groups<Labels> = Groups::new();
        let mut sources: Vec<Source> = Vec::new();
        let mut source_of = |labels: Labels| {
            let ordinal = ordinals.insert(labels.clone());
            if ordinal == sources.len() {
                sources.push(Source { labels, drop_name: true, native: Vec::new(), buckets: Vec::new() });
            }
            ordinal
        };
        let mut natives: Vec<(usize, usize)> = Vec::new();
        let mut buckets: Vec<(usize, f64, usize)> = Vec::new();
        for (index, series) in all.iter().enumerate() {
            if series.histograms.iter().any(Option::is_some) {
                natives.push((source_of(series.labels.clone()), index));
            }
            if series.floats.iter().all(|value| is_absent(*value)) {
                continue;
            }
            let text = series.labels.get(BUCKET_LABEL).unwrap_or("");
            match text.parse::<f64>() {
                Ok(upper) => {
                    let labels = LabelsBuilder::from(&series.labels).remove(BUCKET_LABEL).build();
                    buckets.push((source_of(labels), upper, index));
                }
                Err(_) => {
                    let metric = self.named(&series.labels);
                    self.notes.add(Note::BadBucketLabel { metric, label: text.to_owned() }, self.span);
                }
            }
        }
        for (ordinal, index) in natives {
            sources[ordinal].native.push(index);
        }
        for (ordinal, upper, index) in buckets {
            sources[ordinal].buckets.push((upper, index));
        }
        sources
    }

    /// The name that remarks give: none where names have been dropped by now.
    fn named(&self, labels: &Labels) -> String {
        let name = labels.get(bedrock::labels::METRIC_NAME).filter(|_| self.names_late);
        name.unwrap_or("").to_owned()
    }

    fn answer(&mut self, all: &[Series], source: &Source, asked: &Asked, results: &mut Vec<Series>) {
        let steps = self.times.len();
        let mut result = Series::absent(source.labels.clone(), source.drop_name, steps);
        let mut buckets: Vec<Bucket> = Vec::with_capacity(source.buckets.len());
        for step in 0..steps {
            buckets.clear();
            for (upper, index) in &source.buckets {
                let value = all.get(*index).and_then(|series| series.floats.get(step)).copied();
                if let Some(count) = value.filter(|value| !is_absent(*value)) {
                    buckets.push(Bucket { upper: *upper, count });
                }
            }
            let native = source.native.iter().find_map(|index| all.get(*index)?.histogram(step));
            let value = match native {
                Some(_) if !buckets.is_empty() => {
                    let metric = self.named(&source.labels);
                    self.notes.add(Note::MixedClassicNative { metric }, self.span);
                    continue;
                }
                Some(histogram) => self.of_native(histogram, &asked.of, step, &source.labels),
                None if buckets.is_empty() => continue,
                None => self.of_classic(&mut buckets, &asked.of, step, &source.labels),
            };
            let Some(label) = &asked.label else {
                if let Some(slot) = result.floats.get_mut(step) {
                    *slot = value;
                }
                continue;
            };
            // A quantile may differ from step to step, and its label with it.
            let q = match &asked.of {
                Of::Quantile(q) => q.get(step).copied().unwrap_or(f64::NAN),
                Of::Fraction { .. } => f64::NAN,
            };
            let text = open_metrics_float(q);
            let labels = LabelsBuilder::from(&source.labels).set(label, &text).build();
            let mut series = match results.iter().position(|series| series.labels == labels) {
                Some(at) if !results[at].has_sample(step) => results.swap_remove(at),
                _ => Series::absent(labels, source.drop_name, steps),
            };
            if let Some(slot) = series.floats.get_mut(step) {
                *slot = value;
            }
            results.push(series);
        }
        results.push(result);
    }

    fn of_native(&mut self, histogram: &Arc<Histogram>, of: &Of, step: usize, labels: &Labels) -> f64 {
        let (value, nan) = match of {
            Of::Quantile(q) => histogram.quantile(q.get(step).copied().unwrap_or(f64::NAN)),
            Of::Fraction { lower, upper } => {
                let bound = |bounds: &[f64]| bounds.get(step).copied().unwrap_or(f64::NAN);
                histogram.fraction(bound(lower), bound(upper))
            }
        };
        let metric = || self.named(labels);
        let note = match (nan, of) {
            (NanObservations::None, _) => return value,
            (_, Of::Fraction { .. }) => Note::FractionNan { metric: metric() },
            (NanObservations::ResultIsNan, _) => Note::QuantileNanResult { metric: metric() },
            (NanObservations::Skewed, _) => Note::QuantileNanSkew { metric: metric() },
        };
        self.notes.add(note, self.span);
        value
    }

    fn of_classic(&mut self, buckets: &mut Vec<Bucket>, of: &Of, step: usize, labels: &Labels) -> f64 {
        match of {
            Of::Fraction { lower, upper } => {
                let bound = |bounds: &[f64]| bounds.get(step).copied().unwrap_or(f64::NAN);
                classic::fraction(bound(lower), bound(upper), buckets)
            }
            Of::Quantile(q) => {
                let time_ms = self.times.get(step).copied().unwrap_or(0);
                let (value, forced) =
                    classic::quantile(q.get(step).copied().unwrap_or(f64::NAN), buckets, time_ms);
                if let Some(seen) = forced {
                    let metric = self.named(labels);
                    self.notes.add(Note::ForcedMonotonicity { metric, seen }, self.span);
                }
                value
            }
        }
    }
}

/// A float as OpenMetrics writes it in labels: whole numbers with `.0`.
fn open_metrics_float(value: f64) -> String {
    let text = ShortFloat(value).to_string();
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    if is_whole { format!("{text}.0") } else { text }
}
