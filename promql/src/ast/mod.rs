//! The syntax tree of a query: typed nodes, each with the bytes of the query that it was read from.
//!
//! A tree that [`crate::parse`] returns is well-typed: arities and types of arguments have been checked, set operators
//! are many-to-many, a selector has a matcher that refuses the empty set. An [`Expr`] takes 40 bytes; a node of its
//! own allocation 60 to 200 bytes, so that `sum by (job) (rate(http_requests_total[5m]))` is about 700 bytes in all.

mod operators;

use bedrock::labels::{METRIC_NAME, MatchOp, Matcher};

use crate::duration::DurationExpr;
use crate::signature::Function;
use crate::span::Span;

pub use operators::{AggregateOp, BinaryOp};

/// What an expression evaluates to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ValueType {
    /// One number without labels.
    Scalar,
    /// A set of series with one value each at every evaluation time.
    Vector,
    /// A set of series with a window of samples each.
    Matrix,
    /// A text.
    String,
}

impl ValueType {
    /// The words that PromQL's documentation uses.
    pub fn as_str(self) -> &'static str {
        match self {
            ValueType::Scalar => "scalar",
            ValueType::Vector => "instant vector",
            ValueType::Matrix => "range vector",
            ValueType::String => "string",
        }
    }
}

/// One expression.
#[derive(Clone, Debug, PartialEq)]
pub enum Expr {
    /// `5`, `0x1F`, `1h30m`, `Inf`
    Number(NumberLiteral),
    /// `"text"`
    String(StringLiteral),
    /// `up{job="api"} @ end() offset 5m`
    Vector(Box<VectorSelector>),
    /// `up{job="api"}[5m]`
    Matrix(Box<MatrixSelector>),
    /// `rate(up[1m])[30m:1m]`
    Subquery(Box<Subquery>),
    /// `rate(up[1m])`
    Call(Box<Call>),
    /// `sum by (job) (up)`
    Aggregate(Box<Aggregate>),
    /// `a / on (job) group_left b`
    Binary(Box<Binary>),
    /// `-a`
    Unary(Box<Unary>),
    /// `(a)`
    Paren(Box<Paren>),
}

/// Trees are copied and moved while they are read: a variant that is large goes into a box.
const _: () = assert!(size_of::<Expr>() <= 40);

/// A number. A duration such as `5m` is its number of seconds.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NumberLiteral {
    /// The value; a sign before the literal is part of it.
    pub value: f64,
    /// Whether it was written as a duration, which the printer keeps.
    pub is_duration: bool,
    /// Where it stands, with its sign.
    pub span: Span,
}

/// A text in quotes.
#[derive(Clone, Debug, PartialEq)]
pub struct StringLiteral {
    /// The text without quotes and escapes.
    pub value: String,
    /// Whether the escapes gave UTF-8; bytes that are none stand as U+FFFD in `value`.
    pub is_utf8: bool,
    /// Where it stands, with its quotes.
    pub span: Span,
}

/// The time that `@` fixes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum At {
    /// A Unix timestamp in milliseconds.
    Timestamp(i64),
    /// `start()`: the first evaluation time of the query.
    Start,
    /// `end()`: the last evaluation time of the query.
    End,
}

/// How a range selector treats the ends of its window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Boundary {
    /// The samples in `(t - range, t]`, as they are.
    #[default]
    Plain,
    /// `anchored`: the value at the left end is the last one at or before it.
    Anchored,
    /// `smoothed`: the values at both ends are interpolated.
    Smoothed,
}

/// `@` and `offset` of a selector or subquery. The offset applies after `@`, in whatever order they were written.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct TimeModifiers {
    /// The fixed time.
    pub at: Option<At>,
    /// How far back in time to look; negative looks forward.
    pub offset: Option<DurationExpr>,
}

