//! What a store brings to the life that it shares with the others.

use std::fmt::Debug;
use std::path::Path;
use std::sync::Arc;

use super::{Age, BlockFacts, Expired, LiveBlock};
use crate::block::BlockDir;
use crate::disk::Disk;
use crate::error::{Error, Result};
use crate::manifest::StoreKind;

/// What a store keeps: its heads, its blocks, and what a record of its log means.
pub trait Signal: Debug + Send + Sync + 'static {
    /// What the directory of such a store says about itself.
    const KIND: StoreKind;
    /// The name of the thread that does the work of the background.
    const NAME: &'static str;
    /// What was committed and is not in a block yet, open for more.
    type Head: Debug + Default + Send;
    /// A head at one moment, for readers and for the flush.
    type View: Debug + Send + Sync;
    /// What a head becomes.
    type Block: StoredBlock;

    /// How much a head holds.
    fn size(&self, head: &Self::Head) -> HeadSize;

    /// What a head holds now. Shares with the head whatever it can: every snapshot asks for it.
    fn view(&self, head: &mut Self::Head) -> Arc<Self::View>;

    /// Adds to a head what a record of the log holds.
    ///
    /// # Errors
    ///
    /// What is wrong with a record that is none of this store.
    fn replay(&self, head: &mut Self::Head, record: &[u8]) -> std::result::Result<(), String>;

    /// Writes the block of a head, and says whether there is one: nothing is kept of a block without rows.
    ///
    /// # Errors
    ///
    /// Where the disk refuses. What was written is removed by the caller.
    fn write_head(&self, view: &Self::View, place: Place<'_>) -> Result<bool>;

    /// Writes one block of the rows of several that are not deleted, and says whether there is one.
    ///
    /// # Errors
    ///
    /// Where a source does not check out or the disk refuses. What was written is removed by the caller.
    fn write_compacted(&self, sources: &[LiveBlock<Self::Block>], place: Place<'_>) -> Result<bool>;

    /// Writes a block of the rows that check out and are not deleted, of a block that does not check out as a whole.
    ///
    /// # Errors
    ///
    /// Where the disk refuses. What was written is removed by the caller.
    fn write_salvaged(&self, block: &LiveBlock<Self::Block>, place: Place<'_>) -> Result<Salvaged>;

    /// What age lets go of a block. Where `looks_at_rows` is false, rows may be left for another time.
    fn expired(
        &self,
        block: &LiveBlock<Self::Block>,
        facts: &BlockFacts,
        age: Age,
        looks_at_rows: bool,
    ) -> Expired {
        let _ = (block, looks_at_rows);
        if age.lets_go(facts.last_ns) { Expired::Everything } else { Expired::Nothing }
    }
}

/// An open block of a store.
pub trait StoredBlock: Debug + Send + Sync + Sized {
    /// Opens block `number` in the directory `blocks`.
    ///
    /// # Errors
    ///
    /// Where a file cannot be read or does not check out.
    fn open(disk: &Arc<dyn Disk>, blocks: &Path, number: u64) -> Result<Self>;

    /// What decisions need to know of it. O(1), or nearly so.
    fn facts(&self) -> BlockFacts;

    /// Its directory, which goes when the block has left the manifest and no reader holds it.
    fn dir(&self) -> &BlockDir;

    /// Reads and checks everything: what does not check out.
    fn verify(&self) -> Vec<Error>;
}

/// How much a head holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeadSize {
    /// Rows, in whatever the store counts them.
    pub rows: u64,
    /// An estimate of the memory that they take.
    pub bytes: usize,
}

/// Where a new block goes.
#[derive(Clone, Copy, Debug)]
pub struct Place<'a> {
    /// The medium.
    pub disk: &'a dyn Disk,
    /// The directory of all blocks.
    pub blocks: &'a Path,
    /// The number of the new one.
    pub number: u64,
    /// 0 for a block from the head, one more than its sources for a compacted one.
    pub level: u8,
}

/// What became of the rows of a damaged block.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Salvaged {
    /// Rows that are in the new block; where there are none, there is no block.
    pub kept_rows: u64,
    /// Rows that are lost.
    pub lost_rows: u64,
    /// The time that the lost rows cover, in nanoseconds since 1970, both ends inside.
    pub lost_ns: Option<(i64, i64)>,
}

impl Salvaged {
    /// Counts rows that are lost, and the time that they cover.
    pub fn lose(&mut self, rows: u64, first_ns: i64, last_ns: i64) {
        self.lost_rows += rows;
        let (first, last) = self.lost_ns.unwrap_or((first_ns, last_ns));
        self.lost_ns = Some((first.min(first_ns), last.max(last_ns)));
    }
}
