//! Blocks: immutable directories of a few files, each a sequence of checked sections.
//!
//! A block is written under a temporary name, synced, renamed, and exists for its store once the manifest names it.
//! Whatever a crash leaves behind is either a name ending in [`TEMPORARY_SUFFIX`] or a block that no manifest names,
//! and [`remove_orphans`] takes both away at the next open. A block says all about itself: it can be copied to
//! another store or to object storage as it is.
//!
//! A file is opened by reading its last 32 bytes, its header and its footer, three reads of some hundred bytes.
//! A section is read whole and checked against the CRC-32 in the footer ([`BlockFile::section`]), or it is a run of
//! pages that each carry a CRC of their own and are checked whenever one is read ([`BlockFile::page`]): a CRC costs
//! 0.05 to 0.1 ns a byte, so that to remember which pages have been checked would cost more than it saves. Damage
//! is an error that names file and offset, and leaves every other section and page readable.
//!
//! ```
//! use std::path::Path;
//! use bedrock::block::{BlockFile, BlockWriter, FileKind};
//! use bedrock::disk::MemDisk;
//!
//! const KIND: FileKind = FileKind { tag: *b"DEMO", version: 1 };
//! let disk = MemDisk::new();
//! let blocks = Path::new("blocks");
//! let block = BlockWriter::create(&disk, blocks, 7)?;
//! let mut file = block.file("data", KIND)?;
//! file.begin("pages")?;
//! let page = file.page(b"a page")?;
//! file.section("meta", b"a section")?;
//! file.finish()?;
//! let dir = block.publish()?;
//!
//! let file = BlockFile::open(&disk, &dir.join("data"), KIND)?;
//! assert_eq!(file.section("meta")?, "a section");
//! assert_eq!(file.page(page)?, "a page");
//! # bedrock::Result::Ok(())
//! ```

mod directory;
mod format;
mod reader;
#[cfg(test)]
mod tests;
mod writer;

pub use crate::disk::TEMPORARY_SUFFIX;
pub(crate) use directory::remove_unnamed;
pub use directory::{BlockDir, block_name, block_number, remove_orphans};
pub use format::{FileKind, Page, SECTION_ALIGNMENT};
pub use reader::{BlockFile, Damage, Section};
pub use writer::{BlockWriter, FileWriter};
