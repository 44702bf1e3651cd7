//! The names of the simulated disk: directories as nodes, and changes of names that are not durable yet.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::fault::{Random, Survival};
use crate::disk::Entry;
use crate::error::{Error, Result};

/// A file or directory, whatever its names.
pub(super) type NodeId = usize;

/// The directory that relative and absolute paths alike start from.
const ROOT: NodeId = 0;

/// What one operation does to one name: `None` takes it away.
type NameChange = (NodeId, String, Option<NodeId>);

/// All names. Nodes that lost their last name stay, since a handle may be open on them.
#[derive(Clone, Debug)]
pub(super) struct Names {
    nodes: Vec<Node>,
    /// Operations that no sync of their directory has made durable, oldest first; each is all or nothing.
    pending: Vec<Pending>,
}

#[derive(Clone, Debug)]
struct Pending {
    changes: Vec<NameChange>,
    /// A sync of its directory failed: no later sync makes the operation durable.
    is_doubtful: bool,
}

#[derive(Clone, Debug)]
enum Node {
    File,
    Dir(Dir),
}

#[derive(Clone, Debug, Default)]
struct Dir {
    live: BTreeMap<String, NodeId>,
    durable: BTreeMap<String, NodeId>,
}

fn refused(operation: &'static str, path: &Path, kind: io::ErrorKind) -> Error {
    Error::io(operation, path, kind.into())
}

impl Names {
    pub(super) fn new() -> Self {
        Names { nodes: vec![Node::Dir(Dir::default())], pending: Vec::new() }
    }

    fn dir(&self, id: NodeId) -> Option<&Dir> {
        match self.nodes.get(id) {
            Some(Node::Dir(dir)) => Some(dir),
            _ => None,
        }
    }

    fn resolve(&self, path: &Path) -> Option<NodeId> {
        let mut at = ROOT;
        for part in path.components() {
            if let std::path::Component::Normal(name) = part {
                at = *self.dir(at)?.live.get(name.to_str()?)?;
            }
        }
        Some(at)
    }

    pub(super) fn is_dir(&self, path: &Path) -> bool {
        self.resolve(path).is_some_and(|id| self.dir(id).is_some())
    }

    pub(super) fn file(&self, operation: &'static str, path: &Path) -> Result<NodeId> {
        match self.resolve(path) {
            Some(id) if matches!(self.nodes[id], Node::File) => Ok(id),
            Some(_) => Err(refused(operation, path, io::ErrorKind::IsADirectory)),
            None => Err(refused(operation, path, io::ErrorKind::NotFound)),
        }
    }

    /// The directory and the name that a path stands for, whether or not something has the name.
    fn place(&self, operation: &'static str, path: &Path) -> Result<(NodeId, String)> {
        let name = path.file_name().and_then(|name| name.to_str());
        let name = name.ok_or_else(|| refused(operation, path, io::ErrorKind::InvalidInput))?;
        let parent = path.parent().unwrap_or(Path::new(""));
        let dir = self.resolve(parent).filter(|id| self.dir(*id).is_some());
        Ok((dir.ok_or_else(|| refused(operation, parent, io::ErrorKind::NotFound))?, name.to_owned()))
    }

    fn free_place(&self, operation: &'static str, path: &Path) -> Result<(NodeId, String)> {
        let place = self.place(operation, path)?;
        if self.resolve(path).is_some() {
            return Err(refused(operation, path, io::ErrorKind::AlreadyExists));
        }
        Ok(place)
    }

    fn apply(&mut self, changes: Vec<NameChange>) {
        for (dir, name, to) in &changes {
            if let Some(Node::Dir(dir)) = self.nodes.get_mut(*dir) {
                set(&mut dir.live, name, *to);
            }
        }
        self.pending.push(Pending { changes, is_doubtful: false });
    }

    fn create(&mut self, operation: &'static str, path: &Path, node: Node) -> Result<NodeId> {
        let (dir, name) = self.free_place(operation, path)?;
        let id = self.nodes.len();
        self.nodes.push(node);
        self.apply(vec![(dir, name, Some(id))]);
        Ok(id)
    }

    pub(super) fn create_dir(&mut self, path: &Path) -> Result<NodeId> {
        self.create("create directory", path, Node::Dir(Dir::default()))
    }

    pub(super) fn create_file(&mut self, path: &Path) -> Result<NodeId> {
        self.create("create", path, Node::File)
    }

    pub(super) fn list(&self, path: &Path) -> Result<Vec<Entry>> {
        let dir = self.resolve(path).and_then(|id| self.dir(id));
        let dir = dir.ok_or_else(|| refused("list", path, io::ErrorKind::NotFound))?;
        let entry =
            |(name, id): (&String, &NodeId)| Entry { name: name.clone(), is_dir: self.dir(*id).is_some() };
        Ok(dir.live.iter().map(entry).collect())
    }

