//! Random sequences of operations, and the dumbest model that knows what they mean.

use std::collections::BTreeMap;

use bedrock::error::Error as BedrockError;
use bedrock::labels::{MatchOp, Matcher};
use bedrock::time::TimeRange;
use testkit::oracle;
use tsdb::{Appender, Db, Error, SampleProblem, SeriesRef};

use crate::support::{Contents, labels};

/// A generator of numbers that is the same everywhere.
#[derive(Clone, Debug)]
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 11) % end
    }
}

/// One operation.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A commit of (series, timestamp, value).
    Commit(Vec<(usize, i64, f64)>),
    /// A deletion from the series of one number, or from all.
    Delete(Option<usize>, TimeRange),
    Flush,
    Compact,
    Tick,
    Sync,
    Reopen,
}

/// Series of a script.
const SERIES: u64 = 6;

/// Makes scripts: time moves on, some samples come late, some twice, some far too late.
pub(crate) fn script(random: &mut Random, steps: usize, with_reopen: bool) -> Vec<Step> {
    let mut now = 1_000_000;
    (0..steps)
        .map(|_| match random.below(20) {
            0 => Step::Flush,
            1 => Step::Tick,
            2 => Step::Sync,
            5 => Step::Compact,
            3 if with_reopen => Step::Reopen,
            4 => {
                let series = (random.below(3) > 0).then(|| random.below(SERIES) as usize);
                let start = now - random.below(200_000) as i64;
                Step::Delete(series, TimeRange::new(start, start + random.below(60_000) as i64))
            }
            _ => {
                now += random.below(20_000) as i64;
                let samples = (0..=random.below(12)).map(|_| {
                    let time = match random.below(10) {
                        0..=5 => now + random.below(10) as i64,
                        6..=8 => now - random.below(90) as i64 * 1_000,
                        _ => now - random.below(300_000) as i64,
                    };
                    let value = [0.0, -0.0, 1.5, f64::from_bits(bedrock::series::STALE_NAN_BITS)];
                    let value = match random.below(6) {
                        index @ 0..4 => value[index as usize],
                        _ => random.below(1_000) as f64,
                    };
                    (random.below(SERIES) as usize, time, value)
                });
                Step::Commit(samples.collect())
            }
        })
        .collect()
}

/// What a store must hold.
#[derive(Clone, Debug, Default)]
pub(crate) struct Model {
    pub(crate) contents: Contents,
    /// The newest timestamp ever taken.
    pub(crate) newest: Option<i64>,
    pub(crate) last_write_wins: bool,
    pub(crate) window_ms: i64,
    /// The steps that led here.
    pub(crate) history: Vec<Step>,
}

impl Model {
    /// Takes a sample that the store took.
    fn insert(&mut self, series: usize, time: i64, value: f64) {
        oracle::insert(&mut self.contents, &labels(series), time, value);
        self.newest = self.newest.max(Some(time));
    }

    fn get(&self, series: usize, time: i64) -> Option<u64> {
        self.contents.get(&labels(series).to_string())?.get(&time).copied()
    }

    fn delete(&mut self, series: Option<usize>, range: TimeRange) {
        oracle::delete(&mut self.contents, series.map(labels).as_ref(), range);
    }

    /// The model behind a step that has wholly happened, as `rejected` says for commits.
    pub(crate) fn after(&self, step: &Step, rejected: &BTreeMap<usize, SampleProblem>) -> Self {
        let mut next = self.clone();
        next.history.push(step.clone());
        match step {
            Step::Commit(samples) => {
                for (index, (series, time, value)) in samples.iter().enumerate() {
                    if !rejected.contains_key(&index) {
                        next.insert(*series, *time, *value);
                    }
                }
            }
            Step::Delete(series, range) => next.delete(*series, *range),
            Step::Flush | Step::Compact | Step::Tick | Step::Sync | Step::Reopen => {}
        }
        next
    }

    /// Checks that what was rejected had to be, and that nothing else had to be.
    pub(crate) fn check_rejections(
        &self,
        samples: &[(usize, i64, f64)],
        rejected: &BTreeMap<usize, SampleProblem>,
    ) {
        let oldest = self.newest.map_or(i64::MIN, |newest| newest - self.window_ms);
        let mut known = self.clone();
        // The store takes the samples of a series in their order, and series by series.
        for (index, (series, time, value)) in samples.iter().enumerate() {
            let there = known.get(*series, *time);
            match rejected.get(&index) {
                Some(SampleProblem::Duplicate) => {
                    assert!(!known.last_write_wins);
                    assert!(there.is_some_and(|there| there != value.to_bits()), "{index} of {samples:?}");
                }
                Some(SampleProblem::TooOld { .. }) => {
                    assert!(*time < oldest, "{time} is not older than {oldest}: {samples:?}");
                }
                Some(other) => panic!("{other} for {index} of {samples:?}"),
                None => {
                    if !known.last_write_wins {
                        assert!(
                            there.is_none_or(|there| there == value.to_bits()),
                            "{index} of {samples:?} was taken over {there:?}"
                        );
                    }
                    known.insert(*series, *time, *value);
                }
            }
        }
    }
}

/// A store and the references that a caller would keep.
pub(crate) struct Driver {
    pub(crate) db: Db,
    pub(crate) appender: Appender,
    references: BTreeMap<usize, SeriesRef>,
}

impl Driver {
    pub(crate) fn new(db: Db) -> Self {
        Driver { appender: db.appender(), db, references: BTreeMap::new() }
    }

    fn reference(&mut self, series: usize) -> Result<SeriesRef, Error> {
        if let Some(reference) = self.references.get(&series) {
            return Ok(*reference);
        }
        let reference = self.appender.series(&labels(series))?;
        self.references.insert(series, reference);
        Ok(reference)
    }

    /// Carries a step out. Returns what was rejected of a commit.
    pub(crate) fn run(&mut self, step: &Step) -> Result<BTreeMap<usize, SampleProblem>, Error> {
        let mut rejected = BTreeMap::new();
        match step {
            Step::Commit(samples) => {
                for _ in 0..2 {
                    self.appender.rollback();
                    for (series, time, value) in samples {
                        let reference = self.reference(*series)?;
                        self.appender.append(reference, *time, *value);
                    }
                    let found = self.appender.commit()?.rejected;
                    let forgotten =
                        found.iter().any(|r| matches!(r.problem, SampleProblem::UnknownSeries { .. }));
                    rejected = found.into_iter().map(|r| (r.index, r.problem)).collect();
                    if !forgotten {
                        break;
                    }
                    // The series was idle for long: its labels are resolved again.
                    self.references.clear();
                }
            }
            Step::Delete(series, range) => {
                let number = series.map(|series| series.to_string());
                let (op, value) = number.as_deref().map_or((MatchOp::NotEqual, ""), |n| (MatchOp::Equal, n));
                self.db.delete(&[Matcher::new(op, "number", value).unwrap()], *range)?;
            }
            Step::Flush => {
                self.db.flush()?;
            }
            Step::Compact => {
                self.db.compact()?;
            }
            Step::Tick => self.db.tick()?,
            Step::Sync => self.db.sync()?,
            Step::Reopen => {}
        }
        Ok(rejected)
    }
}

/// Whether an error is one of the medium, as a test injects it.
pub(crate) fn is_of_the_medium(error: &Error) -> bool {
    matches!(error, Error::Storage(BedrockError::Io { .. } | BedrockError::Poisoned { .. }))
}
