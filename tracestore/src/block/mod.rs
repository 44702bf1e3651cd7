//! Blocks: spans at rest, immutable.
//!
//! A block holds whole traces in order of their first start, cut into groups of some thousand spans that end at the
//! border of a trace. In a group every field is a column of its own and every attribute key, too, by itself: nobody
//! has to say which attributes matter. Resources and scopes are kept once a block and spans name them by number. A
//! sorted list of trace ids finds a trace by one binary search.
//!
//! # What it costs
//!
//! A span of the shop workload takes about 8 bytes for its id, 2 for its share of the trace id, 6 for start and
//! duration and the rest for attributes. A query decodes the columns it names, some 1 to 5 ns a span each.

mod coder;
mod format;
mod row;
mod values;

mod attributes;
mod group;
mod writer;

mod decode;
mod reader;
mod spans;
mod tags;

mod batch;
mod prune;

mod gather;

pub(crate) use batch::GroupBatch;
pub(crate) use format::GroupMeta;
pub(crate) use gather::GatheredTrace;
pub(crate) use reader::Block;
pub(crate) use row::SpanRow;
pub(crate) use writer::BlockWriter;
