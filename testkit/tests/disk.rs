//! The three disks are one disk: the same operations give the same answers on each.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on panics")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use bedrock::disk::{Disk, FsDisk, MemDisk, SimDisk};
use proptest::prelude::*;
use testkit::rounds::cases;

/// One operation on a few names in a few directories.
#[derive(Clone, Debug)]
enum Step {
    CreateDir(usize),
    Write(usize, Vec<u8>),
    Append(usize, Vec<u8>),
    Rename(usize, usize),
    Link(usize, usize),
    Remove(usize),
    RemoveDir(usize),
    Sync(usize),
}

const PATHS: [&str; 8] = ["a", "b", "a/x", "a/y", "b/x", "b/c", "b/c/x", "b/c/y"];

fn step() -> impl Strategy<Value = Step> {
    let path = || 0..PATHS.len();
    let bytes = || proptest::collection::vec(any::<u8>(), 0..20);
    prop_oneof![
        path().prop_map(Step::CreateDir),
        (path(), bytes()).prop_map(|(path, bytes)| Step::Write(path, bytes)),
        (path(), bytes()).prop_map(|(path, bytes)| Step::Append(path, bytes)),
        (path(), path()).prop_map(|(from, to)| Step::Rename(from, to)),
        (path(), path()).prop_map(|(from, to)| Step::Link(from, to)),
        path().prop_map(Step::Remove),
        path().prop_map(Step::RemoveDir),
        path().prop_map(Step::Sync),
    ]
}

/// Whether the operation was accepted.
fn apply(disk: &dyn Disk, root: &Path, step: &Step) -> bool {
    let at = |path: &usize| root.join(PATHS[*path]);
    let outcome = match step {
        Step::CreateDir(path) => disk.create_dir(&at(path)),
        Step::Write(path, bytes) => disk.create(&at(path)).and_then(|mut file| file.append(bytes)),
        Step::Append(path, bytes) => disk.append(&at(path)).and_then(|mut file| {
            file.append(bytes)?;
            file.sync()
        }),
        Step::Rename(from, to) => disk.rename(&at(from), &at(to)),
        Step::Link(from, to) => disk.hard_link(&at(from), &at(to)),
        Step::Remove(path) => disk.remove_file(&at(path)),
        Step::RemoveDir(path) => disk.remove_dir(&at(path)),
        Step::Sync(path) => disk.list(&at(path)).and_then(|_| disk.create_dir(&at(path))),
    };
    outcome.is_ok()
}

/// Everything that is on a disk below a directory: the bytes of files, `None` for directories. A file is read in
/// three ways that must agree; the mapping is the one that is unsafe to make.
fn content(disk: &dyn Disk, root: &Path, dir: &Path, found: &mut BTreeMap<PathBuf, Option<Vec<u8>>>) {
    for entry in disk.list(dir).unwrap() {
        let path = dir.join(&entry.name);
        let relative = path.strip_prefix(root).unwrap().to_owned();
        if entry.is_dir {
            found.insert(relative, None);
            content(disk, root, &path, found);
            continue;
        }
        let file = disk.open(&path).unwrap();
        let len = file.bytes().unwrap() as usize;
        assert_eq!(disk.file_bytes(&path).unwrap(), Some(len as u64));
        let map = file.map().unwrap();
        let (head, tail) =
            (file.read_at(0, len / 2).unwrap(), file.read_at((len / 2) as u64, len - len / 2).unwrap());
        assert_eq!(map, [head, tail].concat());
        assert!(file.read_at(1, len).is_err());
        found.insert(relative, Some(map.to_vec()));
    }
}

proptest! {
    #![proptest_config(cases(200))]

    #[test]
    fn the_same_operations_give_the_same_answers(steps in proptest::collection::vec(step(), 1..40)) {
        let dir = tempfile::tempdir().unwrap();
        let (fs, mem, sim) = (FsDisk::new(), MemDisk::new(), SimDisk::new(0));
        let disks: [(&dyn Disk, &Path); 3] = [(&fs, dir.path()), (&mem, Path::new("/root")), (&sim, Path::new("/root"))];
        for (disk, root) in &disks {
            disk.create_dir(root).unwrap();
        }
        for step in &steps {
            // A file system refuses to put a directory into itself; no store asks for it.
            if let Step::Rename(from, to) = step
                && PATHS[*to].starts_with(PATHS[*from])
            {
                continue;
            }
            let [fs, mem, sim] = disks.map(|(disk, root)| apply(disk, root, step));
            prop_assert_eq!((fs, fs), (mem, sim), "{:?}", step);
        }
        let [fs, mem, sim] = disks.map(|(disk, root)| {
            let mut found = BTreeMap::new();
            content(disk, root, root, &mut found);
            found
        });
        prop_assert_eq!(&fs, &mem);
        prop_assert_eq!(&fs, &sim);
    }
}
