//! Selectors and series: names and what stands in braces.

use bedrock::labels::{Labels, METRIC_NAME, MatchOp, Matcher};

use crate::ast::{BinaryOp, VectorSelector};
use crate::lex::{Kind, Mode, unquote};
use crate::parse::Parser;
use crate::problem::{Fault, ParseProblem, Parsed};

impl Parser<'_> {
    /// A name, braces, or both.
    pub(super) fn vector_selector(&mut self) -> Parsed<VectorSelector> {
        let span = self.token.span;
        let mut selector = VectorSelector {
            name: self.metric_name()?,
            matchers: Vec::new(),
            modifiers: Default::default(),
            boundary: Default::default(),
            span,
        };
        match self.token.kind {
            Kind::LeftBrace => self.braces(&mut selector)?,
            _ if selector.name.is_none() => return Err(self.unexpected("selector", "a metric name or \"{\"")),
            _ => {}
        }
        Ok(selector)
    }

    fn metric_name(&mut self) -> Parsed<Option<Box<str>>> {
        let names_metric = match self.token.kind {
            Kind::Identifier | Kind::MetricIdentifier => true,
            Kind::Keyword(keyword) => keyword.may_name_metric(),
            _ => false,
        };
        if !names_metric {
            return Ok(None);
        }
        let span = self.advance()?.span;
        Ok(Some(self.text(span).into()))
    }

    /// Matchers in braces, added to `selector`.
    pub(super) fn braces(&mut self, selector: &mut VectorSelector) -> Parsed<()> {
        self.advance_into(Mode::Braces)?;
        while self.token.kind != Kind::RightBrace {
            let matcher = self.matcher()?;
            selector.matchers.push(matcher);
            self.comma_or_brace()?;
        }
        self.advance_into(Mode::Plain)?;
        selector.span.end = self.previous_end;
        Ok(())
    }

    fn comma_or_brace(&mut self) -> Parsed<()> {
        if self.token.kind != Kind::RightBrace {
            self.expect(Kind::Comma, "label matching", "\",\" or \"}\"")?;
        }
        Ok(())
    }

    /// `name="value"`, `"quoted name"!~"value"`, or a metric name in quotes.
    fn matcher(&mut self) -> Parsed<Matcher> {
        let name_span = self.token.span;
        let quoted = self.token.kind == Kind::Text;
        let name = match self.token.kind {
            Kind::Identifier => self.text(name_span).into(),
            Kind::Text => unquote(self.text(name_span), name_span)?,
            _ => return Err(self.unexpected("label matching", "a label name or \"}\"")),
        };
        self.advance()?;
        let op = match self.token.kind {
            Kind::Assign => MatchOp::Equal,
            Kind::Sign(BinaryOp::NotEqual) => MatchOp::NotEqual,
            Kind::RegexMatch => MatchOp::Regex,
            Kind::RegexNotMatch => MatchOp::NotRegex,
            Kind::Comma | Kind::RightBrace if quoted => {
                return new_matcher(MatchOp::Equal, METRIC_NAME, &name, name_span);
            }
            _ => return Err(self.unexpected("label matching", "one of =, !=, =~ and !~")),
        };
        self.advance()?;
        if self.token.kind != Kind::Text {
            let fault = self.unexpected("label matching", "a string");
            return Err(fault.help("label values stand in quotes"));
        }
        let value_span = self.advance()?.span;
        let value = unquote(self.text(value_span), value_span)?;
        new_matcher(op, &name, &value, value_span)
    }

    /// The labels of one series.
    pub(super) fn metric(&mut self) -> Parsed<Labels> {
        let start = self.token.span;
        let mut pairs: Vec<(String, String)> = Vec::new();
        if let Some(name) = self.metric_name()? {
            pairs.push((METRIC_NAME.to_owned(), name.into()));
        }
        if self.token.kind == Kind::LeftBrace {
            self.advance_into(Mode::Braces)?;
            while self.token.kind != Kind::RightBrace {
                pairs.push(self.label_pair()?);
                self.comma_or_brace()?;
            }
            self.advance_into(Mode::Plain)?;
        } else if pairs.is_empty() {
            return Err(self.unexpected("series", "a metric name or \"{\""));
        }
        // An empty value is an absent label.
        pairs.retain(|(_, value)| !value.is_empty());
        Labels::from_pairs(pairs).map_err(|_| {
            Fault::rule(self.span_from(start.start), "a label of the series is given twice or has no name")
        })
    }

    fn label_pair(&mut self) -> Parsed<(String, String)> {
        let name_span = self.token.span;
        let name = match self.token.kind {
            Kind::Identifier => self.text(name_span).to_owned(),
            Kind::Text => unquote(self.text(name_span), name_span)?.into_owned(),
            _ => return Err(self.unexpected("label set", "a label name or \"}\"")),
        };
        let quoted = self.advance()?.kind == Kind::Text;
        if quoted && matches!(self.token.kind, Kind::Comma | Kind::RightBrace) {
            return Ok((METRIC_NAME.to_owned(), name));
        }
        self.expect(Kind::Assign, "label set", "\"=\"")?;
        let value = self.expect(Kind::Text, "label set", "a string")?.span;
        Ok((name, unquote(self.text(value), value)?.into_owned()))
    }
}

fn new_matcher(op: MatchOp, name: &str, value: &str, span: crate::span::Span) -> Parsed<Matcher> {
    Matcher::new(op, name, value).map_err(|error| Fault::new(span, ParseProblem::Matcher(error)))
}
