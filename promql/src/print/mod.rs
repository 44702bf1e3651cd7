//! Syntax tree to text: one line, or [`pretty`] over many. What is printed parses back to the same tree.

mod pretty;
mod words;

use std::fmt::{self, Display, Formatter};

use bedrock::time::format_duration_ms;

use crate::ast::{
    Aggregate, At, Binary, Boundary, Cardinality, Expr, MatrixSelector, NumberLiteral, Subquery,
    TimeModifiers, VectorMatching, VectorSelector,
};
use crate::duration::{DurationExpr, DurationOp};
use words::{Labels, MatcherText, Quoted};

pub use pretty::pretty;

impl Display for Expr {
    /// Writes the expression on one line, as Prometheus does.
    ///
    /// ```
    /// let expr = promql::parse("sum(rate(up[ 5m ]))by(job)>1e3", &promql::ParseOptions::default())?;
    /// assert_eq!(expr.to_string(), "sum by (job) (rate(up[5m])) > 1000");
    /// # Ok::<(), promql::ParseError>(())
    /// ```
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Number(number) => number.fmt(f),
            Expr::String(string) => Quoted(&string.value).fmt(f),
            Expr::Vector(selector) => selector.fmt(f),
            Expr::Matrix(matrix) => matrix.fmt(f),
            Expr::Subquery(subquery) => subquery.fmt(f),
            Expr::Aggregate(aggregate) => {
                write!(f, "{}(", AggregateHead(aggregate))?;
                if let Some(param) = &aggregate.param {
                    write!(f, "{param}, ")?;
                }
                write!(f, "{})", aggregate.expr)
            }
            Expr::Binary(binary) => write!(f, "{} {} {}", binary.lhs, BinaryHead(binary), binary.rhs),
            Expr::Unary(unary) => write!(f, "{}{}", if unary.negative { "-" } else { "+" }, unary.expr),
            Expr::Paren(paren) => write!(f, "({})", paren.expr),
            Expr::Call(call) => {
                write!(f, "{}(", call.function.name)?;
                for (index, arg) in call.args.iter().enumerate() {
                    write!(f, "{}{arg}", if index == 0 { "" } else { ", " })?;
                }
                f.write_str(")")
            }
        }
    }
}

impl Display for NumberLiteral {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.is_duration {
            return f.write_str(&format_duration_ms((self.value * 1e3).round() as i64));
        }
        words::write_number(f, self.value)
    }
}

impl Display for VectorSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let boundary = BoundaryText(self.boundary);
        if offset_comes_first(&self.modifiers) {
            write!(f, "{}{}", SelectorHead(self), OffsetText(&self.modifiers))?;
            return write!(f, "{}{boundary}", AtText(&self.modifiers));
        }
        write!(f, "{}{}{boundary}", SelectorHead(self), AtText(&self.modifiers))?;
        OffsetText(&self.modifiers).fmt(f)
    }
}

impl Display for MatrixSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let MatrixSelector { selector, range, .. } = self;
        let boundary = BoundaryText(selector.boundary);
        write!(f, "{}[{range}]", SelectorHead(selector))?;
        if offset_comes_first(&selector.modifiers) {
            return write!(f, "{}{boundary}", ModifiersText(&selector.modifiers));
        }
        write!(f, "{boundary}{}", ModifiersText(&selector.modifiers))
    }
}

impl Display for Subquery {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.expr, SubqueryTail(self))
    }
}

impl Display for DurationExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            DurationExpr::Literal(number) => number.fmt(f),
            DurationExpr::Step(_) => f.write_str("step()"),
            DurationExpr::Range(_) => f.write_str("range()"),
            DurationExpr::Paren(paren) => write!(f, "({})", paren.expr),
            DurationExpr::Unary(unary) => {
                write!(f, "{}{}", if unary.negative { "-" } else { "+" }, unary.expr)
            }
            DurationExpr::Binary(binary) => {
                let (op, lhs, rhs) = (binary.op, &binary.lhs, &binary.rhs);
                match op {
                    DurationOp::MinOf | DurationOp::MaxOf => write!(f, "{}({lhs}, {rhs})", op.as_str()),
                    _ => write!(f, "{lhs} {} {rhs}", op.as_str()),
                }
            }
        }
    }
}

/// Name and braces.
struct SelectorHead<'a>(&'a VectorSelector);

