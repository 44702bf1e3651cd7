//! Expressions ready to run: fields resolved, patterns compiled.

use std::sync::Arc;

use super::pools::{Pool, Pools};
use crate::field::{Field, Scope};
use crate::traceql::Value;
use crate::traceql::ast::{Attribute, BinaryOp, FieldExpr, UnaryOp};
use crate::traceql::error::QueryError;
use crate::traceql::ops;
use crate::traceql::regex::Pattern;

/// An expression over the fields of a span.
#[derive(Debug)]
pub(super) enum Expr {
    Literal(Value),
    /// A field, or two where the first that has a value goes.
    Fields(Vec<Field>),
    Negate(Box<Expr>),
    Not(Box<Expr>),
    /// `!= nil` and, where not `wanted`, `= nil`.
    Exists {
        operand: Box<Expr>,
        wanted: bool,
    },
    /// A comparison with an attribute without scope: its two fields and the literal, the attribute on the left.
    Unscoped {
        fields: [Field; 2],
        test: Test,
        handed: [Handed; 2],
    },
    /// An operand and what it is compared with.
    Test {
        operand: Box<Expr>,
        test: Test,
        handed: Handed,
    },
    Binary {
        op: BinaryOp,
        lhs: Box<Expr>,
        rhs: Box<Expr>,
    },
    And(Vec<Expr>),
}

/// What a value is compared with, decided once for all spans. The value stands on the left.
#[derive(Clone, Debug)]
pub(super) enum Test {
    Literal { op: BinaryOp, literal: Value },
    Regex { pattern: Pattern, wanted: bool },
}

impl Test {
    /// The test that `value op literal` asks for; `None` where it is no comparison.
    pub(super) fn new(op: BinaryOp, literal: &Value) -> Result<Option<Self>, QueryError> {
        match literal {
            Value::Str(pattern) if matches!(op, BinaryOp::Regex | BinaryOp::NotRegex) => {
                let pattern = Pattern::new(pattern).ok_or_else(|| QueryError::Meaning {
                    at: 0..0,
                    problem: "the regular expression does not compile or is too large",
                    part: pattern.to_string(),
                })?;
                Ok(Some(Test::Regex { pattern, wanted: op == BinaryOp::Regex }))
            }
            literal if op.is_boolean() && op != BinaryOp::Or => {
                Ok(Some(Test::Literal { op, literal: literal.clone() }))
            }
            _ => Ok(None),
        }
    }

    /// Whether a single value passes.
    pub(super) fn holds(&self, value: &Value) -> bool {
        match self {
            Test::Literal { op, literal } => ops::compare(*op, value, literal),
            Test::Regex { pattern, wanted } => {
                value.as_str().is_some_and(|text| pattern.is_match(text) == *wanted)
            }
        }
    }
}

/// Which values of an operand reach the comparison, as far as it differs from all of them.
///
/// The reference's store hands its evaluator the values that pass a condition of the query. For a comparison as
/// simple as `.a = 1` that changes nothing, but an array is cut down to the elements that passed, and `5 < .a`, which
/// goes to the store as `.a < 5`, only sees what that or another condition lets through.
#[derive(Clone, Debug, Default)]
pub(super) struct Handed {
    /// What the store is asked in the place of the comparison, where that is something else.
    pub(super) asked: Option<Test>,
    /// What other conditions let through; `None` where the operand is no field of the store.
    pub(super) pool: Option<Arc<Pool>>,
}

impl Handed {
    /// Whether a single value of the operand of `test` reaches it.
    pub(super) fn lets(&self, test: &Test, value: &Value) -> bool {
        match &self.pool {
            None => true,
            Some(pool) => self.asked.as_ref().unwrap_or(test).holds(value) || pool.lets(value),
        }
    }
}

impl Expr {
    /// Compiles an expression. Its depth is that of the tree, which the parser limits.
    pub(super) fn new(expr: &FieldExpr, pools: &Pools) -> Result<Expr, QueryError> {
        Ok(match expr {
            FieldExpr::Literal(value) => Expr::Literal(value.clone()),
            FieldExpr::Attribute(attribute) => Expr::Fields(fields(attribute)?),
            FieldExpr::Unary { op, operand, .. } => {
                let operand = Box::new(Expr::new(operand, pools)?);
                match op {
                    UnaryOp::Negate => Expr::Negate(operand),
                    UnaryOp::Not => Expr::Not(operand),
                    UnaryOp::Exists => Expr::Exists { operand, wanted: true },
                    UnaryOp::NotExists => Expr::Exists { operand, wanted: false },
                }
            }
            FieldExpr::Binary { op: BinaryOp::And, lhs, rhs, .. } => {
                let mut parts = Vec::new();
                for side in [lhs, rhs] {
                    match Expr::new(side, pools)? {
                        Expr::And(inner) => parts.extend(inner),
                        other => parts.push(other),
                    }
                }
                Expr::And(parts)
            }
            FieldExpr::Binary { op, lhs, rhs, .. } => Expr::binary(*op, lhs, rhs, pools)?,
        })
    }

