//! A source that takes its time, so that the engine finds several threads worth their while.

use std::collections::HashSet;
use std::sync::{Condvar, Mutex};
use std::thread::{self, ThreadId};
use std::time::Duration;

use bedrock::Result;
use bedrock::labels::Labels;
use bedrock::series::{Select, SeriesColumns, SeriesSet, SeriesSource};
use bedrock::time::TimeRange;

/// Reads after which the first thread waits for help.
const ALONE: usize = 200;
/// How long it waits on a busy machine.
const PATIENCE: Duration = Duration::from_secs(20);

/// A source that sleeps at each read and remembers who read.
pub(crate) struct Slow<'a> {
    inner: &'a dyn SeriesSource,
    readers: Readers,
}

#[derive(Default)]
struct Readers {
    state: Mutex<(HashSet<ThreadId>, usize)>,
    arrived: Condvar,
}

struct SlowSet<'a> {
    inner: Box<dyn SeriesSet + 'a>,
    readers: &'a Readers,
}

impl<'a> Slow<'a> {
    pub(crate) fn new(inner: &'a dyn SeriesSource) -> Self {
        Slow { inner, readers: Readers::default() }
    }

    /// Number of threads that read.
    pub(crate) fn readers(&self) -> usize {
        self.readers.state.lock().expect("no reader panics").0.len()
    }
}

impl Readers {
    /// Notes a read. A thread that did most of the work alone waits, so that others come to it however busy the
    /// machine is.
    fn note(&self) {
        let mut state = self.state.lock().expect("no reader panics");
        state.0.insert(thread::current().id());
        state.1 += 1;
        self.arrived.notify_all();
        if state.1 == ALONE {
            let waited = self.arrived.wait_timeout_while(state, PATIENCE, |state| state.0.len() == 1);
            drop(waited.expect("no reader panics"));
        }
    }
}

impl SeriesSource for Slow<'_> {
    fn select(&self, select: &Select<'_>) -> Result<Box<dyn SeriesSet + '_>> {
        Ok(Box::new(SlowSet { inner: self.inner.select(select)?, readers: &self.readers }))
    }

    fn label_names(&self, select: &Select<'_>, limit: usize) -> Result<Vec<String>> {
        self.inner.label_names(select, limit)
    }

    fn label_values(&self, name: &str, select: &Select<'_>, limit: usize) -> Result<Vec<String>> {
        self.inner.label_values(name, select, limit)
    }
}

impl SeriesSet for SlowSet<'_> {
    fn len(&self) -> usize {
        self.inner.len()
    }

    fn labels(&self, index: usize) -> &Labels {
        self.inner.labels(index)
    }

    fn read(&self, index: usize, range: TimeRange, columns: &mut SeriesColumns) -> Result<()> {
        thread::sleep(Duration::from_micros(20));
        self.readers.note();
        self.inner.read(index, range, columns)
    }
}
