//! Tokens to tree.
//!
//! The grammar has several kinds of expressions that begin alike: after `((` only the far side of the parentheses
//! tells whether filters, aggregates or series stand inside. So parsing goes in two steps: [`node`] reads operators
//! and parentheses by precedence into one loose tree, and [`lower`] gives every part its kind, or says what it
//! should have been. What stands between braces is parsed at once by [`field`], which also folds constants.
//!
//! Precedence from loose to tight: `|`; `&&` and `||` alike; comparisons and structural operators; `+ -`; `!`;
//! `* / %`; `^`, which binds to the right. A minus before an operand binds like the minus between two.

mod field;
mod lower;
mod node;

use std::ops::Range;

use super::ast::{Attribute, Query};
use super::error::QueryError;
use super::lex::{self, Placed, Token};
use super::limits::DEPTH_MAX;

/// Parses a query. It may still have no meaning: see [`check`](fn@super::check).
///
/// ```
/// let query = tracestore::traceql::parse("{ .http.status_code>=500 } | by(resource.service.name)").unwrap();
/// assert_eq!(query.to_string(), "{ .http.status_code >= 500 }|by(resource.service.name)");
/// ```
///
/// # Errors
/// [`QueryError::Syntax`] with the place, and [`QueryError::Store`] where a limit is reached.
pub fn parse(text: &str) -> Result<Query, QueryError> {
    let mut parser = Parser::new(text)?;
    let (nodes, hints) = parser.root()?;
    let body = lower::body(nodes)?;
    Ok(Query { body, hints })
}

/// Parses one attribute or intrinsic, such as `resource.service.name` or `name`.
///
/// # Errors
/// [`QueryError::Syntax`] with the place, and [`QueryError::Store`] where a limit is reached.
pub fn parse_attribute(text: &str) -> Result<Attribute, QueryError> {
    let mut parser = Parser::new(text)?;
    let attribute = parser.attribute()?;
    parser.expect_end()?;
    Ok(attribute)
}

/// Walks over the tokens.
struct Parser {
    tokens: Vec<Placed>,
    at: usize,
    depth: usize,
}

impl Parser {
    fn new(text: &str) -> Result<Self, QueryError> {
        Ok(Parser { tokens: lex::tokens(text)?, at: 0, depth: 0 })
    }

    fn peek(&self) -> &Token {
        self.peek_at(0)
    }

    fn peek_at(&self, ahead: usize) -> &Token {
        self.tokens.get(self.at + ahead).map_or(&Token::End, |placed| &placed.token)
    }

    /// The place of the next token.
    fn place(&self) -> Range<usize> {
        let placed = self.tokens.get(self.at).or(self.tokens.last());
        placed.map_or(0..0, |placed| placed.at.clone())
    }

    fn next(&mut self) -> Token {
        let token = self.peek().clone();
        self.at += 1;
        token
    }

    fn is_symbol(&self, symbol: &str) -> bool {
        matches!(self.peek(), Token::Symbol(found) if *found == symbol)
    }

    fn take_symbol(&mut self, symbol: &str) -> bool {
        let found = self.is_symbol(symbol);
        self.at += usize::from(found);
        found
    }

    fn expect_symbol(&mut self, symbol: &str) -> Result<(), QueryError> {
        if self.take_symbol(symbol) { Ok(()) } else { Err(self.unexpected(&format!("`{symbol}`"))) }
    }

    fn take_word(&mut self, word: &str) -> bool {
        let found = matches!(self.peek(), Token::Word(found) if found == word);
        self.at += usize::from(found);
        found
    }

    fn expect_end(&self) -> Result<(), QueryError> {
        if *self.peek() == Token::End { Ok(()) } else { Err(self.unexpected("the end of the query")) }
    }

    fn unexpected(&self, expected: &str) -> QueryError {
        let found = match self.peek() {
            Token::End => "the end of the query".to_owned(),
            Token::Word(word) => format!("`{word}`"),
            Token::Symbol(symbol) => format!("`{symbol}`"),
            Token::Text(text) => format!("the text {text:?}"),
            Token::Int(number) => format!("the number {number}"),
            Token::Float(number) => format!("the number {number}"),
            Token::Duration(_) => "a duration".to_owned(),
            Token::Attribute(_, key) | Token::OfParent(_, key) => format!("the attribute {key:?}"),
            Token::Colon(scope) => format!("`{scope}:`"),
        };
        QueryError::Syntax { at: self.place(), found, expected: expected.to_owned() }
    }

    /// Runs `parse` one level deeper, within the limit.
    fn deeper<T>(&mut self, parse: impl FnOnce(&mut Self) -> Result<T, QueryError>) -> Result<T, QueryError> {
        self.depth += 1;
        if self.depth > DEPTH_MAX {
            return Err(QueryError::limit("a query's nesting", DEPTH_MAX, self.depth));
        }
        let parsed = parse(self);
        self.depth -= 1;
        parsed
    }
}
