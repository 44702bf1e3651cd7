//! What the log store reads from its own files.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bedrock::block::{BlockWriter, FileKind};
use bedrock::codec::ByteReader;
use bedrock::codec::zstd_page::ZstdEncoder;
use bedrock::disk::{Disk, MemDisk};
use bedrock::manifest::{BLOCKS_DIR, Edit, Manifest, StoreKind};
use logstore::source::{LogSource, Order, Selection};
use logstore::template::{TemplatePage, write_page};
use logstore::{Db, LineBuffer, Options};

/// Rows of a page that is anything.
const ROWS_MAX: usize = 4096;

/// A template page gives lines or names its damage; lines that are written as one come back.
pub fn template_page(input: &[u8]) {
    let Some((rows, page)) = input.split_first_chunk::<2>() else { return };
    let rows = usize::from(u16::from_le_bytes(*rows)) % ROWS_MAX;
    if let Ok(page) = TemplatePage::open(page.to_vec().into(), rows) {
        let times: Vec<i64> = (0..rows as i64).collect();
        let mut lines = LineBuffer::new();
        if page.lines(&times, None, &mut lines).is_ok() {
            assert_eq!(lines.len(), rows);
        }
        for literal in [&b"order 7"[..], b"x", b"12", b"abcdef0123"] {
            let _ = page.candidates(literal);
        }
    }
    let lines: Vec<&[u8]> = input.split(|&byte| byte == b'\n').take(ROWS_MAX).collect();
    let times: Vec<i64> = lines.iter().map(|line| line.len() as i64 * 1_000_000).collect();
    if let Some(page) = write_page(&lines, &times) {
        let mut read = LineBuffer::new();
        let opened =
            TemplatePage::open(page.into(), lines.len()).and_then(|page| page.lines(&times, None, &mut read));
        assert!(opened.is_ok(), "{opened:?}");
        assert!(read.iter().eq(lines));
    }
}

/// A block whose checksums are right and whose index and pages are anything: the input is the index, not compressed, then
/// pages, each behind its length in two bytes. Opening and reading it gives entries or errors.
pub fn logs_block(input: &[u8]) {
    let disk = Arc::new(MemDisk::new());
    let _ = write_block(&disk, input).and_then(|()| read_block(disk));
}

fn write_block(disk: &Arc<MemDisk>, input: &[u8]) -> bedrock::Result<()> {
    let dir = Path::new("store");
    let mut parts = ByteReader::new(input);
    let mut part = || {
        let length = usize::from(parts.u16("length").ok()?);
        parts.take("part", length.min(parts.remaining())).ok()
    };
    disk.create_dir(dir)?;
    let mut manifest = Manifest::open(disk.clone(), dir, StoreKind { tag: *b"LOGS", version: 1 })?;
    let number = manifest.next_block();
    let writer = BlockWriter::create(&**disk, &dir.join(BLOCKS_DIR), number)?;
    let mut rows = writer.file("rows", FileKind { tag: *b"LOGB", version: 1 })?;
    let mut index = Vec::new();
    ZstdEncoder::new(1)?.encode(part().unwrap_or(&[]), &mut index);
    rows.begin("pages")?;
    while let Some(page) = part() {
        rows.page(page)?;
    }
    rows.section("index", &index)?;
    rows.finish()?;
    writer.publish()?;
    manifest.apply(Edit { added: vec![number], ..Edit::default() })
}

fn read_block(disk: Arc<MemDisk>) -> bedrock::Result<()> {
    let Ok(db) = Db::open_on(disk, "store", Options { background: false, ..Options::default() }) else {
        return Ok(());
    };
    let _ = db.verify();
    let snapshot = db.snapshot();
    let _ = snapshot.streams(&[], i64::MIN, i64::MAX);
    for order in [Order::PerStream, Order::Backward] {
        let mut selection = Selection::new(&[], i64::MIN, i64::MAX);
        selection.order = order;
        for needles in [Vec::new(), vec![vec![b"order".to_vec()]]] {
            selection.needles = needles;
            let _ = snapshot.scan(&selection, &mut |_| ControlFlow::Continue(()));
        }
    }
    let _ = db.compact();
    Ok(())
}
