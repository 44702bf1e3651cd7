//! Which blocks to compact and which to drop: decisions over facts, without a disk.
//!
//! Blocks are in order of age, so neighbours are close in time and a compacted block covers one stretch of it.

/// What a decision knows of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockFacts {
    /// Its number in the manifest.
    pub number: u64,
    /// 0 for a block from the head, one more than its sources for a compacted one.
    pub level: u8,
    /// What is limited in a compacted block, in whatever the store counts it.
    pub size: u64,
    /// The first time in it, in nanoseconds since 1970.
    pub first_ns: i64,
    /// The last time in it, in nanoseconds since 1970.
    pub last_ns: i64,
    /// Bytes on disk.
    pub file_bytes: u64,
}

/// One compaction: blocks that become one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Job {
    /// Their numbers.
    pub(super) sources: Vec<u64>,
    /// The level of the new one.
    pub(super) level: u8,
}

impl Job {
    fn merge(run: &[BlockFacts]) -> Self {
        let level = run.iter().map(|block| block.level).max().unwrap_or_default().saturating_add(1);
        Job { sources: run.iter().map(|block| block.number).collect(), level }
    }
}

/// The compaction that is due: the first run of `fan_in` neighbouring blocks of one level that fit a block of
/// `size_max` together; where there is none, a block of which something is deleted.
pub(super) fn plan(
    blocks: &[BlockFacts],
    fan_in: usize,
    size_max: u64,
    is_deleted_from: impl Fn(u64) -> bool,
) -> Option<Job> {
    let fits = |run: &&[BlockFacts]| {
        run.iter().all(|block| block.level == run[0].level)
            && run.iter().map(|block| block.size).sum::<u64>() <= size_max
    };
    let merge = blocks.windows(fan_in.max(2)).find(fits).map(Job::merge);
    merge.or_else(|| {
        let rewritten = blocks.iter().find(|block| is_deleted_from(block.number))?;
        Some(Job { sources: vec![rewritten.number], level: rewritten.level })
    })
}

/// As few blocks as `size_max` allows, all of them compacted and nothing deleted in them: the jobs that lead there.
pub(super) fn full_plan(
    blocks: &[BlockFacts],
    size_max: u64,
    is_deleted_from: impl Fn(u64) -> bool,
) -> Vec<Job> {
    let mut runs: Vec<Vec<BlockFacts>> = Vec::new();
    for &block in blocks {
        let size = |run: &Vec<BlockFacts>| run.iter().map(|block| block.size).sum::<u64>();
        match runs.last_mut() {
            Some(run) if size(run) + block.size <= size_max => run.push(block),
            _ => runs.push(vec![block]),
        }
    }
    runs.retain(|run| {
        run.len() > 1 || run.iter().any(|block| block.level == 0 || is_deleted_from(block.number))
    });
    runs.iter().map(|run| Job::merge(run)).collect()
}

/// Numbers of the blocks to drop while all together take more than `bytes_max`: the oldest first.
pub(super) fn oldest_beyond(blocks: &[BlockFacts], bytes_max: Option<u64>) -> Vec<u64> {
    let Some(bytes_max) = bytes_max else { return Vec::new() };
    let mut by_age = blocks.to_vec();
    by_age.sort_unstable_by_key(|block| (block.last_ns, block.number));
    let mut bytes: u64 = by_age.iter().map(|block| block.file_bytes).sum();
    let mut gone = Vec::new();
    for block in by_age {
        if bytes <= bytes_max {
            break;
        }
        gone.push(block.number);
        bytes -= block.file_bytes;
    }
    gone
}

#[cfg(test)]
mod tests {
    use super::*;

    fn blocks(levels: &[u8]) -> Vec<BlockFacts> {
        let block = |(number, &level): (u64, &u8)| BlockFacts {
            number,
            level,
            size: 10,
            first_ns: number as i64 * 100,
            last_ns: number as i64 * 100,
            file_bytes: 5,
        };
        (0u64..).zip(levels).map(block).collect()
    }

    fn nothing_deleted(_: u64) -> bool {
        false
    }

    #[test]
    fn neighbours_of_one_level_are_taken() {
        let job = |sources: &[u64], level| Some(Job { sources: sources.to_vec(), level });
        assert_eq!(plan(&blocks(&[1, 0, 0, 0]), 3, 100, nothing_deleted), job(&[1, 2, 3], 1));
        assert_eq!(plan(&blocks(&[0, 1, 0, 0]), 3, 100, nothing_deleted), None);
        assert_eq!(plan(&blocks(&[0, 0, 0]), 3, 29, nothing_deleted), None, "together they are too large");
        assert_eq!(
            plan(&blocks(&[0, 1, 0]), 3, 100, |number| number == 1),
            job(&[1], 1),
            "of its deleted rows"
        );
    }

    #[test]
    fn a_full_plan_leaves_compacted_blocks_alone() {
        let sources = |jobs: Vec<Job>| jobs.into_iter().map(|job| job.sources).collect::<Vec<_>>();
        assert_eq!(full_plan(&blocks(&[1]), 100, nothing_deleted), []);
        assert_eq!(sources(full_plan(&blocks(&[1]), 100, |_| true)), [[0]]);
        assert_eq!(sources(full_plan(&blocks(&[0]), 100, nothing_deleted)), [[0]]);
        assert_eq!(sources(full_plan(&blocks(&[1, 0, 0]), 20, nothing_deleted)), [vec![0, 1], vec![2]]);
    }

    #[test]
    fn the_oldest_go_first() {
        let blocks = blocks(&[0, 0, 0]);
        assert_eq!(oldest_beyond(&blocks, Some(10)), [0]);
        assert_eq!(oldest_beyond(&blocks, Some(0)), [0, 1, 2]);
        assert!(oldest_beyond(&blocks, None).is_empty());
    }
}
