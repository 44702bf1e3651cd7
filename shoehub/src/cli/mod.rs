//! The command line: [`run`] does what the arguments ask for.

mod arguments;
mod progress;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use crate::dashboard::{self, Dashboard};
use crate::draw::{Line, Paint, number, render};
use crate::error::{Error, Result};
use crate::live::{Stop, live};
use crate::simulate::{Plan, Totals, simulate};
use crate::stores::{Stores, last_sale_ms};
use crate::{page, query};
use arguments::{Command, HELP, Signal, Task};
use progress::ProgressBar;

/// Does what the arguments ask for; `out` is where answers go.
///
/// # Errors
///
/// [`Error::Usage`] where the arguments make no sense, and whatever the stores refuse.
pub fn run(arguments: impl IntoIterator<Item = OsString>, out: &mut (impl Write + Send)) -> Result<()> {
    let command = Command::parse(arguments)?;
    match &command.task {
        Task::Help => Ok(out.write_all(HELP.as_bytes())?),
        Task::Simulate => command.simulate(out),
        Task::Live => command.live(out),
        Task::Query(signal, text) => command.query(*signal, text, out),
    }
}

impl Command {
    /// Simulates, then shows the dashboard.
    fn simulate(&self, out: &mut impl Write) -> Result<()> {
        let begun = Instant::now();
        let plan = Plan {
            seed: self.seed,
            length_ms: self.length_ms,
            end_ms: now_ms(),
            orders_per_s: self.orders_per_s,
        };
        let mut bar = ProgressBar::new(self.length_ms);
        let (stores, totals) = simulate(&self.dir, &plan, |done, totals| bar.show(done, totals))?;
        bar.finish();
        let simulated = begun.elapsed();
        self.show(stores, &totals, simulated, out)
    }

    /// Runs in real time until Ctrl-C, then shows the dashboard.
    fn live(&self, out: &mut (impl Write + Send)) -> Result<()> {
        let stop = Arc::new(Stop::default());
        let on_signal = Arc::clone(&stop);
        ctrlc::set_handler(move || on_signal.stop()).map_err(|error| Error::Io {
            what: "listening for Ctrl-C".to_owned(),
            source: std::io::Error::other(error),
        })?;
        let begun = Instant::now();
        let (stores, totals) = live(&self.dir, self.seed, self.orders_per_s, &stop, &mut *out)?;
        self.show(stores, &totals, begun.elapsed(), out)
    }

    fn show(&self, stores: Stores, totals: &Totals, ran: Duration, out: &mut impl Write) -> Result<()> {
        let begun = Instant::now();
        let dashboard = Dashboard::ask(&stores)?;
        let asked = begun.elapsed();
        if let Some(file) = &self.html {
            write_page(&dashboard, file)?;
        }
        let mut lines = dashboard::text::draw(&dashboard);
        let recorded = totals.recorded;
        let took = format!(
            "{} orders, {} samples, {} lines and {} spans in {:.1} s; all the answers in {:.2} s",
            number::count(totals.all_orders()),
            number::count(recorded.samples),
            number::count(recorded.lines),
            number::count(recorded.spans),
            ran.as_secs_f64(),
            asked.as_secs_f64(),
        );
        lines.extend(dashboard::text::draw_stored(&dashboard.stored, &stores.dir, &took));
        lines.extend(self.what_next());
        out.write_all(render(&lines, in_colour()).as_bytes())?;
        stores.close()
    }

    fn what_next(&self) -> Vec<Line> {
        let dir = if self.dir == Path::new("shoehub-data") {
            String::new()
        } else {
            format!(" --dir {}", self.dir.display())
        };
        let run = format!("cargo run --release -p tristore-shoehub --{dir}");
        let ask = |what: &str, text: &str| Line::plain(format!("  {run} query {what} '{text}'"));
        let mut lines = vec![
            Line::default(),
            Line::of(
                Paint::Dim,
                "The same command again goes on where this one stopped. Ask what is stored:",
            ),
            ask("metrics", "topk(3, rate(http_requests_total[5m]))"),
            ask("logs", "{app=\"payment-service\"} |= \"timed out\""),
            ask("traces", "{ name = \"PaymentProcessing\" && duration > 1s }"),
        ];
        if let Some(file) = &self.html {
            lines.push(Line::of(Paint::Dim, format!("The dashboard as a page: {}", file.display())));
        }
        lines
    }

    /// Asks one store, beside a shop that may run.
    fn query(&self, signal: Signal, text: &str, out: &mut impl Write) -> Result<()> {
        let folder = |name: &str| self.dir.join(name);
        if !folder("metrics").is_dir() {
            return Err(Error::NoShop { dir: self.dir.clone() });
        }
        let metrics = tsdb::ReadOnlyDb::open(folder("metrics"), tsdb::Options::default())?.snapshot();
        let question = query::Question {
            text: text.to_owned(),
            at_ms: self.at_ms.or_else(|| last_sale_ms(&metrics)).unwrap_or_else(now_ms),
            range_ms: self.range_ms,
            step_ms: self.step_ms,
            limit: self.limit,
        };
        let answered = match signal {
            Signal::Metrics => query::metrics::ask(&metrics, &question)?,
            Signal::Logs => {
                let logs = logstore::ReadOnlyDb::open(folder("logs"))?;
                query::logs::ask(&logs.snapshot(), &question)?
            }
            Signal::Traces => {
                let traces = tracestore::ReadOnlyDb::open(folder("traces"))?;
                query::traces::ask(&traces.snapshot(), &question)?
            }
        };
        if self.json {
            writeln!(out, "{:#}", answered.json)?;
        } else if answered.table.rows.is_empty() {
            writeln!(out, "nothing at {} UTC", crate::draw::time::stamp(question.at_ms))?;
        } else {
            let lines = answered.table.lines(None);
            out.write_all(render(&lines, in_colour()).as_bytes())?;
        }
        for note in &answered.notes {
            eprintln!("note: {note}");
        }
        Ok(())
    }
}

fn write_page(dashboard: &Dashboard, file: &Path) -> Result<()> {
    let wrote = std::fs::write(file, page::html(dashboard));
    wrote.map_err(|source| Error::Io { what: format!("writing {}", file.display()), source })
}

fn in_colour() -> bool {
    let wanted = std::env::var_os("NO_COLOR").is_none_or(|value| value.is_empty());
    wanted && std::io::stdout().is_terminal()
}

fn now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_millis() as i64)
}
