//! Carries a compaction out: a merge by labels, one series in memory at a time.

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;

use bedrock::Result;
use bedrock::disk::Disk;
use bedrock::labels::Labels;
use bedrock::time::TimeRange;

use super::plan::Job;
use crate::block::page::Scratch;
use crate::block::samples::SeriesSamples;
use crate::block::series::{BlockSeries, GROUP_SERIES};
use crate::block::{Block, BlockMeta, BlockWriter};
use crate::tombstones::{Tombstone, Tombstones};

/// Writes the block `id` at `path` from the sources of a job, without what the tombstones delete from them. `None`
/// where nothing is left of them; then nothing is on disk.
///
/// The sources stay as they are: the caller takes them out of the manifest with the edit that takes the new block in,
/// and their tombstones with them. Memory: the samples of one series, and the index of the new block. About
/// 40 ns a sample.
///
/// # Errors
///
/// Where a source is damaged or the disk refuses; a temporary directory may be left.
pub fn run(
    disk: &Arc<dyn Disk>,
    path: &Path,
    id: u64,
    job: &Job,
    blocks: &[Arc<Block>],
    tombstones: &Tombstones,
) -> Result<Option<BlockMeta>> {
    let mut sources: Vec<Source<'_>> = job
        .sources
        .iter()
        .filter_map(|source| blocks.iter().find(|block| block.meta().id == *source))
        .map(|block| Source::new(block, tombstones))
        .collect();
    let mut writer = BlockWriter::create(disk, path, id, job.order, job.level)?;
    let mut scratch = Scratch::default();
    let mut samples = SeriesSamples::default();
    while let Some(labels) = next_labels(&mut sources)? {
        samples.clear();
        for source in &mut sources {
            source.take(&labels, &mut scratch, &mut samples)?;
        }
        samples.sort();
        writer.add_columns(&labels, &samples.floats, &samples.histograms)?;
    }
    writer.finish()
}

/// The smallest labels that a source still has.
fn next_labels(sources: &mut [Source<'_>]) -> Result<Option<Labels>> {
    let mut next: Option<Labels> = None;
    for source in sources {
        if let Some((_, series)) = source.front()?
            && next.as_ref().is_none_or(|next| series.labels < *next)
        {
            next = Some(series.labels.clone());
        }
    }
    Ok(next)
}

/// The series of one block in order.
struct Source<'a> {
    block: &'a Block,
    tombstones: Vec<&'a Tombstone>,
    read: VecDeque<(u32, BlockSeries)>,
    next: u32,
    end: u32,
}

impl<'a> Source<'a> {
    fn new(block: &'a Block, tombstones: &'a Tombstones) -> Self {
        let end = u32::try_from(block.meta().series).unwrap_or(u32::MAX);
        let tombstones = tombstones.of_block(block.meta().id);
        Source { block, tombstones, read: VecDeque::new(), next: 0, end }
    }

    fn front(&mut self) -> Result<Option<&(u32, BlockSeries)>> {
        if self.read.is_empty() && self.next < self.end {
            let end = self.end.min(self.next + GROUP_SERIES as u32);
            self.block.read_series(self.next..end, |number, series| self.read.push_back((number, series)))?;
            self.next = end;
        }
        Ok(self.read.front())
    }

    /// Appends the samples of the next series where it has these labels, without what is deleted.
    fn take(&mut self, labels: &Labels, scratch: &mut Scratch, samples: &mut SeriesSamples) -> Result<()> {
        if self.front()?.is_none_or(|(_, series)| series.labels != *labels) {
            return Ok(());
        }
        let Some((number, series)) = self.read.pop_front() else { return Ok(()) };
        let (floats, histograms) = (samples.floats.len(), samples.histograms.len());
        self.block.decode_series(&series.pages, scratch, samples)?;
        let deleted: Vec<TimeRange> = self
            .tombstones
            .iter()
            .filter(|tombstone| tombstone.series.contains(number))
            .map(|tombstone| tombstone.range)
            .collect();
        if !deleted.is_empty() {
            samples.delete(floats, histograms, &deleted);
        }
        Ok(())
    }
}
