//! From the tree back to text, in one line.
//!
//! The text reads back to the same tree. Its layout, blanks included, is that of the reference's canonical form.

use std::fmt::{self, Display, Formatter, Write};

use bedrock::labels::{MatchOp, Matcher};

use crate::logql::ast::{
    BinaryExpr, Cardinality, Expr, Extraction, Grouping, LabelFilter, LabelFormat, LabelReplace,
    LabelSelector, LabelSource, LineFilter, LineOperand, LogExpr, LogRange, MetricExpr, RangeAggregation,
    Stage, Unwrap, VectorAggregation,
};
use crate::logql::{number, quantity, simplify};

/// A text in double quotes with Go's escapes.
pub(crate) fn quote(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for c in text.chars() {
        match c {
            '"' => quoted.push_str("\\\""),
            '\\' => quoted.push_str("\\\\"),
            '\u{7}' => quoted.push_str("\\a"),
            '\u{8}' => quoted.push_str("\\b"),
            '\u{c}' => quoted.push_str("\\f"),
            '\n' => quoted.push_str("\\n"),
            '\r' => quoted.push_str("\\r"),
            '\t' => quoted.push_str("\\t"),
            '\u{b}' => quoted.push_str("\\v"),
            c if is_printable(c) => quoted.push(c),
            c if (c as u32) < 0x80 => quoted.push_str(&format!("\\x{:02x}", c as u32)),
            c if (c as u32) < 0x1_0000 => quoted.push_str(&format!("\\u{:04x}", c as u32)),
            c => quoted.push_str(&format!("\\U{:08x}", c as u32)),
        }
    }
    quoted.push('"');
    quoted
}

/// Whether Go prints a character as it is: letters, marks, numbers, punctuation, symbols and the ASCII blank.
fn is_printable(c: char) -> bool {
    match c {
        ' '..='~' => true,
        '\u{ad}'
        | '\u{feff}'
        | '\u{e000}'..='\u{f8ff}'
        | '\u{200b}'..='\u{200f}'
        | '\u{2028}'..='\u{202e}' => false,
        '\u{2060}'..='\u{206f}' | '\u{fff0}'..='\u{fffb}' | '\u{e0000}'..='\u{10ffff}' => false,
        c => !c.is_control() && !c.is_whitespace(),
    }
}

fn matcher(m: &Matcher) -> String {
    let name = m.name();
    let plain = name
        .chars()
        .enumerate()
        .all(|(i, c)| c == '_' || c.is_ascii_alphabetic() || i > 0 && c.is_ascii_digit());
    let name = if plain { name.to_owned() } else { quote(name) };
    format!("{name}{}{}", m.op().as_str(), quote(m.value()))
}

fn list<T>(f: &mut Formatter<'_>, items: &[T], separator: &str, text: impl Fn(&T) -> String) -> fmt::Result {
    for (i, item) in items.iter().enumerate() {
        f.write_str(if i == 0 { "" } else { separator })?;
        f.write_str(&text(item))?;
    }
    Ok(())
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Expr::Log(log) => log.fmt(f),
            Expr::Metric(metric) => metric.fmt(f),
        }
    }
}

impl Display for LogExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_char('{')?;
        list(f, &self.matchers, ", ", matcher)?;
        f.write_char('}')?;
        self.stages.iter().try_for_each(|stage| write!(f, " {stage}"))
    }
}

impl Display for Stage {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Stage::LineFilters(filters) => list(f, filters, " ", LineFilter::to_string),
            Stage::LabelFilter(filter) => write!(f, "| {filter}"),
            Stage::Json(extractions) => {
                f.write_str("| json")?;
                write_extractions(f, extractions)
            }
            Stage::Logfmt { strict, keep_empty, extractions } => {
                f.write_str("| logfmt")?;
                f.write_str(if *strict { " --strict" } else { "" })?;
                f.write_str(if *keep_empty { " --keep-empty" } else { "" })?;
                write_extractions(f, extractions)
            }
            Stage::Regexp(text) => write!(f, "| regexp {}", quote(text)),
            Stage::Pattern(text) => write!(f, "| pattern {}", quote(text)),
            Stage::Unpack => f.write_str("| unpack"),
            Stage::LineFormat(text) => write!(f, "| line_format {}", quote(text)),
            Stage::LabelFormat(formats) => {
                f.write_str("| label_format ")?;
                list(f, formats, ",", LabelFormat::to_string)
            }
            Stage::Decolorize => f.write_str("| decolorize"),
            Stage::Drop(selectors) => {
                f.write_str("| drop ")?;
                list(f, selectors, ",", LabelSelector::to_string)
            }
            Stage::Keep(selectors) => {
                f.write_str("| keep ")?;
                list(f, selectors, ",", LabelSelector::to_string)
            }
        }
    }
}

fn write_extractions(f: &mut Formatter<'_>, extractions: &[Extraction]) -> fmt::Result {
    f.write_str(if extractions.is_empty() { "" } else { " " })?;
    list(f, extractions, ",", |extraction| format!("{}={}", extraction.label, quote(&extraction.path)))
}

