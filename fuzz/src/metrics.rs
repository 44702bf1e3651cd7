//! What the metrics store reads from outside: chunks, blocks, text.

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use bedrock::block::{BlockWriter, FileKind, block_name};
use bedrock::codec::ByteReader;
use bedrock::disk::{Disk, MemDisk};
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use tsdb::block::Block;
use tsdb::chunk::{FloatSamples, HistogramSamples, OpenFloats, decode_floats, decode_histograms};
use tsdb::openmetrics::{Dialect, ImportOptions, Importer};
use tsdb::{Snapshot, Tombstones};

/// The sections of the index of a block, in the order in which [`tsdb_block`] takes them from its input.
const SECTIONS: [&str; 5] = ["meta", "times", "symbols", "series", "postings"];

/// A chunk decodes or names its damage; floats that decode give the same samples when they are packed again.
pub fn tsdb_chunk(input: &[u8]) {
    let mut floats = FloatSamples::default();
    if decode_floats(input, &mut floats).is_ok() {
        let mut open = OpenFloats::new();
        for (index, (&time_ms, &value)) in floats.timestamps_ms.iter().zip(&floats.values).enumerate() {
            let start_ms = floats.start_timestamps_ms.get(index).copied().unwrap_or(0);
            open.append(time_ms, value, start_ms);
        }
        let mut again = FloatSamples::default();
        let packed = open.seal().map(|chunk| chunk.decode_floats(&mut again));
        assert!(packed.is_some_and(|decoded| decoded.is_ok()));
        assert_eq!(again.timestamps_ms, floats.timestamps_ms);
        assert!(again.values.iter().map(|v| v.to_bits()).eq(floats.values.iter().map(|v| v.to_bits())));
    }
    let _ = decode_histograms(input, &mut HistogramSamples::default());
}

/// A block whose checksums are right and whose sections are anything: the input is the sections of the index, then
/// pages, each behind its length in two bytes. Opening and reading it gives samples or errors.
pub fn tsdb_block(input: &[u8]) {
    let disk = MemDisk::new();
    let blocks = Path::new("blocks");
    let _ = write_block(&disk, blocks, input).and_then(|()| read_block(&disk, &blocks.join(block_name(1))));
}

fn write_block(disk: &MemDisk, blocks: &Path, input: &[u8]) -> bedrock::Result<()> {
    let mut parts = ByteReader::new(input);
    let mut part = || {
        let length = usize::from(parts.u16("length").ok()?);
        parts.take("part", length.min(parts.remaining())).ok()
    };
    let writer = BlockWriter::create(disk, blocks, 1)?;
    let mut index = writer.file("index", FileKind { tag: *b"TSIX", version: 1 })?;
    for name in SECTIONS {
        index.section(name, part().unwrap_or(&[]))?;
    }
    index.finish()?;
    let mut samples = writer.file("samples", FileKind { tag: *b"TSSA", version: 1 })?;
    samples.begin("pages")?;
    while let Some(page) = part() {
        samples.page(page)?;
    }
    samples.finish()?;
    writer.publish().map(drop)
}

fn read_block(disk: &dyn Disk, path: &Path) -> bedrock::Result<()> {
    let block = Block::open(disk, path)?;
    let snapshot = Snapshot::new(None, [Arc::new(block)], Arc::new(Tombstones::default()));
    let select = Select { matchers: &[], range: TimeRange::ALL };
    let _ = snapshot.label_names(&select, 100);
    let _ = snapshot.label_values("job", &select, 100);
    let set = snapshot.select(&select)?;
    let mut columns = SeriesColumns::default();
    for series in 0..set.len() {
        if set.read(series, TimeRange::ALL, &mut columns).is_ok() {
            assert_eq!(columns.floats.timestamps_ms.len(), columns.floats.values.len());
        }
    }
    Ok(())
}

/// Text is read in both dialects, the same whole as torn into small pieces, or refused with the line.
pub fn openmetrics(input: &[u8]) {
    for dialect in [Dialect::OpenMetrics, Dialect::Prometheus] {
        let options = ImportOptions { dialect, default_time_ms: Some(1), errors_max: usize::MAX };
        let [whole, torn] = [usize::MAX, 3].map(|piece| {
            let mut importer = Importer::new(options.clone());
            let read = importer.read(Pieces { rest: input, piece }, |_| ControlFlow::Continue(()));
            assert!(read.is_ok(), "every broken line may be skipped: {read:?}");
            let series = importer.finish();
            series.into_iter().map(|series| (series.labels, series.chunks)).collect::<Vec<_>>()
        });
        assert_eq!(whole, torn);
    }
}

/// Gives its bytes in pieces.
struct Pieces<'a> {
    rest: &'a [u8],
    piece: usize,
}

impl std::io::Read for Pieces<'_> {
    fn read(&mut self, out: &mut [u8]) -> std::io::Result<usize> {
        let length = self.piece.min(out.len());
        let read = self.rest.read(out.get_mut(..length).unwrap_or(&mut []))?;
        Ok(read)
    }
}
