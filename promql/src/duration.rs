//! Durations in a query: literals, and expressions over them such as `[5m * 2]` or `offset -step()`.

use crate::ast::NumberLiteral;
use crate::span::Span;

/// A duration as it was written; evaluated once per query, when step and range are known.
#[derive(Clone, Debug, PartialEq)]
pub enum DurationExpr {
    /// `5m` or a number of seconds, with its sign.
    Literal(NumberLiteral),
    /// `step()`: the step of the query, 0 in an instant query.
    Step(Span),
    /// `range()`: end minus start of the query.
    Range(Span),
    /// A sign before an expression that is no literal.
    Unary(Box<DurationUnary>),
    /// Arithmetic, `min_of` and `max_of`.
    Binary(Box<DurationBinary>),
    /// Parentheses.
    Paren(Box<DurationParen>),
}

/// A sign before a duration expression.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationUnary {
    /// Whether the sign is a minus.
    pub negative: bool,
    /// The operand.
    pub expr: DurationExpr,
    /// Sign and operand.
    pub span: Span,
}

/// A duration expression in parentheses.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationParen {
    /// What stands inside.
    pub expr: DurationExpr,
    /// With the parentheses.
    pub span: Span,
}

/// The operators of duration expressions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "the names say it; as_str gives the sign")]
pub enum DurationOp {
    Add,
    Sub,
    Mul,
    Div,
    Mod,
    Pow,
    MinOf,
    MaxOf,
}

impl DurationOp {
    /// The sign or name in a query.
    pub fn as_str(self) -> &'static str {
        match self {
            DurationOp::Add => "+",
            DurationOp::Sub => "-",
            DurationOp::Mul => "*",
            DurationOp::Div => "/",
            DurationOp::Mod => "%",
            DurationOp::Pow => "^",
            DurationOp::MinOf => "min_of",
            DurationOp::MaxOf => "max_of",
        }
    }
}

/// Two durations and what is made of them.
#[derive(Clone, Debug, PartialEq)]
pub struct DurationBinary {
    /// The operator.
    pub op: DurationOp,
    /// Left operand.
    pub lhs: DurationExpr,
    /// Right operand.
    pub rhs: DurationExpr,
    /// Both operands, and the call around them where there is one.
    pub span: Span,
}

/// What a duration expression may refer to, in milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct DurationContext {
    /// The step of the query; 0 in an instant query.
    pub step_ms: i64,
    /// End minus start of the query.
    pub range_ms: i64,
}

/// Which values a place in the query takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DurationSign {
    /// Ranges and steps are above 0.
    Positive,
    /// Offsets may be anything.
    Any,
}

/// Why a duration expression has no value.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[error("{problem}")]
pub struct DurationError {
    /// What is wrong.
    pub problem: DurationProblem,
    /// The expression without a value.
    pub span: Span,
}

/// The ways in which a duration expression can go wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DurationProblem {
    /// The place needs a duration above 0.
    #[error("duration must be greater than 0")]
    NotPositive,
    /// NaN or an infinity came out.
    #[error("duration is NaN or infinite")]
    NotFinite,
    /// More than 292 years.
    #[error("duration is out of range")]
    OutOfRange,
    /// `/ 0`
    #[error("division by zero")]
    DivisionByZero,
    /// `% 0`
    #[error("modulo by zero")]
    ModuloByZero,
}

/// The largest duration in seconds: what fits an `i64` of nanoseconds, as in the reference.
pub(crate) const DURATION_SECONDS_MAX: f64 = 9_223_372_036.854_775;

impl DurationExpr {
    /// The bytes of the query that the duration was read from.
    pub fn span(&self) -> Span {
        match self {
            DurationExpr::Literal(number) => number.span,
            DurationExpr::Step(span) | DurationExpr::Range(span) => *span,
            DurationExpr::Unary(unary) => unary.span,
            DurationExpr::Binary(binary) => binary.span,
            DurationExpr::Paren(paren) => paren.span,
        }
    }

    /// The value in milliseconds, cut towards zero.
    ///
    /// # Errors
    ///
    /// [`DurationError`] where the value is not finite, does not fit, divides by zero, or has a sign that
    /// the place does not allow.
    ///
    /// ```
    /// use promql::{DurationContext, DurationSign, Expr, ParseOptions};
    ///
    /// let expr = promql::parse("up[2 * step()]", &ParseOptions::all())?;
    /// let Expr::Matrix(selector) = expr else { unreachable!() };
    /// let context = DurationContext { step_ms: 30_000, range_ms: 0 };
    /// assert_eq!(selector.range.evaluate_ms(context, DurationSign::Positive), Ok(60_000));
    /// # Ok::<(), promql::ParseError>(())
    /// ```
    pub fn evaluate_ms(&self, context: DurationContext, sign: DurationSign) -> Result<i64, DurationError> {
        let fail = |problem| Err(DurationError { problem, span: self.span() });
        let seconds = self.seconds(context)?;
        if !seconds.is_finite() {
            return fail(DurationProblem::NotFinite);
        }
        if seconds <= 0.0 && sign == DurationSign::Positive {
            return fail(DurationProblem::NotPositive);
        }
        if seconds.abs() > DURATION_SECONDS_MAX {
            return fail(DurationProblem::OutOfRange);
        }
        Ok(match self {
            // A literal is rounded to nanoseconds first, so that 0.29 s is 290 ms and not 289.
            DurationExpr::Literal(_) => (seconds * 1e9).round() as i64 / 1_000_000,
            _ => (seconds * 1e3) as i64,
        })
    }

    fn seconds(&self, context: DurationContext) -> Result<f64, DurationError> {
        Ok(match self {
            DurationExpr::Literal(number) => number.value,
            DurationExpr::Step(_) => context.step_ms as f64 / 1e3,
            DurationExpr::Range(_) => context.range_ms as f64 / 1e3,
            DurationExpr::Paren(paren) => paren.expr.seconds(context)?,
            DurationExpr::Unary(unary) => {
                let seconds = unary.expr.seconds(context)?;
                if unary.negative { -seconds } else { seconds }
            }
            DurationExpr::Binary(binary) => {
                let lhs = binary.lhs.seconds(context)?;
                let rhs = binary.rhs.seconds(context)?;
                let zero = |problem| DurationError { problem, span: binary.span };
                match binary.op {
                    DurationOp::Add => lhs + rhs,
                    DurationOp::Sub => lhs - rhs,
                    DurationOp::Mul => lhs * rhs,
                    DurationOp::Div if rhs == 0.0 => return Err(zero(DurationProblem::DivisionByZero)),
                    DurationOp::Div => lhs / rhs,
                    DurationOp::Mod if rhs == 0.0 => return Err(zero(DurationProblem::ModuloByZero)),
                    DurationOp::Mod => lhs % rhs,
                    DurationOp::Pow => lhs.powf(rhs),
                    // Unlike `f64::min`, the reference lets NaN win.
                    DurationOp::MinOf | DurationOp::MaxOf if lhs.is_nan() || rhs.is_nan() => f64::NAN,
                    DurationOp::MinOf => lhs.min(rhs),
                    DurationOp::MaxOf => lhs.max(rhs),
                }
            }
        })
    }
}
