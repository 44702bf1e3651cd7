//! Stages of a pipeline.

use crate::logql::ast::{
    CompareOp, Extraction, LabelFilter, LabelFormat, LabelSelector, LabelSource, LineFilter, LineOp,
    LineOperand, Stage,
};
use crate::logql::check;
use crate::logql::error::Result;
use crate::logql::lex::{Flag, Kind, Sign, Word};
use crate::logql::parse::Parser;

/// How tightly `or` and `and` between label filters bind. A comma and a blank bind as the weakest to their right and
/// as the strongest to their left, because the reference's grammar leaves them without precedence.
const BIND_OR: u8 = 1;
const BIND_AND: u8 = 2;

impl Parser {
    /// Stages up to something that is none; `| unwrap` is none.
    pub(super) fn stages(&mut self) -> Result<Vec<Stage>> {
        let mut stages: Vec<Stage> = Vec::new();
        loop {
            if let Some(op) = self.line_op() {
                self.advance();
                let filters = self.line_filter(op)?;
                match stages.last_mut() {
                    Some(Stage::LineFilters(run)) => run.extend(filters),
                    _ => stages.push(Stage::LineFilters(filters)),
                }
            } else if self.is_sign(Sign::Pipe) && *self.ahead(1) != Kind::Word(Word::Unwrap) {
                self.advance();
                stages.push(self.stage()?);
            } else {
                return Ok(stages);
            }
        }
    }

    fn line_op(&self) -> Option<LineOp> {
        let Kind::Sign(sign) = self.kind() else { return None };
        match sign {
            Sign::PipeEqual => Some(LineOp::Contains),
            Sign::NotEqual => Some(LineOp::NotContains),
            Sign::PipeMatch => Some(LineOp::Regex),
            Sign::NotMatch => Some(LineOp::NotRegex),
            Sign::PipePattern => Some(LineOp::Pattern),
            Sign::NotPattern => Some(LineOp::NotPattern),
            _ => None,
        }
    }

    /// The operands of a line filter. With a negative operator each is a filter of its own.
    fn line_filter(&mut self, op: LineOp) -> Result<Vec<LineFilter>> {
        let mut operands = vec![self.line_operand()?];
        while self.take_word(Word::Or) {
            operands.push(self.line_operand()?);
        }
        if op.is_negative() {
            Ok(operands.into_iter().map(|operand| LineFilter { op, operands: vec![operand] }).collect())
        } else {
            Ok(vec![LineFilter { op, operands }])
        }
    }

    fn line_operand(&mut self) -> Result<LineOperand> {
        if self.take_word(Word::Ip) {
            return Ok(LineOperand::Ip(self.text_in_parens()?));
        }
        if !matches!(self.kind(), Kind::Text(_)) {
            return self.unexpected("a text in quotes or `ip`");
        }
        Ok(LineOperand::Text(self.text()?))
    }

    fn text_in_parens(&mut self) -> Result<String> {
        self.expect_sign(Sign::OpenParen)?;
        let text = self.text()?;
        self.expect_sign(Sign::CloseParen)?;
        Ok(text)
    }

    /// What stands behind `|`.
    fn stage(&mut self) -> Result<Stage> {
        let span = self.span();
        let Kind::Word(word) = *self.kind() else {
            return Ok(Stage::LabelFilter(self.label_filter(0)?));
        };
        self.advance();
        match word {
            Word::Json => Ok(Stage::Json(self.extractions()?)),
            Word::Logfmt => self.logfmt(),
            Word::Regexp => {
                let regex = self.text()?;
                check::regexp_parser(&regex, &span)?;
                Ok(Stage::Regexp(regex))
            }
            Word::Pattern => {
                let pattern = self.text()?;
                check::pattern_parser(&pattern, &span)?;
                Ok(Stage::Pattern(pattern))
            }
            Word::Unpack => Ok(Stage::Unpack),
            Word::LineFormat => Ok(Stage::LineFormat(self.text()?)),
            Word::LabelFormat => self.label_format(),
            Word::Decolorize => Ok(Stage::Decolorize),
            Word::Drop => Ok(Stage::Drop(self.label_selectors()?)),
            Word::Keep => Ok(Stage::Keep(self.label_selectors()?)),
            _ => {
                self.at -= 1;
                self.unexpected("a parser, a formatter or a label filter")
            }
        }
    }

    fn logfmt(&mut self) -> Result<Stage> {
        let (mut strict, mut keep_empty) = (false, false);
        while let Kind::Flag(flag) = self.kind() {
            match flag {
                Flag::Strict => strict = true,
                Flag::KeepEmpty => keep_empty = true,
            }
            self.advance();
        }
        Ok(Stage::Logfmt { strict, keep_empty, extractions: self.extractions()? })
    }

