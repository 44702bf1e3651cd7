//! Query text to a checked syntax tree: recursive descent, with operator precedence climbed by binding power.
//!
//! Time is linear in the text; `sum by (job) (rate(up{dc="eu"}[5m]))` takes about 0.6 microseconds and a dozen
//! allocations. Nesting and length are limited, so hostile text costs neither stack nor memory.

mod binary;
mod duration;
mod expr;
mod modifiers;
mod selector;

use bedrock::labels::{Labels, Matcher};

use crate::ast::Expr;
use crate::check;
use crate::lex::{Keyword, Kind, Lexer, Mode, Token};
use crate::problem::{Fault, ParseError, ParseProblem, Parsed};
use crate::span::Span;

/// Which parts of the language are open, and how large a query may be.
///
/// The defaults are those of Prometheus: what it calls experimental is closed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParseOptions {
    /// Functions and aggregations that are marked experimental.
    pub experimental_functions: bool,
    /// Arithmetic in durations, `step()`, `range()`, `min_of` and `max_of`: `foo[5m * 2]`.
    pub duration_expressions: bool,
    /// `anchored` and `smoothed`.
    pub extended_range_selectors: bool,
    /// `fill`, `fill_left` and `fill_right`.
    pub fill_modifiers: bool,
    /// Deepest nesting of expressions (default 256). A chain of operators nests as deep as it is long.
    pub depth_max: usize,
    /// Longest query in bytes (default 1 MiB).
    pub length_max: usize,
}

impl Default for ParseOptions {
    fn default() -> Self {
        ParseOptions {
            experimental_functions: false,
            duration_expressions: false,
            extended_range_selectors: false,
            fill_modifiers: false,
            depth_max: 256,
            length_max: 1 << 20,
        }
    }
}

impl ParseOptions {
    /// The whole language, with the default limits.
    pub fn all() -> Self {
        ParseOptions {
            experimental_functions: true,
            duration_expressions: true,
            extended_range_selectors: true,
            fill_modifiers: true,
            ..ParseOptions::default()
        }
    }
}

/// Parses and checks a query. O(length).
///
/// # Errors
///
/// [`ParseError`] with the place: syntax, types, arities, parts that are not enabled, limits, regular expressions.
///
/// ```
/// use promql::{ParseOptions, ValueType};
///
/// let options = ParseOptions::default();
/// let expr = promql::parse("sum by (job) (rate(http_requests_total[5m]))", &options)?;
/// assert_eq!(expr.value_type(), ValueType::Vector);
///
/// let error = promql::parse("rate(http_requests_total)", &options).unwrap_err();
/// assert_eq!(error.place.column, 6);
/// assert!(error.to_string().contains("expected type range vector in call to function \"rate\", got instant vector"));
/// # Ok::<(), promql::ParseError>(())
/// ```
pub fn parse(query: &str, options: &ParseOptions) -> Result<Expr, ParseError> {
    run(query, options, |parser| {
        if parser.token.kind == Kind::End {
            return Err(Fault::new(parser.token.span, ParseProblem::Empty));
        }
        let mut expr = parser.expr()?;
        parser.expect(Kind::End, "query", "an operator or the end")?;
        check::check(&mut expr)?;
        Ok(expr)
    })
}

/// Parses a selector without modifiers to its matchers: `up{job="api"}`.
///
/// # Errors
///
/// [`ParseError`] where the text is anything else, or where it could select series without any label.
///
/// ```
/// let matchers = promql::parse_selector(r#"up{job=~"api|db"}"#)?;
/// assert_eq!(matchers.len(), 2);
/// # Ok::<(), promql::ParseError>(())
/// ```
pub fn parse_selector(text: &str) -> Result<Vec<Matcher>, ParseError> {
    run(text, &ParseOptions::default(), |parser| {
        let selector = parser.vector_selector()?;
        parser.expect(Kind::End, "selector", "the end")?;
        check::check_selector(&selector)?;
        Ok(selector.all_matchers())
    })
}

/// Parses the labels of one series: `up{job="api"}`, `{"na.me", "la.bel"="x"}`.
///
/// # Errors
///
/// [`ParseError`] where the text is anything else, or where a label occurs twice.
///
/// ```
/// let labels = promql::parse_metric(r#"up{job="api"}"#)?;
/// assert_eq!(labels.get("__name__"), Some("up"));
/// # Ok::<(), promql::ParseError>(())
/// ```
pub fn parse_metric(text: &str) -> Result<Labels, ParseError> {
    run(text, &ParseOptions::default(), |parser| {
        let labels = parser.metric()?;
        parser.expect(Kind::End, "series", "the end")?;
        Ok(labels)
    })
}

/// Parses the labels of a series at the start of a line. Returns them and the length of their text.
pub(crate) fn parse_metric_prefix(text: &str) -> Result<(Labels, usize), ParseError> {
    let options = ParseOptions::default();
    let length = metric_length(text).min(text.len());
    let metric = text.get(..length).unwrap_or(text);
    run(metric, &options, |parser| {
        let labels = parser.metric()?;
        parser.expect(Kind::End, "series", "a blank")?;
        Ok((labels, length))
    })
}

