//! Counters and histograms by labels.

use std::collections::BTreeMap;

use super::SampleSink;

/// Labels, sorted by name.
pub(super) type Labels = Vec<(String, String)>;

/// The numbers of one set of labels.
#[derive(Debug)]
struct Cell {
    /// One a counter of the registry.
    counters: Vec<f64>,
    /// One a histogram of the registry.
    histograms: Vec<Histogram>,
}

/// A classic histogram.
#[derive(Clone, Debug)]
struct Histogram {
    /// How many values fall at or under each bound, not cumulated; the last one is for all others.
    buckets: Vec<f64>,
    sum: f64,
}

/// Counters and histograms that share their labels.
#[derive(Debug)]
pub(super) struct Registry {
    counters: &'static [&'static str],
    histograms: &'static [&'static str],
    bounds: Vec<f64>,
    series_max: usize,
    cells: BTreeMap<Labels, Cell>,
    left_out: u64,
}

impl Registry {
    pub(super) fn new(
        counters: &'static [&'static str],
        histograms: &'static [&'static str],
        bounds: Vec<f64>,
        series_max: usize,
    ) -> Self {
        Registry { counters, histograms, bounds, series_max, cells: BTreeMap::new(), left_out: 0 }
    }

    /// Adds to counters and histograms, in the order of their names. An empty label is none. Labels that would be one
    /// set too many are left out and counted.
    pub(super) fn add(&mut self, mut labels: Labels, counts: &[f64], values: &[f64], weight: f64) {
        labels.retain(|(_, value)| !value.is_empty());
        if self.cells.len() >= self.series_max && !self.cells.contains_key(&labels) {
            self.left_out += 1;
            return;
        }
        let histogram = Histogram { buckets: vec![0.0; self.bounds.len() + 1], sum: 0.0 };
        let cell = self.cells.entry(labels).or_insert_with(|| Cell {
            counters: vec![0.0; self.counters.len()],
            histograms: vec![histogram; self.histograms.len()],
        });
        cell.counters.iter_mut().zip(counts).for_each(|(counter, count)| *counter += count * weight);
        for (histogram, value) in cell.histograms.iter_mut().zip(values) {
            let bucket = self.bounds.partition_point(|bound| bound < value);
            if let Some(count) = histogram.buckets.get_mut(bucket) {
                *count += weight;
            }
            histogram.sum += value * weight;
        }
    }

    pub(super) fn left_out(&self) -> u64 {
        self.left_out
    }

    /// Hands every number to a sink.
    pub(super) fn collect<S: SampleSink>(&self, time_ms: i64, sink: &mut S) -> Result<(), S::Error> {
        for (labels, cell) in &self.cells {
            let labels: Vec<(&str, &str)> = labels.iter().map(|(name, value)| (&**name, &**value)).collect();
            for (name, value) in self.counters.iter().zip(&cell.counters) {
                sink.sample(name, &labels, time_ms, *value)?;
            }
            for (name, histogram) in self.histograms.iter().zip(&cell.histograms) {
                self.collect_histogram(name, histogram, &labels, time_ms, sink)?;
            }
        }
        Ok(())
    }

    fn collect_histogram<S: SampleSink>(
        &self,
        name: &str,
        histogram: &Histogram,
        labels: &[(&str, &str)],
        time_ms: i64,
        sink: &mut S,
    ) -> Result<(), S::Error> {
        let mut count = 0.0;
        let bucket_name = format!("{name}_bucket");
        for (bucket, in_bucket) in histogram.buckets.iter().enumerate() {
            count += in_bucket;
            let bound = self.bounds.get(bucket).map_or_else(|| "+Inf".to_owned(), ToString::to_string);
            let mut with_bound = labels.to_vec();
            let place = with_bound.partition_point(|(name, _)| *name < "le");
            with_bound.insert(place, ("le", &bound));
            sink.sample(&bucket_name, &with_bound, time_ms, count)?;
        }
        sink.sample(&format!("{name}_count"), labels, time_ms, count)?;
        sink.sample(&format!("{name}_sum"), labels, time_ms, histogram.sum)
    }
}

/// Bounds that grow by a factor of two.
pub(super) fn doubling(first: f64, count: i32) -> Vec<f64> {
    (0..count).map(|power| first * f64::from(power).exp2()).collect()
}
