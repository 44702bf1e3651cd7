//! The trace store: spans through the life of `bedrock::store`.

use std::path::Path;
use std::sync::Arc;

use bedrock::disk::{Disk, FsDisk, MemDisk};
use bedrock::manifest::StoreKind;
use bedrock::postings::Ids;
use bedrock::store::{HeadSize, LifeOptions, Lifecycle, LiveBlock, Place, Salvaged, Signal};
use bedrock::wal::Replay;
use bytes::Bytes;

use crate::block::{Block, BlockWriter};
use crate::compact::{copy_traces, salvage_traces};
use crate::error::Result;
use crate::head::{CheckedRequest, Head, SpanRef};
use crate::intake::Intake;
use crate::model::{ResourceSpans, TraceId};
use crate::options::Options;
use crate::order;
use crate::otlp::{Refused, proto};
use crate::records;
use crate::snapshot::Snapshot;
use crate::stats::Stats;

/// What a store of traces keeps.
#[derive(Debug, Default)]
pub(crate) struct Traces {
    intake: Arc<Intake>,
}

impl Signal for Traces {
    const KIND: StoreKind = StoreKind { tag: *b"TRCS", version: 1 };
    const NAME: &'static str = "tracestore";
    type Head = Arc<Head>;
    type View = Head;
    type Block = Block;

    fn size(&self, head: &Arc<Head>) -> HeadSize {
        HeadSize { rows: head.len() as u64, bytes: head.bytes() }
    }

    fn view(&self, head: &mut Arc<Head>) -> Arc<Head> {
        Arc::clone(head)
    }

    fn replay(&self, head: &mut Arc<Head>, record: &[u8]) -> std::result::Result<(), String> {
        let request = records::decode(record).map_err(|error| error.to_string())?;
        let checked = CheckedRequest::new(&request, &self.intake).map_err(|error| error.to_string())?;
        Arc::make_mut(head).insert(checked);
        Ok(())
    }

    /// Traces in order of their first start.
    fn write_head(&self, head: &Head, place: Place<'_>) -> bedrock::Result<bool> {
        let spans = head.by_trace();
        let start = |spans: &[SpanRef]| {
            spans.iter().filter_map(|span| head.view(span)).map(|view| view.start_ns).min()
        };
        let traces = spans.chunk_by(|a, b| a.trace == b.trace);
        let mut order: Vec<(u64, TraceId, &[SpanRef])> =
            traces.filter_map(|spans| Some((start(spans)?, spans.first()?.trace, spans))).collect();
        order.sort_unstable_by_key(|(start, id, _)| (*start, *id));
        let mut writer = BlockWriter::create(place)?;
        for (_, id, spans) in order {
            let rows = head.rows(spans);
            writer.trace(&rows, &order::summary(id, &rows))?;
        }
        writer.finish()
    }

    fn write_compacted(&self, sources: &[LiveBlock<Block>], place: Place<'_>) -> bedrock::Result<bool> {
        let mut writer = BlockWriter::create(place)?;
        copy_traces(sources, &mut writer)?;
        writer.finish()
    }

    fn write_salvaged(&self, block: &LiveBlock<Block>, place: Place<'_>) -> bedrock::Result<Salvaged> {
        let mut writer = BlockWriter::create(place)?;
        let salvaged = salvage_traces(block, &mut writer)?;
        writer.finish()?;
        Ok(salvaged)
    }
}

