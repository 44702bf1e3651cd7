//! A block and what is deleted from it.

use std::ops::{Deref, Range};
use std::sync::Arc;

use crate::postings::Ids;

/// A block of a store, and the rows of it that are deleted: they are in its files until it is compacted, and no reader
/// shows them. Cheap to clone.
#[derive(Debug)]
pub struct LiveBlock<B> {
    block: Arc<B>,
    /// `None` where nothing is deleted.
    deleted: Option<Arc<Ids>>,
}

impl<B> LiveBlock<B> {
    pub(super) fn new(block: B) -> Self {
        LiveBlock { block: Arc::new(block), deleted: None }
    }

    pub(super) fn with_deleted(&self, deleted: Ids) -> Self {
        let deleted = (!deleted.is_empty()).then(|| Arc::new(deleted));
        LiveBlock { block: Arc::clone(&self.block), deleted }
    }

    /// The deleted rows, by the number that the store gives them in the block; `None` where there is none.
    pub fn deleted(&self) -> Option<&Ids> {
        self.deleted.as_deref()
    }

    /// Whether a row is deleted.
    pub fn is_deleted(&self, row: u32) -> bool {
        self.deleted().is_some_and(|deleted| deleted.contains(row))
    }

    /// The deleted rows among some, ascending.
    pub fn deleted_in(&self, rows: Range<u32>) -> impl Iterator<Item = u32> + '_ {
        self.deleted().into_iter().flat_map(move |deleted| deleted.range(rows.clone()))
    }
}

impl<B> Clone for LiveBlock<B> {
    fn clone(&self) -> Self {
        LiveBlock { block: Arc::clone(&self.block), deleted: self.deleted.clone() }
    }
}

impl<B> Deref for LiveBlock<B> {
    type Target = B;

    fn deref(&self) -> &B {
        &self.block
    }
}
