use std::path::Path;

use super::{
    Disk, Fault, FsDisk, MemDisk, SimDisk, link_dir, link_or_copy, read_file, remove_dir_all, write_file,
};
use crate::error::Error;

fn on_every_disk(check: impl Fn(&dyn Disk, &Path)) {
    let dir = tempfile::tempdir().unwrap();
    check(&FsDisk::new(), dir.path());
    for disk in [&MemDisk::new() as &dyn Disk, &SimDisk::new(1)] {
        disk.create_dir(Path::new("/root")).unwrap();
        check(disk, Path::new("/root"));
    }
}

fn names(disk: &dyn Disk, dir: &Path) -> Vec<String> {
    disk.list(dir).unwrap().into_iter().map(|e| e.name).collect()
}

#[test]
fn files_grow_and_are_read_in_ranges() {
    on_every_disk(|disk, root| {
        let path = root.join("file");
        let mut writer = disk.create(&path).unwrap();
        assert!(matches!(disk.create(&path), Err(Error::Io { .. })), "a taken name is refused: {disk:?}");
        writer.append(b"hello ").unwrap();
        let reader = disk.open(&path).unwrap();
        let early = reader.map().unwrap();
        writer.append(b"world").unwrap();
        writer.sync().unwrap();
        assert_eq!(reader.bytes().unwrap(), 11);
        assert_eq!(reader.read_at(4, 4).unwrap(), "o wo");
        assert_eq!(reader.read_at(6, 5).unwrap(), "world");
        assert_eq!(reader.read_at(11, 0).unwrap(), "");
        assert_eq!(early, "hello ", "a mapping is what the file was");
        drop(writer);
        disk.append(&path).unwrap().append(b"!").unwrap();
        assert_eq!(read_file(disk, &path).unwrap(), "hello world!");
        assert!(matches!(reader.read_at(10, 3), Err(Error::Corrupt { offset: 10, .. })));
        assert!(matches!(reader.read_at(u64::MAX, 3), Err(Error::Corrupt { .. })));
        assert!(matches!(reader.read_at(0, usize::MAX), Err(Error::Corrupt { .. })));
    });
}

/// POSIX: a rename between two names of one file does nothing. The disks in memory once dropped the old name.
#[test]
fn a_rename_onto_another_name_of_the_same_file_leaves_both() {
    on_every_disk(|disk, root| {
        let (old, new) = (root.join("a"), root.join("b"));
        write_file(disk, &old, b"one").unwrap();
        disk.hard_link(&old, &new).unwrap();
        disk.rename(&old, &new).unwrap();
        assert_eq!(names(disk, root), ["a", "b"]);
        write_file(disk, &root.join("c"), b"two").unwrap();
        disk.rename(&root.join("c"), &new).unwrap();
        assert_eq!(names(disk, root), ["a", "b"]);
        assert_eq!(read_file(disk, &old).unwrap(), "one");
    });
}

#[test]
fn names_are_made_listed_renamed_linked_and_removed() {
    on_every_disk(|disk, root| {
        let dir = root.join("a/b");
        disk.create_dir(&dir).unwrap();
        disk.create_dir(&dir).unwrap();
        write_file(disk, &dir.join("x"), b"one").unwrap();
        write_file(disk, &dir.join("x"), b"two").unwrap();
        disk.hard_link(&dir.join("x"), &dir.join("y")).unwrap();
        assert!(disk.hard_link(&dir.join("x"), &dir.join("y")).is_err());
        assert_eq!(names(disk, &dir), ["x", "y"]);
        let held = disk.open(&dir.join("x")).unwrap();
        disk.remove_file(&dir.join("x")).unwrap();
        assert_eq!(read_file(disk, &dir.join("y")).unwrap(), "two");
        assert_eq!(held.read_at(0, 3).unwrap(), "two", "an open file outlives its name");
        assert!(disk.remove_dir(&dir).is_err(), "the directory has entries");
        disk.rename(&dir, &root.join("c")).unwrap();
        assert_eq!(read_file(disk, &root.join("c/y")).unwrap(), "two");
        assert_eq!(disk.file_bytes(&root.join("c/y")).unwrap(), Some(3));
        assert_eq!(disk.file_bytes(&root.join("c/z")).unwrap(), None);
        assert!(disk.list(&dir).is_err());
        assert!(disk.create(&dir.join("x")).is_err(), "the directory is gone");
        link_dir(disk, &root.join("c"), &root.join("d")).unwrap();
        remove_dir_all(disk, &root.join("c")).unwrap();
        assert_eq!(names(disk, root), ["a", "d"]);
        assert_eq!(names(disk, &root.join("d")), ["y"]);
    });
}

