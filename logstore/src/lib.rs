//! An embeddable log store: open a directory, push lines, ask in LogQL.
//!
//! A stream is a set of labels; an entry of a stream is a time in nanoseconds, a line of any bytes, and structured metadata
//! where there is any. Entries may come in any order, and equal ones are stored once. There is no server, no network and
//! no configuration file; words of lines are not indexed, lines are searched. The feature `fulltext` adds an index of words to
//! compacted blocks, which says in which row groups a text may be.
//!
//! ```
//! use bedrock::labels::Labels;
//! use logstore::logql::{QueryData, QueryOptions, evaluate, parse};
//! use logstore::{Db, Options};
//!
//! let db = Db::in_memory(Options::default())?; // or Db::open("some/directory", Options::default())?
//! let mut batch = db.batch();
//! let shop = batch.stream(&Labels::from_pairs([("app", "shop")])?)?;
//! batch.push(shop, 1_000_000_000, b"level=error took=3s", &[])?;
//! db.commit(&batch)?;
//!
//! let query = parse(r#"{app="shop"} |= "error" | logfmt | took > 1s"#)?;
//! let options = QueryOptions::range(0, 60_000_000_000, 1_000_000_000);
//! let QueryData::Streams(streams) = evaluate(&db.snapshot(), &query, &options)? else { panic!("lines were asked for") };
//! assert_eq!(streams[0].entries[0].1, b"level=error took=3s");
//! db.close()?;
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! # The life of a log line
//!
//! | step | where | what happens |
//! |---|---|---|
//! | push | [`Batch`] | limits are checked ([`Limits`]), metadata names made label names, levels found where asked for ([`ingest`]) |
//! | commit | [`Db::commit`] | one compressed record in the log (`records`), then in the head; subscribers see it ([`Tail`]) |
//! | head | `head` | 24 bytes and its own, in runs by stream and time, visible to every snapshot from now on |
//! | flush | `block` | row groups of 4 MB, sorted by stream and time: times, metadata columns, lines in zstd pages |
//! | compact | `compact` | blocks become one; lines become templates and columns where that is an eighth smaller ([`template`]) |
//! | select | [`Snapshot`] | heads and blocks of one moment; labels find streams, counters answer what needs no line |
//! | scan | `scan` | row groups side by side on all cores; templates are read before lines are built ([`templates`]) |
//! | ask | [`logql`], [`api`] | stages, aggregations; labels, volumes, fields, patterns |
//! | delete, expire | [`Db::delete`], [`RetentionRule`] | gone at once; the bytes go with compaction, or with the whole block |
//!
//! # Limits
//!
//! A line has at most 1 MiB, a stream 32 labels, an entry 128 pairs of metadata (all in [`Limits`]); what a query may cost is
//! in [`logql::Limits`], the bytes among them that it reads and holds. Heads take 96 MiB before commits wait, and a query the
//! row groups that its threads work on.

pub mod ingest;
mod level;

mod error;
mod limits;
mod options;

mod batch;
mod records;

mod head;

mod block;
mod lines;
mod rows;
pub mod template;

mod parallel;
mod scan;
mod snapshot;

mod compact;
mod retention;
mod stats;
mod store;
mod tail;

mod delete;
mod read_only;

pub use batch::{Batch, StreamRef};
pub use error::{Error, Result};
pub use limits::Limits;
pub use lines::LineBuffer;
pub use options::Options;
pub use read_only::{ReadOnlyDb, repair, repair_on};
pub use retention::RetentionRule;
pub use snapshot::Snapshot;
pub use stats::{Stats, Verified};
pub use store::Db;
pub use tail::{Tail, TailEntry, TailOptions};

pub mod memory;
pub mod source;
pub mod templates;

pub mod logql;

pub mod api;
