//! A series under evaluation: labels and one value a step.

use std::sync::Arc;

use bedrock::histogram::Histogram;
use bedrock::labels::{Labels, LabelsBuilder, METRIC_NAME};
use bedrock::vector::{ABSENT, is_absent};

use super::value::SampleValue;

/// The label that holds the type of a metric.
pub(crate) const TYPE_LABEL: &str = "__type__";
const UNIT_LABEL: &str = "__unit__";

/// Whether a label goes where the name of the metric goes.
pub(crate) fn is_metadata(name: &str) -> bool {
    matches!(name, METRIC_NAME | TYPE_LABEL | UNIT_LABEL)
}

/// Histograms by step.
pub(crate) type HistogramColumn = Vec<Option<Arc<Histogram>>>;

/// One series over the steps of an evaluation.
#[derive(Clone, Debug)]
pub(crate) struct Series {
    pub(crate) labels: Labels,
    /// The name is to go: at once, or from the result where names are removed late. The labels still hold it.
    pub(crate) drop_name: bool,
    /// One a step; absent where there is no float.
    pub(crate) floats: Vec<f64>,
    /// One a step; empty where the series has no histogram at all.
    pub(crate) histograms: HistogramColumn,
}

/// The value of a series at a step.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Sample<'a> {
    Float(f64),
    Histogram(&'a Arc<Histogram>),
}

impl Series {
    /// A series of floats.
    pub(crate) fn of_floats(labels: Labels, floats: Vec<f64>) -> Self {
        Series { labels, drop_name: false, floats, histograms: Vec::new() }
    }

    /// A series without any value yet.
    pub(crate) fn absent(labels: Labels, drop_name: bool, steps: usize) -> Self {
        Series { labels, drop_name, floats: vec![ABSENT; steps], histograms: Vec::new() }
    }

    pub(crate) fn sample(&self, step: usize) -> Option<Sample<'_>> {
        match self.floats.get(step) {
            Some(value) if !is_absent(*value) => Some(Sample::Float(*value)),
            _ => self.histograms.get(step)?.as_ref().map(Sample::Histogram),
        }
    }

    pub(crate) fn histogram(&self, step: usize) -> Option<&Arc<Histogram>> {
        self.histograms.get(step)?.as_ref()
    }

    pub(crate) fn has_sample(&self, step: usize) -> bool {
        self.sample(step).is_some()
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.floats.iter().all(|v| is_absent(*v)) && self.histograms.iter().all(Option::is_none)
    }

    /// Sets the value at a step, which must be one of the series'.
    pub(crate) fn set(&mut self, step: usize, value: SampleValue) {
        match value {
            SampleValue::Float(value) => {
                if let Some(slot) = self.floats.get_mut(step) {
                    *slot = value;
                }
            }
            SampleValue::Histogram(histogram) => {
                if self.histograms.is_empty() {
                    self.histograms = vec![None; self.floats.len()];
                }
                if let Some(slot) = self.histograms.get_mut(step) {
                    *slot = Some(histogram);
                }
            }
        }
    }

    /// Removes the value at a step.
    pub(crate) fn clear(&mut self, step: usize) {
        if let Some(slot) = self.floats.get_mut(step) {
            *slot = ABSENT;
        }
        if let Some(slot) = self.histograms.get_mut(step) {
            *slot = None;
        }
    }

    /// Samples, with a histogram counted by its bytes over those of a float sample, as the reference counts them.
    pub(crate) fn sample_count(&self) -> usize {
        let floats = self.floats.iter().filter(|v| !is_absent(**v)).count();
        floats + self.histograms.iter().flatten().map(|h| (h.heap_bytes() + 8) / 16).sum::<usize>()
    }

    /// Repeats the only step of the series `steps` times.
    pub(crate) fn repeat(mut self, steps: usize) -> Self {
        let value = self.floats.first().copied().unwrap_or(ABSENT);
        self.floats = vec![value; steps];
        if let Some(histogram) = self.histograms.first().cloned() {
            self.histograms = vec![histogram; steps];
        }
        self
    }

    /// The name of the metric in the labels, dropped or not.
    pub(crate) fn metric_name(&self) -> &str {
        self.labels.get(METRIC_NAME).unwrap_or("")
    }
}

/// The labels without those that go with the name.
pub(crate) fn without_metadata(labels: &Labels) -> Labels {
    if !labels.iter().any(|(name, _)| is_metadata(name)) {
        return labels.clone();
    }
    LabelsBuilder::from(labels).retain(|name, _| !is_metadata(name)).build()
}

/// Sets a label, or removes it where the value is empty: to PromQL an empty label is no label.
pub(crate) fn set_or_remove(builder: &mut LabelsBuilder, name: &str, value: &str) {
    if value.is_empty() {
        builder.remove(name);
    } else {
        builder.set(name, value);
    }
}

impl Sample<'_> {
    pub(crate) fn to_value(self) -> SampleValue {
        match self {
            Sample::Float(value) => SampleValue::Float(value),
            Sample::Histogram(histogram) => SampleValue::Histogram(Arc::clone(histogram)),
        }
    }
}
