//! The tutorial's alerting rule, evaluated every minute with its `for`.

use super::ask::Ask;
use crate::error::Result;

/// The name of the alert.
pub const NAME: &str = "HighBootsSalesRate";
/// The condition.
pub const QUERY: &str = r#"sum(rate(shoehub_sales{ShoeType="Boots"}[1m])) > 1"#;
/// The rule is evaluated so often.
const EVERY_MS: i64 = 60_000;
/// How long the condition has to hold before the alert fires.
const FOR_MS: i64 = 60_000;

/// Where the alert stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say it")]
pub enum State {
    Inactive,
    Pending,
    Firing,
}

impl State {
    /// The word for it.
    pub fn as_str(self) -> &'static str {
        match self {
            State::Inactive => "inactive",
            State::Pending => "pending",
            State::Firing => "firing",
        }
    }
}

/// The rule over the window.
#[derive(Clone, Debug)]
pub struct Rule {
    /// The value of the condition at the last evaluation, `NaN` where it did not hold.
    pub value: f64,
    /// Time and state of every evaluation.
    pub states: Vec<(i64, State)>,
}

impl Rule {
    /// The state now.
    pub fn now(&self) -> State {
        self.states.last().map_or(State::Inactive, |(_, state)| *state)
    }

    /// Since when the state is what it is.
    pub fn since_ms(&self) -> i64 {
        let same = self.states.iter().rev().take_while(|(_, state)| *state == self.now());
        same.last().map_or(0, |(time_ms, _)| *time_ms)
    }

    /// How many evaluations found the alert firing.
    pub fn firing(&self) -> usize {
        self.states.iter().filter(|(_, state)| *state == State::Firing).count()
    }
}

/// Evaluates the rule at every minute of the window.
///
/// # Errors
///
/// Where the query has no answer.
pub fn ask(ask: &Ask<'_>) -> Result<Rule> {
    let answer = ask.range(QUERY, EVERY_MS)?;
    let start_ms = ask.window.start_ms;
    let steps = (ask.window.length_ms() / EVERY_MS) as usize + 1;
    let values = answer.into_iter().next().map_or_else(|| vec![f64::NAN; steps], |(_, values)| values);
    let times = (0_i64..).map(|step| start_ms + step * EVERY_MS);
    let samples: Vec<(i64, f64)> = times.zip(values).collect();
    let value = samples.last().map_or(f64::NAN, |(_, value)| *value);
    Ok(Rule { value, states: states(&samples) })
}

/// The state at every evaluation; a value that is not `NaN` says that the condition holds.
pub fn states(samples: &[(i64, f64)]) -> Vec<(i64, State)> {
    let mut held_since = None;
    let state = |&(time_ms, value): &(i64, f64)| {
        if value.is_nan() {
            held_since = None;
            return (time_ms, State::Inactive);
        }
        let since_ms = *held_since.get_or_insert(time_ms);
        (time_ms, if time_ms - since_ms >= FOR_MS { State::Firing } else { State::Pending })
    };
    samples.iter().map(state).collect()
}
