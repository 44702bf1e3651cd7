//! The labels of one line while it goes through a pipeline.
//!
//! Labels come from three places, which stay apart: the stream, the structured metadata, and what stages set. All text
//! of one line lies in one arena that is cleared and not freed, so that a line costs no allocation once the arena has
//! grown to the usual size. Names are found by walking: a line has some ten labels, and comparing lengths first makes
//! that cheaper than hashing.

use bedrock::labels::Labels;

/// The label that holds what went wrong with a line.
pub(crate) const ERROR: &str = "__error__";
/// The label that holds details of it.
pub(crate) const ERROR_DETAILS: &str = "__error_details__";
/// Set on a line whose error the query asks for, so that the error does not fail the query.
pub(crate) const PRESERVE_ERROR: &str = "__preserve_error__";
/// What a name gets behind it where the stream or the metadata already have it.
const DUPLICATE_SUFFIX: &str = "_extracted";

/// Where a label comes from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Category {
    /// The labels of the stream.
    Stream,
    /// Structured metadata of the entry.
    Metadata,
    /// Set by a stage of the query.
    Parsed,
}

/// A piece of the arena.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Span {
    start: usize,
    end: usize,
}

#[derive(Clone, Copy, Debug)]
struct Slot {
    name: Span,
    value: Span,
}

/// The labels of one line.
#[derive(Debug, Default)]
pub(crate) struct LineLabels {
    stream: Labels,
    text: String,
    metadata: Vec<Slot>,
    parsed: Vec<Slot>,
    deleted: Vec<Span>,
    error: Span,
    details: Span,
    /// Names that a stage has set on this line, also where they were deleted since.
    extracted: Vec<Span>,
    /// How much text the stages may add to one line.
    bytes_max: usize,
    too_long: bool,
}

impl LineLabels {
    pub(crate) fn new(bytes_max: usize) -> Self {
        LineLabels { bytes_max, ..LineLabels::default() }
    }

    /// Starts a stream.
    pub(crate) fn start_stream(&mut self, labels: &Labels) {
        self.stream = labels.clone();
    }

    /// Starts a line of the stream.
    pub(crate) fn start_line(&mut self, metadata: &[(&str, &str)]) {
        self.text.clear();
        self.metadata.clear();
        self.parsed.clear();
        self.deleted.clear();
        self.extracted.clear();
        self.error = Span::default();
        self.details = Span::default();
        self.too_long = false;
        for &(name, value) in metadata {
            let value = self.push(value);
            if self.stream.get(name).is_some() {
                let start = self.text.len();
                self.text.push_str(name);
                self.text.push_str(DUPLICATE_SUFFIX);
                let name = Span { start, end: self.text.len() };
                self.set_metadata(name, value);
            } else if name == ERROR {
                self.error = value;
            } else if name == ERROR_DETAILS {
                self.details = value;
            } else {
                let name = self.push(name);
                self.set_metadata(name, value);
            }
        }
    }

    fn set_metadata(&mut self, name: Span, value: Span) {
        let known = self.metadata.iter().position(|slot| self.at(slot.name) == self.at(name));
        match known {
            Some(at) => self.metadata[at].value = value,
            None => self.metadata.push(Slot { name, value }),
        }
    }

    fn at(&self, span: Span) -> &str {
        &self.text[span.start..span.end]
    }

    fn push(&mut self, text: &str) -> Span {
        let start = self.text.len();
        if start + text.len() > self.bytes_max {
            self.too_long = true;
            return Span { start, end: start };
        }
        self.text.push_str(text);
        Span { start, end: self.text.len() }
    }

    /// Whether the stages tried to add more text than a line may have.
    pub(crate) fn is_too_long(&self) -> bool {
        self.too_long
    }

    fn find(&self, slots: &[Slot], name: &str) -> Option<usize> {
        slots.iter().position(|slot| self.at(slot.name) == name)
    }

