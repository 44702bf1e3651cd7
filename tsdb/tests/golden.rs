//! Blocks of every format version that was ever written still read as what went into them.
#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;
use std::sync::Arc;

use bedrock::block::block_name;
use bedrock::disk::{Disk, MemDisk};
use bedrock::labels::Labels;
use bedrock::series::{Select, SeriesColumns, SeriesSource};
use bedrock::time::TimeRange;
use tsdb::block::Block;
use tsdb::{Snapshot, Tombstones};

/// Opens the block whose files are `<name>-index` and `<name>-samples`.
fn open(name: &str) -> Snapshot {
    let golden = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/golden");
    let disk = MemDisk::new();
    let path = Path::new("blocks").join(block_name(1));
    disk.create_dir(&path).unwrap();
    for file in ["index", "samples"] {
        let bytes = std::fs::read(golden.join(format!("{name}-{file}"))).unwrap();
        disk.create(&path.join(file)).unwrap().append(&bytes).unwrap();
    }
    let block = Block::open(&disk, &path).unwrap();
    Snapshot::new(None, [Arc::new(block)], Arc::new(Tombstones::default()))
}

/// What the golden blocks hold: 150 scrapes with jitter of counters with a decimal and of constants, and ten
/// histograms; series of the job `db` have start timestamps.
fn check(snapshot: &Snapshot) {
    let set = snapshot.select(&Select { matchers: &[], range: TimeRange::ALL }).unwrap();
    let names = ["a_total", "h", "up"];
    let expected = names.iter().flat_map(|name| ["api", "db"].map(|job| (*name, job)));
    let mut columns = SeriesColumns::default();
    assert_eq!(set.len(), 6);
    for (index, (name, job)) in expected.enumerate() {
        assert_eq!(*set.labels(index), Labels::from_pairs([("__name__", name), ("job", job)]).unwrap());
        set.read(index, TimeRange::ALL, &mut columns).unwrap();
        let time_ms = |i: i64| 1_780_000_000_000 + 15_000 * i + (i * 7 % 5);
        let (floats, histograms) = (&columns.floats, &columns.histograms);
        if name == "h" {
            assert_eq!(floats.values.len(), 0);
            assert_eq!(histograms.timestamps_ms, (0..10).map(time_ms).collect::<Vec<_>>());
            for (i, histogram) in histograms.values.iter().enumerate() {
                assert_eq!((histogram.count, histogram.sum), (i as f64, 0.5 * i as f64));
                assert_eq!(histogram.positive_buckets, [i as f64, 0.0]);
            }
            continue;
        }
        let value = |i: i64| if name == "up" { 1.0 } else { (i * i % 37) as f64 / 10.0 };
        assert_eq!(*floats.timestamps_ms, (0..150).map(time_ms).collect::<Vec<_>>());
        assert_eq!(floats.values, (0..150).map(value).collect::<Vec<_>>());
        let starts = if job == "db" { vec![1_700_000_000_000; 150] } else { Vec::new() };
        assert_eq!(floats.start_timestamps_ms, starts);
    }
}

#[test]
fn flushed_blocks_of_version_1() {
    check(&open("chunks-v1"));
}

#[test]
fn compacted_blocks_of_version_1() {
    check(&open("columns-v1"));
}
