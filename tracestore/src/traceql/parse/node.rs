//! The loose tree: operators and parentheses by precedence, whatever stands between them.

use super::super::Value;
use super::super::ast::{Aggregate, AggregateOp, Attribute, FieldExpr, Hint, MetricsFunction, OverTimeOp};
use super::super::error::QueryError;
use super::super::lex::Token;
use super::super::limits::DEPTH_MAX;
use super::Parser;

/// A part of a query whose kind is not decided yet.
#[derive(Debug)]
pub(super) enum Node {
    Filter(FieldExpr),
    Number(Value),
    Negative(Box<Node>),
    Aggregate(Aggregate),
    By(FieldExpr),
    Coalesce,
    Select(Vec<Attribute>),
    Metrics(MetricsFunction),
    /// `topk` or, where false, `bottomk`.
    TopK(bool, i64),
    /// A pipeline in parentheses.
    Paren(Vec<Placed>),
    Binary {
        op: &'static str,
        lhs: Box<Placed>,
        rhs: Box<Placed>,
    },
}

/// A node with the byte where it begins and its depth.
#[derive(Debug)]
pub(super) struct Placed {
    pub(super) node: Node,
    pub(super) start: usize,
    pub(super) depth: usize,
}

fn tightness(symbol: &str) -> Option<u8> {
    Some(match symbol {
        "&&" | "||" => 1,
        "=" | "!=" | "<" | "<=" | ">" | ">=" | "=~" | "!~" | ">>" | "<<" | "~" | "!>" | "!<" | "!>>"
        | "!<<" | "&>" | "&<" | "&>>" | "&<<" | "&~" => 2,
        "+" | "-" => 3,
        "*" | "/" | "%" => 5,
        "^" => 6,
        _ => return None,
    })
}

impl Parser {
    /// The whole text: a pipeline and its hints.
    pub(super) fn root(&mut self) -> Result<(Vec<Placed>, Vec<Hint>), QueryError> {
        let nodes = self.pipeline()?;
        let mut hints = Vec::new();
        while self.take_word("with") {
            hints = self.hints()?;
        }
        self.expect_end()?;
        Ok((nodes, hints))
    }

    fn hints(&mut self) -> Result<Vec<Hint>, QueryError> {
        self.expect_symbol("(")?;
        self.comma_separated(|parser| {
            let name = match parser.peek() {
                Token::Word(word) if !is_keyword(word) => word.clone(),
                _ => return Err(parser.unexpected("the name of a hint")),
            };
            parser.at += 1;
            parser.expect_symbol("=")?;
            let value = parser.literal().ok_or_else(|| parser.unexpected("the value of a hint"))?;
            Ok(Hint { name, value })
        })
    }

    /// One or more items and the closing parenthesis.
    fn comma_separated<T>(
        &mut self,
        item: impl Fn(&mut Self) -> Result<T, QueryError>,
    ) -> Result<Vec<T>, QueryError> {
        let mut items = vec![item(self)?];
        while self.take_symbol(",") {
            items.push(item(self)?);
        }
        self.expect_symbol(")")?;
        Ok(items)
    }

    fn pipeline(&mut self) -> Result<Vec<Placed>, QueryError> {
        let mut nodes = vec![self.node_above(0)?];
        while self.take_symbol("|") {
            nodes.push(self.node_above(0)?);
        }
        Ok(nodes)
    }

    fn node_above(&mut self, floor: u8) -> Result<Placed, QueryError> {
        let mut left = self.deeper(Self::node)?;
        loop {
            let Token::Symbol(op) = *self.peek() else { return Ok(left) };
            let Some(tightness) = tightness(op).filter(|tightness| *tightness >= floor) else {
                return Ok(left);
            };
            self.at += 1;
            let floor = if op == "^" { tightness } else { tightness + 1 };
            let right = self.deeper(|parser| parser.node_above(floor))?;
            let (start, depth) = (left.start, left.depth.max(right.depth) + 1);
            if depth > DEPTH_MAX {
                return Err(QueryError::limit("a query's nesting", DEPTH_MAX, depth));
            }
            left =
                Placed { node: Node::Binary { op, lhs: Box::new(left), rhs: Box::new(right) }, start, depth };
        }
    }

    fn node(&mut self) -> Result<Placed, QueryError> {
        let start = self.place().start;
        let (node, depth) = match self.peek().clone() {
            Token::Symbol("{") => (Node::Filter(self.filter()?), 1),
            Token::Symbol("(") => {
                self.at += 1;
                let nodes = self.pipeline()?;
                self.expect_symbol(")")?;
                let depth = nodes.iter().map(|node| node.depth).max().unwrap_or(0) + 1;
                (Node::Paren(nodes), depth)
            }
            Token::Symbol("-") => {
                self.at += 1;
                let operand = self.deeper(Self::node)?;
                (Node::Negative(Box::new(operand.node)), operand.depth + 1)
            }
            Token::Int(_) | Token::Float(_) | Token::Duration(_) => {
                (Node::Number(self.literal().unwrap_or_default()), 1)
            }
            Token::Word(word) => {
                self.at += 1;
                let found = self.function(&word)?;
                if found.is_none() {
                    self.at -= 1;
                }
                (found.ok_or_else(|| self.unexpected("a filter `{..}`, a function or a number"))?, 1)
            }
            _ => return Err(self.unexpected("a filter `{..}`, a function or a number")),
        };
        Ok(Placed { node, start, depth })
    }

