//! Compaction: a few blocks become one, denser and larger, without what was deleted.
//!
//! | file | what |
//! |---|---|
//! | `plan` | which blocks, by their metadata alone: a pure function |
//! | `run` | reads them series by series and writes the new block |
//! | `commit` | puts it into the store in the place of the old ones |

mod commit;
mod plan;
mod run;
#[cfg(test)]
mod tests;

pub use commit::Compacted;
pub use plan::{Job, WINDOWS, plan};
pub use run::run;
