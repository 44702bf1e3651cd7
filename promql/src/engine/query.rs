//! One query under evaluation: what all parts of it share.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use bedrock::series::SeriesSource;

use super::error::{QueryError, Result};
use super::options::{EngineOptions, Stop};
use super::select::Selections;
use crate::ast::At;
use crate::duration::{DurationContext, DurationExpr, DurationSign};

/// What the evaluation of one query reads and counts. Shared by its threads.
pub(crate) struct Query<'q> {
    pub(crate) source: &'q dyn SeriesSource,
    pub(crate) options: &'q EngineOptions,
    pub(crate) stop: Stop,
    pub(crate) start_ms: i64,
    pub(crate) end_ms: i64,
    /// 0 in an instant query.
    pub(crate) step_ms: i64,
    pub(crate) selections: Selections<'q>,
    pub(crate) used: Used,
}

/// What a query has used up so far.
#[derive(Debug, Default)]
pub(crate) struct Used {
    samples_held: AtomicUsize,
    samples_peak: AtomicUsize,
    pub(crate) samples_decoded: AtomicU64,
}

impl Query<'_> {
    /// The value of a duration in the query.
    pub(crate) fn duration(&self, duration: &DurationExpr, sign: DurationSign) -> Result<i64> {
        let context =
            DurationContext { step_ms: self.step_ms, range_ms: self.end_ms.saturating_sub(self.start_ms) };
        duration.evaluate_ms(context, sign).map_err(|error| {
            QueryError::execution(format!("{}:{}: {}", error.span.start, error.span.end, error.problem))
        })
    }

    pub(crate) fn at_ms(&self, at: Option<At>) -> Option<i64> {
        at.map(|at| match at {
            At::Timestamp(time_ms) => time_ms,
            At::Start => self.start_ms,
            At::End => self.end_ms,
        })
    }

    /// Whether names are removed from the final result only.
    pub(crate) fn names_late(&self) -> bool {
        self.options.features.delayed_name_removal
    }

    /// Counts samples that are now held in memory, and fails where they are too many.
    pub(crate) fn hold(&self, samples: usize) -> Result<()> {
        let held = self.used.samples_held.fetch_add(samples, Ordering::Relaxed) + samples;
        self.used.samples_peak.fetch_max(held, Ordering::Relaxed);
        self.check_samples(held)
    }

    /// Fails where `samples` more than are held would be too many.
    pub(crate) fn hold_briefly(&self, samples: usize) -> Result<()> {
        let held = self.used.samples_held.load(Ordering::Relaxed) + samples;
        self.used.samples_peak.fetch_max(held, Ordering::Relaxed);
        self.check_samples(held)
    }

    /// Counts samples that are no longer held.
    pub(crate) fn release(&self, samples: usize) {
        self.used.samples_held.fetch_sub(samples, Ordering::Relaxed);
    }

    pub(crate) fn samples_peak(&self) -> usize {
        self.used.samples_peak.load(Ordering::Relaxed)
    }

    fn check_samples(&self, held: usize) -> Result<()> {
        if held > self.options.samples_max {
            return Err(QueryError::Limit {
                what: "load too many samples into memory in query execution",
                max: self.options.samples_max as u64,
            });
        }
        Ok(())
    }
}
