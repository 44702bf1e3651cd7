//! Metric expressions.

use crate::logql::ast::{
    BinaryExpr, BinaryOp, Cardinality, Expr, Grouping, LabelReplace, LogExpr, MetricExpr, RangeAggregation,
    RangeOp, VectorAggregation, VectorMatching, VectorOp,
};
use crate::logql::check;
use crate::logql::error::{QueryError, Result};
use crate::logql::lex::{Kind, Sign, Word};
use crate::logql::number;
use crate::logql::parse::Parser;

impl Parser {
    /// Operands joined by operators that bind at least as tightly as `bind`.
    pub(super) fn expr(&mut self, bind: u8) -> Result<Expr> {
        let depth = self.depth;
        let start = self.span().start;
        let mut left = self.deeper(Self::operand)?;
        while let Some((op, strength)) = self.binary_op().filter(|(_, strength)| *strength >= bind) {
            self.advance();
            // Each operator makes the tree one deeper on its left, so the chain counts too.
            self.count_depth()?;
            let (return_bool, matching) = self.modifiers()?;
            // `^` is right-associative: its right operand may hold another of the same strength.
            let right_bind = if op == BinaryOp::Pow { strength } else { strength + 1 };
            let right = self.expr(right_bind)?;
            let span = start..self.tokens[self.at.saturating_sub(1)].span.end;
            let (Expr::Metric(left_side), Expr::Metric(right_side)) = (left, right) else {
                return Err(QueryError::syntax(
                    format!("both sides of `{}` have to be metric queries", op.as_str()),
                    span,
                ));
            };
            let binary = BinaryExpr { op, return_bool, matching, left: left_side, right: right_side };
            left = Expr::Metric(fold(binary, span)?);
        }
        self.depth = depth;
        Ok(left)
    }

    fn metric(&mut self) -> Result<MetricExpr> {
        let span = self.span();
        match self.expr(0)? {
            Expr::Metric(metric) => Ok(metric),
            Expr::Log(_) => Err(QueryError::syntax("log lines where a metric query is expected", span)),
        }
    }

    fn operand(&mut self) -> Result<Expr> {
        match *self.kind() {
            Kind::Sign(Sign::OpenBrace) => {
                let matchers = self.selector()?;
                Ok(Expr::Log(LogExpr { matchers, stages: self.stages()? }))
            }
            Kind::Sign(Sign::OpenParen) => {
                self.advance();
                let inner = self.expr(0)?;
                self.expect_sign(Sign::CloseParen)?;
                Ok(inner)
            }
            Kind::Number(_) | Kind::Sign(Sign::Add | Sign::Sub) => {
                Ok(Expr::Metric(MetricExpr::Literal(self.literal()?)))
            }
            Kind::RangeOp(op) => {
                self.advance();
                Ok(Expr::Metric(self.range_aggregation(op)?))
            }
            Kind::VectorOp(op) => {
                self.advance();
                Ok(Expr::Metric(self.vector_aggregation(op)?))
            }
            Kind::Word(Word::LabelReplace) => {
                self.advance();
                Ok(Expr::Metric(self.label_replace()?))
            }
            Kind::Word(Word::Vector) => {
                self.advance();
                self.expect_sign(Sign::OpenParen)?;
                let value = self.number()?;
                self.expect_sign(Sign::CloseParen)?;
                Ok(Expr::Metric(MetricExpr::Vector(value)))
            }
            _ => self.unexpected("a selector, a function, a number or `(`"),
        }
    }

    /// A number with at most one sign.
    pub(super) fn literal(&mut self) -> Result<f64> {
        let negative = self.is_sign(Sign::Sub);
        if negative || self.is_sign(Sign::Add) {
            self.advance();
        }
        let value = self.number()?;
        Ok(if negative { -value } else { value })
    }

    fn number(&mut self) -> Result<f64> {
        let Kind::Number(text) = self.kind() else { return self.unexpected("a number") };
        let Some(value) = number::parse_float(text) else {
            return Err(QueryError::syntax(format!("{text} cannot be read as a number"), self.span()));
        };
        self.advance();
        Ok(value)
    }

    /// The operator that comes next, with its strength.
    fn binary_op(&self) -> Option<(BinaryOp, u8)> {
        let found = match self.kind() {
            Kind::Word(Word::Or) => (BinaryOp::Or, 1),
            Kind::Word(Word::And) => (BinaryOp::And, 2),
            Kind::Word(Word::Unless) => (BinaryOp::Unless, 2),
            Kind::Sign(Sign::EqualEqual) => (BinaryOp::Equal, 3),
            Kind::Sign(Sign::NotEqual) => (BinaryOp::NotEqual, 3),
            Kind::Sign(Sign::Less) => (BinaryOp::Less, 3),
            Kind::Sign(Sign::LessEqual) => (BinaryOp::LessEqual, 3),
            Kind::Sign(Sign::Greater) => (BinaryOp::Greater, 3),
            Kind::Sign(Sign::GreaterEqual) => (BinaryOp::GreaterEqual, 3),
            Kind::Sign(Sign::Add) => (BinaryOp::Add, 4),
            Kind::Sign(Sign::Sub) => (BinaryOp::Sub, 4),
            Kind::Sign(Sign::Mul) => (BinaryOp::Mul, 5),
            Kind::Sign(Sign::Div) => (BinaryOp::Div, 5),
            Kind::Sign(Sign::Mod) => (BinaryOp::Mod, 5),
            Kind::Sign(Sign::Pow) => (BinaryOp::Pow, 6),
            _ => return None,
        };
        Some(found)
    }

