//! Opens, recovers and closes a store, takes commits and makes snapshots.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard};
use std::time::Duration;

use super::background::{Background, Tick};
use super::tombstones::Tombstones;
use super::{HeadSize, LiveBlock, Signal, StoredBlock, locked};
use crate::block::remove_orphans;
use crate::disk::{DirLock, Disk};
use crate::error::{Error, Result};
use crate::manifest::{self, BLOCKS_DIR, Manifest, WAL_DIR};
use crate::postings::Ids;
use crate::wal::{Durability, Replay, Wal, WalOptions, WalPosition, WalRecord};

/// How a store lives. Every store has these among its own options, with its own defaults.
#[derive(Clone, Copy, Debug)]
pub struct LifeOptions {
    /// When a commit is durable.
    pub durability: Durability,
    /// A head of so many bytes is flushed to a block.
    pub flush_bytes: usize,
    /// Commits wait for a flush while the heads hold more than this.
    pub head_bytes_max: usize,
    /// So many neighbouring blocks of one level are compacted into one of the next.
    pub compact_fan_in: usize,
    /// Blocks are not compacted into one of a larger [`super::BlockFacts::size`].
    pub block_size_max: u64,
    /// Blocks whose last row is older than this are dropped.
    pub retention: Option<Duration>,
    /// While the blocks take more bytes on disk, the oldest is dropped.
    pub retention_bytes: Option<u64>,
    /// Whether a thread of the store's own does what is due.
    pub background: bool,
}

/// A store of one signal. Clones are handles of the same store, usable from any thread.
#[derive(Debug)]
pub struct Lifecycle<K: Signal> {
    pub(super) inner: Arc<Inner<K>>,
    background: Arc<Background>,
}

impl<K: Signal> Clone for Lifecycle<K> {
    fn clone(&self) -> Self {
        Lifecycle { inner: Arc::clone(&self.inner), background: Arc::clone(&self.background) }
    }
}

/// What all handles of a store share.
#[derive(Debug)]
pub(super) struct Inner<K: Signal> {
    pub(super) signal: K,
    pub(super) disk: Arc<dyn Disk>,
    pub(super) dir: PathBuf,
    pub(super) options: LifeOptions,
    /// Held by whoever takes blocks away.
    pub(super) rewriting: Mutex<()>,
    /// When rows were last looked at for their age.
    pub(super) rows_looked_ns: Mutex<Option<i64>>,
    pub(super) manifest: Mutex<Manifest>,
    /// The log; absent once the store is closed. Commits hold it for reading, a freeze for writing.
    pub(super) wal: RwLock<Option<Wal>>,
    pub(super) state: Mutex<State<K>>,
    commits: AtomicU64,
    recovery: Replay,
    _lock: DirLock,
}

#[derive(Debug)]
pub(super) struct State<K: Signal> {
    pub(super) active: K::Head,
    pub(super) frozen: Option<Frozen<K>>,
    pub(super) blocks: Arc<Vec<LiveBlock<K::Block>>>,
}

/// A head on its way into a block.
#[derive(Debug)]
pub(super) struct Frozen<K: Signal> {
    pub(super) view: Arc<K::View>,
    pub(super) size: HeadSize,
    /// The log before this is what the view and earlier blocks hold.
    pub(super) covered: WalPosition,
}

impl<K: Signal> Clone for Frozen<K> {
    fn clone(&self) -> Self {
        Frozen { view: Arc::clone(&self.view), size: self.size, covered: self.covered }
    }
}

/// A store at one moment: every row is in one of these.
#[derive(Debug)]
pub struct Parts<K: Signal> {
    /// The heads, the older one first.
    pub heads: Vec<Arc<K::View>>,
    /// The blocks, by the times in them.
    pub blocks: Arc<Vec<LiveBlock<K::Block>>>,
}

impl<K: Signal> Clone for Parts<K> {
    fn clone(&self) -> Self {
        Parts { heads: self.heads.clone(), blocks: Arc::clone(&self.blocks) }
    }
}

