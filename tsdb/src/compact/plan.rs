//! Which blocks to compact next.
//!
//! Time is cut into windows of 4, 16 and 64 times the span of a flushed block: 8 h, 32 h and 128 h by default. Blocks
//! that lie inside one window become one block once the newest data has passed the window's end, from the small windows
//! to the large ones. So a sample is rewritten at most three times, the newest blocks are left alone, and a block
//! covers at most five days and some, which is what retention drops at a time. Blocks with tombstones are rewritten
//! when there is nothing else to do. A block that spans several windows, of samples that came late, belongs to
//! the largest window that it starts in.
//!
//! Of two samples with one timestamp the one in the block of higher order counts, so a job also takes in every block
//! that overlaps its sources in time and whose order lies between theirs.

use crate::block::BlockMeta;

/// Windows in spans of a flushed block; the level of a compacted block is its position here, plus one.
pub const WINDOWS: [i64; 3] = [4, 16, 64];

/// Blocks that become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// The blocks by id, in ascending order of their place (see [`BlockMeta::order`]).
    pub sources: Vec<u64>,
    /// The order of the new block.
    pub order: u64,
    /// The level of the new block.
    pub level: u8,
}

/// The next job, `None` where there is nothing to do. `block_ms` is the span of a flushed block, `is_deleted` says
/// whether a block has tombstones. With `full`, windows that are not over yet count as well, and every flushed block
/// becomes columnar.
pub fn plan(
    blocks: &[BlockMeta],
    block_ms: i64,
    full: bool,
    is_deleted: impl Fn(u64) -> bool,
) -> Option<Job> {
    let newest_ms = blocks.iter().map(|block| block.range.end).max()?;
    let windows = WINDOWS.iter().zip(1_u8..);
    let windows: Vec<(i64, u8)> =
        windows.map(|(&spans, level)| (spans.saturating_mul(block_ms), level)).collect();
    // A full compaction goes to the largest windows at once.
    let steps = if full { windows.get(WINDOWS.len() - 1..)? } else { &windows };
    for &(window_ms, level) in steps {
        if let Some(job) = plan_window(blocks, window_ms.max(1), level, full, newest_ms) {
            return Some(job);
        }
    }
    let rewrite = blocks.iter().find(|block| is_deleted(block.id))?;
    Some(job(vec![rewrite], rewrite.level.max(1)))
}

/// The oldest window whose blocks should become one of `level`.
fn plan_window(blocks: &[BlockMeta], window_ms: i64, level: u8, full: bool, newest_ms: i64) -> Option<Job> {
    let largest = usize::from(level) == WINDOWS.len();
    let window = |block: &BlockMeta| {
        let (first, last) = (block.range.start.div_euclid(window_ms), block.range.end.div_euclid(window_ms));
        (first == last || largest).then_some(first)
    };
    let mut windows: Vec<i64> = blocks.iter().filter_map(window).collect();
    windows.sort_unstable();
    windows.dedup();
    for number in windows {
        let over = number.saturating_add(1).saturating_mul(window_ms) <= newest_ms;
        if !over && !full {
            continue;
        }
        let inside: Vec<&BlockMeta> = blocks.iter().filter(|block| window(block) == Some(number)).collect();
        let fresh = inside.iter().any(|block| block.level == 0);
        if inside.len() >= 2 || fresh {
            let sources = close(blocks, inside);
            let level = sources.iter().map(|block| block.level).fold(level, u8::max);
            return Some(job(sources, level));
        }
    }
    None
}

/// Adds the blocks that overlap the sources in time and lie between them in order.
fn close<'a>(blocks: &'a [BlockMeta], mut sources: Vec<&'a BlockMeta>) -> Vec<&'a BlockMeta> {
    loop {
        let lowest = sources.iter().map(|block| block.order).min().unwrap_or(0);
        let highest = sources.iter().map(|block| block.order).max().unwrap_or(0);
        let between = blocks.iter().find(|block| {
            (lowest..=highest).contains(&block.order)
                && sources.iter().all(|source| source.id != block.id)
                && sources.iter().any(|source| source.range.overlaps(&block.range))
        });
        match between {
            Some(block) => sources.push(block),
            None => return sources,
        }
    }
}

fn job(mut sources: Vec<&BlockMeta>, level: u8) -> Job {
    sources.sort_by_key(|block| (block.order, block.id));
    let order = sources.iter().map(|block| block.order).max().unwrap_or(0);
    Job { sources: sources.iter().map(|block| block.id).collect(), order, level }
}
