//! Places in the query text.

use std::fmt;

/// A half-open range of bytes in the query text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Span {
    /// Offset of the first byte.
    pub start: u32,
    /// Offset behind the last byte.
    pub end: u32,
}

impl Span {
    /// The bytes from `start` to `end`, `end` not included.
    pub fn new(start: u32, end: u32) -> Self {
        Span { start, end }
    }

    /// The smallest span that covers both.
    #[must_use]
    pub fn to(self, other: Span) -> Span {
        Span { start: self.start.min(other.start), end: self.end.max(other.end) }
    }

    /// Line and column of the first byte in `query`, both counted from 1; the column counts bytes. O(start).
    ///
    /// ```
    /// use promql::Span;
    ///
    /// let place = Span::new(6, 9).line_column("sum(\n foo)");
    /// assert_eq!(place.to_string(), "2:2");
    /// ```
    pub fn line_column(self, query: &str) -> LineColumn {
        let before = query.as_bytes().get(..self.start as usize).unwrap_or(query.as_bytes());
        let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
        let line_start = before.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
        LineColumn { line, column: before.len() - line_start + 1 }
    }

    /// The text that the span covers; empty where the span does not lie in `query`.
    pub fn text(self, query: &str) -> &str {
        query.get(self.start as usize..self.end as usize).unwrap_or("")
    }
}

/// A place for people: both numbers count from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LineColumn {
    /// Number of the line.
    pub line: usize,
    /// Number of the byte in its line.
    pub column: usize,
}

impl fmt::Display for LineColumn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line, self.column)
    }
}
