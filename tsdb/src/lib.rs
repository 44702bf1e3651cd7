//! An embeddable time series database: open a directory, append samples, read them back.
//!
//! It keeps float samples with optional start timestamps, native histograms, stale markers, exemplars and metadata.
//! It knows no query language: it gives series to whoever reads through [`bedrock::series::SeriesSource`], as the
//! crate `promql` does. It has no server, no network and no configuration file.
//!
//! ```
//! use bedrock::labels::{Labels, MatchOp, Matcher};
//! use bedrock::series::{Select, SeriesColumns, SeriesSource};
//! use bedrock::time::TimeRange;
//! use tsdb::{Db, Options};
//!
//! let db = Db::in_memory(Options::default())?; // or Db::open("some/directory", Options::default())?
//! let mut appender = db.appender();
//! let up = appender.series(&Labels::from_pairs([("__name__", "up"), ("job", "api")])?)?;
//! appender.append(up, 1_700_000_000_000, 1.0);
//! appender.commit()?;
//!
//! let snapshot = db.snapshot();
//! let matchers = [Matcher::new(MatchOp::Equal, "job", "api")?];
//! let found = snapshot.select(&Select { matchers: &matchers, range: TimeRange::ALL })?;
//! let mut columns = SeriesColumns::default();
//! found.read(0, TimeRange::ALL, &mut columns)?;
//! assert_eq!(columns.floats.values, [1.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The life of a sample
//!
//! | step | where | what happens |
//! |---|---|---|
//! | append | [`Appender`] | labels are resolved to a reference once; samples gather in columns |
//! | commit | `head::commit` | judged (in order, late, duplicate, too old), written to the log as one record (`records`), applied |
//! | head | [`head`] | in the open Gorilla chunk of its series ([`chunk`]), visible to every snapshot from now on |
//! | seal | `head::sealed` | after 120 samples or two hours the chunk is sealed and mapped from a file |
//! | checkpoint | `head::checkpoint` | the open chunks go to a file, and the log before it goes |
//! | flush | `flush` | two hours of chunks become a level-0 block ([`block`]) as they are |
//! | compact | [`compact`] | blocks become one, in columnar pages that share their timestamps, bit-exact |
//! | select | [`Snapshot`] | head and blocks of one moment, merged, in columns |
//! | delete, expire | `delete`, [`retention`] | gone at once; the bytes go with compaction, or with the whole block |
//!
//! `store` ties them together: opening, recovering, closing. `background` decides when which step is due.
//!
//! # What holds
//!
//! * A commit is visible as a whole or not at all, also after a crash.
//! * Under [`Durability::EveryCommit`] nothing is lost that was acknowledged. Under [`Durability::Interval`] a power loss
//!   takes at most the interval, and the death of the process nothing.
//! * A snapshot never changes. It holds no lock; what it sees is kept for it.
//! * A value comes back bit for bit: NaN payloads, stale markers and -0.0 included.
//! * After a failed write reads go on. Once the medium takes bytes again, the store does.
//! * A reference ([`SeriesRef`]) never means two series.
//!
//! # Limits
//!
//! Timestamps are milliseconds in an `i64`. The head takes up to 2^32 series at a time, as far as
//! [`Options::head_bytes_max`] allows: 450 to 650 bytes a series with ten labels. One process
//! writes a store; others may read it ([`ReadOnlyDb`]).

mod error;
mod limits;
mod options;

mod exemplar;
mod metadata;

mod read_only;
mod state;
mod store;

mod appender;
mod records;

pub mod head;

pub mod chunk;

pub mod block;

pub mod compact;
pub mod openmetrics;
pub mod retention;
mod scan;
mod select;
mod stretch;
mod tombstones;

mod background;
mod backup;
mod delete;
mod flush;
mod heal;

mod stats;
mod verify;

pub use appender::{Appender, Committed, SeriesRef};
pub use delete::Deletion;
pub use error::{Error, HistogramProblem, LabelProblem, Rejection, Result, SampleProblem};
pub use exemplar::{Exemplar, SeriesExemplars};
pub use flush::Flushed;
pub use head::{HeadCheck, HeadLoss};
pub use limits::{LabelLimits, labels_from_bytes};
pub use metadata::{Metadata, MetricKind};
pub use options::{Background, Clock, Duplicates, Durability, Options, Retention, RetentionRule};
pub use read_only::ReadOnlyDb;
pub use select::Snapshot;
pub use stats::{Cardinality, Count, Stats};
pub use store::Db;
pub use tombstones::{Tombstone, Tombstones};
pub use verify::{BlockCheck, Loss, Repaired, Verified, repair};
