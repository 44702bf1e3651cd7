//! The tree of a query.
//!
//! Two trees are equal where they mean the same text: byte positions do not count.

use std::sync::Arc;

use super::{Type, Value};
use crate::field::{Field, Intrinsic, Scope};

/// Where in the query's text something stands: bytes from `start` to before `end`.
#[derive(Clone, Copy, Debug, Default)]
pub struct TextSpan {
    /// The first byte.
    pub start: u32,
    /// The byte after the last.
    pub end: u32,
}

/// Positions never make two trees different.
impl PartialEq for TextSpan {
    fn eq(&self, _: &Self) -> bool {
        true
    }
}

/// A whole query.
#[derive(Clone, Debug, PartialEq)]
pub struct Query {
    /// What is asked.
    pub body: Body,
    /// `with(name=value, ..)`, in order.
    pub hints: Vec<Hint>,
}

/// What is asked.
#[derive(Clone, Debug, PartialEq)]
pub enum Body {
    /// Sets of spans.
    Search(Pipeline),
    /// Series of numbers.
    Metrics(MetricsExpr),
}

/// `name=value` in `with(..)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Hint {
    /// The name. Unknown ones are ignored.
    pub name: String,
    /// The value.
    pub value: Value,
}

/// Stages, each of which takes the span sets of the one before.
#[derive(Clone, Debug, PartialEq, Default)]
pub struct Pipeline {
    /// At least one.
    pub stages: Vec<Stage>,
}

/// A stage of a pipeline.
#[derive(Clone, Debug, PartialEq)]
pub enum Stage {
    /// Filters and the operators between them.
    Spansets(SpansetExpr),
    /// Keeps the span sets whose aggregate compares so.
    ScalarFilter(ScalarFilter),
    /// An aggregate at the end of a pipeline in parentheses.
    Aggregate(Aggregate),
    /// `by(..)`: one span set a value.
    By(FieldExpr),
    /// `coalesce()`: all span sets of a trace become one.
    Coalesce,
    /// `select(..)`: adds attributes to the answer.
    Select(Vec<Attribute>),
}

/// An expression that gives span sets.
#[derive(Clone, Debug, PartialEq)]
pub enum SpansetExpr {
    /// `{ .. }`.
    Filter(FieldExpr),
    /// A pipeline in parentheses.
    Pipeline(Pipeline),
    /// Two of them with an operator between.
    Binary {
        /// The operator.
        op: SpansetOp,
        /// The left side.
        lhs: Box<SpansetExpr>,
        /// The right side.
        rhs: Box<SpansetExpr>,
    },
}

/// An operator between span sets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SpansetOp {
    /// `&&`: both sides where both match.
    And,
    /// `||`: either side.
    Or,
    /// A relation in the tree of the trace.
    Structural {
        /// The relation of the right side to the left.
        relation: Relation,
        /// Which spans it gives.
        form: Form,
    },
}

/// What the right side must be to the left.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Relation {
    /// `>`: its child.
    Child,
    /// `<`: its parent.
    Parent,
    /// `>>`: below it.
    Descendant,
    /// `<<`: above it.
    Ancestor,
    /// `~`: another child of its parent.
    Sibling,
}

/// Which spans a structural operator gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Form {
    /// The spans of the right side that stand in the relation.
    Related,
    /// `!`: the spans of the right side that do not.
    Unrelated,
    /// `&`: the spans of both sides that stand in the relation.
    Union,
}

/// `aggregate op literal`, and what else can be parsed there.
#[derive(Clone, Debug, PartialEq)]
pub struct ScalarFilter {
    /// The comparison.
    pub op: BinaryOp,
    /// The left side.
    pub lhs: ScalarExpr,
    /// The right side.
    pub rhs: ScalarExpr,
}

/// An expression with one value a span set.
#[derive(Clone, Debug, PartialEq)]
pub enum ScalarExpr {
    /// An aggregate over the span set.
    Aggregate(Aggregate),
    /// A literal.
    Literal(Value),
    /// A pipeline in parentheses that ends in an aggregate.
    Pipeline(Pipeline),
    /// Arithmetic.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// The left side.
        lhs: Box<ScalarExpr>,
        /// The right side.
        rhs: Box<ScalarExpr>,
    },
}

/// An aggregate over the spans of a span set.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Which.
    pub op: AggregateOp,
    /// Of what; `None` for `count()`.
    pub of: Option<Box<FieldExpr>>,
}

/// An aggregate function.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the functions")]
pub enum AggregateOp {
    Count,
    Avg,
    Min,
    Max,
    Sum,
}

