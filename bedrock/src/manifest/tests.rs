use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;

use super::{Edit, MANIFEST_NAME, Manifest, State, StoreKind, read};
use crate::disk::{Disk, Fault, SimDisk};
use crate::error::{Error, Result};
use crate::wal::WalPosition;

const KIND: StoreKind = StoreKind { tag: *b"TEST", version: 1 };
const DIR: &str = "some/store";

fn open(disk: &SimDisk) -> Result<Manifest> {
    Manifest::open(Arc::new(disk.clone()), Path::new(DIR), KIND)
}

fn add_two(manifest: &mut Manifest) -> Result<()> {
    let added = vec![manifest.next_block(), manifest.next_block()];
    let covered = Some(WalPosition { segment: 3, offset: 28 });
    let payload = Some(Bytes::from_static(b"tombstones"));
    manifest.apply(Edit { added, covered, payload, watermark: Some(9), removed: Vec::new() })
}

fn replace_one(manifest: &mut Manifest) -> Result<()> {
    let added = vec![manifest.next_block()];
    let removed = manifest.state().blocks.first().copied().into_iter().collect();
    manifest.apply(Edit { added, removed, ..Edit::default() })
}

#[test]
fn edits_add_up_and_survive() {
    let disk = SimDisk::new(1);
    let mut manifest = open(&disk).unwrap();
    add_two(&mut manifest).unwrap();
    replace_one(&mut manifest).unwrap();
    let state = manifest.state().clone();
    assert_eq!(state.blocks, [1, 2].into());
    assert_eq!((state.next_block, state.watermark, state.covered.segment), (3, 9, 3));
    assert_eq!(state.payload, "tombstones");
    drop(manifest);
    assert_eq!(open(&disk.restart()).unwrap().state(), &state);
}

#[test]
fn edits_that_contradict_the_state_are_refused_and_change_nothing() {
    let disk = SimDisk::new(1);
    let mut manifest = open(&disk).unwrap();
    add_two(&mut manifest).unwrap();
    let state = manifest.state().clone();
    let back = Some(WalPosition { segment: 2, offset: 28 });
    for edit in [
        Edit { added: vec![0], ..Edit::default() },
        Edit { added: vec![7], ..Edit::default() },
        Edit { removed: vec![5], ..Edit::default() },
        Edit { covered: back, ..Edit::default() },
        Edit { watermark: Some(8), ..Edit::default() },
    ] {
        assert!(matches!(manifest.apply(edit), Err(Error::Invalid { .. })));
        assert_eq!(manifest.state(), &state);
    }
}

/// A crash at any operation leaves the state before the edit or the one behind it, and an edit that was
/// acknowledged is there.
#[test]
fn an_edit_is_atomic_and_durable() {
    for seed in 0..30 {
        let disk = SimDisk::new(seed);
        let mut manifest = open(&disk).unwrap();
        add_two(&mut manifest).unwrap();
        let (old, from) = (manifest.state().blocks.clone(), disk.operations());
        drop(manifest);
        let whole = disk.fork();
        let mut manifest = open(&whole).unwrap();
        replace_one(&mut manifest).unwrap();
        let new = manifest.state().blocks.clone();
        for at in from..=whole.operations() {
            let disk = disk.fork();
            disk.inject(Fault::power_loss_at(at));
            let outcome = open(&disk).and_then(|mut manifest| replace_one(&mut manifest));
            let found = open(&disk.restart()).unwrap().state().blocks.clone();
            assert!(found == new || (found == old && outcome.is_err()), "operation {at}: {found:?}");
        }
    }
}

#[test]
fn a_crash_while_a_store_is_made_leaves_one_that_opens() {
    for seed in 0..30 {
        for at in 0..12 {
            let disk = SimDisk::new(seed);
            disk.inject(Fault::power_loss_at(at));
            let outcome = open(&disk).map(|_| ());
            let disk = disk.restart();
            if outcome.is_ok() {
                assert!(read(&disk, Path::new(DIR), KIND).unwrap().is_some());
            }
            assert_eq!(open(&disk).unwrap().state(), &State::default());
        }
    }
}

#[test]
fn a_full_disk_refuses_an_edit_and_a_failed_sync_of_the_directory_poisons() {
    let disk = SimDisk::new(2);
    let mut manifest = open(&disk).unwrap();
    disk.inject(Fault::full_from(disk.operations()));
    assert!(matches!(add_two(&mut manifest), Err(Error::Io { .. })));
    disk.clear_faults();
    add_two(&mut manifest).unwrap();
    // create, append, sync, rename, then the sync of the directory
    disk.inject(Fault::fail_operation(disk.operations() + 4));
    assert!(matches!(replace_one(&mut manifest), Err(Error::Io { operation: "sync directory", .. })));
    assert!(matches!(manifest.apply(Edit::default()), Err(Error::Poisoned { .. })));
}

#[test]
fn damage_and_other_stores_are_refused() {
    let disk = SimDisk::new(3);
    let mut manifest = open(&disk).unwrap();
    add_two(&mut manifest).unwrap();
    drop(manifest);
    let path = Path::new(DIR).join(MANIFEST_NAME);
    let len = disk.file_bytes(&path).unwrap().unwrap() as usize;
    for at in 0..len {
        type Change = fn(&mut Vec<u8>, usize);
        let changes: [Change; 2] = [|bytes, at| bytes[at] ^= 1, |bytes, at| bytes.truncate(at)];
        for change in changes {
            let hurt = disk.fork();
            hurt.damage(&path, |bytes| change(bytes, at)).unwrap();
            assert!(matches!(open(&hurt), Err(Error::Corrupt { .. } | Error::Version { .. })), "byte {at}");
        }
    }
    let other =
        |tag, version| Manifest::open(Arc::new(disk.clone()), Path::new(DIR), StoreKind { tag, version });
    assert!(matches!(other(*b"ELSE", 1), Err(Error::Corrupt { what: "kind of store", .. })));
    assert!(matches!(other(KIND.tag, 0), Err(Error::Version { found: 1, supported: 0, .. })));
}

#[test]
fn a_store_that_lost_its_manifest_is_not_a_new_store() {
    let disk = SimDisk::new(4);
    open(&disk).unwrap();
    disk.create_dir(&Path::new(DIR).join("blocks/0000000000000000")).unwrap();
    disk.remove_file(&Path::new(DIR).join(MANIFEST_NAME)).unwrap();
    assert!(matches!(open(&disk), Err(Error::Corrupt { what: "manifest", .. })));
}
