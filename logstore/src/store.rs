//! The log store: entries through the life of `bedrock::store`.

use std::path::Path;
use std::sync::Arc;

use bedrock::disk::{Disk, FsDisk, MemDisk};
use bedrock::manifest::StoreKind;
use bedrock::store::{
    Age, BlockFacts, Expired, HeadSize, LifeOptions, Lifecycle, LiveBlock, Place, Salvaged, Signal,
};
use bedrock::wal::Replay;

use crate::batch::Batch;
use crate::block::{Block, BlockWriter};
use crate::compact::{copy_rows, salvage_rows};
use crate::error::Result;
use crate::head::{Head, HeadView};
use crate::logql::ast::LogExpr;
use crate::options::Options;
use crate::records;
use crate::retention::{self, RetentionRule};
use crate::snapshot::Snapshot;
use crate::stats::{Stats, Verified};
use crate::tail::{Tail, TailOptions, Tails};

/// What a store of logs keeps, and for how long.
#[derive(Debug, Default)]
pub(crate) struct Logs {
    pub(crate) retention_rules: Vec<RetentionRule>,
}

impl Signal for Logs {
    const KIND: StoreKind = StoreKind { tag: *b"LOGS", version: 1 };
    const NAME: &'static str = "logstore";
    type Head = Head;
    type View = HeadView;
    type Block = Block;

    fn size(&self, head: &Head) -> HeadSize {
        HeadSize { rows: head.entries(), bytes: head.bytes() }
    }

    fn view(&self, head: &mut Head) -> Arc<HeadView> {
        head.view()
    }

    fn replay(&self, head: &mut Head, record: &[u8]) -> std::result::Result<(), String> {
        head.insert(&records::decode(record).map_err(|error| error.to_string())?);
        Ok(())
    }

    fn write_head(&self, view: &HeadView, place: Place<'_>) -> bedrock::Result<bool> {
        let mut writer = BlockWriter::create(place)?;
        for position in 0..view.len() as u32 {
            writer.stream(view.labels(position));
            for entry in view.entries(position, i64::MIN, i64::MAX) {
                writer.row(entry.ts_ns, entry.line, entry.metadata)?;
            }
        }
        writer.finish()
    }

    fn write_compacted(&self, sources: &[LiveBlock<Block>], place: Place<'_>) -> bedrock::Result<bool> {
        let mut writer = BlockWriter::create(place)?;
        copy_rows(sources, &mut writer)?;
        writer.finish()
    }

    fn write_salvaged(&self, block: &LiveBlock<Block>, place: Place<'_>) -> bedrock::Result<Salvaged> {
        let mut writer = BlockWriter::create(place)?;
        let salvaged = salvage_rows(block, &mut writer)?;
        writer.finish()?;
        Ok(salvaged)
    }

    fn expired(
        &self,
        block: &LiveBlock<Block>,
        facts: &BlockFacts,
        age: Age,
        looks_at_rows: bool,
    ) -> Expired {
        retention::expired(&self.retention_rules, block, facts.last_ns, age, looks_at_rows)
    }
}

