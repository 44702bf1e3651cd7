//! What the records of the WAL mean.
//!
//! One record is one commit, or one deletion: a kind, the number of the commit, and sections in columns.
//!
//! ```text
//! kind             u8: 1
//! commit           varint
//! sections         tag (u8), length (varint), bytes; as often as it takes
//! ```
//!
//! | tag | section | where |
//! |---|---|---|
//! | 1 | label sets of series that the log has not named yet | `definitions` |
//! | 2 | float samples that are newer than all of their series | `floats` |
//! | 3 | histograms that are newer than all of their series | below, `histograms` |
//! | 4 | samples that came out of order | below |
//! | 5 | exemplars | below |
//! | 6 | metadata of metric families | below |
//! | 7 | an interval that was deleted from series of the head | below |
//!
//! Whether a sample came in order is decided once, at commit, and written down: replay takes each sample where the
//! commit put it, whatever the options say by then. Sections are applied in the order of their tags.

mod definitions;
mod floats;
mod histograms;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bedrock::codec::{ByteReader, DecodeError, Expected, bytes::write_bytes, varint};
use bedrock::histogram::Histogram;
use bedrock::labels::Labels;
use bedrock::time::TimeRange;

pub(crate) use definitions::{read_definitions, write_definitions};
pub(crate) use floats::{FloatRecord, FloatWriter, read_floats};
pub(crate) use histograms::{read_histogram, write_histogram};

use crate::exemplar::Exemplar;
use crate::head::Value;
use crate::metadata::{Metadata, MetricKind};
use crate::tombstones::Tombstones;

/// The kind of a record that is one commit.
const COMMIT: u8 = 1;

/// What a section holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Section {
    Definitions,
    Floats,
    Histograms,
    Late,
    Exemplars,
    Metadata,
    Deletion,
}

impl Section {
    fn tag(self) -> u8 {
        self as u8 + 1
    }

    fn of_tag(tag: u8) -> Option<Self> {
        use Section::{Definitions, Deletion, Exemplars, Floats, Histograms, Late, Metadata};
        let all = [Definitions, Floats, Histograms, Late, Exemplars, Metadata, Deletion];
        all.into_iter().find(|section| section.tag() == tag)
    }
}

/// A sample of either kind, for the sections where columns do not pay.
#[derive(Clone, Debug)]
pub(crate) struct SampleRecord {
    pub(crate) reference: u64,
    pub(crate) time_ms: i64,
    pub(crate) start_ms: i64,
    pub(crate) value: Value,
}

/// Builds records; reused from commit to commit.
#[derive(Clone, Debug, Default)]
pub(crate) struct RecordWriter {
    record: Vec<u8>,
    section: Vec<u8>,
}

impl RecordWriter {
    /// Begins the record of a commit.
    pub(crate) fn begin(&mut self, commit: u64) {
        self.record.clear();
        self.record.push(COMMIT);
        varint::write(commit, &mut self.record);
    }

    /// The record as it stands.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.record
    }

    fn end_section(&mut self, section: Section) {
        self.record.push(section.tag());
        write_bytes(&self.section, &mut self.record);
        self.section.clear();
    }

    /// Adds the definitions of series.
    pub(crate) fn definitions<'a>(&mut self, series: impl Iterator<Item = (u64, &'a Labels)> + Clone) {
        write_definitions(series, &mut self.section);
        self.end_section(Section::Definitions);
    }

    /// Adds float samples.
    pub(crate) fn floats(&mut self, floats: &mut FloatWriter) {
        floats.write_to(&mut self.section);
        self.end_section(Section::Floats);
    }

    /// Adds samples one by one: histograms in order, or what came late.
    pub(crate) fn samples(&mut self, section: Section, samples: &[SampleRecord]) {
        write_samples(samples, &mut self.section);
        self.end_section(section);
    }

    /// Adds exemplars.
    pub(crate) fn exemplars(&mut self, exemplars: &[(u64, Exemplar)]) {
        varint::write(exemplars.len() as u64, &mut self.section);
        let mut previous = 0;
        for (reference, exemplar) in exemplars {
            write_gap(*reference, &mut previous, &mut self.section);
            varint::write_zigzag(exemplar.timestamp_ms, &mut self.section);
            self.section.extend_from_slice(&exemplar.value.to_le_bytes());
            write_labels(&exemplar.labels, &mut self.section);
        }
        self.end_section(Section::Exemplars);
    }

    /// Adds metadata of metric families.
    pub(crate) fn metadata<'a>(&mut self, families: impl ExactSizeIterator<Item = (&'a str, &'a Metadata)>) {
        varint::write(families.len() as u64, &mut self.section);
        for (family, metadata) in families {
            write_bytes(family.as_bytes(), &mut self.section);
            self.section.push(metadata.kind as u8);
            write_bytes(metadata.help.as_bytes(), &mut self.section);
            write_bytes(metadata.unit.as_bytes(), &mut self.section);
        }
        self.end_section(Section::Metadata);
    }

    /// Adds a deletion: from which series of the head, and the tombstones of the blocks.
    pub(crate) fn deletion(&mut self, range: TimeRange, references: &[u64], tombstones: &[u8]) {
        varint::write_zigzag(range.start, &mut self.section);
        varint::write_zigzag(range.end, &mut self.section);
        varint::write(references.len() as u64, &mut self.section);
        let mut previous = 0;
        for reference in references {
            write_gap(*reference, &mut previous, &mut self.section);
        }
        write_bytes(tombstones, &mut self.section);
        self.end_section(Section::Deletion);
    }
}

