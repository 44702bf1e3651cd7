//! From tokens to the tree, by recursive descent; binary operators by precedence climbing.
//!
//! Depth is bounded by [`Limits::depth_max`], so that neither this code nor what walks or drops the tree later can run
//! out of stack.

mod metric;
mod pipeline;
mod range;

use std::ops::Range;

use bedrock::labels::{MatchOp, Matcher};

use crate::logql::ast::{Expr, LogExpr};
use crate::logql::check;
use crate::logql::error::{QueryError, Result};
use crate::logql::lex::{self, Kind, Sign, Token, Word};
use crate::logql::limits::Limits;

/// Reads a query and checks what can be checked without data.
///
/// # Errors
///
/// [`QueryError::Syntax`] with the place, [`QueryError::Invalid`] for what has no meaning, [`QueryError::Limit`] for
/// what is too long or too deep.
///
/// ```
/// use logstore::logql::{Expr, parse};
///
/// let query = parse(r#"sum by (app) (rate({env="prod"} |= "timeout" [5m]))"#)?;
/// assert!(matches!(query, Expr::Metric(_)));
/// assert_eq!(query.to_string(), r#"sum by (app)(rate({env="prod"} |= "timeout"[5m]))"#);
///
/// let error = parse(r#"{env="prod"} |= "#).unwrap_err();
/// assert_eq!(error.span(), Some(16..16));
/// # Ok::<(), logstore::logql::QueryError>(())
/// ```
pub fn parse(query: &str) -> Result<Expr> {
    parse_with(query, &Limits::default())
}

/// As [`parse`], with other limits.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_with(query: &str, limits: &Limits) -> Result<Expr> {
    let expr = parse_unchecked(query, limits)?;
    check::check(&expr)?;
    Ok(expr)
}

/// Reads a selector, `{app="shop"}`, that need not restrict anything: `{}` is everything.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_selector(selector: &str) -> Result<Vec<Matcher>> {
    match parse_unchecked(selector, &Limits::default())? {
        Expr::Log(LogExpr { matchers, stages }) if stages.is_empty() => Ok(matchers),
        _ => Err(QueryError::syntax("only a selector can stand here", 0..selector.len())),
    }
}

/// Reads a query of log lines, where a selector that restricts nothing is fine too.
///
/// # Errors
///
/// As [`parse`].
pub fn parse_log(query: &str) -> Result<LogExpr> {
    match parse_unchecked(query, &Limits::default())? {
        Expr::Log(log) => Ok(log),
        Expr::Metric(_) => {
            Err(QueryError::syntax("only a query of log lines can stand here", 0..query.len()))
        }
    }
}

fn parse_unchecked(query: &str, limits: &Limits) -> Result<Expr> {
    if query.len() >= limits.query_bytes_max {
        return Err(QueryError::Limit {
            what: "the length of a query in bytes",
            max: limits.query_bytes_max as u64,
            found: query.len() as u64,
        });
    }
    let tokens = lex::tokens(query)?;
    let mut parser = Parser { tokens, at: 0, depth: 0, depth_max: limits.depth_max };
    let expr = parser.expr(0)?;
    parser.expect_end()?;
    Ok(expr)
}

/// The tokens and how far they are read.
pub(super) struct Parser {
    /// Ends with [`Kind::End`], which is never passed.
    tokens: Vec<Token>,
    at: usize,
    depth: usize,
    depth_max: usize,
}

impl Parser {
    fn token(&self) -> &Token {
        &self.tokens[self.at]
    }

    fn kind(&self) -> &Kind {
        &self.token().kind
    }

    /// The kind of a token further on.
    fn ahead(&self, distance: usize) -> &Kind {
        let last = self.tokens.len() - 1;
        &self.tokens[(self.at + distance).min(last)].kind
    }

    fn advance(&mut self) {
        self.at = (self.at + 1).min(self.tokens.len() - 1);
    }

    fn span(&self) -> Range<usize> {
        self.token().span.clone()
    }

    /// The error for a token that cannot stand where it does.
    fn unexpected<T>(&self, expected: &str) -> Result<T> {
        let found = describe(self.kind());
        Err(QueryError::syntax(format!("found {found}, expected {expected}"), self.span()))
    }

    fn is_sign(&self, sign: Sign) -> bool {
        *self.kind() == Kind::Sign(sign)
    }

    fn is_word(&self, word: Word) -> bool {
        *self.kind() == Kind::Word(word)
    }