    /// A label, unless it was deleted. Empty labels of the stream are absent.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        for slots in [&self.metadata, &self.parsed] {
            if let Some(at) = self.find(slots, name) {
                return Some(self.at(slots[at].value));
            }
        }
        if self.is_deleted(name) {
            return None;
        }
        self.stream.get(name).filter(|value| !value.is_empty())
    }

    fn is_deleted(&self, name: &str) -> bool {
        self.deleted.iter().any(|&span| self.at(span) == name)
    }

    /// Whether the stream or the metadata have a label, so that a parsed one of that name gets a suffix.
    pub(crate) fn is_taken(&self, name: &str) -> bool {
        self.stream.get(name).is_some() || self.find(&self.metadata, name).is_some()
    }

    /// Adds the suffix to a name that is taken.
    pub(crate) fn make_free(&self, name: &mut String) {
        if self.is_taken(name) {
            name.push_str(DUPLICATE_SUFFIX);
        }
    }

    /// Sets a label as a stage does: metadata of that name gives way.
    pub(crate) fn set(&mut self, name: &str, value: &str) {
        let value = self.push(value);
        self.set_span(name, value);
    }

    /// Sets a label to bytes of a line; what is no UTF-8 becomes `replacement`.
    pub(crate) fn set_bytes(&mut self, name: &str, value: &[u8], replacement: char) {
        let start = self.text.len();
        if start + value.len() > self.bytes_max {
            self.too_long = true;
        } else {
            push_lossy(&mut self.text, value, replacement);
        }
        let value = Span { start, end: self.text.len() };
        self.set_span(name, value);
    }

    fn set_span(&mut self, name: &str, value: Span) {
        if let Some(at) = self.find(&self.metadata, name) {
            self.metadata.remove(at);
        }
        if let Some(at) = self.find(&self.parsed, name) {
            self.parsed[at].value = value;
            return;
        }
        if self.too_long {
            return;
        }
        let name = self.push(name);
        self.parsed.push(Slot { name, value });
        self.extracted.push(name);
    }

    /// Gives a label a new name; nothing happens where it is missing.
    pub(crate) fn rename(&mut self, target: &str, source: &str) {
        let Some(value) = self.get(source).map(str::to_owned) else { return };
        self.set(target, &value);
        self.delete(source);
    }

    /// Deletes a label wherever it comes from.
    pub(crate) fn delete(&mut self, name: &str) {
        if let Some(at) = self.find(&self.metadata, name) {
            self.metadata.remove(at);
        }
        if let Some(at) = self.find(&self.parsed, name) {
            self.parsed.remove(at);
        }
        let name = self.push(name);
        self.deleted.push(name);
    }

    /// Whether a stage has set the label on this line before.
    pub(crate) fn is_extracted(&self, name: &str) -> bool {
        self.extracted.iter().any(|&span| self.at(span) == name)
    }

    /// Number of labels that stages have set.
    pub(crate) fn extracted_count(&self) -> usize {
        self.extracted.len()
    }

    pub(crate) fn error(&self) -> &str {
        self.at(self.error)
    }

    pub(crate) fn has_error(&self) -> bool {
        self.error.start != self.error.end
    }

    pub(crate) fn details(&self) -> &str {
        self.at(self.details)
    }

    /// Marks the line as failed.
    pub(crate) fn fail(&mut self, error: &str, details: &str) {
        self.error = self.push(error);
        if !details.is_empty() {
            self.details = self.push(details);
        }
    }

    /// Forgets the error, but not its details.
    pub(crate) fn clear_error(&mut self) {
        self.error = Span::default();
    }

    pub(crate) fn clear_details(&mut self) {
        self.details = Span::default();
    }

    /// Whether the labels are those of the stream.
    pub(crate) fn is_unchanged(&self) -> bool {
        self.metadata.is_empty() && self.parsed.is_empty() && self.deleted.is_empty() && !self.has_error()
    }

    /// The labels of the stream.
    pub(crate) fn stream(&self) -> &Labels {
        &self.stream
    }

    /// Every label that is there now, by category, each name once; the error last.
    pub(crate) fn for_each<'l>(&'l self, mut visit: impl FnMut(Category, &'l str, &'l str)) {
        for (name, value) in &self.stream {
            let hidden = self.find(&self.metadata, name).is_some()
                || self.find(&self.parsed, name).is_some()
                || !self.deleted.is_empty() && self.is_deleted(name);
            if !hidden {
                visit(Category::Stream, name, value);
            }
        }
        for slot in &self.metadata {
            visit(Category::Metadata, self.at(slot.name), self.at(slot.value));
        }
        for slot in &self.parsed {
            visit(Category::Parsed, self.at(slot.name), self.at(slot.value));
        }
        if self.has_error() {
            visit(Category::Parsed, ERROR, self.error());
        }
        if self.details.start != self.details.end {
            visit(Category::Parsed, ERROR_DETAILS, self.details());
        }
    }
}

