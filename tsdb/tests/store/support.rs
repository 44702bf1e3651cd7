//! What the tests of the store share: label sets, options that hold still, and reading everything back.

use std::sync::Arc;

use bedrock::disk::Disk;
use bedrock::labels::Labels;
use bedrock::time::TimeRange;
pub(crate) use testkit::oracle::{Contents, contents_in};
use tsdb::{Background, Clock, Db, Durability, Options};

/// A label set of a test series.
pub(crate) fn labels(number: usize) -> Labels {
    let number = number.to_string();
    Labels::from_pairs([("__name__", "test_metric"), ("number", number.as_str())]).unwrap()
}

/// Options of a store on a disk that does nothing on its own.
pub(crate) fn options(disk: Arc<dyn Disk>) -> Options {
    Options {
        disk,
        durability: Durability::EveryCommit,
        background: Background::Caller,
        clock: Clock::from_fn(|| 1 << 50),
        block_ms: 60_000,
        out_of_order_window_ms: 100_000,
        ..Options::default()
    }
}

/// Every float sample of a store.
pub(crate) fn contents(db: &Db) -> Contents {
    contents_in(&db.snapshot(), TimeRange::ALL)
}

/// How often a loop runs: `base` times what `TRISTORE_ROUNDS` says.
pub(crate) fn rounds(base: u64) -> u64 {
    base * testkit::rounds::rounds()
}
