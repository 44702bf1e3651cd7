use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::format::{HEADER_BYTES, TRAILER_BYTES};
use super::{BlockDir, BlockFile, BlockWriter, FileKind, Page, block_name, block_number, remove_orphans};
use crate::disk::{Disk, Fault, MemDisk, SimDisk, read_file};
use crate::error::{Error, Result};

const KIND: FileKind = FileKind { tag: *b"TEST", version: 2 };
const BLOCKS: &str = "store/blocks";

/// A block of one file: three pages, an empty section, and a section of text.
fn write_block(disk: &dyn Disk, number: u64) -> Result<(PathBuf, Vec<Page>)> {
    let block = BlockWriter::create(disk, Path::new(BLOCKS), number)?;
    let mut file = block.file("data", KIND)?;
    file.begin("pages")?;
    let pages = (0..3).map(|i| file.page(&[i; 100])).collect::<Result<_>>()?;
    file.section("empty", b"")?;
    file.section("text", b"some text")?;
    file.finish()?;
    Ok((block.publish()?.join("data"), pages))
}

#[test]
fn sections_and_pages_come_back() {
    let disk = MemDisk::new();
    let (path, pages) = write_block(&disk, 1).unwrap();
    let file = BlockFile::open(&disk, &path, KIND).unwrap();
    assert_eq!(file.version(), 2);
    assert_eq!(file.section("text").unwrap(), "some text");
    assert_eq!(file.map_section("text").unwrap(), "some text");
    assert_eq!(file.section("empty").unwrap(), "");
    for (i, page) in pages.iter().enumerate() {
        assert_eq!(file.page(*page).unwrap(), vec![i as u8; 100]);
    }
    assert!(file.sections().all(|s| s.offset % super::SECTION_ALIGNMENT == 0));
    assert!(matches!(file.section("none"), Err(Error::Corrupt { .. })));
    assert!(file.verify().is_empty());
    let misplaced = Page { offset: pages[0].offset + 1, ..pages[0] };
    assert!(matches!(file.page(misplaced), Err(Error::Corrupt { .. })));
    let endless = Page { offset: u64::MAX, bytes: u32::MAX };
    assert!(matches!(file.page(endless), Err(Error::Corrupt { .. })));
}

#[test]
fn other_kinds_and_later_versions_are_refused() {
    let disk = MemDisk::new();
    let (path, _) = write_block(&disk, 1).unwrap();
    let open = |tag, version| BlockFile::open(&disk, &path, FileKind { tag, version });
    assert!(matches!(open(*b"ELSE", 2), Err(Error::Corrupt { .. })));
    assert!(matches!(open(KIND.tag, 1), Err(Error::Version { found: 2, supported: 1, .. })));
    assert_eq!(open(KIND.tag, 3).unwrap().version(), 2);
}

/// Every flipped byte and every length is an error, or leaves what is read as it was.
#[test]
fn damage_is_named_and_the_rest_stays_readable() {
    let disk = SimDisk::new(0);
    let (path, pages) = write_block(&disk, 1).unwrap();
    let bytes = read_file(&disk, &path).unwrap();
    for at in 0..bytes.len() {
        let hurt = disk.fork();
        hurt.damage(&path, |bytes| bytes[at] ^= 0x10).unwrap();
        let Ok(file) = BlockFile::open(&hurt, &path, KIND) else { continue };
        assert!((HEADER_BYTES..bytes.len() - TRAILER_BYTES).contains(&at), "byte {at} went unnoticed");
        let mut broken = 0;
        for (i, page) in pages.iter().enumerate() {
            match file.page(*page) {
                Ok(payload) => assert_eq!(payload, vec![i as u8; 100]),
                Err(Error::Corrupt { offset, .. }) => {
                    assert_eq!(offset, page.offset);
                    broken += 1;
                }
                Err(error) => panic!("{error}"),
            }
        }
        match file.section("text") {
            Ok(text) => assert_eq!(text, "some text"),
            Err(error) => {
                assert!(matches!(error, Error::Corrupt { .. }));
                broken += 1;
            }
        }
        assert_eq!(broken, file.verify().len(), "byte {at}");
    }
    for len in 0..bytes.len() {
        let hurt = disk.fork();
        hurt.damage(&path, |bytes| bytes.truncate(len)).unwrap();
        assert!(matches!(BlockFile::open(&hurt, &path, KIND), Err(Error::Corrupt { .. })), "length {len}");
    }
}

/// At any moment of a publish the next process finds the whole block or an orphan that it can remove.
#[test]
fn a_crash_while_publishing_leaves_the_block_or_an_orphan() {
    for seed in 0..20 {
        let disk = SimDisk::new(seed);
        write_block(&disk, 1).unwrap();
        let from = disk.operations();
        let whole = disk.fork();
        write_block(&whole, 2).unwrap();
        for at in from..=whole.operations() {
            let disk = disk.fork();
            disk.inject(Fault::power_loss_at(at));
            let outcome = write_block(&disk, 2);
            let disk = disk.restart();
            let mut live = BTreeSet::from([1]);
            if outcome.is_ok() {
                live.insert(2);
            }
            remove_orphans(&disk, Path::new(BLOCKS), &live).unwrap();
            let names: Vec<String> =
                disk.list(Path::new(BLOCKS)).unwrap().into_iter().map(|e| e.name).collect();
            assert_eq!(names, live.iter().map(|n| block_name(*n)).collect::<Vec<_>>());
            for number in live {
                let path = Path::new(BLOCKS).join(block_name(number)).join("data");
                let file = BlockFile::open(&disk, &path, KIND).unwrap();
                assert!(file.verify().is_empty());
            }
        }
    }
}

#[test]
fn a_removed_block_goes_with_its_last_reader() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let (path, _) = write_block(&*disk, 1).unwrap();
    let dir = Arc::new(BlockDir::new(Arc::clone(&disk), path.parent().unwrap().to_owned()));
    let reader = Arc::clone(&dir);
    dir.remove_when_unused();
    drop(dir);
    assert!(disk.file_bytes(&path).unwrap().is_some());
    drop(reader);
    assert!(disk.list(Path::new(BLOCKS)).unwrap().is_empty());
}

#[test]
fn names_of_blocks_are_canonical() {
    assert_eq!(block_number(&block_name(u64::MAX)), Some(u64::MAX));
    for name in ["1", "+000000000000001", "000000000000000G", "000000000000000A", "", "0000000000000001.tmp"]
    {
        assert_eq!(block_number(name), None, "{name}");
    }
}
