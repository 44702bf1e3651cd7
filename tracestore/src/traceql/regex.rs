//! Regular expressions of queries: anchored at both ends, with the syntax of Go, which is that of RE2.

use bedrock::regex::GoRegex;

use super::limits::REGEX_BYTES_MAX;

/// A compiled pattern that matches whole texts.
#[derive(Clone, Debug)]
pub(crate) struct Pattern {
    regex: GoRegex,
}

impl Pattern {
    /// Compiles a pattern; `None` where it is no regular expression or needs more than the limits allow.
    pub(crate) fn new(source: &str) -> Option<Self> {
        if source.len() > REGEX_BYTES_MAX {
            return None;
        }
        GoRegex::anchored(source).ok().map(|regex| Pattern { regex })
    }

    /// Whether it matches the whole text.
    pub(crate) fn is_match(&self, text: &str) -> bool {
        self.regex.is_match(text)
    }

    /// The pattern as it was written.
    pub(crate) fn source(&self) -> &str {
        self.regex.pattern()
    }
}
