//! Operators between operands, and how the vectors on both sides meet.

use crate::ast::{Binary, BinaryOp, Cardinality, Expr, VectorMatching};
use crate::lex::{Keyword, Kind, unquote};
use crate::parse::Parser;
use crate::problem::{Fault, ParseProblem, Parsed};

impl Parser<'_> {
    /// Operands and operators that bind at least as strongly as `precedence_min`.
    pub(super) fn binary_expr(&mut self, precedence_min: u8) -> Parsed<Expr> {
        let mut lhs = self.operand()?;
        loop {
            let (Kind::Sign(op) | Kind::Keyword(Keyword::Operator(op))) = self.token.kind else {
                return Ok(lhs);
            };
            let precedence = op.precedence();
            if precedence < precedence_min {
                return Ok(lhs);
            }
            let lhs_height = self.height;
            let op_span = self.advance()?.span;
            let return_bool = self.accept_keyword(Keyword::Bool)?;
            let matching = self.matching(op)?;
            // All but `^` associate to the left: the right side takes only what binds more strongly.
            let rhs_min = precedence + u8::from(op != BinaryOp::Pow);
            let rhs = self.nested(|parser| parser.binary_expr(rhs_min))?;
            self.set_height(lhs_height.max(self.height) + 1)?;
            lhs = Expr::Binary(Box::new(Binary { op, lhs, rhs, matching, return_bool, op_span }));
        }
    }

    /// `on (...) group_left (...) fill (...)`, each where it stands here.
    fn matching(&mut self, op: BinaryOp) -> Parsed<VectorMatching> {
        let mut matching = VectorMatching::default();
        let on = self.token.kind == Kind::Keyword(Keyword::On);
        if on || self.token.kind == Kind::Keyword(Keyword::Ignoring) {
            self.advance()?;
            matching.on = on;
            matching.labels = self.label_list()?;
            matching.cardinality = match self.token.kind {
                Kind::Keyword(Keyword::GroupLeft) => Cardinality::ManyToOne,
                Kind::Keyword(Keyword::GroupRight) => Cardinality::OneToMany,
                _ => Cardinality::OneToOne,
            };
            if matching.cardinality != Cardinality::OneToOne {
                self.advance()?;
                if self.token.kind == Kind::LeftParen {
                    matching.include = self.label_list()?;
                }
            }
        }
        if op.is_set() && matching.cardinality == Cardinality::OneToOne {
            matching.cardinality = Cardinality::ManyToMany;
        }
        self.fills(&mut matching)?;
        Ok(matching)
    }

    fn fills(&mut self, matching: &mut VectorMatching) -> Parsed<()> {
        let start = self.token.span;
        if self.accept_keyword(Keyword::Fill)? {
            let value = self.fill_value()?;
            matching.fill_left = Some(value);
            matching.fill_right = Some(value);
        } else {
            loop {
                if matching.fill_left.is_none() && self.accept_keyword(Keyword::FillLeft)? {
                    matching.fill_left = Some(self.fill_value()?);
                } else if matching.fill_right.is_none() && self.accept_keyword(Keyword::FillRight)? {
                    matching.fill_right = Some(self.fill_value()?);
                } else {
                    break;
                }
            }
        }
        if matching.fill_left.is_some() || matching.fill_right.is_some() {
            self.require(self.options.fill_modifiers, start, "the fill modifier")?;
        }
        Ok(())
    }

    fn fill_value(&mut self) -> Parsed<f64> {
        self.expect(Kind::LeftParen, "fill modifier", "\"(\"")?;
        let negative = self.token.kind == Kind::Sign(BinaryOp::Sub);
        if negative || self.token.kind == Kind::Sign(BinaryOp::Add) {
            self.advance()?;
        }
        if !matches!(self.token.kind, Kind::Number | Kind::Duration) {
            return Err(self.unexpected("fill modifier", "a number"));
        }
        let value = self.number_literal()?.value;
        self.expect(Kind::RightParen, "fill modifier", "\")\"")?;
        Ok(if negative { -value } else { value })
    }

    /// Label names in parentheses. Every word may name a label, and whatever stands in quotes.
    pub(super) fn label_list(&mut self) -> Parsed<Vec<Box<str>>> {
        self.expect(Kind::LeftParen, "grouping", "\"(\"")?;
        let mut labels = Vec::new();
        while !self.accept(Kind::RightParen)? {
            let span = self.token.span;
            let label: Box<str> = match self.token.kind {
                Kind::Identifier | Kind::MetricIdentifier | Kind::Keyword(_) => self.text(span).into(),
                Kind::Text => unquote(self.text(span), span)?.into(),
                _ => return Err(self.unexpected("grouping", "a label name or \")\"")),
            };
            if label.is_empty() {
                let problem = ParseProblem::LabelName { name: label.into_string() };
                return Err(Fault::new(span, problem));
            }
            labels.push(label);
            self.advance()?;
            if self.token.kind != Kind::RightParen {
                self.expect(Kind::Comma, "grouping", "\",\" or \")\"")?;
            }
        }
        Ok(labels)
    }
}
