//! What a reader starts from: a head, a set of blocks and what is deleted from them, swapped as one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use bedrock::block::block_name;
use bedrock::codec::{ByteReader, DecodeError, varint};
use bedrock::disk::Disk;
use bedrock::manifest::{self, BLOCKS_DIR, MANIFEST_NAME, StoreKind, WAL_DIR};
use bytes::Bytes;

use crate::block::Block;
use crate::head::Head;
use crate::tombstones::Tombstones;

/// What says in the manifest that a directory is a metrics store.
pub(crate) const KIND: StoreKind = StoreKind { tag: *b"TSDB", version: 1 };

/// Where the files of a store are.
#[derive(Clone, Debug)]
pub(crate) struct Layout {
    pub(crate) dir: PathBuf,
}

impl Layout {
    /// The log.
    pub(crate) fn wal(&self) -> PathBuf {
        self.dir.join(WAL_DIR)
    }

    /// The sealed chunks and the checkpoints of the head.
    pub(crate) fn chunks(&self) -> PathBuf {
        self.dir.join("chunks")
    }

    /// The blocks.
    pub(crate) fn blocks(&self) -> PathBuf {
        self.dir.join(BLOCKS_DIR)
    }

    /// One block.
    pub(crate) fn block(&self, number: u64) -> PathBuf {
        self.blocks().join(block_name(number))
    }

    /// The checkpoints of the head.
    pub(crate) fn checkpoints(&self) -> PathBuf {
        self.dir.join("checkpoints")
    }

    /// One checkpoint.
    pub(crate) fn checkpoint(&self, number: u64) -> PathBuf {
        self.checkpoints().join(format!("{number:016x}"))
    }

    /// The manifest.
    pub(crate) fn manifest(&self) -> PathBuf {
        self.dir.join(MANIFEST_NAME)
    }
}

/// The store at one moment.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) head: Arc<Head>,
    pub(crate) blocks: Vec<Arc<Block>>,
    pub(crate) tombstones: Arc<Tombstones>,
    /// The last flush whose blocks are in the set.
    pub(crate) flush: u32,
}

/// What the metrics store keeps in the payload of the manifest: number of the checkpoint (varint, 0 where there is
/// none), number of the last commit that deleted (varint), then the tombstones.
#[derive(Clone, Debug, Default)]
pub(crate) struct Payload {
    pub(crate) checkpoint: u64,
    /// Deletions up to this commit are in the tombstones; later ones are in the log alone.
    pub(crate) deleted: u64,
    pub(crate) tombstones: Tombstones,
}

impl Payload {
    pub(crate) fn encode(&self) -> Bytes {
        let mut out = Vec::new();
        varint::write(self.checkpoint, &mut out);
        varint::write(self.deleted, &mut out);
        out.extend_from_slice(&self.tombstones.encode());
        Bytes::from(out)
    }

    /// Reads the payload of a manifest; that of a new store is empty.
    pub(crate) fn decode(payload: &[u8]) -> Result<Self, DecodeError> {
        if payload.is_empty() {
            return Ok(Payload::default());
        }
        let mut reader = ByteReader::new(payload);
        let checkpoint = reader.varint("number of the checkpoint")?;
        let deleted = reader.varint("last deletion")?;
        Ok(Payload { checkpoint, deleted, tombstones: Tombstones::decode(reader.rest())? })
    }

    /// Takes over deletions that the log has and the manifest does not.
    pub(crate) fn redo(&mut self, deletions: Vec<(u64, Tombstones)>, blocks: &BTreeSet<u64>) {
        let known = self.deleted;
        for (commit, tombstones) in deletions.into_iter().filter(|(commit, _)| *commit > known) {
            for tombstone in tombstones.iter().filter(|tombstone| blocks.contains(&tombstone.block)) {
                self.tombstones.push(tombstone.clone());
            }
            self.deleted = commit;
        }
    }

    /// Reads the payload of the manifest at `path`.
    pub(crate) fn of(state: &manifest::State, path: &Path) -> bedrock::Result<Self> {
        Payload::decode(&state.payload).map_err(|error| error.in_file(path, 0))
    }
}

/// Opens the blocks that a manifest names.
pub(crate) fn open_blocks(
    disk: &dyn Disk,
    layout: &Layout,
    state: &manifest::State,
) -> bedrock::Result<Vec<Arc<Block>>> {
    state.blocks.iter().map(|number| Ok(Arc::new(Block::open(disk, &layout.block(*number))?))).collect()
}
