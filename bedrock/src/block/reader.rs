//! Reads files of blocks: the footer at open, sections and pages when they are asked for.

use std::path::{Path, PathBuf};

use bytes::Bytes;

use super::format::{
    FileKind, HEADER_BYTES, PAGE_CRC_BYTES, Page, SectionEntry, TRAILER_BYTES, Trailer, decode_footer,
    decode_header, footer_crc, page_crc,
};
use crate::disk::{Disk, ReadFile};
use crate::error::{Error, Result};

/// A file of a block, open for reading from any thread.
#[derive(Debug)]
pub struct BlockFile {
    file: Box<dyn ReadFile>,
    path: PathBuf,
    version: u8,
    bytes: u64,
    sections: Vec<SectionEntry>,
}

/// One section of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Section<'a> {
    /// Its name.
    pub name: &'a str,
    /// Where it begins in the file, in bytes.
    pub offset: u64,
    /// How long it is.
    pub bytes: u64,
}

/// One section that does not check out.
#[derive(Clone, Debug)]
pub struct Damage {
    /// The name of the section.
    pub section: String,
    /// What is wrong with it.
    pub error: Error,
}

impl BlockFile {
    /// Opens a file, checking header, footer and trailer. Sections are checked when they are read.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the bytes are not a file of this kind, [`Error::Version`] where they are one of a
    /// later version, [`Error::Io`] where the medium refuses.
    pub fn open(disk: &dyn Disk, path: &Path, kind: FileKind) -> Result<Self> {
        let file = disk.open(path)?;
        let bytes = file.bytes()?;
        let header: [u8; HEADER_BYTES] = read_array(&*file, path, 0)?;
        let version = decode_header(path, &header, kind)?;
        let trailer_at = bytes.saturating_sub(TRAILER_BYTES as u64);
        let trailer = Trailer::decode(&read_array(&*file, path, trailer_at)?, bytes).map_err(|found| {
            Error::corrupt(path, trailer_at, "trailer of a block file", "a consistent trailer", found)
        })?;
        let footer = file.read_at(trailer.footer_offset, trailer.footer_bytes as usize)?;
        let damaged = |expected: String, found: String| {
            Error::corrupt(path, trailer.footer_offset, "footer of a block file", expected, found)
        };
        let crc = footer_crc(&header, &footer);
        if crc != trailer.footer_crc {
            return Err(damaged(format!("CRC {:08x}", trailer.footer_crc), format!("{crc:08x}")));
        }
        let sections = decode_footer(&footer, trailer.footer_offset);
        let sections = sections.map_err(|found| damaged("sections in order".into(), found))?;
        Ok(BlockFile { file, path: path.to_owned(), version, bytes, sections })
    }

    /// The path it was opened by, for errors.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The version of what the sections hold.
    pub fn version(&self) -> u8 {
        self.version
    }

