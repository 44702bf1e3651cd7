//! The store: opening, recovering, closing, and the path of a commit.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, RwLock};
use std::time::{Duration, Instant};

use bedrock::block::remove_orphans;
use bedrock::disk::{DirLock, Disk, MemDisk, remove_dir_all};
use bedrock::error::Error as BedrockError;
use bedrock::labels::{Labels, MatchOp, Matcher};
use bedrock::manifest::Manifest;
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::store::Background;
use bedrock::time::TimeRange;
use bedrock::wal::{Durability, Replay, Wal, WalOptions};

use crate::appender::Appender;
use crate::block::Block;
use crate::error::Result;
use crate::exemplar::SeriesExemplars;
use crate::flush::Flushed;
use crate::head::{
    Batch, Head, HeadOptions, Judgement, MemoryView, Recovered, Recovery, Value, held, read, write,
};
use crate::metadata::Metadata;
use crate::options::{self, Duplicates, Options};
use crate::select::Snapshot;
use crate::state::{KIND, Layout, Payload, State, open_blocks};

/// A metrics store. Cheap to clone; all clones are one store, and may be used from any thread. It ends with the last clone
/// and the last [`Appender`], which wait for the background work under way.
///
/// ```
/// use bedrock::labels::Labels;
/// use tsdb::{Db, Options};
///
/// let db = Db::in_memory(Options::default())?;
/// let mut appender = db.appender();
/// let up = appender.series(&Labels::from_pairs([("__name__", "up"), ("job", "api")]).expect("a label set"))?;
/// appender.append(up, 1_000, 1.0);
/// appender.commit()?;
/// db.close()?;
/// # Ok::<(), tsdb::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct Db {
    handle: Arc<Handle>,
}

/// What a store lives by: with the last one its thread ends, and what it held is given back.
#[derive(Debug)]
pub(crate) struct Handle {
    pub(crate) store: Arc<Store>,
}

impl Drop for Handle {
    /// Waits for the round of work that the thread is at, so that the directory is free when the last handle is gone.
    fn drop(&mut self) {
        self.store.end_background();
    }
}

/// What all handles of a store share.
#[derive(Debug)]
pub(crate) struct Store {
    options: Options,
    pub(crate) layout: Layout,
    pub(crate) head: Arc<Head>,
    /// `None` once the store is closed.
    pub(crate) wal: RwLock<Option<Wal>>,
    pub(crate) state: RwLock<Arc<State>>,
    /// Held by whoever flushes, compacts, deletes or copies.
    maintenance: Mutex<Maintenance>,
    /// The thread, where the store has one.
    background: OnceLock<Background>,
    /// Bytes of the last checkpoint, and what the log had taken in when it was written.
    pub(crate) checkpoint_bytes: AtomicU64,
    pub(crate) logged_before_checkpoint: AtomicU64,
    /// The newest timestamp when idle series were last looked for.
    pub(crate) idle_looked_ms: AtomicI64,
    recovered: Replay,
    /// Given back with the last commit, and not with the last handle.
    lock: Mutex<Option<DirLock>>,
}

/// What only one thread at a time may change.
#[derive(Debug)]
pub(crate) struct Maintenance {
    pub(crate) manifest: Manifest,
    pub(crate) payload: Payload,
    /// The last number that a checkpoint was tried under.
    pub(crate) last_checkpoint: u64,
    /// Blocks that the manifest names no more and that readers may hold.
    pub(crate) retired: Vec<Arc<Block>>,
    /// When the log was last tried to be healed.
    pub(crate) tried_healing: Option<Instant>,
}

