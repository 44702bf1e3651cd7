//! Work that no commit waits for: on a thread of the store, or by the caller's [`crate::Db::tick`].

use std::sync::atomic::Ordering;

use bedrock::store::Tick;

use crate::error::{Error, Result};
use crate::flush::due_until_ms;
use crate::head::{IDLE_LOOKS, read};
use crate::store::Store;

impl Tick for Store {
    fn tick(&self, _now_ns: i64) -> bedrock::Result<()> {
        match self.work() {
            Err(Error::Storage(error)) => Err(error),
            // Samples and labels are no business of this work.
            Ok(()) | Err(_) => Ok(()),
        }
    }
}

impl Store {
    /// One round of work: whatever is due. Every part is tried, the first error is returned.
    pub(crate) fn work(&self) -> Result<()> {
        if let Some(wal) = &*read(&self.wal) {
            wal.tick()?;
        } else {
            return Ok(());
        }
        let mut outcome = Ok(());
        let mut part = |result: Result<()>| {
            if outcome.is_ok() {
                outcome = result;
            }
        };
        if self.head.chunks.has_unwritten() {
            part(self.head.chunks.write_full().map_err(Error::from));
        }
        part(self.flush_where_due());
        part(self.checkpoint_where_due());
        part(self.compact(false).map(drop));
        part(self.retain());
        part(self.tidy());
        outcome
    }

    fn flush_where_due(&self) -> Result<()> {
        let options = self.options();
        let newest_ms = self.head.max_time_ms();
        if newest_ms == i64::MIN {
            return Ok(());
        }
        let until_ms = if self.is_short_of_memory() {
            self.head.behind_all_ms()
        } else {
            due_until_ms(newest_ms, options.block_ms, options.out_of_order_window_ms)
        };
        if until_ms > self.head.in_order_from_ms() {
            self.flush_until(until_ms)?;
        }
        Ok(())
    }

    fn checkpoint_where_due(&self) -> Result<()> {
        if self.is_checkpoint_due() { self.checkpoint() } else { Ok(()) }
    }

    /// Forgets idle series, each time that the head has moved on by a part of the idle time.
    fn forget_idle(&self) {
        let (newest_ms, idle_ms) = (self.head.max_time_ms(), self.options().idle_ms);
        let last = self.idle_looked_ms.load(Ordering::Relaxed);
        if newest_ms.saturating_sub(last) < idle_ms / i64::from(IDLE_LOOKS) {
            return;
        }
        self.idle_looked_ms.store(newest_ms, Ordering::Relaxed);
        self.head.forget_idle(newest_ms.saturating_sub(idle_ms));
    }

    /// Forgets idle series, what flushes have moved, and the files of blocks that nobody reads any more.
    fn tidy(&self) -> Result<()> {
        if self.head.has_flushed() {
            self.head.release(self.state().flush);
            self.head.remove_unused_pieces()?;
        }
        self.forget_idle();
        self.remove_retired()
    }
}
