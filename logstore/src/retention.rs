//! How long the entries of which stream stay.

use std::time::Duration;

use bedrock::labels::Matcher;
use bedrock::postings::Ids;
use bedrock::store::{Age, Expired};

use crate::block::Block;

/// An age for some streams: their entries go once everything in their block is older.
///
/// ```
/// use std::time::Duration;
/// use bedrock::labels::{MatchOp, Matcher};
/// use logstore::{Options, RetentionRule};
///
/// let debug = Matcher::new(MatchOp::Equal, "level", "debug")?;
/// let rule = RetentionRule { matchers: vec![debug], age: Duration::from_secs(24 * 3600) };
/// let options = Options {
///     retention: Some(Duration::from_secs(30 * 24 * 3600)),
///     retention_rules: vec![rule],
///     ..Options::default()
/// };
/// # assert_eq!(options.retention_rules.len(), 1);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug)]
pub struct RetentionRule {
    /// Conditions on the labels of a stream; all have to hold.
    pub matchers: Vec<Matcher>,
    /// The age in place of [`crate::Options::retention`].
    pub age: Duration,
}

/// What age lets go of a block whose last entry has the time `last_ns`. Looks at streams only where a rule may hold.
pub(crate) fn expired(
    rules: &[RetentionRule],
    block: &Block,
    last_ns: i64,
    age: Age,
    looks_at_rows: bool,
) -> Expired {
    let goes_by = |max: Duration| Age { max: Some(max), ..age }.lets_go(last_ns);
    let rules_that_let_go = rules.iter().filter(|rule| goes_by(rule.age)).count();
    let goes_anyway = age.lets_go(last_ns);
    if rules_that_let_go == rules.len() && goes_anyway {
        return Expired::Everything;
    }
    if !looks_at_rows || (rules_that_let_go == 0 && !goes_anyway) {
        return Expired::Nothing;
    }
    let mut goes = vec![goes_anyway; block.streams()];
    for rule in rules.iter().rev() {
        for stream in block.select(&rule.matchers) {
            goes[stream as usize] = goes_by(rule.age);
        }
    }
    if goes.iter().all(|goes| *goes) {
        return Expired::Everything;
    }
    let mut rows = Ids::new();
    let mut first = 0;
    for (stream, count) in block.groups().iter().flat_map(|group| &group.runs) {
        if goes[*stream as usize] {
            rows.insert_range(first..first + count);
        }
        first += count;
    }
    if rows.is_empty() { Expired::Nothing } else { Expired::Rows(rows) }
}