impl Db {
    /// Opens the store in `dir`, which is made where it is missing, and recovers what the log has.
    ///
    /// # Errors
    ///
    /// [`BedrockError::Locked`] where the store is open already, [`BedrockError::Corrupt`] and
    /// [`BedrockError::Version`] where files do not check out, [`BedrockError::Io`] where the medium refuses.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self> {
        let store = Arc::new(Store::open(dir.as_ref(), options)?);
        if store.options.background == options::Background::Thread {
            let thread = Background::start("tsdb", &store)
                .map_err(|e| BedrockError::io("start a thread for", &store.layout.dir, e))?;
            store.background.get_or_init(|| thread);
        }
        Ok(Db { handle: Arc::new(Handle { store }) })
    }

    /// A store that lives in memory and is gone with its last handle. [`Options::disk`] and [`Options::durability`] mean
    /// nothing here.
    ///
    /// # Errors
    ///
    /// None that would be expected.
    pub fn in_memory(options: Options) -> Result<Self> {
        let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
        Db::open("memory", Options { disk, durability: Durability::Never, ..options })
    }

    /// Something to append with. Each thread takes its own.
    pub fn appender(&self) -> Appender {
        Appender::new(Arc::clone(&self.handle))
    }

    /// The store as it is now: every commit that has returned, and nothing that comes later. Takes about 1 us. What a
    /// snapshot sees stays in memory and on disk until it is dropped, so keep it no longer than a query runs.
    pub fn snapshot(&self) -> Snapshot {
        self.store().snapshot()
    }

    /// The exemplars in a range of the series that satisfy all matchers, ordered by labels. O(exemplars kept).
    pub fn exemplars(&self, select: &Select<'_>) -> Vec<SeriesExemplars> {
        let state = read(&self.store().state);
        let view = MemoryView::new(&state.head, state.flush);
        drop(state);
        view.exemplars(select)
    }

    /// What is known of a metric family.
    pub fn metadata(&self, family: &str) -> Option<Metadata> {
        self.store().state().head.metadata(family)
    }

    /// What is known of every metric family, sorted by name.
    pub fn all_metadata(&self) -> Vec<(String, Metadata)> {
        self.store().state().head.all_metadata()
    }

    /// Moves everything in the head to level-0 blocks. The store does this by itself, see [`Options::block_ms`].
    ///
    /// # Errors
    ///
    /// Where the medium refuses: then nothing has changed, and the next flush tries again.
    pub fn flush(&self) -> Result<Flushed> {
        self.store().flush_until(self.store().head.behind_all_ms())
    }

    /// Does whatever background work is due; see [`options::Background::Caller`].
    ///
    /// # Errors
    ///
    /// The first failure; the parts behind it were tried all the same.
    pub fn tick(&self) -> Result<()> {
        self.store().work()
    }

    /// Makes everything that was committed durable, whatever [`Options::durability`] says.
    ///
    /// # Errors
    ///
    /// Where the medium refuses; the store then takes no more commits.
    pub fn sync(&self) -> Result<()> {
        match &*read(&self.store().wal) {
            Some(wal) => Ok(wal.sync()?),
            None => Err(closed("sync").into()),
        }
    }

    /// Makes everything durable and ends the store; every other handle fails from now on. Snapshots stay good.
    ///
    /// # Errors
    ///
    /// Where the medium refuses. What was acknowledged under [`Durability::EveryCommit`] is safe all the same.
    pub fn close(self) -> Result<()> {
        self.store().close()
    }

    pub(crate) fn store(&self) -> &Arc<Store> {
        &self.handle.store
    }
}

impl Store {
    fn open(dir: &Path, options: Options) -> Result<Self> {
        let disk = Arc::clone(&options.disk);
        let layout = Layout { dir: dir.to_owned() };
        disk.create_dir(dir)?;
        let lock = disk.lock(dir)?;
        let manifest = Manifest::open(Arc::clone(&disk), dir, KIND)?;
        for below in [layout.chunks(), layout.blocks(), layout.checkpoints()] {
            disk.create_dir(&below)?;
        }
        disk.sync_dir(dir)?;
        let payload = Payload::of(manifest.state(), &layout.manifest())?;
        remove_orphans(&*disk, &layout.blocks(), &manifest.state().blocks)?;
        remove_old_checkpoints(&*disk, &layout, payload.checkpoint)?;
        let checkpoint = (payload.checkpoint != 0).then(|| layout.checkpoint(payload.checkpoint));
        let head = head_options(&options);
        let mut recovery = Recovery::begin(&disk, &layout.chunks(), head, checkpoint.as_deref(), true)?;
        let (wal, recovered) = Wal::open(
            Arc::clone(&disk),
            &layout.wal(),
            wal_options(&options),
            manifest.state().covered,
            |record| recovery.take(record),
        )?;
        let Recovered { head, deletions } = recovery.finish(manifest.state().watermark)?;
        let head = Arc::new(head);
        let mut payload = payload;
        payload.redo(deletions, &manifest.state().blocks);
        let state = State {
            head: Arc::clone(&head),
            blocks: open_blocks(&*disk, &layout, manifest.state())?,
            tombstones: Arc::new(payload.tombstones.clone()),
            flush: 0,
        };
        let maintenance = Maintenance {
            manifest,
            last_checkpoint: payload.checkpoint,
            payload,
            retired: Vec::new(),
            tried_healing: None,
        };
        Ok(Store {
            layout,
            idle_looked_ms: AtomicI64::new(head.max_time_ms()),
            head,
            wal: RwLock::new(Some(wal)),
            state: RwLock::new(Arc::new(state)),
            maintenance: Mutex::new(maintenance),
            background: OnceLock::new(),
            checkpoint_bytes: AtomicU64::new(0),
            // What was replayed counts as log behind the checkpoint.
            logged_before_checkpoint: AtomicU64::new(0u64.wrapping_sub(recovered.payload_bytes)),
            recovered,
            options,
            lock: Mutex::new(Some(lock)),
        })
    }

