//! Sealed chunks of the head: packed in memory until a piece of the chunk file is full, then mapped from disk.
//!
//! A *piece* is one file `chunks/<id>.chunks` that is written once and never changed:
//!
//! ```text
//! | magic "TRSC" | version u8 | 3 zero bytes | chunk | CRC-32 of the chunk, LE | chunk | CRC-32 | ... |
//! ```
//!
//! A chunk is found by (piece, offset, length), which the series keeps (48 bytes with its times, for about 200 bytes of
//! packed samples), so that memory follows the number of chunks and not of samples. Pieces carry no durability of their
//! own: samples are safe in the WAL until a checkpoint names the chunks, and a checkpoint first syncs every piece that
//! it names. What no checkpoint names is removed at the next open.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, RwLock};

use bedrock::disk::{Disk, WriteFile};
use bedrock::error::{Error, Result};
use bytes::Bytes;
use rustc_hash::FxHashMap;

use super::sync::{held, read, write};
use crate::chunk::Chunk;

/// The first bytes of every piece.
const MAGIC: [u8; 4] = *b"TRSC";
/// The version of the layout that this build writes and reads.
const VERSION: u8 = 1;
/// Magic, version and padding.
const HEADER_BYTES: usize = 8;
/// Bytes of the checksum behind each chunk.
const CRC_BYTES: usize = 4;
/// A piece is at least this large before it goes to disk.
const PIECE_BYTES_MIN: usize = 1 << 20;
/// The share of all pieces that may wait in memory: one in this many bytes.
const PIECE_SHARE: usize = 32;
/// A piece is never larger, so that an offset fits 32 bits with room to spare.
const PIECE_BYTES_MAX: usize = 64 << 20;
/// The ending of the name of a piece.
const SUFFIX: &str = ".chunks";

/// Where the bytes of a sealed chunk lie.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Location {
    pub(crate) piece: u32,
    pub(crate) offset: u32,
    pub(crate) bytes: u32,
}

/// What the series keeps of a sealed chunk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sealed {
    pub(crate) min_time_ms: i64,
    pub(crate) max_time_ms: i64,
    /// The last commit that put a sample into the chunk.
    pub(crate) last_commit: u64,
    pub(crate) location: Location,
    /// The flush that moved the chunk into a block; 0 where none did.
    pub(crate) flushed_in: u32,
    pub(crate) count: u16,
    /// Whether the chunk holds out-of-order samples and may overlap others.
    pub(crate) out_of_order: bool,
}

/// A piece that left the packing stage.
#[derive(Debug)]
struct Piece {
    /// In memory until it is written, a mapping afterwards.
    data: RwLock<Bytes>,
    stage: Mutex<Stage>,
}

/// How far a piece is on its way to the medium.
#[derive(Debug)]
enum Stage {
    InMemory,
    Written(Box<dyn WriteFile>),
    Synced,
}

#[derive(Debug)]
struct Packing {
    id: u32,
    bytes: Vec<u8>,
}

/// All sealed chunks of one head.
#[derive(Debug)]
pub(crate) struct SealedChunks {
    disk: Arc<dyn Disk>,
    dir: PathBuf,
    packing: Mutex<Packing>,
    pieces: RwLock<FxHashMap<u32, Arc<Piece>>>,
    /// Bytes of all pieces, and of those still in memory.
    bytes: AtomicUsize,
    memory_bytes: AtomicUsize,
    count: AtomicUsize,
}

impl SealedChunks {
    /// An empty set that writes pieces from `next_piece` on into `dir`, which exists.
    pub(crate) fn new(disk: Arc<dyn Disk>, dir: PathBuf, next_piece: u32) -> Self {
        SealedChunks {
            disk,
            dir,
            packing: Mutex::new(Packing { id: next_piece, bytes: header() }),
            pieces: RwLock::default(),
            bytes: AtomicUsize::new(0),
            memory_bytes: AtomicUsize::new(0),
            count: AtomicUsize::new(0),
        }
    }

    /// Says which number the next piece gets; nothing has been pushed yet.
    pub(crate) fn begin_at(&self, next_piece: u32) {
        held(&self.packing).id = next_piece;
    }

    /// The file of a piece.
    fn path(&self, id: u32) -> PathBuf {
        self.dir.join(file_name(id))
    }

    /// Opens an existing piece that a checkpoint names.
    pub(crate) fn open_piece(&self, id: u32) -> Result<()> {
        let path = self.path(id);
        let data = self.disk.open(&path)?.map()?;
        check_header(&path, &data)?;
        self.bytes.fetch_add(data.len(), Ordering::Relaxed);
        let piece = Piece { data: RwLock::new(data), stage: Mutex::new(Stage::Synced) };
        write(&self.pieces).insert(id, Arc::new(piece));
        Ok(())
    }

