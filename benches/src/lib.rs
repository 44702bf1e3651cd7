//! Benches of the Tristore stores and comparisons with other systems.
//!
//! The programs are `benches/` (criterion, a file a workload) and `src/bin/compare` (the stores on the workload files
//! that other systems were measured on). Results are in `RESULTS.md`.

pub mod spans;

/// The examples of the README are compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct ReadmeExamples;
