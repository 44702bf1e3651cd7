//! What an expression evaluates to.

use bedrock::labels::Labels;
use rustc_hash::{FxHashMap, FxHashSet};

use super::error::{QueryError, Result};
use super::evaluator::Evaluator;
use super::series::{Series, without_metadata};
use super::stream::{Scratch, SeriesStream};

/// The value of an expression over some steps.
pub(crate) enum Operand<'s> {
    /// A number at each step.
    Scalar(Vec<f64>),
    /// A text.
    Text(String),
    /// Series in memory.
    Ready(Vec<Series>),
    /// Series that are computed when they are asked for.
    Lazy(Lazy<'s>),
}

/// A stream of series.
pub(crate) struct Lazy<'s> {
    pub(crate) stream: Box<dyn SeriesStream + 's>,
    /// Whether label sets stay distinct when names are dropped.
    pub(crate) one_name: bool,
}

/// Steps up to which empty places of a column are not counted as samples.
const DENSE_STEPS_MAX: usize = 100_000;

/// What is done to each series of a stream on its way.
pub(crate) type Change<'s> = Box<dyn Fn(Series, &mut Scratch) -> Result<Option<Series>> + Sync + 's>;

/// A stream whose series are changed one by one.
struct Changed<'s> {
    inner: Box<dyn SeriesStream + 's>,
    change: Change<'s>,
}

impl SeriesStream for Changed<'_> {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn series(&self, index: usize, scratch: &mut Scratch) -> Result<Option<Series>> {
        match self.inner.series(index, scratch)? {
            Some(series) => Ok((self.change)(series, scratch)?.filter(|series| !series.is_empty())),
            None => Ok(None),
        }
    }
}

impl<'s> Evaluator<'s, '_> {
    /// Applies a change to each series. Where it drops names, the result is checked for equal label sets.
    pub(crate) fn change(
        &mut self,
        operand: Operand<'s>,
        drops_names: bool,
        change: Change<'s>,
    ) -> Result<Operand<'s>> {
        let changed = match operand {
            Operand::Lazy(lazy) => {
                let one_name = lazy.one_name;
                let changed = Operand::Lazy(Lazy {
                    stream: Box::new(Changed { inner: lazy.stream, change }),
                    one_name,
                });
                if self.query.names_late() || !drops_names || one_name {
                    return Ok(changed);
                }
                changed
            }
            Operand::Ready(all) => {
                let mut scratch = Scratch::default();
                let mut kept = Vec::with_capacity(all.len());
                for series in all {
                    kept.extend(change(series, &mut scratch)?.filter(|series| !series.is_empty()));
                }
                self.notes.merge(scratch.notes);
                Operand::Ready(kept)
            }
            other => other,
        };
        if !drops_names || self.query.names_late() {
            return Ok(changed);
        }
        Ok(Operand::Ready(merge_equal(self.collect(changed)?)?))
    }

    /// All series of an operand, in memory. Names that are to go have gone, unless they are removed late.
    pub(crate) fn collect(&mut self, operand: Operand<'s>) -> Result<Vec<Series>> {
        let mut all = match operand {
            Operand::Ready(all) => all,
            Operand::Lazy(lazy) => {
                let mut all = Vec::with_capacity(lazy.stream.len().min(1024));
                let query = self.query;
                let mut held = 0;
                let result = self.for_each(Operand::Lazy(lazy), &mut |series| {
                    // A column takes room at every step, which a long subquery has to answer for.
                    let steps = series.floats.len();
                    let room = if steps > DENSE_STEPS_MAX { steps } else { 0 };
                    let samples = series.sample_count().max(room);
                    held += samples;
                    query.hold(samples)?;
                    all.push(series);
                    Ok(())
                });
                self.held += held;
                result?;
                all
            }
            Operand::Scalar(column) => vec![Series::of_floats(Labels::empty(), column)],
            Operand::Text(_) => Vec::new(),
        };
        if !self.query.names_late() {
            drop_names(&mut all);
        }
        Ok(all)
    }

    /// Calls `take` with each series in order. Names that are to go may still be there.
    pub(crate) fn for_each(
        &mut self,
        operand: Operand<'s>,
        take: &mut dyn FnMut(Series) -> Result<()>,
    ) -> Result<()> {
        match operand {
            Operand::Lazy(lazy) => {
                let runner =
                    super::stream::Runner { threads: self.query.options.threads, stop: &self.query.stop };
                let mut decoded = 0;
                let result = runner.for_each(&*lazy.stream, &mut self.notes, &mut decoded, take);
                self.query.used.samples_decoded.fetch_add(decoded, std::sync::atomic::Ordering::Relaxed);
                result
            }
            Operand::Ready(all) => all.into_iter().try_for_each(take),
            Operand::Scalar(_) | Operand::Text(_) => Ok(()),
        }
    }

    /// The number at each step of a scalar expression.
    pub(crate) fn scalar(operand: Operand<'s>) -> Vec<f64> {
        match operand {
            Operand::Scalar(column) => column,
            _ => Vec::new(),
        }
    }
}

/// Takes the names away that are to go.
pub(crate) fn drop_names(all: &mut [Series]) {
    for series in all {
        if series.drop_name {
            series.labels = without_metadata(&series.labels);
            series.drop_name = false;
        }
    }
}

fn equal_labels() -> QueryError {
    QueryError::execution("vector cannot contain metrics with the same labelset")
}

/// Fails where two series have the same labels.
pub(crate) fn refuse_equal(all: &[Series]) -> Result<()> {
    let mut seen = FxHashSet::default();
    if all.iter().all(|series| seen.insert(&series.labels)) { Ok(()) } else { Err(equal_labels()) }
}

/// Joins series of equal labels; fails where two of them have a value at one step.
pub(crate) fn merge_equal(all: Vec<Series>) -> Result<Vec<Series>> {
    let mut seen: FxHashMap<Labels, usize> = FxHashMap::default();
    let mut merged: Vec<Series> = Vec::with_capacity(all.len());
    for series in all {
        let at = *seen.entry(series.labels.clone()).or_insert(merged.len());
        let Some(into) = merged.get_mut(at) else {
            merged.push(series);
            continue;
        };
        for step in 0..series.floats.len() {
            let Some(sample) = series.sample(step) else { continue };
            if into.has_sample(step) {
                return Err(equal_labels());
            }
            into.set(step, sample.to_value());
        }
    }
    Ok(merged)
}
