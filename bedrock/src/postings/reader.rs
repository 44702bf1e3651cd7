//! Reads a written index in place.

use std::borrow::Cow;
use std::path::PathBuf;

use bytes::Bytes;

use super::Ids;
use super::format::{
    BLOCK_VALUES, FOOTER_BYTES, HEADER_BYTES, INLINE_IDS_MAX, MAGIC, TEXT_BYTES_MAX, VERSION,
};
use super::list::{ListRef, Stored};
use super::select::{self, List as _, Source};
use crate::codec::{ByteReader, DecodeError, Expected};
use crate::error::{Error, Result};
use crate::labels::Matcher;

/// An index over bytes that may be mapped. Opening reads the names; everything else is read where it is asked for.
///
/// Any bytes are safe. What they say is only right where they are what was written: the checksum of names is checked
/// here, that of the lists is the section's that holds the index.
#[derive(Clone, Debug)]
pub struct PostingsReader {
    bytes: Bytes,
    path: PathBuf,
    /// Where the index starts in its file.
    offset: u64,
    /// Sorted by name.
    names: Vec<Name>,
    all: Span,
}

#[derive(Clone, Debug)]
struct Name {
    name: Box<str>,
    series: u64,
    list: Span,
    values: u64,
    blocks_offset: u64,
    table_offset: u64,
}

/// A part of the index.
#[derive(Clone, Copy, Debug)]
struct Span {
    offset: u64,
    bytes: u64,
}

impl PostingsReader {
    /// Opens an index that starts at byte `offset` of the file at `path`, both of which only errors need. O(names).
    ///
    /// # Errors
    ///
    /// Where header, footer or names do not check out, or the version is unknown.
    pub fn open(bytes: Bytes, path: impl Into<PathBuf>, offset: u64) -> Result<Self> {
        let mut reader = PostingsReader {
            bytes,
            path: path.into(),
            offset,
            names: Vec::new(),
            all: Span { offset: 0, bytes: 0 },
        };
        reader.check_header()?;
        reader.read_names()?;
        Ok(reader)
    }

    fn check_header(&self) -> Result<()> {
        let mut header = ByteReader::new(&self.bytes);
        let magic: [u8; 4] = self.located(header.array("magic of postings"))?;
        let version = self.located(header.u8("version of postings"))?;
        if magic != MAGIC {
            return Err(self.corrupt(
                0,
                "magic of postings",
                Expected::Form("TPOS"),
                u32::from_le_bytes(magic).into(),
            ));
        }
        if version != VERSION {
            return Err(Error::Version { path: self.path.clone(), found: version, supported: VERSION });
        }
        Ok(())
    }

    fn read_names(&mut self) -> Result<()> {
        const WHAT: &str = "footer of postings";
        let Some(footer_offset) = self.bytes.len().checked_sub(FOOTER_BYTES).filter(|at| *at >= HEADER_BYTES)
        else {
            let needed = Expected::Bytes((HEADER_BYTES + FOOTER_BYTES) as u64);
            return Err(self.corrupt(0, "postings", needed, self.bytes.len() as u64));
        };
        let (body, footer) = self.bytes.split_at(footer_offset);
        let mut footer = ByteReader::with_base(footer, footer_offset as u64);
        let names_offset = self.located(footer.u64(WHAT))?;
        let crc = self.located(footer.u32(WHAT))?;
        let magic: [u8; 4] = self.located(footer.array(WHAT))?;
        if magic != MAGIC {
            let found = u32::from_le_bytes(magic).into();
            return Err(self.corrupt(footer_offset as u64, WHAT, Expected::Form("TPOS at its end"), found));
        }
        let names = usize::try_from(names_offset).ok().and_then(|offset| body.get(offset..));
        let Some(names) = names else {
            return Err(self.corrupt(
                footer_offset as u64,
                WHAT,
                Expected::AtMost(footer_offset as u64),
                names_offset,
            ));
        };
        let found = crc32fast::hash(names);
        if found != crc {
            let expected = Expected::Exactly(crc.into());
            return Err(self.corrupt(names_offset, "CRC-32 of names of postings", expected, found.into()));
        }
        let parsed = parse_names(names, names_offset);
        (self.names, self.all) = self.located(parsed)?;
        Ok(())
    }

