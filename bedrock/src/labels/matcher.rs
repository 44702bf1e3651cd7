//! Label matchers: `=`, `!=`, `=~` and `!~`, anchored as in Prometheus.

use std::fmt;
use std::sync::Arc;

use crate::regex::{RegexError, Shape, TextTest};

/// The operator of a matcher.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatchOp {
    /// `=`
    Equal,
    /// `!=`
    NotEqual,
    /// `=~`
    Regex,
    /// `!~`
    NotRegex,
}

impl MatchOp {
    /// The operator as it is written in a query.
    pub fn as_str(self) -> &'static str {
        match self {
            MatchOp::Equal => "=",
            MatchOp::NotEqual => "!=",
            MatchOp::Regex => "=~",
            MatchOp::NotRegex => "!~",
        }
    }

    /// Whether the operator selects what the value does not match.
    pub fn is_negative(self) -> bool {
        matches!(self, MatchOp::NotEqual | MatchOp::NotRegex)
    }
}

/// Why a matcher could not be made.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MatcherError {
    /// The regular expression does not parse.
    #[error("regular expression {pattern:?}: {problem}")]
    Syntax {
        /// The expression as given.
        pattern: String,
        /// What the regular expression parser says.
        problem: String,
    },
    /// The compiled regular expression would be larger than the limit allows.
    #[error("regular expression {pattern:?} needs more than {max_bytes} bytes")]
    TooLarge {
        /// The expression as given.
        pattern: String,
        /// The limit on the compiled size.
        max_bytes: usize,
    },
}

impl MatcherError {
    fn of(pattern: &str, error: RegexError) -> Self {
        let pattern = pattern.to_owned();
        match error {
            RegexError::TooLarge { max_bytes } => MatcherError::TooLarge { pattern, max_bytes },
            syntax => MatcherError::Syntax { pattern, problem: syntax.to_string() },
        }
    }
}

/// One condition on one label. An absent label is matched as the empty string.
///
/// Clones share the compiled expression.
///
/// ```
/// use bedrock::labels::{MatchOp, Matcher};
///
/// let matcher = Matcher::new(MatchOp::Regex, "code", "5..|404")?;
/// assert!(matcher.matches("503"));
/// assert!(!matcher.matches("5030"), "expressions are anchored at both ends");
/// # Ok::<(), bedrock::labels::MatcherError>(())
/// ```
#[derive(Clone)]
pub struct Matcher {
    op: MatchOp,
    name: Arc<str>,
    value: Arc<str>,
    regex: Option<TextTest>,
}

impl Matcher {
    /// Makes a matcher; a regular expression in Go's syntax is taken apart, and compiled where that does not answer
    /// (see [`crate::regex`]).
    ///
    /// # Errors
    ///
    /// [`MatcherError`] where the expression is malformed or too large.
    pub fn new(op: MatchOp, name: &str, value: &str) -> Result<Self, MatcherError> {
        let regex = match op {
            MatchOp::Equal | MatchOp::NotEqual => None,
            MatchOp::Regex | MatchOp::NotRegex => {
                Some(TextTest::anchored(value).map_err(|error| MatcherError::of(value, error))?)
            }
        };
        Ok(Matcher { op, name: name.into(), value: value.into(), regex })
    }

    /// The operator.
    pub fn op(&self) -> MatchOp {
        self.op
    }

    /// The name of the label that is tested.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The value or expression as it was given.
    pub fn value(&self) -> &str {
        &self.value
    }

    /// Whether a label value satisfies the matcher; an absent label is `""`.
    pub fn matches(&self, value: &str) -> bool {
        let positive = match &self.regex {
            None => *self.value == *value,
            Some(regex) => regex.matches(value),
        };
        positive != self.op.is_negative()
    }

    /// Whether series without the label satisfy the matcher.
    pub fn matches_empty(&self) -> bool {
        self.matches("")
    }

    /// What the positive form of the matcher accepts: a walk over sorted values can follow it. For `!=` and `!~` this
    /// is what they refuse.
    pub fn accepted(&self) -> Accepted<'_> {
        let Some(regex) = &self.regex else {
            return match &*self.value {
                "" => Accepted::Empty,
                value => Accepted::One(value),
            };
        };
        match regex.shape() {
            Shape::Any => Accepted::All,
            Shape::NonEmpty => Accepted::NonEmpty,
            Shape::Set(values) => match values.as_slice() {
                [value] if value.is_empty() => Accepted::Empty,
                [value] => Accepted::One(value),
                values => Accepted::Set(values),
            },
            shape => Accepted::Prefixed(shape.prefix()),
        }
    }

    /// The values that the positive form accepts, sorted, where they are finitely many: `["x"]` for `a="x"` and
    /// `a!="x"`, `["x", "y"]` for `a=~"x|y"`.
    pub fn set_values(&self) -> Option<Vec<&str>> {
        match self.accepted() {
            Accepted::Empty => Some(vec![""]),
            Accepted::One(value) => Some(vec![value]),
            Accepted::Set(values) => Some(values.iter().map(|value| &**value).collect()),
            Accepted::All | Accepted::NonEmpty | Accepted::Prefixed(_) => None,
        }
    }

    /// The literal that every value starts with which the positive form accepts; empty where there is none.
    pub fn prefix(&self) -> &str {
        match &self.regex {
            None => &self.value,
            Some(regex) => regex.shape().prefix(),
        }
    }
}

/// What the positive form of a [`Matcher`] accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Accepted<'m> {
    /// Every value, and the absent label.
    All,
    /// Every value, but not the absent label.
    NonEmpty,
    /// The absent label only.
    Empty,
    /// This value.
    One(&'m str),
    /// These values, sorted; the empty one may be among them. None: nothing.
    Set(&'m [Box<str>]),
    /// Some of the values that start with this, which may be empty: ask [`Matcher::matches`].
    Prefixed(&'m str),
}

impl PartialEq for Matcher {
    fn eq(&self, other: &Self) -> bool {
        self.op == other.op && self.name == other.name && self.value == other.value
    }
}

impl Eq for Matcher {}

impl fmt::Display for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{:?}", self.name, self.op.as_str(), self.value)
    }
}

impl fmt::Debug for Matcher {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;
