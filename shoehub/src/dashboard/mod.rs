//! The dashboard: what the shop asks its stores, and the answers as data. [`text`] draws them in the terminal, the crate's
//! `page` writes them as HTML.
//!
//! [`panels`] are the eight of the tutorial in PromQL, [`rule`] is its alerting rule, [`answers`] come from logs and
//! traces, [`story`] goes from a latency over its trace to the log lines of that trace.

pub mod answers;
pub mod ask;
pub mod panels;
pub mod rule;
pub mod story;
pub mod text;

pub use answers::Answer;
pub use ask::{Ask, Window};
pub use panels::{Panel, Series, Shape};
pub use rule::{Rule, State};
pub use story::Story;

use crate::error::Result;
use crate::stores::{Stored, Stores};

/// Everything that is shown.
#[derive(Debug)]
pub struct Dashboard {
    /// The time that it covers.
    pub window: Window,
    /// The panels of the tutorial.
    pub panels: Vec<Panel>,
    /// Its alerting rule.
    pub rule: Rule,
    /// Answers in LogQL.
    pub logs: Vec<Answer>,
    /// Answers in TraceQL, and the service graph.
    pub traces: Vec<Answer>,
    /// One slow order from metric to log line; `None` where no order was slow enough to leave an exemplar.
    pub story: Option<Story>,
    /// What is stored.
    pub stored: [Stored; 3],
}

impl Dashboard {
    /// Asks everything, over the last hours of what is stored.
    ///
    /// # Errors
    ///
    /// Where a query has no answer.
    pub fn ask(stores: &Stores) -> Result<Self> {
        let window = Window::last_hours(stores)?;
        let ask = Ask::new(stores, window);
        Ok(Dashboard {
            window,
            panels: panels::ask_all(&ask)?,
            rule: rule::ask(&ask)?,
            logs: answers::of_logs(&ask)?,
            traces: answers::of_traces(&ask)?,
            story: story::ask(&ask)?,
            stored: stores.stored(),
        })
    }
}
