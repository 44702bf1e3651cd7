//! The times at which an expression is evaluated.

/// `start_ms`, `start_ms + step_ms`, ..., `count` of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Steps {
    pub(crate) start_ms: i64,
    /// Never 0, also where there is only one step.
    pub(crate) step_ms: i64,
    pub(crate) count: usize,
}

impl Steps {
    pub(crate) fn at(time_ms: i64) -> Self {
        Steps { start_ms: time_ms, step_ms: 1, count: 1 }
    }

    /// The steps from `start_ms` up to and including `end_ms`; none where the end lies before the start.
    pub(crate) fn between(start_ms: i64, end_ms: i64, step_ms: i64) -> Self {
        let span = i128::from(end_ms) - i128::from(start_ms);
        let count = if span < 0 { 0 } else { span / i128::from(step_ms.max(1)) + 1 };
        Steps { start_ms, step_ms: step_ms.max(1), count: usize::try_from(count).unwrap_or(usize::MAX) }
    }

    pub(crate) fn time(&self, step: usize) -> i64 {
        self.start_ms.saturating_add(self.step_ms.saturating_mul(step as i64))
    }

    pub(crate) fn end_ms(&self) -> i64 {
        self.time(self.count.saturating_sub(1))
    }

    pub(crate) fn times(self) -> impl Iterator<Item = i64> {
        (0..self.count).map(move |step| self.time(step))
    }
}

/// Where a selector looks for each step: at the step, or at a fixed time, and always `offset_ms` earlier.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(crate) struct Reference {
    pub(crate) at_ms: Option<i64>,
    pub(crate) offset_ms: i64,
}

impl Reference {
    /// The time to look at for a step at `time_ms`.
    pub(crate) fn time(&self, time_ms: i64) -> i64 {
        self.at_ms.unwrap_or(time_ms).saturating_sub(self.offset_ms)
    }
}