    /// `{ .. }`.
    fn filter(&mut self) -> Result<FieldExpr, QueryError> {
        self.expect_symbol("{")?;
        if self.take_symbol("}") {
            return Ok(FieldExpr::Literal(Value::Bool(true)));
        }
        let expr = self.field()?;
        self.expect_symbol("}")?;
        Ok(expr)
    }

    /// What follows a function's name; `None` where the word names no function.
    fn function(&mut self, name: &str) -> Result<Option<Node>, QueryError> {
        let aggregate = match name {
            "count" => Some(AggregateOp::Count),
            "avg" => Some(AggregateOp::Avg),
            "min" => Some(AggregateOp::Min),
            "max" => Some(AggregateOp::Max),
            "sum" => Some(AggregateOp::Sum),
            _ => None,
        };
        if let Some(op) = aggregate {
            self.expect_symbol("(")?;
            let of = if op == AggregateOp::Count { None } else { Some(Box::new(self.field()?)) };
            self.expect_symbol(")")?;
            return Ok(Some(Node::Aggregate(Aggregate { op, of })));
        }
        if let Some(op) = over_time(name) {
            return self.metrics(op).map(Some);
        }
        let node = match name {
            "by" => {
                self.expect_symbol("(")?;
                let expr = self.field()?;
                self.expect_symbol(")")?;
                Node::By(expr)
            }
            "coalesce" => {
                self.expect_symbol("(")?;
                self.expect_symbol(")")?;
                Node::Coalesce
            }
            "select" => {
                self.expect_symbol("(")?;
                Node::Select(self.comma_separated(Self::attribute)?)
            }
            "compare" => self.compare()?,
            "topk" | "bottomk" => {
                self.expect_symbol("(")?;
                let limit = self.integer()?;
                self.expect_symbol(")")?;
                Node::TopK(name == "topk", limit)
            }
            _ => return Ok(None),
        };
        Ok(Some(node))
    }

    fn integer(&mut self) -> Result<i64, QueryError> {
        match self.peek() {
            Token::Int(number) => {
                let number = *number;
                self.at += 1;
                Ok(number)
            }
            _ => Err(self.unexpected("an integer")),
        }
    }

    fn metrics(&mut self, op: OverTimeOp) -> Result<Node, QueryError> {
        self.expect_symbol("(")?;
        let mut quantiles = Vec::new();
        let of = match op {
            OverTimeOp::Rate | OverTimeOp::Count => None,
            _ => Some(self.attribute()?),
        };
        if op == OverTimeOp::Quantile {
            self.expect_symbol(",")?;
            quantiles = self.comma_separated(|parser| match parser.next() {
                Token::Int(number) => Ok(number as f64),
                Token::Float(number) => Ok(number),
                _ => {
                    parser.at -= 1;
                    Err(parser.unexpected("a number from 0 to 1"))
                }
            })?;
        } else {
            self.expect_symbol(")")?;
        }
        let mut by = Vec::new();
        if self.take_word("by") {
            self.expect_symbol("(")?;
            by = self.comma_separated(Self::attribute)?;
        }
        Ok(Node::Metrics(MetricsFunction::Over { op, of, quantiles, by }))
    }

    fn compare(&mut self) -> Result<Node, QueryError> {
        self.expect_symbol("(")?;
        let selection = self.filter()?;
        let (mut top, mut window_ns) = (10, (0, 0));
        if self.take_symbol(",") {
            top = self.integer()?;
            if self.take_symbol(",") {
                window_ns.0 = self.integer()?;
                self.expect_symbol(",")?;
                window_ns.1 = self.integer()?;
            }
        }
        self.expect_symbol(")")?;
        Ok(Node::Metrics(MetricsFunction::Compare { selection, top, window_ns }))
    }
}

fn over_time(name: &str) -> Option<OverTimeOp> {
    Some(match name {
        "rate" => OverTimeOp::Rate,
        "count_over_time" => OverTimeOp::Count,
        "min_over_time" => OverTimeOp::Min,
        "max_over_time" => OverTimeOp::Max,
        "avg_over_time" => OverTimeOp::Avg,
        "sum_over_time" => OverTimeOp::Sum,
        "quantile_over_time" => OverTimeOp::Quantile,
        "histogram_over_time" => OverTimeOp::Histogram,
        _ => return None,
    })
}

/// Words that the language reserves, so that they cannot name a hint.
fn is_keyword(word: &str) -> bool {
    const KEYWORDS: [&str; 46] = [
        "true",
        "false",
        "nil",
        "ok",
        "error",
        "unset",
        "unspecified",
        "internal",
        "server",
        "client",
        "producer",
        "consumer",
        "duration",
        "childCount",
        "name",
        "status",
        "statusMessage",
        "kind",
        "rootName",
        "rootServiceName",
        "rootService",
        "traceDuration",
        "nestedSetLeft",
        "nestedSetRight",
        "nestedSetParent",
        "id",
        "traceID",
        "spanID",
        "parentID",
        "timeSinceStart",
        "version",
        "parent",
        "count",
        "avg",
        "max",
        "min",
        "sum",
        "by",
        "coalesce",
        "select",
        "rate",
        "compare",
        "topk",
        "bottomk",
        "with",
        "count_over_time",
    ];
    KEYWORDS.contains(&word) || over_time(word).is_some()
}