/// Reads everything that a record says.
///
/// # Errors
///
/// [`DecodeError`] with the first thing that means nothing.
pub(crate) fn check(record: &[u8]) -> Result<(), DecodeError> {
    let mut record = RecordReader::new(record)?;
    while let Some((section, mut body)) = record.next()? {
        match section {
            Section::Definitions => read_definitions(&mut body, |_| true, |_, _| {})?,
            Section::Floats => read_floats(&mut body, |_| {})?,
            Section::Histograms | Section::Late => read_samples(&mut body, |_| {})?,
            Section::Exemplars => drop(read_exemplars(&mut body)?),
            Section::Metadata => drop(read_metadata(&mut body)?),
            Section::Deletion => drop(read_deletion(&mut body)?),
        }
    }
    Ok(())
}

/// A record that says nothing.
pub(crate) fn empty(commit: u64) -> Vec<u8> {
    let mut writer = RecordWriter::default();
    writer.begin(commit);
    writer.record
}

/// Appends samples one by one.
pub(crate) fn write_samples(samples: &[SampleRecord], out: &mut Vec<u8>) {
    varint::write(samples.len() as u64, out);
    let mut previous = 0;
    for sample in samples {
        write_gap(sample.reference, &mut previous, out);
        varint::write_zigzag(sample.time_ms, out);
        varint::write_zigzag(sample.start_ms, out);
        match &sample.value {
            Value::Float(value) => {
                out.push(0);
                out.extend_from_slice(&value.to_le_bytes());
            }
            Value::Histogram(histogram) => {
                out.push(1);
                write_histogram(histogram, out);
            }
        }
    }
}

fn write_gap(reference: u64, previous: &mut u64, out: &mut Vec<u8>) {
    varint::write_zigzag(reference.wrapping_sub(*previous).cast_signed(), out);
    *previous = reference;
}

fn write_labels(labels: &Labels, out: &mut Vec<u8>) {
    varint::write(labels.len() as u64, out);
    for text in labels.iter().flat_map(|(name, value)| [name, value]) {
        write_bytes(text.as_bytes(), out);
    }
}

/// A record that is being read: its commit, and then its sections as an iterator.
pub(crate) struct RecordReader<'a> {
    pub(crate) commit: u64,
    reader: ByteReader<'a>,
}

impl<'a> RecordReader<'a> {
    /// Reads the beginning of a record.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where the bytes begin no record that this build knows.
    pub(crate) fn new(record: &'a [u8]) -> Result<Self, DecodeError> {
        let mut reader = ByteReader::new(record);
        let kind = reader.u8("kind of a record")?;
        if kind != COMMIT {
            return Err(reader.error(
                "kind of a record",
                Expected::Exactly(u64::from(COMMIT)),
                u64::from(kind),
            ));
        }
        Ok(RecordReader { commit: reader.varint("commit")?, reader })
    }

    /// The next section and its bytes; `None` at the end.
    ///
    /// # Errors
    ///
    /// [`DecodeError`] where the bytes are no section.
    pub(crate) fn next(&mut self) -> Result<Option<(Section, ByteReader<'a>)>, DecodeError> {
        if self.reader.is_empty() {
            return Ok(None);
        }
        let tag = self.reader.u8("tag of a section")?;
        let section = Section::of_tag(tag).ok_or_else(|| {
            self.reader.error(
                "tag of a section",
                Expected::AtMost(u64::from(Section::Deletion.tag())),
                tag.into(),
            )
        })?;
        let body = self.reader.bytes("section")?;
        let base = self.reader.position() - body.len() as u64;
        Ok(Some((section, ByteReader::with_base(body, base))))
    }
}

