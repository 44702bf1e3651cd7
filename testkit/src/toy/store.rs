//! Open, recover, commit, flush, compact, snapshot, close.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bedrock::Result;
use bedrock::block::{block_name, remove_orphans};
use bedrock::disk::{DirLock, Disk, create_dir_durable, link_dir};
use bedrock::manifest::{BLOCKS_DIR, Edit, Manifest, State, StoreKind, WAL_DIR};
use bedrock::wal::{Wal, WalOptions};

use super::block::ToyBlock;
use super::records::Batch;

const KIND: StoreKind = StoreKind { tag: *b"TOYS", version: 1 };

/// A store of lines.
#[derive(Debug)]
pub struct Toy {
    disk: Arc<dyn Disk>,
    blocks: PathBuf,
    wal: Wal,
    /// Held over a whole flush or compaction: a toy need not do two things at once.
    inner: Mutex<Inner>,
    _lock: DirLock,
}

#[derive(Debug)]
struct Inner {
    manifest: Manifest,
    view: Arc<View>,
}

/// What a reader sees: every line is in the head or in one block.
#[derive(Clone, Debug, Default)]
struct View {
    head: Vec<String>,
    blocks: Vec<Arc<ToyBlock>>,
}

impl Toy {
    /// Opens the store in a directory, making it where there is none.
    ///
    /// # Errors
    ///
    /// Those of the manifest, the log and the blocks; [`bedrock::Error::Locked`] where it is open already.
    pub fn open(disk: Arc<dyn Disk>, dir: &Path, options: WalOptions) -> Result<Self> {
        create_dir_durable(&*disk, dir)?;
        let lock = disk.lock(dir)?;
        let manifest = Manifest::open(Arc::clone(&disk), dir, KIND)?;
        let blocks = dir.join(BLOCKS_DIR);
        create_dir_durable(&*disk, &blocks)?;
        let state = manifest.state();
        remove_orphans(&*disk, &blocks, &state.blocks)?;
        let mut view = View::default();
        for number in &state.blocks {
            view.blocks.push(Arc::new(ToyBlock::open(&disk, &blocks, *number)?));
        }
        let (wal, _) = Wal::open(Arc::clone(&disk), &dir.join(WAL_DIR), options, state.covered, |record| {
            view.head.extend(Batch::decode(&record.payload)?.lines);
            Ok(())
        })?;
        let inner = Mutex::new(Inner { manifest, view: Arc::new(view) });
        Ok(Toy { disk, blocks, wal, inner, _lock: lock })
    }

    /// Makes the lines of a batch visible, and durable before it returns.
    ///
    /// # Errors
    ///
    /// Those of [`Wal::commit`]. The lines may then be visible and may survive: nobody knows.
    pub fn commit(&self, batch: &Batch) -> Result<()> {
        let end = {
            let mut inner = self.inner();
            let end = self.wal.append(&batch.encode())?;
            Arc::make_mut(&mut inner.view).head.extend_from_slice(&batch.lines);
            end
        };
        self.wal.wait(end)
    }

    /// Moves the head into a block, and lets go of the log that held it.
    ///
    /// # Errors
    ///
    /// Where the medium refuses; the store is as before then, or the log is longer than it needs to be.
    pub fn flush(&self) -> Result<()> {
        let mut inner = self.inner();
        if inner.view.head.is_empty() {
            return Ok(());
        }
        let covered = self.wal.rotate()?;
        let number = inner.manifest.next_block();
        ToyBlock::write(&*self.disk, &self.blocks, number, &inner.view.head)?;
        let block = Arc::new(ToyBlock::open(&self.disk, &self.blocks, number)?);
        let edit = Edit { added: vec![number], covered: Some(covered), ..Edit::default() };
        inner.manifest.apply(edit)?;
        let view = Arc::make_mut(&mut inner.view);
        view.head.clear();
        view.blocks.push(block);
        self.wal.truncate_before(covered)
    }

    /// Makes one block of all blocks.
    ///
    /// # Errors
    ///
    /// Where the medium refuses; the store is as before then.
    pub fn compact(&self) -> Result<()> {
        let mut inner = self.inner();
        if inner.view.blocks.len() < 2 {
            return Ok(());
        }
        let mut lines = Vec::new();
        for block in &inner.view.blocks {
            lines.extend(block.lines()?);
        }
        let number = inner.manifest.next_block();
        ToyBlock::write(&*self.disk, &self.blocks, number, &lines)?;
        let block = Arc::new(ToyBlock::open(&self.disk, &self.blocks, number)?);
        let removed = inner.view.blocks.iter().map(|block| block.number).collect();
        inner.manifest.apply(Edit { added: vec![number], removed, ..Edit::default() })?;
        for old in &inner.view.blocks {
            old.dir.remove_when_unused();
        }
        Arc::make_mut(&mut inner.view).blocks = vec![block];
        Ok(())
    }

    /// Makes a store of its own in another directory, which shares the blocks of this one by hard links. It is
    /// whole once its manifest is there, which comes last.
    ///
    /// # Errors
    ///
    /// Where the medium refuses; what is in the directory then does not open.
    pub fn snapshot_to(&self, dir: &Path) -> Result<()> {
        self.flush()?;
        let inner = self.inner();
        let blocks = dir.join(BLOCKS_DIR);
        create_dir_durable(&*self.disk, &blocks)?;
        for block in &inner.view.blocks {
            link_dir(&*self.disk, block.dir.path(), &blocks.join(block_name(block.number)))?;
        }
        self.disk.sync_dir(&blocks)?;
        let state = State { covered: bedrock::wal::WalPosition::START, ..inner.manifest.state().clone() };
        Manifest::create(Arc::clone(&self.disk), dir, KIND, state)?;
        Ok(())
    }

    /// Every line, sorted. Lines that are committed meanwhile are in it or not, batch by batch.
    ///
    /// # Errors
    ///
    /// Where a page cannot be read or is damaged.
    pub fn lines(&self) -> Result<Vec<String>> {
        let view = Arc::clone(&self.inner().view);
        let mut lines = view.head.clone();
        for block in &view.blocks {
            lines.extend(block.lines()?);
        }
        lines.sort();
        Ok(lines)
    }

    /// Closes the log well.
    ///
    /// # Errors
    ///
    /// Those of [`Wal::close`].
    pub fn close(self) -> Result<()> {
        self.wal.close()
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