    fn binary(op: BinaryOp, lhs: &FieldExpr, rhs: &FieldExpr, pools: &Pools) -> Result<Expr, QueryError> {
        let (operand, test, asked) = match (lhs, rhs) {
            (_, FieldExpr::Literal(literal)) => (lhs, Test::new(op, literal)?, None),
            (FieldExpr::Literal(literal), _) if !matches!(op, BinaryOp::Regex | BinaryOp::NotRegex) => {
                let asked = if op.flipped() == op { None } else { Test::new(op, literal)? };
                (rhs, Test::new(op.flipped(), literal)?, asked)
            }
            _ => (lhs, None, None),
        };
        let Some(test) = test else {
            let (lhs, rhs) = (Expr::new(lhs, pools)?, Expr::new(rhs, pools)?);
            return Ok(Expr::Binary { op, lhs: Box::new(lhs), rhs: Box::new(rhs) });
        };
        let handed = |field: &Field| Handed { asked: asked.clone(), pool: Some(pools.of(field)) };
        if let FieldExpr::Attribute(attribute) = operand {
            let fields = fields(attribute)?;
            if let [span, resource] = fields.as_slice() {
                let handed = [handed(span), handed(resource)];
                return Ok(Expr::Unscoped { fields: [span.clone(), resource.clone()], test, handed });
            }
            let handed = fields.first().map(handed).unwrap_or_default();
            return Ok(Expr::Test { operand: Box::new(Expr::Fields(fields)), test, handed });
        }
        Ok(Expr::Test { operand: Box::new(Expr::new(operand, pools)?), test, handed: Handed::default() })
    }

    /// The nested scope that it looks into outside of `!`, so that one event or link must fulfil it together with
    /// its neighbours in a conjunction.
    pub(super) fn open_scope(&self) -> Option<Scope> {
        match self {
            // Only a field that stands beside a literal or nil is looked for among all events; in arithmetic and between
            // fields the first event stands for all.
            Expr::Exists { operand, .. } | Expr::Test { operand, .. } => match &**operand {
                Expr::Fields(fields) => fields.iter().find_map(Field::nested_scope),
                _ => None,
            },
            Expr::Binary { op: BinaryOp::Or, lhs, rhs } => lhs.open_scope().or_else(|| rhs.open_scope()),
            Expr::Literal(_)
            | Expr::Fields(_)
            | Expr::Negate(_)
            | Expr::Not(_)
            | Expr::Unscoped { .. }
            | Expr::Binary { .. } => None,
            Expr::And(parts) => parts.iter().find_map(Expr::open_scope),
        }
    }

    /// The field that it compares first, with what, where it is a comparison.
    pub(super) fn field_tests(&self) -> Option<(&Field, &Test, &Handed)> {
        match self {
            Expr::Unscoped { fields: [span, _], test, handed: [handed, _] } => Some((span, test, handed)),
            Expr::Test { operand, test, handed } => match &**operand {
                Expr::Fields(fields) => fields.first().map(|field| (field, test, handed)),
                _ => None,
            },
            _ => None,
        }
    }

    /// Calls `see` with every field.
    pub(super) fn each_field(&self, see: &mut impl FnMut(&Field)) {
        match self {
            Expr::Literal(_) => {}
            Expr::Fields(fields) => fields.iter().for_each(see),
            Expr::Unscoped { fields, .. } => fields.iter().for_each(see),
            Expr::Negate(operand) | Expr::Not(operand) => operand.each_field(see),
            Expr::Exists { operand, .. } | Expr::Test { operand, .. } => operand.each_field(see),
            Expr::Binary { lhs, rhs, .. } => {
                lhs.each_field(see);
                rhs.each_field(see);
            }
            Expr::And(parts) => parts.iter().for_each(|part| part.each_field(see)),
        }
    }
}

/// The fields of an attribute.
pub(super) fn fields(attribute: &Attribute) -> Result<Vec<Field>, QueryError> {
    let fields = attribute.fields();
    if fields.is_empty() {
        return Err(QueryError::Unsupported { feature: "`parent`".to_owned() });
    }
    Ok(fields)
}
