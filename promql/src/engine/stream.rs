//! Series on their way: produced one by one, by several threads where that pays, and taken in order.
//!
//! A stream is asked for series by index, so that any thread can produce any of them. Batches are handed over in
//! order, whatever thread made them: an answer does not depend on the number of threads. The first series are made alone,
//! and others help only where those say that much is left.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bedrock::series::SeriesColumns;

use super::annotations::Notes;
use super::error::{QueryError, Result};
use super::options::Stop;
use super::series::Series;
use super::window::WindowCache;

/// What a thread reuses from series to series.
#[derive(Default)]
pub(crate) struct Scratch {
    pub(crate) columns: SeriesColumns,
    pub(crate) windows: WindowCache,
    pub(crate) notes: Notes,
    pub(crate) kept: SeriesColumns,
    pub(crate) kernel: crate::functions::kernel::Buffers,
    pub(crate) decoded: u64,
}

/// Series that are computed when asked for.
pub(crate) trait SeriesStream: Sync {
    /// How many series there may be.
    fn len(&self) -> usize;

    /// Series `index`; none where it has no sample.
    fn series(&self, index: usize, scratch: &mut Scratch) -> Result<Option<Series>>;
}

/// The most series that a thread makes before it hands them over.
const BATCH_MAX: usize = 32;
/// Batches for each thread, where there are enough series: so that none has much left when the others are done.
const BATCHES_EACH: usize = 8;
/// Batches that may wait for an earlier one, per thread.
const AHEAD: usize = 4;
/// Series that are made alone, to see how long they take. The first half of them fills caches and does not count.
const PROBE: usize = 16;
/// Less work than this is done alone: half of it is what a second thread could save, and one that starts, touches memory
/// of its own and has to be waited for costs several hundred microseconds, more on a busy machine.
const ALONE: Duration = Duration::from_micros(1500);

/// How to run a stream.
pub(crate) struct Runner<'a> {
    pub(crate) threads: usize,
    pub(crate) stop: &'a Stop,
}

impl Runner<'_> {
    /// Calls `take` with every series of the stream, in order.
    pub(crate) fn for_each(
        &self,
        stream: &dyn SeriesStream,
        notes: &mut Notes,
        decoded: &mut u64,
        mut take: impl FnMut(Series) -> Result<()>,
    ) -> Result<()> {
        let mut scratch = Scratch::default();
        let mut began = Instant::now();
        for index in 0..stream.len() {
            if index % BATCH_MAX == 0 {
                self.stop.check()?;
            }
            if index == PROBE / 2 {
                began = Instant::now();
            }
            if index == PROBE && self.threads > 1 {
                let left = stream.len() - PROBE;
                let each = began.elapsed() / (PROBE / 2) as u32;
                if each.saturating_mul(u32::try_from(left).unwrap_or(u32::MAX)) >= ALONE {
                    notes.merge(std::mem::take(&mut scratch.notes));
                    *decoded += std::mem::take(&mut scratch.decoded);
                    return self.parallel(stream, scratch, notes, decoded, &mut take);
                }
            }
            if let Some(series) = stream.series(index, &mut scratch)? {
                take(series)?;
            }
        }
        notes.merge(scratch.notes);
        *decoded += scratch.decoded;
        Ok(())
    }

    /// Makes what is behind the first [`PROBE`] series with the other threads' help.
    fn parallel(
        &self,
        stream: &dyn SeriesStream,
        mut scratch: Scratch,
        notes: &mut Notes,
        decoded: &mut u64,
        take: &mut dyn FnMut(Series) -> Result<()>,
    ) -> Result<()> {
        let board = Board::new(PROBE..stream.len(), self.threads);
        std::thread::scope(|scope| {
            // Whatever happens here, nobody waits for it.
            let _closing = Closing(&board);
            for _ in 1..self.threads.min(board.batches) {
                scope.spawn(|| self.help(stream, &board));
            }
            let mut taken = 0;
            while taken < board.batches {
                let delivery = match board.turn(taken)? {
                    Turn::Take(delivery) => delivery,
                    Turn::Make(batch) => {
                        let delivery = self.make(stream, board.series_of(batch), &mut scratch);
                        if batch != taken {
                            board.deliver(batch, delivery);
                            continue;
                        }
                        delivery
                    }
                };
                taken += 1;
                board.taken(taken);
                notes.merge(delivery.notes);
                *decoded += delivery.decoded;
                for series in delivery.made? {
                    take(series)?;
                }
            }
            Ok(())
        })
    }

    fn help(&self, stream: &dyn SeriesStream, board: &Board) {
        let _working = Working(board);
        let mut scratch = Scratch::default();
        while let Some(batch) = board.next() {
            board.deliver(batch, self.make(stream, board.series_of(batch), &mut scratch));
        }
    }

    fn make(&self, stream: &dyn SeriesStream, series: Range<usize>, scratch: &mut Scratch) -> Delivery {
        let made = self.stop.check().and_then(|()| {
            let mut made = Vec::with_capacity(series.len());
            for index in series {
                made.extend(stream.series(index, scratch)?);
            }
            Ok(made)
        });
        let notes = std::mem::take(&mut scratch.notes);
        let decoded = std::mem::take(&mut scratch.decoded);
        Delivery { made, notes, decoded }
    }
}

