//! The layout of a written index.
//!
//! ```text
//! +--------+---------------------------------------------+-----+-------+--------+
//! | header | lists, value blocks, block table of a name  | ... | names | footer |
//! +--------+---------------------------------------------+-----+-------+--------+
//! ```
//!
//! Numbers of fixed width are little-endian, all others varints. Offsets count from the start of the header.
//!
//! | part | field | bytes | |
//! |---|---|---|---|
//! | header | magic | 4 | `TPOS` |
//! | | version | 1 | 1 |
//! | | | 3 | zero |
//! | list | | | the portable Roaring layout, of more than [`INLINE_IDS_MAX`] ids |
//! | value block | list base | varint | offset of the first list of the block; the others follow one another |
//! | | values | | up to [`BLOCK_VALUES`] of them, see below |
//! | value | shared | varint | bytes that it shares with the one before; 0 for the first |
//! | | rest | varint and bytes | |
//! | | count | varint | number of ids |
//! | | ids or length | | up to [`INLINE_IDS_MAX`] ids: the first and then differences; else the bytes of its list |
//! | block table | offsets | 4 each | of the name's blocks, from its first |
//! | names | count | varint | |
//! | | name | | sorted: text, series, list offset, list bytes, values, offset of the first block, of the table |
//! | | all | | offset and bytes of the list of all ids |
//! | footer | names | 8 | offset of the names |
//! | | CRC-32 | 4 | of the names |
//! | | magic | 4 | as in the header |
//!
//! Names and values ascend bytewise, and so a prefix is a range. Lists carry no checksum: the section of the block that
//! holds the index has one.
//!
//! A million series with ten labels, one of them unique, take 12 to 25 MB; reading keeps 100 bytes a name in memory.
//!
//! Version 1: first.

/// First and last bytes of an index.
pub(super) const MAGIC: [u8; 4] = *b"TPOS";

/// The version that this build writes, and the newest that it reads.
pub(super) const VERSION: u8 = 1;

pub(super) const HEADER_BYTES: usize = MAGIC.len() + 1 + 3;

pub(super) const FOOTER_BYTES: usize = 8 + 4 + MAGIC.len();

/// Values of a block: a lookup reads half of them on average.
pub(super) const BLOCK_VALUES: usize = 16;

/// Lists up to this length stand beside their value: a Roaring list has 16 bytes before its first id.
pub(super) const INLINE_IDS_MAX: usize = 8;

/// The longest name or value that a reader accepts, in bytes.
pub(super) const TEXT_BYTES_MAX: usize = 1 << 24;