/// Another file system has no links to this one: the file is copied, whole and durable.
#[test]
fn a_file_that_cannot_be_linked_is_copied() {
    let disk = SimDisk::new(5);
    let bytes: Vec<u8> = (0..3_000_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 24) as u8).collect();
    write_file(&disk, Path::new("a"), &bytes).unwrap();
    disk.inject(Fault::fail_operation(disk.operations()));
    link_or_copy(&disk, Path::new("a"), Path::new("b")).unwrap();
    disk.sync_dir(Path::new("")).unwrap();
    disk.damage(Path::new("a"), Vec::clear).unwrap();
    assert!(link_or_copy(&disk, Path::new("a"), Path::new("b")).is_err(), "the name is taken");
    assert!(read_file(&disk.restart(), Path::new("b")).unwrap() == bytes);
}

#[test]
fn a_directory_is_locked_once() {
    on_every_disk(|disk, root| {
        let held = disk.lock(root).unwrap();
        assert!(matches!(disk.lock(root), Err(Error::Locked { .. })));
        drop(held);
        drop(disk.lock(root).unwrap());
    });
}

#[test]
fn what_is_synced_survives_a_power_loss() {
    for seed in 0..200 {
        let disk = SimDisk::new(seed);
        let path = Path::new("file");
        let mut file = disk.create(path).unwrap();
        file.append(b"durable").unwrap();
        file.sync().unwrap();
        disk.sync_dir(Path::new("")).unwrap();
        file.append(b"pending").unwrap();
        file.append(b"pending too").unwrap();
        let bytes = read_file(&disk.restart(), path).unwrap();
        assert!(bytes.starts_with(b"durable") && bytes.len() <= 25, "{bytes:?}");
        assert!(file.append(b"x").is_err(), "handles of the old process are dead");
    }
}

/// The fault model is only worth something where all its outcomes occur.
#[test]
fn pending_changes_survive_in_any_subset() {
    let mut seen = std::collections::BTreeSet::new();
    for seed in 0..400 {
        let disk = SimDisk::new(seed);
        let mut file = disk.create(Path::new("a")).unwrap();
        disk.sync_dir(Path::new("")).unwrap();
        file.append(b"1111").unwrap();
        file.append(b"2222").unwrap();
        disk.create(Path::new("b")).unwrap();
        disk.create(Path::new("c")).unwrap();
        let next = disk.restart();
        let bytes = read_file(&next, Path::new("a")).unwrap();
        let first = bytes.starts_with(b"1111");
        let second = bytes.len() == 8 && bytes.ends_with(b"2222");
        let torn = !bytes.len().is_multiple_of(4);
        seen.insert((first, second, torn, names(&next, Path::new(""))));
    }
    let has = |first, second| seen.iter().any(|s| s.0 == first && s.1 == second);
    assert!(has(true, true) && has(true, false) && has(false, true) && has(false, false));
    assert!(seen.iter().any(|s| s.2), "some appends are torn");
    for names in [vec!["a"], vec!["a", "b"], vec!["a", "c"], vec!["a", "b", "c"]] {
        assert!(seen.iter().any(|s| s.3 == names), "{names:?} never survived");
    }
}

#[test]
fn a_failed_sync_leaves_its_bytes_in_doubt_for_good() {
    let lost = (0..100).any(|seed| {
        let disk = SimDisk::new(seed);
        let mut file = disk.create(Path::new("a")).unwrap();
        disk.sync_dir(Path::new("")).unwrap();
        file.append(b"doubtful").unwrap();
        disk.inject(Fault::fail_operation(disk.operations()));
        assert!(file.sync().is_err());
        file.sync().unwrap();
        read_file(&disk.restart(), Path::new("a")).unwrap() != "doubtful"
    });
    assert!(lost);
}

#[test]
fn a_rename_is_atomic_under_power_loss() {
    for seed in 0..200 {
        let disk = SimDisk::new(seed);
        let path = Path::new("file");
        write_file(&disk, path, b"old").unwrap();
        let from = disk.operations();
        let before = disk.fork();
        write_file(&before, path, b"new").unwrap();
        for at in from..before.operations() {
            let disk = disk.fork();
            disk.inject(Fault::power_loss_at(at));
            assert!(write_file(&disk, path, b"new").is_err());
            let bytes = read_file(&disk.restart(), path).unwrap();
            assert!(bytes == "old" || bytes == "new", "{bytes:?}");
        }
    }
}

#[test]
fn a_full_disk_refuses_what_needs_space_and_nothing_else() {
    let disk = SimDisk::new(3);
    write_file(&disk, Path::new("a"), b"bytes").unwrap();
    disk.inject(Fault::full_from(disk.operations()));
    let error = disk.create(Path::new("b")).unwrap_err();
    assert!(matches!(&error, Error::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull));
    assert!(disk.append(Path::new("a")).unwrap().append(b"x").is_err());
    disk.remove_file(Path::new("a")).unwrap();
    disk.clear_faults();
    disk.create(Path::new("b")).unwrap();
}
