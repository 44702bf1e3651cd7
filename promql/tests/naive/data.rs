//! Random series: gauges and counters with gaps, resets, stale markers, constants, and now and then NaN.

use bedrock::labels::Labels;
use bedrock::series::STALE_NAN_BITS;
use promql::script::{MemorySource, Sample};

/// The first sample may lie here.
pub(crate) const START_MS: i64 = 1_700_000_000_000;

/// A small generator (splitmix64), so that a seed is a case for ever.
pub(crate) struct Random {
    state: u64,
}

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Random { state: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    pub(crate) fn below(&mut self, limit: u64) -> u64 {
        self.next() % limit
    }

    pub(crate) fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.below(choices.len() as u64) as usize].clone()
    }

    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }
}

/// Series with their samples in ascending time.
pub(crate) struct Data {
    pub(crate) series: Vec<(Labels, Vec<(i64, f64)>)>,
}

impl Data {
    pub(crate) fn random(random: &mut Random) -> Self {
        let mut series = Vec::new();
        for name in ["counter", "gauge"] {
            for (a, b) in [("x", "1"), ("x", "2"), ("y", "1"), ("y", "2")] {
                if random.chance(20) {
                    continue;
                }
                let labels =
                    Labels::from_pairs([("__name__", name), ("a", a), ("b", b)]).expect("names are distinct");
                series.push((labels, samples(random, name == "counter")));
            }
        }
        Data { series }
    }

    /// Many series of one metric.
    pub(crate) fn wide(random: &mut Random, count: usize) -> Self {
        let labels = |i: usize| {
            let (a, b) = ((i % 7).to_string(), i.to_string());
            Labels::from_pairs([("__name__", "wide"), ("a", &a), ("b", &b)]).expect("names are distinct")
        };
        Data { series: (0..count).map(|i| (labels(i), samples(random, i % 2 == 0))).collect() }
    }

    pub(crate) fn source(&self) -> MemorySource {
        let mut source = MemorySource::default();
        for (labels, samples) in &self.series {
            for (time, value) in samples {
                source.append(labels, *time, 0, Sample::Float(*value)).expect("samples ascend");
            }
        }
        source
    }
}

fn samples(random: &mut Random, counter: bool) -> Vec<(i64, f64)> {
    let interval = random.pick(&[1000, 1000, 5000, 15_000, 60_000]);
    let mut time = START_MS - random.below(60_000) as i64;
    let mut value = random.below(1000) as f64;
    let mut samples = Vec::new();
    while time < START_MS + 700_000 {
        value = next_value(random, counter, value);
        samples.push((time, value));
        if random.chance(1) {
            samples.push((time + 1, f64::from_bits(STALE_NAN_BITS)));
            time += random.below(200_000) as i64;
        }
        time += interval + random.below(20) as i64;
    }
    samples
}

/// Values are eighths, so that sums of them are exact and comparisons do not hang on rounding.
fn next_value(random: &mut Random, counter: bool, value: f64) -> f64 {
    if counter {
        return if random.chance(3) { 0.0 } else { value + random.below(20) as f64 / 4.0 };
    }
    if random.chance(1) {
        return random.pick(&[f64::NAN, 0.0, -0.0, 1e6]);
    }
    let value = if value.is_nan() { 0.0 } else { value };
    if random.chance(30) { value } else { value + random.below(200) as f64 / 8.0 - 12.5 }
}
