//! Whether everything on disk is what was written, and saving what is.
//!
//! [`Db::verify`] reads every byte of an open store. [`repair`] is for a store that does not open, or
//! whose files are damaged: it works on the directory, under the lock of the store.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bedrock::Error;
use bedrock::block::block_name;
use bedrock::disk::Disk;
use bedrock::manifest::{Edit, Manifest};
use bedrock::time::TimeRange;
use bedrock::wal;

use crate::block::page::Scratch;
use crate::block::samples::SeriesSamples;
use crate::block::{Block, BlockWriter};
use crate::error::Result;
use crate::head::{HeadCheck, HeadLoss, check_checkpoint, salvage};
use crate::options::Options;
use crate::records;
use crate::state::{KIND, Layout, Payload};
use crate::store::{Db, Store};

/// What was found in one block.
#[derive(Clone, Debug)]
pub struct BlockCheck {
    /// The number of the block.
    pub id: u64,
    /// Its directory.
    pub path: PathBuf,
    /// Pages that were read.
    pub pages: u64,
    /// Samples in the pages that check out.
    pub samples: u64,
    /// Everything that does not check out, with file and offset.
    pub problems: Vec<Error>,
}

/// What a store's files look like.
#[derive(Clone, Debug, Default)]
pub struct Verified {
    /// Every block, in the order of their place.
    pub blocks: Vec<BlockCheck>,
    /// Sealed chunks, checkpoint and log.
    pub head: HeadCheck,
}

impl Verified {
    /// Whether nothing is damaged.
    pub fn is_sound(&self) -> bool {
        self.blocks.iter().all(|block| block.problems.is_empty()) && self.head.problems.is_empty()
    }
}

/// What a repair kept and what it gave up.
#[derive(Clone, Debug, Default)]
pub struct Repaired {
    /// Blocks that checked out and stay as they are.
    pub sound: usize,
    /// Blocks that were written again from the pages that check out.
    pub rewritten: Vec<Loss>,
    /// Blocks whose index does not check out. They are set aside, under a name that begins with `damaged-`.
    pub set_aside: Vec<Loss>,
    /// What of checkpoint and sealed chunks was given up; `None` where they check out. A damaged checkpoint is set aside,
    /// under a name that begins with `damaged-`.
    pub head: Option<HeadLoss>,
    /// Bytes of the log that were given up, from the first damaged record on.
    pub log_bytes_lost: u64,
}

/// What is lost of one block.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The number of the block.
    pub id: u64,
    /// The time that the lost pages cover, in milliseconds; `None` where the index that would say it is lost.
    pub range: Option<TimeRange>,
    /// Pages lost; 0 where the index is.
    pub pages: u64,
    /// The first damage.
    pub cause: Error,
}

impl Db {
    /// Reads every block to the last byte and decodes every page, and reads checkpoint, sealed chunks and log. Takes as
    /// long as that does: about 3 ns a sample, and the disk. Appends and queries go on meanwhile, and background work does
    /// while blocks are read.
    ///
    /// ```
    /// let db = tsdb::Db::in_memory(tsdb::Options::default())?;
    /// assert!(db.verify().is_sound());
    /// # Ok::<(), tsdb::Error>(())
    /// ```
    pub fn verify(&self) -> Verified {
        let blocks = self.snapshot().blocks().iter().map(|block| check(block)).collect();
        Verified { blocks, head: self.store().check_head() }
    }
}

impl Store {
    fn check_head(&self) -> HeadCheck {
        let mut found = HeadCheck::default();
        // No checkpoint is written and no log removed meanwhile.
        let outcome = self.maintain("verify").and_then(|maintenance| {
            self.head().check_chunks(&mut found);
            let disk = &*self.options().disk;
            if maintenance.payload.checkpoint != 0 {
                let path = self.layout.checkpoint(maintenance.payload.checkpoint);
                let checked = check_checkpoint(disk, &path, &mut found);
                found.problems.extend(checked.err());
            }
            let log = wal::replay(disk, &self.layout.wal(), maintenance.manifest.state().covered, |record| {
                found.records += 1;
                records::check(&record.payload).map_err(|error| error.in_file(self.layout.wal(), 0))
            });
            log.map(drop).map_err(Into::into)
        });
        if let Err(crate::Error::Storage(error)) = outcome {
            found.problems.push(error);
        }
        found
    }
}