/// Selects series by their labels.
#[derive(Clone, Debug, PartialEq)]
pub struct VectorSelector {
    /// The metric name that was written before the braces. A name inside the braces is a matcher.
    pub name: Option<Box<str>>,
    /// The matchers inside the braces, in the order in which they were written, without that of `name`.
    pub matchers: Vec<Matcher>,
    /// `@` and `offset`; a range selector keeps its own here too.
    pub modifiers: TimeModifiers,
    /// `anchored` or `smoothed`; a range selector keeps its own here too.
    pub boundary: Boundary,
    /// Name, braces and modifiers. The selector in a range selector ends before its bracket.
    pub span: Span,
}

impl VectorSelector {
    /// All matchers, that of the metric name included. Clones share compiled expressions.
    pub fn all_matchers(&self) -> Vec<Matcher> {
        let name = self.name.as_deref().map(|name| {
            // An equality matcher compiles nothing, so it cannot fail.
            Matcher::new(MatchOp::Equal, METRIC_NAME, name).ok()
        });
        self.matchers.iter().cloned().chain(name.flatten()).collect()
    }
}

/// Selects a window of samples before every evaluation time.
#[derive(Clone, Debug, PartialEq)]
pub struct MatrixSelector {
    /// Which series, with `@`, `offset`, `anchored` and `smoothed`.
    pub selector: VectorSelector,
    /// The width of the window.
    pub range: DurationExpr,
    /// The selector, its bracket and its modifiers.
    pub span: Span,
}

/// Evaluates an expression at the steps of a window.
#[derive(Clone, Debug, PartialEq)]
pub struct Subquery {
    /// What to evaluate.
    pub expr: Expr,
    /// The width of the window.
    pub range: DurationExpr,
    /// The step; without one the engine's default step.
    pub step: Option<DurationExpr>,
    /// `@` and `offset`.
    pub modifiers: TimeModifiers,
    /// The expression, the bracket and the modifiers.
    pub span: Span,
}

/// A function call.
#[derive(Clone, Debug, PartialEq)]
pub struct Call {
    /// The function.
    pub function: &'static Function,
    /// The arguments as written; optional ones may be missing.
    pub args: Vec<Expr>,
    /// From the name to the closing parenthesis.
    pub span: Span,
}

/// Aggregates the series of a vector into groups.
#[derive(Clone, Debug, PartialEq)]
pub struct Aggregate {
    /// Which aggregation.
    pub op: AggregateOp,
    /// The parameter where [`AggregateOp::param_type`] asks for one.
    pub param: Option<Expr>,
    /// What is aggregated.
    pub expr: Expr,
    /// Label names after `by` or `without`, as written.
    pub grouping: Vec<Box<str>>,
    /// Whether `grouping` names the labels to drop rather than those to keep.
    pub without: bool,
    /// From the name to the last parenthesis.
    pub span: Span,
}

/// How many series of each side may meet in one match group.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Cardinality {
    /// One of each side.
    #[default]
    OneToOne,
    /// `group_left`: many of the left side meet one of the right.
    ManyToOne,
    /// `group_right`: one of the left side meets many of the right.
    OneToMany,
    /// Set operators.
    ManyToMany,
}

/// How the series of two vectors find each other. Where an operand is a scalar it is the default and has no meaning.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct VectorMatching {
    /// How many may meet.
    pub cardinality: Cardinality,
    /// Whether `labels` are those that must be equal (`on`) rather than those that do not count (`ignoring`).
    pub on: bool,
    /// The labels after `on` or `ignoring`.
    pub labels: Vec<Box<str>>,
    /// The labels after `group_left` or `group_right`: copied from the side of the one.
    pub include: Vec<Box<str>>,
    /// Value for a series that is missing on the left side.
    pub fill_left: Option<f64>,
    /// Value for a series that is missing on the right side.
    pub fill_right: Option<f64>,
}

