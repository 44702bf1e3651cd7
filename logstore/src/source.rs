//! What a query asks of a store, and what it gets: the line between the language and the storage.
//!
//! A [`LogSource`] is a snapshot. It selects streams by matchers, walks their entries in time order and hands them out
//! in batches. A [`Selection`] also carries what the query will do with the entries, so that a store can leave out what
//! cannot matter: texts that a line must contain, metadata that must be equal, whether lines are looked at at all. These
//! are hints: the engine checks everything again, so a source that ignores them is slow and right.

use std::ops::ControlFlow;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use bedrock::labels::{Labels, Matcher};

use crate::templates::TemplateQuery;

/// In which order a scan hands out entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Order {
    /// Ascending time over all streams; equal times in order of stream, then in the order they are stored.
    Forward,
    /// Descending time over all streams; equal times in any order.
    Backward,
    /// Ascending time within each stream; streams may come one after the other or mixed.
    ///
    /// The cheapest for a store that keeps the rows of a stream together.
    PerStream,
}

/// Which parts of an entry the query looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Columns {
    /// Line bytes. Where false, [`Entry::line`] may be empty.
    pub line: bool,
    /// The length of the line. Where neither it nor the line is asked for, [`Entry::line_bytes`] may be 0.
    pub line_bytes: bool,
    /// Structured metadata. Where false, [`Entry::metadata`] may be empty.
    pub metadata: bool,
}

impl Columns {
    /// Everything.
    pub const ALL: Columns = Columns { line: true, line_bytes: true, metadata: true };
}

/// What a query wants from a source.
///
/// ```
/// use bedrock::labels::{MatchOp, Matcher};
/// use logstore::source::Selection;
///
/// let matchers = [Matcher::new(MatchOp::Equal, "app", "shop")?];
/// let selection = Selection::new(&matchers, 0, 60_000_000_000);
/// assert!(selection.contains(59_999_999_999), "the end is exclusive");
/// # Ok::<(), bedrock::labels::MatcherError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Selection<'q> {
    /// Conditions on the stream labels; all have to hold.
    pub matchers: &'q [Matcher],
    /// First timestamp wanted, in nanoseconds since 1970.
    pub start_ns: i64,
    /// First timestamp no longer wanted, in nanoseconds since 1970.
    pub end_ns: i64,
    /// The order of the entries.
    pub order: Order,
    /// What the entries must carry.
    pub columns: Columns,
    /// Hint: of each group, at least one text occurs in every line that can matter. Groups are not empty.
    pub needles: Vec<Vec<Vec<u8>>>,
    /// Hint: an entry can matter only where its stream label, or else its metadata, of that name has that value.
    /// Values are not empty.
    pub equal_labels: Vec<(String, String)>,
    /// Hint: the query stops after about that many entries that pass.
    pub limit: Option<usize>,
    /// Hint: what the query says of lines of one template. Where it gives a shorter template, [`Entry::line`] may be a
    /// line of that one.
    pub templates: Option<&'q dyn TemplateQuery>,
    /// How many threads may work on the scan, at least 1.
    pub threads: usize,
    /// How long the answer is waited for. A scan that takes longer may end early, without an error.
    pub patience: Patience<'q>,
    /// What the scan may read and hold. A scan that goes beyond may end early, without an error.
    pub budget: Option<&'q Budget>,
}

/// Bytes that a query may read and hold, counted by all that work on it.
#[derive(Debug)]
pub struct Budget {
    read_bytes_max: u64,
    held_bytes_max: u64,
    read_bytes: AtomicU64,
    held_bytes: AtomicU64,
}

impl Budget {
    /// A budget of which nothing is spent.
    pub fn new(read_bytes_max: u64, held_bytes_max: u64) -> Self {
        let (read_bytes, held_bytes) = (AtomicU64::new(0), AtomicU64::new(0));
        Budget { read_bytes_max, held_bytes_max, read_bytes, held_bytes }
    }

