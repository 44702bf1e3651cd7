//! Expressions: operands, what follows them, calls and aggregations.

use crate::ast::{
    Aggregate, AggregateOp, Call, Expr, NumberLiteral, Paren, StringLiteral, Unary, VectorSelector,
};
use crate::lex::{Keyword, Kind, number_value, unquote_lossy};
use crate::parse::Parser;
use crate::problem::{Fault, ParseProblem, Parsed};
use crate::signature::Function;
use crate::span::Span;
use crate::suggest;

/// What a sign before an operand binds as strongly as: `-a * b` is `(-a) * b`, `-a ^ b` is `-(a ^ b)`.
const UNARY_OPERAND_PRECEDENCE: u8 = 6;

impl Parser<'_> {
    /// A whole expression.
    pub(super) fn expr(&mut self) -> Parsed<Expr> {
        self.binary_expr(1)
    }

    /// An operand with its sign, brackets and modifiers.
    pub(super) fn operand(&mut self) -> Parsed<Expr> {
        match self.token.kind {
            Kind::Sign(crate::ast::BinaryOp::Add) => self.nested(|parser| parser.unary(false)),
            Kind::Sign(crate::ast::BinaryOp::Sub) => self.nested(|parser| parser.unary(true)),
            _ => {
                let expr = self.primary()?;
                self.postfix(expr)
            }
        }
    }

    fn unary(&mut self, negative: bool) -> Parsed<Expr> {
        let start = self.advance()?.span.start;
        let mut expr = self.binary_expr(UNARY_OPERAND_PRECEDENCE)?;
        let span = self.span_from(start);
        if let Expr::Number(number) = &mut expr {
            number.value = if negative { -number.value } else { number.value };
            number.span = span;
            return Ok(expr);
        }
        self.set_height(self.height + 1)?;
        Ok(Expr::Unary(Box::new(Unary { negative, expr, span })))
    }

    fn primary(&mut self) -> Parsed<Expr> {
        self.height = 1;
        match self.token.kind {
            Kind::Number | Kind::Duration => self.number_literal().map(Expr::Number),
            Kind::Text => {
                let span = self.advance()?.span;
                let (value, is_utf8) = unquote_lossy(self.text(span), span)?;
                Ok(Expr::String(StringLiteral { value, is_utf8, span }))
            }
            Kind::LeftParen => self.nested(Self::paren),
            Kind::LeftBrace => self.vector_selector().map(|selector| Expr::Vector(Box::new(selector))),
            Kind::Identifier | Kind::MetricIdentifier | Kind::Keyword(_) => self.named(),
            _ => Err(self.unexpected("expression", "a selector, a function, a number or a parenthesis")),
        }
    }

    fn paren(&mut self) -> Parsed<Expr> {
        let start = self.advance()?.span.start;
        let expr = self.expr()?;
        self.expect(Kind::RightParen, "parenthesised expression", "an operator or \")\"")?;
        self.set_height(self.height + 1)?;
        Ok(Expr::Paren(Box::new(Paren { expr, span: self.span_from(start) })))
    }

    pub(super) fn number_literal(&mut self) -> Parsed<NumberLiteral> {
        let token = self.advance()?;
        let text = self.text(token.span);
        let is_duration = token.kind == Kind::Duration;
        let value = if is_duration {
            bedrock::time::parse_duration_ms(text).map(|ms| ms as f64 / 1e3)
        } else {
            number_value(text)
        };
        let value = value.ok_or_else(|| {
            let fault = Fault::new(token.span, ParseProblem::Number { text: text.to_owned() });
            if is_duration {
                return fault.help("units come once each, whole and from large to small: y w d h m s ms");
            }
            fault
        })?;
        Ok(NumberLiteral { value, is_duration, span: token.span })
    }

    /// What a word starts: a call, an aggregation or a selector.
    fn named(&mut self) -> Parsed<Expr> {
        let token = self.token;
        let name = self.text(token.span);
        match token.kind {
            Kind::Keyword(Keyword::Aggregate(op)) => {
                self.advance()?;
                let follows = self.token.kind;
                if matches!(
                    follows,
                    Kind::LeftParen | Kind::Keyword(Keyword::By) | Kind::Keyword(Keyword::Without)
                ) {
                    return self.nested(|parser| parser.aggregate(op, token.span));
                }
            }
            Kind::Keyword(keyword) if !keyword.may_name_metric() => {
                return Err(
                    self.unexpected("expression", "a selector, a function, a number or a parenthesis")
                );
            }
            kind => {
                let callable = match kind {
                    Kind::Keyword(keyword) => keyword.may_name_function(),
                    _ => kind == Kind::Identifier,
                };
                self.advance()?;
                if callable && self.token.kind == Kind::LeftParen {
                    return self.nested(|parser| parser.call(name, token.span));
                }
            }
        }
        let mut selector = VectorSelector {
            name: Some(name.into()),
            matchers: Vec::new(),
            modifiers: Default::default(),
            boundary: Default::default(),
            span: token.span,
        };
        if self.token.kind == Kind::LeftBrace {
            self.braces(&mut selector)?;
        }
        Ok(Expr::Vector(Box::new(selector)))
    }

    fn call(&mut self, name: &str, name_span: Span) -> Parsed<Expr> {
        let Some(function) = Function::by_name(name) else {
            let fault = Fault::new(name_span, ParseProblem::UnknownFunction { name: name.to_owned() });
            return Err(match suggest::nearest_callable(name) {
                Some(nearest) => fault.help(format!("did you mean {nearest:?}?")),
                None => fault,
            });
        };
        if function.experimental && !self.options.experimental_functions {
            let what = format!("function {name:?}");
            return Err(Fault::new(name_span, ParseProblem::Disabled { what }));
        }
        let args = self.args()?;
        self.set_height(self.height + 1)?;
        Ok(Expr::Call(Box::new(Call { function, args, span: self.span_from(name_span.start) })))
    }

    /// Arguments in parentheses. Sets the height to that of the highest.
    fn args(&mut self) -> Parsed<Vec<Expr>> {
        self.expect(Kind::LeftParen, "call", "\"(\"")?;
        let mut args = Vec::new();
        let mut height = 0;
        if !self.accept(Kind::RightParen)? {
            loop {
                args.push(self.expr()?);
                height = height.max(self.height);
                if !self.accept(Kind::Comma)? {
                    self.expect(Kind::RightParen, "arguments", "\",\" or \")\"")?;
                    break;
                }
                if self.token.kind == Kind::RightParen {
                    return Err(self.unexpected("arguments", "an argument after the comma"));
                }
            }
        }
        self.height = height;
        Ok(args)
    }

    fn aggregate(&mut self, op: AggregateOp, name_span: Span) -> Parsed<Expr> {
        let mut grouping = self.grouping()?;
        let args = self.args()?;
        let height = self.height;
        if grouping.is_none() {
            grouping = self.grouping()?;
        }
        let span = self.span_from(name_span.start);
        if op.is_experimental() && !self.options.experimental_functions {
            let what = format!("aggregation {:?}", op.as_str());
            return Err(Fault::new(name_span, ParseProblem::Disabled { what }));
        }
        let wanted = 1 + usize::from(op.param_type().is_some());
        let found = args.len();
        let mut args = args.into_iter();
        let param = if wanted == 2 { args.next() } else { None };
        let (Some(expr), None) = (args.next(), args.next()) else {
            let problem = ParseProblem::Arity { name: op.as_str(), min: wanted, max: Some(wanted), found };
            return Err(Fault::new(span, problem));
        };
        self.set_height(height + 1)?;
        let (grouping, without) = grouping.unwrap_or_default();
        Ok(Expr::Aggregate(Box::new(Aggregate { op, param, expr, grouping, without, span })))
    }

    /// `by (...)` or `without (...)`, where it stands here.
    fn grouping(&mut self) -> Parsed<Option<(Vec<Box<str>>, bool)>> {
        let without = match self.token.kind {
            Kind::Keyword(Keyword::By) => false,
            Kind::Keyword(Keyword::Without) => true,
            _ => return Ok(None),
        };
        self.advance()?;
        Ok(Some((self.label_list()?, without)))
    }
}
