//! What age and size let go.

use std::time::Duration;

use super::lifecycle::Inner;
use super::plan::oldest_beyond;
use super::{BlockFacts, Signal, locked};
use crate::error::Result;
use crate::postings::Ids;

/// How often rows are looked at for their age. Whole blocks are looked at every time.
const ROWS_LOOK_NS: u64 = 60_000_000_000;

/// What age lets go of a block.
#[derive(Clone, Debug, PartialEq)]
pub enum Expired {
    /// Nothing.
    Nothing,
    /// Some rows, by their number in the block.
    Rows(Ids),
    /// The whole block.
    Everything,
}

/// How old a row may get, seen from a moment.
#[derive(Clone, Copy, Debug)]
pub struct Age {
    /// The time of the newest row in any block, or now if that is earlier: neither a clock that runs ahead nor a row
    /// from the future lets anything go.
    pub seen_from_ns: i64,
    /// The age beyond which a row goes; `None`: never.
    pub max: Option<Duration>,
}

impl Age {
    /// Whether everything up to `last_ns` is too old.
    ///
    /// ```
    /// use std::time::Duration;
    /// use bedrock::store::Age;
    ///
    /// let age = Age { seen_from_ns: 1_000, max: Some(Duration::from_nanos(100)) };
    /// assert!(age.lets_go(899) && !age.lets_go(900));
    /// ```
    pub fn lets_go(&self, last_ns: i64) -> bool {
        let age = self.max.map(|max| i64::try_from(max.as_nanos()).unwrap_or(i64::MAX));
        age.is_some_and(|age| last_ns < self.seen_from_ns.saturating_sub(age))
    }
}

impl<K: Signal> Inner<K> {
    /// Drops the blocks, and deletes the rows, that are too old or too much.
    pub(super) fn retain(&self, now_ns: i64) -> Result<()> {
        let _rewriting = locked(&self.rewriting);
        let blocks = locked(&self.state).blocks.clone();
        let facts: Vec<BlockFacts> = self.facts();
        let newest_ns = facts.iter().map(|block| block.last_ns).max().unwrap_or(i64::MIN);
        let age = Age { seen_from_ns: now_ns.min(newest_ns), max: self.options.retention };
        let looks_at_rows = {
            let mut looked = locked(&self.rows_looked_ns);
            let is_due = looked.is_none_or(|looked: i64| looked.abs_diff(now_ns) >= ROWS_LOOK_NS);
            if is_due {
                *looked = Some(now_ns);
            }
            is_due
        };
        let (mut gone, mut kept, mut rows) = (Vec::new(), Vec::new(), Vec::new());
        for (block, facts) in blocks.iter().zip(&facts) {
            match self.signal.expired(block, facts, age, looks_at_rows) {
                Expired::Everything => gone.push(facts.number),
                Expired::Rows(mut ids) => {
                    if let Some(deleted) = block.deleted() {
                        ids -= deleted;
                    }
                    rows.extend((!ids.is_empty()).then_some((facts.number, ids)));
                    kept.push(*facts);
                }
                Expired::Nothing => kept.push(*facts),
            }
        }
        gone.extend(oldest_beyond(&kept, self.options.retention_bytes));
        rows.retain(|(block, _)| !gone.contains(block));
        if !gone.is_empty() {
            self.replace_blocks(&gone, None)?;
        }
        self.bury(&rows)
    }
}
