//! The dumb oracle of stores of samples: a map of maps, and every sample of a source read into one.
//!
//! The oracles of log lines and of spans are the stores' own sources in memory (`logstore::memory`,
//! `tracestore::memory`): lists that queries run over without an index.

use std::collections::BTreeMap;

use bedrock::labels::Labels;
use bedrock::series::{Select, SeriesColumns, SeriesSource, is_stale};
use bedrock::time::TimeRange;

/// Samples of one series: bits of the value by timestamp, so that every NaN is itself.
pub type Samples = BTreeMap<i64, u64>;

/// Samples of all series by their labels, as text. Series without samples are not there.
pub type Contents = BTreeMap<String, Samples>;

/// Which floats are stale markers.
fn stale(columns: &SeriesColumns) -> impl Iterator<Item = bool> + '_ {
    columns.floats.values.iter().map(|value| is_stale(*value))
}

/// Sets a sample.
pub fn insert(contents: &mut Contents, labels: &Labels, timestamp_ms: i64, value: f64) {
    contents.entry(labels.to_string()).or_default().insert(timestamp_ms, value.to_bits());
}

/// Removes the samples of a range from one series, or from all.
pub fn delete(contents: &mut Contents, labels: Option<&Labels>, range: TimeRange) {
    let wanted = labels.map(Labels::to_string);
    for (labels, samples) in contents.iter_mut() {
        if wanted.as_ref().is_none_or(|wanted| wanted == labels) {
            samples.retain(|time, _| !range.contains(*time));
        }
    }
    contents.retain(|_, samples| !samples.is_empty());
}

/// Every float sample of a source in a range.
///
/// # Panics
///
/// Where the source fails, or breaks what every source promises: series in the order of their labels, each once, and
/// timestamps that ascend.
pub fn contents_in(source: &dyn SeriesSource, range: TimeRange) -> Contents {
    let set = source.select(&Select { matchers: &[], range }).expect("the source answers");
    let mut contents = Contents::new();
    let (mut columns, mut presence) = (SeriesColumns::default(), SeriesColumns::default());
    let mut last: Option<Labels> = None;
    for index in 0..set.len() {
        let labels = set.labels(index);
        assert!(last.as_ref().is_none_or(|last| last < labels), "series are ordered by labels, each once");
        last = Some(labels.clone());
        set.read(index, range, &mut columns).expect("the source reads");
        let times = &columns.floats.timestamps_ms;
        assert!(times.is_sorted_by(|a, b| a < b), "timestamps ascend: {times:?}");
        assert_eq!(times.len(), columns.floats.values.len());
        set.read_presence(index, range, &mut presence).expect("the source reads");
        assert_eq!(times, &presence.floats.timestamps_ms);
        assert!(
            stale(&columns).eq(stale(&presence)),
            "stale markers are there for those who ask for no values"
        );
        for (time, value) in
            times.iter().zip(&columns.floats.values).filter(|(time, _)| range.contains(**time))
        {
            insert(&mut contents, labels, *time, *value);
        }
    }
    contents
}