    /// `a="path", b`, or nothing.
    fn extractions(&mut self) -> Result<Vec<Extraction>> {
        let mut extractions = Vec::new();
        if !matches!(self.kind(), Kind::Identifier(_)) {
            return Ok(extractions);
        }
        loop {
            let label = self.identifier()?;
            let path = if self.take_sign(Sign::Equal) { self.text()? } else { label.clone() };
            extractions.push(Extraction { label, path });
            if !self.take_sign(Sign::Comma) {
                return Ok(extractions);
            }
        }
    }

    fn label_format(&mut self) -> Result<Stage> {
        let mut formats = Vec::new();
        loop {
            let target = self.identifier()?;
            self.expect_sign(Sign::Equal)?;
            let source = match self.kind() {
                Kind::Identifier(_) => LabelSource::Rename(self.identifier()?),
                Kind::Text(_) => LabelSource::Template(self.text()?),
                _ => return self.unexpected("a label or a template in quotes"),
            };
            formats.push(LabelFormat { target, source });
            if !self.take_sign(Sign::Comma) {
                return Ok(Stage::LabelFormat(formats));
            }
        }
    }

    fn label_selectors(&mut self) -> Result<Vec<LabelSelector>> {
        let mut selectors = Vec::new();
        loop {
            let start = self.span().start;
            let name = self.identifier()?;
            let matches = matches!(
                self.kind(),
                Kind::Sign(Sign::Equal | Sign::NotEqual | Sign::Match | Sign::NotMatch)
            );
            selectors.push(if matches {
                LabelSelector::Matching(self.matcher_of(&name, start)?)
            } else {
                LabelSelector::Name(name)
            });
            if !self.take_sign(Sign::Comma) {
                return Ok(selectors);
            }
        }
    }

    /// Label filters joined by operators that bind tighter than `bind`.
    pub(super) fn label_filter(&mut self, bind: u8) -> Result<LabelFilter> {
        let depth = self.depth;
        let mut left = self.deeper(Self::one_label_filter)?;
        loop {
            let (and, right_bind) = match self.kind() {
                Kind::Word(Word::And) if bind < BIND_AND => (true, BIND_AND),
                Kind::Word(Word::Or) if bind < BIND_OR => (false, BIND_OR),
                Kind::Sign(Sign::Comma) => (true, 0),
                Kind::Identifier(_) | Kind::Sign(Sign::OpenParen) => (true, 0),
                _ => break,
            };
            if matches!(self.kind(), Kind::Word(_) | Kind::Sign(Sign::Comma)) {
                self.advance();
            }
            // Each operator makes the tree one deeper on its left, so the chain counts too.
            self.count_depth()?;
            let right = Box::new(self.deeper(|parser| parser.label_filter(right_bind))?);
            let left_side = Box::new(left);
            left = if and { LabelFilter::And(left_side, right) } else { LabelFilter::Or(left_side, right) };
        }
        self.depth = depth;
        Ok(left)
    }

    fn one_label_filter(&mut self) -> Result<LabelFilter> {
        if self.take_sign(Sign::OpenParen) {
            let inner = self.label_filter(0)?;
            self.expect_sign(Sign::CloseParen)?;
            return Ok(inner);
        }
        let start = self.span().start;
        let name = self.identifier()?;
        let Kind::Sign(sign) = *self.kind() else { return self.unexpected("a comparison") };
        if matches!(self.ahead(1), Kind::Text(_)) {
            return Ok(LabelFilter::Text(self.matcher_of(&name, start)?));
        }
        if *self.ahead(1) == Kind::Word(Word::Ip) && matches!(sign, Sign::Equal | Sign::NotEqual) {
            self.advance();
            self.advance();
            let pattern = self.text_in_parens()?;
            return Ok(LabelFilter::Ip { name, negative: sign == Sign::NotEqual, pattern });
        }
        let op = match sign {
            Sign::Equal | Sign::EqualEqual => CompareOp::Equal,
            Sign::NotEqual => CompareOp::NotEqual,
            Sign::Greater => CompareOp::Greater,
            Sign::GreaterEqual => CompareOp::GreaterEqual,
            Sign::Less => CompareOp::Less,
            Sign::LessEqual => CompareOp::LessEqual,
            _ => return self.unexpected("a comparison"),
        };
        self.advance();
        let filter = match *self.kind() {
            Kind::Duration(value_ns) => LabelFilter::Duration { name, op, value_ns },
            Kind::Bytes(value_bytes) => LabelFilter::Bytes { name, op, value_bytes },
            _ => return Ok(LabelFilter::Number { name, op, value: self.literal()? }),
        };
        self.advance();
        Ok(filter)
    }
}