/// A trace store. Cheap to clone; clones are handles of the same store, usable from any thread.
///
/// Dropping the last handle stops the background thread and leaves what was committed in the log, as a crash would;
/// [`Db::close`] also says whether that went well.
///
/// ```
/// use std::sync::Arc;
/// use tracestore::model::{Resource, ResourceSpans, Scope, ScopeSpans, Span, SpanId, TraceId};
/// use tracestore::source::Source;
/// use tracestore::{Db, Options};
///
/// let db = Db::in_memory(Options::default())?;
/// let id = TraceId::from_hex("4bf92f3577b34da6a3ce929d0e0e4736")?;
/// let span = Span {
///     trace_id: id,
///     span_id: SpanId::from_hex("00f067aa0ba902b7")?,
///     name: "PaymentProcessing".into(),
///     start_ns: 1_000,
///     end_ns: 2_000,
///     ..Span::default()
/// };
/// db.commit(&[ResourceSpans {
///     resource: Arc::new(Resource::default()),
///     scopes: vec![ScopeSpans { scope: Arc::new(Scope::default()), spans: vec![span] }],
/// }])?;
/// let trace = db.snapshot().trace(id)?.expect("it was just committed");
/// assert_eq!(trace.spans[0].span.name, "PaymentProcessing");
/// db.close()?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Db {
    life: Lifecycle<Traces>,
    intake: Arc<Intake>,
    options: Arc<Options>,
}

/// What became of a committed request.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Committed {
    /// Spans that were stored.
    pub spans: usize,
    /// Spans that cannot be stored, and why. Those beside them were.
    pub refused: Vec<Refused>,
}