    fn corrupt(&self, position: u64, what: &'static str, expected: Expected, found: u64) -> Error {
        DecodeError { what, position, expected, found }.in_file(&self.path, self.offset)
    }

    fn located<T>(&self, result: std::result::Result<T, DecodeError>) -> Result<T> {
        result.map_err(|error| error.in_file(&self.path, self.offset))
    }

    /// A reader from `offset` to the end of the index.
    fn at(&self, what: &'static str, offset: u64) -> std::result::Result<ByteReader<'_>, DecodeError> {
        let rest = usize::try_from(offset).ok().and_then(|offset| self.bytes.get(offset..));
        let out_of_range = DecodeError {
            what,
            position: offset,
            expected: Expected::AtMost(self.bytes.len() as u64),
            found: offset,
        };
        rest.map(|rest| ByteReader::with_base(rest, offset)).ok_or(out_of_range)
    }

    fn span(&self, span: Span) -> std::result::Result<&[u8], DecodeError> {
        let mut reader = self.at("posting list", span.offset)?;
        reader.take("posting list", usize::try_from(span.bytes).unwrap_or(usize::MAX))
    }

    fn ids(&self, span: Span) -> Result<Ids> {
        let bytes = self.located(self.span(span))?;
        self.deserialize(bytes, span.offset)
    }

    /// The error of a list that starts at `offset` of the index.
    pub(super) fn damaged(&self, error: DecodeError, offset: u64) -> Error {
        error.in_file(&self.path, self.offset.saturating_add(offset))
    }

    pub(super) fn deserialize(&self, bytes: &[u8], offset: u64) -> Result<Ids> {
        Ids::deserialize_from(bytes).map_err(|_| {
            self.corrupt(offset, "posting list", Expected::Form("a Roaring list"), bytes.len() as u64)
        })
    }

    fn name(&self, name: &str) -> Option<&Name> {
        let index = self.names.binary_search_by(|probe| (*probe.name).cmp(name)).ok()?;
        self.names.get(index)
    }

    fn block(&self, name: &Name, index: u64) -> std::result::Result<ByteReader<'_>, DecodeError> {
        const WHAT: &str = "block table of postings";
        let offset = self.at(WHAT, name.table_offset.saturating_add(4 * index))?.u32(WHAT)?;
        self.at("value block of postings", name.blocks_offset.saturating_add(u64::from(offset)))
    }

    /// The first value of a block.
    fn first_value(&self, name: &Name, index: u64) -> std::result::Result<&[u8], DecodeError> {
        let mut block = self.block(name, index)?;
        block.varint("list base of postings")?;
        block.varint("value of postings")?;
        block.bytes("value of postings")
    }

    /// The last block that starts at or before `value`.
    fn block_of(&self, name: &Name, value: &str) -> std::result::Result<u64, DecodeError> {
        let (mut low, mut high) = (0, name.values.div_ceil(BLOCK_VALUES as u64));
        while high - low > 1 {
            let middle = low + (high - low) / 2;
            if self.first_value(name, middle)? <= value.as_bytes() {
                low = middle;
            } else {
                high = middle;
            }
        }
        Ok(low)
    }

    /// Calls `visit` with the values from `from` on, in order, until it says to stop. Starts at the block of `from`.
    fn walk<'a>(
        &'a self,
        name: &Name,
        from: &str,
        visit: &mut dyn FnMut(&str, ListRef<'a>) -> Result<bool>,
    ) -> Result<()> {
        let mut value = Vec::new();
        let mut index = self.located(self.block_of(name, from))?;
        loop {
            let first = index * BLOCK_VALUES as u64;
            if first >= name.values {
                return Ok(());
            }
            let mut block = self.located(self.block(name, index))?;
            let mut list_offset = self.located(block.varint("list base of postings"))?;
            for _ in first..name.values.min(first.saturating_add(BLOCK_VALUES as u64)) {
                let stored = self.located(self.entry(&mut block, &mut value, &mut list_offset))?;
                let Ok(text) = str::from_utf8(&value) else {
                    return Err(self.corrupt(
                        block.position(),
                        "value of postings",
                        Expected::Form("UTF-8"),
                        0,
                    ));
                };
                if text < from {
                    continue;
                }
                let list = ListRef { reader: self, ids: stored };
                if !visit(text, list)? {
                    return Ok(());
                }
            }
            index += 1;
        }
    }

