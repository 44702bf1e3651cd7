//! Queries over many lines: what fits a line stays on it, the rest is indented by two blanks a level.

use std::fmt::Write;

use crate::ast::Expr;
use crate::print::{AggregateHead, BinaryHead, SubqueryTail};

/// The longest line that is left whole, without its indent, in characters.
const LINE_MAX: usize = 100;
/// Blanks of one level.
const INDENT: &str = "  ";

/// Formats a query for people: expressions of up to 100 characters stay on one line, longer ones are broken at their
/// operators and arguments. The text parses back to the same tree. O(length * depth).
///
/// ```
/// let query = r#"sum by (job) (rate(http_requests_total{code=~"5..", cluster="europe-west"}[5m]))
///                / sum by (job) (rate(http_requests_total{cluster="europe-west"}[5m]))"#;
/// let expr = promql::parse(query, &promql::ParseOptions::default())?;
/// assert_eq!(
///     promql::pretty(&expr),
///     r#"  sum by (job) (rate(http_requests_total{code=~"5..",cluster="europe-west"}[5m]))
/// /
///   sum by (job) (rate(http_requests_total{cluster="europe-west"}[5m]))"#
/// );
/// # Ok::<(), promql::ParseError>(())
/// ```
pub fn pretty(expr: &Expr) -> String {
    let mut out = String::new();
    write_pretty(&mut out, expr, 0);
    out
}

fn write_pretty(out: &mut String, expr: &Expr, level: usize) {
    let line = expr.to_string();
    if line.chars().count() <= LINE_MAX {
        indent(out, level);
        out.push_str(&line);
        return;
    }
    match expr {
        Expr::Binary(binary) => {
            write_pretty(out, &binary.lhs, level + 1);
            out.push('\n');
            indent(out, level);
            append(out, format_args!("{}\n", BinaryHead(binary)));
            write_pretty(out, &binary.rhs, level + 1);
        }
        Expr::Aggregate(aggregate) => {
            indent(out, level);
            append(out, format_args!("{}", AggregateHead(aggregate)));
            let args = aggregate.param.iter().chain([&aggregate.expr]);
            write_args(out, args, level);
        }
        Expr::Call(call) => {
            indent(out, level);
            out.push_str(call.function.name);
            write_args(out, call.args.iter(), level);
        }
        Expr::Paren(paren) => {
            indent(out, level);
            write_args(out, [&paren.expr].into_iter(), level);
        }
        Expr::Unary(unary) => {
            indent(out, level);
            out.push(if unary.negative { '-' } else { '+' });
            let mut operand = String::new();
            write_pretty(&mut operand, &unary.expr, level);
            out.push_str(operand.trim_start());
        }
        Expr::Subquery(subquery) => {
            write_pretty(out, &subquery.expr, level);
            append(out, format_args!("{}", SubqueryTail(subquery)));
        }
        Expr::Number(_) | Expr::String(_) | Expr::Vector(_) | Expr::Matrix(_) => {
            indent(out, level);
            out.push_str(&line);
        }
    }
}

/// Arguments in parentheses, each on lines of its own.
fn write_args<'a>(out: &mut String, args: impl Iterator<Item = &'a Expr>, level: usize) {
    out.push_str("(\n");
    for (index, arg) in args.enumerate() {
        if index > 0 {
            out.push_str(",\n");
        }
        write_pretty(out, arg, level + 1);
    }
    out.push('\n');
    indent(out, level);
    out.push(')');
}

fn indent(out: &mut String, level: usize) {
    out.extend(std::iter::repeat_n(INDENT, level));
}

fn append(out: &mut String, text: std::fmt::Arguments<'_>) {
    // Writing to a string cannot fail.
    let _ = out.write_fmt(text);
}
