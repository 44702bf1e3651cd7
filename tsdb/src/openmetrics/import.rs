//! A stream of text to series.
//!
//! Series may come one after the other or scrape by scrape, and samples of one series in any order; of samples with
//! one timestamp the last one stays. Samples are packed at once, so an import takes about 1.5 bytes a sample of
//! memory and 100 bytes and the labels a series, and samples go through neither head nor log: they become
//! blocks. Exemplars, the newest [`EXEMPLARS_MAX`] of them, and metadata are kept for the caller.

use std::collections::{BTreeMap, VecDeque};
use std::io::Read;
use std::ops::ControlFlow;

use bedrock::labels::Labels;
use rustc_hash::FxHashMap;

use super::Dialect;
use super::line::{self, LineError, Problem, Word};
use crate::chunk::{Chunk, OpenFloats};
use crate::exemplar::Exemplar;
use crate::metadata::Metadata;

/// The text is read in pieces of this size; after each, progress is told.
const READ_BYTES: usize = 1 << 20;
/// No line is longer.
const LINE_BYTES_MAX: usize = 1 << 20;
/// Exemplars kept; the oldest lines make room.
pub(super) const EXEMPLARS_MAX: usize = 100_000;
/// Samples of one chunk: an import is not read before it is whole, so chunks are long.
const CHUNK_SAMPLES: usize = 2048;

/// How to import.
#[derive(Clone, Debug)]
pub struct ImportOptions {
    /// The unit of timestamps.
    pub dialect: Dialect,
    /// The timestamp of samples that have none, in milliseconds. Default: they are an error.
    pub default_time_ms: Option<i64>,
    /// How many broken lines are skipped and reported before the import fails. Default 0.
    pub errors_max: usize,
}

impl Default for ImportOptions {
    fn default() -> Self {
        ImportOptions { dialect: Dialect::OpenMetrics, default_time_ms: None, errors_max: 0 }
    }
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// Bytes of text read.
    pub bytes: u64,
    /// Lines read, comments and empty ones among them.
    pub lines: u64,
    /// Samples read.
    pub samples: u64,
    /// Distinct series so far.
    pub series: u64,
    /// Exemplars read.
    pub exemplars: u64,
}

/// A line that was skipped.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}, column {}: {}", error.column + 1, error.problem)]
pub struct Skipped {
    /// The line, from 1.
    pub line: u64,
    /// Where it is wrong, and how.
    pub error: LineError,
}

/// Why an import ended early.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImportError {
    /// One broken line more than the options allow.
    #[error(transparent)]
    Line(Skipped),
    /// The text could not be read.
    #[error("line {line}: {source}")]
    Read {
        /// The last line that was read whole.
        line: u64,
        /// What the reader says.
        source: std::io::Error,
    },
    /// The store cannot take the blocks.
    #[error(transparent)]
    Store(#[from] crate::Error),
    /// The progress callback asked to stop.
    #[error("stopped after line {line}")]
    Stopped {
        /// The last line that was read.
        line: u64,
    },
}

/// One series of an import.
#[derive(Clone, Debug)]
pub struct ImportedSeries {
    /// The labels.
    pub labels: Labels,
    /// The samples. Chunks may overlap in time; a later one counts more.
    pub chunks: Vec<Chunk>,
}

/// Collects series from text.
///
/// ```
/// use std::ops::ControlFlow;
/// use tsdb::openmetrics::{ImportOptions, Importer};
///
/// let text = "# TYPE up gauge\nup{job=\"api\"} 1 1700000000.5\nup{job=\"api\"} 0 1700000015.5\n# EOF\n";
/// let mut importer = Importer::new(ImportOptions::default());
/// importer.read(text.as_bytes(), |_| ControlFlow::Continue(()))?;
/// let series = importer.finish();
/// assert_eq!(series[0].labels.to_string(), r#"{__name__="up", job="api"}"#);
/// assert_eq!(series[0].chunks[0].count, 2);
/// # Ok::<(), tsdb::openmetrics::ImportError>(())
/// ```
#[derive(Debug, Default)]
pub struct Importer {
    options: ImportOptions,
    series: Vec<OpenSeries>,
    by_text: FxHashMap<Box<[u8]>, usize>,
    by_labels: FxHashMap<Labels, usize>,
    /// The text of the series of the last line, and its position.
    last: (Vec<u8>, usize),
    /// With the position of their series.
    exemplars: VecDeque<(usize, Exemplar)>,
    metadata: BTreeMap<String, Metadata>,
    progress: Progress,
    skipped: Vec<Skipped>,
}

