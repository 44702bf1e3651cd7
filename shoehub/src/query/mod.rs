//! `shoehub query`: any query over stored data, as a table for people or as JSON for programs.
//!
//! [`metrics`], [`logs`] and [`traces`] ask any store of their kind, not only the shop's: the query examples of the
//! crate use them on stores of their own.

pub mod logs;
pub mod metrics;
pub mod traces;

use bedrock::labels::Labels;

use crate::draw::table::Table;

/// A question to one of the stores.
#[derive(Clone, Debug)]
pub struct Question {
    /// The query, in the language of the store.
    pub text: String,
    /// The time of the question, or the end of its range, in milliseconds since the epoch.
    pub at_ms: i64,
    /// How far to look back. `None` asks for one moment, for lines and traces of all time, and for numbers of an hour of
    /// traces.
    pub range_ms: Option<i64>,
    /// The distance of points where a range is asked for; `None` chooses.
    pub step_ms: Option<i64>,
    /// The most lines or traces.
    pub limit: usize,
}

impl Question {
    /// The first moment that it is about, `default_ms` before its end where no range was given.
    fn start_ms(&self, default_ms: i64) -> i64 {
        self.at_ms.saturating_sub(self.range_ms.unwrap_or(default_ms))
    }

    /// The distance of points.
    fn step_ms(&self) -> i64 {
        self.step_ms.unwrap_or_else(|| (self.range_ms.unwrap_or(0) / 60 / 1_000 * 1_000).max(1_000))
    }
}

/// The answer to a question.
#[derive(Clone, Debug)]
pub struct Answered {
    /// For people.
    pub table: Table,
    /// For programs, in the shape that Prometheus, Loki and Tempo give it.
    pub json: serde_json::Value,
    /// What the author of the query should know.
    pub notes: Vec<String>,
}

/// A table with a column for every label name that occurs, and the given columns behind.
pub(crate) fn by_labels(
    series: &[&Labels],
    values: &[&str],
    mut cells: impl FnMut(usize) -> Vec<String>,
) -> Table {
    let mut names: Vec<&str> = series.iter().flat_map(|labels| labels.iter()).map(|(name, _)| name).collect();
    names.sort_unstable();
    names.dedup();
    let mut table = Table::new(names.iter().chain(values).copied());
    for (row, labels) in series.iter().enumerate() {
        let own = names.iter().map(|name| labels.get(name).unwrap_or("").to_owned());
        table.row(own.chain(cells(row)));
    }
    table
}

/// Labels as a JSON object.
pub(crate) fn labels_json(labels: &Labels) -> serde_json::Value {
    let pairs = labels.iter().map(|(name, value)| (name.to_owned(), serde_json::Value::from(value)));
    serde_json::Value::Object(pairs.collect())
}

/// What a row of points says: how they went, and the last of them.
pub(crate) fn points_cells(values: &[f64]) -> Vec<String> {
    use crate::draw::chart::{resampled, spark};
    use crate::draw::number;
    let finite = || values.iter().copied().filter(|value| value.is_finite());
    let least = finite().fold(f64::NAN, f64::min);
    let most = finite().fold(f64::NAN, f64::max);
    let last = finite().next_back().unwrap_or(f64::NAN);
    let width = values.len().min(40);
    vec![number::plain(least), number::plain(most), number::plain(last), spark(&resampled(values, width))]
}

/// The columns of [`points_cells`].
pub(crate) const POINTS: [&str; 4] = [">min", ">max", ">last", "over time"];
