//! Plans are what the rules say; a compaction keeps every sample that counts and no other.

use std::path::Path;

use bedrock::block::block_name;
use bedrock::disk::{Disk, MemDisk};
use bedrock::labels::Labels;
use bedrock::postings::Ids;
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use proptest::prelude::*;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::*;
use crate::block::{Block, BlockMeta, BlockWriter};
use crate::chunk::{FloatSamples, HistogramSamples, OpenFloats};
use crate::select::Snapshot;
use crate::tombstones::{Tombstone, Tombstones};

const BLOCK_MS: i64 = 100;

fn meta(id: u64, level: u8, start: i64, end: i64) -> BlockMeta {
    BlockMeta {
        id,
        order: id,
        level,
        range: TimeRange::new(start, end),
        series: 1,
        samples: 1,
        float_samples: 1,
    }
}

fn sources(blocks: &[BlockMeta], full: bool) -> Option<Vec<u64>> {
    plan(blocks, BLOCK_MS, full, |_| false).map(|job| job.sources)
}

#[test]
fn a_window_is_compacted_once_it_is_over() {
    let mut blocks =
        vec![meta(1, 0, 0, 99), meta(2, 0, 100, 199), meta(3, 0, 200, 299), meta(4, 0, 300, 399)];
    assert_eq!(sources(&blocks, false), None, "the window may still get blocks");
    blocks.push(meta(5, 0, 400, 499));
    assert_eq!(
        plan(&blocks, BLOCK_MS, false, |_| false),
        Some(Job { sources: vec![1, 2, 3, 4], order: 4, level: 1 })
    );
    assert_eq!(
        sources(&[meta(6, 1, 0, 399), meta(5, 0, 400, 499)], false),
        None,
        "one compacted block is enough"
    );
}

#[test]
fn a_full_compaction_takes_everything() {
    let blocks = [meta(1, 1, 0, 399), meta(2, 0, 400, 450)];
    assert_eq!(sources(&blocks, true), Some(vec![1, 2]));
    assert_eq!(sources(&[meta(3, 3, 0, 450)], true), None);
    assert_eq!(sources(&[meta(3, 0, 0, 450)], true), Some(vec![3]), "a flushed block becomes columnar");
}

#[test]
fn late_blocks_bring_those_in_between_along() {
    let mut blocks = vec![meta(1, 0, 0, 99), meta(2, 0, 50, 450), meta(3, 0, 300, 399), meta(4, 0, 800, 900)];
    assert_eq!(
        sources(&blocks, false),
        Some(vec![1, 2, 3]),
        "block 2 spans two windows but overlaps 1 and 3"
    );
    blocks.remove(1);
    assert_eq!(sources(&blocks, false), Some(vec![1, 3]));
}

#[test]
fn a_block_over_the_edge_of_windows_is_not_forgotten() {
    let edge = 64 * BLOCK_MS;
    let blocks = [meta(1, 0, edge - 10, edge + 10), meta(2, 0, 2 * edge, 2 * edge + 1)];
    assert_eq!(sources(&blocks, false), Some(vec![1]));
}

#[test]
fn a_block_with_tombstones_is_rewritten_when_nothing_else_is_to_do() {
    let blocks = [meta(6, 1, 0, 399), meta(5, 0, 400, 499)];
    let job = plan(&blocks, BLOCK_MS, false, |id| id == 6);
    assert_eq!(job, Some(Job { sources: vec![6], order: 6, level: 1 }));
}

fn labels(series: u8) -> Labels {
    Labels::from_pairs([("__name__", "m"), ("series", &series.to_string())]).unwrap()
}

/// One block's samples: series -> time -> value.
type Content = BTreeMap<u8, BTreeMap<i64, i32>>;

fn write_block(disk: &Arc<dyn Disk>, id: u64, content: &Content) -> Option<Arc<Block>> {
    let path = Path::new("blocks").join(block_name(id));
    let mut writer = BlockWriter::create(disk, &path, id, id, u8::from(id.is_multiple_of(2))).unwrap();
    let mut ordered: Vec<(Labels, &BTreeMap<i64, i32>)> =
        content.iter().map(|(s, c)| (labels(*s), c)).collect();
    ordered.sort_by(|a, b| a.0.cmp(&b.0));
    for (labels, samples) in ordered {
        if id.is_multiple_of(2) {
            let mut floats = FloatSamples::default();
            samples.iter().for_each(|(&time_ms, &value)| floats.push(time_ms, f64::from(value), 0));
            writer.add_columns(&labels, &floats, &HistogramSamples::default()).unwrap();
        } else {
            let mut open = OpenFloats::new();
            samples.iter().for_each(|(&time_ms, &value)| open.append(time_ms, f64::from(value), 0));
            writer.add_chunks(&labels, &open.seal().into_iter().collect::<Vec<_>>()).unwrap();
        }
    }
    writer.finish().unwrap()?;
    Some(Arc::new(Block::open(&**disk, &path).unwrap()))
}