/// A store in numbers.
#[derive(Debug)]
pub struct LifeStats<K: Signal> {
    /// What the heads hold.
    pub head: HeadSize,
    /// The blocks.
    pub blocks: Arc<Vec<LiveBlock<K::Block>>>,
    /// Commits since the store was opened.
    pub commits: u64,
    /// Syncs of the log since the store was opened.
    pub wal_syncs: u64,
}

/// The heads are full, and flushing does not make room.
#[derive(Clone, Debug)]
pub struct HeadFull {
    /// The limit in force, in bytes.
    pub max: usize,
    /// What the heads hold.
    pub found: usize,
    /// Why the flush failed.
    pub cause: Error,
}

impl<K: Signal> Lifecycle<K> {
    /// Opens the store in a directory, which is made where it is missing. What was committed and is not in a block is
    /// read back from the log.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`] where the directory is open elsewhere; [`Error::Corrupt`] where blocks, log or manifest do not
    /// check out; [`Error::Io`] where the medium refuses.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, signal: K, options: LifeOptions) -> Result<Self> {
        let inner = Arc::new(Inner::open(disk, dir, signal, options)?);
        let background = if options.background {
            let started = Background::start(K::NAME, &inner);
            started.map_err(|error| Error::io("start a thread for", dir, error))?
        } else {
            Background::none()
        };
        Ok(Lifecycle { inner, background: Arc::new(background) })
    }

    /// Waits until the heads have room for a commit, or makes it.
    ///
    /// # Errors
    ///
    /// [`HeadFull`] where the heads hold more than they may and cannot be flushed. The commit is not to be made then.
    pub fn make_room(&self) -> std::result::Result<(), HeadFull> {
        let found = self.inner.head_size().bytes;
        let max = self.inner.options.head_bytes_max;
        if found <= max {
            return Ok(());
        }
        self.inner.flush().map_err(|cause| HeadFull { max, found, cause })
    }

    /// Commits a record, and adds to the head what it holds: visible to snapshots made from now on, and durable as the
    /// options say.
    ///
    /// # Errors
    ///
    /// Where the log cannot be written: nothing of the record is visible then, and the next flush or tick begins a new
    /// log. [`Error::ReadOnly`] where the store is closed.
    pub fn commit(&self, record: &[u8], insert: impl FnOnce(&mut K::Head)) -> Result<()> {
        let active_bytes = {
            let gate = self.inner.gate();
            let wal = gate.as_ref().ok_or(Error::ReadOnly { what: "commit" })?;
            wal.commit(record).inspect_err(|_| self.background.wake())?;
            let mut state = locked(&self.inner.state);
            insert(&mut state.active);
            self.inner.signal.size(&state.active).bytes
        };
        self.inner.commits.fetch_add(1, Ordering::Relaxed);
        if active_bytes <= self.inner.options.flush_bytes {
            return Ok(());
        }
        if self.background.is_running() {
            self.background.wake();
            return Ok(());
        }
        // The commit is made. Where the flush fails, it is the next commit beyond the budget that is refused.
        let _ = self.inner.flush();
        Ok(())
    }

    /// The store as it is now.
    pub fn parts(&self) -> Parts<K> {
        let mut state = locked(&self.inner.state);
        let mut heads = Vec::with_capacity(2);
        heads.extend(state.frozen.as_ref().map(|frozen| Arc::clone(&frozen.view)));
        if self.inner.signal.size(&state.active).rows > 0 {
            heads.push(self.inner.signal.view(&mut state.active));
        }
        Parts { heads, blocks: Arc::clone(&state.blocks) }
    }

    /// Looks at the head that takes commits.
    pub fn with_head<T>(&self, look: impl FnOnce(&K::Head) -> T) -> T {
        look(&locked(&self.inner.state).active)
    }

    /// Makes every commit so far survive a power loss, whatever the durability of the store.
    ///
    /// # Errors
    ///
    /// Where the log cannot be synced; it takes no more commits then until the next flush or tick.
    pub fn sync(&self) -> Result<()> {
        self.inner.gate().as_ref().map_or(Ok(()), Wal::sync)
    }

    /// Writes the head to a block. What was committed before the call is in blocks when it returns.
    ///
    /// # Errors
    ///
    /// Where the disk refuses; the rows stay in memory and in the log, and the next flush tries again.
    pub fn flush(&self) -> Result<()> {
        self.inner.flush()
    }

    /// Compacts everything into as few blocks as the options allow.
    ///
    /// # Errors
    ///
    /// Where a block does not check out or the disk refuses; no row is lost.
    pub fn compact(&self) -> Result<()> {
        self.inner.compact_fully()
    }

    /// Deletes the rows that `find` names in each block, for every reader to come; snapshots go on to see what they
    /// saw. What was committed before the call is in blocks by then, what is committed later is not concerned. The
    /// bytes go when the block is compacted. Returns how many rows there were. Costs a flush, what `find` costs, and an
    /// edit of the manifest; waits for a compaction that is under way.
    ///
    /// # Errors
    ///
    /// What `find` fails with, and where the disk refuses; nothing is deleted then.
    pub fn delete<E: From<Error>>(
        &self,
        find: impl FnMut(&LiveBlock<K::Block>) -> std::result::Result<Ids, E>,
    ) -> std::result::Result<u64, E> {
        self.inner.delete(find)
    }

    /// Does what is due as of `now_ns` nanoseconds since 1970: a flush where the head is large, retention,
    /// one compaction, and a sync of the log where the interval has passed. Each part is tried.
    ///
    /// # Errors
    ///
    /// The first thing that failed; the next call tries again.
    pub fn tick(&self, now_ns: i64) -> Result<()> {
        self.inner.tick(now_ns)
    }

    /// Copies the store as it is now into a directory that does not exist yet, by hard links where the disk has them.
    /// The copy is a store of its own. Commits go on meanwhile.
    ///
    /// # Errors
    ///
    /// Where the disk refuses.
    pub fn snapshot_to(&self, target: &Path) -> Result<()> {
        self.inner.snapshot_to(target)
    }

    /// Reads and checks every block: what does not check out.
    pub fn verify(&self) -> Vec<Error> {
        let blocks = Arc::clone(&locked(&self.inner.state).blocks);
        blocks.iter().flat_map(|block| block.verify()).collect()
    }

    /// The store in numbers.
    pub fn stats(&self) -> LifeStats<K> {
        let wal = self.inner.gate().as_ref().map(Wal::stats).unwrap_or_default();
        LifeStats {
            head: self.inner.head_size(),
            blocks: Arc::clone(&locked(&self.inner.state).blocks),
            commits: self.inner.commits.load(Ordering::Relaxed),
            wal_syncs: wal.syncs,
        }
    }

    /// What opening found in the log, with the torn tail that was cut, if there was one.
    pub fn recovery(&self) -> &Replay {
        &self.inner.recovery
    }

    /// What the last round of work in the background failed with.
    pub fn background_failure(&self) -> Option<Error> {
        self.background.failure()
    }

    /// Stops the background thread, syncs the log and closes it. Other handles can still read.
    ///
    /// # Errors
    ///
    /// Where the last sync fails.
    pub fn close(self) -> Result<()> {
        self.background.stop();
        let wal = self.inner.wal.write().unwrap_or_else(PoisonError::into_inner).take();
        wal.map_or(Ok(()), Wal::close)
    }
}

