//! Measures the stores on the workloads that other systems were measured on.
//!
//! ```text
//! compare all [--targets N] [--lines N] [--traces N]
//! compare metrics FILE.mwl [--json] [--series N]
//! compare logs FILE.jsonl|FILE.log [--json]
//! compare traces FILE.otlp.jsonl [--json]
//! ```
//!
//! Every phase runs in a process of its own, so that one phase's memory is not another one's, and so that a reopen finds
//! a store whose writer has died.

mod all;
mod all_columnar;
mod all_metrics;
mod all_table;
mod all_workloads;
mod logs;
mod metrics;
mod promql_rows;
mod report;
mod traces;
mod workload;

use std::process::ExitCode;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.first().map(String::as_str) {
        Some("all") => all::run(arguments.get(1..).unwrap_or(&[])),
        Some("metrics") => metrics::run(arguments.get(1..).unwrap_or(&[])),
        Some("logs") => logs::run(arguments.get(1..).unwrap_or(&[])),
        Some("traces") => traces::run(arguments.get(1..).unwrap_or(&[])),
        Some(metrics::PHASE) => metrics::phase(arguments.get(1..).unwrap_or(&[])),
        _ => Err("usage: compare all, or compare metrics|logs|traces FILE [--json]".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("compare: {error}");
            ExitCode::FAILURE
        }
    }
}
