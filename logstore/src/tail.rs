//! What is committed, as it is committed: subscriptions.
//!
//! A subscription holds the entries that pass its query in a queue of bounded length. Whoever commits runs the query over
//! the new entries, some hundred nanoseconds each, and never waits: where the queue is full the oldest entries go and are
//! counted.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};
use std::time::{Duration, Instant};

use bedrock::labels::Labels;

use crate::batch::{Batch, MetadataIter};
use crate::logql::ast::LogExpr;
use crate::logql::{self, Category, Limits, LineProcessor};

/// How much a subscription holds.
///
/// ```
/// let options = logstore::TailOptions { entries_max: 100, ..Default::default() };
/// assert_eq!(options.bytes_max, 16 << 20);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TailOptions {
    /// Entries that wait to be taken. Default 10,000.
    pub entries_max: usize,
    /// Bytes of lines and labels that wait to be taken. Default 16 MiB.
    pub bytes_max: usize,
}

impl Default for TailOptions {
    fn default() -> Self {
        TailOptions { entries_max: 10_000, bytes_max: 16 << 20 }
    }
}

/// An entry as the stages of the query have left it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TailEntry {
    /// Nanoseconds since 1970.
    pub ts_ns: i64,
    /// The line.
    pub line: Vec<u8>,
    /// Its labels, sorted by name, with where each comes from.
    pub labels: Vec<(String, String, Category)>,
}

impl TailEntry {
    fn bytes(&self) -> usize {
        let labels = self.labels.iter().map(|(name, value, _)| name.len() + value.len());
        self.line.len() + labels.sum::<usize>()
    }
}

/// A subscription, see [`crate::Db::tail`]. It ends when it is dropped.
pub struct Tail {
    shared: Arc<Shared>,
}

struct Shared {
    query: LogExpr,
    options: TailOptions,
    queue: Mutex<Queue>,
    arrived: Condvar,
}

struct Queue {
    processor: LineProcessor,
    entries: VecDeque<TailEntry>,
    bytes: usize,
    dropped: u64,
    closed: bool,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tail {
    /// The next entry; waits for one as long as `timeout`. None where none came, or the store is closed and all
    /// entries were taken.
    pub fn next(&self, timeout: Duration) -> Option<TailEntry> {
        let until = Instant::now() + timeout;
        let mut queue = locked(&self.shared.queue);
        loop {
            if let Some(entry) = queue.entries.pop_front() {
                queue.bytes -= entry.bytes();
                return Some(entry);
            }
            let left = until.saturating_duration_since(Instant::now());
            if queue.closed || left.is_zero() {
                return None;
            }
            queue = self.shared.arrived.wait_timeout(queue, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Entries that were lost so far: the queue was full, or a stage failed on them.
    pub fn dropped(&self) -> u64 {
        locked(&self.shared.queue).dropped
    }

    /// Whether the store was closed: no entry comes any more.
    pub fn is_closed(&self) -> bool {
        locked(&self.shared.queue).closed
    }
}

impl fmt::Debug for Tail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tail").field("query", &self.shared.query).finish_non_exhaustive()
    }
}

impl Shared {
    fn selects(&self, labels: &Labels) -> bool {
        self.query.matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or("")))
    }

    fn take(&self, batch: &Batch) {
        let selected: Vec<bool> = batch.streams.iter().map(|labels| self.selects(labels)).collect();
        if !selected.contains(&true) {
            return;
        }
        let mut queue = locked(&self.queue);
        let mut rest = batch.bytes.as_slice();
        for entry in &batch.entries {
            let (line, after) = rest.split_at(entry.line_bytes as usize);
            let (metadata, after) = after.split_at(entry.metadata_bytes as usize);
            rest = after;
            let stream = entry.stream as usize;
            if selected[stream] {
                let metadata: Vec<(&str, &str)> = MetadataIter::new(metadata).flatten().collect();
                let processed = queue.processor.process(&batch.streams[stream], entry.ts_ns, line, &metadata);
                match processed {
                    Ok(Some(processed)) => {
                        let (line, labels) = (processed.line, processed.labels);
                        self.push(&mut queue, TailEntry { ts_ns: entry.ts_ns, line, labels });
                    }
                    Ok(None) => {}
                    Err(_) => queue.dropped += 1,
                }
            }
        }
        drop(queue);
        self.arrived.notify_all();
    }

    fn push(&self, queue: &mut Queue, entry: TailEntry) {
        queue.bytes += entry.bytes();
        queue.entries.push_back(entry);
        while queue.entries.len() > self.options.entries_max || queue.bytes > self.options.bytes_max {
            let Some(oldest) = queue.entries.pop_front() else { break };
            queue.bytes -= oldest.bytes();
            queue.dropped += 1;
        }
    }
}

/// The subscriptions of a store.
#[derive(Default)]
pub(crate) struct Tails {
    all: Mutex<Vec<Weak<Shared>>>,
}

impl fmt::Debug for Tails {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tails").field("count", &locked(&self.all).len()).finish()
    }
}

impl Tails {
    pub(crate) fn subscribe(&self, query: &LogExpr, options: TailOptions) -> logql::Result<Tail> {
        let processor = LineProcessor::new(query, &Limits::default())?;
        let queue = Queue { processor, entries: VecDeque::new(), bytes: 0, dropped: 0, closed: false };
        let (queue, arrived) = (Mutex::new(queue), Condvar::new());
        let shared = Arc::new(Shared { query: query.clone(), options, queue, arrived });
        locked(&self.all).push(Arc::downgrade(&shared));
        Ok(Tail { shared })
    }

    /// Hands a batch that was committed to everybody.
    pub(crate) fn send(&self, batch: &Batch) {
        self.each(|shared| shared.take(batch));
    }

    /// Wakes everybody for the last time.
    pub(crate) fn close(&self) {
        self.each(|shared| {
            locked(&shared.queue).closed = true;
            shared.arrived.notify_all();
        });
    }

    fn each(&self, visit: impl Fn(&Shared)) {
        let mut all = locked(&self.all);
        if all.is_empty() {
            return;
        }
        all.retain(|weak| weak.strong_count() > 0);
        let all: Vec<Arc<Shared>> = all.iter().filter_map(Weak::upgrade).collect();
        all.iter().for_each(|shared| visit(shared));
    }
}
