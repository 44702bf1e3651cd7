//! What a text that lines must hold says of their words.

use super::{WORD_BYTES_MAX, runs};

/// A run of letters of the text.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Run<'t> {
    /// A word of every line that holds the text.
    Whole(&'t [u8]),
    /// A part of a word, or all of it.
    Part(&'t [u8]),
}

/// The runs of a text; those longer than words are left out.
pub(super) fn runs_of(text: &[u8]) -> Vec<Run<'_>> {
    let run = |range: std::ops::Range<usize>| {
        let run = text.get(range.clone()).filter(|run| run.len() <= WORD_BYTES_MAX)?;
        let whole = range.start > 0 && range.end < text.len();
        Some(if whole { Run::Whole(run) } else { Run::Part(run) })
    };
    runs(text).filter_map(run).collect()
}
