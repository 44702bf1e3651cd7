//! Character classes: `[a-z]`, `[[:alpha:]]`, `\d`, `\pL`.

use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind};

use super::RegexError;
use super::parser::Parser;

const INVALID_RANGE: &str = "invalid character class range";

type Ranges = &'static [(char, char)];

const DIGIT: Ranges = &[('0', '9')];
const SPACE: Ranges = &[('\t', '\n'), ('\x0c', '\r'), (' ', ' ')];
const WORD: Ranges = &[('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z')];

/// The names that may stand in `[[:name:]]`.
const POSIX: &[(&str, Ranges)] = &[
    ("alnum", &[('0', '9'), ('A', 'Z'), ('a', 'z')]),
    ("alpha", &[('A', 'Z'), ('a', 'z')]),
    ("ascii", &[('\0', '\x7f')]),
    ("blank", &[('\t', '\t'), (' ', ' ')]),
    ("cntrl", &[('\0', '\x1f'), ('\x7f', '\x7f')]),
    ("digit", DIGIT),
    ("graph", &[('!', '~')]),
    ("lower", &[('a', 'z')]),
    ("print", &[(' ', '~')]),
    ("punct", &[('!', '/'), (':', '@'), ('[', '`'), ('{', '~')]),
    ("space", &[('\t', '\r'), (' ', ' ')]),
    ("upper", &[('A', 'Z')]),
    ("word", WORD),
    ("xdigit", &[('0', '9'), ('A', 'F'), ('a', 'f')]),
];

/// A class in brackets; the parser stands at `[`.
pub(super) fn bracketed(parser: &mut Parser<'_>) -> Result<Hir, RegexError> {
    let start = parser.position;
    parser.position += 1;
    let negated = parser.eat("^");
    let mut ranges: Vec<ClassUnicodeRange> = Vec::new();
    let mut first = true;
    // A bracket that comes first is a member.
    while first || !parser.rest().starts_with(']') {
        first = false;
        let item = match posix(parser)? {
            Some(item) => item,
            None => match escaped(parser)? {
                Some(item) => item,
                None => range(parser, start)?,
            },
        };
        parser.charge(item.ranges().len())?;
        ranges.extend_from_slice(item.ranges());
    }
    parser.position += 1;
    let mut class = ClassUnicode::new(ranges);
    if negated {
        class.negate();
    }
    Ok(Hir::class(Class::Unicode(class)))
}

/// One character or a range of them.
fn range(parser: &mut Parser<'_>, class_start: usize) -> Result<ClassUnicode, RegexError> {
    let start = parser.position;
    let low = member(parser, class_start)?;
    let mut high = low;
    if parser.rest().starts_with('-') && !parser.rest().starts_with("-]") && parser.rest().len() > 1 {
        parser.position += 1;
        high = member(parser, class_start)?;
        if high < low {
            return Err(parser.error_from(INVALID_RANGE, start));
        }
    }
    // Surrogates are no characters here: a range that starts or ends among them is cut to what is left of it.
    let low = char::from_u32(low).unwrap_or('\u{e000}');
    let high = char::from_u32(high).unwrap_or('\u{d7ff}');
    let mut class = ClassUnicode::empty();
    if low <= high {
        class.push(ClassUnicodeRange::new(low, high));
    }
    fold(parser, &mut class);
    Ok(class)
}

/// The code point of a member of a class.
fn member(parser: &mut Parser<'_>, class_start: usize) -> Result<u32, RegexError> {
    if parser.rest().starts_with('\\') {
        return Ok(parser.escaped_char()?.map_or(0xd800, u32::from));
    }
    match parser.next() {
        Some(c) => Ok(u32::from(c)),
        None => Err(parser.error_from("missing closing ]", class_start)),
    }
}

/// `[:name:]` or `[:^name:]`.
fn posix(parser: &mut Parser<'_>) -> Result<Option<ClassUnicode>, RegexError> {
    let start = parser.position;
    let Some(inside) = parser.rest().strip_prefix("[:") else { return Ok(None) };
    let Some(length) = inside.find(":]") else { return Ok(None) };
    parser.position += 2 + length + 2;
    let name = &inside[..length];
    let (name, negated) = name.strip_prefix('^').map_or((name, false), |name| (name, true));
    match POSIX.iter().find(|(known, _)| *known == name) {
        Some((_, ranges)) => Ok(Some(class_of(parser, ranges, negated))),
        None => Err(parser.error_from(INVALID_RANGE, start)),
    }
}

/// `\d \s \w \pL` and their negations; `None`, and nothing read, for every other escape and character.
pub(super) fn escaped(parser: &mut Parser<'_>) -> Result<Option<ClassUnicode>, RegexError> {
    let bytes = parser.rest().as_bytes();
    if bytes.first() != Some(&b'\\') {
        return Ok(None);
    }
    let Some(&letter) = bytes.get(1) else { return Ok(None) };
    let ranges = match letter.to_ascii_lowercase() {
        b'd' => DIGIT,
        b's' => SPACE,
        b'w' => WORD,
        b'p' => return unicode(parser, letter == b'P').map(Some),
        _ => return Ok(None),
    };
    parser.position += 2;
    Ok(Some(class_of(parser, ranges, letter.is_ascii_uppercase())))
}

/// `\pL`, `\p{Greek}` or `\p{^Greek}`.
fn unicode(parser: &mut Parser<'_>, mut negated: bool) -> Result<ClassUnicode, RegexError> {
    let start = parser.position;
    parser.position += 2;
    let name = if parser.eat("{") {
        let Some(length) = parser.rest().find('}') else {
            let end = start + 3 + parser.rest().len();
            return Err(parser.error_at(INVALID_RANGE, start, end));
        };
        let name = &parser.rest()[..length];
        parser.position += length + 1;
        name
    } else {
        let rest = parser.rest();
        let Some(letter) = parser.next() else { return Err(parser.error_from(INVALID_RANGE, start)) };
        &rest[..letter.len_utf8()]
    };
    let name = match name.strip_prefix('^') {
        Some(name) => {
            negated = !negated;
            name
        }
        None => name,
    };
    let Some(mut class) = unicode_table(name) else { return Err(parser.error_from(INVALID_RANGE, start)) };
    fold(parser, &mut class);
    if negated {
        class.negate();
    }
    Ok(class)
}

/// A general category by its short name, or a script.
fn unicode_table(name: &str) -> Option<ClassUnicode> {
    let plain = name.bytes().all(|byte| byte.is_ascii_alphabetic() || byte == b'_');
    if name.is_empty() || !plain || !name.starts_with(|c: char| c.is_ascii_uppercase()) {
        return None;
    }
    let query = match name {
        "Any" => r"\p{Any}".to_owned(),
        _ if name.len() <= 2 => format!(r"\p{{gc={name}}}"),
        _ => format!(r"\p{{sc={name}}}"),
    };
    match regex_syntax::parse(&query).ok()?.into_kind() {
        HirKind::Class(Class::Unicode(class)) => Some(class),
        _ => None,
    }
}

/// A named class. Folding comes before negation, as in Go: `(?i)\W` has no K, for `\w` then has the Kelvin sign.
fn class_of(parser: &Parser<'_>, ranges: Ranges, negated: bool) -> ClassUnicode {
    let ranges = ranges.iter().map(|&(low, high)| ClassUnicodeRange::new(low, high));
    let mut class = ClassUnicode::new(ranges);
    fold(parser, &mut class);
    if negated {
        class.negate();
    }
    class
}

fn fold(parser: &Parser<'_>, class: &mut ClassUnicode) {
    if parser.flags.fold_case {
        class.case_fold_simple();
    }
}
