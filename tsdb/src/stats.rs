//! Numbers about a store, and which labels make its series many.

use bedrock::series::{Select, SeriesSource};
use bedrock::wal::Cut;

use crate::error::{Error, Result};
use crate::head::read;
use crate::store::Db;

/// A store in numbers.
#[derive(Clone, Debug)]
pub struct Stats {
    /// Series in the head.
    pub head_series: usize,
    /// Estimated memory of the head in bytes.
    pub head_bytes: usize,
    /// Sealed chunks of the head in bytes, most of them mapped from disk.
    pub head_chunk_bytes: usize,
    /// The newest timestamp ever taken, `None` in a store without samples.
    pub newest_ms: Option<i64>,
    /// Blocks.
    pub blocks: usize,
    /// Samples in blocks.
    pub block_samples: u64,
    /// Commits since the store was opened.
    pub commits: u64,
    /// Syncs of the log since the store was opened.
    pub syncs: u64,
    /// Bytes that the log took since the store was opened.
    pub log_bytes: u64,
    /// Size of the last checkpoint in bytes, 0 where none was written since the store was opened.
    pub checkpoint_bytes: u64,
    /// Records of the log that were replayed when the store was opened.
    pub replayed_records: u64,
    /// The torn tail of the log that was cut when the store was opened.
    pub cut: Option<Cut>,
    /// What the last round of background work failed with.
    pub background_failure: Option<Error>,
}

/// How many series a name or a value has.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Count {
    /// The name or value.
    pub text: String,
    /// Series that carry it.
    pub series: u64,
}

/// Which labels make the series many. Each list is ordered by count, largest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cardinality {
    /// Series selected.
    pub series: u64,
    /// Metric names by their series.
    pub metrics: Vec<Count>,
    /// Label names by the number of their values.
    pub values_per_label: Vec<Count>,
    /// Pairs `name=value` by their series.
    pub pairs: Vec<Count>,
}

impl Db {
    /// The store in numbers. O(blocks).
    pub fn stats(&self) -> Stats {
        let store = self.store();
        let state = store.state();
        let log = read(&store.wal).as_ref().map(bedrock::wal::Wal::stats).unwrap_or_default();
        let newest_ms = state.head.max_time_ms();
        Stats {
            head_series: state.head.series(),
            head_bytes: state.head.memory_bytes(),
            head_chunk_bytes: state.head.chunks.bytes(),
            newest_ms: (newest_ms != i64::MIN).then_some(newest_ms),
            blocks: state.blocks.len(),
            block_samples: state.blocks.iter().map(|block| block.meta().samples).sum(),
            commits: log.commits,
            syncs: log.syncs,
            log_bytes: log.bytes,
            checkpoint_bytes: store.checkpoint_bytes(),
            replayed_records: store.recovered().records,
            cut: store.recovered().cut.clone(),
            background_failure: store.background_failure().map(Error::Storage),
        }
    }

    /// Which labels make the series many, over head and blocks, at most `limit` entries a list. O(series selected).
    ///
    /// # Errors
    ///
    /// Where blocks cannot be read.
    pub fn cardinality(&self, select: &Select<'_>, limit: usize) -> Result<Cardinality> {
        let snapshot = self.snapshot();
        let set = snapshot.select(select)?;
        let mut metrics = rustc_hash::FxHashMap::<&str, u64>::default();
        let mut pairs = rustc_hash::FxHashMap::<(&str, &str), u64>::default();
        for index in 0..set.len() {
            for (name, value) in set.labels(index) {
                *pairs.entry((name, value)).or_default() += 1;
                if name == bedrock::labels::METRIC_NAME {
                    *metrics.entry(value).or_default() += 1;
                }
            }
        }
        let mut values = rustc_hash::FxHashMap::<&str, u64>::default();
        for (name, _) in pairs.keys() {
            *values.entry(*name).or_default() += 1;
        }
        let text = |(text, series): (&str, u64)| Count { text: text.to_owned(), series };
        let pair =
            |((name, value), series): ((&str, &str), u64)| Count { text: format!("{name}={value}"), series };
        Ok(Cardinality {
            series: set.len() as u64,
            metrics: largest(metrics.into_iter().map(text), limit),
            values_per_label: largest(values.into_iter().map(text), limit),
            pairs: largest(pairs.into_iter().map(pair), limit),
        })
    }
}

fn largest(counts: impl Iterator<Item = Count>, limit: usize) -> Vec<Count> {
    let mut counts: Vec<Count> = counts.collect();
    counts.sort_by(|a, b| b.series.cmp(&a.series).then_with(|| a.text.cmp(&b.text)));
    counts.truncate(limit);
    counts
}
