//! Rotten bytes: an error and never a wrong answer; and a repair that keeps what checks out.

use std::path::Path;
use std::sync::Arc;

use bedrock::Error;
use bedrock::disk::{Disk, SimDisk};

use super::{Found, Mode, Subject};
use crate::corruption::{files_below, for_every_rot};

const DIR: &str = "store";

fn open<S: Subject>(disk: &SimDisk) -> bedrock::Result<S> {
    S::open(Arc::new(disk.clone()), Path::new(DIR), Mode::Caller)
}

/// A store of two blocks, one compacted and one of which something is deleted, and a log.
fn store<S: Subject>() -> (SimDisk, Found) {
    let disk = SimDisk::new(7);
    let store = open::<S>(&disk).expect("a sound disk opens");
    for (number, is_last) in [(0, false), (1, true)] {
        store.commit(number).expect("a sound disk takes commits");
        if is_last {
            store.flush().expect("a sound disk takes blocks");
            store.compact().expect("a sound disk takes blocks");
        }
    }
    for number in [2, 3] {
        store.commit(number).expect("a sound disk takes commits");
    }
    store.delete(2).expect("a sound disk takes deletions");
    store.commit(4).expect("a sound disk takes commits");
    let found = store.found().expect("a sound disk reads");
    assert_eq!(found.keys().copied().collect::<Vec<_>>(), [0, 1, 3, 4]);
    store.close().expect("a sound disk syncs");
    (disk, found)
}

/// Every byte of every block flipped, and every file cut at every length: opening or reading says so, or what is read is
/// right.
pub fn a_rotten_block_is_an_error_and_never_a_wrong_answer<S: Subject>() {
    let (disk, whole) = store::<S>();
    let files = files_below(&disk, &Path::new(DIR).join("blocks"));
    assert!(files.len() >= 2, "{files:?}");
    for file in files {
        for_every_rot(&disk, &file, |disk, rot| {
            let Ok(store) = open::<S>(&disk) else { return };
            match store.found() {
                Ok(found) => assert_eq!(found, whole, "{rot:?} of {}", file.display()),
                Err(error) => assert!(matches!(error, Error::Corrupt { .. }), "{error}"),
            }
        });
    }
}

/// The same for every so many bytes of every file of the store: a repair makes it one that opens and checks out, it loses
/// nothing of files that are sound, what it keeps is right, and it says what is lost.
pub fn a_repair_keeps_what_checks_out<S: Subject>() {
    let (disk, whole) = store::<S>();
    let blocks = files_below(&disk, &Path::new(DIR).join("blocks"));
    let files = blocks.iter().cloned().chain(files_below(&disk, &Path::new(DIR).join("wal")));
    let mut repairs = 0;
    for file in files {
        let len = disk.file_bytes(&file).expect("a sound disk reads").unwrap_or(0) as usize;
        for at in (0..len).step_by(5) {
            let rotten = disk.fork();
            rotten.damage(&file, |bytes| bytes[at] ^= 0x5a).expect("there is a byte");
            let repaired = S::repair(Arc::new(rotten.clone()), Path::new(DIR)).expect("a sound disk repairs");
            let store = open::<S>(&rotten).expect("a repaired store opens");
            assert!(store.verify().is_empty(), "byte {at} of {}", file.display());
            let found = store.found().expect("a repaired store reads");
            let is_lossless = repaired.damaged.is_empty() && repaired.log_damage.is_none();
            if is_lossless && blocks.contains(&file) {
                assert_eq!(found, whole, "byte {at} of {}", file.display());
            }
            for (number, rows) in &found {
                assert!(whole.get(number).is_some_and(|all| rows <= all), "{number} of {found:?}");
            }
            let is_lost = |number: &u64| found.get(number) != whole.get(number);
            let lost: Vec<u64> = whole.keys().copied().filter(is_lost).collect();
            let of_one_file = [&[0, 1][..], &[3], &[4]];
            assert!(
                of_one_file.iter().any(|file| lost.iter().all(|number| file.contains(number))),
                "{lost:?} are lost by byte {at} of {}",
                file.display()
            );
            for loss in &repaired.damaged {
                assert!(loss.aside.is_some(), "{loss:?}");
            }
            repairs += usize::from(!is_lossless);
            store.commit(9).expect("a repaired store takes commits");
            store.compact().expect("a repaired store takes blocks");
        }
    }
    assert!(repairs > 10, "{repairs} repairs had something to do");
}
