//! How property tests of this crate are run.

use proptest::prelude::ProptestConfig;

/// `cases`, times `TRISTORE_ROUNDS`. Under Miri, which is slower by three orders, a few.
pub(crate) fn cases(cases: u32) -> ProptestConfig {
    let rounds: u32 =
        std::env::var("TRISTORE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1);
    let cases = if cfg!(miri) { 4 } else { cases.saturating_mul(rounds) };
    ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() }
}
