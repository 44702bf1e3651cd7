use std::path::Path;
use std::sync::Arc;

use super::{Durability, Wal, WalOptions, WalPosition, repair, replay};
use crate::disk::{Disk, Fault, MemDisk, SimDisk};
use crate::error::{Error, Result};

const DIR: &str = "wal";

fn small() -> WalOptions {
    WalOptions { segment_bytes: 400, ..WalOptions::default() }
}

fn open(disk: &Arc<dyn Disk>, from: WalPosition) -> Result<(Wal, Vec<String>)> {
    let mut seen = Vec::new();
    let (wal, _) = Wal::open(Arc::clone(disk), Path::new(DIR), small(), from, |record| {
        seen.push(String::from_utf8(record.payload.to_vec()).unwrap());
        Ok(())
    })?;
    Ok((wal, seen))
}

fn numbered(range: std::ops::Range<u32>) -> Vec<String> {
    range.map(|i| format!("record {i}")).collect()
}

fn commit(wal: &Wal, range: std::ops::Range<u32>) {
    for record in numbered(range) {
        wal.commit(record.as_bytes()).unwrap();
    }
}

#[test]
fn records_come_back_in_order_over_segments_and_opens() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    for round in 0..5 {
        let (wal, seen) = open(&disk, WalPosition::START).unwrap();
        assert_eq!(seen, numbered(0..round * 40));
        commit(&wal, round * 40..(round + 1) * 40);
        if round % 2 == 0 {
            wal.close().unwrap();
        }
    }
    assert!(disk.list(Path::new(DIR)).unwrap().len() > 10);
}

#[test]
fn what_a_position_covers_is_not_replayed_and_can_go() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let (wal, _) = open(&disk, WalPosition::START).unwrap();
    commit(&wal, 0..50);
    let middle = wal.end();
    commit(&wal, 50..70);
    let frozen = wal.rotate().unwrap();
    assert_eq!(wal.rotate().unwrap(), frozen, "an empty segment is kept");
    commit(&wal, 70..90);
    drop(wal);
    assert_eq!(open(&disk, middle).unwrap().1, numbered(50..90));
    let (wal, seen) = open(&disk, frozen).unwrap();
    assert_eq!(seen, numbered(70..90));
    wal.truncate_before(frozen).unwrap();
    drop(wal);
    assert!(matches!(open(&disk, middle), Err(Error::Corrupt { what: "WAL segment", .. })));
    assert!(matches!(open(&disk, WalPosition::START), Err(Error::Corrupt { .. })));
    assert_eq!(open(&disk, frozen).unwrap().1, numbered(70..90));
}

#[test]
fn limits_and_empty_records_are_refused() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let options = WalOptions { record_bytes_max: 10, ..small() };
    let (wal, _) = Wal::open(disk, Path::new(DIR), options, WalPosition::START, |_| Ok(())).unwrap();
    assert!(matches!(wal.commit(b"eleven byte"), Err(Error::Limit { max: 10, found: 11, .. })));
    assert!(matches!(wal.commit(b""), Err(Error::Invalid { .. })));
    wal.commit(b"ten bytes.").unwrap();
}

#[test]
fn a_failed_sync_poisons_until_the_next_open() {
    let disk = SimDisk::new(5);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let (wal, _) = open(&shared, WalPosition::START).unwrap();
    commit(&wal, 0..3);
    disk.inject(Fault::fail_operation(disk.operations() + 1));
    assert!(matches!(wal.commit(b"lost?"), Err(Error::Io { operation: "sync", .. })));
    assert!(matches!(wal.commit(b"refused"), Err(Error::Poisoned { .. })));
    assert!(matches!(wal.rotate(), Err(Error::Poisoned { .. })));
    drop(wal);
    let (wal, seen) = open(&shared, WalPosition::START).unwrap();
    assert_eq!(seen[..3], numbered(0..3));
    // What came back has been written anew, so that a power loss cannot take it or tear a gap.
    drop(wal);
    assert_eq!(open(&(Arc::new(disk.restart()) as _), WalPosition::START).unwrap().1, seen);
}

