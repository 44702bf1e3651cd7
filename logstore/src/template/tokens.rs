//! Where a line is cut into fixed text and slots.
//!
//! Two cuts, both lossless by construction: fixed text and slot values, put back in order, are the input.
//!
//! * [`cut_line`] sees the structure of a line. What stands in quotes is one slot, unless a colon follows (a JSON
//!   key). A word is a slot where it holds a digit or is the value of a `key=` or `"key":`; other words are text.
//! * [`cut_word`] sees numbers inside a value: each run of digits is a slot.
//!
//! Searching relies on what the cuts never do. [`cut_line`] never cuts between two word bytes outside quotes and
//! never cuts inside quotes, so a run of word bytes of a line lies whole in one text or one slot.
//! [`cut_word`] cuts only where a digit meets another byte.

/// Stands for a slot in a skeleton. A line that holds this byte cannot be cut, see [`cut_line`].
pub(super) const SLOT: u8 = 0x01;

/// What a cut gives: the fixed text with [`SLOT`] for every slot, and where the slots lie in the input.
#[derive(Debug, Default)]
pub(super) struct Cut {
    /// Fixed text with a [`SLOT`] byte for every slot.
    pub(super) skeleton: Vec<u8>,
    /// Start and end of every slot in the input.
    pub(super) slots: Vec<(u32, u32)>,
}

impl Cut {
    fn clear(&mut self) {
        self.skeleton.clear();
        self.slots.clear();
    }

    fn slot(&mut self, start: usize, end: usize) {
        self.skeleton.push(SLOT);
        self.slots.push((start as u32, end as u32));
    }
}

/// Most slots of one skeleton: beyond, a line is not worth a template.
pub(super) const SLOTS_MAX: usize = 256;

/// Longest line that is cut; longer ones are kept whole.
pub(super) const CUT_BYTES_MAX: usize = 64 << 10;

/// Whether the byte belongs to words: letters, digits, bytes of non-ASCII characters, and the punctuation that
/// holds paths, addresses and names together.
pub(super) fn is_word_byte(byte: u8) -> bool {
    WORD_BYTES[usize::from(byte)]
}

const WORD_BYTES: [bool; 256] = {
    let mut table = [false; 256];
    let mut i = 0;
    while i < 256 {
        let byte = i as u8;
        table[i] = byte >= 0x80
            || byte.is_ascii_alphanumeric()
            || matches!(
                byte,
                b'_' | b'.'
                    | b'-'
                    | b'/'
                    | b'%'
                    | b'@'
                    | b'+'
                    | b'?'
                    | b'&'
                    | b'#'
                    | b'~'
                    | b'$'
                    | b'*'
                    | b'!'
            );
        i += 1;
    }
    table
};

/// Cuts a line by its structure. Returns false, with `cut` undefined, where the line is not worth a template: it
/// holds the byte [`SLOT`], is longer than [`CUT_BYTES_MAX`] or has more than [`SLOTS_MAX`] slots.
pub(super) fn cut_line(line: &[u8], cut: &mut Cut) -> bool {
    cut.clear();
    if line.len() > CUT_BYTES_MAX || memchr::memchr(SLOT, line).is_some() {
        return false;
    }
    let mut at = 0;
    while let Some(&byte) = line.get(at) {
        at = if byte == b'"' {
            cut_quoted(line, at, cut)
        } else if is_word_byte(byte) {
            cut_plain_word(line, at, cut)
        } else {
            cut.skeleton.push(byte);
            at + 1
        };
    }
    cut.slots.len() <= SLOTS_MAX
}

/// Handles the quote at `start` and returns where to go on. A quote without its partner is text.
fn cut_quoted(line: &[u8], start: usize, cut: &mut Cut) -> usize {
    let Some(end) = closing_quote(line, start + 1) else {
        cut.skeleton.push(b'"');
        return start + 1;
    };
    if line.get(end + 1) == Some(&b':') {
        cut.skeleton.extend_from_slice(&line[start..=end]);
    } else {
        cut.skeleton.push(b'"');
        cut.slot(start + 1, end);
        cut.skeleton.push(b'"');
    }
    end + 1
}

/// The quote that ends the string whose content starts at `from`; a backslash escapes the byte behind it.
fn closing_quote(line: &[u8], from: usize) -> Option<usize> {
    let mut at = from;
    loop {
        let found = at + memchr::memchr2(b'"', b'\\', line.get(at..)?)?;
        if line[found] == b'"' {
            return Some(found);
        }
        at = found + 2;
    }
}

/// Handles the word at `start` and returns where it ends.
fn cut_plain_word(line: &[u8], start: usize, cut: &mut Cut) -> usize {
    let word = &line[start..];
    let length = word.iter().position(|&b| !is_word_byte(b)).unwrap_or(word.len());
    let word = &word[..length];
    let before = &line[..start];
    let is_value = before.ends_with(b"=") || before.ends_with(b"\":");
    if is_value || word.iter().any(u8::is_ascii_digit) {
        cut.slot(start, start + length);
    } else {
        cut.skeleton.extend_from_slice(word);
    }
    start + length
}

/// Cuts a value at its numbers. Returns false where it is not worth it, as [`cut_line`] does.
pub(super) fn cut_word(word: &[u8], cut: &mut Cut) -> bool {
    cut.clear();
    if word.len() > CUT_BYTES_MAX || memchr::memchr(SLOT, word).is_some() {
        return false;
    }
    let mut at = 0;
    while let Some(&byte) = word.get(at) {
        let start = at;
        if byte.is_ascii_digit() {
            while word.get(at).is_some_and(u8::is_ascii_digit) {
                at += 1;
            }
            cut.slot(start, at);
        } else {
            cut.skeleton.push(byte);
            at += 1;
        }
    }
    cut.slots.len() <= SLOTS_MAX
}