    /// `bool on (…) group_left (…)`
    fn modifiers(&mut self) -> Result<(bool, VectorMatching)> {
        let return_bool = self.take_word(Word::Bool);
        let mut matching = VectorMatching { on: self.is_word(Word::On), ..VectorMatching::default() };
        if !matching.on && !self.is_word(Word::Ignoring) {
            return Ok((return_bool, matching));
        }
        self.advance();
        matching.labels = self.names_in_parens()?;
        matching.cardinality = match self.kind() {
            Kind::Word(Word::GroupLeft) => Cardinality::ManyToOne,
            Kind::Word(Word::GroupRight) => Cardinality::OneToMany,
            _ => return Ok((return_bool, matching)),
        };
        self.advance();
        // A parenthesis behind the word is always a list of labels, never the right operand.
        if self.is_sign(Sign::OpenParen) {
            matching.include = self.names_in_parens()?;
        }
        Ok((return_bool, matching))
    }

    fn grouping(&mut self) -> Result<Option<Grouping>> {
        let without = self.is_word(Word::Without);
        if !without && !self.is_word(Word::By) {
            return Ok(None);
        }
        self.advance();
        Ok(Some(Grouping { without, labels: self.names_in_parens()? }))
    }

    /// A number and a comma, where an aggregation starts with them; with the text of the number.
    fn parameter(&mut self) -> Option<String> {
        let Kind::Number(text) = self.kind() else { return None };
        if *self.ahead(1) != Kind::Sign(Sign::Comma) {
            return None;
        }
        let text = text.clone();
        self.advance();
        self.advance();
        Some(text)
    }

    fn range_aggregation(&mut self, op: RangeOp) -> Result<MetricExpr> {
        let start = self.span().start;
        self.expect_sign(Sign::OpenParen)?;
        let parameter = self.parameter();
        let range = self.log_range()?;
        self.expect_sign(Sign::CloseParen)?;
        let grouping = self.grouping()?;
        let span = start..self.span().start;
        let parameter = check::range_parameter(op, parameter.as_deref(), &span)?;
        let aggregation = RangeAggregation { op, parameter, range, grouping };
        check::range_aggregation(&aggregation, &span)?;
        Ok(MetricExpr::Range(Box::new(aggregation)))
    }

    fn vector_aggregation(&mut self, op: VectorOp) -> Result<MetricExpr> {
        let start = self.span().start;
        let before = self.grouping()?;
        self.expect_sign(Sign::OpenParen)?;
        let parameter = self.parameter();
        let inner = self.metric()?;
        self.expect_sign(Sign::CloseParen)?;
        let grouping = if before.is_some() { before } else { self.grouping()? };
        let span = start..self.span().start;
        let parameter = check::vector_parameter(op, parameter.as_deref(), grouping.as_ref(), &span)?;
        let grouping = grouping.unwrap_or_default();
        Ok(MetricExpr::Aggregation(Box::new(VectorAggregation { op, parameter, grouping, inner })))
    }

    fn label_replace(&mut self) -> Result<MetricExpr> {
        self.expect_sign(Sign::OpenParen)?;
        let inner = self.metric()?;
        let mut texts = [const { String::new() }; 4];
        let mut span = self.span();
        for text in &mut texts {
            self.expect_sign(Sign::Comma)?;
            span = self.span();
            *text = self.text()?;
        }
        self.expect_sign(Sign::CloseParen)?;
        let [target, replacement, source, regex] = texts;
        check::regex(&regex, &span)?;
        Ok(MetricExpr::LabelReplace(Box::new(LabelReplace { inner, target, replacement, source, regex })))
    }
}

/// Replaces two literals by their value; refuses set operators on a literal.
fn fold(binary: BinaryExpr, span: std::ops::Range<usize>) -> Result<MetricExpr> {
    let op = binary.op;
    let literal = |side: &MetricExpr| match side {
        MetricExpr::Literal(value) => Some(*value),
        _ => None,
    };
    let (left, right) = (literal(&binary.left), literal(&binary.right));
    if op.is_set() && (left.is_some() || right.is_some()) {
        return Err(QueryError::syntax(
            format!("`{}` joins vectors; one side is a number", op.as_str()),
            span,
        ));
    }
    match (left, right) {
        (Some(left), Some(right)) => Ok(MetricExpr::Literal(op.apply(left, right))),
        _ => Ok(MetricExpr::Binary(Box::new(binary))),
    }
}