    /// Takes a chunk in. Returns where it lies; no I/O happens here.
    pub(crate) fn push(&self, chunk: &Chunk) -> Location {
        let mut packing = held(&self.packing);
        let location = Location {
            piece: packing.id,
            offset: packing.bytes.len() as u32,
            bytes: chunk.data.len() as u32,
        };
        packing.bytes.extend_from_slice(&chunk.data);
        packing.bytes.extend_from_slice(&crc32fast::hash(&chunk.data).to_le_bytes());
        self.count.fetch_add(1, Ordering::Relaxed);
        let added = chunk.data.len() + CRC_BYTES;
        self.memory_bytes.fetch_add(added, Ordering::Relaxed);
        let all = self.bytes.fetch_add(added, Ordering::Relaxed) + added;
        if packing.bytes.len() >= (all / PIECE_SHARE).clamp(PIECE_BYTES_MIN, PIECE_BYTES_MAX) {
            self.finish_packing(&mut packing);
        }
        location
    }

    /// Ends the piece that is being packed and begins the next one.
    fn finish_packing(&self, packing: &mut Packing) {
        let full = std::mem::replace(&mut packing.bytes, header());
        let piece = Piece { data: RwLock::new(Bytes::from(full)), stage: Mutex::new(Stage::InMemory) };
        write(&self.pieces).insert(packing.id, Arc::new(piece));
        packing.id += 1;
    }

    /// The bytes of a chunk, checked.
    pub(crate) fn read(&self, location: Location) -> Result<Bytes> {
        {
            let packing = held(&self.packing);
            if packing.id == location.piece {
                let start = location.offset as usize;
                let chunk = packing.bytes.get(start..start + location.bytes as usize);
                return Ok(Bytes::copy_from_slice(chunk.unwrap_or(&[])));
            }
        }
        let piece = read(&self.pieces).get(&location.piece).map(Arc::clone);
        let Some(piece) = piece else {
            return Err(Error::corrupt(self.path(location.piece), 0, "piece", "a piece of the head", "none"));
        };
        let data = read(&piece.data).clone();
        self.slice(&data, location)
    }

    fn slice(&self, data: &Bytes, location: Location) -> Result<Bytes> {
        let start = location.offset as usize;
        let end = start + location.bytes as usize;
        let crc = data.get(end..end + CRC_BYTES).and_then(|crc| crc.first_chunk::<CRC_BYTES>());
        let Some(crc) = crc else {
            let found = format!("{} bytes", data.len());
            let path = self.path(location.piece);
            return Err(Error::corrupt(path, start as u64, "sealed chunk", format!("{end} bytes"), found));
        };
        let chunk = data.slice(start..end);
        let (expected, found) = (u32::from_le_bytes(*crc), crc32fast::hash(&chunk));
        if expected != found {
            return Err(Error::corrupt(
                self.path(location.piece),
                start as u64,
                "checksum of a sealed chunk",
                format!("{expected:#010x}"),
                format!("{found:#010x}"),
            ));
        }
        Ok(chunk)
    }

    /// Whether full pieces wait in memory to be written.
    pub(crate) fn has_unwritten(&self) -> bool {
        self.memory_bytes.load(Ordering::Relaxed) >= PIECE_BYTES_MIN
    }

    /// Number of chunks that series hold.
    pub(crate) fn count(&self) -> usize {
        self.count.load(Ordering::Relaxed)
    }

    /// Says that a recovered series holds chunks of opened pieces.
    pub(crate) fn held_again(&self, chunks: usize) {
        self.count.fetch_add(chunks, Ordering::Relaxed);
    }

    /// Says that series let go of chunks.
    pub(crate) fn let_go(&self, chunks: usize) {
        self.count.fetch_sub(chunks, Ordering::Relaxed);
    }

    /// Bytes of sealed chunks that are still in memory.
    pub(crate) fn memory_bytes(&self) -> usize {
        self.memory_bytes.load(Ordering::Relaxed)
    }

