//! Files in memory: nothing is durable, nothing fails, syncs cost nothing.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::Bound;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use bytes::Bytes;

use super::{DirLock, Disk, Entry, ReadFile, WriteFile, checked_range};
use crate::error::{Error, Result};

/// Files in memory, shared by the clones of one value.
///
/// A file whose writer is gone is held once, however often it is mapped or read: readers get slices of it.
#[derive(Clone, Debug, Default)]
pub struct MemDisk {
    tree: Arc<Mutex<Tree>>,
}

#[derive(Debug, Default)]
struct Tree {
    /// Every name but the roots (the empty path and `/`), which are always there.
    nodes: BTreeMap<PathBuf, Node>,
    locks: BTreeSet<PathBuf>,
}

#[derive(Clone, Debug)]
enum Node {
    Dir,
    File(Arc<Mutex<Content>>),
}

/// The bytes of a file: a frozen start that readers share, and what was appended since.
#[derive(Debug, Default)]
struct Content {
    frozen: Bytes,
    growing: Vec<u8>,
}

impl Content {
    fn len(&self) -> usize {
        self.frozen.len() + self.growing.len()
    }

    /// Makes the whole content shareable. Copies only where bytes were appended after an earlier freeze.
    fn freeze(&mut self) -> Bytes {
        if self.frozen.is_empty() {
            self.growing.shrink_to_fit();
            self.frozen = Bytes::from(std::mem::take(&mut self.growing));
        } else if !self.growing.is_empty() {
            let mut whole = Vec::with_capacity(self.len());
            whole.extend_from_slice(&self.frozen);
            whole.append(&mut self.growing);
            self.frozen = Bytes::from(whole);
        }
        self.frozen.clone()
    }

    fn read(&self, range: std::ops::Range<usize>) -> Bytes {
        let split = self.frozen.len();
        if range.end <= split {
            return self.frozen.slice(range);
        }
        let mut bytes = Vec::with_capacity(range.len());
        bytes.extend_from_slice(&self.frozen[range.start.min(split)..]);
        bytes.extend_from_slice(&self.growing[range.start.saturating_sub(split)..range.end - split]);
        Bytes::from(bytes)
    }
}

/// A panic while a lock is held leaves the tree whole: every change is one step.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn refused(operation: &'static str, path: &Path, kind: io::ErrorKind) -> Error {
    Error::io(operation, path, kind.into())
}

impl Tree {
    fn is_dir(&self, path: &Path) -> bool {
        path.parent().is_none() || matches!(self.nodes.get(path), Some(Node::Dir))
    }

    fn file(&self, operation: &'static str, path: &Path) -> Result<Arc<Mutex<Content>>> {
        match self.nodes.get(path) {
            Some(Node::File(content)) => Ok(Arc::clone(content)),
            Some(Node::Dir) => Err(refused(operation, path, io::ErrorKind::IsADirectory)),
            None => Err(refused(operation, path, io::ErrorKind::NotFound)),
        }
    }

    /// Checks that a new name can be made: free, in a directory that exists.
    fn check_free(&self, operation: &'static str, path: &Path) -> Result<()> {
        let parent = path.parent().ok_or_else(|| refused(operation, path, io::ErrorKind::AlreadyExists))?;
        if !self.is_dir(parent) {
            return Err(refused(operation, parent, io::ErrorKind::NotFound));
        }
        if self.nodes.contains_key(path) {
            return Err(refused(operation, path, io::ErrorKind::AlreadyExists));
        }
        Ok(())
    }

    /// The names below a directory, at any depth, in order.
    fn below<'a>(&'a self, dir: &'a Path) -> impl Iterator<Item = (&'a PathBuf, &'a Node)> {
        let after = (Bound::Excluded(dir), Bound::Unbounded);
        self.nodes.range::<Path, _>(after).take_while(move |(path, _)| path.starts_with(dir))
    }
}

impl MemDisk {
    /// An empty disk.
    pub fn new() -> Self {
        MemDisk::default()
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        locked(&self.tree)
    }
}

impl Disk for MemDisk {
    fn create_dir(&self, path: &Path) -> Result<()> {
        let mut tree = self.tree();
        let named = path.ancestors().filter(|dir| dir.parent().is_some());
        let missing: Vec<&Path> = named.take_while(|dir| !tree.is_dir(dir)).collect();
        if let Some(file) = missing.iter().find(|dir| tree.nodes.contains_key(**dir)) {
            return Err(refused("create directory", file, io::ErrorKind::AlreadyExists));
        }
        for dir in missing {
            tree.nodes.insert(dir.to_owned(), Node::Dir);
        }
        Ok(())
    }

    fn list(&self, dir: &Path) -> Result<Vec<Entry>> {
        let tree = self.tree();
        if !tree.is_dir(dir) {
            return Err(refused("list", dir, io::ErrorKind::NotFound));
        }
        let children = tree.below(dir).filter(|(path, _)| path.parent() == Some(dir));
        let mut entries: Vec<Entry> = children
            .filter_map(|(path, node)| {
                let name = path.file_name()?.to_str()?.to_owned();
                Some(Entry { name, is_dir: matches!(node, Node::Dir) })
            })
            .collect();
        entries.sort();
        Ok(entries)
    }

