//! Metadata: what a metric family is, for people.

/// What kind of metric a family is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum MetricKind {
    /// Nothing is known.
    #[default]
    Unknown = 0,
    /// A value that only grows, but for resets.
    Counter = 1,
    /// A value that goes up and down.
    Gauge = 2,
    /// Counts of observations in buckets.
    Histogram = 3,
    /// A histogram whose buckets go up and down.
    GaugeHistogram = 4,
    /// Quantiles of observations.
    Summary = 5,
    /// Facts in labels, the value always 1.
    Info = 6,
    /// One of several states is 1.
    StateSet = 7,
}

impl MetricKind {
    /// Every kind, by its number.
    const ALL: [MetricKind; 8] = [
        MetricKind::Unknown,
        MetricKind::Counter,
        MetricKind::Gauge,
        MetricKind::Histogram,
        MetricKind::GaugeHistogram,
        MetricKind::Summary,
        MetricKind::Info,
        MetricKind::StateSet,
    ];

    /// The kind with a number.
    pub(crate) fn of_number(number: u8) -> Option<Self> {
        Self::ALL.get(usize::from(number)).copied()
    }

    /// The kind that a text names, as OpenMetrics or the Prometheus text format writes it.
    pub(crate) fn of_text(text: &str) -> Option<Self> {
        let text = text.trim();
        let named = Self::ALL.into_iter().find(|kind| kind.as_str() == text);
        named.or((text == "untyped").then_some(MetricKind::Unknown))
    }

    /// The kind as OpenMetrics writes it.
    pub fn as_str(self) -> &'static str {
        match self {
            MetricKind::Unknown => "unknown",
            MetricKind::Counter => "counter",
            MetricKind::Gauge => "gauge",
            MetricKind::Histogram => "histogram",
            MetricKind::GaugeHistogram => "gaugehistogram",
            MetricKind::Summary => "summary",
            MetricKind::Info => "info",
            MetricKind::StateSet => "stateset",
        }
    }
}

/// What is known of a metric family. The newest write stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Metadata {
    /// The kind of metric.
    pub kind: MetricKind,
    /// One sentence for people.
    pub help: String,
    /// The unit, as in the name of the family.
    pub unit: String,
}
