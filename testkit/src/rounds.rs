//! How long the long loops run.

use proptest::prelude::ProptestConfig;

/// What `TRISTORE_ROUNDS` asks for: 1 where it is not set, which is the small fixed-seed run of every day.
pub fn rounds() -> u64 {
    std::env::var("TRISTORE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}

/// A property test of so many cases in the small run, and as many times more as [`rounds`] says.
pub fn cases(cases: u32) -> ProptestConfig {
    let rounds = u32::try_from(rounds()).unwrap_or(u32::MAX);
    ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(cases.saturating_mul(rounds)) }
}
