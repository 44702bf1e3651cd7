//! `selector pipeline [5m] offset 1h | unwrap x`, in the orders that the grammar allows.
//!
//! Without parentheses pipeline and unwrap stand either before or behind the range. Parentheses around a selector close
//! over the pipeline, and behind them only range, offset and, for a bare selector, unwrap may follow. Parentheses may
//! also stand around the whole.

use crate::logql::ast::{LogExpr, LogRange, Unwrap};
use crate::logql::error::Result;
use crate::logql::lex::{Kind, Sign, Word};
use crate::logql::parse::Parser;

impl Parser {
    pub(super) fn log_range(&mut self) -> Result<LogRange> {
        if !self.is_sign(Sign::OpenParen) {
            return self.bare_log_range();
        }
        if *self.ahead(1) != Kind::Sign(Sign::OpenBrace) {
            return self.deeper(|parser| {
                parser.advance();
                let range = parser.log_range()?;
                parser.expect_sign(Sign::CloseParen)?;
                Ok(range)
            });
        }
        self.advance();
        let matchers = self.selector()?;
        if matches!(self.kind(), Kind::Range(_)) {
            let range = self.behind_selector(matchers)?;
            self.expect_sign(Sign::CloseParen)?;
            return Ok(range);
        }
        let stages = self.stages()?;
        let mut unwrap = self.unwrap()?;
        if matches!(self.kind(), Kind::Range(_)) {
            let (range_ns, offset_ns) = self.range_and_offset()?;
            self.expect_sign(Sign::CloseParen)?;
            return Ok(LogRange { log: LogExpr { matchers, stages }, unwrap, range_ns, offset_ns });
        }
        self.expect_sign(Sign::CloseParen)?;
        let (range_ns, offset_ns) = self.range_and_offset()?;
        if stages.is_empty() && unwrap.is_none() {
            unwrap = self.unwrap()?;
        }
        Ok(LogRange { log: LogExpr { matchers, stages }, unwrap, range_ns, offset_ns })
    }

    fn bare_log_range(&mut self) -> Result<LogRange> {
        if !self.is_sign(Sign::OpenBrace) {
            return self.unexpected("a selector or `(`");
        }
        let matchers = self.selector()?;
        if matches!(self.kind(), Kind::Range(_)) {
            return self.behind_selector(matchers);
        }
        let stages = self.stages()?;
        let unwrap = self.unwrap()?;
        let (range_ns, offset_ns) = self.range_and_offset()?;
        Ok(LogRange { log: LogExpr { matchers, stages }, unwrap, range_ns, offset_ns })
    }

    /// `[5m] offset 1h pipeline | unwrap x` behind a selector.
    fn behind_selector(&mut self, matchers: Vec<bedrock::labels::Matcher>) -> Result<LogRange> {
        let (range_ns, offset_ns) = self.range_and_offset()?;
        let stages = self.stages()?;
        let unwrap = self.unwrap()?;
        Ok(LogRange { log: LogExpr { matchers, stages }, unwrap, range_ns, offset_ns })
    }

    fn range_and_offset(&mut self) -> Result<(i64, i64)> {
        let Kind::Range(range_ns) = *self.kind() else { return self.unexpected("a range such as [5m]") };
        self.advance();
        if !self.take_word(Word::Offset) {
            return Ok((range_ns, 0));
        }
        let Kind::Duration(offset_ns) = *self.kind() else { return self.unexpected("a duration such as 1h") };
        self.advance();
        Ok((range_ns, offset_ns))
    }

    /// `| unwrap x`, with its filters, where it stands here.
    fn unwrap(&mut self) -> Result<Option<Unwrap>> {
        if !self.is_sign(Sign::Pipe) || *self.ahead(1) != Kind::Word(Word::Unwrap) {
            return Ok(None);
        }
        self.advance();
        self.advance();
        let (label, conversion) = match *self.kind() {
            Kind::Conversion(conversion) => {
                self.advance();
                self.expect_sign(Sign::OpenParen)?;
                let label = self.identifier()?;
                self.expect_sign(Sign::CloseParen)?;
                (label, Some(conversion))
            }
            Kind::Identifier(_) => (self.identifier()?, None),
            _ => return self.unexpected("a label or a conversion such as `duration(label)`"),
        };
        let mut filters = Vec::new();
        while self.take_sign(Sign::Pipe) {
            filters.push(self.label_filter(0)?);
        }
        Ok(Some(Unwrap { label, conversion, filters }))
    }
}
