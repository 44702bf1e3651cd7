//! Asks an index which row groups may hold a text.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use bedrock::codec::ByteReader;
use memchr::memmem;
use tantivy::directory::{Directory, RamDirectory};
use tantivy::postings::TermInfo;
use tantivy::schema::IndexRecordOption;
use tantivy::{DocSet, Index, InvertedIndexReader, SegmentReader, TERMINATED};

use super::needle::{Run, runs_of};
use super::{FIELD, TERM_HEX, TERM_LONG, TERM_WORD, VERSION, is_hex};
use crate::rows::RowSet;

/// An open index, in memory as a whole.
pub(in crate::block) struct WordIndex {
    index: Arc<InvertedIndexReader>,
    groups: usize,
}

impl fmt::Debug for WordIndex {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "WordIndex of {} groups", self.groups)
    }
}

impl WordIndex {
    /// Opens the section of a block of so many row groups. The caller has checked its CRC: tantivy reads what it wrote.
    ///
    /// # Errors
    ///
    /// What is wrong with it.
    pub(in crate::block) fn open(section: &[u8], groups: usize) -> Result<Self, String> {
        let files = RamDirectory::create();
        load(section, &files).map_err(|error| error.to_string())?;
        let index = open_segment(files).map_err(|error| error.to_string())?;
        match index {
            Some((index, found)) if found == groups => Ok(WordIndex { index, groups }),
            Some((_, found)) => Err(format!("an index of {found} row groups, not of {groups}")),
            None => Err("an index of several segments, or of none".to_owned()),
        }
    }

    /// The row groups that may hold at least one text of every list; none where the texts say nothing, or the index
    /// cannot be read.
    pub(in crate::block) fn groups_with(&self, needles: &[Vec<Vec<u8>>]) -> Option<RowSet> {
        let mut all: Option<RowSet> = None;
        for alternatives in needles {
            let Some(found) = self.groups_with_any(alternatives) else { continue };
            match &mut all {
                None => all = Some(found),
                Some(all) => all.intersect(&found),
            }
        }
        all
    }

    fn groups_with_any(&self, texts: &[Vec<u8>]) -> Option<RowSet> {
        let mut any = RowSet::none(self.groups);
        for text in texts {
            any.unite(&self.groups_with_text(text)?);
        }
        Some(any)
    }

    fn groups_with_text(&self, text: &[u8]) -> Option<RowSet> {
        let mut found: Option<RowSet> = None;
        for run in runs_of(text) {
            let groups = self.groups_with_run(&run).ok()?;
            match &mut found {
                None => found = Some(groups),
                Some(found) => found.intersect(&groups),
            }
        }
        found
    }

    fn groups_with_run(&self, run: &Run<'_>) -> std::io::Result<RowSet> {
        let mut groups = RowSet::none(self.groups);
        // A longer word than are kept may hold the run.
        self.add_term(TERM_LONG, &mut groups)?;
        match run {
            Run::Whole(word) => {
                let class = if is_hex(word) { TERM_HEX } else { TERM_WORD };
                self.add_term(&[&[class], *word].concat(), &mut groups)?;
            }
            Run::Part(part) => {
                self.add_words_with(TERM_WORD, part, &mut groups)?;
                if is_hex(part) {
                    self.add_words_with(TERM_HEX, part, &mut groups)?;
                }
            }
        }
        Ok(groups)
    }

    /// Walks the words of a class: some 80 ns each.
    fn add_words_with(&self, class: u8, part: &[u8], groups: &mut RowSet) -> std::io::Result<()> {
        let finder = memmem::Finder::new(part);
        let mut words = self.index.terms().range().ge([class]).lt([class + 1]).into_stream()?;
        while words.advance() {
            if finder.find(words.key()).is_some() {
                self.add_groups(words.value(), groups)?;
            }
        }
        Ok(())
    }

    fn add_term(&self, term: &[u8], groups: &mut RowSet) -> std::io::Result<()> {
        match self.index.terms().get(term)? {
            Some(info) => self.add_groups(&info, groups),
            None => Ok(()),
        }
    }

    fn add_groups(&self, info: &TermInfo, groups: &mut RowSet) -> std::io::Result<()> {
        let mut postings = self.index.read_postings_from_terminfo(info, IndexRecordOption::Basic)?;
        let mut group = postings.doc();
        while group != TERMINATED {
            groups.insert(group as usize);
            group = postings.advance();
        }
        Ok(())
    }
}

/// Puts the files of a section into memory.
fn load(section: &[u8], files: &RamDirectory) -> bedrock::Result<()> {
    let problem = |problem: String| bedrock::Error::Invalid { what: "index of words", problem };
    let mut reader = ByteReader::new(section);
    let decoded = |error: bedrock::codec::DecodeError| problem(error.to_string());
    let version = reader.u8("version of words").map_err(decoded)?;
    if version != VERSION {
        return Err(problem(format!("version {version}, not {VERSION}")));
    }
    for _ in 0..reader.count("files of words", section.len()).map_err(decoded)? {
        let name = reader.text("name of a file").map_err(decoded)?;
        let bytes = reader.bytes("bytes of a file").map_err(decoded)?;
        files.atomic_write(Path::new(name), bytes).map_err(|error| problem(error.to_string()))?;
    }
    reader.finish("index of words").map_err(decoded)
}

/// The only segment of an index, and how many documents it has.
fn open_segment(files: RamDirectory) -> tantivy::Result<Option<(Arc<InvertedIndexReader>, usize)>> {
    let index = Index::open(files)?;
    let segments = index.searchable_segments()?;
    let [segment] = segments.as_slice() else { return Ok(None) };
    let reader = SegmentReader::open(segment)?;
    let words = reader.inverted_index(index.schema().get_field(FIELD)?)?;
    Ok(Some((words, reader.max_doc() as usize)))
}
