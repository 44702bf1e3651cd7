//! Which commits readers see: all up to a number, below which none is missing.
//!
//! Commits get their numbers while they hold the locks of their pages and may finish in another order. A commit is
//! visible once it and all before it are applied; a reader takes the number of the moment and sees nothing above it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::Duration;

use super::sync::held;

/// The numbers of commits.
#[derive(Debug)]
pub(crate) struct Visibility {
    next: AtomicU64,
    visible: AtomicU64,
    state: Mutex<State>,
    moved: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Commits that are done while an earlier one is not.
    done: Vec<u64>,
    /// Readers by the last commit that they see.
    readers: BTreeMap<u64, usize>,
    /// Readers by the last flush that they see.
    flushes: BTreeMap<u32, usize>,
}

impl Visibility {
    /// All commits up to `last` are visible.
    pub(crate) fn new(last: u64) -> Self {
        Visibility {
            next: AtomicU64::new(last + 1),
            visible: AtomicU64::new(last),
            state: Mutex::default(),
            moved: Condvar::new(),
        }
    }

    /// Begins a commit. Dropping it ends it, whether it was applied or not.
    pub(crate) fn begin(&self) -> Begun<'_> {
        Begun { visibility: self, number: self.next.fetch_add(1, Ordering::Relaxed) }
    }

    /// All commits up to `last` are visible: what a recovered head begins with.
    pub(crate) fn restart(&self, last: u64) {
        self.next.store(last + 1, Ordering::Relaxed);
        self.visible.store(last, Ordering::Release);
    }

    /// The last number that was given out.
    pub(crate) fn last_begun(&self) -> u64 {
        self.next.load(Ordering::Relaxed) - 1
    }

    /// Says that a commit is applied, or will never be, and waits until it is visible.
    fn done(&self, commit: u64) {
        let mut state = held(&self.state);
        let mut visible = self.visible.load(Ordering::Relaxed);
        if commit == visible + 1 {
            visible = commit;
            while let Some(at) = state.done.iter().position(|done| *done == visible + 1) {
                state.done.swap_remove(at);
                visible += 1;
            }
            self.visible.store(visible, Ordering::Release);
            if visible != commit {
                self.moved.notify_all();
            }
            return;
        }
        state.done.push(commit);
        while self.visible.load(Ordering::Relaxed) < commit {
            state = self.moved.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// A commit that every reader of now and later sees, and all before it.
    pub(crate) fn floor(&self) -> u64 {
        let state = held(&self.state);
        let visible = self.visible.load(Ordering::Relaxed);
        state.readers.first_key_value().map_or(visible, |(oldest, _)| visible.min(*oldest))
    }

    /// Registers a reader of `flush`; it sees the commits up to the returned number.
    pub(crate) fn enter(&self, flush: u32) -> u64 {
        let mut state = held(&self.state);
        let visible = self.visible.load(Ordering::Relaxed);
        *state.readers.entry(visible).or_default() += 1;
        *state.flushes.entry(flush).or_default() += 1;
        visible
    }

    /// A reader is gone.
    pub(crate) fn leave(&self, commit: u64, flush: u32) {
        let mut state = held(&self.state);
        leave_one(&mut state.readers, &commit);
        leave_one(&mut state.flushes, &flush);
    }

    /// The oldest flush that a reader sees, where there is a reader.
    pub(crate) fn oldest_flush(&self) -> Option<u32> {
        held(&self.state).flushes.first_key_value().map(|(flush, _)| *flush)
    }

    /// Waits until every commit that has a number by now is visible.
    pub(crate) fn settle(&self) {
        let last = self.last_begun();
        let mut state = held(&self.state);
        while self.visible.load(Ordering::Relaxed) < last {
            let waited = self.moved.wait_timeout(state, SETTLE_CHECK);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }
}

/// How often a flush looks whether the commits before it are visible; nobody wakes it for a single one.
const SETTLE_CHECK: Duration = Duration::from_micros(200);

fn leave_one<K: Ord>(readers: &mut BTreeMap<K, usize>, key: &K) {
    if let Some(count) = readers.get_mut(key) {
        *count -= 1;
        if *count == 0 {
            readers.remove(key);
        }
    }
}

/// A commit that has a number and is not visible yet.
#[derive(Debug)]
pub(crate) struct Begun<'a> {
    visibility: &'a Visibility,
    number: u64,
}

impl Begun<'_> {
    /// The number of the commit.
    pub(crate) fn number(&self) -> u64 {
        self.number
    }
}

impl Drop for Begun<'_> {
    fn drop(&mut self) {
        self.visibility.done(self.number);
    }
}
