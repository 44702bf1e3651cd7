//! Conditions on labels, ready to be asked.

use crate::logql::ast::{CompareOp, LabelFilter};
use crate::logql::error::{QueryError, Result};
use crate::logql::pipeline::ip::IpTest;
use crate::logql::pipeline::labels::{ERROR, ERROR_DETAILS, LineLabels};
use crate::logql::pipeline::text_filter::TextTest;
use crate::logql::{number, quantity};

/// The error of a value that cannot be compared.
const FILTER_ERROR: &str = "LabelFilterErr";

/// A condition on the labels of a line.
#[derive(Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "a query has some ten of them, and tests should not follow a pointer"
)]
pub(crate) enum LabelTest {
    Always,
    Text { name: String, test: TextTest },
    Number { name: String, op: CompareOp, value: f64 },
    Duration { name: String, op: CompareOp, value_ns: i64 },
    Bytes { name: String, op: CompareOp, value_bytes: u64 },
    Ip { name: String, negative: bool, test: IpTest },
    And(Box<LabelTest>, Box<LabelTest>),
    Or(Box<LabelTest>, Box<LabelTest>),
}

impl LabelTest {
    pub(crate) fn compile(filter: &LabelFilter) -> Result<Self> {
        Ok(match filter {
            LabelFilter::Text(matcher) => match TextTest::of_matcher(matcher.op(), matcher.value())? {
                TextTest::Always => LabelTest::Always,
                test => LabelTest::Text { name: matcher.name().to_owned(), test },
            },
            LabelFilter::Number { name, op, value } => {
                LabelTest::Number { name: name.clone(), op: *op, value: *value }
            }
            LabelFilter::Duration { name, op, value_ns } => {
                LabelTest::Duration { name: name.clone(), op: *op, value_ns: *value_ns }
            }
            LabelFilter::Bytes { name, op, value_bytes } => {
                LabelTest::Bytes { name: name.clone(), op: *op, value_bytes: *value_bytes }
            }
            LabelFilter::Ip { name, negative, pattern } => {
                let test = IpTest::parse(pattern).map_err(QueryError::invalid)?;
                LabelTest::Ip { name: name.clone(), negative: *negative, test }
            }
            LabelFilter::And(left, right) => {
                LabelTest::And(Box::new(Self::compile(left)?), Box::new(Self::compile(right)?))
            }
            LabelFilter::Or(left, right) => {
                LabelTest::Or(Box::new(Self::compile(left)?), Box::new(Self::compile(right)?))
            }
        })
    }

    /// Whether the line is kept. A value that cannot be compared marks the line as failed and keeps it.
    pub(crate) fn test(&self, labels: &mut LineLabels) -> bool {
        match self {
            LabelTest::Always => true,
            LabelTest::Text { name, test } => {
                let value = if name == ERROR { labels.error() } else { labels.get(name).unwrap_or("") };
                test.test(value.as_bytes())
            }
            LabelTest::Number { name, op, value } => {
                compare(labels, name, |text| match number::parse_float(text) {
                    Some(number) => Ok(op.holds(&number, value)),
                    None => Err(format!("strconv.ParseFloat: parsing {text:?}: invalid syntax")),
                })
            }
            LabelTest::Duration { name, op, value_ns } => {
                compare(labels, name, |text| match quantity::parse_go_duration(text) {
                    Some(ns) => Ok(op.holds(&ns, value_ns)),
                    None => Err(format!("time: invalid duration {text:?}")),
                })
            }
            LabelTest::Bytes { name, op, value_bytes } => {
                compare(labels, name, |text| Ok(op.holds(&quantity::parse_bytes(text)?, value_bytes)))
            }
            LabelTest::Ip { name, negative, test } => {
                labels.has_error()
                    || labels.get(name).is_some_and(|value| test.found_in(value.as_bytes()) != *negative)
            }
            // The right side is asked even where the left one has decided, for the error it may set.
            LabelTest::And(left, right) => left.test(labels) & right.test(labels),
            LabelTest::Or(left, right) => left.test(labels) || right.test(labels),
        }
    }

    /// Whether a line whose label has this value, or none, is dropped; asks only of conditions on one label, and leaves
    /// errors out: a value that cannot be compared keeps the line.
    pub(crate) fn drops(&self, value: Option<&str>) -> bool {
        match (self, value) {
            (LabelTest::Text { test, .. }, value) => !test.test(value.unwrap_or("").as_bytes()),
            (LabelTest::Number { .. } | LabelTest::Duration { .. } | LabelTest::Bytes { .. }, None) => true,
            (LabelTest::Number { op, value: wanted, .. }, Some(text)) => {
                number::parse_float(text).is_some_and(|number| !op.holds(&number, wanted))
            }
            (LabelTest::Duration { op, value_ns, .. }, Some(text)) => {
                quantity::parse_go_duration(text).is_some_and(|ns| !op.holds(&ns, value_ns))
            }
            (LabelTest::Bytes { op, value_bytes, .. }, Some(text)) => {
                quantity::parse_bytes(text).is_ok_and(|bytes| !op.holds(&bytes, value_bytes))
            }
            (LabelTest::Always | LabelTest::Ip { .. } | LabelTest::And(..) | LabelTest::Or(..), _) => false,
        }
    }

    /// Takes a condition apart into those on one label that all have to hold; leaves out what is none of that kind. The
    /// label of the error is none: its value comes from everywhere.
    pub(crate) fn conjuncts(self, out: &mut Vec<LabelTest>) {
        match self {
            LabelTest::And(left, right) => {
                left.conjuncts(out);
                right.conjuncts(out);
            }
            LabelTest::Always | LabelTest::Ip { .. } | LabelTest::Or(..) => {}
            LabelTest::Text { name, .. } if name == ERROR || name == ERROR_DETAILS => {}
            test => out.push(test),
        }
    }

    /// The labels that the condition looks at.
    pub(crate) fn names(&self, names: &mut Vec<String>) {
        match self {
            LabelTest::Always => {}
            LabelTest::Text { name, .. }
            | LabelTest::Number { name, .. }
            | LabelTest::Duration { name, .. }
            | LabelTest::Bytes { name, .. }
            | LabelTest::Ip { name, .. } => names.push(name.clone()),
            LabelTest::And(left, right) | LabelTest::Or(left, right) => {
                left.names(names);
                right.names(names);
            }
        }
    }

    /// The one label that the condition is about, where it is a plain test of one.
    pub(crate) fn single_name(&self) -> Option<&str> {
        match self {
            LabelTest::Text { name, .. }
            | LabelTest::Number { name, .. }
            | LabelTest::Duration { name, .. }
            | LabelTest::Bytes { name, .. }
            | LabelTest::Ip { name, .. } => Some(name),
            LabelTest::Always | LabelTest::And(..) | LabelTest::Or(..) => None,
        }
    }
}

fn compare(
    labels: &mut LineLabels,
    name: &str,
    holds: impl Fn(&str) -> std::result::Result<bool, String>,
) -> bool {
    let Some(value) = labels.get(name) else { return false };
    match holds(value) {
        Ok(holds) => holds,
        Err(details) => {
            if !labels.has_error() {
                labels.fail(FILTER_ERROR, &details);
            }
            true
        }
    }
}
