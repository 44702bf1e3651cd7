//! A progress bar.

use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::draw::{chart, number};
use crate::simulate::Totals;

/// How far the simulation is, on one line of a terminal; elsewhere nothing is shown.
pub(super) struct ProgressBar {
    length_ms: i64,
    shown: Option<Instant>,
    is_terminal: bool,
}

impl ProgressBar {
    pub(super) fn new(length_ms: i64) -> Self {
        ProgressBar { length_ms, shown: None, is_terminal: std::io::stderr().is_terminal() }
    }

    pub(super) fn show(&mut self, done: f64, totals: &Totals) {
        let is_due =
            self.shown.is_none_or(|shown| shown.elapsed() >= Duration::from_millis(50)) || done >= 1.0;
        if !self.is_terminal || !is_due {
            return;
        }
        self.shown = Some(Instant::now());
        let filled = format!("{:░<32}", chart::bar(done, 32));
        let hours =
            bedrock::time::format_duration_ms((self.length_ms as f64 * done) as i64 / 60_000 * 60_000);
        let length = bedrock::time::format_duration_ms(self.length_ms);
        let told = format!(
            "\r  {filled} {hours:>6} of {length}  {:>7} orders  {:>9} spans  {:>11} samples ",
            number::count(totals.all_orders()),
            number::count(totals.recorded.spans),
            number::count(totals.recorded.samples),
        );
        eprint!("{told}");
    }

    pub(super) fn finish(&self) {
        if self.is_terminal {
            eprintln!();
        }
    }
}
