//! Writes blocks: files of sections inside of a directory that gets its name last.

use std::path::{Path, PathBuf};

use super::directory::block_name;
use super::format::{
    FOOTER_BYTES_MAX, FileKind, Page, SECTION_ALIGNMENT, SectionEntry, Trailer, encode_footer, encode_header,
    footer_crc, page_crc,
};
use crate::disk::{Disk, TEMPORARY_SUFFIX, WriteFile, create_dir_durable, remove_dir_all};
use crate::error::{Error, Result};

/// Bytes gathered before they go to the medium.
const BUFFER_BYTES: usize = 256 << 10;

/// A block under construction. Dropped without [`BlockWriter::publish`], its directory is an orphan.
#[derive(Debug)]
pub struct BlockWriter<'a> {
    disk: &'a dyn Disk,
    blocks: PathBuf,
    temporary: PathBuf,
    name: String,
}

impl<'a> BlockWriter<'a> {
    /// Begins the block of a number inside of the directory `blocks`, which is made where it is missing. What an
    /// earlier attempt at the same number left is removed.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses.
    pub fn create(disk: &'a dyn Disk, blocks: &Path, number: u64) -> Result<Self> {
        let name = block_name(number);
        let temporary = blocks.join(format!("{name}{TEMPORARY_SUFFIX}"));
        create_dir_durable(disk, blocks)?;
        for leftover in [&temporary, &blocks.join(&name)] {
            if disk.list(leftover).is_ok() {
                remove_dir_all(disk, leftover)?;
            }
        }
        disk.create_dir(&temporary)?;
        Ok(BlockWriter { disk, blocks: blocks.to_owned(), temporary, name })
    }

    /// Begins a file of the block.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the name is taken or the medium refuses.
    pub fn file(&self, name: &str, kind: FileKind) -> Result<FileWriter> {
        FileWriter::create(self.disk, &self.temporary.join(name), kind)
    }

    /// Makes the block durable under its name, and returns its directory. All files are finished by now. The block
    /// becomes part of its store when the manifest names it.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses; the block is then an orphan.
    pub fn publish(self) -> Result<PathBuf> {
        self.disk.sync_dir(&self.temporary)?;
        let path = self.blocks.join(&self.name);
        self.disk.rename(&self.temporary, &path)?;
        self.disk.sync_dir(&self.blocks)?;
        Ok(path)
    }

    /// Gives the block up and removes what was written.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses; the rest is then an orphan.
    pub fn abandon(self) -> Result<()> {
        remove_dir_all(self.disk, &self.temporary)
    }
}

/// A file of sections under construction.
#[derive(Debug)]
pub struct FileWriter {
    file: Box<dyn WriteFile>,
    path: PathBuf,
    kind: FileKind,
    buffer: Vec<u8>,
    /// Bytes that have gone to the medium.
    flushed: u64,
    sections: Vec<SectionEntry>,
    hasher: crc32fast::Hasher,
}

impl FileWriter {
    fn create(disk: &dyn Disk, path: &Path, kind: FileKind) -> Result<Self> {
        Ok(FileWriter {
            file: disk.create(path)?,
            path: path.to_owned(),
            kind,
            buffer: encode_header(kind).to_vec(),
            flushed: 0,
            sections: Vec::new(),
            hasher: crc32fast::Hasher::new(),
        })
    }

    /// Where the next byte goes.
    pub fn offset(&self) -> u64 {
        self.flushed + self.buffer.len() as u64
    }

    /// Begins a section, which ends the one before. Its first byte lies at a multiple of [`SECTION_ALIGNMENT`].
    ///
    /// # Errors
    ///
    /// [`Error::Invalid`] for a name of more than 255 bytes or one that the file has already.
    pub fn begin(&mut self, name: &str) -> Result<()> {
        self.end_section();
        if name.len() > usize::from(u8::MAX) || self.sections.iter().any(|s| s.name == name) {
            let problem = format!("{name} is too long, or used twice in {}", self.path.display());
            return Err(Error::Invalid { what: "name of a section", problem });
        }
        let aligned = self.offset().next_multiple_of(SECTION_ALIGNMENT);
        self.buffer.resize(self.buffer.len() + (aligned - self.offset()) as usize, 0);
        self.sections.push(SectionEntry { name: name.to_owned(), offset: aligned, bytes: 0, crc: 0 });
        self.hasher = crc32fast::Hasher::new();
        Ok(())
    }

    /// Adds bytes to the section that was begun last.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses; [`Error::Invalid`] where no section was begun.
    pub fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.sections.is_empty() {
            let problem = format!("{} has no section yet", self.path.display());
            return Err(Error::Invalid { what: "write to a block file", problem });
        }
        self.hasher.update(bytes);
        self.buffer.extend_from_slice(bytes);
        if self.buffer.len() >= BUFFER_BYTES {
            self.flush()?;
        }
        Ok(())
    }

    /// Adds a page with a CRC of its own to the section that was begun last, and says where it is.
    ///
    /// # Errors
    ///
    /// Those of [`FileWriter::write`]; [`Error::Limit`] for a page of 4 GiB.
    pub fn page(&mut self, payload: &[u8]) -> Result<Page> {
        let bytes = u32::try_from(payload.len()).map_err(|_| Error::Limit {
            what: "bytes of a page",
            max: u64::from(u32::MAX),
            found: payload.len() as u64,
        })?;
        let page = Page { offset: self.offset(), bytes };
        self.write(payload)?;
        self.write(&page_crc(page.offset, payload).to_le_bytes())?;
        Ok(page)
    }

    /// Writes a whole section.
    ///
    /// # Errors
    ///
    /// Those of [`FileWriter::begin`] and [`FileWriter::write`].
    pub fn section(&mut self, name: &str, bytes: &[u8]) -> Result<()> {
        self.begin(name)?;
        self.write(bytes)
    }

    /// Writes the footer and makes the file durable. Returns its length in bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the medium refuses; [`Error::Limit`] where the names of the sections take 1 MiB.
    pub fn finish(mut self) -> Result<u64> {
        self.end_section();
        let footer = encode_footer(&self.sections);
        if footer.len() > FOOTER_BYTES_MAX {
            let (max, found) = (FOOTER_BYTES_MAX as u64, footer.len() as u64);
            return Err(Error::Limit { what: "bytes of a footer", max, found });
        }
        let trailer = Trailer {
            footer_offset: self.offset(),
            footer_bytes: footer.len() as u32,
            footer_crc: footer_crc(&encode_header(self.kind), &footer),
        };
        self.buffer.extend_from_slice(&footer);
        self.buffer.extend_from_slice(&trailer.encode());
        self.flush()?;
        self.file.sync()?;
        Ok(self.flushed)
    }

    fn end_section(&mut self) {
        let end = self.offset();
        if let Some(section) = self.sections.last_mut() {
            section.bytes = end - section.offset;
            section.crc = self.hasher.clone().finalize();
        }
    }

    fn flush(&mut self) -> Result<()> {
        self.file.append(&self.buffer)?;
        self.flushed += self.buffer.len() as u64;
        self.buffer.clear();
        Ok(())
    }
}