impl Display for LineFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{} ", self.op.as_str())?;
        list(f, &self.operands, " or ", |operand| match operand {
            LineOperand::Text(text) => quote(text),
            LineOperand::Ip(text) => format!("ip({})", quote(text)),
        })
    }
}

impl Display for LabelFormat {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.source {
            LabelSource::Rename(name) => write!(f, "{}={name}", self.target),
            LabelSource::Template(text) => write!(f, "{}={}", self.target, quote(text)),
        }
    }
}

impl Display for LabelSelector {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            LabelSelector::Name(name) => f.write_str(name),
            LabelSelector::Matching(m) => f.write_str(&matcher(m)),
        }
    }
}

impl Display for LabelFilter {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            LabelFilter::Text(m) => {
                // The reference writes the expressions that it runs as such between backticks.
                let raw =
                    m.op() == MatchOp::Regex && !m.value().contains('`') && !simplify::is_plain(m.value());
                match raw {
                    true => write!(f, "{}{}`{}`", m.name(), m.op().as_str(), m.value()),
                    false => f.write_str(&matcher(m)),
                }
            }
            LabelFilter::Number { name, op, value } => {
                write!(f, "{name}{}{}", op.as_str(), number::format_plain(*value))
            }
            LabelFilter::Duration { name, op, value_ns } => {
                write!(f, "{name}{}{}", op.as_str(), quantity::format_go_duration(*value_ns))
            }
            LabelFilter::Bytes { name, op, value_bytes } => {
                write!(f, "{name}{}{}", op.as_str(), quantity::format_bytes(*value_bytes))
            }
            LabelFilter::Ip { name, negative, pattern } => {
                write!(f, "{name}{}ip({})", if *negative { "!=" } else { "=" }, quote(pattern))
            }
            LabelFilter::And(left, right) => write!(f, "( {left} , {right} )"),
            LabelFilter::Or(left, right) => write!(f, "( {left} or {right} )"),
        }
    }
}

impl Display for MetricExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            MetricExpr::Literal(value) => f.write_str(&number::format_float(*value)),
            MetricExpr::Vector(value) => write!(f, "vector({})", number::format_fixed(*value)),
            MetricExpr::Range(aggregation) => aggregation.fmt(f),
            MetricExpr::Aggregation(aggregation) => aggregation.fmt(f),
            MetricExpr::Binary(binary) => binary.fmt(f),
            MetricExpr::LabelReplace(replace) => replace.fmt(f),
        }
    }
}

impl Display for RangeAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.op.as_str())?;
        if let Some(parameter) = self.parameter {
            write!(f, "{},", number::format_plain(parameter))?;
        }
        write!(f, "{})", self.range)?;
        self.grouping.iter().try_for_each(|grouping| grouping.fmt(f))
    }
}

impl Display for LogRange {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.log.fmt(f)?;
        if let Some(unwrap) = &self.unwrap {
            write!(f, " {unwrap}")?;
        }
        write!(f, "[{}]", quantity::format_range(self.range_ns))?;
        if self.offset_ns != 0 {
            write!(f, " offset {}", quantity::format_go_duration(self.offset_ns))?;
        }
        Ok(())
    }
}

impl Display for Unwrap {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.fmt_head(f)?;
        self.filters.iter().try_for_each(|filter| write!(f, " | {filter}"))
    }
}

impl Unwrap {
    /// Without the filters.
    pub(crate) fn fmt_head(&self, f: &mut impl Write) -> fmt::Result {
        match self.conversion {
            Some(conversion) => write!(f, "| unwrap {}({})", conversion.as_str(), self.label),
            None => write!(f, "| unwrap {}", self.label),
        }
    }
}

impl Display for Grouping {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, " {} ({})", if self.without { "without" } else { "by" }, self.labels.join(","))
    }
}

impl Display for VectorAggregation {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str(self.op.as_str())?;
        if !self.grouping.is_single() {
            self.grouping.fmt(f)?;
        }
        f.write_char('(')?;
        if let Some(parameter) = self.parameter {
            write!(f, "{parameter},")?;
        }
        write!(f, "{})", self.inner)
    }
}

impl Display for BinaryExpr {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let matching = &self.matching;
        write!(f, "({} {}", self.left, self.op.as_str())?;
        f.write_str(if self.return_bool { " bool" } else { "" })?;
        if matching.on || !matching.labels.is_empty() {
            write!(f, " {} ({}) ", if matching.on { "on" } else { "ignoring" }, matching.labels.join(","))?;
            f.write_str(matching.cardinality.as_str())?;
            if !matching.include.is_empty() {
                write!(f, " ({})", matching.include.join(","))?;
            }
        }
        write!(f, " {})", self.right)
    }
}

impl Cardinality {
    /// The keyword, empty where none is written.
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Cardinality::OneToOne => "",
            Cardinality::ManyToOne => "group_left",
            Cardinality::OneToMany => "group_right",
        }
    }
}

impl Display for LabelReplace {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "label_replace({}", self.inner)?;
        for text in [&self.target, &self.replacement, &self.source, &self.regex] {
            write!(f, ",{}", quote(text))?;
        }
        f.write_char(')')
    }
}
