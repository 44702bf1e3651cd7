//! Durations in brackets and after `offset`.

use crate::ast::BinaryOp;
use crate::duration::{
    DURATION_SECONDS_MAX, DurationBinary, DurationExpr, DurationOp, DurationParen, DurationProblem,
    DurationUnary,
};
use crate::lex::{Keyword, Kind};
use crate::parse::Parser;
use crate::problem::{Fault, ParseProblem, Parsed};

/// A sign binds more strongly than `*` and less than `^`.
const UNARY_OPERAND_PRECEDENCE: u8 = 6;

impl Parser<'_> {
    /// A duration expression up to whatever cannot belong to it.
    pub(super) fn duration_expr(&mut self) -> Parsed<DurationExpr> {
        self.duration_binary(1)
    }

    /// The duration after `offset`. Operators behind it belong to the query, `foo offset 5m + 2` is
    /// `(foo offset 5m) + 2`, unless it starts with a parenthesis: the language reads `foo offset (5m) + 2` as one.
    pub(super) fn offset_duration(&mut self) -> Parsed<DurationExpr> {
        match self.token.kind {
            Kind::LeftParen => self.duration_binary(1),
            Kind::Sign(BinaryOp::Add | BinaryOp::Sub) => {
                let start = self.token.span.start;
                let negative = self.advance()?.span;
                let negative = self.text(negative) == "-";
                let operand = self.nested(Self::duration_operand)?;
                self.signed(negative, operand, start)
            }
            _ => self.duration_operand(),
        }
    }

    fn duration_binary(&mut self, precedence_min: u8) -> Parsed<DurationExpr> {
        let mut lhs = self.duration_operand()?;
        loop {
            let Kind::Sign(sign) = self.token.kind else { return Ok(lhs) };
            let op = match sign {
                BinaryOp::Add => DurationOp::Add,
                BinaryOp::Sub => DurationOp::Sub,
                BinaryOp::Mul => DurationOp::Mul,
                BinaryOp::Div => DurationOp::Div,
                BinaryOp::Mod => DurationOp::Mod,
                BinaryOp::Pow => DurationOp::Pow,
                _ => return Ok(lhs),
            };
            let precedence = sign.precedence();
            if precedence < precedence_min {
                return Ok(lhs);
            }
            let lhs_height = self.height;
            let sign_span = self.advance()?.span;
            let rhs_min = precedence + u8::from(op != DurationOp::Pow);
            let rhs = self.nested(|parser| parser.duration_binary(rhs_min))?;
            self.set_height(lhs_height.max(self.height) + 1)?;
            let by_zero = matches!(&rhs, DurationExpr::Literal(number) if number.value == 0.0);
            let problem = match op {
                DurationOp::Div if by_zero => Some(DurationProblem::DivisionByZero),
                DurationOp::Mod if by_zero => Some(DurationProblem::ModuloByZero),
                _ => None,
            };
            if let Some(problem) = problem {
                return Err(Fault::new(sign_span, ParseProblem::Duration(problem)));
            }
            let span = lhs.span().to(rhs.span());
            self.require_duration_expressions(span)?;
            lhs = DurationExpr::Binary(Box::new(DurationBinary { op, lhs, rhs, span }));
        }
    }

    fn duration_operand(&mut self) -> Parsed<DurationExpr> {
        self.height = 1;
        let start = self.token.span.start;
        match self.token.kind {
            Kind::Number | Kind::Duration => {
                let number = self.number_literal()?;
                if number.value.abs() <= DURATION_SECONDS_MAX {
                    return Ok(DurationExpr::Literal(number));
                }
                Err(Fault::new(number.span, ParseProblem::Duration(DurationProblem::OutOfRange)))
            }
            Kind::Sign(sign @ (BinaryOp::Add | BinaryOp::Sub)) => self.nested(|parser| {
                parser.advance()?;
                let operand = parser.duration_binary(UNARY_OPERAND_PRECEDENCE)?;
                parser.signed(sign == BinaryOp::Sub, operand, start)
            }),
            Kind::LeftParen => self.nested(|parser| {
                parser.advance()?;
                let expr = parser.duration_expr()?;
                parser.expect(Kind::RightParen, "duration expression", "an operator or \")\"")?;
                parser.set_height(parser.height + 1)?;
                let span = parser.span_from(start);
                parser.require_duration_expressions(span)?;
                Ok(DurationExpr::Paren(Box::new(DurationParen { expr, span })))
            }),
            Kind::Keyword(keyword @ (Keyword::Step | Keyword::Range)) => {
                self.advance()?;
                self.expect(Kind::LeftParen, "duration expression", "\"(\"")?;
                self.expect(Kind::RightParen, "duration expression", "\")\"")?;
                let span = self.span_from(start);
                self.require_duration_expressions(span)?;
                Ok(if keyword == Keyword::Step {
                    DurationExpr::Step(span)
                } else {
                    DurationExpr::Range(span)
                })
            }
            Kind::Keyword(Keyword::MinOf) => self.nested(|parser| parser.duration_call(DurationOp::MinOf)),
            Kind::Keyword(Keyword::MaxOf) => self.nested(|parser| parser.duration_call(DurationOp::MaxOf)),
            _ => Err(self.unexpected("duration", "a number, a duration, step() or range()")),
        }
    }

    fn duration_call(&mut self, op: DurationOp) -> Parsed<DurationExpr> {
        let start = self.advance()?.span.start;
        self.expect(Kind::LeftParen, "duration expression", "\"(\"")?;
        let lhs = self.duration_expr()?;
        let lhs_height = self.height;
        self.expect(Kind::Comma, "duration expression", "\",\"")?;
        let rhs = self.duration_expr()?;
        self.set_height(lhs_height.max(self.height) + 1)?;
        self.expect(Kind::RightParen, "duration expression", "\")\"")?;
        let span = self.span_from(start);
        self.require_duration_expressions(span)?;
        Ok(DurationExpr::Binary(Box::new(DurationBinary { op, lhs, rhs, span })))
    }

    /// A sign becomes part of a literal and a node before anything else.
    fn signed(&mut self, negative: bool, operand: DurationExpr, start: u32) -> Parsed<DurationExpr> {
        let span = self.span_from(start);
        if let DurationExpr::Literal(mut number) = operand {
            number.value = if negative { -number.value } else { number.value };
            number.span = span;
            return Ok(DurationExpr::Literal(number));
        }
        self.set_height(self.height + 1)?;
        Ok(DurationExpr::Unary(Box::new(DurationUnary { negative, expr: operand, span })))
    }

    fn require_duration_expressions(&self, span: crate::span::Span) -> Parsed<()> {
        self.require(self.options.duration_expressions, span, "a duration expression")
    }
}