fn read_snapshot(snapshot: &Snapshot, range: TimeRange) -> BTreeMap<String, BTreeMap<i64, i32>> {
    let set = snapshot.select(&Select { matchers: &[], range }).unwrap();
    let mut columns = SeriesColumns::default();
    let mut found = BTreeMap::new();
    for index in 0..set.len() {
        set.read(index, range, &mut columns).unwrap();
        let times = columns.floats.timestamps_ms.iter().copied();
        let samples = times.zip(columns.floats.values.iter().map(|value| *value as i32));
        let samples: BTreeMap<i64, i32> = samples.filter(|(time_ms, _)| range.contains(*time_ms)).collect();
        if !samples.is_empty() {
            found.insert(set.labels(index).get("series").unwrap().to_owned(), samples);
        }
    }
    found
}

fn any_content() -> impl Strategy<Value = Content> {
    let samples = prop::collection::btree_map(-50_i64..50, any::<i32>(), 1..60);
    prop::collection::btree_map(0_u8..12, samples, 0..8)
}

proptest! {
    #![proptest_config(testkit::rounds::cases(64))]

    /// Reading over any blocks and tombstones gives what the dumbest model says, before and after compaction.
    #[test]
    fn reading_and_compaction_equal_the_model(
        contents in prop::collection::vec(any_content(), 1..4),
        deletes in prop::collection::vec((0_usize..4, any::<u8>(), -60_i64..60, 0_i64..40), 0..4),
        range in (-60_i64..60, 0_i64..80),
    ) {
        let disk: Arc<dyn Disk> = Arc::new(MemDisk::new());
        let mut model: BTreeMap<String, BTreeMap<i64, i32>> = BTreeMap::new();
        let mut blocks = Vec::new();
        let mut tombstones = Tombstones::default();
        for (id, mut content) in (1_u64..).zip(contents) {
            if let Some(block) = write_block(&disk, id, &content) {
                let mut names: Vec<u8> = content.keys().copied().collect();
                names.sort_by_key(|series| labels(*series));
                for &(of, series, start, length) in deletes.iter().filter(|delete| delete.0 as u64 == id - 1) {
                    let _ = of;
                    let number = usize::from(series) % names.len();
                    let range = TimeRange::new(start, start + length);
                    content.get_mut(&names[number]).unwrap().retain(|time_ms, _| !range.contains(*time_ms));
                    tombstones.push(Tombstone { block: id, range, series: Ids::from_iter([number as u32]) });
                }
                blocks.push(block);
            }
            for (series, samples) in content {
                model.entry(series.to_string()).or_default().extend(samples);
            }
        }
        model.retain(|_, samples| !samples.is_empty());
        let before = Snapshot::new(None, blocks.clone(), Arc::new(tombstones.clone()));
        prop_assert_eq!(&read_snapshot(&before, TimeRange::ALL), &model);
        let range = TimeRange::new(range.0, range.0 + range.1);
        let mut part = model.clone();
        part.values_mut().for_each(|samples| samples.retain(|time_ms, _| range.contains(*time_ms)));
        part.retain(|_, samples| !samples.is_empty());
        prop_assert_eq!(&read_snapshot(&before, range), &part);

        let job = Job {
            sources: blocks.iter().map(|block| block.meta().id).collect(),
            order: blocks.len() as u64,
            level: 1,
        };
        let path = Path::new("blocks").join(block_name(9));
        let compacted = run(&disk, &path, 9, &job, &blocks, &tombstones).unwrap();
        let after = compacted.map(|_| Arc::new(Block::open(&*disk, &path).unwrap()));
        let samples: usize = model.values().map(BTreeMap::len).sum();
        prop_assert_eq!(after.as_ref().map_or(0, |block| block.meta().samples), samples as u64);
        let after = Snapshot::new(None, after, Arc::default());
        prop_assert_eq!(&read_snapshot(&after, TimeRange::ALL), &model);
        prop_assert_eq!(&read_snapshot(&after, range), &part);
    }
}
