//! The smallest parts of a printed query: numbers, strings, labels, matchers.

use std::fmt::{self, Display, Formatter, Write};

use bedrock::labels::Matcher;

/// A number without exponent, so that it reads back to the same value.
pub(super) fn write_number(f: &mut Formatter<'_>, value: f64) -> fmt::Result {
    if value.is_infinite() {
        return f.write_str(if value > 0.0 { "Inf" } else { "-Inf" });
    }
    write!(f, "{value}")
}

/// A string in double quotes.
pub(super) struct Quoted<'a>(pub(super) &'a str);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        f.write_str("\"")?;
        for c in self.0.chars() {
            match c {
                '"' => f.write_str("\\\"")?,
                '\\' => f.write_str("\\\\")?,
                '\n' => f.write_str("\\n")?,
                '\r' => f.write_str("\\r")?,
                '\t' => f.write_str("\\t")?,
                c if c.is_ascii_control() => write!(f, "\\x{:02x}", u32::from(c))?,
                c => f.write_char(c)?,
            }
        }
        f.write_str("\"")
    }
}

/// A label name, in quotes where it needs them.
pub(super) struct Label<'a>(pub(super) &'a str);

impl Display for Label<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let bytes = self.0.as_bytes();
        let starts = bytes.first().is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
        if starts && bytes.iter().all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_') {
            // `Inf` and `NaN` are numbers outside of quotes.
            if !self.0.eq_ignore_ascii_case("inf") && !self.0.eq_ignore_ascii_case("nan") {
                return f.write_str(self.0);
            }
        }
        Quoted(self.0).fmt(f)
    }
}

/// Label names with commas between.
pub(super) struct Labels<'a>(pub(super) &'a [Box<str>]);

impl Display for Labels<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        for (index, label) in self.0.iter().enumerate() {
            write!(f, "{}{}", if index == 0 { "" } else { ", " }, Label(label))?;
        }
        Ok(())
    }
}

/// A matcher as it stands in braces.
pub(super) struct MatcherText<'a>(pub(super) &'a Matcher);

impl Display for MatcherText<'_> {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}{}", Label(self.0.name()), self.0.op().as_str(), Quoted(self.0.value()))
    }
}
