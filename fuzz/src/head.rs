//! What the metrics store reads of its own head: the records of its log, and its checkpoint.

use std::path::Path;
use std::sync::Arc;

use bedrock::codec::ByteReader;
use bedrock::disk::{Disk, MemDisk};
use bedrock::labels::Labels;
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use bedrock::wal::{Durability, Wal, WalOptions, WalPosition};
use tsdb::{Background, Db, Options, repair};

/// A record of the log that is the input, behind one that is sound: the store opens or says what is wrong with the
/// record, and one that opens reads, takes a commit and opens again.
pub fn tsdb_record(input: &[u8]) {
    if input.is_empty() {
        return;
    }
    let disk = Arc::new(MemDisk::new());
    let options = || options(&disk);
    let made = Db::open("db", options()).and_then(|db| {
        commit(&db, 1_000)?;
        db.close()
    });
    assert!(made.is_ok(), "a store in memory does not fail: {made:?}");
    let wal =
        Wal::open(disk.clone(), Path::new("db/wal"), WalOptions::default(), WalPosition::START, |_| Ok(()));
    let written = wal.and_then(|(wal, _)| {
        wal.commit(input)?;
        wal.close()
    });
    assert!(written.is_ok(), "a log in memory does not fail: {written:?}");
    let Ok(db) = Db::open("db", options()) else { return };
    read_all(&db);
    // The record may have moved the newest timestamp to the end of time: then the commit is late, and that is fine.
    let outcome = commit(&db, 2_000).and_then(|()| db.close());
    assert!(outcome.is_ok(), "{outcome:?}");
    let again = Db::open("db", options());
    assert!(again.is_ok(), "a store that opened does not open again: {:?}", again.err());
}

/// A checkpoint whose checksums are right and whose frames are anything: the input is the frames, each behind its length in
/// two bytes. The store opens or says what is wrong; one that opens reads and takes a commit, and a repair of the other
/// makes it open.
pub fn tsdb_checkpoint(input: &[u8]) {
    let disk = Arc::new(MemDisk::new());
    let made = Db::open("db", options(&disk)).and_then(|db| {
        commit(&db, 1_000)?;
        db.flush()?;
        db.close()
    });
    assert!(made.is_ok(), "a store in memory does not fail: {made:?}");
    let written = write_checkpoint(&disk, input);
    assert!(written.is_ok(), "a disk in memory does not fail: {written:?}");
    match Db::open("db", options(&disk)) {
        Ok(db) => {
            read_all(&db);
            let _ = db.verify();
            let outcome = commit(&db, 2_000).and_then(|()| db.close());
            assert!(outcome.is_ok(), "{outcome:?}");
        }
        Err(_) => {
            let repaired = repair("db", &options(&disk));
            let opened = repaired.and_then(|_| Db::open("db", options(&disk)));
            assert!(opened.is_ok(), "a repaired store opens: {:?}", opened.err());
        }
    }
}

/// Puts the frames in the place of the one checkpoint that there is.
fn write_checkpoint(disk: &MemDisk, input: &[u8]) -> bedrock::Result<()> {
    let mut bytes = b"TRISHEAD\x01".to_vec();
    let mut parts = ByteReader::new(input);
    while let Ok(length) = parts.u16("length") {
        let length = usize::from(length).min(parts.remaining());
        let payload = parts.take("frame", length).unwrap_or(&[]);
        bytes.extend_from_slice(&(payload.len() as u32).to_le_bytes());
        bytes.extend_from_slice(&crc32fast::hash(payload).to_le_bytes());
        bytes.extend_from_slice(payload);
    }
    let dir = Path::new("db/checkpoints");
    for entry in disk.list(dir)? {
        let path = dir.join(entry.name);
        disk.remove_file(&path)?;
        disk.create(&path)?.append(&bytes)?;
    }
    Ok(())
}

fn options(disk: &Arc<MemDisk>) -> Options {
    let disk: Arc<dyn Disk> = Arc::clone(disk) as Arc<dyn Disk>;
    Options { disk, durability: Durability::Never, background: Background::Caller, ..Options::default() }
}

fn commit(db: &Db, timestamp_ms: i64) -> tsdb::Result<()> {
    let labels = Labels::from_pairs([("__name__", "up")]).unwrap_or_default();
    let mut appender = db.appender();
    let up = appender.series(&labels)?;
    appender.append(up, timestamp_ms, 1.0);
    appender.commit().map(drop)
}

/// Reads everything there is; damage may be an error.
fn read_all(db: &Db) {
    let snapshot = db.snapshot();
    let Ok(set) = snapshot.select(&Select { matchers: &[], range: TimeRange::ALL }) else { return };
    let mut columns = SeriesColumns::default();
    for index in 0..set.len() {
        if set.read(index, TimeRange::ALL, &mut columns).is_ok() {
            assert_eq!(columns.floats.values.len(), columns.floats.timestamps_ms.len());
        }
    }
}