    fn take_sign(&mut self, sign: Sign) -> bool {
        let found = self.is_sign(sign);
        if found {
            self.advance();
        }
        found
    }

    fn take_word(&mut self, word: Word) -> bool {
        let found = self.is_word(word);
        if found {
            self.advance();
        }
        found
    }

    fn expect_sign(&mut self, sign: Sign) -> Result<()> {
        if self.take_sign(sign) { Ok(()) } else { self.unexpected(&format!("`{}`", sign.as_str())) }
    }

    fn expect_end(&self) -> Result<()> {
        if *self.kind() == Kind::End {
            Ok(())
        } else {
            self.unexpected("an operator or the end of the query")
        }
    }

    fn identifier(&mut self) -> Result<String> {
        let Kind::Identifier(name) = self.kind() else { return self.unexpected("a name") };
        let name = name.clone();
        self.advance();
        Ok(name)
    }

    fn text(&mut self) -> Result<String> {
        let Kind::Text(text) = self.kind() else { return self.unexpected("a text in quotes") };
        let text = text.clone();
        self.advance();
        Ok(text)
    }

    /// Runs one level deeper, if the limit allows.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        self.count_depth()?;
        let result = parse(self);
        self.depth -= 1;
        result
    }

    fn count_depth(&mut self) -> Result<()> {
        self.depth += 1;
        if self.depth > self.depth_max {
            return Err(QueryError::Limit {
                what: "the depth of a query",
                max: self.depth_max as u64,
                found: self.depth as u64,
            });
        }
        Ok(())
    }

    /// `{…}`
    fn selector(&mut self) -> Result<Vec<Matcher>> {
        self.expect_sign(Sign::OpenBrace)?;
        let mut matchers = Vec::new();
        if self.take_sign(Sign::CloseBrace) {
            return Ok(matchers);
        }
        loop {
            let start = self.span().start;
            let name = self.identifier()?;
            matchers.push(self.matcher_of(&name, start)?);
            if !self.take_sign(Sign::Comma) {
                break;
            }
        }
        if self.take_sign(Sign::CloseBrace) { Ok(matchers) } else { self.unexpected("`}` or `,`") }
    }

    /// Operator and text of a matcher whose name has been read.
    fn matcher_of(&mut self, name: &str, start: usize) -> Result<Matcher> {
        let op = match self.kind() {
            Kind::Sign(Sign::Equal) => MatchOp::Equal,
            Kind::Sign(Sign::NotEqual) => MatchOp::NotEqual,
            Kind::Sign(Sign::Match) => MatchOp::Regex,
            Kind::Sign(Sign::NotMatch) => MatchOp::NotRegex,
            _ => return self.unexpected("`=`, `=~`, `!~` or `!=`"),
        };
        self.advance();
        let end = self.span().end;
        let value = self.text()?;
        Matcher::new(op, name, &value).map_err(|error| QueryError::syntax(error.to_string(), start..end))
    }

    /// Names between parentheses, maybe none.
    fn names_in_parens(&mut self) -> Result<Vec<String>> {
        self.expect_sign(Sign::OpenParen)?;
        let mut names = Vec::new();
        if self.take_sign(Sign::CloseParen) {
            return Ok(names);
        }
        loop {
            names.push(self.identifier()?);
            if !self.take_sign(Sign::Comma) {
                break;
            }
        }
        self.expect_sign(Sign::CloseParen)?;
        Ok(names)
    }
}

/// A token as an error message names it.
fn describe(kind: &Kind) -> String {
    match kind {
        Kind::Identifier(name) => format!("the name {name:?}"),
        Kind::Text(_) => "a text".to_owned(),
        Kind::Number(text) => format!("the number {text}"),
        Kind::Duration(_) => "a duration".to_owned(),
        Kind::Bytes(_) => "a size".to_owned(),
        Kind::Range(_) => "a range".to_owned(),
        Kind::Flag(_) => "a flag".to_owned(),
        Kind::RangeOp(op) => format!("`{}`", op.as_str()),
        Kind::VectorOp(op) => format!("`{}`", op.as_str()),
        Kind::Conversion(conversion) => format!("`{}`", conversion.as_str()),
        Kind::Word(word) => format!("`{}`", word.as_str()),
        Kind::Sign(sign) => format!("`{}`", sign.as_str()),
        Kind::End => "the end of the query".to_owned(),
    }
}

#[cfg(test)]
mod tests;