/// Appends bytes as text: each byte that is no UTF-8 becomes the replacement, and with a blank as replacement so does
/// each U+FFFD.
pub(crate) fn push_lossy(out: &mut String, bytes: &[u8], replacement: char) {
    for chunk in bytes.utf8_chunks() {
        if replacement == ' ' && chunk.valid().contains('\u{fffd}') {
            out.extend(chunk.valid().chars().map(|c| if c == '\u{fffd}' { ' ' } else { c }));
        } else {
            out.push_str(chunk.valid());
        }
        out.extend(chunk.invalid().iter().map(|_| replacement));
    }
}

/// Appends a key of a line as a label name: blanks around it go, other characters than ASCII letters, digits and `_`
/// become `_`, and a leading digit gets one before it where `out` is empty.
pub(crate) fn push_name(out: &mut String, key: &[u8]) {
    let lossy;
    let key = match std::str::from_utf8(key) {
        Ok(key) => key,
        Err(_) => {
            let mut text = String::with_capacity(key.len());
            push_lossy(&mut text, key, '\u{fffd}');
            lossy = text;
            lossy.as_str()
        }
    };
    let key = key.trim();
    if out.is_empty() && key.starts_with(|c: char| c.is_ascii_digit()) {
        out.push('_');
    }
    out.extend(key.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '_' }));
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(labels: &LineLabels) -> Vec<String> {
        let mut out = Vec::new();
        labels.for_each(|category, name, value| out.push(format!("{category:?} {name}={value}")));
        out
    }

    #[test]
    fn later_sources_hide_earlier_ones() {
        let mut labels = LineLabels::new(1 << 20);
        labels.start_stream(&Labels::from_pairs([("a", "1"), ("b", "2")]).unwrap());
        labels.start_line(&[("b", "meta"), ("c", "meta")]);
        labels.set("c", "3");
        labels.delete("a");
        assert_eq!(all(&labels), ["Stream b=2", "Metadata b_extracted=meta", "Parsed c=3"]);
        assert_eq!((labels.get("a"), labels.get("b"), labels.get("c")), (None, Some("2"), Some("3")));
        labels.rename("d", "b");
        assert_eq!(all(&labels), ["Metadata b_extracted=meta", "Parsed c=3", "Parsed d=2"]);
        labels.fail("JSONParserErr", "broken");
        assert_eq!(all(&labels).len(), 5);
    }

    #[test]
    fn text_of_a_line_is_bounded() {
        let mut labels = LineLabels::new(10);
        labels.start_line(&[]);
        labels.set("name", "a value that is too long");
        assert!(labels.is_too_long());
    }

    #[test]
    fn names_are_made_from_keys() {
        let mut name = String::new();
        push_name(&mut name, b" 1s");
        assert_eq!(name, "_1s");
        name.clear();
        push_name(&mut name, b"a.b \xff");
        assert_eq!(name, "a_b__");
    }
}
