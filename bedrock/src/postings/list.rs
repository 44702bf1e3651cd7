//! The list of one pair of a written index, read where it stands.

use super::Ids;
use super::format::INLINE_IDS_MAX;
use super::reader::PostingsReader;
use super::select;
use super::union::Union;
use super::view;
use crate::error::{Error, Result};

/// The ids of a pair, where they stand.
pub(super) struct ListRef<'a> {
    pub(super) reader: &'a PostingsReader,
    pub(super) ids: Stored<'a>,
}

/// What an entry says of its ids.
pub(super) enum Stored<'a> {
    Inline { count: u8, ids: [u32; INLINE_IDS_MAX] },
    List { count: u64, bytes: &'a [u8], offset: u64 },
}

impl select::List for ListRef<'_> {
    type Error = Error;

    fn len(&self) -> u64 {
        match &self.ids {
            Stored::Inline { count, .. } => u64::from(*count),
            Stored::List { count, .. } => *count,
        }
    }

    fn to_ids(&self) -> Result<Ids> {
        match &self.ids {
            Stored::Inline { count, ids } => Ok(ids.iter().copied().take(usize::from(*count)).collect()),
            Stored::List { bytes, offset, .. } => self.reader.deserialize(bytes, *offset),
        }
    }

    fn add_to(&self, union: &mut Union<'_>) -> Result<()> {
        match &self.ids {
            Stored::Inline { count, ids } => {
                ids.iter().take(usize::from(*count)).for_each(|&id| union.add(id));
                Ok(())
            }
            Stored::List { bytes, offset, .. } => {
                view::add_to(bytes, union).map_err(|error| self.reader.damaged(error, *offset))
            }
        }
    }

    fn meets(&self, among: &Ids) -> Result<bool> {
        match &self.ids {
            Stored::Inline { count, ids } => {
                Ok(ids.iter().take(usize::from(*count)).any(|&id| among.contains(id)))
            }
            Stored::List { .. } => Ok(!self.to_ids()?.is_disjoint(among)),
        }
    }
}
