//! Trees as text. What is printed parses back to the same tree.
//!
//! The form is the one that Tempo prints, since parts of it are names in answers: `by(resource.service.name)`.

use std::fmt::{self, Display, Formatter, Write};

use super::ast::{
    Aggregate, AggregateOp, Attribute, Body, FieldExpr, Form, Hint, MetricsExpr, MetricsFunction,
    MetricsSource, Pipeline, Query, Relation, ScalarExpr, ScalarFilter, SecondStage, SpansetExpr, SpansetOp,
    Stage, UnaryOp,
};
use super::{Value, number};

/// An attribute key as it stands in a query: as it is, or quoted where it holds a character that would end it.
pub(crate) fn identifier(key: &str) -> String {
    if !key.is_empty() && key.chars().all(|c| is_attribute_char(c) && c != '"') {
        return key.to_owned();
    }
    let mut out = String::with_capacity(key.len() + 2);
    out.push('"');
    for c in key.chars() {
        if matches!(c, '"' | '\\') {
            out.push('\\');
        }
        out.push(c);
    }
    out.push('"');
    out
}

/// Whether an unquoted attribute key goes on with this character.
pub(crate) fn is_attribute_char(c: char) -> bool {
    !c.is_whitespace()
        && !matches!(c, '{' | '}' | '(' | ')' | '=' | '~' | '!' | '<' | '>' | '&' | '|' | '^' | ',')
}

impl Display for Query {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.body {
            Body::Search(pipeline) => write!(f, "{pipeline}")?,
            Body::Metrics(metrics) => write!(f, "{metrics}")?,
        }
        if self.hints.is_empty() {
            return Ok(());
        }
        f.write_str(" with(")?;
        comma_separated(f, &self.hints, ",")?;
        f.write_str(")")
    }
}

impl Display for Hint {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.name, Literal(&self.value))
    }
}

impl Display for Pipeline {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        comma_separated(f, &self.stages, "|")
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Stage::Spansets(spansets) => write!(f, "{spansets}"),
            Stage::ScalarFilter(filter) => write!(f, "{filter}"),
            Stage::Aggregate(aggregate) => write!(f, "{aggregate}"),
            Stage::By(expression) => write!(f, "by({expression})"),
            Stage::Coalesce => f.write_str("coalesce()"),
            Stage::Select(attributes) => {
                f.write_str("select(")?;
                comma_separated(f, attributes, ", ")?;
                f.write_str(")")
            }
        }
    }
}

impl Display for SpansetExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            SpansetExpr::Filter(expression) => write!(f, "{{ {expression} }}"),
            SpansetExpr::Pipeline(pipeline) => write!(f, "{pipeline}"),
            SpansetExpr::Binary { op, lhs, rhs } => write!(f, "({lhs}) {op} ({rhs})"),
        }
    }
}

impl Display for SpansetOp {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let (relation, form) = match self {
            SpansetOp::And => return f.write_str("&&"),
            SpansetOp::Or => return f.write_str("||"),
            SpansetOp::Structural { relation, form } => (relation, form),
        };
        match form {
            Form::Related => {}
            Form::Unrelated => f.write_char('!')?,
            Form::Union => f.write_char('&')?,
        }
        f.write_str(match relation {
            Relation::Child => ">",
            Relation::Parent => "<",
            Relation::Descendant => ">>",
            Relation::Ancestor => "<<",
            Relation::Sibling => "~",
        })
    }
}

impl Display for ScalarFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", Wrapped(&self.lhs), self.op.symbol(), Wrapped(&self.rhs))
    }
}

impl Display for ScalarExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            ScalarExpr::Aggregate(aggregate) => write!(f, "{aggregate}"),
            ScalarExpr::Literal(value) => write!(f, "{}", Literal(value)),
            ScalarExpr::Pipeline(pipeline) => write!(f, "{pipeline}"),
            ScalarExpr::Binary { op, lhs, rhs } => {
                write!(f, "{} {} {}", Wrapped(&**lhs), op.symbol(), Wrapped(&**rhs))
            }
        }
    }
}

impl Display for Aggregate {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.op {
            AggregateOp::Count => "count",
            AggregateOp::Avg => "avg",
            AggregateOp::Min => "min",
            AggregateOp::Max => "max",
            AggregateOp::Sum => "sum",
        })?;
        match &self.of {
            Some(of) => write!(f, "({of})"),
            None => f.write_str("()"),
        }
    }
}

