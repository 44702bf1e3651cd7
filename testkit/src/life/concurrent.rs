//! Commits, queries, flushes, compactions and deletions at once.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use bedrock::disk::FsDisk;

use super::{Journal, Mode, Subject, time_ns};

/// Writers, each with its own numbers.
const WRITERS: u64 = 2;
/// Every so many batches, one is deleted.
const DELETE_EVERY: u64 = 5;

/// Runs everything at once on the store in `dir`: a reader sees whole batches, all that were acknowledged before its
/// snapshot, none that were deleted before, and no snapshot moves.
pub fn everything_at_once<S: Subject>(dir: &Path, batches: u64) {
    let store = S::open(Arc::new(FsDisk::new()), dir, Mode::Thread).expect("the store opens");
    let journal = Mutex::new(Journal::default());
    let note = |change: &dyn Fn(&mut Journal)| {
        change(&mut journal.lock().unwrap_or_else(PoisonError::into_inner));
    };
    let done = AtomicBool::new(false);
    let writer = |of: u64| {
        for number in (0..batches).map(|index| index * WRITERS + of) {
            note(&|journal| journal.tried(number));
            store.commit(number).expect("the store takes commits");
            note(&|journal| journal.committed(number, &Ok(())));
            let deleted = number.saturating_sub(3 * WRITERS);
            if (number / WRITERS).is_multiple_of(DELETE_EVERY) && deleted > 0 {
                note(&|journal| journal.tried(deleted));
                store.delete(deleted).expect("the store takes deletions");
                note(&|journal| journal.deleted(deleted, &Ok(())));
            }
        }
    };
    let writer = &writer;
    std::thread::scope(|scope| {
        let writers: Vec<_> = (0..WRITERS).map(|of| scope.spawn(move || writer(of))).collect();
        let reader = || {
            while !done.load(Ordering::SeqCst) {
                let before = journal.lock().unwrap_or_else(PoisonError::into_inner).clone();
                let found = store.found().expect("the store reads");
                let after = journal.lock().unwrap_or_else(PoisonError::into_inner).clone();
                before.check_between(&found, S::ROWS, &after);
            }
        };
        let readers = [scope.spawn(reader), scope.spawn(reader)];
        let keeper = scope.spawn(|| {
            for round in 0_u64.. {
                if done.load(Ordering::SeqCst) {
                    break;
                }
                store.flush().expect("the store takes blocks");
                store.tick(time_ns(batches)).expect("the store takes blocks");
                if round % 16 == 15 {
                    store.compact().expect("the store takes blocks");
                }
                std::thread::sleep(std::time::Duration::from_millis(2));
            }
        });
        let results: Vec<_> = writers.into_iter().map(std::thread::ScopedJoinHandle::join).collect();
        done.store(true, Ordering::SeqCst);
        results.into_iter().for_each(|result| result.expect("a writer works"));
        readers.into_iter().for_each(|reader| reader.join().expect("a reader works"));
        keeper.join().expect("the keeper works");
    });
    let journal = journal.into_inner().unwrap_or_else(PoisonError::into_inner);
    let found = store.found().expect("the store reads");
    journal.check(&found, S::ROWS);
    store.close().expect("the store closes");
    let store = S::open(Arc::new(FsDisk::new()), dir, Mode::Caller).expect("the store opens");
    assert_eq!(store.found().expect("the store reads"), found);
    assert!(store.verify().is_empty());
}