/// The bytes up to the closing brace, or without braces up to the first blank or `@`.
fn metric_length(text: &str) -> usize {
    let mut quote = None;
    let mut braces = false;
    let mut bytes = text.bytes().enumerate();
    while let Some((at, byte)) = bytes.next() {
        match (quote, byte) {
            (Some(b'"' | b'\''), b'\\') => {
                bytes.next();
            }
            (Some(open), _) if byte == open => {
                quote = None;
            }
            (None, b'"' | b'\'' | b'`') => quote = Some(byte),
            (None, b'{') => braces = true,
            (None, b'}') => return at + 1,
            (None, b' ' | b'\t' | b'@') if !braces => return at,
            _ => {}
        }
    }
    text.len()
}

fn run<'q, T>(
    text: &'q str,
    options: &'q ParseOptions,
    read: impl FnOnce(&mut Parser<'q>) -> Parsed<T>,
) -> Result<T, ParseError> {
    let attempt = || {
        // Spans hold 32 bits, whatever limit the caller chose.
        let length_max = options.length_max.min(u32::MAX as usize);
        if text.len() > length_max {
            let problem = ParseProblem::Limit { what: "length of a query in bytes", max: length_max };
            return Err(Fault::new(Span::new(0, 0), problem));
        }
        read(&mut Parser::new(text, options)?)
    };
    attempt().map_err(|fault: Fault| fault.locate(text))
}

/// The state of one parse: the lexer and one token of look-ahead.
pub(crate) struct Parser<'q> {
    query: &'q str,
    options: &'q ParseOptions,
    lexer: Lexer<'q>,
    /// The token that comes next.
    token: Token,
    /// End of the token before it.
    previous_end: u32,
    /// Constructs that are open around the current place.
    depth: usize,
    /// Height of the tree that was read last: a chain of operators is read in a loop, but its tree is as deep as it
    /// is long, and everything that walks the tree recurses.
    height: usize,
}

impl<'q> Parser<'q> {
    fn new(query: &'q str, options: &'q ParseOptions) -> Parsed<Self> {
        let mut lexer = Lexer::new(query);
        let token = lexer.next_token()?;
        Ok(Parser { query, options, lexer, token, previous_end: 0, depth: 0, height: 0 })
    }

    /// Steps over the current token and returns it.
    fn advance(&mut self) -> Parsed<Token> {
        let token = self.token;
        self.previous_end = token.span.end;
        self.token = self.lexer.next_token()?;
        Ok(token)
    }

    /// Steps over the current token; what follows is read in `mode`.
    fn advance_into(&mut self, mode: Mode) -> Parsed<Token> {
        self.lexer.mode = mode;
        self.advance()
    }

    /// Steps over the current token if it is of this kind.
    fn accept(&mut self, kind: Kind) -> Parsed<bool> {
        let found = self.token.kind == kind;
        if found {
            self.advance()?;
        }
        Ok(found)
    }

    fn accept_keyword(&mut self, keyword: Keyword) -> Parsed<bool> {
        self.accept(Kind::Keyword(keyword))
    }

    /// Steps over a token that must be of this kind.
    fn expect(&mut self, kind: Kind, context: &'static str, expected: &'static str) -> Parsed<Token> {
        if self.token.kind != kind {
            return Err(self.unexpected(context, expected));
        }
        self.advance()
    }

    fn unexpected(&self, context: &'static str, expected: &'static str) -> Fault {
        let found = match self.token.kind {
            Kind::End => "end of input".to_owned(),
            Kind::Identifier | Kind::MetricIdentifier => {
                format!("identifier {:?}", self.text(self.token.span))
            }
            Kind::Keyword(_) => format!("keyword {:?}", self.text(self.token.span)),
            Kind::Number => format!("number {}", self.text(self.token.span)),
            Kind::Duration => format!("duration {}", self.text(self.token.span)),
            Kind::Text => format!("string {}", self.text(self.token.span)),
            _ => format!("{:?}", self.text(self.token.span)),
        };
        Fault::new(self.token.span, ParseProblem::Unexpected { found, context, expected })
    }

    fn text(&self, span: Span) -> &'q str {
        span.text(self.query)
    }

    fn span_from(&self, start: u32) -> Span {
        Span::new(start, self.previous_end)
    }

    /// Reads something that nests; `depth` and stack grow by one level meanwhile.
    fn nested<T>(&mut self, read: impl FnOnce(&mut Self) -> Parsed<T>) -> Parsed<T> {
        self.depth += 1;
        self.limit_depth(self.depth)?;
        let result = read(self);
        self.depth -= 1;
        result
    }

    /// Notes that the tree that was just read is `height` levels high.
    fn set_height(&mut self, height: usize) -> Parsed<()> {
        self.height = height;
        self.limit_depth(height)
    }

    fn limit_depth(&self, depth: usize) -> Parsed<()> {
        let max = self.options.depth_max;
        if depth <= max {
            return Ok(());
        }
        Err(Fault::new(self.token.span, ParseProblem::Limit { what: "depth of a query", max }))
    }

    /// Refuses a part of the language that is not open.
    fn require(&self, open: bool, span: Span, what: &str) -> Parsed<()> {
        if open {
            return Ok(());
        }
        Err(Fault::new(span, ParseProblem::Disabled { what: what.to_owned() }))
    }
}

#[cfg(test)]
mod tests;