    pub(super) fn rename(&mut self, from: &Path, to: &Path) -> Result<()> {
        let missing = || refused("rename", from, io::ErrorKind::NotFound);
        let moved = self.resolve(from).ok_or_else(missing)?;
        let (from_dir, from_name) = self.place("rename", from)?;
        let (to_dir, to_name) = self.place("rename", to)?;
        let is_replaceable = match self.resolve(to) {
            None => true,
            Some(old) if old == moved && self.dir(old).is_none() => return Ok(()),
            Some(old) => match (self.dir(old), self.dir(moved)) {
                (None, None) => true,
                (Some(old), Some(_)) => old.live.is_empty(),
                _ => false,
            },
        };
        if !is_replaceable {
            return Err(refused("rename", to, io::ErrorKind::AlreadyExists));
        }
        self.apply(vec![(from_dir, from_name, None), (to_dir, to_name, Some(moved))]);
        Ok(())
    }

    pub(super) fn hard_link(&mut self, from: &Path, to: &Path) -> Result<()> {
        let id = self.file("hard link", from)?;
        let (dir, name) = self.free_place("hard link", to)?;
        self.apply(vec![(dir, name, Some(id))]);
        Ok(())
    }

    pub(super) fn remove_file(&mut self, path: &Path) -> Result<()> {
        self.file("remove", path)?;
        let (dir, name) = self.place("remove", path)?;
        self.apply(vec![(dir, name, None)]);
        Ok(())
    }

    pub(super) fn remove_dir(&mut self, path: &Path) -> Result<()> {
        let dir = self.resolve(path).and_then(|id| self.dir(id));
        match dir {
            None => return Err(refused("remove directory", path, io::ErrorKind::NotFound)),
            Some(dir) if !dir.live.is_empty() => {
                return Err(refused("remove directory", path, io::ErrorKind::DirectoryNotEmpty));
            }
            Some(_) => {}
        }
        let (dir, name) = self.place("remove directory", path)?;
        self.apply(vec![(dir, name, None)]);
        Ok(())
    }

    /// Makes durable every operation that touched the directory.
    pub(super) fn sync_dir(&mut self, path: &Path) -> Result<()> {
        let id = self.resolve(path).filter(|id| self.dir(*id).is_some());
        let id = id.ok_or_else(|| refused("sync directory", path, io::ErrorKind::NotFound))?;
        for operation in std::mem::take(&mut self.pending) {
            if operation.is_doubtful || !operation.touches(id) {
                self.pending.push(operation);
                continue;
            }
            self.make_durable(&operation.changes);
            // A name that is durable now has overtaken what was in doubt about it.
            for doubtful in self.pending.iter_mut().filter(|earlier| earlier.is_doubtful) {
                doubtful.changes.retain(|(dir, name, _)| {
                    !operation.changes.iter().any(|(new_dir, new_name, _)| (new_dir, new_name) == (dir, name))
                });
            }
        }
        Ok(())
    }

    /// Leaves every operation that touched the directory in doubt.
    pub(super) fn fail_sync_dir(&mut self, path: &Path) {
        if let Some(id) = self.resolve(path) {
            for operation in self.pending.iter_mut().filter(|operation| operation.touches(id)) {
                operation.is_doubtful = true;
            }
        }
    }

    fn make_durable(&mut self, changes: &[NameChange]) {
        for (dir, name, to) in changes {
            if let Some(Node::Dir(dir)) = self.nodes.get_mut(*dir) {
                set(&mut dir.durable, name, *to);
            }
        }
    }

    /// The names that the next process finds.
    pub(super) fn after_power_loss(&self, random: &mut Random) -> Names {
        let mut next = self.clone();
        let pending = std::mem::take(&mut next.pending);
        let survival = Survival::choose(random, pending.len());
        for (i, operation) in pending.iter().enumerate() {
            if survival.keeps(i, random) {
                next.make_durable(&operation.changes);
            }
        }
        for node in &mut next.nodes {
            if let Node::Dir(dir) = node {
                dir.live.clone_from(&dir.durable);
            }
        }
        next
    }
}

impl Pending {
    fn touches(&self, id: NodeId) -> bool {
        self.changes.iter().any(|(dir, ..)| *dir == id)
    }
}

fn set(names: &mut BTreeMap<String, NodeId>, name: &str, to: Option<NodeId>) {
    match to {
        Some(id) => names.insert(name.to_owned(), id),
        None => names.remove(name),
    };
}
