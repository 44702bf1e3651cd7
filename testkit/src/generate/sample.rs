//! Random numbers of the distributions that workloads follow.
//!
//! Written out here and not taken from a crate, so that a new version of one never changes the data that figures were
//! measured on.

use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// A seeded stream of random numbers.
#[derive(Clone, Debug)]
pub(super) struct Sampler {
    rng: ChaCha8Rng,
}

impl Sampler {
    pub(super) fn new(seed: u64) -> Self {
        Sampler { rng: ChaCha8Rng::seed_from_u64(seed) }
    }

    pub(super) fn bits(&mut self) -> u64 {
        self.rng.next_u64()
    }

    /// At least 0 and below 1.
    pub(super) fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.unit() < probability
    }

    /// At least `low` and below `high`; `low` where the range is empty.
    pub(super) fn between(&mut self, low: i64, high: i64) -> i64 {
        let width = high.saturating_sub(low).max(1) as u64;
        low + (self.bits() % width) as i64
    }

    /// One of the items.
    ///
    /// # Panics
    ///
    /// Where there is none.
    pub(super) fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        let index = self.bits() % items.len() as u64;
        &items[index as usize]
    }

    pub(super) fn exponential(&mut self, mean: f64) -> f64 {
        -mean * (1.0 - self.unit()).ln()
    }

    pub(super) fn normal(&mut self, mean: f64, deviation: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.unit()).ln()).sqrt();
        mean + deviation * radius * (std::f64::consts::TAU * self.unit()).cos()
    }

    pub(super) fn log_normal(&mut self, mu: f64, sigma: f64) -> f64 {
        self.normal(mu, sigma).exp()
    }

    /// At least 1, with a heavy tail.
    pub(super) fn pareto(&mut self, alpha: f64) -> f64 {
        (1.0 - self.unit()).powf(-1.0 / alpha)
    }

    /// Gamma of a whole shape: a sum of exponentials.
    pub(super) fn gamma(&mut self, shape: u32, scale: f64) -> f64 {
        (0..shape).map(|_| self.exponential(scale)).sum()
    }

    pub(super) fn poisson(&mut self, mean: f64) -> u64 {
        if mean > 50.0 {
            return self.normal(mean, mean.sqrt()).round().max(0.0) as u64;
        }
        let limit = (-mean).exp();
        let mut product = self.unit();
        let mut count = 0;
        while product > limit {
            product *= self.unit();
            count += 1;
        }
        count
    }

    pub(super) fn binomial(&mut self, trials: u64, probability: f64) -> u64 {
        if probability >= 1.0 {
            return trials;
        }
        if trials <= 64 {
            return (0..trials).filter(|_| self.chance(probability)).count() as u64;
        }
        let mean = trials as f64 * probability;
        let drawn = self.normal(mean, (mean * (1.0 - probability)).sqrt()).round();
        (drawn.max(0.0) as u64).min(trials)
    }

    /// An index drawn by weights, given as their running sums.
    pub(super) fn weighted(&mut self, running: &[f64]) -> usize {
        let point = self.unit() * running.last().copied().unwrap_or_default();
        running.partition_point(|sum| *sum <= point).min(running.len().saturating_sub(1))
    }

    /// A zipf-like user number below 100,000.
    pub(super) fn user(&mut self) -> u64 {
        self.pareto(1.1) as u64 % 100_000
    }
}

#[cfg(test)]
mod tests;
