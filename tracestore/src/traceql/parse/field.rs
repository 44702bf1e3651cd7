//! Expressions over the fields of a span: what stands between braces.

use super::super::ast::{Attribute, BinaryOp, FieldExpr, TextSpan, UnaryOp};
use super::super::check::{check_field, implied_type};
use super::super::error::QueryError;
use super::super::lex::Token;
use super::super::limits::DEPTH_MAX;
use super::super::{Type, Value, ops};
use super::Parser;
use crate::field::Intrinsic;
use crate::model::{SpanKind, StatusCode};

/// How tight an operator binds, and whether to the right.
fn binding(symbol: &str) -> Option<(u8, BinaryOp)> {
    Some(match symbol {
        "&&" => (1, BinaryOp::And),
        "||" => (1, BinaryOp::Or),
        "=" => (2, BinaryOp::Equal),
        "!=" => (2, BinaryOp::NotEqual),
        "<" => (2, BinaryOp::Less),
        "<=" => (2, BinaryOp::LessEqual),
        ">" => (2, BinaryOp::Greater),
        ">=" => (2, BinaryOp::GreaterEqual),
        "=~" => (2, BinaryOp::Regex),
        "!~" => (2, BinaryOp::NotRegex),
        "+" => (3, BinaryOp::Add),
        "-" => (3, BinaryOp::Sub),
        "*" => (5, BinaryOp::Mul),
        "/" => (5, BinaryOp::Div),
        "%" => (5, BinaryOp::Mod),
        "^" => (6, BinaryOp::Power),
        _ => return None,
    })
}

/// An operand: an expression, or `nil`, which only `=` and `!=` may stand beside.
enum Operand {
    Expr(FieldExpr, usize),
    Nil,
}

impl Parser {
    /// An expression.
    pub(super) fn field(&mut self) -> Result<FieldExpr, QueryError> {
        match self.field_above(0)? {
            Operand::Expr(expr, _) => Ok(expr),
            Operand::Nil => Err(self.unexpected("`=` or `!=` beside `nil`")),
        }
    }

    /// An expression of operators that bind at least as tight as `floor`, with its depth.
    fn field_above(&mut self, floor: u8) -> Result<Operand, QueryError> {
        let start = self.place().start;
        let mut left = self.deeper(Self::operand)?;
        loop {
            let Token::Symbol(symbol) = self.peek() else { return Ok(left) };
            let Some((tightness, op)) = binding(symbol) else { return Ok(left) };
            if tightness < floor {
                return Ok(left);
            }
            self.at += 1;
            let floor = if op == BinaryOp::Power { tightness } else { tightness + 1 };
            let right = self.deeper(|parser| parser.field_above(floor))?;
            let at = TextSpan { start: start as u32, end: self.previous_end() };
            left = self.combine(op, left, right, at)?;
        }
    }

    fn previous_end(&self) -> u32 {
        self.at
            .checked_sub(1)
            .and_then(|index| self.tokens.get(index))
            .map_or(0, |placed| placed.at.end as u32)
    }

    fn combine(
        &self,
        op: BinaryOp,
        left: Operand,
        right: Operand,
        at: TextSpan,
    ) -> Result<Operand, QueryError> {
        let nil_op = match op {
            BinaryOp::Equal => Some(UnaryOp::NotExists),
            BinaryOp::NotEqual => Some(UnaryOp::Exists),
            _ => None,
        };
        let (expr, depth) = match (left, right, nil_op) {
            (Operand::Expr(lhs, a), Operand::Expr(rhs, b), _) => (binary(op, lhs, rhs, at), a.max(b) + 1),
            (Operand::Nil, Operand::Nil, Some(_)) => (FieldExpr::Literal(Value::Bool(false)), 1),
            (Operand::Expr(operand, depth), Operand::Nil, Some(nil_op))
            | (Operand::Nil, Operand::Expr(operand, depth), Some(nil_op)) => {
                (unary(nil_op, operand, at), depth + 1)
            }
            _ => return Err(self.unexpected("`=` or `!=` beside `nil`")),
        };
        if depth > DEPTH_MAX {
            return Err(QueryError::limit("a query's nesting", DEPTH_MAX, depth));
        }
        Ok(Operand::Expr(expr, depth))
    }

