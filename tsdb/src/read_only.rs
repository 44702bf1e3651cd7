//! A store that another process writes, opened for reading.

use std::path::Path;
use std::sync::{Arc, RwLock};
use std::time::Duration;

use bedrock::error::Error as BedrockError;
use bedrock::manifest;
use bedrock::series::Select;
use bedrock::wal;

use crate::error::Result;
use crate::exemplar::SeriesExemplars;
use crate::head::{MemoryView, Recovered, Recovery, read, write};
use crate::metadata::Metadata;
use crate::options::Options;
use crate::select::Snapshot;
use crate::state::{KIND, Layout, Payload, State, open_blocks};
use crate::store::head_options;

/// How often a store that changes while it is read is read again.
const ATTEMPTS: usize = 20;
/// How long the writer gets to finish what it was at.
const PAUSE: Duration = Duration::from_millis(5);

/// A store opened for reading, while another process, or another handle of this one, may write it. It takes no lock and
/// changes nothing on disk.
///
/// It sees the last commit that the log had when it was opened, and nothing later until [`ReadOnlyDb::refresh`].
///
/// ```
/// # let base = tempfile::tempdir().expect("a directory");
/// # let dir = base.path();
/// use bedrock::labels::Labels;
/// use tsdb::{Db, Options, ReadOnlyDb};
///
/// let db = Db::open(dir, Options::default())?;
/// let reader = ReadOnlyDb::open(dir, Options::default())?;
/// let mut appender = db.appender();
/// let up = appender.series(&Labels::from_pairs([("__name__", "up")]).expect("a label set"))?;
/// appender.append(up, 1_000, 1.0);
/// appender.commit()?;
/// assert_eq!(reader.series(), 0);
/// reader.refresh()?;
/// assert_eq!(reader.series(), 1);
/// # Ok::<(), tsdb::Error>(())
/// ```
#[derive(Debug)]
pub struct ReadOnlyDb {
    options: Options,
    layout: Layout,
    state: RwLock<Arc<State>>,
}

impl ReadOnlyDb {
    /// Opens the store in `dir`. Costs the same as [`crate::Db::open`]: the checkpoint and the log behind it are read.
    ///
    /// # Errors
    ///
    /// [`BedrockError::Invalid`] where there is no store, [`BedrockError::Corrupt`] where files do not check out,
    /// [`BedrockError::Io`] where the medium refuses.
    pub fn open(dir: impl AsRef<Path>, options: Options) -> Result<Self> {
        let layout = Layout { dir: dir.as_ref().to_owned() };
        let state = RwLock::new(Arc::new(load(&options, &layout)?));
        Ok(ReadOnlyDb { options, layout, state })
    }

    /// Moves on to the last commit that the log has now. Snapshots from before stay as they are. Where it fails the
    /// store stays as it was.
    ///
    /// # Errors
    ///
    /// As [`ReadOnlyDb::open`].
    pub fn refresh(&self) -> Result<()> {
        let state = load(&self.options, &self.layout)?;
        *write(&self.state) = Arc::new(state);
        Ok(())
    }

    /// The store as it was at the last refresh.
    pub fn snapshot(&self) -> Snapshot {
        let state = read(&self.state);
        let view = MemoryView::new(&state.head, state.flush);
        Snapshot::new(Some(Arc::new(view)), state.blocks.iter().cloned(), Arc::clone(&state.tombstones))
    }

    /// The exemplars in a range of the series that satisfy all matchers, ordered by labels.
    pub fn exemplars(&self, select: &Select<'_>) -> Vec<SeriesExemplars> {
        let state = Arc::clone(&read(&self.state));
        MemoryView::new(&state.head, state.flush).exemplars(select)
    }

    /// What is known of a metric family.
    pub fn metadata(&self, family: &str) -> Option<Metadata> {
        read(&self.state).head.metadata(family)
    }

    /// Number of series in the head.
    pub fn series(&self) -> usize {
        read(&self.state).head.series()
    }
}

/// Reads everything, again where the writer has moved on under our eyes.
fn load(options: &Options, layout: &Layout) -> Result<State> {
    let mut attempt = 1;
    loop {
        match load_once(options, layout) {
            Ok(state) => return Ok(state),
            // A block, a piece or a segment may have gone between manifest and open, and the end of the log may have
            // been in the middle of an append. Real damage is still there at the last attempt.
            Err(BedrockError::Io { .. } | BedrockError::Corrupt { .. }) if attempt < ATTEMPTS => {
                attempt += 1;
                std::thread::sleep(PAUSE);
            }
            Err(error) => return Err(error.into()),
        }
    }
}

fn load_once(options: &Options, layout: &Layout) -> bedrock::Result<State> {
    let disk = &options.disk;
    let manifest = manifest::read(&**disk, &layout.dir, KIND)?;
    let manifest = manifest.ok_or_else(|| BedrockError::Invalid {
        what: "directory of a store",
        problem: format!("{} has no manifest", layout.dir.display()),
    })?;
    let mut payload = Payload::of(&manifest, &layout.manifest())?;
    let checkpoint = (payload.checkpoint != 0).then(|| layout.checkpoint(payload.checkpoint));
    let head = head_options(options);
    let mut recovery = Recovery::begin(disk, &layout.chunks(), head, checkpoint.as_deref(), false)?;
    // Blocks before the log: the log grows meanwhile, blocks only go.
    let blocks = open_blocks(&**disk, layout, &manifest)?;
    if disk.list(&layout.wal()).is_ok() {
        wal::replay(&**disk, &layout.wal(), manifest.covered, |record| recovery.take(record))?;
    }
    let Recovered { head, deletions } = recovery.finish(manifest.watermark)?;
    payload.redo(deletions, &manifest.blocks);
    // The log that was read belongs to this manifest: had it been cut meanwhile, commits could be missing between.
    let now = manifest::read(&**disk, &layout.dir, KIND)?;
    if now.is_none_or(|now| now != manifest) {
        return Err(BedrockError::corrupt(
            layout.manifest(),
            0,
            "manifest",
            "the one read before",
            "another one",
        ));
    }
    Ok(State { head: Arc::new(head), blocks, tombstones: Arc::new(payload.tombstones), flush: 0 })
}
