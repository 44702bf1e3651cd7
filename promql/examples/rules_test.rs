//! Runs test scripts of queries and rules, the way `promtool test` users write them.
//!
//! ```text
//! cargo run -p tristore-promql --example rules_test -- my_rules.test
//! ```
//!
//! Without arguments it runs a script of its own, which shows the language.

use std::error::Error;
use std::process::ExitCode;

use promql::script::{Script, test_engine};

/// An alert on failing orders, tested: it must stay silent at 1% and fire at 10%.
const SAMPLE: &str = r#"
load 1m
  shoehub_orders_total{outcome="ok"}      0+99x10 990+90x10
  shoehub_orders_total{outcome="failed"}  0+1x10  10+10x10

# One order of a hundred fails.
eval instant at 9m sum(rate(shoehub_orders_total{outcome="failed"}[5m])) / sum(rate(shoehub_orders_total[5m])) > 0.05

# One of ten.
eval instant at 20m sum(rate(shoehub_orders_total{outcome="failed"}[5m])) / sum(rate(shoehub_orders_total[5m])) > 0.05
  expect no_warn
  {} 0.1
"#;

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let mut scripts: Vec<(String, String)> = Vec::new();
    for path in std::env::args().skip(1) {
        let text = std::fs::read_to_string(&path).map_err(|error| format!("{path}: {error}"))?;
        scripts.push((path, text));
    }
    if scripts.is_empty() {
        scripts.push(("the built-in sample".to_owned(), SAMPLE.to_owned()));
    }
    let engine = test_engine();
    let mut passed = true;
    for (name, text) in scripts {
        let report = Script::parse(&text).run(&engine);
        eprintln!("{name}: {report}");
        passed &= report.passed();
    }
    Ok(if passed { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}
