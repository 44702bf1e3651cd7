//! What a half-written query says about the spans whose tags are wanted.
//!
//! While someone types, the query behind the cursor is often broken: `{ .foo = "bar" && name = }`. A comparison
//! without a right side counts as true, braces are closed, stages after the filter are dropped. What is left is cut
//! into alternatives of simple comparisons; where an alternative holds nothing, every span will do.

use crate::traceql::ast::{Attribute, BinaryOp, Body, FieldExpr, SpansetExpr, Stage, TextSpan, UnaryOp};
use crate::traceql::{self, Value};

/// The most alternatives that are told apart.
const ALTERNATIVES_MAX: usize = 100;

/// Comparisons that must hold together.
pub(super) type Alternative = Vec<FieldExpr>;

/// The alternatives of a query; `None` where it says nothing.
pub(super) fn alternatives(query: &str) -> Option<Vec<Alternative>> {
    let query = query.trim();
    if query.is_empty() {
        return None;
    }
    let tree = parsed(query).or_else(|| parsed(&completed(query)))?;
    let Body::Search(pipeline) = tree.body else { return None };
    let Some(Stage::Spansets(SpansetExpr::Filter(expr))) = pipeline.stages.into_iter().next() else {
        return None;
    };
    let groups = split(&expr)?;
    if groups.iter().any(Vec::is_empty) { None } else { Some(groups) }
}

fn parsed(query: &str) -> Option<traceql::ast::Query> {
    // The filter alone counts, also where what follows it gives series.
    let whole = traceql::parse(query).ok().filter(|tree| traceql::check(tree).is_ok());
    match whole {
        Some(tree) if matches!(tree.body, Body::Search(_)) => Some(tree),
        _ => {
            let filter = query.get(..=closing_brace(query)?)?;
            traceql::parse(filter).ok().filter(|tree| traceql::check(tree).is_ok())
        }
    }
}

/// The end of the first filter.
fn closing_brace(query: &str) -> Option<usize> {
    outside_quotes(query).find(|(_, c)| *c == '}').map(|(at, _)| at)
}

/// The characters that do not stand in quotes.
fn outside_quotes(query: &str) -> impl Iterator<Item = (usize, char)> {
    let mut quote = None;
    let mut escaped = false;
    query.char_indices().filter(move |(_, c)| {
        let inside = quote.is_some();
        match quote {
            Some(_) if escaped => escaped = false,
            Some('"') if *c == '\\' => escaped = true,
            Some(open) if *c == open => quote = None,
            Some(_) => {}
            None if matches!(c, '"' | '`') => quote = Some(*c),
            None => {}
        }
        !inside && quote.is_none()
    })
}

/// The query with a literal in the place of every missing right side, and with closed braces.
fn completed(query: &str) -> String {
    let mut out = String::with_capacity(query.len() + 8);
    let outside: Vec<(usize, char)> = outside_quotes(query).collect();
    let is_outside = |at: usize| outside.binary_search_by_key(&at, |(at, _)| *at).is_ok();
    let mut open = 0i32;
    let mut term = 0;
    for (at, c) in query.char_indices() {
        let ends_term = matches!(c, '}' | ')')
            || query.get(at..).is_some_and(|rest| rest.starts_with("&&") || rest.starts_with("||"));
        if is_outside(at) && ends_term {
            complete_term(&mut out, term);
        }
        out.push(c);
        if is_outside(at) {
            open += i32::from(c == '{') - i32::from(c == '}');
            if matches!(c, '{' | '(' | '&' | '|' | '!') {
                term = out.len();
            }
        }
    }
    if open > 0 {
        complete_term(&mut out, term);
        out.push_str(" }");
    }
    out
}

/// Puts `true` in the place of a comparison that lacks its right side.
fn complete_term(out: &mut String, term: usize) {
    let text = out.get(term..).unwrap_or_default().trim_end();
    if text.ends_with(['=', '<', '>', '~']) && !text.trim_start().starts_with('=') {
        out.truncate(term);
        out.push_str(" true ");
    }
}

