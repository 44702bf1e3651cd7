//! The steps of a metrics query.

use crate::source::TimeWindow;

const NS_PER_S: u64 = 1_000_000_000;

/// Steps of equal length. A step is open at its start and closed at its end, and is named by its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grid {
    /// Spans that start later than this count.
    after_ns: u64,
    /// Spans that start up to this count.
    until_ns: u64,
    /// The start of the first step.
    first_ns: u64,
    step_ns: u64,
    steps: usize,
    /// Spans that start so much earlier make their series known, which then is zero throughout, as in the reference.
    lead_ns: u64,
}

/// The most steps of a query.
pub(super) const STEPS_MAX: u64 = 50_000;

impl Grid {
    /// The steps that spans from after `start_ns` up to `end_ns` fall into, at multiples of the step since the epoch.
    /// `None` where the interval or the step is empty, or there are more than 50,000 steps.
    ///
    /// ```
    /// use tracestore::traceql::Grid;
    /// let grid = Grid::new(1, 3_000_000_000, 1_000_000_000).unwrap();
    /// assert_eq!((grid.len(), grid.time_ns(0)), (3, 1_000_000_000));
    /// ```
    pub fn new(start_ns: u64, end_ns: u64, step_ns: u64) -> Option<Self> {
        if start_ns >= end_ns || step_ns == 0 {
            return None;
        }
        let first_ns = start_ns - start_ns % step_ns;
        let last_ns = end_ns.div_ceil(step_ns).checked_mul(step_ns)?;
        let steps = (last_ns - first_ns) / step_ns;
        let steps = usize::try_from(steps).ok().filter(|_| steps <= STEPS_MAX)?;
        Some(Grid { after_ns: start_ns, until_ns: end_ns, first_ns, step_ns, steps, lead_ns: step_ns })
    }

    /// One step from after `start_ns` up to `end_ns`. `None` where that is empty.
    pub fn instant(start_ns: u64, end_ns: u64) -> Option<Self> {
        let step_ns = end_ns.checked_sub(start_ns).filter(|length| *length > 0)?;
        Some(Grid { after_ns: start_ns, until_ns: end_ns, first_ns: start_ns, step_ns, steps: 1, lead_ns: 0 })
    }

    /// How many steps there are; at least one.
    #[expect(clippy::len_without_is_empty, reason = "a grid is never empty")]
    pub fn len(&self) -> usize {
        self.steps
    }

    /// The length of a step in nanoseconds.
    pub fn step_ns(&self) -> u64 {
        self.step_ns
    }

    /// The length of a step in seconds.
    pub fn step_s(&self) -> f64 {
        self.step_ns as f64 / NS_PER_S as f64
    }

    /// The end of a step, which is its name, in nanoseconds since the epoch.
    pub fn time_ns(&self, step: usize) -> u64 {
        self.first_ns.saturating_add((step as u64 + 1).saturating_mul(self.step_ns))
    }

    /// The step into which a moment falls; the one beyond the last, which no series has, for a moment shortly before
    /// the first.
    pub(super) fn step_of(&self, time_ns: u64) -> Option<usize> {
        if time_ns <= self.after_ns {
            return (time_ns.saturating_add(self.lead_ns) > self.after_ns).then_some(self.steps);
        }
        if time_ns > self.until_ns {
            return None;
        }
        let step = (time_ns - self.first_ns - 1) / self.step_ns;
        usize::try_from(step).ok().filter(|step| *step < self.steps)
    }

    /// The moments that count or make a series known.
    pub(super) fn window(&self) -> TimeWindow {
        let start_ns = self.after_ns.saturating_add(1).saturating_sub(self.lead_ns);
        TimeWindow { start_ns, end_ns: self.until_ns }
    }

    /// The step that Tempo chooses where none is given: about 240 of them.
    pub fn default_step_ns(start_ns: u64, end_ns: u64) -> u64 {
        let range_ns = end_ns.saturating_sub(start_ns);
        let wanted_ns = range_ns / 240;
        let finest_ns = NS_PER_S / 20;
        if range_ns < 60 * NS_PER_S {
            return (wanted_ns / finest_ns * finest_ns).max(finest_ns);
        }
        for seconds in [3_600, 300, 60, 15, 5, 1] {
            let unit_ns = seconds * NS_PER_S;
            if wanted_ns > unit_ns {
                return wanted_ns / unit_ns * unit_ns;
            }
        }
        NS_PER_S
    }
}