/// An expression with one value a span.
#[derive(Clone, Debug, PartialEq)]
pub enum FieldExpr {
    /// A literal.
    Literal(Value),
    /// An intrinsic or an attribute.
    Attribute(Attribute),
    /// An operator before its operand, or a comparison with `nil`.
    Unary {
        /// The operator.
        op: UnaryOp,
        /// The operand.
        operand: Box<FieldExpr>,
        /// Where it stands.
        at: TextSpan,
    },
    /// Two operands with an operator between.
    Binary {
        /// The operator.
        op: BinaryOp,
        /// The left operand.
        lhs: Box<FieldExpr>,
        /// The right operand.
        rhs: Box<FieldExpr>,
        /// Where it stands.
        at: TextSpan,
    },
}

/// An operator with one operand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UnaryOp {
    /// `-`.
    Negate,
    /// `!`.
    Not,
    /// `!= nil`.
    Exists,
    /// `= nil`.
    NotExists,
}

/// An operator with two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it")]
pub enum BinaryOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Power,
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    Regex,
    NotRegex,
    And,
    Or,
}

impl BinaryOp {
    /// How it is written.
    pub fn symbol(self) -> &'static str {
        match self {
            BinaryOp::Add => "+",
            BinaryOp::Sub => "-",
            BinaryOp::Mul => "*",
            BinaryOp::Div => "/",
            BinaryOp::Mod => "%",
            BinaryOp::Power => "^",
            BinaryOp::Equal => "=",
            BinaryOp::NotEqual => "!=",
            BinaryOp::Less => "<",
            BinaryOp::LessEqual => "<=",
            BinaryOp::Greater => ">",
            BinaryOp::GreaterEqual => ">=",
            BinaryOp::Regex => "=~",
            BinaryOp::NotRegex => "!~",
            BinaryOp::And => "&&",
            BinaryOp::Or => "||",
        }
    }

    /// Whether its result is a truth value.
    pub fn is_boolean(self) -> bool {
        !self.is_arithmetic()
    }

    /// Whether it computes with numbers.
    pub fn is_arithmetic(self) -> bool {
        use BinaryOp::{Add, Div, Mod, Mul, Power, Sub};
        matches!(self, Add | Sub | Mul | Div | Mod | Power)
    }

    /// The operator that says the same with the sides swapped.
    pub fn flipped(self) -> Self {
        match self {
            BinaryOp::Less => BinaryOp::Greater,
            BinaryOp::LessEqual => BinaryOp::GreaterEqual,
            BinaryOp::Greater => BinaryOp::Less,
            BinaryOp::GreaterEqual => BinaryOp::LessEqual,
            other => other,
        }
    }

    /// Whether it takes operands of this type.
    pub fn accepts(self, of: Type) -> bool {
        use BinaryOp::{And, Equal, NotEqual, NotRegex, Or, Regex};
        match of {
            Type::Attribute => true,
            Type::Bool | Type::BoolArray => matches!(self, And | Or | Equal | NotEqual),
            Type::Int | Type::Float | Type::Duration | Type::IntArray | Type::FloatArray => {
                !matches!(self, And | Or | Regex | NotRegex)
            }
            Type::Str | Type::StrArray => self.is_boolean() && !matches!(self, And | Or),
            Type::Nil | Type::Status | Type::Kind => matches!(self, Equal | NotEqual),
        }
    }
}

/// An intrinsic or an attribute, as it is written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Attribute {
    /// `name`, `trace:id`, ...
    Intrinsic(Intrinsic),
    /// `.key`: on the span, else on its resource.
    Unscoped(Arc<str>),
    /// `span.key`, `resource.key`, ...
    Scoped(Scope, Arc<str>),
    /// `parent.key`, `parent.span.key`: it can be parsed, but nothing answers it.
    OfParent(Option<Scope>, Arc<str>),
}

