//! Why an expression was refused.

/// An expression that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum RegexError {
    /// The expression is not in Go's syntax. The text is what Go's `regexp` prints, which users of the query
    /// languages know.
    #[error("error parsing regexp: {problem}: `{fragment}`")]
    Syntax {
        /// What is wrong, in Go's words.
        problem: &'static str,
        /// The part of the expression that is wrong.
        fragment: String,
        /// Where it starts in the expression, in bytes.
        position: usize,
    },
    /// The compiled expression would be larger than the limit allows.
    #[error("regular expression needs more than {max_bytes} bytes of memory")]
    TooLarge {
        /// The limit on the compiled size.
        max_bytes: usize,
    },
}