#[derive(Debug)]
struct OpenSeries {
    labels: Labels,
    chunks: Vec<Chunk>,
    open: OpenFloats,
}

impl Importer {
    /// An importer without series.
    pub fn new(options: ImportOptions) -> Self {
        Importer { options, ..Importer::default() }
    }

    /// Reads a text to its end and adds its samples; can be called for several texts. `progress` is told about once
    /// a MiB and can stop the import. About 70 ns a sample.
    ///
    /// # Errors
    ///
    /// [`ImportError`], with the number of the line. Samples of the lines before it are in.
    pub fn read(
        &mut self,
        mut text: impl Read,
        mut progress: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<(), ImportError> {
        let mut buffer = vec![0; READ_BYTES];
        let mut filled = 0;
        loop {
            let room = buffer.get_mut(filled..).unwrap_or(&mut []);
            let read = match text.read(room) {
                Ok(read) => read,
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(source) => return Err(ImportError::Read { line: self.progress.lines, source }),
            };
            filled += read;
            self.progress.bytes += read as u64;
            if read > 0 && filled < buffer.len() && !buffer.get(..filled).unwrap_or(&[]).contains(&b'\n') {
                continue;
            }
            let used = self.lines(buffer.get(..filled).unwrap_or(&[]), read == 0)?;
            if used == 0 && filled == buffer.len() {
                self.progress.lines += 1;
                let problem = Problem::TooLong { max: LINE_BYTES_MAX };
                return Err(ImportError::Line(self.broken(LineError { column: LINE_BYTES_MAX, problem })));
            }
            buffer.copy_within(used..filled, 0);
            filled -= used;
            if progress(&self.progress).is_break() {
                return Err(ImportError::Stopped { line: self.progress.lines });
            }
            if read == 0 {
                return Ok(());
            }
        }
    }

    /// Takes the whole lines of `text`, at the `end` also one without a line feed. Returns the bytes taken.
    fn lines(&mut self, text: &[u8], end: bool) -> Result<usize, ImportError> {
        let mut start = 0;
        for stop in memchr::memchr_iter(b'\n', text) {
            self.line(text.get(start..stop).unwrap_or(&[]))?;
            start = stop + 1;
        }
        if end && start < text.len() {
            self.line(text.get(start..).unwrap_or(&[]))?;
            start = text.len();
        }
        Ok(start)
    }

    fn line(&mut self, line: &[u8]) -> Result<(), ImportError> {
        self.progress.lines += 1;
        if let Err(error) = self.parse(line) {
            let skipped = self.broken(error);
            if self.skipped.len() >= self.options.errors_max {
                return Err(ImportError::Line(skipped));
            }
            self.skipped.push(skipped);
        }
        Ok(())
    }

    fn broken(&self, error: LineError) -> Skipped {
        Skipped { line: self.progress.lines, error }
    }

    fn parse(&mut self, line: &[u8]) -> Result<(), LineError> {
        let first = line.first().copied();
        if first == Some(b'#') {
            self.comment(line);
            return Ok(());
        }
        if line.trim_ascii().is_empty() {
            return Ok(());
        }
        let column = match line.strip_prefix(self.last.0.as_slice()).and_then(<[u8]>::first) {
            Some(b' ') if !self.last.0.is_empty() => self.last.0.len(),
            _ => self.find_series(line)?,
        };
        let sample = line::sample(line, column, self.options.dialect)?;
        let time_ms = sample.time_ms.or(self.options.default_time_ms);
        let time_ms = time_ms.ok_or(LineError { column: line.len(), problem: Problem::NoTimestamp })?;
        if let Some(column) = sample.exemplar {
            let exemplar = line::exemplar(line, column, time_ms, self.options.dialect)?;
            if self.exemplars.len() == EXEMPLARS_MAX {
                self.exemplars.pop_front();
            }
            self.exemplars.push_back((self.last.1, exemplar));
            self.progress.exemplars += 1;
        }
        self.progress.samples += 1;
        if let Some(series) = self.series.get_mut(self.last.1) {
            series.push(time_ms, sample.value);
        }
        Ok(())
    }

    fn comment(&mut self, line: &[u8]) {
        let Some((family, word)) = line::comment(line) else { return };
        if family.is_empty() {
            return;
        }
        if !self.metadata.contains_key(family) {
            self.metadata.insert(family.to_owned(), Metadata::default());
        }
        let Some(metadata) = self.metadata.get_mut(family) else { return };
        match word {
            Word::Kind(kind) => metadata.kind = kind,
            Word::Help(help) => metadata.help = help,
            Word::Unit(unit) => metadata.unit = unit,
        }
    }

    /// Makes the series of the line the last one. Returns the length of its text.
    fn find_series(&mut self, line: &[u8]) -> Result<usize, LineError> {
        // The text of a known series ends at a blank behind it, but blanks may stand inside quotes, too.
        let known = |end: usize| self.by_text.get(line.get(..end)?).map(|&position| (position, end));
        let quick = line.iter().rposition(|&byte| byte == b'}').and_then(|brace| known(brace + 1));
        let (position, end) = match quick {
            Some(found) => found,
            None => {
                let (labels, end) = line::series(line)?;
                let next = self.series.len();
                let position = *self.by_labels.entry(labels.clone()).or_insert(next);
                if position == next {
                    self.series.push(OpenSeries { labels, chunks: Vec::new(), open: OpenFloats::new() });
                    self.progress.series += 1;
                }
                self.by_text.insert(line.get(..end).unwrap_or(&[]).into(), position);
                (position, end)
            }
        };
        self.last.0.clear();
        self.last.0.extend_from_slice(line.get(..end).unwrap_or(&[]));
        self.last.1 = position;
        Ok(end)
    }

    /// How far the import has come.
    pub fn progress(&self) -> Progress {
        self.progress
    }

    /// The lines that were skipped.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }

    /// What the text says of metric families, by name.
    pub fn metadata(&self) -> &BTreeMap<String, Metadata> {
        &self.metadata
    }

    /// The exemplars and the labels of their series, in the order of the text: the newest 100,000.
    pub fn exemplars(&self) -> impl Iterator<Item = (&Labels, &Exemplar)> {
        self.exemplars
            .iter()
            .filter_map(|(series, exemplar)| Some((&self.series.get(*series)?.labels, exemplar)))
    }

    /// All series, ordered by labels.
    pub fn finish(self) -> Vec<ImportedSeries> {
        let close = |series: OpenSeries| {
            let mut chunks = series.chunks;
            chunks.extend(series.open.seal());
            ImportedSeries { labels: series.labels, chunks }
        };
        // A series whose every line was broken has no chunk.
        let mut all: Vec<ImportedSeries> =
            self.series.into_iter().map(close).filter(|series| !series.chunks.is_empty()).collect();
        all.sort_by(|a, b| a.labels.cmp(&b.labels));
        all
    }
}

impl OpenSeries {
    fn push(&mut self, time_ms: i64, value: f64) {
        let out_of_order = !self.open.is_empty() && time_ms <= self.open.max_time_ms();
        if out_of_order || self.open.len() >= CHUNK_SAMPLES {
            self.chunks.extend(std::mem::take(&mut self.open).seal());
        }
        self.open.append(time_ms, value, 0);
    }
}
