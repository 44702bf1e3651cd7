//! An embeddable trace store: columnar spans, TraceQL.
//!
//! In the order in which a span travels:
//!
//! | module | what it gives |
//! |---|---|
//! | [`model`] | spans as OpenTelemetry defines them, without loss |
//! | [`otlp`] | requests of OTLP in protobuf and in JSON: reading them without copying, and writing them |
//! | [`field`], [`mod@column`], [`tree`] | what can be asked of a span, and the answers for a batch of spans |
//! | [`source`] | the trait between the language and whatever holds spans |
//! | [`Db`], [`Snapshot`] | the store: commits, blocks, compaction; and what queries see of it |
//! | [`memory`] | the simplest source: spans in memory, the oracle of the tests |
//! | [`traceql`] | the language: text to tree to answer |
//! | [`api`] | the questions users ask: search, trace by id, tag names and values, metrics |
//! | [`generator`] | spans to metrics: calls, latencies and the service graph |

pub mod model;
pub mod otlp;

mod error;
mod options;

mod records;

mod intake;

mod head;

mod block;

mod compact;
mod snapshot;
mod stats;
mod store;

mod read_only;

pub mod column;
pub mod field;
pub mod memory;
mod merge;
mod order;
mod sampling;
pub mod source;
pub mod tree;

pub mod traceql;

pub mod api;
pub mod generator;

pub use error::{Error, Result};
pub use options::Options;
pub use read_only::{ReadOnlyDb, repair, repair_on};
pub use snapshot::Snapshot;
pub use stats::Stats;
pub use store::{Committed, Db};
