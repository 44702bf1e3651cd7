//! The write-ahead log: what was committed and is not in a block yet.
//!
//! A log is a directory of segments that only grow. A record is bytes that mean something to its store; it comes
//! back whole, in order, or not at all. A commit of 100 bytes costs 116 bytes of log, about 5 us with the write call
//! (`cargo bench -p tristore-benches --bench wal`, mode never) and, under [`Durability::EveryCommit`], one sync that it shares with all commits that were waiting meanwhile.
//!
//! # The promises
//!
//! * A commit that returned `Ok` under [`Durability::EveryCommit`] survives a power loss. Under the other modes it
//!   survives the death of the process, and a power loss takes at most what came after the last sync.
//! * What survives is a prefix of the commits, in their order.
//! * After a failed append or sync the log is poisoned: nothing is accepted until it is opened again, since what
//!   the medium holds is unknown.
//! * A torn tail (records that were never synced) is cut at open and reported. Damage in bytes that were synced is
//!   an error that names segment and offset, and nothing is dropped until [`repair`] is asked to.
//! * Replay holds one window of 256 KiB, or one record where that is larger.
//!
//! # How synced bytes are told from a torn tail
//!
//! Every frame says up to which offset its segment had been synced when it was written, and every segment says how
//! much of its predecessor counts. So bytes before a synced offset that do not check out are damage; what fails
//! behind the last known sync is a tail. A log that was closed well ends with a frame that vouches for all of it.
//! When a log is opened after anything but a clean close, the records behind the last known sync are written again
//! to a new segment: a sync that failed in the old one may have left them in the page cache only, and no later sync
//! of the old file proves anything about them.
//!
//! ```
//! use std::path::Path;
//! use std::sync::Arc;
//! use bedrock::disk::MemDisk;
//! use bedrock::wal::{Wal, WalOptions, WalPosition};
//!
//! let disk = Arc::new(MemDisk::new());
//! let dir = Path::new("wal");
//! let (wal, _) = Wal::open(disk.clone(), dir, WalOptions::default(), WalPosition::START, |_| Ok(()))?;
//! wal.commit(b"first")?;
//! wal.commit(b"second")?;
//! wal.close()?;
//!
//! let mut seen = Vec::new();
//! let replayed = Wal::open(disk, dir, WalOptions::default(), WalPosition::START, |record| {
//!     seen.push(record.payload);
//!     Ok(())
//! });
//! assert_eq!(seen, ["first", "second"]);
//! assert_eq!(replayed?.1.records, 2);
//! # bedrock::Result::Ok(())
//! ```

mod format;
mod reader;
mod repair;
mod replay;
mod segment;
#[cfg(test)]
mod tests;
mod writer;

use std::time::Duration;

use bytes::Bytes;

pub use repair::{Repair, repair};
pub use replay::{Cut, Replay, replay};
pub use writer::{Wal, WalStats};

/// When a commit is durable.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Durability {
    /// A commit returns once it would survive a power loss. Commits that wait at the same time share one sync.
    EveryCommit,
    /// A commit returns once the operating system has it. It is synced by a later commit, or by [`Wal::tick`], as
    /// soon as so much time has passed since the last sync.
    Interval(Duration),
    /// The operating system decides, but for one sync at the end of each segment.
    Never,
}

/// How a log is written.
#[derive(Clone, Copy, Debug)]
pub struct WalOptions {
    /// When a commit is durable. Default: every commit.
    pub durability: Durability,
    /// A segment that would grow beyond this is followed by a new one; a single larger record still goes into one
    /// segment of its own. Default 64 MiB, at most 1 GiB.
    pub segment_bytes: u64,
    /// A larger record is refused. Default 64 MiB, at most 1 GiB.
    pub record_bytes_max: u64,
}

impl Default for WalOptions {
    fn default() -> Self {
        WalOptions {
            durability: Durability::EveryCommit,
            segment_bytes: 64 << 20,
            record_bytes_max: 64 << 20,
        }
    }
}

/// A place in the log, ordered as the log is. A manifest that names one says: what lies before is in blocks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WalPosition {
    /// The number of the segment; they count from 1.
    pub segment: u64,
    /// The offset in the segment, in bytes.
    pub offset: u64,
}

impl WalPosition {
    /// Before everything that can be in a log.
    pub const START: WalPosition = WalPosition { segment: 0, offset: 0 };
}

/// One record as replay finds it.
#[derive(Clone, Debug)]
pub struct WalRecord {
    /// Where it begins.
    pub position: WalPosition,
    /// What was committed. A slice of the replay's window: keep a copy rather than the slice where it is small
    /// and stays for long.
    pub payload: Bytes,
}