/// What a thread made of a batch.
struct Delivery {
    made: Result<Vec<Series>>,
    notes: Notes,
    decoded: u64,
}

/// Hands out batches and takes them back in order.
struct Board {
    state: Mutex<BoardState>,
    changed: Condvar,
    series: Range<usize>,
    batch: usize,
    batches: usize,
    ahead: usize,
}

#[derive(Default)]
struct BoardState {
    next: usize,
    taken: usize,
    waiting: BTreeMap<usize, Delivery>,
    closed: bool,
}

/// What the thread that takes does next.
enum Turn {
    /// The batch in turn is there.
    Take(Delivery),
    /// It is not: make this one, which may be a later one, meanwhile.
    Make(usize),
}

/// A worker that leaves without delivering, because it panicked, must not leave the others waiting.
struct Working<'b>(&'b Board);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}

/// Ends the work when it is dropped.
struct Closing<'b>(&'b Board);

impl Drop for Closing<'_> {
    fn drop(&mut self) {
        self.0.close();
    }
}

impl Board {
    fn new(series: Range<usize>, threads: usize) -> Self {
        let batch = series.len().div_ceil(threads * BATCHES_EACH).clamp(1, BATCH_MAX);
        let batches = series.len().div_ceil(batch);
        Board {
            state: Mutex::default(),
            changed: Condvar::new(),
            series,
            batch,
            batches,
            ahead: threads * AHEAD,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BoardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn series_of(&self, batch: usize) -> Range<usize> {
        let start = self.series.start + batch * self.batch;
        start..(start + self.batch).min(self.series.end)
    }

    /// A batch to make, as soon as it is not too far ahead of what was taken.
    fn next(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.closed || state.next >= self.batches {
                return None;
            }
            if let Some(batch) = self.claim(&mut state) {
                return Some(batch);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn claim(&self, state: &mut BoardState) -> Option<usize> {
        let free = state.next < self.batches && state.next < state.taken + self.ahead;
        free.then(|| {
            state.next += 1;
            state.next - 1
        })
    }

    /// What to do while `batch` is the next one to take.
    fn turn(&self, batch: usize) -> Result<Turn> {
        let mut state = self.lock();
        loop {
            if let Some(delivery) = state.waiting.remove(&batch) {
                return Ok(Turn::Take(delivery));
            }
            if state.closed {
                return Err(QueryError::execution("a thread of the query ended early"));
            }
            if let Some(batch) = self.claim(&mut state) {
                return Ok(Turn::Make(batch));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn deliver(&self, batch: usize, delivery: Delivery) {
        self.lock().waiting.insert(batch, delivery);
        self.changed.notify_all();
    }

    /// Says that so many batches were taken.
    fn taken(&self, batches: usize) {
        self.lock().taken = batches;
        self.changed.notify_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }
}