impl<K: Signal> Inner<K> {
    fn open(disk: Arc<dyn Disk>, dir: &Path, signal: K, options: LifeOptions) -> Result<Self> {
        disk.create_dir(dir)?;
        let lock = disk.lock(dir)?;
        let manifest = Manifest::open(Arc::clone(&disk), dir, K::KIND)?;
        let blocks_dir = dir.join(BLOCKS_DIR);
        disk.create_dir(&blocks_dir)?;
        remove_orphans(&*disk, &blocks_dir, &manifest.state().blocks)?;
        let blocks = open_blocks(&disk, dir, manifest.state())?;
        let mut active = K::Head::default();
        let (wal, recovery) = open_wal(&disk, dir, options.durability, &manifest, |record| {
            replay(&signal, &mut active, dir, &record)
        })?;
        Ok(Inner {
            signal,
            disk,
            dir: dir.to_owned(),
            options,
            rewriting: Mutex::new(()),
            rows_looked_ns: Mutex::new(None),
            manifest: Mutex::new(manifest),
            wal: RwLock::new(Some(wal)),
            state: Mutex::new(State { active, frozen: None, blocks }),
            commits: AtomicU64::new(0),
            recovery,
            _lock: lock,
        })
    }

    pub(super) fn blocks_dir(&self) -> PathBuf {
        self.dir.join(BLOCKS_DIR)
    }

