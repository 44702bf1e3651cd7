//! What an engine allows and assumes, and who may stop a query.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Settings of an [`Engine`](super::Engine). The defaults are those of a Prometheus server.
///
/// ```
/// let options = promql::EngineOptions { samples_max: 1_000_000, ..promql::EngineOptions::default() };
/// assert_eq!(options.lookback_ms, 300_000);
/// ```
#[derive(Clone, Debug)]
pub struct EngineOptions {
    /// How far an instant selector looks back for a sample, in milliseconds (default 5 minutes).
    pub lookback_ms: i64,
    /// Step of a subquery that names none, in milliseconds (default 1 minute).
    pub subquery_step_ms: i64,
    /// Threads that one query may use (default: as many as the machine has).
    pub threads: usize,
    /// What one query may use up.
    pub limits: QueryLimits,
    /// Samples that one query may hold in memory at a time, as the reference counts them (default 50 million).
    pub samples_max: usize,
    /// Parts of the language that the reference has switched off unless asked for.
    pub features: Features,
}

impl Default for EngineOptions {
    fn default() -> Self {
        EngineOptions {
            lookback_ms: 300_000,
            subquery_step_ms: 60_000,
            threads: std::thread::available_parallelism().map_or(1, usize::from),
            limits: QueryLimits::default(),
            samples_max: 50_000_000,
            features: Features::default(),
        }
    }
}

/// Upper bounds on what one query may use besides samples.
#[derive(Clone, Copy, Debug)]
pub struct QueryLimits {
    /// Series that one selector may select (default 10 million).
    pub series_max: usize,
    /// Bytes that the result may take (default 1 GiB).
    pub result_bytes_max: usize,
    /// Nesting of expressions (default 256).
    pub depth_max: usize,
    /// Steps of a range query (default 11,000, the limit of the reference's HTTP API).
    pub steps_max: usize,
    /// How long a query may run (default 2 minutes).
    pub timeout: Duration,
}

impl Default for QueryLimits {
    fn default() -> Self {
        QueryLimits {
            series_max: 10_000_000,
            result_bytes_max: 1 << 30,
            depth_max: 256,
            steps_max: 11_000,
            timeout: Duration::from_secs(120),
        }
    }
}

/// Parts of the language that the reference keeps behind feature flags; its defaults are ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Features {
    /// Functions and aggregations that are marked experimental (`info`, `limitk`, `mad_over_time`, ...).
    pub experimental_functions: bool,
    /// Arithmetic in durations: `foo[5m * 2]`, `offset step()`.
    pub duration_expressions: bool,
    /// `anchored` and `smoothed` selectors.
    pub extended_range_selectors: bool,
    /// `fill`, `fill_left` and `fill_right` of binary operators.
    pub fill_modifiers: bool,
    /// Names are dropped from the final result and not by each function.
    pub delayed_name_removal: bool,
    /// `rate`, `increase`, `irate` and `resets` use the start timestamps of samples.
    pub start_timestamps: bool,
    /// Annotations look at the labels `__type__` and `__unit__`.
    pub type_and_unit_labels: bool,
}

impl Features {
    /// Everything on, except that annotations do not look at `__type__` and `__unit__`.
    pub const ALL: Features = Features {
        experimental_functions: true,
        duration_expressions: true,
        extended_range_selectors: true,
        fill_modifiers: true,
        delayed_name_removal: true,
        start_timestamps: true,
        type_and_unit_labels: false,
    };

    /// Everything off, as in a reference server without feature flags.
    pub const NONE: Features = Features {
        experimental_functions: false,
        duration_expressions: false,
        extended_range_selectors: false,
        fill_modifiers: false,
        delayed_name_removal: false,
        start_timestamps: false,
        type_and_unit_labels: false,
    };
}

impl Default for Features {
    fn default() -> Self {
        Features::NONE
    }
}

/// A handle that stops running queries. Clones stop together.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    stopped: Arc<AtomicBool>,
}

impl Cancel {
    /// Asks every query that holds this handle to stop at its next check, which comes within a few series.
    pub fn cancel(&self) {
        self.stopped.store(true, Ordering::Relaxed);
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.stopped.load(Ordering::Relaxed)
    }
}

/// When a query must end: by its deadline, or when its caller says so.
#[derive(Clone, Debug)]
pub(crate) struct Stop {
    pub(crate) cancel: Cancel,
    pub(crate) deadline: Option<Instant>,
}

impl Stop {
    /// Fails where the query has to stop. Reads the clock: not for each sample.
    pub(crate) fn check(&self) -> Result<(), super::QueryError> {
        if self.cancel.is_cancelled() {
            return Err(super::QueryError::Cancelled {
                reason: "query was canceled in expression evaluation",
            });
        }
        if self.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(super::QueryError::Cancelled { reason: "query timed out in expression evaluation" });
        }
        Ok(())
    }
}
