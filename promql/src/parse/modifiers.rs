//! What may follow an operand: `[5m]`, `[30m:1m]`, `offset 5m`, `@ end()`, `anchored`, `smoothed`.

use crate::ast::{At, BinaryOp, Boundary, Expr, MatrixSelector, Subquery, TimeModifiers};
use crate::duration::DurationExpr;
use crate::lex::{Keyword, Kind, Mode};
use crate::parse::Parser;
use crate::problem::{Fault, ParseProblem, Parsed};
use crate::span::Span;

impl Parser<'_> {
    /// Reads everything that may follow `expr`.
    pub(super) fn postfix(&mut self, mut expr: Expr) -> Parsed<Expr> {
        loop {
            expr = match self.token.kind {
                Kind::LeftBracket => self.window(expr)?,
                Kind::At => self.at(expr)?,
                Kind::Keyword(Keyword::Offset) => self.offset(expr)?,
                Kind::Keyword(Keyword::Anchored) => self.boundary(expr, Boundary::Anchored)?,
                Kind::Keyword(Keyword::Smoothed) => self.boundary(expr, Boundary::Smoothed)?,
                _ => return Ok(expr),
            }
        }
    }

    /// `[range]` or `[range:step]`.
    fn window(&mut self, expr: Expr) -> Parsed<Expr> {
        let start = expr.span().start;
        let bracket = self.advance_into(Mode::Brackets)?.span;
        let height = self.height;
        let range = self.positive_duration()?;
        let is_subquery = self.accept(Kind::Colon)?;
        let step = match self.token.kind {
            Kind::RightBracket => None,
            _ if is_subquery => Some(self.positive_duration()?),
            _ => return Err(self.unexpected("range or subquery", "\":\" or \"]\"")),
        };
        if self.token.kind != Kind::RightBracket {
            return Err(self.unexpected("subquery", "\"]\""));
        }
        self.advance_into(Mode::Plain)?;
        let span = self.span_from(start);
        self.height = height;
        if is_subquery {
            self.set_height(height + 1)?;
            let modifiers = TimeModifiers::default();
            return Ok(Expr::Subquery(Box::new(Subquery { expr, range, step, modifiers, span })));
        }
        let bracket = self.span_from(bracket.start);
        let Expr::Vector(selector) = expr else {
            return Err(Fault::rule(bracket, "ranges only allowed for vector selectors")
                .help("a range over an expression is a subquery: [5m:]"));
        };
        if selector.modifiers.offset.is_some() {
            return Err(Fault::rule(bracket, "no offset modifiers allowed before range"));
        }
        if selector.modifiers.at.is_some() {
            return Err(Fault::rule(bracket, "no @ modifiers allowed before range"));
        }
        Ok(Expr::Matrix(Box::new(MatrixSelector { selector: *selector, range, span })))
    }

    fn positive_duration(&mut self) -> Parsed<DurationExpr> {
        let duration = self.duration_expr()?;
        if let DurationExpr::Literal(number) = &duration
            && number.value <= 0.0
        {
            return Err(Fault::new(
                number.span,
                ParseProblem::Duration(crate::duration::DurationProblem::NotPositive),
            ));
        }
        Ok(duration)
    }

    fn offset(&mut self, mut expr: Expr) -> Parsed<Expr> {
        self.advance()?;
        let height = self.height;
        let duration = self.offset_duration()?;
        self.height = height;
        let span = expr.span();
        let Some((modifiers, end)) = modified(&mut expr) else {
            return Err(Fault::rule(
                span,
                "offset modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            ));
        };
        if modifiers.offset.is_some() {
            return Err(Fault::rule(span, "offset may not be set multiple times"));
        }
        modifiers.offset = Some(duration);
        end.end = self.previous_end;
        Ok(expr)
    }

    fn at(&mut self, mut expr: Expr) -> Parsed<Expr> {
        self.advance()?;
        let time = self.at_time()?;
        let span = expr.span();
        let Some((modifiers, end)) = modified(&mut expr) else {
            return Err(Fault::rule(
                span,
                "@ modifier must be preceded by an instant vector selector or range vector selector or a subquery",
            ));
        };
        if modifiers.at.is_some() {
            return Err(Fault::rule(span, "@ <timestamp> may not be set multiple times"));
        }
        modifiers.at = Some(time);
        end.end = self.previous_end;
        Ok(expr)
    }

    fn at_time(&mut self) -> Parsed<At> {
        if let Kind::Keyword(keyword @ (Keyword::Start | Keyword::End)) = self.token.kind {
            self.advance()?;
            self.expect(Kind::LeftParen, "@ modifier", "\"(\"")?;
            self.expect(Kind::RightParen, "@ modifier", "\")\"")?;
            return Ok(if keyword == Keyword::Start { At::Start } else { At::End });
        }
        let start = self.token.span.start;
        let negative = self.token.kind == Kind::Sign(BinaryOp::Sub);
        if negative || self.token.kind == Kind::Sign(BinaryOp::Add) {
            self.advance()?;
        }
        if !matches!(self.token.kind, Kind::Number | Kind::Duration) {
            return Err(self.unexpected("@ modifier", "a timestamp, start() or end()"));
        }
        let value = self.number_literal()?.value;
        let seconds = if negative { -value } else { value };
        // The bound keeps milliseconds well inside of an i64; NaN fails the comparison.
        if seconds.abs() * 1e3 < i64::MAX as f64 {
            return Ok(At::Timestamp((seconds * 1e3).round() as i64));
        }
        Err(Fault::new(self.span_from(start), ParseProblem::Timestamp { seconds }))
    }

    fn boundary(&mut self, mut expr: Expr, boundary: Boundary) -> Parsed<Expr> {
        let span = self.advance()?.span;
        self.require(
            self.options.extended_range_selectors,
            span,
            "a range selector with anchored or smoothed",
        )?;
        let (current, end): (&mut Boundary, &mut Span) = match &mut expr {
            Expr::Vector(selector) => (&mut selector.boundary, &mut selector.span),
            Expr::Matrix(matrix) => (&mut matrix.selector.boundary, &mut matrix.span),
            _ => {
                return Err(Fault::rule(span, "anchored and smoothed are for selectors only"));
            }
        };
        if *current != Boundary::Plain && *current != boundary {
            return Err(Fault::rule(span, "anchored and smoothed modifiers cannot be used together"));
        }
        *current = boundary;
        end.end = self.previous_end;
        Ok(expr)
    }
}

/// The modifiers of an expression that can have them, and the span that grows with them.
fn modified(expr: &mut Expr) -> Option<(&mut TimeModifiers, &mut Span)> {
    match expr {
        Expr::Vector(selector) => Some((&mut selector.modifiers, &mut selector.span)),
        Expr::Matrix(matrix) => Some((&mut matrix.selector.modifiers, &mut matrix.span)),
        Expr::Subquery(subquery) => Some((&mut subquery.modifiers, &mut subquery.span)),
        _ => None,
    }
}
