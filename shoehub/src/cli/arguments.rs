//! What the arguments of the command line ask for.

use std::ffi::OsString;
use std::path::PathBuf;

use crate::error::{Error, Result};

/// What `--help` says.
pub(super) const HELP: &str = "\
The Shoe Hub: a shop that embeds all three Tristore stores and answers questions about itself.

  shoehub                        simulates some hours of the shop and shows its dashboard
  shoehub --live                 runs the shop in real time until Ctrl-C
  shoehub query metrics 'QUERY'  asks what is stored, in PromQL
  shoehub query logs 'QUERY'     ... in LogQL
  shoehub query traces 'QUERY'   ... in TraceQL, or a trace by its id

  --dir DIR       where the stores are (default shoehub-data); a second run goes on where the first one stopped
  --hours N       how long to simulate (default 6)
  --seed N        another seed is another shop (default 7)
  --rate N        orders a second, instead of more by day and fewer by night
  --html FILE     writes the dashboard as one page, too
  --json          query: JSON instead of a table
  --at TIME       query: the moment, 2026-11-22T15:04:05Z or seconds (default: the newest sample)
  --range 1h      query: over a range that ends there
  --step 1m       query: the distance of its points
  --limit N       query: the most lines or traces (default 20)

Colours are used where the terminal has them and NO_COLOR is not set.
";

/// What is asked for.
#[derive(Clone, Debug)]
pub(super) struct Command {
    pub(super) task: Task,
    pub(super) dir: PathBuf,
    pub(super) length_ms: i64,
    pub(super) seed: u64,
    pub(super) orders_per_s: Option<f64>,
    pub(super) html: Option<PathBuf>,
    pub(super) json: bool,
    pub(super) at_ms: Option<i64>,
    pub(super) range_ms: Option<i64>,
    pub(super) step_ms: Option<i64>,
    pub(super) limit: usize,
}

/// What is to be done.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Task {
    Simulate,
    Live,
    Query(Signal, String),
    Help,
}

/// Which store is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Signal {
    Metrics,
    Logs,
    Traces,
}

impl Command {
    pub(super) fn parse(arguments: impl IntoIterator<Item = OsString>) -> Result<Self> {
        use lexopt::prelude::{Long, Short, Value};
        let mut command = Command {
            task: Task::Simulate,
            dir: PathBuf::from("shoehub-data"),
            length_ms: 6 * 3_600_000,
            seed: 7,
            orders_per_s: None,
            html: None,
            json: false,
            at_ms: None,
            range_ms: None,
            step_ms: None,
            limit: 20,
        };
        let mut words: Vec<String> = Vec::new();
        let mut parser = lexopt::Parser::from_iter(arguments);
        while let Some(argument) = parser.next()? {
            match argument {
                Long("live") => command.task = Task::Live,
                Long("help") | Short('h') => return Ok(Command { task: Task::Help, ..command }),
                Long("dir") => command.dir = parser.value()?.into(),
                Long("html") => command.html = Some(parser.value()?.into()),
                Long("json") => command.json = true,
                Long("seed") => command.seed = number(&mut parser, "--seed")?,
                Long("limit") => command.limit = number(&mut parser, "--limit")?,
                Long("rate") => command.orders_per_s = Some(positive(&mut parser, "--rate", 1_000.0)?),
                Long("hours") => {
                    command.length_ms = (positive(&mut parser, "--hours", 1_000.0)? * 3_600_000.0) as i64;
                }
                Long("at") => {
                    command.at_ms = Some(read(&mut parser, "--at", "a time", crate::draw::time::parse_ms)?);
                }
                Long("range") => command.range_ms = Some(duration(&mut parser, "--range")?),
                Long("step") => command.step_ms = Some(duration(&mut parser, "--step")?),
                Value(word) => words.push(word.to_string_lossy().into_owned()),
                other => return Err(other.unexpected().into()),
            }
        }
        if let Some(task) = task_of(&words)? {
            command.task = task;
        }
        Ok(command)
    }
}

/// What the words that are no options ask for.
fn task_of(words: &[String]) -> Result<Option<Task>> {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let signal = |word: &str| match word {
        "metrics" => Ok(Signal::Metrics),
        "logs" => Ok(Signal::Logs),
        "traces" => Ok(Signal::Traces),
        other => Err(Error::Usage(format!("'query {other}': there are metrics, logs and traces to ask"))),
    };
    match words.as_slice() {
        [] => Ok(None),
        ["query", what, text] => Ok(Some(Task::Query(signal(what)?, (*text).to_owned()))),
        ["query", what] => {
            signal(what)?;
            Err(Error::Usage(format!("'query {what}' needs a query, in quotes: shoehub query {what} '...'")))
        }
        ["query"] => {
            Err(Error::Usage("'query' needs what to ask (metrics, logs or traces) and a query".to_owned()))
        }
        ["query", what, text, rest @ ..] => {
            signal(what)?;
            let problem = format!(
                "the query ends at '{text}', and '{}' comes behind: put the query in quotes",
                rest.join(" ")
            );
            Err(Error::Usage(problem))
        }
        [other, ..] => Err(Error::Usage(format!("'{other}' is no command; there is 'query'"))),
    }
}

impl From<lexopt::Error> for Error {
    fn from(error: lexopt::Error) -> Self {
        Error::Usage(error.to_string())
    }
}

fn read<T>(
    parser: &mut lexopt::Parser,
    option: &str,
    what: &str,
    of: impl Fn(&str) -> Option<T>,
) -> Result<T> {
    let value = parser.value()?;
    let text = value.to_string_lossy();
    of(&text).ok_or_else(|| Error::Usage(format!("{option} {text}: that is not {what}")))
}

fn number<T: std::str::FromStr>(parser: &mut lexopt::Parser, option: &str) -> Result<T> {
    read(parser, option, "a whole number", |text| text.parse().ok())
}

fn positive(parser: &mut lexopt::Parser, option: &str, most: f64) -> Result<f64> {
    let fits = |value: &f64| *value > 0.0 && *value <= most;
    read(parser, option, &format!("a number above 0 and up to {most}"), |text| text.parse().ok().filter(fits))
}

fn duration(parser: &mut lexopt::Parser, option: &str) -> Result<i64> {
    let parse = |text: &str| bedrock::time::parse_duration_ms(text).filter(|duration_ms| *duration_ms > 0);
    read(parser, option, "a duration such as 90s, 5m or 1h30m", parse)
}