/// An operator between two operands.
#[derive(Clone, Debug, PartialEq)]
pub struct Binary {
    /// The operator.
    pub op: BinaryOp,
    /// Left operand.
    pub lhs: Expr,
    /// Right operand.
    pub rhs: Expr,
    /// How vectors meet.
    pub matching: VectorMatching,
    /// `bool`: a comparison gives 0 or 1 instead of filtering.
    pub return_bool: bool,
    /// The sign of the operator.
    pub op_span: Span,
}

/// `+` or `-` before an operand that is no number.
#[derive(Clone, Debug, PartialEq)]
pub struct Unary {
    /// Whether the sign is a minus.
    pub negative: bool,
    /// The operand: a scalar or an instant vector.
    pub expr: Expr,
    /// Sign and operand.
    pub span: Span,
}

/// An expression in parentheses.
#[derive(Clone, Debug, PartialEq)]
pub struct Paren {
    /// What stands inside.
    pub expr: Expr,
    /// With the parentheses.
    pub span: Span,
}

impl Expr {
    /// The bytes of the query that the expression was read from.
    pub fn span(&self) -> Span {
        match self {
            Expr::Number(number) => number.span,
            Expr::String(string) => string.span,
            Expr::Vector(selector) => selector.span,
            Expr::Matrix(selector) => selector.span,
            Expr::Subquery(subquery) => subquery.span,
            Expr::Call(call) => call.span,
            Expr::Aggregate(aggregate) => aggregate.span,
            Expr::Binary(binary) => binary.lhs.span().to(binary.rhs.span()),
            Expr::Unary(unary) => unary.span,
            Expr::Paren(paren) => paren.span,
        }
    }

    /// What the expression evaluates to. O(depth).
    pub fn value_type(&self) -> ValueType {
        match self {
            Expr::Number(_) => ValueType::Scalar,
            Expr::String(_) => ValueType::String,
            Expr::Vector(_) | Expr::Aggregate(_) => ValueType::Vector,
            Expr::Matrix(_) | Expr::Subquery(_) => ValueType::Matrix,
            Expr::Call(call) => call.function.returns,
            Expr::Unary(unary) => unary.expr.value_type(),
            Expr::Paren(paren) => paren.expr.value_type(),
            Expr::Binary(binary) => match (binary.lhs.value_type(), binary.rhs.value_type()) {
                (ValueType::Scalar, ValueType::Scalar) => ValueType::Scalar,
                _ => ValueType::Vector,
            },
        }
    }

    /// The expression inside all parentheses around it.
    pub fn unparen(&self) -> &Expr {
        let mut expr = self;
        while let Expr::Paren(paren) = expr {
            expr = &paren.expr;
        }
        expr
    }

    /// The expressions directly below, in the order of the query; the parameter of an aggregation comes last.
    /// A range selector has none: its selector is part of it.
    pub fn children(&self) -> impl Iterator<Item = &Expr> {
        let (one, two, many): (Option<&Expr>, Option<&Expr>, &[Expr]) = match self {
            Expr::Number(_) | Expr::String(_) | Expr::Vector(_) | Expr::Matrix(_) => (None, None, &[]),
            Expr::Subquery(subquery) => (Some(&subquery.expr), None, &[]),
            Expr::Call(call) => (None, None, &call.args),
            Expr::Aggregate(aggregate) => (Some(&aggregate.expr), aggregate.param.as_ref(), &[]),
            Expr::Binary(binary) => (Some(&binary.lhs), Some(&binary.rhs), &[]),
            Expr::Unary(unary) => (Some(&unary.expr), None, &[]),
            Expr::Paren(paren) => (Some(&paren.expr), None, &[]),
        };
        one.into_iter().chain(two).chain(many)
    }

    /// Calls `visit` with this expression and every one below it, parents first.
    pub fn walk<'a>(&'a self, visit: &mut impl FnMut(&'a Expr)) {
        visit(self);
        for child in self.children() {
            child.walk(visit);
        }
    }
}