/// Alternatives of simple comparisons; `None` where there are too many.
fn split(expr: &FieldExpr) -> Option<Vec<Alternative>> {
    match expr {
        FieldExpr::Binary { op: BinaryOp::Or, lhs, rhs, .. } => {
            let mut groups = split(lhs)?;
            groups.extend(split(rhs)?);
            (groups.len() <= ALTERNATIVES_MAX).then_some(groups)
        }
        FieldExpr::Binary { op: BinaryOp::And, lhs, rhs, .. } => {
            let (left, right) = (split(lhs)?, split(rhs)?);
            if left.len() * right.len() > ALTERNATIVES_MAX {
                return None;
            }
            let pair = |l: &Alternative| {
                right.iter().map(|r| l.iter().chain(r).cloned().collect()).collect::<Vec<_>>()
            };
            Some(left.iter().flat_map(pair).collect())
        }
        FieldExpr::Binary { lhs, rhs, .. } => match (&**lhs, &**rhs) {
            (FieldExpr::Attribute(_), FieldExpr::Literal(_))
            | (FieldExpr::Literal(_), FieldExpr::Attribute(_)) => Some(vec![vec![expr.clone()]]),
            _ => Some(vec![Vec::new()]),
        },
        FieldExpr::Unary { op: UnaryOp::Exists | UnaryOp::NotExists, operand, .. } => match &**operand {
            FieldExpr::Attribute(_) => Some(vec![vec![expr.clone()]]),
            _ => Some(vec![Vec::new()]),
        },
        _ => Some(vec![Vec::new()]),
    }
}

/// What the alternatives say once comparisons of the wanted attribute itself are taken out.
pub(super) struct About {
    /// Literals that the attribute must equal in some alternative: they are the answer of that alternative.
    pub(super) literals: Vec<Value>,
    /// What a span must fulfil in the others; `None` where there is no other.
    pub(super) condition: Option<FieldExpr>,
}

/// Takes the comparisons of the wanted attribute out of the alternatives.
pub(super) fn about(alternatives: Vec<Alternative>, wanted: &Attribute) -> About {
    let mut about = About { literals: Vec::new(), condition: None };
    for alternative in alternatives {
        let equals = alternative.iter().find_map(|part| match compared(part) {
            Some((attribute, BinaryOp::Equal, literal)) if attribute == wanted => Some(literal.clone()),
            _ => None,
        });
        if let Some(literal) = equals {
            about.literals.push(literal);
            continue;
        }
        let others = alternative.into_iter().filter(|part| match compared(part) {
            Some((attribute, _, _)) => attribute != wanted,
            None => true,
        });
        let condition = joined(BinaryOp::And, others);
        about.condition =
            joined(BinaryOp::Or, about.condition.into_iter().chain([condition_or_true(condition)]));
    }
    about
}

/// Whether a comparison is with an attribute without scope.
pub(super) fn names_unscoped(alternatives: &[Alternative]) -> bool {
    let unscoped = |part: &FieldExpr| match part {
        FieldExpr::Unary { operand, .. } => {
            matches!(&**operand, FieldExpr::Attribute(Attribute::Unscoped(_)))
        }
        part => compared(part).is_some_and(|(attribute, _, _)| matches!(attribute, Attribute::Unscoped(_))),
    };
    alternatives.iter().flatten().any(unscoped)
}

/// What a span must fulfil.
pub(super) fn condition(alternatives: Vec<Alternative>) -> FieldExpr {
    let parts =
        alternatives.into_iter().map(|alternative| condition_or_true(joined(BinaryOp::And, alternative)));
    condition_or_true(joined(BinaryOp::Or, parts))
}

fn condition_or_true(condition: Option<FieldExpr>) -> FieldExpr {
    condition.unwrap_or(FieldExpr::Literal(Value::Bool(true)))
}

fn compared(part: &FieldExpr) -> Option<(&Attribute, BinaryOp, &Value)> {
    let FieldExpr::Binary { op, lhs, rhs, .. } = part else { return None };
    match (&**lhs, &**rhs) {
        (FieldExpr::Attribute(attribute), FieldExpr::Literal(literal)) => Some((attribute, *op, literal)),
        (FieldExpr::Literal(literal), FieldExpr::Attribute(attribute)) => {
            Some((attribute, op.flipped(), literal))
        }
        _ => None,
    }
}

fn joined(op: BinaryOp, parts: impl IntoIterator<Item = FieldExpr>) -> Option<FieldExpr> {
    parts.into_iter().reduce(|lhs, rhs| FieldExpr::Binary {
        op,
        lhs: Box::new(lhs),
        rhs: Box::new(rhs),
        at: TextSpan::default(),
    })
}