    /// Reads one value into `value`, which holds the one before, and where its ids are.
    fn entry<'a>(
        &'a self,
        block: &mut ByteReader<'a>,
        value: &mut Vec<u8>,
        list_offset: &mut u64,
    ) -> std::result::Result<Stored<'a>, DecodeError> {
        const WHAT: &str = "value of postings";
        let shared = block.count(WHAT, value.len())?;
        let rest = block.bytes(WHAT)?;
        if shared + rest.len() > TEXT_BYTES_MAX {
            let found = (shared + rest.len()) as u64;
            return Err(block.error(WHAT, Expected::AtMost(TEXT_BYTES_MAX as u64), found));
        }
        value.truncate(shared);
        value.extend_from_slice(rest);
        let count = block.varint("ids of postings")?;
        if count > INLINE_IDS_MAX as u64 {
            let span = Span { offset: *list_offset, bytes: block.varint("list bytes of postings")? };
            *list_offset = list_offset.saturating_add(span.bytes);
            return Ok(Stored::List { count, bytes: self.span(span)?, offset: span.offset });
        }
        let mut ids = [0u32; INLINE_IDS_MAX];
        let mut before = 0u32;
        for slot in ids.iter_mut().take(count as usize) {
            let step = block.count("ids of postings", (u32::MAX - before) as usize)?;
            before += step as u32;
            *slot = before;
        }
        Ok(Stored::Inline { count: count as u8, ids })
    }

    /// Every id.
    ///
    /// # Errors
    ///
    /// Where the index is damaged.
    pub fn all(&self) -> Result<Ids> {
        self.ids(self.all)
    }

    /// The series that satisfy every matcher; all of them where there is none. Lists are read where they stand.
    ///
    /// # Errors
    ///
    /// Where the index is damaged.
    pub fn select(&self, matchers: &[Matcher]) -> Result<Ids> {
        select::select(self, matchers, None)
    }

    /// As [`PostingsReader::select`], with a store's answer to whether one series satisfies a matcher, which takes the
    /// place of reading lists where few series are left.
    ///
    /// # Errors
    ///
    /// Where the index is damaged, or what `holds` answers.
    pub fn select_with(
        &self,
        matchers: &[Matcher],
        mut holds: impl FnMut(u32, &Matcher) -> Result<bool>,
    ) -> Result<Ids> {
        select::select(self, matchers, Some(&mut holds))
    }

    /// The label names that series of `among` (`None`: any series) carry, sorted, at most `limit`.
    ///
    /// # Errors
    ///
    /// Where the index is damaged.
    pub fn label_names(&self, among: Option<&Ids>, limit: usize) -> Result<Vec<String>> {
        let mut names = Vec::new();
        for name in &self.names {
            if names.len() >= limit {
                break;
            }
            let carried = match among {
                Some(among) => !self.ids(name.list)?.is_disjoint(among),
                None => true,
            };
            if carried {
                names.push(name.name.to_string());
            }
        }
        Ok(names)
    }

    /// The values of one label that series of `among` (`None`: any series) carry, sorted, at most `limit`.
    ///
    /// # Errors
    ///
    /// Where the index is damaged.
    pub fn label_values(&self, name: &str, among: Option<&Ids>, limit: usize) -> Result<Vec<String>> {
        let mut values = Vec::new();
        let Some(name) = self.name(name) else { return Ok(values) };
        self.walk(name, "", &mut |value, list| {
            if values.len() < limit && among.map_or(Ok(true), |among| list.meets(among))? {
                values.push(value.to_owned());
            }
            Ok(values.len() < limit)
        })?;
        Ok(values)
    }

    /// Every name with its number of values and of series, sorted by name.
    pub fn names(&self) -> impl Iterator<Item = (&str, u64, u64)> {
        self.names.iter().map(|name| (&*name.name, name.values, name.series))
    }

    /// Calls `visit` with every value of a name and its ids, in order: how indexes are merged.
    ///
    /// # Errors
    ///
    /// Where the index is damaged, or what `visit` answers.
    pub fn for_each_value(&self, name: &str, mut visit: impl FnMut(&str, Ids) -> Result<()>) -> Result<()> {
        let Some(name) = self.name(name) else { return Ok(()) };
        self.walk(name, "", &mut |value, list| {
            visit(value, list.to_ids()?)?;
            Ok(true)
        })
    }

    /// Reads everything and checks what a reader otherwise takes for granted: order, counts, and that the lists of a
    /// name part its series.
    ///
    /// # Errors
    ///
    /// Where anything does not check out.
    pub fn verify(&self) -> Result<()> {
        const WHAT: &str = "postings of a name";
        let all = self.all()?;
        for name in &self.names {
            let mut before = String::new();
            let mut seen = Ids::new();
            let mut total = 0;
            self.walk(name, "", &mut |value, list| {
                let ids = list.to_ids()?;
                if *before >= *value || ids.len() != list.len() {
                    let expected = Expected::Form("values that ascend, and as many ids as they say");
                    return Err(self.corrupt(name.blocks_offset, WHAT, expected, ids.len()));
                }
                value.clone_into(&mut before);
                total += ids.len();
                seen |= ids;
                Ok(true)
            })?;
            if seen != self.ids(name.list)?
                || seen.len() != name.series
                || total != seen.len()
                || !seen.is_subset(&all)
            {
                return Err(self.corrupt(name.list.offset, WHAT, Expected::Exactly(name.series), total));
            }
        }
        Ok(())
    }
}

