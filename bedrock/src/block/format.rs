//! The layout of a file of a block. All numbers are little-endian.
//!
//! ```text
//! file     = header section* footer trailer
//!
//! header    0  magic "TRISBLK"  7 bytes
//!           7  version          u8   1, of this layout
//!           8  tag              4 bytes: what the store keeps in the file
//!          12  tag_version      u8   of what the sections hold
//!          13  zero             3 bytes
//!
//! section  starts at a multiple of 64, so that a mapped section is aligned for any type; zeros before it.
//!          Its bytes are the store's. A section of pages is a run of
//! page      0  payload
//!           n  page_crc         u32  CRC-32 of: offset of the page u64, payload
//!
//! footer    0  sections         u32
//!          then for each        name_bytes u8, name (UTF-8), offset u64, bytes u64, crc u32 (of the bytes)
//!
//! trailer   0  footer_offset    u64
//!           8  footer_bytes     u32
//!          12  footer_crc       u32  CRC-32 of: header, footer
//!          16  file_bytes       u64
//!          24  trailer_crc      u32  CRC-32 of bytes 0..24
//!          28  magic "TEND"
//! ```
//!
//! Invariants: sections lie in the order of the footer, do not overlap, and end before the footer; names are unique.
//! The offset inside of `page_crc` keeps one page from passing for another.
//!
//! Versions: 1, the first.

use std::ops::Range;
use std::path::Path;

use crate::error::{Error, Result};

const MAGIC: &[u8; 7] = b"TRISBLK";
const END_MAGIC: &[u8; 4] = b"TEND";
/// The version that this build writes, and the newest that it reads.
pub(super) const VERSION: u8 = 1;

const VERSION_AT: usize = MAGIC.len();
const TAG_AT: Range<usize> = VERSION_AT + 1..VERSION_AT + 5;
const TAG_VERSION_AT: usize = TAG_AT.end;
/// Bytes before the first section.
pub(super) const HEADER_BYTES: usize = TAG_VERSION_AT + 4;

const FOOTER_OFFSET_AT: Range<usize> = 0..8;
const FOOTER_BYTES_AT: Range<usize> = FOOTER_OFFSET_AT.end..FOOTER_OFFSET_AT.end + 4;
const FOOTER_CRC_AT: Range<usize> = FOOTER_BYTES_AT.end..FOOTER_BYTES_AT.end + 4;
const FILE_BYTES_AT: Range<usize> = FOOTER_CRC_AT.end..FOOTER_CRC_AT.end + 8;
const TRAILER_CRC_AT: Range<usize> = FILE_BYTES_AT.end..FILE_BYTES_AT.end + 4;
const END_MAGIC_AT: Range<usize> = TRAILER_CRC_AT.end..TRAILER_CRC_AT.end + END_MAGIC.len();
/// Bytes behind the footer.
pub(super) const TRAILER_BYTES: usize = END_MAGIC_AT.end;

/// Every section starts at a multiple of this.
pub const SECTION_ALIGNMENT: u64 = 64;
/// Bytes that a page takes beside its payload.
pub(super) const PAGE_CRC_BYTES: usize = 4;
/// No footer is larger: some ten thousand sections.
pub(super) const FOOTER_BYTES_MAX: usize = 1 << 20;

const _: () = assert!(HEADER_BYTES == 16 && TRAILER_BYTES == 32);

/// What a store keeps in a file, and in which version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileKind {
    /// Four bytes that no other kind of file has.
    pub tag: [u8; 4],
    /// The version of what the sections hold: written into new files, and the newest that is read.
    pub version: u8,
}

/// Where a page is. Whoever writes pages keeps these in an index of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Page {
    /// Offset of the page in its file, in bytes.
    pub offset: u64,
    /// Bytes of the payload.
    pub bytes: u32,
}

impl Page {
    /// Where the next page starts that lies right behind this one.
    pub fn end(self) -> u64 {
        self.offset.saturating_add(u64::from(self.bytes) + PAGE_CRC_BYTES as u64)
    }
}

/// One line of the footer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct SectionEntry {
    pub(super) name: String,
    pub(super) offset: u64,
    pub(super) bytes: u64,
    pub(super) crc: u32,
}

pub(super) fn encode_header(kind: FileKind) -> [u8; HEADER_BYTES] {
    let mut bytes = [0; HEADER_BYTES];
    bytes[..VERSION_AT].copy_from_slice(MAGIC);
    bytes[VERSION_AT] = VERSION;
    bytes[TAG_AT].copy_from_slice(&kind.tag);
    bytes[TAG_VERSION_AT] = kind.version;
    bytes
}

/// Checks the header against the kind that the caller reads, and gives the version of the content.
pub(super) fn decode_header(path: &Path, bytes: &[u8; HEADER_BYTES], kind: FileKind) -> Result<u8> {
    if !bytes.starts_with(MAGIC) {
        let found = format!("{:02x?}", &bytes[..VERSION_AT]);
        return Err(Error::corrupt(path, 0, "magic of a block file", format!("{MAGIC:02x?}"), found));
    }
    let unknown = |found, supported| Err(Error::Version { path: path.to_owned(), found, supported });
    if bytes[VERSION_AT] != VERSION {
        return unknown(bytes[VERSION_AT], VERSION);
    }
    if bytes[TAG_AT] != kind.tag {
        let (expected, found) =
            (kind.tag.escape_ascii().to_string(), bytes[TAG_AT].escape_ascii().to_string());
        return Err(Error::corrupt(path, TAG_AT.start as u64, "tag of a block file", expected, found));
    }
    let version = bytes[TAG_VERSION_AT];
    if version == 0 || version > kind.version {
        return unknown(version, kind.version);
    }
    Ok(version)
}