/// Reads all of a block.
fn check(block: &Block) -> BlockCheck {
    let mut found = BlockCheck {
        id: block.meta().id,
        path: block.path().to_owned(),
        pages: 0,
        samples: 0,
        problems: block.damages(),
    };
    if let Err(error) = block.postings().verify() {
        found.problems.push(error);
    }
    let mut last = None;
    let mut disordered = false;
    let mut scratch = Scratch::default();
    let mut samples = SeriesSamples::default();
    let mut problems = Vec::new();
    let mut series_found = 0;
    let read = block.read_series(0..block.series_count(), |_, series| {
        series_found += 1;
        disordered |= last.as_ref().is_some_and(|last| *last >= series.labels);
        last = Some(series.labels);
        for page in &series.pages {
            found.pages += 1;
            samples.clear();
            match block.decode_series(std::slice::from_ref(page), &mut scratch, &mut samples) {
                Ok(()) => found.samples += samples.len() as u64,
                Err(error) => problems.push(error),
            }
        }
    });
    problems.extend(read.err());
    let expect = |what, expected: u64, found: u64| {
        (expected != found)
            .then(|| Error::corrupt(block.path(), 0, what, expected.to_string(), found.to_string()))
    };
    if disordered {
        problems.push(Error::corrupt(block.path(), 0, "order of series", "ascending labels", "others"));
    }
    if problems.is_empty() {
        problems.extend(expect("series of block", block.meta().series, series_found));
        problems.extend(expect("samples of block", block.meta().samples, found.samples));
    }
    found.problems.append(&mut problems);
    found
}

/// Repairs the store in `dir`, which no process has open: blocks with damaged pages are written again without them,
/// blocks whose index is damaged are set aside, the checkpoint is written again without pages and sealed chunks that do
/// not check out, and the log is cut at its first damaged record. What is sound stays as
/// it is, and nothing is removed that was not copied.
///
/// # Errors
///
/// [`Error::Locked`] where the store is open, and where manifest or disk fail: then what was done so far stays done,
/// and another repair goes on from there.
pub fn repair(dir: impl AsRef<Path>, options: &Options) -> Result<Repaired> {
    let disk = &options.disk;
    let layout = Layout { dir: dir.as_ref().to_owned() };
    let _lock = disk.lock(&layout.dir)?;
    let mut manifest = Manifest::open(Arc::clone(disk), &layout.dir, KIND)?;
    let mut repaired = Repaired::default();
    for id in manifest.state().blocks.clone() {
        repair_block(disk, &layout, &mut manifest, id, &mut repaired)?;
    }
    repair_head(disk, &layout, &mut manifest, &mut repaired)?;
    let log = layout.wal();
    if disk.list(&layout.dir)?.iter().any(|entry| entry.is_dir && log.ends_with(&entry.name)) {
        repaired.log_bytes_lost = wal::repair(&**disk, &log, manifest.state().covered)?.lost_bytes;
    }
    Ok(repaired)
}

