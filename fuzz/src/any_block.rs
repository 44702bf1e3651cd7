//! Blocks whose checksums are right and whose content is anything.

use std::path::Path;
use std::sync::Arc;

use bedrock::Result;
use bedrock::block::{BlockWriter, FileKind};
use bedrock::codec::ByteReader;
use bedrock::codec::zstd_page::ZstdEncoder;
use bedrock::disk::{Disk, MemDisk};
use bedrock::manifest::{BLOCKS_DIR, Edit, Manifest, StoreKind};

/// The block of a store: one file of pages and of sections behind them.
pub(crate) struct Shape {
    pub(crate) store: StoreKind,
    pub(crate) name: &'static str,
    pub(crate) file: FileKind,
    /// In the order of the file.
    pub(crate) sections: &'static [&'static str],
}

/// Where the store lies.
pub(crate) const DIR: &str = "store";

impl Shape {
    /// Writes a store of one block. The input is the sections, the last one first, not compressed, then pages, each behind
    /// its length in two bytes.
    pub(crate) fn write(&self, disk: &Arc<MemDisk>, input: &[u8]) -> Result<()> {
        let dir = Path::new(DIR);
        let mut parts = ByteReader::new(input);
        let mut part = || {
            let length = usize::from(parts.u16("length").ok()?);
            parts.take("part", length.min(parts.remaining())).ok()
        };
        disk.create_dir(dir)?;
        let mut manifest = Manifest::open(disk.clone(), dir, self.store)?;
        let number = manifest.next_block();
        let writer = BlockWriter::create(&**disk, &dir.join(BLOCKS_DIR), number)?;
        let mut file = writer.file(self.name, self.file)?;
        let mut zstd = ZstdEncoder::new(1)?;
        let mut sections = vec![Vec::new(); self.sections.len()];
        sections.iter_mut().rev().for_each(|section| zstd.encode(part().unwrap_or(&[]), section));
        file.begin("pages")?;
        while let Some(page) = part() {
            file.page(page)?;
        }
        self.sections.iter().zip(&sections).try_for_each(|(name, section)| file.section(name, section))?;
        file.finish()?;
        writer.publish()?;
        manifest.apply(Edit { added: vec![number], ..Edit::default() })
    }
}
