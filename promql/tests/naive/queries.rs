//! Random queries as trees of their own, so that the naive evaluator does not lean on the parser.

use std::fmt;

use crate::data::Random;

#[derive(Clone, Debug)]
pub(crate) enum Query {
    Select(Selector),
    OverTime { function: &'static str, selector: Selector, range_s: i64 },
    OverSubquery { function: &'static str, inner: Box<Query>, range_s: i64, step_s: i64 },
    Aggregate { op: &'static str, by: Vec<&'static str>, inner: Box<Query> },
    Absolute(Box<Query>),
    WithScalar { op: &'static str, inner: Box<Query>, scalar: f64 },
    Join { op: &'static str, on: Vec<&'static str>, left: Box<Query>, right: Box<Query> },
}

#[derive(Clone, Debug)]
pub(crate) struct Selector {
    pub(crate) name: &'static str,
    pub(crate) a: Option<&'static str>,
    pub(crate) offset_s: i64,
    pub(crate) at: Option<At>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum At {
    Start,
    End,
}

pub(crate) const OVER_TIME: [&str; 18] = [
    "rate",
    "increase",
    "delta",
    "irate",
    "idelta",
    "sum_over_time",
    "avg_over_time",
    "min_over_time",
    "max_over_time",
    "count_over_time",
    "last_over_time",
    "first_over_time",
    "stddev_over_time",
    "stdvar_over_time",
    "changes",
    "resets",
    "deriv",
    "quantile_over_time",
];

impl Selector {
    fn random(random: &mut Random) -> Self {
        Selector {
            name: random.pick(&["counter", "gauge"]),
            a: if random.chance(30) { Some(random.pick(&["x", "y"])) } else { None },
            offset_s: if random.chance(25) { random.below(120) as i64 - 40 } else { 0 },
            at: if random.chance(10) { Some(random.pick(&[At::Start, At::End])) } else { None },
        }
    }
}

impl Query {
    pub(crate) fn random(random: &mut Random, depth: u64) -> Self {
        let inner = |random: &mut Random| Box::new(Query::random(random, depth - 1));
        match random.below(if depth == 0 { 4 } else { 10 }) {
            0 => Query::Select(Selector::random(random)),
            1..=3 => Query::OverTime {
                function: random.pick(&OVER_TIME),
                selector: Selector::random(random),
                range_s: random.pick(&[10, 30, 60, 120, 300]),
            },
            4 => Query::OverSubquery {
                function: random.pick(&OVER_TIME),
                inner: inner(random),
                range_s: random.pick(&[20, 60, 100]),
                step_s: random.pick(&[5, 7, 20]),
            },
            5 | 6 => Query::Aggregate {
                op: random.pick(&["sum", "avg", "min", "max", "count", "group", "stddev", "stdvar"]),
                by: random.pick(&[vec![], vec!["a"], vec!["b"], vec!["a", "b"]]),
                inner: inner(random),
            },
            7 => Query::Absolute(inner(random)),
            8 => Query::WithScalar {
                op: random.pick(&["+", "*", "/", ">", "<=", "!="]),
                inner: inner(random),
                scalar: random.pick(&[2.0, 0.5, 100.0, 0.0]),
            },
            _ => Query::Join {
                op: random.pick(&["+", "-", "/", ">", "and", "or", "unless"]),
                on: random.pick(&[vec!["a", "b"], vec!["a"], vec!["a", "b"]]),
                left: inner(random),
                right: inner(random),
            },
        }
    }

    /// The same query without fixed times.
    pub(crate) fn without_at(mut self) -> Self {
        self.remove_at();
        self
    }

    fn remove_at(&mut self) {
        match self {
            Query::Select(selector) | Query::OverTime { selector, .. } => selector.at = None,
            Query::OverSubquery { inner, .. }
            | Query::Aggregate { inner, .. }
            | Query::Absolute(inner)
            | Query::WithScalar { inner, .. } => inner.remove_at(),
            Query::Join { left, right, .. } => {
                left.remove_at();
                right.remove_at();
            }
        }
    }
}

impl Selector {
    fn write(&self, f: &mut fmt::Formatter<'_>, range: &str) -> fmt::Result {
        f.write_str(self.name)?;
        if let Some(a) = self.a {
            write!(f, "{{a={a:?}}}")?;
        }
        f.write_str(range)?;
        match self.at {
            Some(At::Start) => f.write_str(" @ start()")?,
            Some(At::End) => f.write_str(" @ end()")?,
            None => {}
        }
        if self.offset_s == 0 { Ok(()) } else { write!(f, " offset {}s", self.offset_s) }
    }
}

struct Ranged<'a>(&'a Selector, i64);

impl fmt::Display for Ranged<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.write(f, &format!("[{}s]", self.1))
    }
}

/// The argument before the range vector.
fn first_argument(function: &str) -> &'static str {
    if function == "quantile_over_time" { "0.3, " } else { "" }
}

impl fmt::Display for Query {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Query::Select(selector) => selector.write(f, ""),
            Query::OverTime { function, selector, range_s } => {
                write!(f, "{function}({}{})", first_argument(function), Ranged(selector, *range_s))
            }
            Query::OverSubquery { function, inner, range_s, step_s } => {
                write!(f, "{function}({}({inner})[{range_s}s:{step_s}s])", first_argument(function))
            }
            Query::Aggregate { op, by, inner } => write!(f, "{op} by ({}) ({inner})", by.join(", ")),
            Query::Absolute(inner) => write!(f, "abs({inner})"),
            Query::WithScalar { op, inner, scalar } => write!(f, "({inner}) {op} {scalar}"),
            Query::Join { op, on, left, right } => {
                write!(f, "({left}) {op} on ({}) ({right})", on.join(", "))
            }
        }
    }
}