    fn operand(&mut self) -> Result<Operand, QueryError> {
        let start = self.place().start as u32;
        let prefix = match self.peek() {
            Token::Symbol("-") => Some((UnaryOp::Negate, 4)),
            Token::Symbol("!") => Some((UnaryOp::Not, 5)),
            _ => None,
        };
        if let Some((op, floor)) = prefix {
            self.at += 1;
            let Operand::Expr(operand, depth) = self.field_above(floor)? else {
                return Err(self.unexpected("`=` or `!=` beside `nil`"));
            };
            let at = TextSpan { start, end: self.previous_end() };
            return Ok(Operand::Expr(unary(op, operand, at), depth + 1));
        }
        if self.take_symbol("(") {
            let inner = self.field()?;
            self.expect_symbol(")")?;
            return Ok(Operand::Expr(inner, self.depth));
        }
        if self.take_word("nil") {
            return Ok(Operand::Nil);
        }
        if let Some(value) = self.literal() {
            return Ok(Operand::Expr(FieldExpr::Literal(value), 1));
        }
        let attribute = self.attribute()?;
        Ok(Operand::Expr(FieldExpr::Attribute(attribute), 1))
    }

    /// A literal, if one comes next.
    pub(super) fn literal(&mut self) -> Option<Value> {
        let value = match self.peek() {
            Token::Text(text) => Value::str(text),
            Token::Int(number) => Value::Int(*number),
            Token::Float(number) => Value::Float(*number),
            Token::Duration(ns) => Value::Duration(*ns),
            Token::Word(word) => word_literal(word)?,
            _ => return None,
        };
        self.at += 1;
        Some(value)
    }

    /// An attribute or an intrinsic.
    pub(super) fn attribute(&mut self) -> Result<Attribute, QueryError> {
        let attribute = match self.peek().clone() {
            Token::Attribute(Some(scope), key) => Attribute::Scoped(scope, key.into()),
            Token::Attribute(None, key) => Attribute::Unscoped(key.into()),
            Token::OfParent(scope, key) => Attribute::OfParent(scope, key.into()),
            Token::Word(word) => match word_intrinsic(&word) {
                Some(intrinsic) => Attribute::Intrinsic(intrinsic),
                None => return Err(self.unexpected("an attribute such as `.name`, an intrinsic or a value")),
            },
            Token::Colon(scope) => {
                self.at += 1;
                let Token::Word(word) = self.peek() else {
                    return Err(self.unexpected(&format!("an intrinsic of `{scope}:`")));
                };
                match scoped_intrinsic(scope, word) {
                    Some(intrinsic) => Attribute::Intrinsic(intrinsic),
                    None => return Err(self.unexpected(&format!("an intrinsic of `{scope}:`"))),
                }
            }
            _ => return Err(self.unexpected("an attribute such as `.name`, an intrinsic or a value")),
        };
        self.at += 1;
        Ok(attribute)
    }
}

fn word_literal(word: &str) -> Option<Value> {
    Some(match word {
        "true" => Value::Bool(true),
        "false" => Value::Bool(false),
        "ok" => Value::Status(StatusCode::OK),
        "error" => Value::Status(StatusCode::ERROR),
        "unset" => Value::Status(StatusCode::UNSET),
        "unspecified" => Value::Kind(SpanKind::UNSPECIFIED),
        "internal" => Value::Kind(SpanKind::INTERNAL),
        "server" => Value::Kind(SpanKind::SERVER),
        "client" => Value::Kind(SpanKind::CLIENT),
        "producer" => Value::Kind(SpanKind::PRODUCER),
        "consumer" => Value::Kind(SpanKind::CONSUMER),
        "minInt" => Value::Int(i64::MIN),
        "maxInt" => Value::Int(i64::MAX),
        _ => return None,
    })
}

