//! Fuzz targets of the Tristore workspace.
//!
//! A target is a plain function over bytes that panics where something is wrong. It is named in [`TARGETS`], which
//! `cargo test` replays over `corpus/<target>/` and over a round of mutations of it with a fixed seed
//! (`TRISTORE_ROUNDS` multiplies them). cargo-fuzz runs it through the one-line program in `fuzz_targets/`:
//!
//! ```text
//! cargo +nightly fuzz run wal fuzz/corpus/wal --fuzz-dir fuzz
//! ```
//!
//! To add a target: the function, its line in [`TARGETS`], `fuzz_targets/<name>.rs` with its `[[bin]]` in
//! Cargo.toml, and some inputs in the corpus. A test names what was forgotten.

mod any_block;
pub mod codec;
pub mod ground;
pub mod head;
pub mod log_pages;
pub mod logs;
pub mod metrics;
pub mod queries;
pub mod selection;
pub mod span_pages;
pub mod spans;

/// What is fuzzed: anything that bytes from outside may reach.
pub type Target = fn(&[u8]);

/// Every target, by the name of its program and its corpus.
pub const TARGETS: &[(&str, Target)] = &[
    ("wal", ground::wal),
    ("block", ground::block),
    ("manifest", ground::manifest),
    ("promql_parse", queries::promql_parse),
    ("promql_execute", queries::promql_execute),
    ("promql_script", queries::promql_script),
    ("codec", codec::codec),
    ("logql_parse", logs::logql_parse),
    ("logql_line", logs::logql_line),
    ("logql_template", logs::logql_template),
    ("template_page", log_pages::template_page),
    ("logs_block", log_pages::logs_block),
    ("regex", selection::regex),
    ("postings", selection::postings),
    ("otlp_proto", spans::otlp_proto),
    ("otlp_json", spans::otlp_json),
    ("traceql_parse", spans::traceql_parse),
    ("spans_block", span_pages::spans_block),
    ("tsdb_chunk", metrics::tsdb_chunk),
    ("tsdb_block", metrics::tsdb_block),
    ("openmetrics", metrics::openmetrics),
    ("tsdb_record", head::tsdb_record),
    ("tsdb_checkpoint", head::tsdb_checkpoint),
];

/// The program of a target: under cargo-fuzz the fuzzer, otherwise one that runs the files it is given, to look at
/// a finding with a debugger.
#[macro_export]
macro_rules! entry {
    ($target:path) => {
        #[cfg(fuzzing)]
        libfuzzer_sys::fuzz_target!(|data: &[u8]| $target(data));

        #[cfg(not(fuzzing))]
        fn main() -> std::io::Result<()> {
            for path in std::env::args_os().skip(1) {
                $target(&std::fs::read(path)?);
            }
            Ok(())
        }
    };
}
