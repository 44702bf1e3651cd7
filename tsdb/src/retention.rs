//! What is too old or too much: pure decisions over the blocks of a store.

use bedrock::postings::Ids;
use bedrock::time::TimeRange;

use crate::block::BlockMeta;
use crate::tombstones::Tombstone;

/// The blocks that age and size drop, by id, the oldest first.
///
/// A block goes by age once its last sample is more than `age_ms` older than `newest_ms`, and by size as long as the
/// bytes of all blocks together exceed `bytes_max`, the one with the oldest last sample first. `blocks` gives the
/// metadata and the bytes on disk.
pub fn expired(
    blocks: &[(BlockMeta, u64)],
    newest_ms: i64,
    age_ms: Option<i64>,
    bytes_max: Option<u64>,
) -> Vec<u64> {
    let mut oldest_first: Vec<&(BlockMeta, u64)> = blocks.iter().collect();
    oldest_first.sort_by_key(|(block, _)| (block.range.end, block.order));
    let mut bytes: u64 = blocks.iter().map(|(_, bytes)| bytes).sum();
    let mut expired = Vec::new();
    for (block, block_bytes) in oldest_first {
        let too_old = age_ms.is_some_and(|age_ms| block.range.end < newest_ms.saturating_sub(age_ms));
        let too_much = bytes_max.is_some_and(|bytes_max| bytes > bytes_max);
        if too_old || too_much {
            bytes -= block_bytes;
            expired.push(block.id);
        }
    }
    expired
}

/// Steps in which a block lets the series of a rule go.
const STEPS: i64 = 4;

/// What a shorter age of some series deletes from a block: everything up to the age, in steps of a quarter of the block
/// and at least of `block_ms`, so that a block is rewritten a few times and not with every sample that ages. `None` where
/// the block starts later. The series are those that the selector finds in the block.
pub fn expired_range(block: &BlockMeta, newest_ms: i64, age_ms: i64, block_ms: i64) -> Option<TimeRange> {
    let block_ms = block_ms.max(1);
    let end = newest_ms.saturating_sub(age_ms).saturating_sub(1);
    if block.range.end <= end {
        return Some(block.range);
    }
    let span_ms = block.range.end.saturating_sub(block.range.start);
    let step_ms = (span_ms / STEPS / block_ms).max(1).saturating_mul(block_ms);
    let end = end.saturating_add(1).div_euclid(step_ms).saturating_mul(step_ms).saturating_sub(1);
    (block.range.start <= end).then(|| TimeRange::new(block.range.start, end))
}

/// Of the series that a rule lets go in a range, those that the tombstones of the block do not cover yet.
pub fn not_yet_deleted(mut series: Ids, range: TimeRange, tombstones: &[&Tombstone]) -> Ids {
    for tombstone in tombstones.iter().filter(|t| t.range.start <= range.start && range.end <= t.range.end) {
        series -= &tombstone.series;
    }
    series
}

#[cfg(test)]
mod tests {
    use super::*;

    fn block(id: u64, start: i64, end: i64, bytes: u64) -> (BlockMeta, u64) {
        let range = TimeRange::new(start, end);
        (BlockMeta { id, order: id, level: 0, range, series: 1, samples: 1, float_samples: 1 }, bytes)
    }

    #[test]
    fn blocks_go_by_age_and_by_size_the_oldest_first() {
        let blocks = [block(3, 200, 299, 10), block(1, 0, 99, 10), block(2, 100, 199, 10)];
        assert_eq!(expired(&blocks, 299, None, None), []);
        assert_eq!(expired(&blocks, 299, Some(200), None), [], "99 is exactly 200 old");
        assert_eq!(expired(&blocks, 300, Some(200), None), [1]);
        assert_eq!(expired(&blocks, 299, None, Some(10)), [1, 2]);
        assert_eq!(expired(&blocks, 300, Some(200), Some(29)), [1], "what age drops counts for size");
    }

    #[test]
    fn a_rule_deletes_the_old_part_of_a_block_in_steps() {
        let (block, _) = block(1, 0, 999, 1);
        let expired = |newest_ms| expired_range(&block, newest_ms, 100, 10);
        assert_eq!(expired(339), None);
        assert_eq!(expired(340), Some(TimeRange::new(0, 239)));
        assert_eq!(expired(579), Some(TimeRange::new(0, 239)));
        assert_eq!(expired(1_099), Some(TimeRange::new(0, 959)));
        assert_eq!(expired(1_100), Some(TimeRange::new(0, 999)), "the whole block at last");
    }

    #[test]
    fn what_is_deleted_is_not_deleted_again() {
        let tombstone =
            |range, series: &[u32]| Tombstone { block: 1, range, series: series.iter().collect() };
        let whole = tombstone(TimeRange::ALL, &[1, 2]);
        let part = tombstone(TimeRange::new(0, 50), &[3]);
        let left = not_yet_deleted(Ids::from_iter([1, 3, 4]), TimeRange::new(0, 99), &[&whole, &part]);
        assert_eq!(left, Ids::from_iter([3, 4]));
    }
}