impl Db {
    /// Opens the store in a directory, which is made where it is missing. What was committed and is not in a block is
    /// read back from the log.
    ///
    /// # Errors
    ///
    /// [`bedrock::Error::Locked`] where the directory is open elsewhere; [`bedrock::Error::Corrupt`] where the log or
    /// the manifest is damaged.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Db> {
        Db::open_on(Arc::new(FsDisk::new()), dir, options)
    }

    /// A store that lives and dies with the process.
    ///
    /// # Errors
    ///
    /// None in practice: memory does not refuse.
    pub fn in_memory(options: Options) -> Result<Db> {
        Db::open_on(Arc::new(MemDisk::new()), "tracestore", options)
    }

    /// Opens a store on a disk of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Db::open`].
    pub fn open_on(disk: Arc<dyn Disk>, dir: impl AsRef<Path>, options: Options) -> Result<Db> {
        let traces = Traces::default();
        let intake = Arc::clone(&traces.intake);
        let life = Lifecycle::open(disk, dir.as_ref(), traces, options.life())?;
        Ok(Db { life, intake, options: Arc::new(options) })
    }

    /// Commits spans: all of them are visible to snapshots made from now on, and durable as the options say. Spans
    /// may come in any order and late, and a trace in any number of commits.
    ///
    /// # Errors
    ///
    /// As [`Db::commit_otlp`].
    pub fn commit(&self, resource_spans: &[ResourceSpans]) -> Result<Committed> {
        self.commit_otlp(&proto::encode(resource_spans).into())
    }

    /// Commits an OTLP request in protobuf (`ExportTraceServiceRequest`) as it came over the wire; the store keeps
    /// the bytes until they are in a block. About 1 us a span, and a sync that is shared with the commits that wait
    /// at the same time.
    ///
    /// Where the heads are full the commit first flushes them, or waits for the flush that is under way.
    ///
    /// # Errors
    ///
    /// [`crate::Error::Otlp`] where the bytes are no request, [`bedrock::Error::Limit`] where there are too many of
    /// them. Where the log cannot be written nothing of the request is visible, and the store takes no more commits
    /// until a flush or a tick has begun a new log. [`crate::Error::HeadFull`] where the heads are full and cannot be flushed; the request
    /// was not committed then.
    pub fn commit_otlp(&self, request: &Bytes) -> Result<Committed> {
        let max = self.options.request_bytes_max;
        if request.len() > max {
            let (max, found) = (max as u64, request.len() as u64);
            return Err(bedrock::Error::Limit { what: "bytes of a request", max, found }.into());
        }
        let mut checked = CheckedRequest::new(request, &self.intake)?;
        let committed = Committed { spans: checked.spans(), refused: std::mem::take(&mut checked.refused) };
        if committed.spans > 0 {
            self.life.make_room()?;
            self.life.commit(&self.intake.record(request), |head| Arc::make_mut(head).insert(checked))?;
        }
        Ok(committed)
    }

    /// Makes every commit so far survive a power loss, whatever the durability of the store.
    ///
    /// # Errors
    ///
    /// Where the log cannot be synced; it takes no more commits then until a flush or a tick has begun a new one.
    pub fn sync(&self) -> Result<()> {
        Ok(self.life.sync()?)
    }

    /// What is in the store now, for queries.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.life.parts())
    }

    /// Writes the head to a block. What was committed before the call is in blocks when it returns.
    ///
    /// # Errors
    ///
    /// Where the disk refuses; the spans stay in memory and in the log, and the next flush tries again.
    pub fn flush(&self) -> Result<()> {
        Ok(self.life.flush()?)
    }

    /// Deletes traces: every span of them that was committed so far. Effective at once and for good; the bytes leave the
    /// disk when their block is compacted. Spans that are committed afterwards stay, and snapshots that exist go on to
    /// see what they saw.
    ///
    /// Returns how many traces there were; one with spans in several blocks counts in each. Costs a flush, a binary search
    /// for each trace and block, and an edit of the manifest: delete many at once.
    ///
    /// ```
    /// use tracestore::model::TraceId;
    /// use tracestore::{Db, Options};
    ///
    /// let db = Db::in_memory(Options::default())?;
    /// assert_eq!(db.delete_traces(&[TraceId([7; 16])])?, 0);
    /// # db.close()?;
    /// # Ok::<(), tracestore::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Where the disk refuses. Nothing is deleted then.
    pub fn delete_traces(&self, ids: &[TraceId]) -> Result<u64> {
        self.life.delete(|block| {
            let places = ids.iter().filter_map(|id| block.find(*id));
            Ok(places.filter_map(|place| u32::try_from(place).ok()).collect::<Ids>())
        })
    }

    /// Compacts everything into as few blocks as the options allow, and removes what is deleted from the disk.
    ///
    /// # Errors
    ///
    /// Where a block does not check out or the disk refuses; the store is as before.
    pub fn compact(&self) -> Result<()> {
        Ok(self.life.compact()?)
    }

    /// Does what is due: a flush where the head is large, one compaction, retention as of `now_ns` nanoseconds since
    /// 1970, and a sync of the log where the interval has passed. The background thread calls this once a second.
    ///
    /// # Errors
    ///
    /// The first thing that failed; the next call tries again.
    pub fn tick(&self, now_ns: i64) -> Result<()> {
        Ok(self.life.tick(now_ns)?)
    }

    /// Copies the store as it is now into a directory that does not exist yet, by hard links, or byte by byte onto another file system.
    /// The copy is a store of its own. Commits go on meanwhile.
    ///
    /// # Errors
    ///
    /// Where the disk refuses.
    pub fn snapshot_to(&self, target: impl AsRef<Path>) -> Result<()> {
        Ok(self.life.snapshot_to(target.as_ref())?)
    }

    /// Reads and checks every block. An empty list means that all of them are sound.
    pub fn verify(&self) -> Vec<bedrock::Error> {
        self.life.verify()
    }

    /// What the last round of work in the background failed with, if it did.
    pub fn background_failure(&self) -> Option<bedrock::Error> {
        self.life.background_failure()
    }

    /// What the store holds.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.life.stats())
    }

    /// What opening found in the log, with the torn tail that was cut, if there was one.
    pub fn recovery(&self) -> &Replay {
        self.life.recovery()
    }

    /// Stops the background thread, syncs the log and closes it. Other handles can still read.
    ///
    /// # Errors
    ///
    /// Where the last sync fails.
    pub fn close(self) -> Result<()> {
        Ok(self.life.close()?)
    }
}

impl Options {
    fn life(&self) -> LifeOptions {
        LifeOptions {
            durability: self.durability,
            flush_bytes: self.flush_bytes,
            head_bytes_max: self.head_bytes_max,
            compact_fan_in: self.compact_fan_in,
            block_size_max: self.block_spans_max,
            retention: self.retention,
            retention_bytes: self.retention_bytes,
            background: self.background,
        }
    }
}