    /// The options of the store.
    pub(crate) fn options(&self) -> &Options {
        &self.options
    }

    /// The head.
    pub(crate) fn head(&self) -> &Head {
        &self.head
    }

    /// What readers start from now.
    pub(crate) fn state(&self) -> Arc<State> {
        Arc::clone(&read(&self.state))
    }

    /// What the recovery at open found in the log.
    pub(crate) fn recovered(&self) -> &Replay {
        &self.recovered
    }

    pub(crate) fn snapshot(&self) -> Snapshot {
        // The view is registered while the state cannot be swapped: whoever swaps finds it registered.
        let state = read(&self.state);
        let view = MemoryView::new(&state.head, state.flush);
        Snapshot::new(Some(Arc::new(view)), state.blocks.iter().cloned(), Arc::clone(&state.tombstones))
    }

    /// The right to change blocks and manifest.
    pub(crate) fn maintain(&self, _what: &'static str) -> Result<MutexGuard<'_, Maintenance>> {
        Ok(held(&self.maintenance))
    }

    /// The reference of a label set.
    pub(crate) fn resolve(&self, labels: &Labels) -> Result<u64> {
        if let Some(reference) = self.head.find(labels) {
            return Ok(reference);
        }
        self.options.labels.check(labels)?;
        self.wait_for_memory()?;
        Ok(self.head.resolve(labels))
    }

    /// Commits a batch.
    pub(crate) fn commit(
        &self,
        batch: &Batch,
        judgement: &mut Judgement,
        all_or_nothing: bool,
    ) -> Result<()> {
        self.wait_for_memory()?;
        let outcome = self.log_and_apply(batch, judgement, all_or_nothing);
        if outcome.is_err() {
            // The commit that failed stays failed; the next one may find a log that takes it.
            self.heal_after_failure();
        }
        if self.is_checkpoint_due() || self.head.chunks.has_unwritten() {
            self.wake();
        }
        outcome
    }

    fn log_and_apply(&self, batch: &Batch, judgement: &mut Judgement, all_or_nothing: bool) -> Result<()> {
        let wal = read(&self.wal);
        let Some(wal) = &*wal else { return Err(closed("commit").into()) };
        let rules = self.rules(all_or_nothing);
        let stored = |labels: &Labels, time_ms| self.stored(labels, time_ms);
        let logged = self.head.commit(batch, judgement, rules, &stored, |record| wal.append(record))?;
        if let Some(end) = logged {
            wal.wait(end)?;
        }
        Ok(())
    }

    /// The sample of a series with a timestamp in the blocks. About 100 us, for samples that come later than their
    /// block.
    fn stored(&self, labels: &Labels, time_ms: i64) -> bedrock::Result<Option<Value>> {
        let state = self.state();
        let range = TimeRange::new(time_ms, time_ms);
        let matchers = labels.iter().map(|(name, value)| Matcher::new(MatchOp::Equal, name, value));
        let matchers = matchers.collect::<std::result::Result<Vec<_>, _>>().map_err(|error| {
            BedrockError::Invalid { what: "labels as matchers", problem: error.to_string() }
        })?;
        let blocks = state.blocks.iter().filter(|block| block.meta().range.contains(time_ms));
        let snapshot = Snapshot::new(None, blocks.cloned(), Arc::clone(&state.tombstones));
        let set = snapshot.select(&Select { matchers: &matchers, range })?;
        let mut columns = SeriesColumns::default();
        for index in (0..set.len()).filter(|index| set.labels(*index) == labels) {
            set.read(index, range, &mut columns)?;
            if let Ok(at) = columns.floats.timestamps_ms.binary_search(&time_ms) {
                return Ok(columns.floats.values.get(at).map(|value| Value::Float(*value)));
            }
            if let Ok(at) = columns.histograms.timestamps_ms.binary_search(&time_ms) {
                return Ok(columns.histograms.values.get(at).cloned().map(Value::Histogram));
            }
        }
        Ok(None)
    }

    fn end_background(&self) {
        if let Some(background) = self.background.get() {
            background.stop();
        }
    }

    /// What the last round of the thread failed with.
    pub(crate) fn background_failure(&self) -> Option<BedrockError> {
        self.background.get().and_then(Background::failure)
    }

    /// Lets the thread look for work now.
    fn wake(&self) {
        if let Some(background) = self.background.get() {
            background.wake();
        }
    }

    /// Size of the last checkpoint.
    pub(crate) fn checkpoint_bytes(&self) -> u64 {
        self.checkpoint_bytes.load(Ordering::Relaxed)
    }

    /// Whether so much log has come together that a checkpoint pays.
    pub(crate) fn is_checkpoint_due(&self) -> bool {
        let Some(logged) = read(&self.wal).as_ref().map(|wal| wal.stats().bytes) else { return false };
        let since = logged.wrapping_sub(self.logged_before_checkpoint.load(Ordering::Relaxed));
        let half_of_last = self.checkpoint_bytes.load(Ordering::Relaxed) / 2;
        since > self.options.checkpoint_after_bytes.max(half_of_last)
    }

    /// Whether the head should be flushed early.
    pub(crate) fn is_short_of_memory(&self) -> bool {
        self.head.memory_bytes() > self.options.head_bytes_max / 4 * 3
    }

    /// Asks for a flush where memory runs short, waits for it where there is none left, and fails where it does not come.
    fn wait_for_memory(&self) -> Result<()> {
        if !self.is_short_of_memory() {
            return Ok(());
        }
        self.wake();
        let max = self.options.head_bytes_max;
        if self.head.memory_bytes() <= max {
            return Ok(());
        }
        if self.options.background == options::Background::Caller {
            self.work()?;
        } else {
            let began = Instant::now();
            while self.head.memory_bytes() > max && began.elapsed() < self.options.back_pressure {
                self.wake();
                std::thread::sleep(MEMORY_LOOK);
            }
        }
        match self.head.memory_bytes() {
            found if found > max => {
                Err(BedrockError::Limit { what: "bytes of the head", max: max as u64, found: found as u64 }
                    .into())
            }
            _ => Ok(()),
        }
    }

    /// Removes the files of blocks that left the manifest and that no reader holds any more.
    pub(crate) fn remove_retired(&self) -> Result<()> {
        let mut maintenance = self.maintain("removal of blocks")?;
        let (free, held): (Vec<_>, Vec<_>) =
            maintenance.retired.drain(..).partition(|block| Arc::strong_count(block) == 1);
        maintenance.retired = held;
        for block in free {
            remove_dir_all(&*self.options.disk, block.path())?;
        }
        Ok(())
    }

    fn close(&self) -> Result<()> {
        let wal = write(&self.wal).take();
        self.end_background();
        let closed = wal.map_or(Ok(()), Wal::close);
        held(&self.lock).take();
        Ok(closed?)
    }
}

/// How often a commit that waits for memory looks.
const MEMORY_LOOK: Duration = Duration::from_millis(2);

/// The error of a call that needs an open store.
pub(crate) fn closed(what: &'static str) -> BedrockError {
    BedrockError::ReadOnly { what }
}

pub(crate) fn head_options(options: &Options) -> HeadOptions {
    HeadOptions {
        slot_ms: options.block_ms.max(1),
        out_of_order_window_ms: options.out_of_order_window_ms,
        last_write_wins: options.duplicates == Duplicates::LastWriteWins,
        exemplars_max: options.exemplars_max,
    }
}

pub(crate) fn wal_options(options: &Options) -> WalOptions {
    WalOptions { durability: options.durability, ..WalOptions::default() }
}

fn remove_old_checkpoints(disk: &dyn Disk, layout: &Layout, current: u64) -> bedrock::Result<()> {
    let current: BTreeSet<_> = [layout.checkpoint(current)].into();
    for entry in disk.list(&layout.checkpoints())? {
        let path = layout.checkpoints().join(&entry.name);
        if !entry.is_dir && !current.contains(&path) {
            disk.remove_file(&path)?;
        }
    }
    Ok(())
}