impl Display for FieldExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            FieldExpr::Literal(value) => write!(f, "{}", Literal(value)),
            FieldExpr::Attribute(attribute) => write!(f, "{attribute}"),
            FieldExpr::Unary { op, operand, .. } => match op {
                UnaryOp::Negate => write!(f, "-{}", Wrapped(&**operand)),
                UnaryOp::Not => write!(f, "!{}", Wrapped(&**operand)),
                UnaryOp::Exists => write!(f, "{} != nil", Wrapped(&**operand)),
                UnaryOp::NotExists => write!(f, "{} = nil", Wrapped(&**operand)),
            },
            FieldExpr::Binary { op, lhs, rhs, .. } => {
                write!(f, "{} {} {}", Wrapped(&**lhs), op.symbol(), Wrapped(&**rhs))
            }
        }
    }
}

impl Display for Attribute {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Attribute::Intrinsic(intrinsic) => f.write_str(intrinsic.name()),
            Attribute::Unscoped(key) => write!(f, ".{}", identifier(key)),
            Attribute::Scoped(scope, key) => write!(f, "{}.{}", scope.name(), identifier(key)),
            Attribute::OfParent(None, key) => write!(f, "parent.{}", identifier(key)),
            Attribute::OfParent(Some(scope), key) => write!(f, "parent.{}.{}", scope.name(), identifier(key)),
        }
    }
}

impl Display for MetricsExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut text = match &self.source {
            MetricsSource::Pipeline(pipeline, function) => format!("{pipeline} | {function}"),
            MetricsSource::Binary { op, lhs, rhs } => format!("({lhs}) {} ({rhs})", op.symbol()),
        };
        for stage in &self.stages {
            text = match stage {
                SecondStage::TopK(limit) => format!("{text} | topk({limit})"),
                SecondStage::BottomK(limit) => format!("{text} | bottomk({limit})"),
                SecondStage::Filter { op, value } => {
                    format!("{text} {} {}", op.symbol(), number::float(*value))
                }
                SecondStage::Scalar { op, value, scalar_first: true } => {
                    format!("{} {} ({text})", number::float(*value), op.symbol())
                }
                SecondStage::Scalar { op, value, scalar_first: false } => {
                    format!("({text}) {} {}", op.symbol(), number::float(*value))
                }
            };
        }
        f.write_str(&text)
    }
}

impl Display for MetricsFunction {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            MetricsFunction::Over { op, of, quantiles, by } => {
                write!(f, "{}(", op.name())?;
                if let Some(of) = of {
                    write!(f, "{of}")?;
                }
                for quantile in quantiles {
                    write!(f, ",{}", number::float(*quantile))?;
                }
                f.write_str(")")?;
                if !by.is_empty() {
                    f.write_str("by(")?;
                    comma_separated(f, by, ",")?;
                    f.write_str(")")?;
                }
                Ok(())
            }
            MetricsFunction::Compare { selection, top, window_ns } => {
                write!(f, "compare({{ {selection} }}, {top}")?;
                if *window_ns != (0, 0) {
                    write!(f, ", {}, {}", window_ns.0, window_ns.1)?;
                }
                f.write_str(")")
            }
        }
    }
}

fn comma_separated<T: Display>(f: &mut Formatter<'_>, items: &[T], separator: &str) -> fmt::Result {
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            f.write_str(separator)?;
        }
        write!(f, "{item}")?;
    }
    Ok(())
}

/// A literal as it stands in a query.
pub(crate) struct Literal<'a>(pub(crate) &'a Value);

impl Display for Literal<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            Value::Str(text) if text.contains(['`', '\r']) => write_quoted(f, text),
            Value::Str(text) => write!(f, "`{text}`"),
            Value::Int(i64::MIN) => f.write_str("minInt"),
            other => write!(f, "{other}"),
        }
    }
}

fn write_quoted(f: &mut Formatter<'_>, text: &str) -> fmt::Result {
    f.write_char('"')?;
    for c in text.chars() {
        match c {
            '"' | '\\' => write!(f, "\\{c}")?,
            '\n' => f.write_str("\\n")?,
            '\r' => f.write_str("\\r")?,
            '\0' => f.write_str("\\x00")?,
            other => f.write_char(other)?,
        }
    }
    f.write_char('"')
}

/// An operand in its parentheses, which literals and attributes do without.
struct Wrapped<'a, T>(&'a T);

/// What needs no parentheses as an operand.
trait Operand {
    fn is_atom(&self) -> bool;
}

impl Operand for FieldExpr {
    fn is_atom(&self) -> bool {
        matches!(self, FieldExpr::Literal(_) | FieldExpr::Attribute(_))
    }
}

impl Operand for ScalarExpr {
    fn is_atom(&self) -> bool {
        matches!(self, ScalarExpr::Literal(_))
    }
}

impl<T: Operand + Display> Display for Wrapped<'_, T> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.0.is_atom() { write!(f, "{}", self.0) } else { write!(f, "({})", self.0) }
    }
}