    fn file_bytes(&self, path: &Path) -> Result<Option<u64>> {
        Ok(match self.tree().nodes.get(path) {
            Some(Node::File(content)) => Some(locked(content).len() as u64),
            _ => None,
        })
    }

    fn create(&self, path: &Path) -> Result<Box<dyn WriteFile>> {
        let mut tree = self.tree();
        tree.check_free("create", path)?;
        let content = Arc::default();
        tree.nodes.insert(path.to_owned(), Node::File(Arc::clone(&content)));
        Ok(Box::new(MemWriter { content }))
    }

    fn append(&self, path: &Path) -> Result<Box<dyn WriteFile>> {
        Ok(Box::new(MemWriter { content: self.tree().file("open for append", path)? }))
    }

    fn open(&self, path: &Path) -> Result<Box<dyn ReadFile>> {
        Ok(Box::new(MemReader { content: self.tree().file("open", path)?, path: path.to_owned() }))
    }

    fn rename(&self, from: &Path, to: &Path) -> Result<()> {
        let mut tree = self.tree();
        let moved = tree.nodes.get(from).cloned();
        let moved = moved.ok_or_else(|| refused("rename", from, io::ErrorKind::NotFound))?;
        match (tree.nodes.get(to), &moved) {
            (None, _) => tree.check_free("rename", to)?,
            (Some(Node::File(old)), Node::File(new)) if Arc::ptr_eq(old, new) => return Ok(()),
            (Some(Node::File(_)), Node::File(_)) => {}
            (Some(Node::Dir), Node::Dir) if tree.below(to).next().is_none() => {}
            _ => return Err(refused("rename", to, io::ErrorKind::AlreadyExists)),
        }
        let below: Vec<PathBuf> = tree.below(from).map(|(path, _)| path.clone()).collect();
        tree.nodes.remove(from);
        tree.nodes.insert(to.to_owned(), moved);
        for path in below {
            if let (Some(node), Ok(rest)) = (tree.nodes.remove(&path), path.strip_prefix(from)) {
                tree.nodes.insert(to.join(rest), node);
            }
        }
        Ok(())
    }

    fn hard_link(&self, from: &Path, to: &Path) -> Result<()> {
        let mut tree = self.tree();
        let content = tree.file("hard link", from)?;
        tree.check_free("hard link", to)?;
        tree.nodes.insert(to.to_owned(), Node::File(content));
        Ok(())
    }

    fn remove_file(&self, path: &Path) -> Result<()> {
        let mut tree = self.tree();
        tree.file("remove", path)?;
        tree.nodes.remove(path);
        Ok(())
    }

    fn remove_dir(&self, path: &Path) -> Result<()> {
        let mut tree = self.tree();
        match tree.nodes.get(path) {
            Some(Node::Dir) if tree.below(path).next().is_none() => {}
            Some(Node::Dir) => {
                return Err(refused("remove directory", path, io::ErrorKind::DirectoryNotEmpty));
            }
            _ => return Err(refused("remove directory", path, io::ErrorKind::NotFound)),
        }
        tree.nodes.remove(path);
        Ok(())
    }

    fn sync_dir(&self, _dir: &Path) -> Result<()> {
        Ok(())
    }

    fn lock(&self, dir: &Path) -> Result<DirLock> {
        if !self.tree().locks.insert(dir.to_owned()) {
            return Err(Error::Locked { path: dir.to_owned() });
        }
        Ok(DirLock::new(HeldLock { disk: self.clone(), dir: dir.to_owned() }))
    }
}

struct HeldLock {
    disk: MemDisk,
    dir: PathBuf,
}

impl Drop for HeldLock {
    fn drop(&mut self) {
        self.disk.tree().locks.remove(&self.dir);
    }
}

#[derive(Debug)]
struct MemWriter {
    content: Arc<Mutex<Content>>,
}

impl WriteFile for MemWriter {
    fn append(&mut self, bytes: &[u8]) -> Result<()> {
        locked(&self.content).growing.extend_from_slice(bytes);
        Ok(())
    }

    fn sync(&mut self) -> Result<()> {
        Ok(())
    }
}

impl Drop for MemWriter {
    fn drop(&mut self) {
        locked(&self.content).freeze();
    }
}

#[derive(Debug)]
struct MemReader {
    content: Arc<Mutex<Content>>,
    path: PathBuf,
}

impl ReadFile for MemReader {
    fn bytes(&self) -> Result<u64> {
        Ok(locked(&self.content).len() as u64)
    }

    fn read_at(&self, offset: u64, len: usize) -> Result<Bytes> {
        let content = locked(&self.content);
        let range = checked_range(&self.path, content.len() as u64, offset, len)?;
        Ok(content.read(range))
    }

    fn map(&self) -> Result<Bytes> {
        Ok(locked(&self.content).freeze())
    }
}
