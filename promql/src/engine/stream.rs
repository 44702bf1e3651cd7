//! Series on their way: produced one by one, by several threads where that pays, and taken in order.
//!
//! A stream is asked for series by index, so that any thread can produce any of them. Batches are handed over in
//! order, whatever thread made them: an answer does not depend on the number of threads.

use std::collections::BTreeMap;
use std::sync::{Condvar, Mutex, PoisonError};

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

/// Series a thread makes before it hands them over.
const BATCH: usize = 32;
/// Batches that may wait for an earlier one, per thread.
const AHEAD: usize = 4;
/// Below this many series a second thread costs more than it saves (starting one takes about 30 microseconds).
const PARALLEL_MIN: usize = 48;

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
        if self.threads > 1 && stream.len() >= PARALLEL_MIN {
            return self.parallel(stream, notes, decoded, &mut take);
        }
        let mut scratch = Scratch::default();
        for index in 0..stream.len() {
            if index % BATCH == 0 {
                self.stop.check()?;
            }
            if let Some(series) = stream.series(index, &mut scratch)? {
                take(series)?;
            }
        }
        notes.merge(scratch.notes);
        *decoded += scratch.decoded;
        Ok(())
    }

    fn parallel(
        &self,
        stream: &dyn SeriesStream,
        notes: &mut Notes,
        decoded: &mut u64,
        take: &mut dyn FnMut(Series) -> Result<()>,
    ) -> Result<()> {
        let batches = stream.len().div_ceil(BATCH);
        let threads = self.threads.min(batches);
        let board = Board::new(batches, threads * AHEAD);
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| self.work(stream, &board));
            }
            let result = board.drain(notes, decoded, take);
            board.close();
            result
        })
    }

    fn work(&self, stream: &dyn SeriesStream, board: &Board) {
        let _working = Working(board);
        let mut scratch = Scratch::default();
        while let Some(batch) = board.next() {
            let made = self.stop.check().and_then(|()| make(stream, batch, &mut scratch));
            let notes = std::mem::take(&mut scratch.notes);
            let decoded = std::mem::take(&mut scratch.decoded);
            board.deliver(batch, Delivery { made, notes, decoded });
        }
    }
}

fn make(stream: &dyn SeriesStream, batch: usize, scratch: &mut Scratch) -> Result<Vec<Series>> {
    let start = batch * BATCH;
    let end = (start + BATCH).min(stream.len());
    let mut made = Vec::with_capacity(end - start);
    for index in start..end {
        made.extend(stream.series(index, scratch)?);
    }
    Ok(made)
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

/// A worker that leaves without delivering, because it panicked, must not leave the others waiting.
struct Working<'b>(&'b Board);

impl Drop for Working<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.close();
        }
    }
}

impl Board {
    fn new(batches: usize, ahead: usize) -> Self {
        Board { state: Mutex::default(), changed: Condvar::new(), batches, ahead }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, BoardState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A batch to make, as soon as it is not too far ahead of what was taken.
    fn next(&self) -> Option<usize> {
        let mut state = self.lock();
        loop {
            if state.closed || state.next >= self.batches {
                return None;
            }
            if state.next < state.taken + self.ahead {
                state.next += 1;
                return Some(state.next - 1);
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn deliver(&self, batch: usize, delivery: Delivery) {
        self.lock().waiting.insert(batch, delivery);
        self.changed.notify_all();
    }

    fn close(&self) {
        self.lock().closed = true;
        self.changed.notify_all();
    }

    fn drain(
        &self,
        notes: &mut Notes,
        decoded: &mut u64,
        take: &mut dyn FnMut(Series) -> Result<()>,
    ) -> Result<()> {
        for batch in 0..self.batches {
            let mut state = self.lock();
            let delivery = loop {
                if let Some(delivery) = state.waiting.remove(&batch) {
                    break delivery;
                }
                if state.closed {
                    return Err(QueryError::execution("a thread of the query ended early"));
                }
                state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
            };
            state.taken = batch + 1;
            drop(state);
            self.changed.notify_all();
            notes.merge(delivery.notes);
            *decoded += delivery.decoded;
            for series in delivery.made? {
                take(series)?;
            }
        }
        Ok(())
    }
}
