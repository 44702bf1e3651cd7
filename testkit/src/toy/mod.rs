//! The smallest store that lives the life of the three: append, commit, flush, compact, snapshot, reopen.
//!
//! It keeps lines of text. Its use is to prove the ground under a store: disk, log, blocks and manifest, through
//! the crash loops, before and beside the stores that stand on it. It is also the shortest thing to read for
//! whoever wants to see how these four go together.

mod block;
mod records;
mod store;

pub use records::Batch;
pub use store::Toy;