    /// The length of the file in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// The sections, in the order in which they lie in the file.
    pub fn sections(&self) -> impl Iterator<Item = Section<'_>> {
        self.sections.iter().map(|s| Section { name: &s.name, offset: s.offset, bytes: s.bytes })
    }

    /// Where a section is.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the file has none of that name.
    pub fn locate(&self, name: &str) -> Result<Section<'_>> {
        let entry = self.entry(name)?;
        Ok(Section { name: &entry.name, offset: entry.offset, bytes: entry.bytes })
    }

    /// Reads a whole section into memory and checks it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the file has no such section or its bytes do not match their CRC; [`Error::Io`].
    pub fn section(&self, name: &str) -> Result<Bytes> {
        let entry = self.entry(name)?;
        let bytes = self.file.read_at(entry.offset, usize::try_from(entry.bytes).unwrap_or(usize::MAX))?;
        self.check_section(entry, bytes)
    }

    /// Maps a section and checks it: no copy, and the pages of the system's cache are shared and can be taken back.
    /// An I/O error under the mapping kills the process, see [`crate::disk`].
    ///
    /// # Errors
    ///
    /// Those of [`BlockFile::section`].
    pub fn map_section(&self, name: &str) -> Result<Bytes> {
        let entry = self.entry(name)?;
        let map = self.file.map()?;
        let range = entry.offset as usize..(entry.offset + entry.bytes) as usize;
        if range.end > map.len() {
            let found = format!("{} bytes", map.len());
            return Err(Error::corrupt(&self.path, 0, "length", format!("{} bytes", self.bytes), found));
        }
        self.check_section(entry, map.slice(range))
    }

    /// Reads a part of a section that has no pages, unchecked: for formats that check themselves.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the section does not reach that far; [`Error::Io`].
    pub fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        self.file.read_at(offset, len)
    }

    /// Reads a page and checks it.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] with the offset of the page where its bytes do not match their CRC or the file is too
    /// short to hold it; [`Error::Io`]. All other pages stay readable.
    pub fn page(&self, page: Page) -> Result<Bytes> {
        self.checked_page(page, self.file.read_at(page.offset, page.bytes as usize + PAGE_CRC_BYTES)?)
    }

    /// Reads pages and checks them, as [`BlockFile::page`] does; those that lie back to back are one read.
    ///
    /// # Errors
    ///
    /// Those of [`BlockFile::page`].
    pub fn pages(&self, pages: &[Page]) -> Result<Vec<Bytes>> {
        let mut read = Vec::with_capacity(pages.len());
        for run in pages.chunk_by(|a, b| a.end() == b.offset) {
            let (Some(first), Some(last)) = (run.first(), run.last()) else { continue };
            let len = usize::try_from(last.end() - first.offset).unwrap_or(usize::MAX);
            let mut bytes = self.file.read_at(first.offset, len)?;
            for &page in run {
                let framed = bytes.split_to(page.bytes as usize + PAGE_CRC_BYTES);
                read.push(self.checked_page(page, framed)?);
            }
        }
        Ok(read)
    }

    /// The payload of a page out of bytes that [`BlockFile::read_at`] read from `start` on: several pages, of one
    /// series or of neighbours, then take one read and no allocation each.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] where the page does not lie in the bytes, or does not match its CRC.
    pub fn page_within<'b>(&self, page: Page, start: u64, bytes: &'b [u8]) -> Result<&'b [u8]> {
        let at = page.offset.checked_sub(start).and_then(|at| usize::try_from(at).ok());
        let framed = at.and_then(|at| bytes.get(at..)?.get(..page.bytes as usize + PAGE_CRC_BYTES));
        let Some((payload, stored)) = framed.and_then(|framed| framed.split_last_chunk::<PAGE_CRC_BYTES>())
        else {
            let expected = format!("{} bytes", page.bytes as usize + PAGE_CRC_BYTES);
            let found = format!("{} bytes from {start} on", bytes.len());
            return Err(Error::corrupt(&self.path, page.offset, "page of a block file", expected, found));
        };
        self.check_page(page, payload, *stored)?;
        Ok(payload)
    }

    fn checked_page(&self, page: Page, mut bytes: Bytes) -> Result<Bytes> {
        let stored = bytes.split_off(page.bytes as usize);
        self.check_page(page, &bytes, stored[..].try_into().unwrap_or_default())?;
        Ok(bytes)
    }

    fn check_page(&self, page: Page, payload: &[u8], stored: [u8; PAGE_CRC_BYTES]) -> Result<()> {
        let computed = page_crc(page.offset, payload).to_le_bytes();
        if stored == computed {
            return Ok(());
        }
        let (expected, found) = (format!("CRC {computed:02x?}"), format!("{stored:02x?}"));
        Err(Error::corrupt(&self.path, page.offset, "page of a block file", expected, found))
    }

    /// Reads every byte of every section, a window of 256 KiB at a time, and reports the sections that do not match
    /// their CRC.
    pub fn verify(&self) -> Vec<Damage> {
        let check = |entry: &SectionEntry| {
            let error = self.check_in_windows(entry).err()?;
            Some(Damage { section: entry.name.clone(), error })
        };
        self.sections.iter().filter_map(check).collect()
    }

    fn entry(&self, name: &str) -> Result<&SectionEntry> {
        self.sections.iter().find(|section| section.name == name).ok_or_else(|| {
            let names: Vec<&str> = self.sections.iter().map(|s| s.name.as_str()).collect();
            Error::corrupt(&self.path, 0, "section of a block file", name, format!("{names:?}"))
        })
    }

    fn check_section(&self, entry: &SectionEntry, bytes: Bytes) -> Result<Bytes> {
        self.check_crc(entry, crc32fast::hash(&bytes))?;
        Ok(bytes)
    }

    fn check_in_windows(&self, entry: &SectionEntry) -> Result<()> {
        const WINDOW_BYTES: u64 = 256 << 10;
        let mut hasher = crc32fast::Hasher::new();
        let end = entry.offset + entry.bytes;
        let mut at = entry.offset;
        while at < end {
            let len = (end - at).min(WINDOW_BYTES);
            hasher.update(&self.file.read_at(at, len as usize)?);
            at += len;
        }
        self.check_crc(entry, hasher.finalize())
    }

    fn check_crc(&self, entry: &SectionEntry, crc: u32) -> Result<()> {
        if crc == entry.crc {
            return Ok(());
        }
        let (expected, found) = (format!("CRC {:08x}", entry.crc), format!("{crc:08x}"));
        Err(Error::corrupt(&self.path, entry.offset, "section of a block file", expected, found))
    }
}

fn read_array<const N: usize>(file: &dyn ReadFile, path: &Path, offset: u64) -> Result<[u8; N]> {
    let bytes = file.read_at(offset, N)?;
    bytes[..].try_into().map_err(|_| {
        Error::corrupt(path, offset, "length of a read", format!("{N} bytes"), format!("{}", bytes.len()))
    })
}