/// A log store. Cheap to clone; clones are handles of the same store, usable from any thread.
///
/// Dropping the last handle stops the background thread and leaves what was committed in the log, as a crash would;
/// [`Db::close`] also says whether that went well.
///
/// ```
/// use bedrock::labels::{Labels, MatchOp, Matcher};
/// use logstore::source::{LogSource, Selection};
/// use logstore::{Db, Options};
///
/// let dir = std::env::temp_dir().join("logstore-doc-example");
/// # let _ = std::fs::remove_dir_all(&dir);
/// let db = Db::open(&dir, Options::default())?;
/// let mut batch = db.batch();
/// let shop = batch.stream(&Labels::from_pairs([("app", "shop")])?)?;
/// batch.push(shop, 1_000, b"order accepted", &[])?;
/// db.commit(&batch)?;
///
/// let matchers = [Matcher::new(MatchOp::Equal, "app", "shop")?];
/// db.snapshot().scan(&Selection::new(&matchers, 0, i64::MAX), &mut |entries| {
///     assert_eq!(entries[0].line, b"order accepted");
///     std::ops::ControlFlow::Continue(())
/// })?;
/// db.close()?;
/// # std::fs::remove_dir_all(&dir)?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct Db {
    pub(crate) life: Lifecycle<Logs>,
    options: Arc<Options>,
    tails: Arc<Tails>,
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
        Db::open_on(Arc::new(MemDisk::new()), "logstore", options)
    }

    /// Opens a store on a disk of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Db::open`].
    pub fn open_on(disk: Arc<dyn Disk>, dir: impl AsRef<Path>, options: Options) -> Result<Db> {
        let logs = Logs { retention_rules: options.retention_rules.clone() };
        let life = Lifecycle::open(disk, dir.as_ref(), logs, options.life())?;
        Ok(Db { life, options: Arc::new(options), tails: Arc::default() })
    }

    /// An empty batch with the limits of this store.
    pub fn batch(&self) -> Batch {
        Batch::new(self.options.limits, self.options.discovery.clone())
    }

    /// Commits a batch: all of its entries are visible to snapshots made from now on, and durable as the options say.
    /// One log record; some 100 ns an entry, and a sync that is shared with the commits that wait at the same time.
    ///
    /// Where the heads are full the commit first flushes them, or waits for the flush that is under way.
    ///
    /// # Errors
    ///
    /// Where the log cannot be written: nothing of the batch is visible then, and the store takes no more commits
    /// until a flush or a tick has begun a new log. [`crate::Error::HeadFull`] where the heads are full and cannot be flushed; the batch
    /// was not committed then.
    pub fn commit(&self, batch: &Batch) -> Result<()> {
        if batch.is_empty() {
            return Ok(());
        }
        self.life.make_room()?;
        self.life.commit(&records::encode(batch), |head| head.insert(batch))?;
        self.tails.send(batch);
        Ok(())
    }

    /// Subscribes to what is committed from now on: the entries that pass a query, about in the order of commits, also
    /// those that are stored already. A commit runs the query over its entries and never waits for the subscriber: where
    /// the subscription is full, its oldest entries go and are counted.
    ///
    /// # Errors
    ///
    /// Where a stage of the query does not compile.
    ///
    /// ```
    /// use std::time::Duration;
    /// use bedrock::labels::Labels;
    /// use logstore::logql::parse_log;
    /// use logstore::{Db, Options, TailOptions};
    ///
    /// let db = Db::in_memory(Options::default())?;
    /// let query = parse_log(r#"{app="shop"} | logfmt | took > 1s"#)?;
    /// let tail = db.tail(&query, TailOptions::default())?;
    /// let mut batch = db.batch();
    /// let shop = batch.stream(&Labels::from_pairs([("app", "shop")])?)?;
    /// batch.push(shop, 1, b"took=5ms", &[])?;
    /// batch.push(shop, 2, b"took=5s", &[])?;
    /// db.commit(&batch)?;
    /// assert_eq!(tail.next(Duration::from_secs(1)).map(|entry| entry.line), Some(b"took=5s".to_vec()));
    /// # db.close()?;
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn tail(&self, query: &LogExpr, options: TailOptions) -> crate::logql::Result<Tail> {
        self.tails.subscribe(query, options)
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
        Snapshot::of(&self.life.parts())
    }

    /// Writes the head to a block. What was committed before the call is in blocks when it returns.
    ///
    /// # Errors
    ///
    /// Where the disk refuses; the entries stay in memory and in the log, and the next flush tries again.
    pub fn flush(&self) -> Result<()> {
        Ok(self.life.flush()?)
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

    /// Reads and checks every block: what was read, and what does not check out.
    pub fn verify(&self) -> Verified {
        Verified::of(&self.life)
    }

    /// What the last round of work in the background failed with, if it did.
    pub fn background_failure(&self) -> Option<bedrock::Error> {
        self.life.background_failure()
    }

    /// What the store holds.
    pub fn stats(&self) -> Stats {
        Stats::of(&self.life)
    }

    /// What opening found in the log, with the torn tail that was cut, if there was one.
    pub fn recovery(&self) -> &Replay {
        self.life.recovery()
    }

    /// Stops the background thread, syncs the log and closes it. Other handles can still read; subscriptions end.
    ///
    /// # Errors
    ///
    /// Where the last sync fails.
    pub fn close(self) -> Result<()> {
        self.tails.close();
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
            block_size_max: self.block_raw_bytes_max,
            retention: self.retention,
            retention_bytes: self.retention_bytes,
            background: self.background,
        }
    }
}
