//! What a process counts, in columns: one label set and one value a series, so that a scrape is one call of the store.
//!
//! Handles ([`Counter`], [`Gauge`], [`Classic`], [`Native`]) are places in the columns; counting is an addition to a
//! float, some 1 ns. A registry of 300 series takes about 60 kB.

use std::collections::{BTreeMap, btree_map};

use bedrock::histogram::{Histogram, IntegerHistogram, Span};
use bedrock::labels::Labels;
use tsdb::{Exemplar, Metadata, MetricKind};

/// Upper bounds of the classic histograms, in seconds.
const BOUNDS_S: [f64; 11] = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0];
/// Faster observations leave no exemplar in a classic histogram: nobody looks for them.
const EXEMPLAR_FROM_S: f64 = 0.1;
/// The resolution of the native histograms: a bucket is 2^(1/8) times as wide as the one before.
const SCHEMA: i32 = 3;

/// A value that grows.
#[derive(Clone, Copy, Debug)]
pub struct Counter(usize);

/// A value that goes up and down.
#[derive(Clone, Copy, Debug)]
pub struct Gauge(usize);

/// A histogram with fixed buckets: the place of its first bucket; sum and count stand behind the last one.
#[derive(Clone, Copy, Debug)]
pub struct Classic(usize);

/// A histogram whose buckets follow the data.
#[derive(Clone, Copy, Debug)]
pub struct Native(usize);

/// A native histogram as it is counted.
#[derive(Clone, Debug, Default)]
pub struct NativeCounts {
    buckets: BTreeMap<i32, u64>,
    count: u64,
    sum: f64,
}

/// Where an exemplar belongs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// The series with this number.
    Float(usize),
    /// The native histogram with this number.
    Native(usize),
}

/// Every series of a process.
#[derive(Debug, Default)]
pub struct Registry {
    pub(crate) series: Vec<Labels>,
    pub(crate) values: Vec<f64>,
    pub(crate) natives: Vec<(Labels, NativeCounts)>,
    /// The slowest exemplar of each place since the last scrape.
    pub(crate) exemplars: BTreeMap<Place, Exemplar>,
    pub(crate) families: BTreeMap<String, Metadata>,
    labels: BTreeMap<Labels, usize>,
}

impl Registry {
    /// Says what a family of metrics is.
    pub fn describe(&mut self, family: &str, kind: MetricKind, unit: &str, help: &str) {
        let metadata = Metadata { kind, help: help.to_owned(), unit: unit.to_owned() };
        self.families.insert(family.to_owned(), metadata);
    }

    /// The counter with a name and labels, made at zero where it is new.
    pub fn counter(&mut self, name: &str, labels: &[(&str, &str)]) -> Counter {
        Counter(self.place(name, labels))
    }

    /// The gauge with a name and labels.
    pub fn gauge(&mut self, name: &str, labels: &[(&str, &str)]) -> Gauge {
        Gauge(self.place(name, labels))
    }

    /// The histogram with a name and labels, in the classic form: `_bucket`, `_sum` and `_count`.
    pub fn classic(&mut self, name: &str, labels: &[(&str, &str)]) -> Classic {
        let bucket = format!("{name}_bucket");
        let bounds = BOUNDS_S.iter().map(ToString::to_string).chain(["+Inf".to_owned()]);
        let places = bounds.map(|bound| {
            let labels: Vec<(&str, &str)> = labels.iter().copied().chain([("le", bound.as_str())]).collect();
            self.place(&bucket, &labels)
        });
        let first = places.collect::<Vec<usize>>().first().copied().unwrap_or(0);
        self.place(&format!("{name}_sum"), labels);
        self.place(&format!("{name}_count"), labels);
        Classic(first)
    }

    /// The native histogram with a name and labels.
    pub fn native(&mut self, name: &str, labels: &[(&str, &str)]) -> Native {
        self.natives.push((named(name, labels), NativeCounts::default()));
        Native(self.natives.len() - 1)
    }

    /// Adds to a counter.
    pub fn add(&mut self, counter: Counter, value: f64) {
        self.values[counter.0] += value;
    }

    /// Sets a gauge.
    pub fn set(&mut self, gauge: Gauge, value: f64) {
        self.values[gauge.0] = value;
    }

    /// What a counter stands at.
    pub fn value(&self, counter: Counter) -> f64 {
        self.values[counter.0]
    }

    /// Counts an observation in a classic histogram. An exemplar of a slow one stays with the bucket it falls into.
    pub fn observe(&mut self, histogram: Classic, exemplar: Exemplar) {
        let bucket = BOUNDS_S.partition_point(|bound| *bound < exemplar.value);
        for place in histogram.0 + bucket..=histogram.0 + BOUNDS_S.len() {
            self.values[place] += 1.0;
        }
        let sum = histogram.0 + BOUNDS_S.len() + 1;
        self.values[sum] += exemplar.value;
        self.values[sum + 1] += 1.0;
        if exemplar.value >= EXEMPLAR_FROM_S {
            self.remember(Place::Float(histogram.0 + bucket), exemplar);
        }
    }

    /// Counts an observation above zero in a native histogram.
    pub fn observe_native(&mut self, histogram: Native, exemplar: Exemplar) {
        let counts = &mut self.natives[histogram.0].1;
        // Bucket `i` ends at 2^(i / 2^schema).
        let bucket = (exemplar.value.log2() * f64::from(1 << SCHEMA)).ceil() as i32;
        *counts.buckets.entry(bucket).or_default() += 1;
        counts.count += 1;
        counts.sum += exemplar.value;
        self.remember(Place::Native(histogram.0), exemplar);
    }

    fn remember(&mut self, place: Place, exemplar: Exemplar) {
        match self.exemplars.entry(place) {
            btree_map::Entry::Vacant(place) => {
                place.insert(exemplar);
            }
            btree_map::Entry::Occupied(mut kept) if kept.get().value < exemplar.value => {
                kept.insert(exemplar);
            }
            btree_map::Entry::Occupied(_) => {}
        }
    }

    fn place(&mut self, name: &str, labels: &[(&str, &str)]) -> usize {
        match self.labels.entry(named(name, labels)) {
            btree_map::Entry::Occupied(known) => *known.get(),
            btree_map::Entry::Vacant(new) => {
                self.series.push(new.key().clone());
                self.values.push(0.0);
                *new.insert(self.values.len() - 1)
            }
        }
    }
}

/// The labels of a series of the shop, as a scrape would complete them with job and instance.
fn named(name: &str, labels: &[(&str, &str)]) -> Labels {
    let own = [("__name__", name), ("job", "shoehub"), ("instance", "shoehub:8080")];
    let pairs = own.into_iter().chain(labels.iter().copied());
    Labels::from_pairs(pairs).expect("label names are literals of this crate, each given once")
}

impl NativeCounts {
    /// The histogram as it is stored: runs of neighbouring buckets with the gaps between them.
    pub(crate) fn to_histogram(&self) -> Histogram {
        let mut spans: Vec<Span> = Vec::new();
        let mut end = 0;
        for &bucket in self.buckets.keys() {
            match spans.last_mut() {
                Some(span) if bucket == end => span.length += 1,
                _ => spans.push(Span { offset: bucket - end, length: 1 }),
            }
            end = bucket + 1;
        }
        Histogram::from(&IntegerHistogram {
            schema: SCHEMA,
            zero_threshold: 1e-9,
            count: self.count,
            sum: self.sum,
            positive_spans: spans,
            positive_buckets: self.buckets.values().copied().collect(),
            ..IntegerHistogram::default()
        })
    }
}
