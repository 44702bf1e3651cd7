//! What a query may cost, and who may stop it.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crate::traceql::error::QueryError;

/// Stops a query from another thread. Clones are handles of the same.
#[derive(Clone, Debug, Default)]
pub struct Cancel {
    cancelled: Arc<AtomicBool>,
}

impl Cancel {
    /// Stops every query that was started with it, at its next batch of spans.
    pub fn cancel(&self) {
        self.cancelled.store(true, Ordering::Relaxed);
    }

    /// Whether [`Cancel::cancel`] was called.
    pub fn is_cancelled(&self) -> bool {
        self.cancelled.load(Ordering::Relaxed)
    }
}

/// What a query may cost. They are looked at once a batch of some thousand spans.
///
/// ```
/// use std::time::{Duration, Instant};
///
/// use tracestore::api::search;
/// use tracestore::memory::MemorySource;
/// use tracestore::traceql::{QueryLimits, SearchOptions};
///
/// let limits = QueryLimits { deadline: Some(Instant::now() + Duration::from_secs(10)), ..QueryLimits::default() };
/// let options = SearchOptions { limits, ..SearchOptions::default() };
/// assert!(search(&MemorySource::new([]), "{ status = error }", &options).unwrap().is_empty());
/// ```
#[derive(Clone, Debug)]
pub struct QueryLimits {
    /// When it must be answered. Default: whenever.
    pub deadline: Option<Instant>,
    /// Stops it from another thread.
    pub cancel: Cancel,
    /// The most spans that it may look at. Default: no limit.
    pub spans_max: u64,
    /// The most bytes of the answer of a search, about. Default 256 MiB.
    pub answer_bytes_max: usize,
}

impl Default for QueryLimits {
    fn default() -> Self {
        QueryLimits {
            deadline: None,
            cancel: Cancel::default(),
            spans_max: u64::MAX,
            answer_bytes_max: 256 << 20,
        }
    }
}

/// What is left of the limits.
#[derive(Debug)]
pub(super) struct Budget<'l> {
    limits: &'l QueryLimits,
    spans: u64,
    answer_bytes: usize,
}

impl<'l> Budget<'l> {
    pub(super) fn new(limits: &'l QueryLimits) -> Self {
        Budget { limits, spans: 0, answer_bytes: 0 }
    }

    /// Before a batch of so many spans is looked at.
    pub(super) fn batch(&mut self, spans: usize) -> Result<(), QueryError> {
        if self.limits.cancel.is_cancelled() {
            return Err(bedrock::Error::Cancelled { reason: "the caller" }.into());
        }
        if self.limits.deadline.is_some_and(|deadline| Instant::now() >= deadline) {
            return Err(bedrock::Error::Cancelled { reason: "the deadline" }.into());
        }
        self.spans += spans as u64;
        let (max, found) = (self.limits.spans_max, self.spans);
        if found > max {
            return Err(bedrock::Error::Limit { what: "spans that a query looks at", max, found }.into());
        }
        Ok(())
    }

    /// After so many bytes were added to the answer.
    pub(super) fn answer(&mut self, bytes: usize) -> Result<(), QueryError> {
        self.answer_bytes += bytes;
        if self.answer_bytes > self.limits.answer_bytes_max {
            let what = "bytes of an answer";
            return Err(QueryError::limit(what, self.limits.answer_bytes_max, self.answer_bytes));
        }
        Ok(())
    }
}
