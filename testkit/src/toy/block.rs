//! A block of the toy store: pages of lines, and an index of the pages.

use std::path::Path;
use std::sync::Arc;

use bedrock::Result;
use bedrock::block::{BlockDir, BlockFile, BlockWriter, FileKind, Page, block_name};
use bedrock::disk::Disk;

use super::records::Batch;

const KIND: FileKind = FileKind { tag: *b"TOYL", version: 1 };
const FILE: &str = "lines";
const LINES_PER_PAGE: usize = 4;
/// Offset and length of a page in the index.
const ENTRY_BYTES: usize = 12;

/// A block in use.
#[derive(Debug)]
pub(super) struct ToyBlock {
    pub(super) number: u64,
    pub(super) dir: BlockDir,
    file: BlockFile,
    pages: Vec<Page>,
}

impl ToyBlock {
    /// Writes and publishes a block of some lines.
    pub(super) fn write(disk: &dyn Disk, blocks: &Path, number: u64, lines: &[String]) -> Result<()> {
        let block = BlockWriter::create(disk, blocks, number)?;
        let mut file = block.file(FILE, KIND)?;
        file.begin("pages")?;
        let mut index = Vec::new();
        for lines in lines.chunks(LINES_PER_PAGE) {
            let page = file.page(&Batch { lines: lines.to_vec() }.encode())?;
            index.extend_from_slice(&page.offset.to_le_bytes());
            index.extend_from_slice(&page.bytes.to_le_bytes());
        }
        file.section("index", &index)?;
        file.finish()?;
        block.publish()?;
        Ok(())
    }

    pub(super) fn open(disk: &Arc<dyn Disk>, blocks: &Path, number: u64) -> Result<Self> {
        let path = blocks.join(block_name(number));
        let file = BlockFile::open(&**disk, &path.join(FILE), KIND)?;
        let index = file.section("index")?;
        let (entries, _) = index.as_chunks::<ENTRY_BYTES>();
        let pages = entries.iter().map(|entry| {
            let number = |bytes: &[u8]| bytes.iter().rev().fold(0, |n, b| n << 8 | u64::from(*b));
            Page { offset: number(&entry[..8]), bytes: number(&entry[8..]) as u32 }
        });
        let pages = pages.collect();
        Ok(ToyBlock { number, dir: BlockDir::new(Arc::clone(disk), path), file, pages })
    }

    pub(super) fn lines(&self) -> Result<Vec<String>> {
        let mut lines = Vec::new();
        for page in &self.pages {
            lines.extend(Batch::decode(&self.file.page(*page)?)?.lines);
        }
        Ok(lines)
    }
}