pub(super) fn page_crc(offset: u64, payload: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&offset.to_le_bytes());
    hasher.update(payload);
    hasher.finalize()
}

pub(super) fn footer_crc(header: &[u8; HEADER_BYTES], footer: &[u8]) -> u32 {
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(header);
    hasher.update(footer);
    hasher.finalize()
}

pub(super) fn encode_footer(sections: &[SectionEntry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    bytes.extend_from_slice(&(sections.len() as u32).to_le_bytes());
    for section in sections {
        bytes.push(section.name.len() as u8);
        bytes.extend_from_slice(section.name.as_bytes());
        bytes.extend_from_slice(&section.offset.to_le_bytes());
        bytes.extend_from_slice(&section.bytes.to_le_bytes());
        bytes.extend_from_slice(&section.crc.to_le_bytes());
    }
    bytes
}

/// Reads a footer that begins at `end` of its file, or says which invariant its bytes break.
pub(super) fn decode_footer(mut bytes: &[u8], end: u64) -> std::result::Result<Vec<SectionEntry>, String> {
    let cut_short = || "the footer ends early".to_owned();
    let count = u32::from_le_bytes(*take(&mut bytes).ok_or_else(cut_short)?);
    let mut sections: Vec<SectionEntry> = Vec::new();
    let mut used = HEADER_BYTES as u64;
    for _ in 0..count {
        let [name_bytes] = *take(&mut bytes).ok_or_else(cut_short)?;
        let (name, rest) = bytes.split_at_checked(usize::from(name_bytes)).ok_or_else(cut_short)?;
        bytes = rest;
        let name = std::str::from_utf8(name).map_err(|_| "a name is not UTF-8".to_owned())?.to_owned();
        let offset = u64::from_le_bytes(*take(&mut bytes).ok_or_else(cut_short)?);
        let len = u64::from_le_bytes(*take(&mut bytes).ok_or_else(cut_short)?);
        let crc = u32::from_le_bytes(*take(&mut bytes).ok_or_else(cut_short)?);
        let section_end = offset.checked_add(len).filter(|end_of_it| offset >= used && *end_of_it <= end);
        used = section_end.ok_or_else(|| format!("section {name} lies at {offset} and has {len} bytes"))?;
        if sections.iter().any(|section| section.name == name) {
            return Err(format!("there are two sections {name}"));
        }
        sections.push(SectionEntry { name, offset, bytes: len, crc });
    }
    if bytes.is_empty() { Ok(sections) } else { Err(format!("{} bytes behind the footer", bytes.len())) }
}

fn take<'a, const N: usize>(bytes: &mut &'a [u8]) -> Option<&'a [u8; N]> {
    let (head, rest) = bytes.split_first_chunk()?;
    *bytes = rest;
    Some(head)
}

/// The last bytes of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Trailer {
    pub(super) footer_offset: u64,
    pub(super) footer_bytes: u32,
    pub(super) footer_crc: u32,
}

impl Trailer {
    fn file_bytes(self) -> Option<u64> {
        self.footer_offset.checked_add(u64::from(self.footer_bytes) + TRAILER_BYTES as u64)
    }

    pub(super) fn encode(self) -> [u8; TRAILER_BYTES] {
        let mut bytes = [0; TRAILER_BYTES];
        bytes[FOOTER_OFFSET_AT].copy_from_slice(&self.footer_offset.to_le_bytes());
        bytes[FOOTER_BYTES_AT].copy_from_slice(&self.footer_bytes.to_le_bytes());
        bytes[FOOTER_CRC_AT].copy_from_slice(&self.footer_crc.to_le_bytes());
        bytes[FILE_BYTES_AT].copy_from_slice(&self.file_bytes().unwrap_or(u64::MAX).to_le_bytes());
        let crc = crc32fast::hash(&bytes[..TRAILER_CRC_AT.start]);
        bytes[TRAILER_CRC_AT].copy_from_slice(&crc.to_le_bytes());
        bytes[END_MAGIC_AT].copy_from_slice(END_MAGIC);
        bytes
    }

    /// Reads the trailer of a file of `file_bytes`, or says what is wrong with it.
    pub(super) fn decode(bytes: &[u8; TRAILER_BYTES], file_bytes: u64) -> std::result::Result<Self, String> {
        if bytes[END_MAGIC_AT] != *END_MAGIC {
            return Err(format!("the last bytes {:02x?}", &bytes[END_MAGIC_AT]));
        }
        let u32_at = |range: Range<usize>| bytes[range].iter().rev().fold(0, |n, b| n << 8 | u32::from(*b));
        let u64_at = |range: Range<usize>| bytes[range].iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
        let crc = crc32fast::hash(&bytes[..TRAILER_CRC_AT.start]);
        if u32_at(TRAILER_CRC_AT) != crc {
            return Err(format!("CRC {:08x} over bytes of CRC {crc:08x}", u32_at(TRAILER_CRC_AT)));
        }
        let trailer = Trailer {
            footer_offset: u64_at(FOOTER_OFFSET_AT),
            footer_bytes: u32_at(FOOTER_BYTES_AT),
            footer_crc: u32_at(FOOTER_CRC_AT),
        };
        let is_consistent = trailer.footer_offset >= HEADER_BYTES as u64
            && trailer.footer_bytes as usize <= FOOTER_BYTES_MAX
            && trailer.file_bytes() == Some(file_bytes)
            && u64_at(FILE_BYTES_AT) == file_bytes;
        if is_consistent { Ok(trailer) } else { Err(format!("{trailer:?} in a file of {file_bytes} bytes")) }
    }
}
