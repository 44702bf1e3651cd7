//! Gathers the words of a block.

use std::path::Path;

use bedrock::codec::bytes::write_bytes;
use bedrock::codec::varint;
use rustc_hash::FxHashSet;
use tantivy::directory::{Directory, RamDirectory};
use tantivy::indexer::SingleSegmentIndexWriter;
use tantivy::schema::{Field, IndexRecordOption, Schema, TextFieldIndexing, TextOptions};
use tantivy::{Index, TantivyDocument};

use super::{FIELD, TERM_HEX, TERM_LONG, TERM_WORD, VERSION, WORD_BYTES_MAX, is_hex, runs};
use crate::lines::LineBuffer;

/// Memory that an index may take while it is made; a block with more words gets none.
const MEMORY_BYTES_MAX: usize = 64 << 20;
/// An index larger than this part of the pages of its block (1 / 12 = 8%) is not kept, unless it is as small as they get.
const PAGES_PART_MAX: u64 = 12;
const SECTION_BYTES_MIN: u64 = 4 << 10;

/// The index of a block while its row groups are written.
pub(in crate::block) struct WordsWriter {
    /// Nothing where the block gets no index.
    index: Option<Growing>,
}

struct Growing {
    files: RamDirectory,
    field: Field,
    writer: SingleSegmentIndexWriter,
}

impl WordsWriter {
    /// The index of a block without row groups.
    pub(in crate::block) fn new() -> Self {
        WordsWriter { index: Growing::new().ok() }
    }

    /// Adds the words of the next row group. About 2 ns a byte of lines, a tenth of what template pages take.
    pub(in crate::block) fn group(&mut self, lines: &LineBuffer) {
        let Some(index) = &mut self.index else { return };
        let added = index.add(lines);
        if added.is_err() || index.writer.mem_usage() > MEMORY_BYTES_MAX {
            self.index = None;
        }
    }

    /// The section; none where the index is too large beside the pages of the block, or could not be made.
    pub(in crate::block) fn finish(self, pages_bytes: u64) -> Option<Vec<u8>> {
        let section = self.index?.finish().ok()?;
        let bytes_max = (pages_bytes / PAGES_PART_MAX).max(SECTION_BYTES_MIN);
        (section.len() as u64 <= bytes_max).then_some(section)
    }
}

impl Growing {
    fn new() -> tantivy::Result<Self> {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer("whitespace")
            .set_fieldnorms(false)
            .set_index_option(IndexRecordOption::Basic);
        let field = schema.add_text_field(FIELD, TextOptions::default().set_indexing_options(indexing));
        let files = RamDirectory::create();
        let index = Index::builder().schema(schema.build());
        let writer = index.single_segment_index_writer(files.clone(), MEMORY_BYTES_MAX)?;
        Ok(Growing { files, field, writer })
    }

    fn add(&mut self, lines: &LineBuffer) -> tantivy::Result<()> {
        let mut words: FxHashSet<&[u8]> = FxHashSet::default();
        let mut has_long = false;
        for line in lines.iter() {
            for word in runs(line).filter_map(|range| line.get(range)) {
                if word.len() > WORD_BYTES_MAX {
                    has_long = true;
                } else {
                    words.insert(word);
                }
            }
        }
        let mut text = Vec::new();
        for word in words {
            text.push(if is_hex(word) { TERM_HEX } else { TERM_WORD });
            text.extend_from_slice(word);
            text.push(b' ');
        }
        if has_long {
            text.extend_from_slice(TERM_LONG);
        }
        let mut document = TantivyDocument::new();
        document.add_text(self.field, String::from_utf8_lossy(&text));
        self.writer.add_document(document)
    }

    fn finish(self) -> tantivy::Result<Vec<u8>> {
        let index = self.writer.finalize()?;
        let mut names: Vec<_> = index.directory().list_managed_files().into_iter().collect();
        names.sort();
        names.retain(|name| self.files.exists(name).unwrap_or(false));
        let mut section = vec![VERSION];
        varint::write(names.len() as u64, &mut section);
        for name in &names {
            let bytes = self.files.open_read(Path::new(name))?.read_bytes()?;
            write_bytes(name.to_string_lossy().as_bytes(), &mut section);
            write_bytes(&bytes, &mut section);
        }
        Ok(section)
    }
}
