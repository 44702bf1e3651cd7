//! The same work for many items, on several threads, with the results in order.
//!
//! Threads live as long as one call: starting one costs some 30 µs, and what is done here takes milliseconds.

use std::num::NonZeroUsize;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

/// The number of threads that 0 asks for: as many as the machine runs at the same time.
pub(crate) fn threads_or_all(threads: usize) -> usize {
    match threads {
        0 => std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        threads => threads,
    }
}

/// Calls `work` for every number below `count` on at most `threads` threads, of which the caller's is one, each with a
/// state of its own that `state` makes. The results are in order, the states of the threads in any; where one thread works
/// it does so in order, too.
///
/// # Panics
///
/// Where `work` does.
pub(crate) fn each_with<S: Send, T: Send>(
    threads: usize,
    count: usize,
    state: impl Fn() -> S + Sync,
    work: impl Fn(&mut S, usize) -> T + Sync,
) -> (Vec<T>, Vec<S>) {
    let threads = threads.min(count);
    if threads <= 1 {
        let mut state = state();
        return ((0..count).map(|item| work(&mut state, item)).collect(), vec![state]);
    }
    let next = AtomicUsize::new(0);
    let results: Mutex<Vec<(usize, T)>> = Mutex::new(Vec::with_capacity(count));
    let states: Mutex<Vec<S>> = Mutex::new(Vec::with_capacity(threads));
    let run = || {
        let mut state = state();
        let mut mine = Vec::new();
        loop {
            let item = next.fetch_add(1, Ordering::Relaxed);
            if item >= count {
                break;
            }
            mine.push((item, work(&mut state, item)));
        }
        results.lock().unwrap_or_else(PoisonError::into_inner).append(&mut mine);
        states.lock().unwrap_or_else(PoisonError::into_inner).push(state);
    };
    std::thread::scope(|scope| {
        for _ in 1..threads {
            scope.spawn(run);
        }
        run();
    });
    let mut results = results.into_inner().unwrap_or_else(PoisonError::into_inner);
    let states = states.into_inner().unwrap_or_else(PoisonError::into_inner);
    results.sort_unstable_by_key(|(item, _)| *item);
    (results.into_iter().map(|(_, result)| result).collect(), states)
}

/// As [`each_with`], without a state.
pub(crate) fn each<T: Send>(threads: usize, count: usize, work: impl Fn(usize) -> T + Sync) -> Vec<T> {
    each_with(threads, count, || (), |(), item| work(item)).0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_in_order_on_any_number_of_threads() {
        for threads in [1, 2, 7, 100] {
            for count in [0, 1, 2, 50] {
                let squares: Vec<usize> = (0..count).map(|item| item * item).collect();
                assert_eq!(each(threads, count, |item| item * item), squares);
            }
        }
        assert!(threads_or_all(0) >= 1 && threads_or_all(3) == 3);
    }
}
