//! How long the long loops run.

/// What `TRISTORE_ROUNDS` asks for: 1 where it is not set, which is the small fixed-seed run of every day.
pub fn rounds() -> u64 {
    std::env::var("TRISTORE_ROUNDS").ok().and_then(|rounds| rounds.parse().ok()).unwrap_or(1)
}