fn parse_names(bytes: &[u8], offset: u64) -> std::result::Result<(Vec<Name>, Span), DecodeError> {
    const WHAT: &str = "names of postings";
    let mut reader = ByteReader::with_base(bytes, offset);
    // A name has seven fields of a byte at least.
    let count = reader.count(WHAT, bytes.len() / 7)?;
    let mut names: Vec<Name> = Vec::with_capacity(count);
    for _ in 0..count {
        let name = reader.text(WHAT)?;
        if names.last().is_some_and(|before| *before.name >= *name) {
            return Err(reader.error(WHAT, Expected::Form("names in ascending order"), names.len() as u64));
        }
        names.push(Name {
            name: name.into(),
            series: reader.varint(WHAT)?,
            list: Span { offset: reader.varint(WHAT)?, bytes: reader.varint(WHAT)? },
            values: reader.varint(WHAT)?,
            blocks_offset: reader.varint(WHAT)?,
            table_offset: reader.varint(WHAT)?,
        });
    }
    let all = Span { offset: reader.varint(WHAT)?, bytes: reader.varint(WHAT)? };
    reader.finish(WHAT)?;
    Ok((names, all))
}

impl Source for PostingsReader {
    type Error = Error;
    type List<'a> = ListRef<'a>;

    fn all(&self) -> Result<Cow<'_, Ids>> {
        PostingsReader::all(self).map(Cow::Owned)
    }

    fn with_name(&self, name: &str) -> Result<Option<Cow<'_, Ids>>> {
        self.name(name).map(|name| self.ids(name.list).map(Cow::Owned)).transpose()
    }

    fn name_count(&self, name: &str) -> Result<u64> {
        Ok(self.name(name).map_or(0, |name| name.series))
    }

    fn value_count(&self, name: &str) -> Result<u64> {
        Ok(self.name(name).map_or(0, |name| name.values))
    }

    fn with_pair(&self, name: &str, value: &str) -> Result<Option<ListRef<'_>>> {
        let Some(name) = self.name(name) else { return Ok(None) };
        let mut found = None;
        self.walk(name, value, &mut |candidate, list| {
            if candidate == value {
                found = Some(list);
            }
            Ok(false)
        })?;
        Ok(found)
    }

    fn with_values<'a>(
        &'a self,
        name: &str,
        prefix: &str,
        keep: &mut dyn FnMut(&str) -> bool,
    ) -> Result<Vec<ListRef<'a>>> {
        let mut lists = Vec::new();
        let Some(name) = self.name(name) else { return Ok(lists) };
        self.walk(name, prefix, &mut |value, list| {
            if !value.starts_with(prefix) {
                return Ok(false);
            }
            if keep(value) {
                lists.push(list);
            }
            Ok(true)
        })?;
        Ok(lists)
    }
}

#[cfg(test)]
mod tests;
