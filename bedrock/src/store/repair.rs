//! Makes a damaged store one that opens, and says what that cost.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::tombstones::Tombstones;
use super::{LiveBlock, Place, Salvaged, Signal, StoredBlock};
use crate::block::{block_name, remove_unnamed};
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::manifest::{BLOCKS_DIR, Edit, Manifest, WAL_DIR};
use crate::wal;

/// What a repair kept and what it gave up.
#[derive(Clone, Debug, Default)]
pub struct Repaired {
    /// Blocks that checked out and stay as they are.
    pub sound: usize,
    /// Blocks that did not. They are set aside, and what checks out of them is in a new block.
    pub damaged: Vec<Loss>,
    /// The first damage of the log, where it was cut.
    pub log_damage: Option<Error>,
    /// Bytes of the log that were given up, from the first damaged record on.
    pub log_bytes_lost: u64,
}

/// What is lost of one block.
#[derive(Clone, Debug)]
pub struct Loss {
    /// The number of the block.
    pub block: u64,
    /// What became of its rows; `None` where its index is damaged and nothing can be said or kept.
    pub rows: Option<Salvaged>,
    /// Where the damaged block is now; `None` where there was nothing to set aside.
    pub aside: Option<PathBuf>,
    /// The first damage.
    pub cause: Error,
}

/// Repairs the store in `dir`, which no process has open: of damaged blocks what checks out is written to new ones, and
/// the log is cut at its first damaged record. Nothing is removed: damaged blocks are set aside under a name that begins
/// with `damaged-`, which no store looks at.
///
/// # Errors
///
/// [`Error::Locked`] where the store is open, and where manifest or disk fail: then what was done so far stays done, and
/// another repair goes on from there.
pub fn repair<K: Signal>(disk: &Arc<dyn Disk>, dir: &Path, signal: &K) -> Result<Repaired> {
    let _lock = disk.lock(dir)?;
    let mut manifest = Manifest::open(Arc::clone(disk), dir, K::KIND)?;
    let mut repaired = Repaired::default();
    for number in manifest.state().blocks.clone() {
        match repair_block(disk, dir, signal, &mut manifest, number)? {
            Some(loss) => repaired.damaged.push(loss),
            None => repaired.sound += 1,
        }
    }
    let log = dir.join(WAL_DIR);
    if disk.list(dir)?.iter().any(|entry| entry.is_dir && entry.name == WAL_DIR) {
        let cut = wal::repair(&**disk, &log, manifest.state().covered)?;
        (repaired.log_damage, repaired.log_bytes_lost) = (cut.damage, cut.lost_bytes);
    }
    Ok(repaired)
}

fn repair_block<K: Signal>(
    disk: &Arc<dyn Disk>,
    dir: &Path,
    signal: &K,
    manifest: &mut Manifest,
    number: u64,
) -> Result<Option<Loss>> {
    let blocks = dir.join(BLOCKS_DIR);
    let mut tombstones = Tombstones::of(manifest.state(), dir)?;
    let opened = K::Block::open(disk, &blocks, number);
    let found = opened.map(|block| LiveBlock::new(block).with_deleted(tombstones.of_block(number)));
    let (cause, rows, added) = match found {
        Err(cause @ (Error::Corrupt { .. } | Error::Io { .. })) => (cause, None, Vec::new()),
        Err(other) => return Err(other),
        Ok(block) => {
            let Some(cause) = block.verify().into_iter().next() else { return Ok(None) };
            let new = manifest.next_block();
            let place = Place { disk: &**disk, blocks: &blocks, number: new, level: block.facts().level };
            let written = signal.write_salvaged(&block, place);
            let salvaged = written.inspect_err(|_| remove_unnamed(&**disk, &blocks, new))?;
            (cause, Some(salvaged), (salvaged.kept_rows > 0).then_some(new).into_iter().collect())
        }
    };
    let payload = tombstones.forget(number).then(|| tombstones.encode());
    manifest.apply(Edit { added, removed: vec![number], payload, ..Edit::default() })?;
    let (damaged, aside) = (block_name(number), blocks.join(format!("damaged-{}", block_name(number))));
    let is_aside = disk.rename(&blocks.join(damaged), &aside).is_ok();
    if is_aside {
        disk.sync_dir(&blocks)?;
    }
    Ok(Some(Loss { block: number, rows, aside: is_aside.then_some(aside), cause }))
}
