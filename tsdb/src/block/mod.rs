//! Blocks: immutable directories of samples and their index.
//!
//! | file | what |
//! |---|---|
//! | `format` | the bytes of a block, in one place |
//! | `page` | columns of numbers in their smallest encoding |
//! | `times` | timestamps stored once for all series that were scraped together |
//! | `series` | the labels and page entries of the index |
//! | `writer` | a block from ordered series, durable at the end |
//! | `reader` | an open block |

pub(crate) mod format;
pub(crate) mod page;
pub(crate) mod samples;
pub(crate) mod series;
mod times;

mod reader;
mod writer;

#[cfg(test)]
mod tests;

pub use format::BlockMeta;
pub use reader::Block;
pub use writer::BlockWriter;
