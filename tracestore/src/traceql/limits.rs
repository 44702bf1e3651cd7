//! Limits that keep a hostile query from costing more than its text.

/// The longest query, in bytes.
pub const QUERY_BYTES_MAX: usize = 128 * 1024;

/// The deepest nesting of operators and parentheses. A chain of `n` operators of one kind is `n` deep.
///
/// The engine recurses at most this deep, at well under 1 KiB a level: half a megabyte of stack.
pub const DEPTH_MAX: usize = 500;

/// The longest regular expression, in bytes.
pub const REGEX_BYTES_MAX: usize = 10 * 1024;
