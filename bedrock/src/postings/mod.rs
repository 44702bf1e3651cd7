//! Which series carry a label: name -> value -> ids as roaring bitmaps, and selection by matchers.
//!
//! Ids are dense `u32`, per head generation or per block: id order says nothing about labels. A store hands out an id
//! when it first sees a series and calls [`HeadPostings::add`]; a selection answers with [`Ids`] that belong to the
//! caller, so a head needs its lock for the selection alone (tens of microseconds to 1 ms at a million series).
//!
//! An absent label and an empty value are the same here, as they are in PromQL: empty values are not indexed, and a
//! matcher that matches the empty string selects series without the label.

mod bulk;
mod head;

mod format;
mod list;
mod reader;
mod view;
mod writer;

mod select;
mod union;

pub use bulk::Entering;
pub use head::HeadPostings;
pub use reader::PostingsReader;
/// A set of ids. Iteration is in ascending order.
pub use roaring::RoaringBitmap as Ids;
pub use writer::PostingsWriter;