impl Display for SelectorHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if let Some(name) = &self.0.name {
            f.write_str(name)?;
        }
        if self.0.matchers.is_empty() && self.0.name.is_some() {
            return Ok(());
        }
        f.write_str("{")?;
        for (index, matcher) in self.0.matchers.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { "," }, MatcherText(matcher))?;
        }
        f.write_str("}")
    }
}

/// ` @ time`, or nothing.
struct AtText<'a>(&'a TimeModifiers);

impl Display for AtText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0.at {
            None => Ok(()),
            Some(At::Start) => f.write_str(" @ start()"),
            Some(At::End) => f.write_str(" @ end()"),
            Some(At::Timestamp(ms)) => {
                let sign = if ms < 0 { "-" } else { "" };
                let ms = ms.unsigned_abs();
                write!(f, " @ {sign}{}.{:03}", ms / 1000, ms % 1000)
            }
        }
    }
}

/// ` offset duration`, or nothing.
struct OffsetText<'a>(&'a TimeModifiers);

impl Display for OffsetText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.0.offset {
            Some(offset) => write!(f, " offset {offset}"),
            None => Ok(()),
        }
    }
}

/// `@` and `offset`, in the order in which they read back.
struct ModifiersText<'a>(&'a TimeModifiers);

impl Display for ModifiersText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if offset_comes_first(self.0) {
            write!(f, "{}{}", OffsetText(self.0), AtText(self.0))
        } else {
            write!(f, "{}{}", AtText(self.0), OffsetText(self.0))
        }
    }
}

/// Whether an operator behind the offset would be read as part of it: `a offset (5m) / 2` offsets by `(5m) / 2`. Where
/// such an offset is followed by an operator, another modifier stood between, and has to again.
fn offset_comes_first(modifiers: &TimeModifiers) -> bool {
    let mut first = modifiers.offset.as_ref();
    while let Some(DurationExpr::Binary(binary)) = first {
        first = Some(&binary.lhs).filter(|_| !matches!(binary.op, DurationOp::MinOf | DurationOp::MaxOf));
    }
    matches!(first, Some(DurationExpr::Paren(_)))
}

struct BoundaryText(Boundary);

impl Display for BoundaryText {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Boundary::Plain => "",
            Boundary::Anchored => " anchored",
            Boundary::Smoothed => " smoothed",
        })
    }
}

/// Bracket and modifiers.
struct SubqueryTail<'a>(&'a Subquery);

impl Display for SubqueryTail<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "[{}:", self.0.range)?;
        if let Some(step) = &self.0.step {
            step.fmt(f)?;
        }
        write!(f, "]{}", ModifiersText(&self.0.modifiers))
    }
}

/// Name and grouping.
struct AggregateHead<'a>(&'a Aggregate);

impl Display for AggregateHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.op.as_str())?;
        let word = match (self.0.without, self.0.grouping.is_empty()) {
            (true, _) => "without",
            (false, false) => "by",
            (false, true) => return Ok(()),
        };
        write!(f, " {word} ({}) ", Labels(&self.0.grouping))
    }
}

/// Operator, `bool` and matching.
struct BinaryHead<'a>(&'a Binary);

impl Display for BinaryHead<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Binary { op, return_bool, matching, .. } = self.0;
        write!(f, "{}{}", op.as_str(), if *return_bool { " bool" } else { "" })?;
        let VectorMatching { cardinality, on, labels, include, fill_left, fill_right } = matching;
        let group = match cardinality {
            Cardinality::OneToOne | Cardinality::ManyToMany => None,
            Cardinality::ManyToOne => Some("group_left"),
            Cardinality::OneToMany => Some("group_right"),
        };
        if *on || !labels.is_empty() || group.is_some() {
            write!(f, " {} ({})", if *on { "on" } else { "ignoring" }, Labels(labels))?;
        }
        if let Some(group) = group {
            write!(f, " {group} ({})", Labels(include))?;
        }
        match (fill_left, fill_right) {
            (Some(left), Some(right)) if left.to_bits() == right.to_bits() => write_fill(f, "fill", *left),
            _ => {
                for (word, value) in [("fill_left", fill_left), ("fill_right", fill_right)] {
                    if let Some(value) = value {
                        write_fill(f, word, *value)?;
                    }
                }
                Ok(())
            }
        }
    }
}

fn write_fill(f: &mut Formatter<'_>, word: &str, value: f64) -> fmt::Result {
    write!(f, " {word} (")?;
    words::write_number(f, value)?;
    f.write_str(")")
}

#[cfg(test)]
mod tests;
