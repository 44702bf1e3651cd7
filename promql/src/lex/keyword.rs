//! The words of the language. They are no reserved words: most may also name a metric, all may name a label.

use crate::ast::{AggregateOp, BinaryOp};
use crate::lex::Kind;

/// A word with a meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Keyword {
    /// `and`, `or`, `unless`, `atan2`
    Operator(BinaryOp),
    Aggregate(AggregateOp),
    By,
    Without,
    On,
    Ignoring,
    GroupLeft,
    GroupRight,
    Fill,
    FillLeft,
    FillRight,
    Bool,
    Offset,
    Anchored,
    Smoothed,
    Start,
    End,
    Step,
    Range,
    MinOf,
    MaxOf,
}

impl Keyword {
    /// Whether the word may also be the name of a metric.
    pub(crate) fn may_name_metric(self) -> bool {
        !matches!(
            self,
            Keyword::Operator(BinaryOp::Atan2)
                | Keyword::On
                | Keyword::Ignoring
                | Keyword::GroupLeft
                | Keyword::GroupRight
                | Keyword::Bool
        )
    }

    /// Whether the word may also be the name of a function.
    pub(crate) fn may_name_function(self) -> bool {
        matches!(
            self,
            Keyword::Start | Keyword::End | Keyword::Step | Keyword::Range | Keyword::MinOf | Keyword::MaxOf
        )
    }
}

/// The longest keyword.
const LENGTH_MAX: usize = 12;

/// The meaning of a word, in whatever case it is written; `Inf` and `NaN` are numbers.
pub(crate) fn lookup(word: &str) -> Option<Kind> {
    let mut lower = [0; LENGTH_MAX];
    let lower = lower.get_mut(..word.len())?;
    lower.copy_from_slice(word.as_bytes());
    lower.make_ascii_lowercase();
    Some(Kind::Keyword(match &*lower {
        b"inf" | b"nan" => return Some(Kind::Number),
        b"and" => Keyword::Operator(BinaryOp::And),
        b"or" => Keyword::Operator(BinaryOp::Or),
        b"unless" => Keyword::Operator(BinaryOp::Unless),
        b"atan2" => Keyword::Operator(BinaryOp::Atan2),
        b"sum" => Keyword::Aggregate(AggregateOp::Sum),
        b"avg" => Keyword::Aggregate(AggregateOp::Avg),
        b"count" => Keyword::Aggregate(AggregateOp::Count),
        b"min" => Keyword::Aggregate(AggregateOp::Min),
        b"max" => Keyword::Aggregate(AggregateOp::Max),
        b"group" => Keyword::Aggregate(AggregateOp::Group),
        b"stddev" => Keyword::Aggregate(AggregateOp::Stddev),
        b"stdvar" => Keyword::Aggregate(AggregateOp::Stdvar),
        b"topk" => Keyword::Aggregate(AggregateOp::Topk),
        b"bottomk" => Keyword::Aggregate(AggregateOp::Bottomk),
        b"count_values" => Keyword::Aggregate(AggregateOp::CountValues),
        b"quantile" => Keyword::Aggregate(AggregateOp::Quantile),
        b"limitk" => Keyword::Aggregate(AggregateOp::Limitk),
        b"limit_ratio" => Keyword::Aggregate(AggregateOp::LimitRatio),
        b"by" => Keyword::By,
        b"without" => Keyword::Without,
        b"on" => Keyword::On,
        b"ignoring" => Keyword::Ignoring,
        b"group_left" => Keyword::GroupLeft,
        b"group_right" => Keyword::GroupRight,
        b"fill" => Keyword::Fill,
        b"fill_left" => Keyword::FillLeft,
        b"fill_right" => Keyword::FillRight,
        b"bool" => Keyword::Bool,
        b"offset" => Keyword::Offset,
        b"anchored" => Keyword::Anchored,
        b"smoothed" => Keyword::Smoothed,
        b"start" => Keyword::Start,
        b"end" => Keyword::End,
        b"step" => Keyword::Step,
        b"range" => Keyword::Range,
        b"min_of" => Keyword::MinOf,
        b"max_of" => Keyword::MaxOf,
        _ => return None,
    }))
}
