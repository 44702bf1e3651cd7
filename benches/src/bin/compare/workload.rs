//! Workload files: label texts, one column of timestamps a target, one column of values a series.
//!
//! Layout (little endian): magic `MWL1`, u32 series, u32 steps, u32 targets; per series u32 target, u32 length, label
//! text `name{a="b",...}`; then i64 timestamps `[targets][steps]` in ms; then f64 values `[series][steps]`.

use std::path::Path;

use bedrock::disk::{FsDisk, read_file};
use bedrock::labels::{Labels, METRIC_NAME};

use crate::report::Outcome;

/// A workload in memory.
#[derive(Debug)]
pub(crate) struct Workload {
    pub(crate) steps: usize,
    /// Series of each target, as indexes into `labels`.
    pub(crate) targets: Vec<Vec<usize>>,
    pub(crate) labels: Vec<Labels>,
    pub(crate) timestamps_ms: Vec<i64>,
    /// Values in the order in which scrapes bring them: target, step, series of the target.
    pub(crate) values: Vec<f64>,
}

impl Workload {
    /// Reads a file.
    pub(crate) fn read(path: &Path) -> Outcome<Self> {
        let data = read_file(&FsDisk::new(), path)?;
        let mut at = 0;
        let mut take = |count: usize| -> Outcome<&[u8]> {
            let taken = data.get(at..at + count).ok_or("the workload file is cut short")?;
            at += count;
            Ok(taken)
        };
        if take(4)? != b"MWL1" {
            return Err("not a workload file: MWL1 expected".into());
        }
        let number = |bytes: &[u8]| bytes.first_chunk::<4>().map_or(0, |b| u32::from_le_bytes(*b) as usize);
        let (series, steps, targets) = (number(take(4)?), number(take(4)?), number(take(4)?));
        let mut labels = Vec::with_capacity(series);
        let mut by_target = vec![Vec::new(); targets];
        for index in 0..series {
            let target = number(take(4)?);
            let length = number(take(4)?);
            labels.push(parse_labels(std::str::from_utf8(take(length)?)?)?);
            by_target.get_mut(target).ok_or("a series of an unknown target")?.push(index);
        }
        let timestamps_ms =
            take(targets * steps * 8)?.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b)).collect();
        let by_series = take(series * steps * 8)?.as_chunks::<8>().0;
        let mut values = Vec::with_capacity(series * steps);
        for of_target in &by_target {
            for step in 0..steps {
                let of_step = of_target.iter().map(|series| by_series.get(series * steps + step));
                values.extend(of_step.flatten().map(|bytes| f64::from_le_bytes(*bytes)));
            }
        }
        Ok(Workload { steps, targets: by_target, labels, timestamps_ms, values })
    }

    /// Number of samples.
    pub(crate) fn samples(&self) -> usize {
        self.values.len()
    }

    /// When a target was scraped for the given time.
    pub(crate) fn timestamp_ms(&self, target: usize, step: usize) -> i64 {
        self.timestamps_ms.get(target * self.steps + step).copied().unwrap_or_default()
    }

    /// Where the values of each target begin.
    pub(crate) fn offsets(&self) -> Vec<usize> {
        let sizes = self.targets.iter().map(|series| series.len() * self.steps);
        sizes.scan(0, |sum, size| Some(std::mem::replace(sum, *sum + size))).collect()
    }
}

/// Parses `name{a="b",...}`; the generator writes no escapes.
fn parse_labels(text: &str) -> Outcome<Labels> {
    let (name, rest) = text.split_once('{').ok_or("labels without a brace")?;
    let mut pairs = vec![(METRIC_NAME, name)];
    let mut rest = rest.strip_suffix('}').ok_or("labels without an end")?;
    while let Some((label, tail)) = rest.split_once("=\"") {
        let (value, tail) = tail.split_once('"').ok_or("a label value without an end")?;
        pairs.push((label, value));
        rest = tail.strip_prefix(',').unwrap_or(tail);
    }
    Ok(Labels::from_pairs(pairs)?)
}
