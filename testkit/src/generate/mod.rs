//! Workloads: the same shapes that benchmarks of the three signals use, seeded and streaming.
//!
//! Each generator is a value that is stepped; memory follows the number of series, streams or services and not the
//! amount of data. Equal options give equal data on every machine.
//!
//! | generator | one step is | shape |
//! |---|---|---|
//! | [`Metrics`] | one scrape of every target | node and HTTP metrics: counters with resets, gauges, histograms, constants |
//! | [`Logs`] | one line | JSON, logfmt and access logs of 96 streams, rare needles |
//! | [`Traces`] | one trace | calls through a shop: 5 to 30 spans, 1.5% with errors |

mod logs;
mod metrics;
mod sample;
mod traces;

pub use logs::{LogLine, Logs, LogsOptions};
pub use metrics::{Metrics, MetricsOptions, Series};
pub use traces::{Attribute, Event, Resource, Span, SpanKind, Traces, TracesOptions, Value};

/// The time at which workloads start unless told otherwise: 2026-05-28 20:26:40 UTC.
pub const START_MS: i64 = 1_780_000_000_000;
