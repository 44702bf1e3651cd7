//! The life that stores of blocks share: a batch goes to the log and into the head, the head becomes a block, blocks
//! become bigger ones, and what has expired goes.
//!
//! A [`Signal`] says what a store keeps: what a head is, what a block is, what a record of the log means. A
//! [`Lifecycle`] does the rest, the same for each of them, so that what holds for one store under a crash or a full
//! disk holds for all.
//!
//! ```text
//! commit ─> log ─> head ─(freeze)─> frozen head ─(write)─> block ─(compact)─> block ─(expire)─> gone
//!                   └───────────────────┴──────── snapshot ──┴──────────────────┘
//! ```
//!
//! # Locks
//!
//! In the order in which they are taken:
//!
//! | lock | held for |
//! |---|---|
//! | `rewriting` | a compaction, or whatever else takes blocks away: one at a time, for as long as it takes |
//! | `manifest` | an edit of the manifest, and the write of a frozen head |
//! | `wal` | a gate: many commits, or one freeze |
//! | `state` | moments: head, frozen head and blocks change together |
//!
//! So commits and flushes go on while blocks are compacted, and a snapshot waits for nobody.

mod signal;

mod lifecycle;
mod read_only;

mod background;
mod compact;
mod copy;
mod delete;
mod flush;
mod live;
mod plan;
mod repair;
mod retain;
mod tombstones;

use std::sync::{Mutex, MutexGuard, PoisonError};

pub use background::{Background, Tick};
pub use lifecycle::{HeadFull, LifeOptions, LifeStats, Lifecycle, Parts};
pub use live::LiveBlock;
pub use plan::BlockFacts;
pub use read_only::ReadOnly;
pub use repair::{Loss, Repaired, repair};
pub use retain::{Age, Expired};
pub use signal::{HeadSize, Place, Salvaged, Signal, StoredBlock};

/// A panic while a lock is held leaves what it guards whole: it changes in single assignments.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
