//! What can be done to vectors: aggregations and the operators between operands, with their names and properties.

use crate::ast::ValueType;

/// The aggregations over label dimensions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names are those of the language")]
pub enum AggregateOp {
    Avg,
    Bottomk,
    Count,
    CountValues,
    Group,
    LimitRatio,
    Limitk,
    Max,
    Min,
    Quantile,
    Stddev,
    Stdvar,
    Sum,
    Topk,
}

impl AggregateOp {
    /// All of them.
    pub const ALL: [AggregateOp; 14] = [
        AggregateOp::Avg,
        AggregateOp::Bottomk,
        AggregateOp::Count,
        AggregateOp::CountValues,
        AggregateOp::Group,
        AggregateOp::LimitRatio,
        AggregateOp::Limitk,
        AggregateOp::Max,
        AggregateOp::Min,
        AggregateOp::Quantile,
        AggregateOp::Stddev,
        AggregateOp::Stdvar,
        AggregateOp::Sum,
        AggregateOp::Topk,
    ];

    /// The name in a query.
    pub fn as_str(self) -> &'static str {
        match self {
            AggregateOp::Avg => "avg",
            AggregateOp::Bottomk => "bottomk",
            AggregateOp::Count => "count",
            AggregateOp::CountValues => "count_values",
            AggregateOp::Group => "group",
            AggregateOp::LimitRatio => "limit_ratio",
            AggregateOp::Limitk => "limitk",
            AggregateOp::Max => "max",
            AggregateOp::Min => "min",
            AggregateOp::Quantile => "quantile",
            AggregateOp::Stddev => "stddev",
            AggregateOp::Stdvar => "stdvar",
            AggregateOp::Sum => "sum",
            AggregateOp::Topk => "topk",
        }
    }

    /// The type of the parameter before the vector, where the aggregation takes one.
    pub fn param_type(self) -> Option<ValueType> {
        match self {
            AggregateOp::Bottomk
            | AggregateOp::LimitRatio
            | AggregateOp::Limitk
            | AggregateOp::Quantile
            | AggregateOp::Topk => Some(ValueType::Scalar),
            AggregateOp::CountValues => Some(ValueType::String),
            _ => None,
        }
    }

    /// Whether Prometheus hides it behind a flag.
    pub fn is_experimental(self) -> bool {
        matches!(self, AggregateOp::Limitk | AggregateOp::LimitRatio)
    }
}

/// The operators between two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it; as_str gives the sign")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    Atan2,
    Equal,
    NotEqual,
    Greater,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    /// `</`: cuts a histogram above a value.
    TrimUpper,
    /// `>/`: cuts a histogram below a value.
    TrimLower,
    And,
    Or,
    Unless,
}

impl BinaryOp {
    /// The sign in a query.
    pub fn as_str(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Mod => "%",
            BinaryOp::Pow => "^",
            BinaryOp::Atan2 => "atan2",
            BinaryOp::Equal => "==",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Greater => ">",
            BinaryOp::Less => "<",
            BinaryOp::GreaterOrEqual => ">=",
            BinaryOp::LessOrEqual => "<=",
            BinaryOp::TrimUpper => "</",
            BinaryOp::TrimLower => ">/",
            BinaryOp::And => "and",
            BinaryOp::Or => "or",
            BinaryOp::Unless => "unless",
        }
    }

    /// `== != > < >= <=`: these filter, or give 0 and 1 with `bool`.
    pub fn is_comparison(self) -> bool {
        matches!(
            self,
            BinaryOp::Equal
                | BinaryOp::NotEqual
                | BinaryOp::Greater
                | BinaryOp::Less
                | BinaryOp::GreaterOrEqual
                | BinaryOp::LessOrEqual
        )
    }

    /// `and or unless`: these work on sets of series.
    pub fn is_set(self) -> bool {
        matches!(self, BinaryOp::And | BinaryOp::Or | BinaryOp::Unless)
    }

    /// How strongly it binds, from 1 (`or`) to 6 (`^`).
    pub fn precedence(self) -> u8 {
        match self {
            BinaryOp::Or => 1,
            BinaryOp::And | BinaryOp::Unless => 2,
            BinaryOp::Equal
            | BinaryOp::NotEqual
            | BinaryOp::Greater
            | BinaryOp::Less
            | BinaryOp::GreaterOrEqual
            | BinaryOp::LessOrEqual
            | BinaryOp::TrimUpper
            | BinaryOp::TrimLower => 3,
            BinaryOp::Add | BinaryOp::Sub => 4,
            BinaryOp::Mul | BinaryOp::Div | BinaryOp::Mod | BinaryOp::Atan2 => 5,
            BinaryOp::Pow => 6,
        }
    }
}
