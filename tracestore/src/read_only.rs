//! A store that another process writes, opened for reading; and one that is damaged, repaired.

use std::path::Path;
use std::sync::Arc;

use bedrock::disk::{Disk, FsDisk};
use bedrock::store::{ReadOnly, Repaired};

use crate::error::Result;
use crate::snapshot::Snapshot;
use crate::store::Traces;

/// A trace store opened for reading, while another process may write it. It takes no lock and changes nothing on disk.
///
/// It sees the last commit that the log had when it was opened, and nothing later until [`ReadOnlyDb::refresh`].
///
/// ```
/// # let base = tempfile::tempdir()?;
/// # let dir = base.path();
/// use std::sync::Arc;
/// use tracestore::model::{ResourceSpans, ScopeSpans, Span, SpanId, TraceId};
/// use tracestore::source::Source;
/// use tracestore::{Db, Options, ReadOnlyDb};
///
/// let db = Db::open(dir, Options::default())?;
/// let reader = ReadOnlyDb::open(dir)?;
/// let trace_id = TraceId([7; 16]);
/// let span = Span { trace_id, span_id: SpanId([1; 8]), start_ns: 1_000, end_ns: 2_000, ..Span::default() };
/// let scopes = vec![ScopeSpans { scope: Arc::default(), spans: vec![span] }];
/// db.commit(&[ResourceSpans { resource: Arc::default(), scopes }])?;
///
/// assert!(reader.snapshot().trace(trace_id)?.is_none());
/// reader.refresh()?;
/// assert!(reader.snapshot().trace(trace_id)?.is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct ReadOnlyDb {
    store: ReadOnly<Traces>,
}

impl ReadOnlyDb {
    /// Opens the store in `dir`. Costs what [`crate::Db::open`] does: the log behind the last block is read.
    ///
    /// # Errors
    ///
    /// [`bedrock::Error::Invalid`] where there is no store, [`bedrock::Error::Corrupt`] where files do not check out,
    /// [`bedrock::Error::Io`] where the medium refuses.
    pub fn open(dir: impl AsRef<Path>) -> Result<Self> {
        ReadOnlyDb::open_on(Arc::new(FsDisk::new()), dir)
    }

    /// Opens a store on a disk of the caller's.
    ///
    /// # Errors
    ///
    /// As [`ReadOnlyDb::open`].
    pub fn open_on(disk: Arc<dyn Disk>, dir: impl AsRef<Path>) -> Result<Self> {
        Ok(ReadOnlyDb { store: ReadOnly::open(disk, dir.as_ref(), Traces::default())? })
    }

    /// Moves on to the last commit that the log has now. Snapshots from before stay as they are. Where it fails the
    /// store stays as it was.
    ///
    /// # Errors
    ///
    /// As [`ReadOnlyDb::open`].
    pub fn refresh(&self) -> Result<()> {
        Ok(self.store.refresh()?)
    }

    /// The store as it was at the last refresh, for queries.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot::of(self.store.parts())
    }
}

/// Repairs the store in `dir`, which no process has open: of damaged blocks what checks out is written to new ones, and
/// the log is cut at its first damaged record. Nothing is removed: damaged blocks are set aside under a name that begins
/// with `damaged-`. Says what is lost.
///
/// ```
/// # let base = tempfile::tempdir()?;
/// # let dir = base.path();
/// use tracestore::{Db, Options, repair};
///
/// Db::open(dir, Options::default())?.close()?;
/// let repaired = repair(dir)?;
/// assert!(repaired.damaged.is_empty() && repaired.log_damage.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// [`bedrock::Error::Locked`] where the store is open, and where manifest or disk fail: then what was done so far stays
/// done, and another repair goes on from there.
pub fn repair(dir: impl AsRef<Path>) -> Result<Repaired> {
    let disk: Arc<dyn Disk> = Arc::new(FsDisk::new());
    repair_on(&disk, dir)
}

/// Repairs a store on a disk of the caller's.
///
/// # Errors
///
/// As [`repair`].
pub fn repair_on(disk: &Arc<dyn Disk>, dir: impl AsRef<Path>) -> Result<Repaired> {
    Ok(bedrock::store::repair(disk, dir.as_ref(), &Traces::default())?)
}