#[test]
fn a_torn_tail_is_cut_and_reported() {
    let disk = SimDisk::new(1);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let (wal, _) = open(&shared, WalPosition::START).unwrap();
    commit(&wal, 0..4);
    let end = wal.end();
    wal.append(b"torn").unwrap();
    drop(wal);
    let path = super::format::segment_path(Path::new(DIR), end.segment);
    disk.damage(&path, |bytes| bytes.extend_from_slice(b"torn frame")).unwrap();
    let report = replay(&disk, Path::new(DIR), WalPosition::START, |_| Ok(())).unwrap();
    let cut = report.cut.unwrap();
    assert_eq!((report.records, cut.position, cut.bytes), (4, end, 10));
    let (wal, seen) = open(&shared, WalPosition::START).unwrap();
    assert_eq!(seen, numbered(0..4));
    commit(&wal, 4..6);
    drop(wal);
    assert_eq!(open(&shared, WalPosition::START).unwrap().1, numbered(0..6));
}

/// Every single flipped bit of a closed log is noticed, named, and repaired to a prefix.
#[test]
fn damage_is_an_error_that_repair_cuts_at() {
    let disk = SimDisk::new(1);
    let shared: Arc<dyn Disk> = Arc::new(disk.clone());
    let (wal, _) = open(&shared, WalPosition::START).unwrap();
    commit(&wal, 0..30);
    wal.close().unwrap();
    for entry in disk.list(Path::new(DIR)).unwrap() {
        let path = Path::new(DIR).join(&entry.name);
        let len = disk.file_bytes(&path).unwrap().unwrap();
        for at in 0..len {
            let hurt = disk.fork();
            hurt.damage(&path, |bytes| bytes[at as usize] ^= 1 << (at % 8)).unwrap();
            let found = replay(&hurt, Path::new(DIR), WalPosition::START, |_| Ok(()));
            match found {
                Err(Error::Corrupt { path: named, offset, .. }) => {
                    assert!(named == path && offset <= at, "{named:?} {offset} for byte {at}");
                }
                // The frame that vouches for the rest can only be missed, and the version byte has its own error.
                Ok(report) => assert_eq!((report.records, report.cut.is_some()), (30, true)),
                Err(error) => assert!(matches!(error, Error::Version { .. }), "{error}"),
            }
            let Ok(report) = repair(&hurt, Path::new(DIR), WalPosition::START) else { continue };
            assert!(report.damage.is_some() == (report.lost_bytes > 0));
            let hurt: Arc<dyn Disk> = Arc::new(hurt);
            let (wal, seen) = open(&hurt, WalPosition::START).unwrap();
            assert_eq!(seen, numbered(0..seen.len() as u32));
            wal.commit(b"goes on").unwrap();
        }
    }
}

#[test]
fn an_interval_is_kept_by_ticks() {
    let disk = SimDisk::new(9);
    let durability = Durability::Interval(std::time::Duration::ZERO);
    let options = WalOptions { durability, ..small() };
    let shared = Arc::new(disk.clone());
    let (wal, _) = Wal::open(shared, Path::new(DIR), options, WalPosition::START, |_| Ok(())).unwrap();
    wal.append(b"pending").unwrap();
    wal.tick().unwrap();
    let survived = replay(&disk.restart(), Path::new(DIR), WalPosition::START, |_| Ok(())).unwrap();
    assert_eq!(survived.records, 1);
}

#[test]
fn threads_share_syncs_and_lose_nothing() {
    let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
    let (wal, _) = open(&disk, WalPosition::START).unwrap();
    std::thread::scope(|scope| {
        for thread in 0..8 {
            let wal = &wal;
            scope.spawn(move || {
                for i in 0..200 {
                    wal.commit(format!("{thread} {i}").as_bytes()).unwrap();
                }
            });
        }
    });
    let stats = wal.stats();
    assert_eq!(stats.commits, 1600);
    drop(wal);
    let seen = open(&disk, WalPosition::START).unwrap().1;
    for thread in 0..8 {
        let mine: Vec<&String> = seen.iter().filter(|r| r.starts_with(&format!("{thread} "))).collect();
        assert_eq!(mine.len(), 200);
        assert!(mine.iter().enumerate().all(|(i, r)| **r == format!("{thread} {i}")));
    }
}