    /// Counts bytes that are about to be read.
    pub fn read(&self, bytes: u64) {
        self.read_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Counts bytes that are held until the query ends.
    pub fn hold(&self, bytes: u64) {
        self.held_bytes.fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes counted as read, where they are more than there may be.
    pub fn read_too_much(&self) -> Option<u64> {
        Some(self.read_bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes > self.read_bytes_max)
    }

    /// Bytes counted as held, where they are more than there may be.
    pub fn holds_too_much(&self) -> Option<u64> {
        Some(self.held_bytes.load(Ordering::Relaxed)).filter(|bytes| *bytes > self.held_bytes_max)
    }

    /// Whether more was counted than there may be.
    pub fn is_over(&self) -> bool {
        self.read_too_much().is_some() || self.holds_too_much().is_some()
    }
}

/// How long somebody waits for an answer.
#[derive(Clone, Copy, Debug, Default)]
pub struct Patience<'q> {
    /// When to give up.
    pub deadline: Option<Instant>,
    /// Set by whoever no longer wants the answer.
    pub cancelled: Option<&'q AtomicBool>,
}

impl Patience<'_> {
    /// Whether nobody waits any more. Costs a look at the clock where there is a deadline.
    pub fn is_over(&self) -> bool {
        self.cancelled.is_some_and(|cancelled| cancelled.load(Ordering::Relaxed))
            || self.deadline.is_some_and(|deadline| Instant::now() >= deadline)
    }
}

impl<'q> Selection<'q> {
    /// Everything of the matching streams in `[start_ns, end_ns)`, ascending.
    pub fn new(matchers: &'q [Matcher], start_ns: i64, end_ns: i64) -> Self {
        Selection {
            matchers,
            start_ns,
            end_ns,
            order: Order::Forward,
            columns: Columns::ALL,
            needles: Vec::new(),
            equal_labels: Vec::new(),
            limit: None,
            templates: None,
            threads: 1,
            patience: Patience::default(),
            budget: None,
        }
    }

    /// Whether nobody waits for the rest of the scan any more, or it has cost more than it may.
    pub(crate) fn is_over(&self) -> bool {
        self.patience.is_over() || self.budget.is_some_and(Budget::is_over)
    }

    /// Whether a timestamp lies in the time range.
    pub fn contains(&self, ts_ns: i64) -> bool {
        self.start_ns <= ts_ns && ts_ns < self.end_ns
    }

    /// Whether the matchers select a stream.
    pub fn selects(&self, labels: &Labels) -> bool {
        self.matchers.iter().all(|matcher| matcher.matches(labels.get(matcher.name()).unwrap_or("")))
    }
}

/// One log entry as a scan hands it out.
#[derive(Clone, Copy, Debug)]
pub struct Entry<'a> {
    /// Number of the stream within this scan: dense, from 0, the same for equal labels.
    pub stream: u32,
    /// The labels of the stream.
    pub labels: &'a Labels,
    /// Nanoseconds since 1970.
    pub ts_ns: i64,
    /// The line, any bytes.
    pub line: &'a [u8],
    /// Length of the line.
    pub line_bytes: u32,
    /// Structured metadata, names unique and sanitized, sorted by name.
    pub metadata: &'a [(&'a str, &'a str)],
}

/// What receives the batches of a scan; it may stop the scan.
pub type BatchSink<'s> = dyn FnMut(&[Entry<'_>]) -> ControlFlow<()> + 's;

/// Number of entries and bytes of one stream in a time range.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StreamVolume {
    /// The labels of the stream.
    pub labels: Labels,
    /// Entries in the range.
    pub entries: u64,
    /// Bytes of their lines and of their structured metadata, names and values.
    pub bytes: u64,
}

/// A question that counters can answer without a look at any line: per stream and bucket, how many lines and bytes.
///
/// Bucket `i` covers `(origin_ns + i * width_ns, origin_ns + (i + 1) * width_ns]`.
#[derive(Clone, Debug)]
pub struct BucketRequest<'q> {
    /// Conditions on the stream labels.
    pub matchers: &'q [Matcher],
    /// Exclusive left end of the first bucket.
    pub origin_ns: i64,
    /// Length of a bucket, more than 0.
    pub width_ns: i64,
    /// Number of buckets.
    pub buckets: usize,
}

