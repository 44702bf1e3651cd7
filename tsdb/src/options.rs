//! How a store behaves, with defaults that need no thought.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use bedrock::disk::{Disk, FsDisk};
use bedrock::labels::Matcher;
pub use bedrock::wal::Durability;

use crate::limits::LabelLimits;

/// Milliseconds of two hours: the default of [`Options::block_ms`].
const TWO_HOURS_MS: i64 = 2 * 3_600_000;

/// How a store behaves. Every field has a default: `Options::default()` is a good store.
///
/// ```
/// use tsdb::{Durability, Options};
///
/// let options = Options { durability: Durability::Never, ..Options::default() };
/// assert_eq!(options.block_ms, 7_200_000);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    /// When a commit is durable. Default: synced every second, so that a power loss takes one second at most and the
    /// death of the process nothing.
    pub durability: Durability,
    /// Level-0 blocks and chunks are cut at multiples of this. Default two hours.
    pub block_ms: i64,
    /// How far behind the newest sample of the store a sample may come; 0 refuses what is older than its own series.
    /// Default one hour.
    pub out_of_order_window_ms: i64,
    /// What becomes of a sample whose timestamp its series has with another value. Default: it is refused.
    pub duplicates: Duplicates,
    /// How far ahead of the clock a sample may lie, so that one wrong clock cannot close the out-of-order window for
    /// everybody else. Default one day.
    pub ahead_ms_max: i64,
    /// What a series may be called.
    pub labels: LabelLimits,
    /// Exemplars kept, the newest of all series together. Default 100,000, about 30 MB.
    pub exemplars_max: usize,
    /// Memory of the head. At three quarters of it the store flushes early; at all of it commits wait for the flush, at
    /// most [`Options::back_pressure`], and then fail with a clear error. Default 4 GiB.
    pub head_bytes_max: usize,
    /// How long a commit waits for memory. Default ten seconds.
    pub back_pressure: Duration,
    /// A checkpoint is written after so much log, or after half as much log as the last checkpoint was long if that is
    /// more. A reopen reads the checkpoint and the log behind it. Default 16 MiB.
    pub checkpoint_after_bytes: u64,
    /// A series without samples for so long leaves the head. Its reference is then unknown. Default three hours.
    pub idle_ms: i64,
    /// What is kept, and for how long.
    pub retention: Retention,
    /// Who flushes, compacts and drops. Default: a thread of the store.
    pub background: Background,
    /// What tells the time. Default: the clock of the system.
    pub clock: Clock,
    /// The medium. Default: the file system.
    pub disk: Arc<dyn Disk>,
}

impl Default for Options {
    fn default() -> Self {
        Options {
            durability: Durability::Interval(Duration::from_secs(1)),
            block_ms: TWO_HOURS_MS,
            out_of_order_window_ms: 3_600_000,
            duplicates: Duplicates::Refuse,
            ahead_ms_max: 24 * 3_600_000,
            labels: LabelLimits::default(),
            exemplars_max: 100_000,
            head_bytes_max: 4 << 30,
            back_pressure: Duration::from_secs(10),
            checkpoint_after_bytes: 16 << 20,
            idle_ms: 3 * 3_600_000,
            retention: Retention::default(),
            background: Background::Thread,
            clock: Clock::system(),
            disk: Arc::new(FsDisk::new()),
        }
    }
}

/// What becomes of a sample whose timestamp its series has already. An equal one is always silently fine.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Duplicates {
    /// Another value is refused with an error that names series and timestamp.
    #[default]
    Refuse,
    /// Another value replaces the one that is there.
    LastWriteWins,
}

/// What is kept. Whole blocks go once everything in them is too old, or while all blocks together are too large; what a
/// rule lets go leaves its blocks as a deletion does.
///
/// ```
/// use bedrock::labels::{MatchOp, Matcher};
/// use tsdb::{Options, Retention, RetentionRule};
///
/// const DAY_MS: i64 = 24 * 3_600_000;
/// let debug = Matcher::new(MatchOp::Regex, "__name__", "debug_.*").expect("an expression");
/// let retention = Retention {
///     age_ms: Some(90 * DAY_MS),
///     rules: vec![RetentionRule { matchers: vec![debug], age_ms: 2 * DAY_MS }],
///     ..Retention::default()
/// };
/// let options = Options { retention, ..Options::default() };
/// # let _ = options;
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Retention {
    /// Samples older than this, seen from the newest one, are dropped. `None`: they stay.
    pub age_ms: Option<i64>,
    /// The oldest blocks are dropped while all together take more. `None`: they stay.
    pub bytes: Option<u64>,
    /// Series that are kept for a shorter time than others.
    pub rules: Vec<RetentionRule>,
}

/// A shorter life for some series.
///
/// A block lets them go in up to four steps while it ages, each by one rewrite of the block, and never in parts
/// smaller than [`Options::block_ms`]: samples may live that much longer, and those of the head until they are flushed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetentionRule {
    /// The series: those that satisfy all of these. No matcher means every series.
    pub matchers: Vec<Matcher>,
    /// Their samples are deleted once they are older than this, seen from the newest sample of the store.
    pub age_ms: i64,
}

/// Who does the work that no commit should wait for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Background {
    /// One thread of the store, which looks once a second and when it is woken.
    #[default]
    Thread,
    /// Nobody but the caller, by [`crate::Db::tick`].
    Caller,
}

/// What tells the time, in milliseconds since the Unix epoch.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> i64 + Send + Sync>);

impl Clock {
    /// The clock of the system.
    pub fn system() -> Self {
        Clock(Arc::new(|| match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
            Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |before| -before),
        }))
    }

    /// A clock of the caller, for simulations and tests.
    pub fn from_fn(now_ms: impl Fn() -> i64 + Send + Sync + 'static) -> Self {
        Clock(Arc::new(now_ms))
    }

    /// The time in milliseconds.
    pub fn now_ms(&self) -> i64 {
        (self.0)()
    }
}

impl fmt::Debug for Clock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clock")
    }
}
