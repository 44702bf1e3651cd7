//! What the log store reads from its own files.

use std::ops::ControlFlow;
use std::sync::Arc;

use bedrock::block::FileKind;
use bedrock::disk::MemDisk;
use bedrock::manifest::StoreKind;
use logstore::source::{LogSource, Order, Selection};
use logstore::template::{TemplatePage, write_page};
use logstore::{Db, LineBuffer, Options};

use crate::any_block::{DIR, Shape};

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
    let _ = BLOCK.write(&disk, input).and_then(|()| read_block(disk));
}

const BLOCK: Shape = Shape {
    store: StoreKind { tag: *b"LOGS", version: 1 },
    name: "rows",
    file: FileKind { tag: *b"LOGB", version: 1 },
    sections: &["index"],
};

fn read_block(disk: Arc<MemDisk>) -> bedrock::Result<()> {
    let Ok(db) = Db::open_on(disk, DIR, Options { background: false, ..Options::default() }) else {
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

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// A corpus of a layout that is no longer read would fuzz nothing.
    #[test]
    fn the_corpus_has_a_block_that_is_sound() {
        let corpus = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus/logs_block");
        let is_sound = |input: &[u8]| {
            let disk = Arc::new(MemDisk::new());
            BLOCK.write(&disk, input).unwrap();
            let db = Db::open_on(disk, DIR, Options { background: false, ..Options::default() });
            db.is_ok_and(|db| {
                let verified = db.verify();
                verified.problems.is_empty() && verified.entries > 0
            })
        };
        let mut inputs =
            std::fs::read_dir(corpus).unwrap().map(|entry| std::fs::read(entry.unwrap().path()).unwrap());
        assert!(inputs.any(|input| is_sound(&input)));
    }
}
