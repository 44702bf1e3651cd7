//! Functions over a window of samples, by their definition: one window at a time.
//!
//! A window holds floats and histograms apart, both ascending in time and without stale markers.

mod extended;
mod histograms;
mod over_time;
mod rate;
mod regression;
mod resets;

use std::sync::Arc;

use bedrock::histogram::Histogram;

use crate::FunctionId;
use crate::ast::Boundary;
use crate::engine::annotations::{Note, Notes};
use crate::engine::{QueryError, Result, SampleValue};
use crate::span::Span;

pub(crate) use extended::interpolate;
pub(crate) use histograms::interpolate_histograms;
pub(crate) use over_time::{avg, sum, variance};

/// A call of a function with a range vector: what is the same for all series and steps.
#[derive(Clone, Debug)]
pub(crate) struct RangeCall {
    pub(crate) function: FunctionId,
    /// Where remarks point.
    pub(crate) span: Span,
    pub(crate) range_ms: i64,
    pub(crate) boundary: Boundary,
    /// Whether start timestamps of samples count.
    pub(crate) start_timestamps: bool,
    /// The arguments that are no range vector, by step.
    pub(crate) params: Vec<Vec<f64>>,
}

/// The samples that one step sees, and where its window lies.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Window<'w> {
    pub(crate) step: usize,
    /// Time of the step.
    pub(crate) time_ms: i64,
    /// The window is `(start_ms, end_ms]`; with `anchored` and `smoothed` there are samples outside.
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    pub(crate) floats: Floats<'w>,
    pub(crate) histograms: Histograms<'w>,
    /// Name of the metric, for remarks.
    pub(crate) metric: &'w str,
}

/// Float samples; start timestamps may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Floats<'w> {
    pub(crate) times: &'w [i64],
    pub(crate) values: &'w [f64],
    pub(crate) starts: &'w [i64],
}

/// Histogram samples; start timestamps may be missing.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Histograms<'w> {
    pub(crate) times: &'w [i64],
    pub(crate) values: &'w [Arc<Histogram>],
    pub(crate) starts: &'w [i64],
}

impl Floats<'_> {
    pub(crate) fn slice(&self, range: std::ops::Range<usize>) -> Self {
        Floats {
            times: self.times.get(range.clone()).unwrap_or_default(),
            values: self.values.get(range.clone()).unwrap_or_default(),
            starts: self.starts.get(range).unwrap_or_default(),
        }
    }
}

impl Histograms<'_> {
    pub(crate) fn slice(&self, range: std::ops::Range<usize>) -> Self {
        Histograms {
            times: self.times.get(range.clone()).unwrap_or_default(),
            values: self.values.get(range.clone()).unwrap_or_default(),
            starts: self.starts.get(range).unwrap_or_default(),
        }
    }
}

impl Window<'_> {
    fn is_mixed(&self) -> bool {
        !self.floats.values.is_empty() && !self.histograms.values.is_empty()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.floats.values.is_empty() && self.histograms.values.is_empty()
    }
}

/// What a function makes of a window.
type Answer = Result<Option<SampleValue>>;

fn float(value: f64) -> Option<SampleValue> {
    Some(SampleValue::Float(value))
}

impl RangeCall {
    fn note(&self, notes: &mut Notes, note: Note) {
        notes.add(note, self.span);
    }

    fn param(&self, index: usize, step: usize) -> f64 {
        self.params.get(index).and_then(|by_step| by_step.get(step)).copied().unwrap_or(f64::NAN)
    }

    /// The value of the function at one step. The window must not be empty.
    pub(crate) fn evaluate(&self, window: &Window<'_>, notes: &mut Notes) -> Answer {
        use FunctionId as F;
        match self.function {
            F::Rate | F::Increase | F::Delta => Ok(rate::rate(self, window, notes)),
            F::Irate | F::Idelta => Ok(rate::instant_rate(self, window, notes)),
            F::Resets | F::Changes => Ok(resets::count(self, window)),
            F::SumOverTime | F::AvgOverTime => Ok(over_time::sum_or_avg(self, window, notes)),
            F::CountOverTime => {
                Ok(float((window.floats.values.len() + window.histograms.values.len()) as f64))
            }
            F::PresentOverTime | F::AbsentOverTime => Ok(float(1.0)),
            F::FirstOverTime | F::LastOverTime => Ok(over_time::edge(self, window)),
            F::TsOfFirstOverTime | F::TsOfLastOverTime => Ok(over_time::edge_time(self, window)),
            F::Deriv | F::PredictLinear | F::DoubleExponentialSmoothing => self.trend(window, notes),
            _ => Ok(self.of_floats(window, notes)),
        }
    }

    /// Functions that look at floats only, and say so where there are histograms too.
    fn of_floats(&self, window: &Window<'_>, notes: &mut Notes) -> Option<SampleValue> {
        use FunctionId as F;
        let values = window.floats.values;
        if values.is_empty() {
            return None;
        }
        self.note_ignored(window, notes);
        float(match self.function {
            F::MinOverTime => over_time::extreme(values, |value, best| value < best),
            F::MaxOverTime => over_time::extreme(values, |value, best| value > best),
            F::TsOfMinOverTime => over_time::extreme_time(window, |value, best| value <= best),
            F::TsOfMaxOverTime => over_time::extreme_time(window, |value, best| value >= best),
            F::StddevOverTime => over_time::variance(values).sqrt(),
            F::StdvarOverTime => over_time::variance(values),
            F::MadOverTime => over_time::mad(values),
            F::QuantileOverTime => {
                let q = self.param(0, window.step);
                if !(0.0..=1.0).contains(&q) {
                    self.note(notes, Note::InvalidQuantile(q));
                }
                bedrock::vector::quantile(q, &mut values.to_vec())
            }
            _ => return None,
        })
    }

    fn note_ignored(&self, window: &Window<'_>, notes: &mut Notes) {
        if window.is_mixed() {
            self.note(notes, Note::HistogramIgnoredInMixedRange { metric: window.metric.to_owned() });
        }
    }

    /// Functions that need two floats.
    fn trend(&self, window: &Window<'_>, notes: &mut Notes) -> Answer {
        use FunctionId as F;
        let smoothing = (self.param(0, window.step), self.param(1, window.step));
        if self.function == F::DoubleExponentialSmoothing {
            check_factor("smoothing", "sf", smoothing.0)?;
            check_factor("trend", "tf", smoothing.1)?;
        }
        let Floats { times, values, .. } = window.floats;
        if !values.is_empty() {
            self.note_ignored(window, notes);
        }
        let (Some(first_ms), true) = (times.first(), values.len() > 1) else { return Ok(None) };
        Ok(float(match self.function {
            F::Deriv => regression::line(times, values, *first_ms).slope,
            F::PredictLinear => {
                let line = regression::line(times, values, window.time_ms);
                line.slope * self.param(0, window.step) + line.intercept
            }
            _ => regression::double_exponential(values, smoothing.0, smoothing.1),
        }))
    }
}

fn check_factor(name: &str, short: &str, value: f64) -> Result<()> {
    if value <= 0.0 || value >= 1.0 {
        return Err(QueryError::execution(format!(
            "invalid {name} factor. Expected: 0 < {short} < 1, got: {value:.6}"
        )));
    }
    Ok(())
}