    /// Bytes of all sealed chunks.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes.load(Ordering::Relaxed)
    }

    fn finished(&self) -> Vec<(u32, Arc<Piece>)> {
        read(&self.pieces).iter().map(|(id, piece)| (*id, Arc::clone(piece))).collect()
    }

    /// Writes and maps the pieces that are full. A piece that cannot be written stays in memory.
    ///
    /// # Errors
    ///
    /// Where the medium refuses.
    pub(crate) fn write_full(&self) -> Result<()> {
        for (id, piece) in self.finished() {
            self.write_piece(id, &piece)?;
        }
        Ok(())
    }

    fn write_piece(&self, id: u32, piece: &Piece) -> Result<()> {
        let mut stage = held(&piece.stage);
        if !matches!(*stage, Stage::InMemory) {
            return Ok(());
        }
        let path = self.path(id);
        let data = read(&piece.data).clone();
        if self.disk.file_bytes(&path)?.is_some() {
            // What an earlier attempt left behind.
            self.disk.remove_file(&path)?;
        }
        let mut file = self.disk.create(&path)?;
        file.append(&data)?;
        let mapped = self.disk.open(&path)?.map()?;
        *write(&piece.data) = mapped;
        *stage = Stage::Written(file);
        self.memory_bytes.fetch_sub(data.len() - HEADER_BYTES, Ordering::Relaxed);
        Ok(())
    }

    /// Brings every chunk pushed so far to the medium: what a checkpoint does before it names them.
    ///
    /// # Errors
    ///
    /// Where the medium refuses. After a failed sync the caller must not name the chunks, ever.
    pub(crate) fn sync_all(&self) -> Result<()> {
        {
            let mut packing = held(&self.packing);
            if packing.bytes.len() > HEADER_BYTES {
                self.finish_packing(&mut packing);
            }
        }
        for (id, piece) in self.finished() {
            self.write_piece(id, &piece)?;
            let mut stage = held(&piece.stage);
            if let Stage::Written(file) = &mut *stage {
                file.sync()?;
                *stage = Stage::Synced;
            }
        }
        self.disk.sync_dir(&self.dir)
    }

    /// The number that the next piece will have.
    pub(crate) fn next_piece(&self) -> u32 {
        held(&self.packing).id
    }

    /// The names of the files of all pieces that are on the medium.
    pub(crate) fn files(&self) -> Vec<String> {
        let is_written = |piece: &Piece| !matches!(*held(&piece.stage), Stage::InMemory);
        self.finished()
            .into_iter()
            .filter(|(_, piece)| is_written(piece))
            .map(|(id, _)| file_name(id))
            .collect()
    }

    /// Lets go of the pieces that `keep` does not name, and removes their files. Readers that hold slices go on.
    pub(crate) fn retain(&self, keep: impl Fn(u32) -> bool) -> Result<()> {
        let dropped: Vec<u32> = read(&self.pieces).keys().copied().filter(|id| !keep(*id)).collect();
        for id in dropped {
            let Some(piece) = write(&self.pieces).remove(&id) else { continue };
            let bytes = read(&piece.data).len();
            self.bytes.fetch_sub(bytes.min(self.bytes()), Ordering::Relaxed);
            if matches!(*held(&piece.stage), Stage::InMemory) {
                self.memory_bytes.fetch_sub(bytes - HEADER_BYTES, Ordering::Relaxed);
            } else {
                self.disk.remove_file(&self.path(id))?;
            }
        }
        Ok(())
    }
}

/// Removes the pieces in `dir` that no checkpoint names.
pub(crate) fn remove_orphans(disk: &dyn Disk, dir: &Path, keep: impl Fn(u32) -> bool) -> Result<()> {
    for entry in disk.list(dir)? {
        let id = entry.name.strip_suffix(SUFFIX).and_then(|id| id.parse::<u32>().ok());
        if !entry.is_dir && id.is_none_or(|id| !keep(id)) {
            disk.remove_file(&dir.join(&entry.name))?;
        }
    }
    Ok(())
}

/// The name of the file of a piece.
fn file_name(id: u32) -> String {
    format!("{id:010}{SUFFIX}")
}

fn header() -> Vec<u8> {
    let mut bytes = Vec::with_capacity(PIECE_BYTES_MIN + (PIECE_BYTES_MIN >> 4));
    bytes.extend_from_slice(&MAGIC);
    bytes.push(VERSION);
    bytes.resize(HEADER_BYTES, 0);
    bytes
}

fn check_header(path: &Path, data: &[u8]) -> Result<()> {
    match data.first_chunk::<HEADER_BYTES>() {
        Some([a, b, c, d, version, ..]) if [*a, *b, *c, *d] == MAGIC => match *version {
            VERSION => Ok(()),
            found => Err(Error::Version { path: path.to_owned(), found, supported: VERSION }),
        },
        _ => Err(Error::corrupt(path, 0, "magic", "TRSC", format!("{:?}", data.get(..4).unwrap_or(data)))),
    }
}
