//! Golden files: what version 1 of every layout of the ground looks like. Today's writers write these bytes, and
//! today's readers read them. A new version of a layout gets a new file, and the old ones stay.
//!
//! `TRISTORE_BLESS=1 cargo test -p tristore-bedrock --test golden` writes those that are missing.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::path::{Path, PathBuf};
use std::sync::Arc;

use bedrock::block::{BlockFile, BlockWriter, FileKind, Page};
use bedrock::disk::{Disk, MemDisk, read_file};
use bedrock::manifest::{self, Edit, Manifest, StoreKind};
use bedrock::wal::{Wal, WalOptions, WalPosition, replay};
use bytes::Bytes;

const FILE: FileKind = FileKind { tag: *b"GOLD", version: 1 };
const STORE: StoreKind = StoreKind { tag: *b"GOLD", version: 1 };

/// The bytes of the golden file of a name, after having compared them with what the writer made.
fn golden(name: &str, written: &[u8]) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("testdata/golden").join(name);
    if std::env::var_os("TRISTORE_BLESS").is_some() && !path.exists() {
        std::fs::write(&path, written).unwrap();
    }
    let golden = std::fs::read(&path).unwrap();
    assert!(golden == written, "{name} is not what the writer writes today");
    golden
}

fn disk_with(path: &str, bytes: &[u8]) -> MemDisk {
    let disk = MemDisk::new();
    disk.create_dir(Path::new(path).parent().unwrap()).unwrap();
    disk.create(Path::new(path)).unwrap().append(bytes).unwrap();
    disk
}

#[test]
fn wal_segment_version_1() {
    let path = "wal/0000000000000001.wal";
    let disk = Arc::new(MemDisk::new());
    let options = WalOptions::default();
    let (wal, _) =
        Wal::open(disk.clone(), Path::new("wal"), options, WalPosition::START, |_| Ok(())).unwrap();
    for record in ["a record", "another record", "\u{0}\u{1}\u{2}"] {
        wal.commit(record.as_bytes()).unwrap();
    }
    wal.close().unwrap();
    let bytes = golden("wal-segment-v1", &read_file(&*disk, Path::new(path)).unwrap());

    let mut seen = Vec::new();
    let report = replay(&disk_with(path, &bytes), Path::new("wal"), WalPosition::START, |record| {
        seen.push(record.payload);
        Ok(())
    });
    assert_eq!(seen, ["a record", "another record", "\u{0}\u{1}\u{2}"]);
    assert!(report.unwrap().cut.is_none());
}

#[test]
fn block_file_version_1() {
    let disk = MemDisk::new();
    let block = BlockWriter::create(&disk, Path::new("blocks"), 1).unwrap();
    let mut file = block.file("file", FILE).unwrap();
    file.begin("pages").unwrap();
    let pages: Vec<Page> = ["one page", "another page"].map(|p| file.page(p.as_bytes()).unwrap()).into();
    file.section("text", b"a section").unwrap();
    file.section("empty", b"").unwrap();
    file.finish().unwrap();
    let path = block.publish().unwrap().join("file");
    let bytes = golden("block-file-v1", &read_file(&disk, &path).unwrap());

    let file = BlockFile::open(&disk_with("a/file", &bytes), Path::new("a/file"), FILE).unwrap();
    assert_eq!(file.page(pages[0]).unwrap(), "one page");
    assert_eq!(file.page(pages[1]).unwrap(), "another page");
    assert_eq!(file.section("text").unwrap(), "a section");
    assert_eq!(file.section("empty").unwrap(), "");
}

#[test]
fn manifest_version_1() {
    let disk = Arc::new(MemDisk::new());
    let mut manifest = Manifest::open(disk.clone(), Path::new("store"), STORE).unwrap();
    let added = (0..3).map(|_| manifest.next_block()).collect();
    manifest.apply(Edit { added, ..Edit::default() }).unwrap();
    let covered = Some(WalPosition { segment: 7, offset: 28 });
    let payload = Some(Bytes::from_static(b"tombstones"));
    let edit = Edit { removed: vec![1], covered, watermark: Some(99), payload, ..Edit::default() };
    manifest.apply(edit).unwrap();
    let bytes = golden("manifest-v1", &read_file(&*disk, Path::new("store/manifest")).unwrap());

    let disk = disk_with("store/manifest", &bytes);
    let state = manifest::read(&disk, Path::new("store"), STORE).unwrap().unwrap();
    assert_eq!(state.blocks, [0, 2].into());
    assert_eq!(
        (state.covered, state.next_block, state.watermark),
        (WalPosition { segment: 7, offset: 28 }, 3, 99)
    );
    assert_eq!(state.payload, "tombstones");
}