    /// The log, while nobody freezes the head.
    pub(super) fn gate(&self) -> RwLockReadGuard<'_, Option<Wal>> {
        self.wal.read().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the heads hold together.
    fn head_size(&self) -> HeadSize {
        let state = locked(&self.state);
        let active = self.signal.size(&state.active);
        let frozen = state.frozen.as_ref().map(|frozen| frozen.size).unwrap_or_default();
        HeadSize { rows: active.rows + frozen.rows, bytes: active.bytes + frozen.bytes }
    }
}

impl<K: Signal> Tick for Inner<K> {
    fn tick(&self, now_ns: i64) -> Result<()> {
        let synced = self.gate().as_ref().map_or(Ok(()), Wal::tick);
        let is_full = self.signal.size(&locked(&self.state).active).bytes > self.options.flush_bytes;
        // A flush begins a log that has failed anew.
        let has_failed = self.gate().as_ref().and_then(Wal::failure).is_some();
        let flushed = if is_full || has_failed { self.flush() } else { Ok(()) };
        // What has expired need not be compacted.
        let retained = self.retain(now_ns);
        let compacted = self.compact_once();
        synced.and(flushed).and(retained).and(compacted)
    }
}

/// Opens the log of a store behind what its manifest covers.
pub(super) fn open_wal(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    durability: Durability,
    manifest: &Manifest,
    visit: impl FnMut(WalRecord) -> Result<()>,
) -> Result<(Wal, Replay)> {
    let options = WalOptions { durability, ..WalOptions::default() };
    Wal::open(Arc::clone(disk), &dir.join(WAL_DIR), options, manifest.state().covered, visit)
}

/// Opens the blocks that a manifest names.
pub(super) fn open_blocks<B: StoredBlock>(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    state: &manifest::State,
) -> Result<Arc<Vec<LiveBlock<B>>>> {
    let (blocks, tombstones) = (dir.join(BLOCKS_DIR), Tombstones::of(state, dir)?);
    let open = |number: &u64| {
        let block = LiveBlock::new(B::open(disk, &blocks, *number)?);
        Ok(block.with_deleted(tombstones.of_block(*number)))
    };
    Ok(in_order(state.blocks.iter().map(open).collect::<Result<_>>()?))
}

/// Adds what a record of the log in `dir` holds to a head.
pub(super) fn replay<K: Signal>(
    signal: &K,
    head: &mut K::Head,
    dir: &Path,
    record: &WalRecord,
) -> Result<()> {
    signal.replay(head, &record.payload).map_err(|problem| {
        let (path, expected) = (dir.join(WAL_DIR), "a record of this store");
        Error::corrupt(path, record.position.offset, "record of the log", expected, problem)
    })
}

/// Blocks in the order in which neighbours are close in time.
pub(super) fn in_order<B: StoredBlock>(mut blocks: Vec<LiveBlock<B>>) -> Arc<Vec<LiveBlock<B>>> {
    blocks.sort_by_cached_key(|block| {
        let facts = block.facts();
        (facts.first_ns, facts.last_ns, facts.number)
    });
    Arc::new(blocks)
}
