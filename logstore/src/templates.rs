//! Lines that share their fixed text, and what a query makes of all of them at once.
//!
//! A store that keeps lines as templates and columns of what varies (see [`crate::template`]) can ask a query about a
//! template before it builds a line. The query may name slots whose values decide whether a line can matter, so that the
//! column is tested and the line never built; and it may give a shorter template whose lines mean the same to it:
//! of a JSON line of ten members the one that the query groups by. Both are found by running the parser of the query over
//! the template itself, with marks in its slots: what a parser does hangs on the text between values, and a slot's kind
//! says that its values cannot change that.

use std::fmt::Debug;

/// What the values of one slot are known to be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SlotKind {
    /// A word that starts as a number does, with a digit or with a minus and a digit, or `true`, `false` or `null`.
    Scalar,
    /// At least one byte; letters, digits, bytes of non-ASCII characters, and `_.-/%@+?&#~$*!`.
    Word,
    /// All that stands between two quotes, which are part of the text around: any bytes, but a quote or the last byte never
    /// stand alone behind an odd number of backslashes.
    Quoted,
}

/// Fixed text with slots in it: one text before the first slot, between two, and behind the last.
#[derive(Clone, Copy, Debug)]
pub struct LineTemplate<'t> {
    /// One more than slots.
    pub texts: &'t [Vec<u8>],
    /// What each slot may hold.
    pub slots: &'t [SlotKind],
}

impl LineTemplate<'_> {
    /// A line of the template with the given text in each slot.
    pub fn line(&self, slot: impl Fn(usize) -> Vec<u8>) -> Vec<u8> {
        let mut line = Vec::new();
        for (index, text) in self.texts.iter().enumerate() {
            line.extend_from_slice(text);
            if index < self.slots.len() {
                line.extend_from_slice(&slot(index));
            }
        }
        line
    }
}

/// A template that was made from another one: text, and slots of that one in their order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ShortTemplate {
    /// Text before the first slot.
    pub first: Vec<u8>,
    /// Slots of the original, each with the text behind it.
    pub slots: Vec<(usize, Vec<u8>)>,
}

/// What a query says of the lines of a template.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TemplateReading {
    /// None of them can matter, but for entries that [`TemplateQuery::is_about`] exempts.
    pub none: bool,
    /// Slots with the numbers of tests: a line can matter only where its values pass all of them. The same exemption holds.
    pub tests: Vec<(usize, usize)>,
    /// A shorter template, where one means the same.
    pub short: Option<ShortTemplate>,
}

/// A query that reads templates.
pub trait TemplateQuery: Debug + Sync {
    /// What the query says of a template. Called once a template and row group.
    fn read(&self, template: &LineTemplate<'_>) -> TemplateReading;

    /// Whether a value passes a test of [`TemplateReading::tests`].
    fn passes(&self, test: usize, value: &[u8]) -> bool;

    /// Whether a stream label or a metadata name of this name changes what the tests are about, so that its entries are
    /// exempt from them.
    fn is_about(&self, label: &str) -> bool;
}