/// Writes the checkpoint again without what does not check out.
fn repair_head(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    manifest: &mut Manifest,
    repaired: &mut Repaired,
) -> Result<()> {
    let payload = Payload::of(manifest.state(), Path::new("manifest"))?;
    if payload.checkpoint == 0 {
        return Ok(());
    }
    let (from, to) = (layout.checkpoint(payload.checkpoint), layout.checkpoint(payload.checkpoint + 1));
    if disk.file_bytes(&to)?.is_some() {
        // What a repair before this one, or a checkpoint that was never named, has left.
        disk.remove_file(&to)?;
    }
    repaired.head = salvage(disk, &layout.chunks(), &from, &to)?;
    let Some(loss) = &repaired.head else { return Ok(()) };
    let checkpoint = if loss.pages.is_some() { payload.checkpoint + 1 } else { 0 };
    let payload = Payload { checkpoint, ..payload };
    manifest.apply(Edit { payload: Some(payload.encode()), ..Edit::default() })?;
    let aside = layout.dir.join(format!("damaged-checkpoint-{:016x}", payload.checkpoint));
    // Where there is nothing to set aside, the loss is all there is to tell.
    if disk.rename(&from, &aside).is_ok() {
        disk.sync_dir(&layout.dir)?;
    }
    Ok(())
}

fn repair_block(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    manifest: &mut Manifest,
    id: u64,
    repaired: &mut Repaired,
) -> Result<()> {
    let block = match Block::open(&**disk, &layout.block(id)) {
        Ok(block) => block,
        Err(cause @ (Error::Corrupt { .. } | Error::Io { .. })) => {
            manifest.apply(edit(manifest, Vec::new(), id)?)?;
            let aside = layout.blocks().join(format!("damaged-{}", block_name(id)));
            // Where there is nothing to set aside, the loss is all there is to tell.
            if disk.rename(&layout.block(id), &aside).is_ok() {
                disk.sync_dir(&layout.blocks())?;
            }
            repaired.set_aside.push(Loss { id, range: None, pages: 0, cause });
            return Ok(());
        }
        Err(other) => return Err(other.into()),
    };
    let Some(cause) = check(&block).problems.into_iter().next() else {
        repaired.sound += 1;
        return Ok(());
    };
    let new = manifest.next_block();
    let (written, mut loss) = rewrite(disk, layout, &block, new, cause)?;
    loss.id = id;
    manifest.apply(edit(manifest, written.then_some(new).into_iter().collect(), id)?)?;
    repaired.rewritten.push(loss);
    Ok(())
}

/// The edit that takes a block out, with its tombstones, and others in.
fn edit(manifest: &Manifest, added: Vec<u64>, removed: u64) -> Result<Edit> {
    let mut payload = Payload::of(manifest.state(), Path::new("manifest"))?;
    payload.tombstones.retain_blocks(|block| block != removed);
    Ok(Edit { added, removed: vec![removed], payload: Some(payload.encode()), ..Edit::default() })
}

/// Writes block `new` from the pages that check out; whether there was any.
fn rewrite(
    disk: &Arc<dyn Disk>,
    layout: &Layout,
    block: &Block,
    new: u64,
    cause: Error,
) -> Result<(bool, Loss)> {
    let meta = block.meta();
    let mut writer = BlockWriter::create(disk, &layout.block(new), new, meta.order, meta.level.max(1))?;
    let mut loss = Loss { id: meta.id, range: None, pages: 0, cause };
    let mut scratch = Scratch::default();
    let mut outcome = Ok(());
    let read = block.read_series(0..block.series_count(), |_, series| {
        let mut samples = SeriesSamples::default();
        for page in &series.pages {
            let mut one = SeriesSamples::default();
            if block.decode_series(std::slice::from_ref(page), &mut scratch, &mut one).is_ok() {
                samples.append(one);
                continue;
            }
            loss.pages += 1;
            if let Ok(range) = block.page_range(page) {
                let known = loss.range.unwrap_or(range);
                loss.range = Some(TimeRange::new(known.start.min(range.start), known.end.max(range.end)));
            }
        }
        samples.sort();
        if outcome.is_ok() {
            outcome = writer.add_columns(&series.labels, &samples.floats, &samples.histograms);
        }
    });
    // An entry that does not decode ends the list: what comes behind it in the block is lost with it.
    if let Err(error) = read {
        loss.cause = error;
        loss.range = Some(meta.range);
    }
    outcome?;
    Ok((writer.finish()?.is_some(), loss))
}
