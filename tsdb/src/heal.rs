//! A log that failed is begun anew, once the medium takes bytes again.
//!
//! After a failed append or sync nobody knows what the medium holds of the log, so it takes nothing any more. The head is
//! whole, though: it has every commit that was acknowledged, and those that failed on their way to the medium. So the head
//! goes into a new checkpoint, in new files, and the log goes on behind it: what the old log holds does not matter.

use std::sync::Arc;
use std::time::{Duration, Instant};

use bedrock::wal::Wal;

use crate::error::Result;
use crate::head::{read, write};
use crate::store::{Maintenance, Store, wal_options};

/// How long a failed attempt is left alone.
const PAUSE: Duration = Duration::from_millis(200);

impl Store {
    /// Tries to heal the log after a commit has failed, not too often.
    pub(crate) fn heal_after_failure(&self) {
        let Ok(mut maintenance) = self.maintain("healing") else { return };
        if maintenance.tried_healing.is_none_or(|tried| tried.elapsed() >= PAUSE) {
            maintenance.tried_healing = Some(Instant::now());
            // Where it fails the store goes on as it is: it reads, and refuses commits.
            let _ = self.heal(&mut maintenance);
        }
    }

    /// Where the log has failed: begins a new one behind a checkpoint of the head. Nothing where it is sound.
    pub(crate) fn heal(&self, maintenance: &mut Maintenance) -> Result<()> {
        let failed = read(&self.wal).as_ref().and_then(Wal::failure);
        if failed.is_none() {
            return Ok(());
        }
        // No commit is under way from here on.
        let mut slot = write(&self.wal);
        let covered = maintenance.manifest.state().covered;
        let disk = Arc::clone(&self.options().disk);
        let (wal, _) = Wal::open(disk, &self.layout.wal(), wal_options(self.options()), covered, |_| Ok(()))?;
        let flush = self.state().flush;
        // Only a checkpoint that holds may let the new log in: its first values are relative to the head as it is.
        self.checkpoint_and_edit(maintenance, &wal, Vec::new(), flush)?;
        *slot = Some(wal);
        maintenance.tried_healing = None;
        Ok(())
    }
}
