//! Chance, by seed: the same seed gives the same shop on every run.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded stream of random numbers, in the distributions that a shop needs.
#[derive(Clone, Debug)]
pub struct Chance {
    numbers: ChaCha8Rng,
}

impl Chance {
    /// The stream of a seed.
    pub fn new(seed: u64) -> Self {
        Chance { numbers: ChaCha8Rng::seed_from_u64(seed) }
    }

    /// 64 random bits.
    pub fn bits(&mut self) -> u64 {
        self.numbers.next_u64()
    }

    /// At least 0 and below 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// True with a probability.
    pub fn happens(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// At least `low` and below `high`.
    pub fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.bits() % high.saturating_sub(low).max(1)
    }

    /// The time until the next of events that come by themselves, on average one in `mean`.
    pub fn wait(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    /// How long some work takes: mostly near the median, sometimes a multiple of it, as latencies are.
    pub fn latency(&mut self, median: f64) -> f64 {
        let bell: f64 = (0..6).map(|_| self.unit()).sum::<f64>() - 3.0;
        median * (0.9 * bell).exp()
    }

    /// Sixteen random bytes, not all of them zero.
    pub fn trace_id(&mut self) -> [u8; 16] {
        let (high, low) = (self.bits() | 1, self.bits());
        (u128::from(high) << 64 | u128::from(low)).to_be_bytes()
    }

    /// Eight random bytes, not all of them zero.
    pub fn span_id(&mut self) -> [u8; 8] {
        (self.bits() | 1).to_be_bytes()
    }
}
