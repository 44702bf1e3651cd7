//! A source that takes its time, so that the engine finds several threads worth their while.

use std::collections::HashSet;
use std::sync::Mutex;
use std::thread::{self, ThreadId};
use std::time::Duration;

use bedrock::Result;
use bedrock::labels::Labels;
use bedrock::series::{Select, SeriesColumns, SeriesSet, SeriesSource};
use bedrock::time::TimeRange;

/// A source that sleeps at each read, and remembers who read.
pub(crate) struct Slow<'a> {
    pub(crate) inner: &'a dyn SeriesSource,
    pub(crate) readers: Mutex<HashSet<ThreadId>>,
}

struct SlowSet<'a> {
    inner: Box<dyn SeriesSet + 'a>,
    readers: &'a Mutex<HashSet<ThreadId>>,
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
        self.readers.lock().expect("no reader panics").insert(thread::current().id());
        self.inner.read(index, range, columns)
    }
}
