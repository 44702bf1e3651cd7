//! Which series a query reads: each distinct set of matchers is selected once, before anything is evaluated.

use bedrock::labels::Matcher;
use bedrock::series::{Select, SeriesSet, SeriesSource};
use bedrock::time::TimeRange;

use super::error::{QueryError, Result};
use super::query::Query;
use crate::ast::{Boundary, Expr, TimeModifiers, VectorSelector};
use crate::duration::DurationSign;
use crate::engine::steps::Reference;

/// The series of one distinct set of matchers, over all times at which the query looks at them.
pub(crate) struct Selection<'q> {
    matchers: Vec<Matcher>,
    range: TimeRange,
    pub(crate) set: Box<dyn SeriesSet + 'q>,
    /// Whether all series have one metric name and no other label that goes with it: then dropping the name leaves
    /// label sets distinct.
    pub(crate) one_name: bool,
}

/// All selections of a query. Few: found by comparing matchers.
#[derive(Default)]
pub(crate) struct Selections<'q> {
    all: Vec<Selection<'q>>,
}

impl<'q> Selections<'q> {
    pub(crate) fn get(&self, selector: &VectorSelector) -> Result<&Selection<'q>> {
        let matchers = selector.all_matchers();
        self.all
            .iter()
            .find(|selection| selection.matchers == matchers)
            .ok_or_else(|| QueryError::execution("a selector was not planned"))
    }

    pub(crate) fn series(&self) -> u64 {
        self.all.iter().map(|selection| selection.set.len() as u64).sum()
    }

    /// Selects what `expr`, evaluated by `query`, will read.
    pub(crate) fn load(query: &Query<'q>, expr: &Expr) -> Result<Selections<'q>> {
        let mut wanted: Vec<(Vec<Matcher>, TimeRange)> = Vec::new();
        let mut add = |selector: &VectorSelector, range: TimeRange| {
            let matchers = selector.all_matchers();
            match wanted.iter_mut().find(|(m, _)| *m == matchers) {
                Some((_, old)) => {
                    *old = TimeRange::new(old.start.min(range.start), old.end.max(range.end));
                }
                None => wanted.push((matchers, range)),
            }
        };
        plan(query, expr, TimeRange::new(query.start_ms, query.end_ms), &mut add)?;
        let all = wanted.into_iter().map(|(matchers, range)| {
            query.stop.check()?;
            select(query.source, query.options.limits.series_max, matchers, range)
        });
        Ok(Selections { all: all.collect::<Result<_>>()? })
    }
}

/// Selects the series of some matchers.
pub(crate) fn select<'q>(
    source: &'q dyn SeriesSource,
    series_max: usize,
    matchers: Vec<Matcher>,
    range: TimeRange,
) -> Result<Selection<'q>> {
    let set = source.select(&Select { matchers: &matchers, range })?;
    if set.len() > series_max {
        return Err(QueryError::Limit { what: "select too many series", max: series_max as u64 });
    }
    let one_name = has_one_name(&*set);
    Ok(Selection { matchers, range, set, one_name })
}

impl Selection<'_> {
    /// The part of `range` that was selected.
    pub(crate) fn within(&self, range: TimeRange) -> TimeRange {
        TimeRange::new(range.start.max(self.range.start), range.end.min(self.range.end))
    }
}

fn has_one_name(set: &dyn SeriesSet) -> bool {
    let mut name = None;
    (0..set.len()).all(|index| {
        let mut own = None;
        for (label, value) in set.labels(index) {
            match label {
                bedrock::labels::METRIC_NAME => own = Some(value),
                label if super::series::is_metadata(label) => return false,
                // Labels ascend, and those that go with the name begin with an underscore.
                label if label > "__zzz" => break,
                _ => {}
            }
        }
        let own = own.unwrap_or("");
        *name.get_or_insert(own) == own
    })
}

/// Calls `add` with each selector and the closed range of times that it reads when evaluated at `times`.
fn plan(
    query: &Query<'_>,
    expr: &Expr,
    times: TimeRange,
    add: &mut impl FnMut(&VectorSelector, TimeRange),
) -> Result<()> {
    let lookback = query.options.lookback_ms;
    match expr {
        Expr::Vector(selector) => {
            let times = query.reference(&selector.modifiers)?.range(times);
            let ahead = if selector.boundary == Boundary::Smoothed { lookback } else { 0 };
            let extra = i64::from(selector.boundary != Boundary::Smoothed);
            add(selector, widen(times, lookback - extra, ahead));
        }
        Expr::Matrix(matrix) => {
            let range_ms = query.duration(&matrix.range, DurationSign::Positive)?;
            let times = query.reference(&matrix.selector.modifiers)?.range(times);
            let (behind, ahead) = match matrix.selector.boundary {
                Boundary::Plain => (-1, 0),
                Boundary::Anchored => (lookback - 1, 0),
                Boundary::Smoothed => (lookback - 1, lookback),
            };
            add(&matrix.selector, widen(times, range_ms.saturating_add(behind), ahead));
        }
        Expr::Subquery(subquery) => {
            let range_ms = query.duration(&subquery.range, DurationSign::Positive)?;
            if let Some(step) = &subquery.step {
                query.duration(step, DurationSign::Positive)?;
            }
            let times = query.reference(&subquery.modifiers)?.range(times);
            plan(query, &subquery.expr, widen(times, range_ms, 0), add)?;
        }
        // The second argument is no vector: it names labels of series that are looked up later.
        Expr::Call(call) if call.function.id == crate::FunctionId::Info => {
            for arg in call.args.iter().take(1) {
                plan(query, arg, times, add)?;
            }
        }
        _ => {
            for child in expr.children() {
                plan(query, child, times, add)?;
            }
        }
    }
    Ok(())
}

fn widen(range: TimeRange, behind: i64, ahead: i64) -> TimeRange {
    TimeRange::new(range.start.saturating_sub(behind), range.end.saturating_add(ahead))
}

impl Query<'_> {
    /// Where a selector or subquery looks.
    pub(crate) fn reference(&self, modifiers: &TimeModifiers) -> Result<Reference> {
        let offset_ms = match &modifiers.offset {
            Some(offset) => self.duration(offset, DurationSign::Any)?,
            None => 0,
        };
        Ok(Reference { at_ms: self.at_ms(modifiers.at), offset_ms })
    }
}

impl Reference {
    /// The times looked at for steps in a range.
    fn range(&self, times: TimeRange) -> TimeRange {
        TimeRange::new(self.time(times.start), self.time(times.end))
    }
}