/// Reads what [`write_samples`] wrote.
///
/// # Errors
///
/// [`DecodeError`] where the bytes are no such section.
pub(crate) fn read_samples(
    reader: &mut ByteReader<'_>,
    mut visit: impl FnMut(SampleRecord),
) -> Result<(), DecodeError> {
    let count = reader.count("samples", reader.remaining())?;
    let mut reference = 0_u64;
    for _ in 0..count {
        reference = reference.wrapping_add_signed(reader.zigzag("reference")?);
        let time_ms = reader.zigzag("timestamp")?;
        let start_ms = reader.zigzag("start timestamp")?;
        let value = match reader.u8("kind of a value")? {
            0 => Value::Float(reader.f64("value")?),
            1 => Value::Histogram(Arc::<Histogram>::new(read_histogram(reader)?)),
            kind => return Err(reader.error("kind of a value", Expected::AtMost(1), kind.into())),
        };
        visit(SampleRecord { reference, time_ms, start_ms, value });
    }
    Ok(())
}

/// Reads what [`RecordWriter::exemplars`] wrote.
///
/// # Errors
///
/// [`DecodeError`] where the bytes are no such section.
pub(crate) fn read_exemplars(reader: &mut ByteReader<'_>) -> Result<Vec<(u64, Exemplar)>, DecodeError> {
    let count = reader.count("exemplars", reader.remaining())?;
    let mut exemplars = Vec::new();
    let mut reference = 0_u64;
    for _ in 0..count {
        reference = reference.wrapping_add_signed(reader.zigzag("reference")?);
        let timestamp_ms = reader.zigzag("timestamp")?;
        let value = reader.f64("value")?;
        let labels = read_labels(reader)?;
        exemplars.push((reference, Exemplar { labels, value, timestamp_ms }));
    }
    Ok(exemplars)
}

fn read_labels(reader: &mut ByteReader<'_>) -> Result<Labels, DecodeError> {
    let count = reader.count("labels", reader.remaining() / 2)?;
    let mut pairs = Vec::with_capacity(count);
    for _ in 0..count {
        pairs.push((reader.text("name")?, reader.text("value")?));
    }
    Labels::from_pairs(pairs)
        .map_err(|_| reader.error("labels", Expected::Form("unique names"), count as u64))
}

/// Reads what [`RecordWriter::metadata`] wrote.
///
/// # Errors
///
/// [`DecodeError`] where the bytes are no such section.
pub(crate) fn read_metadata(reader: &mut ByteReader<'_>) -> Result<Vec<(String, Metadata)>, DecodeError> {
    let count = reader.count("families", reader.remaining() / 4)?;
    let mut families = Vec::with_capacity(count);
    for _ in 0..count {
        let family = reader.text("family")?.to_owned();
        let number = reader.u8("kind of a metric")?;
        let kind = MetricKind::of_number(number)
            .ok_or_else(|| reader.error("kind of a metric", Expected::Form("a known kind"), number.into()))?;
        let help = reader.text("help")?.to_owned();
        let unit = reader.text("unit")?.to_owned();
        families.push((family, Metadata { kind, help, unit }));
    }
    Ok(families)
}

/// A deletion as the log has it.
#[derive(Clone, Debug)]
pub(crate) struct DeletionRecord {
    pub(crate) range: TimeRange,
    /// Series of the head.
    pub(crate) references: Vec<u64>,
    /// What it means for blocks.
    pub(crate) tombstones: Tombstones,
}

/// Reads what [`RecordWriter::deletion`] wrote.
///
/// # Errors
///
/// [`DecodeError`] where the bytes are no such section.
pub(crate) fn read_deletion(reader: &mut ByteReader<'_>) -> Result<DeletionRecord, DecodeError> {
    let range = TimeRange::new(reader.zigzag("start")?, reader.zigzag("end")?);
    let count = reader.count("references", reader.remaining())?;
    let mut references = Vec::with_capacity(count);
    let mut reference = 0_u64;
    for _ in 0..count {
        reference = reference.wrapping_add_signed(reader.zigzag("reference")?);
        references.push(reference);
    }
    let tombstones = Tombstones::decode(reader.bytes("tombstones")?)?;
    Ok(DeletionRecord { range, references, tombstones })
}
