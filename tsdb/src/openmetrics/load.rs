//! From text into a store.

use std::io::Read;
use std::ops::ControlFlow;
use std::sync::Arc;

use bedrock::time::TimeRange;

use super::{ImportError, ImportOptions, ImportedSeries, Importer, Progress, Skipped};
use crate::block::samples::SeriesSamples;
use crate::block::{Block, BlockWriter};
use crate::chunk::ChunkError;
use crate::compact::WINDOWS;
use crate::store::{Db, Maintenance, Store};

/// What an import brought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// How much was read.
    pub progress: Progress,
    /// Blocks written.
    pub blocks: usize,
    /// Samples in them: of samples with one series and timestamp the last one.
    pub samples: u64,
    /// Lines that were skipped, as far as the options allow.
    pub skipped: Vec<Skipped>,
}

impl Db {
    /// Imports text with timestamps, of any age and in any order, straight into compacted blocks; when this returns
    /// they are durable. Where the store has the same timestamp of a series in another block, the imported sample
    /// counts. All samples or none. What the text says of families, and the newest of its exemplars, are kept, too. About
    /// 150 ns a sample; memory 1.5 bytes a sample.
    ///
    /// ```
    /// use std::ops::ControlFlow;
    /// use tsdb::openmetrics::ImportOptions;
    /// use tsdb::{Db, Options};
    ///
    /// let db = Db::in_memory(Options::default())?;
    /// let text = "up{job=\"api\"} 1 1700000000\nup{job=\"api\"} 0 1700000015\n# EOF\n";
    /// let imported = db.import(text.as_bytes(), ImportOptions::default(), |_| ControlFlow::Continue(()))?;
    /// assert_eq!(imported.samples, 2);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// [`ImportError`]: a broken line with its number, a reader that fails, a stop by `progress`, or a store that
    /// cannot take the blocks.
    pub fn import(
        &self,
        text: impl Read,
        options: ImportOptions,
        progress: impl FnMut(&Progress) -> ControlFlow<()>,
    ) -> Result<Imported, ImportError> {
        let mut importer = Importer::new(options);
        importer.read(text, progress)?;
        let mut imported = Imported {
            progress: importer.progress(),
            skipped: importer.skipped().to_vec(),
            ..Imported::default()
        };
        self.import_about(&importer)?;
        for block in self.store().load(&importer.finish())? {
            imported.blocks += 1;
            imported.samples += block.meta().samples;
        }
        Ok(imported)
    }

    /// Exemplars and metadata, which live in the head, go through the log.
    fn import_about(&self, importer: &Importer) -> crate::Result<()> {
        let mut appender = self.appender();
        for (family, metadata) in importer.metadata() {
            appender.set_metadata(family, metadata.clone());
        }
        for (labels, exemplar) in importer.exemplars() {
            let series = appender.series(labels)?;
            appender.append_exemplar(series, exemplar.clone());
        }
        if appender.is_empty() {
            return Ok(());
        }
        appender.commit()?;
        self.sync()
    }
}

impl Store {
    /// Writes ordered series to one block per window of time, and takes the blocks in.
    fn load(&self, series: &[ImportedSeries]) -> Result<Vec<Arc<Block>>, crate::Error> {
        let mut maintenance = self.maintain("import")?;
        let written = self.write_windows(&mut maintenance, series);
        let blocks = match written {
            Ok(blocks) => blocks,
            Err(error) => {
                self.remove_unnamed_blocks(&maintenance);
                return Err(error.into());
            }
        };
        let tombstones = Arc::clone(&self.state().tombstones);
        self.replace_blocks(&mut maintenance, blocks.clone(), &[], &tombstones)?;
        Ok(blocks)
    }

    fn write_windows(
        &self,
        maintenance: &mut Maintenance,
        series: &[ImportedSeries],
    ) -> bedrock::Result<Vec<Arc<Block>>> {
        let spans = WINDOWS.last().copied().unwrap_or(1);
        let window_ms = self.options().block_ms.saturating_mul(spans).max(1);
        let level = WINDOWS.len() as u8;
        let disk = &self.options().disk;
        let chunks = || series.iter().flat_map(|series| &series.chunks);
        let mut windows: Vec<i64> = chunks()
            .flat_map(|chunk| [chunk.min_time_ms, chunk.max_time_ms])
            .map(|time_ms| time_ms.div_euclid(window_ms))
            .collect();
        windows.sort_unstable();
        windows.dedup();
        let mut blocks = Vec::new();
        while let Some(&window) = windows.first() {
            let start = window.saturating_mul(window_ms);
            let range = TimeRange::new(start, start.saturating_add(window_ms - 1));
            let id = maintenance.manifest.next_block();
            let path = self.layout.block(id);
            let mut writer = BlockWriter::create(disk, &path, id, id, level)?;
            // A chunk may span windows that no chunk begins or ends in.
            let mut next: Option<i64> = windows.get(1).copied();
            let mut samples = SeriesSamples::default();
            for one in series {
                samples.clear();
                for chunk in one.chunks.iter().filter(|chunk| chunk.max_time_ms >= range.start) {
                    if chunk.max_time_ms > range.end {
                        let following = chunk.min_time_ms.div_euclid(window_ms).max(window + 1);
                        next = Some(next.map_or(following, |next| next.min(following)));
                    }
                    if chunk.min_time_ms <= range.end {
                        chunk.decode_floats(&mut samples.floats).map_err(damaged)?;
                    }
                }
                samples.sort();
                samples.keep(range);
                if !samples.floats.is_empty() {
                    writer.add_columns(&one.labels, &samples.floats, &samples.histograms)?;
                }
            }
            if writer.finish()?.is_some() {
                blocks.push(Arc::new(Block::open(&**disk, &path)?));
            }
            windows.retain(|&other| other > window);
            windows.splice(..0, next.filter(|next| windows.first() != Some(next)));
        }
        Ok(blocks)
    }
}

fn damaged(error: ChunkError) -> bedrock::Error {
    bedrock::Error::corrupt("import", error.offset as u64, error.what, "a chunk in memory", "damage")
}
