//! Test scripts: load samples, evaluate queries, compare with what is expected.
//!
//! The language is that of Prometheus' own test scripts, so that tests of rules that exist can be run as they are and
//! new ones need no code. A script starts with an empty storage, and its time zero is the Unix epoch:
//!
//! ```text
//! # Two counters, a sample each 30 s: 0, 15, 30, ... and 0, 30, 60, ...
//! load 30s
//!   http_requests_total{job="api"}  0+15x20
//!   http_requests_total{job="web"}  0+30x20
//!
//! eval instant at 10m sum(rate(http_requests_total[5m]))
//!   expect no_warn
//!   {} 1.5
//!
//! eval range from 0 to 2m step 1m http_requests_total{job="api"}
//!   http_requests_total{job="api"} 0 30 60
//! ```
//!
//! Commands are `clear`, `load <step>`, `load_with_nhcb <step>`, `eval instant at <time> <query>` and
//! `eval range from <start> to <end> step <step> <query>`; a command owns the lines up to the next empty line, and a
//! line that starts with `#` counts as empty. Points are `5`, `_` (none), `_x3`, `stale`, `1x4` (five times), `1+2x4`,
//! `1-2x4`, and `{{schema:0 sum:3 count:2 buckets:[1 1]}}` with the same repetitions. A line `metric@st -30s 0s` before
//! a series gives the start timestamps of its points. Below an `eval` stand `expect` lines (`fail`, `warn`, `no_warn`,
//! `info`, `no_info`, each with `msg: text` or `regex: expression`; `ordered`; `string "text"`;
//! `range vector from a to b step s`), then the series of the result, or one number for a scalar.
//!
//! Every instant query is run again in other ways that must give the same answer: as the middle of a range query, and
//! pinned to its time by `@` while it is evaluated at other times.
//!
//! ```
//! use promql::script::{Script, test_engine};
//!
//! let script = Script::parse("load 1m\n  up 1 0 1\n\neval instant at 2m sum(up)\n  {} 1\n");
//! let report = script.run(&test_engine());
//! assert!(report.passed(), "{report}");
//! ```

mod lines;
mod points;

mod histogram;
mod load;
mod nhcb;
mod start_times;

mod eval;
mod expect;

mod memory;
mod openmetrics;

mod compare;
mod pinned;
mod run;

use std::fmt;

use crate::engine::{Engine, EngineOptions, Features};
use lines::Lines;

pub use compare::almost_equal;
pub use memory::{AppendError, MemorySource, Sample};
pub use openmetrics::{OpenMetricsError, load_openmetrics};
pub use run::{EvalReport, Mismatch, ScriptReport};

/// A parsed script.
#[derive(Clone, Debug)]
pub struct Script {
    commands: Vec<Command>,
}

/// One command and the line that it starts on.
#[derive(Clone, Debug)]
struct Command {
    line: usize,
    action: Action,
}

#[derive(Clone, Debug)]
enum Action {
    Clear,
    Load(load::Load),
    Eval(Box<eval::Eval>),
    /// A command that cannot be read; running it fails.
    Broken {
        error: ScriptError,
        is_eval: bool,
    },
}

/// Why a line of a script cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {problem}")]
pub struct ScriptError {
    /// Number of the line, from 1.
    pub line: usize,
    /// What is wrong, and what would be right.
    pub problem: String,
}

impl Script {
    /// Parses a script. A command that cannot be read does not hide the others: it counts as failed when the script
    /// runs, and [`Script::check`] tells of it.
    pub fn parse(text: &str) -> Script {
        let mut lines = Lines::new(text);
        let mut commands = Vec::new();
        while let Some((line, text)) = lines.next_command() {
            commands.push(Command { line, action: parse_command(text, line, &mut lines) });
        }
        Script { commands }
    }

    /// The first command that cannot be read.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] with its line.
    pub fn check(&self) -> Result<(), ScriptError> {
        let broken = self.commands.iter().find_map(|command| match &command.action {
            Action::Broken { error, .. } => Some(error),
            _ => None,
        });
        broken.map_or(Ok(()), |error| Err(error.clone()))
    }

    /// The number of `eval` commands, those that cannot be read included.
    pub fn eval_count(&self) -> usize {
        let is_eval = |command: &&Command| {
            matches!(command.action, Action::Eval(_) | Action::Broken { is_eval: true, .. })
        };
        self.commands.iter().filter(is_eval).count()
    }

    /// Runs every command in order. Each `eval` is reported on its own; none stops the run.
    pub fn run(&self, engine: &Engine) -> ScriptReport {
        run::run(self, engine)
    }

    /// Runs only the `load` and `clear` commands and returns what they loaded, moved by `offset_ms`.
    ///
    /// # Errors
    ///
    /// [`ScriptError`] where a command cannot be read, or a sample cannot be appended.
    pub fn load(&self, offset_ms: i64) -> Result<MemorySource, ScriptError> {
        self.check()?;
        let mut source = MemorySource::default();
        for command in &self.commands {
            match &command.action {
                Action::Clear => source = MemorySource::default(),
                Action::Load(load) => load.apply(&mut source, offset_ms)?,
                Action::Eval(_) | Action::Broken { .. } => {}
            }
        }
        Ok(source)
    }
}

fn parse_command(text: &str, line: usize, lines: &mut Lines<'_>) -> Action {
    let word = text.split([' ', '\t']).next().unwrap_or_default().to_ascii_lowercase();
    let is_eval = word.starts_with("eval");
    let action = if word == "clear" {
        Ok(Action::Clear)
    } else if word.starts_with("load") {
        load::parse(text, line, lines).map(Action::Load)
    } else if is_eval {
        eval::parse(text, line, lines).map(|eval| Action::Eval(Box::new(eval)))
    } else {
        Err(ScriptError {
            line,
            problem: format!("unknown command {text:?}: expected clear, load, load_with_nhcb or eval"),
        })
    };
    action.unwrap_or_else(|error| {
        lines.skip_command();
        Action::Broken { error, is_eval }
    })
}

/// An engine set up as the reference runs its test scripts: the whole language, and at most 10,000 samples a query.
pub fn test_engine() -> Engine {
    Engine::new(EngineOptions { samples_max: 10_000, features: Features::ALL, ..EngineOptions::default() })
}

/// The error of one line.
fn problem(line: usize, problem: impl fmt::Display) -> ScriptError {
    ScriptError { line, problem: problem.to_string() }
}

/// A duration of a command: never negative.
fn duration_ms(text: &str, line: usize) -> Result<i64, ScriptError> {
    bedrock::time::parse_duration_ms(text)
        .ok_or_else(|| problem(line, format!("{text:?} is no duration such as 1m30s")))
}

#[cfg(test)]
mod tests;