/// Lines and bytes of lines in one bucket.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BucketCount {
    /// Number of lines.
    pub lines: u64,
    /// Sum of their lengths.
    pub line_bytes: u64,
}

/// Receives the buckets of one stream.
pub type BucketSink<'s> = dyn FnMut(&Labels, &[BucketCount]) + 's;

/// A scan in parts. Each may be walked by any thread at any time; one after the other, in order of their numbers, they
/// give what the scan gives as a whole. A stream has the same number in all of them.
pub trait ScanParts: Sync {
    /// Number of parts.
    fn len(&self) -> usize;

    /// Whether there is none.
    fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Walks a part, which is below [`ScanParts::len`]. The sink may stop the walk; that is no error.
    ///
    /// # Errors
    ///
    /// What the disk or the format of the store reports.
    fn walk(&self, part: usize, sink: &mut BatchSink<'_>) -> bedrock::Result<()>;
}

/// A snapshot of a log store that queries read.
pub trait LogSource {
    /// The streams that match and have at least one entry in `[start_ns, end_ns)`, in any order.
    ///
    /// # Errors
    ///
    /// What the disk or the format of the store reports.
    fn streams(&self, matchers: &[Matcher], start_ns: i64, end_ns: i64) -> bedrock::Result<Vec<Labels>>;

    /// Walks the selected entries in the order asked for. The sink may stop the walk; that is no error.
    ///
    /// # Errors
    ///
    /// What the disk or the format of the store reports.
    fn scan(&self, selection: &Selection<'_>, sink: &mut BatchSink<'_>) -> bedrock::Result<()>;

    /// The scan of a selection whose order is [`Order::PerStream`] in parts; none where the source has no parts to offer,
    /// and [`LogSource::scan`] is the only way.
    ///
    /// # Errors
    ///
    /// What the disk or the format of the store reports.
    fn parts<'s>(&'s self, selection: &'s Selection<'_>) -> bedrock::Result<Option<Box<dyn ScanParts + 's>>> {
        let _ = selection;
        Ok(None)
    }

    /// Entries and bytes per stream. The default walks the entries; a store answers from its counters.
    ///
    /// # Errors
    ///
    /// As [`LogSource::scan`].
    fn volumes(
        &self,
        matchers: &[Matcher],
        start_ns: i64,
        end_ns: i64,
    ) -> bedrock::Result<Vec<StreamVolume>> {
        let mut selection = Selection::new(matchers, start_ns, end_ns);
        selection.order = Order::PerStream;
        selection.columns = Columns { line: false, line_bytes: true, metadata: true };
        let mut volumes: Vec<Option<StreamVolume>> = Vec::new();
        self.scan(&selection, &mut |batch| {
            for entry in batch {
                let slot = entry.stream as usize;
                if volumes.len() <= slot {
                    volumes.resize(slot + 1, None);
                }
                let volume = volumes[slot].get_or_insert_with(|| StreamVolume {
                    labels: entry.labels.clone(),
                    entries: 0,
                    bytes: 0,
                });
                volume.entries += 1;
                let metadata: usize =
                    entry.metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
                volume.bytes += u64::from(entry.line_bytes) + metadata as u64;
            }
            ControlFlow::Continue(())
        })?;
        Ok(volumes.into_iter().flatten().collect())
    }

    /// Answers from counters, stream by stream, and gives true, where no entry in question has metadata (metadata takes
    /// part in what lines are grouped by); or gives false without having called the sink, and the
    /// engine walks the entries instead. The default has no counters.
    ///
    /// # Errors
    ///
    /// As [`LogSource::scan`].
    fn bucket_counts(&self, request: &BucketRequest<'_>, sink: &mut BucketSink<'_>) -> bedrock::Result<bool> {
        let _ = (request, sink);
        Ok(false)
    }
}
