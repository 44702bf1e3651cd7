//! Compaction: small blocks become bigger and denser ones. What to compact is `bedrock::store`'s to decide.

use std::ops::Range;

use bedrock::Result;
use bedrock::labels::Labels;
use bedrock::store::{LiveBlock, Salvaged};

use crate::batch::write_metadata_pairs;
use crate::block::{Block, BlockWriter, Want};
use crate::rows::RowSet;
use crate::scan::{Cursor, MergedRows, without_deleted};
use crate::snapshot::Part;

/// Writes the rows of `sources` that are not deleted, each entry once. Holds one row group of each source and one of
/// the new block.
///
/// # Errors
///
/// Where a source does not check out or the disk refuses.
pub(crate) fn copy_rows(sources: &[LiveBlock<Block>], writer: &mut BlockWriter<'_>) -> Result<()> {
    let all: Vec<u32> =
        (0..sources.iter().map(|block| block.streams()).max().unwrap_or_default() as u32).collect();
    let of_source = |block: &LiveBlock<Block>| block.labels(&all[..block.streams()]);
    let mut labels: Vec<Labels> = sources.iter().flat_map(of_source).collect();
    labels.sort_unstable();
    labels.dedup();
    let cursors = sources
        .iter()
        .map(|block| {
            let number = |labels_of: &Labels| labels.binary_search(labels_of).unwrap_or_default() as u32;
            let streams = (0u32..).zip(of_source(block).iter().map(number)).collect();
            Cursor::new(Part::Block(block), streams, (i64::MIN, i64::MAX), Want::ALL)
        })
        .collect();
    let mut rows = MergedRows::new(cursors);
    let mut current = None;
    let mut metadata = Vec::new();
    while let Some(segment) = rows.next()? {
        if current != Some(segment.stream) {
            writer.stream(&labels[segment.stream as usize]);
            current = Some(segment.stream);
        }
        for row in segment.from..segment.to {
            metadata.clear();
            write_metadata_pairs(segment.rows.metadata.pairs(row), &mut metadata);
            writer.row(segment.rows.times_ns[row], segment.rows.line(row), &metadata)?;
        }
    }
    Ok(())
}

/// Writes the rows of a damaged block that check out and are not deleted: those of every page of lines whose times and
/// metadata are there, too.
///
/// # Errors
///
/// Where the disk refuses what is written.
pub(crate) fn salvage_rows(block: &LiveBlock<Block>, writer: &mut BlockWriter<'_>) -> Result<Salvaged> {
    let mut salvaged = Salvaged::default();
    let mut current = None;
    let mut first = 0;
    for group in block.groups() {
        let base = first;
        first += group.rows;
        let left = |rows: Range<usize>| {
            let mut left = RowSet::none(group.rows);
            left.insert_range(rows.start, rows.end);
            without_deleted(left, block, base)
        };
        let Ok(times) = block.times(group) else {
            let lost = left(0..group.rows).len() as u64;
            salvaged.lose(lost, group.first_ns, group.last_ns);
            continue;
        };
        for page in group.line_pages() {
            let mut wanted = left(page.clone());
            let Ok(rows) = block.decode(group, &times, &mut wanted, Want::ALL) else {
                for row in wanted.iter() {
                    salvaged.lose(1, times.times_ns[row], times.times_ns[row]);
                }
                continue;
            };
            for (index, row) in wanted.iter().enumerate() {
                let stream = group.stream_of(row);
                if current != Some(stream) {
                    block.labels(&[stream]).iter().for_each(|labels| writer.stream(labels));
                    current = Some(stream);
                }
                let mut metadata = Vec::new();
                write_metadata_pairs(rows.metadata.pairs(index), &mut metadata);
                writer.row(rows.times_ns[index], rows.line(index), &metadata)?;
                salvaged.kept_rows += 1;
            }
        }
    }
    Ok(salvaged)
}