fn word_intrinsic(word: &str) -> Option<Intrinsic> {
    Some(match word {
        "duration" => Intrinsic::Duration,
        "name" => Intrinsic::Name,
        "status" => Intrinsic::Status,
        "statusMessage" => Intrinsic::StatusMessage,
        "kind" => Intrinsic::Kind,
        "parent" => Intrinsic::Parent,
        "rootName" => Intrinsic::RootName,
        "rootServiceName" => Intrinsic::RootServiceName,
        "traceDuration" => Intrinsic::TraceDuration,
        "nestedSetLeft" => Intrinsic::NestedSetLeft,
        "nestedSetRight" => Intrinsic::NestedSetRight,
        "nestedSetParent" => Intrinsic::NestedSetParent,
        _ => return None,
    })
}

fn scoped_intrinsic(scope: &str, word: &str) -> Option<Intrinsic> {
    Some(match (scope, word) {
        ("trace", "duration") => Intrinsic::TraceDuration,
        ("trace", "rootName") => Intrinsic::RootName,
        ("trace", "rootService") => Intrinsic::RootServiceName,
        ("trace", "id") => Intrinsic::TraceId,
        ("span", "duration") => Intrinsic::Duration,
        ("span", "name") => Intrinsic::Name,
        ("span", "kind") => Intrinsic::Kind,
        ("span", "status") => Intrinsic::Status,
        ("span", "statusMessage") => Intrinsic::StatusMessage,
        ("span", "id") => Intrinsic::SpanId,
        ("span", "parentID") => Intrinsic::ParentId,
        ("span", "childCount") => Intrinsic::ChildCount,
        ("event", "name") => Intrinsic::EventName,
        ("event", "timeSinceStart") => Intrinsic::EventTimeSinceStart,
        ("link", "traceID") => Intrinsic::LinkTraceId,
        ("link", "spanID") => Intrinsic::LinkSpanId,
        ("instrumentation", "name") => Intrinsic::InstrumentationName,
        ("instrumentation", "version") => Intrinsic::InstrumentationVersion,
        _ => return None,
    })
}

/// Builds an operation, or its value where both operands are known.
fn binary(op: BinaryOp, mut lhs: FieldExpr, mut rhs: FieldExpr, at: TextSpan) -> FieldExpr {
    let is_trace_id =
        |e: &FieldExpr| matches!(e, FieldExpr::Attribute(Attribute::Intrinsic(Intrinsic::TraceId)));
    if is_trace_id(&lhs) {
        trim_trace_id(&mut rhs);
    } else if is_trace_id(&rhs) {
        trim_trace_id(&mut lhs);
    }
    let folded = match (&lhs, &rhs) {
        (FieldExpr::Literal(a), FieldExpr::Literal(b)) => ops::binary(op, a, b).ok(),
        _ => None,
    };
    let expr = FieldExpr::Binary { op, lhs: Box::new(lhs), rhs: Box::new(rhs), at };
    fold(expr, folded)
}

fn unary(op: UnaryOp, operand: FieldExpr, at: TextSpan) -> FieldExpr {
    let folded = match (&operand, op) {
        (FieldExpr::Literal(value), UnaryOp::Negate) => ops::negate(value).ok(),
        (FieldExpr::Literal(value), UnaryOp::Not) => ops::not(value).ok(),
        (FieldExpr::Literal(_), UnaryOp::Exists) => Some(Value::Bool(true)),
        (FieldExpr::Literal(value), UnaryOp::NotExists) => Some(Value::Bool(value.as_str() == Some("nil"))),
        _ => None,
    };
    fold(FieldExpr::Unary { op, operand: Box::new(operand), at }, folded)
}

/// The value where the expression has a meaning, else the expression, for the checker to complain about.
fn fold(expr: FieldExpr, folded: Option<Value>) -> FieldExpr {
    match folded {
        Some(value) if check_field(&expr).is_ok() && implied_type(&expr) != Type::Nil => {
            FieldExpr::Literal(value)
        }
        _ => expr,
    }
}

/// Trace ids are compared without leading zeros.
fn trim_trace_id(literal: &mut FieldExpr) {
    if let FieldExpr::Literal(Value::Str(text)) = literal {
        *text = text.trim_start_matches('0').into();
    }
}