impl Attribute {
    /// The type that a checker can rely on; [`Type::Attribute`] where only the data will tell.
    pub fn implied_type(&self) -> Type {
        let Attribute::Intrinsic(intrinsic) = self else { return Type::Attribute };
        match intrinsic {
            Intrinsic::Duration | Intrinsic::TraceDuration | Intrinsic::EventTimeSinceStart => Type::Duration,
            Intrinsic::ChildCount
            | Intrinsic::NestedSetLeft
            | Intrinsic::NestedSetRight
            | Intrinsic::NestedSetParent => Type::Int,
            Intrinsic::Status => Type::Status,
            Intrinsic::Kind => Type::Kind,
            Intrinsic::Parent => Type::Nil,
            Intrinsic::InstrumentationName
            | Intrinsic::InstrumentationVersion
            | Intrinsic::StartTime
            | Intrinsic::SampleWeight => Type::Attribute,
            Intrinsic::Name
            | Intrinsic::StatusMessage
            | Intrinsic::SpanId
            | Intrinsic::ParentId
            | Intrinsic::TraceId
            | Intrinsic::RootServiceName
            | Intrinsic::RootName
            | Intrinsic::EventName
            | Intrinsic::LinkSpanId
            | Intrinsic::LinkTraceId => Type::Str,
        }
    }

    /// The fields that can hold it, the one that goes first first. Empty for attributes of a parent.
    pub fn fields(&self) -> Vec<Field> {
        match self {
            Attribute::Intrinsic(intrinsic) => vec![Field::Intrinsic(*intrinsic)],
            Attribute::Scoped(scope, key) => vec![Field::Attribute(*scope, Arc::clone(key))],
            Attribute::Unscoped(key) => {
                [Scope::Span, Scope::Resource].map(|scope| Field::Attribute(scope, Arc::clone(key))).to_vec()
            }
            Attribute::OfParent(..) => Vec::new(),
        }
    }

    /// The name under which answers show its values.
    pub fn key(&self) -> &str {
        match self {
            Attribute::Intrinsic(intrinsic) => intrinsic.name(),
            Attribute::Unscoped(key) | Attribute::Scoped(_, key) | Attribute::OfParent(_, key) => key,
        }
    }
}

/// An expression that gives series.
#[derive(Clone, Debug, PartialEq)]
pub struct MetricsExpr {
    /// What gives the series.
    pub source: MetricsSource,
    /// What is done with them, in order.
    pub stages: Vec<SecondStage>,
}

/// Where series come from.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricsSource {
    /// A pipeline that ends in a metrics function.
    Pipeline(Pipeline, MetricsFunction),
    /// Arithmetic between the series of two expressions.
    Binary {
        /// `+`, `-`, `*` or `/`.
        op: BinaryOp,
        /// The left side.
        lhs: Box<MetricsExpr>,
        /// The right side.
        rhs: Box<MetricsExpr>,
    },
}

/// A function from spans to series.
#[derive(Clone, Debug, PartialEq)]
pub enum MetricsFunction {
    /// One number a step and group.
    Over {
        /// The function.
        op: OverTimeOp,
        /// Of what; `None` for `rate` and `count_over_time`.
        of: Option<Attribute>,
        /// The quantiles asked for; empty for other functions.
        quantiles: Vec<f64>,
        /// The group.
        by: Vec<Attribute>,
    },
    /// `compare({..}, n, start, end)`: how attributes are spread among the selected spans and among the others.
    Compare {
        /// Selects.
        selection: FieldExpr,
        /// The most frequent values shown of an attribute.
        top: i64,
        /// Only spans that start after the first and up to the second, in nanoseconds, can be selected; (0, 0) is all.
        window_ns: (i64, i64),
    },
}

/// A function from spans to one number a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are the functions")]
pub enum OverTimeOp {
    Rate,
    Count,
    Min,
    Max,
    Avg,
    Sum,
    Quantile,
    Histogram,
}

impl OverTimeOp {
    /// The function's name.
    pub fn name(self) -> &'static str {
        match self {
            OverTimeOp::Rate => "rate",
            OverTimeOp::Count => "count_over_time",
            OverTimeOp::Min => "min_over_time",
            OverTimeOp::Max => "max_over_time",
            OverTimeOp::Avg => "avg_over_time",
            OverTimeOp::Sum => "sum_over_time",
            OverTimeOp::Quantile => "quantile_over_time",
            OverTimeOp::Histogram => "histogram_over_time",
        }
    }
}

/// A function from series to series.
#[derive(Clone, Debug, PartialEq)]
pub enum SecondStage {
    /// `| topk(n)`.
    TopK(i64),
    /// `| bottomk(n)`.
    BottomK(i64),
    /// `> 5`: drops the points that do not compare so.
    Filter {
        /// The comparison.
        op: BinaryOp,
        /// The bound; durations in seconds.
        value: f64,
    },
    /// `* 100` or `100 *`.
    Scalar {
        /// `+`, `-`, `*` or `/`.
        op: BinaryOp,
        /// The number.
        value: f64,
        /// Whether the number stands on the left.
        scalar_first: bool,
    },
}
