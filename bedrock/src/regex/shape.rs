//! Expressions taken apart: most of what people write in matchers needs no automaton.
//!
//! An expression is multiplied out into sequences of literals and gaps (`.*`, `.+`), as long as that stays small.
//! `api-(a|b).*` becomes the two sequences `api-a` gap and `api-b` gap. What the sequences look like decides:
//!
//! | sequences | shape | test of a text of n bytes |
//! |---|---|---|
//! | literals only | [`Shape::Set`] | binary search |
//! | a gap alone | [`Shape::Any`], [`Shape::NonEmpty`] | none |
//! | literals and gaps | [`Shape::Globs`] | substring searches from left to right |
//! | `(?i)` literals only | [`Shape::Folded`] | one comparison a character |
//! | everything else | [`Shape::Regex`] | the automaton |

use memchr::memmem::Finder;
use regex_syntax::hir::{Class, ClassUnicode, ClassUnicodeRange, Hir, HirKind, Look};

use super::sequence::{Piece, Sequence, anchor, class_chars, join, sequences, without_optional_ends};

/// Sequences that an expression with gaps may have.
const GLOBS_MAX: usize = 32;
/// Forms of one character that differ in case only; Unicode has four at most.
const FOLD_MAX: usize = 4;

/// What texts an expression matches from end to end.
#[derive(Clone, Debug)]
pub enum Shape {
    /// Every text, the empty one among them.
    Any,
    /// Every text but the empty one.
    NonEmpty,
    /// These texts, sorted and without duplicates. None: the expression matches nothing.
    Set(Vec<Box<str>>),
    /// What one of these globs matches.
    Globs(Vec<Glob>),
    /// One of these texts up to case.
    Folded(Vec<Folded>),
    /// What the expression matches, all of it starting with `prefix`.
    Regex {
        /// The literal start of every match; empty where there is none.
        prefix: Box<str>,
    },
}

/// A literal start, then gaps and literals by turns.
#[derive(Clone, Debug)]
pub struct Glob {
    prefix: Box<str>,
    /// The last literal is the end of the text, and may be empty. No parts: the prefix is all.
    parts: Vec<(usize, Finder<'static>)>,
}

impl Glob {
    /// The literal that every match starts with.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Whether the text is matched from end to end. Gaps match any bytes.
    #[inline]
    pub fn matches(&self, text: &[u8]) -> bool {
        let Some(mut rest) = text.strip_prefix(self.prefix.as_bytes()) else { return false };
        let Some(((last_gap, last), inner)) = self.parts.split_last() else { return rest.is_empty() };
        // Taking each literal where it first occurs leaves the most for the ones behind it.
        for (gap, literal) in inner {
            let Some(after_gap) = rest.get(*gap..) else { return false };
            let Some(at) = literal.find(after_gap) else { return false };
            rest = &after_gap[at + literal.needle().len()..];
        }
        rest.len() >= last_gap + last.needle().len() && rest.ends_with(last.needle())
    }
}

/// A text whose characters may each have another case.
#[derive(Clone, Debug)]
pub struct Folded {
    /// All forms of each character; fewer than four are filled up with the first.
    chars: Box<[[char; FOLD_MAX]]>,
}

impl Folded {
    /// Whether `text` is this text up to case.
    pub fn matches(&self, text: &str) -> bool {
        let mut chars = text.chars();
        self.chars.iter().all(|forms| chars.next().is_some_and(|c| forms.contains(&c)))
            && chars.next().is_none()
    }
}

impl Shape {
    /// Takes an expression apart. `anchored`: it has to match from end to end; if not, anywhere.
    pub(super) fn of(hir: &Hir, anchored: bool) -> Shape {
        if anchored && let Some(folded) = folded_texts(hir) {
            return Shape::Folded(folded);
        }
        let trimmed = if anchored { hir.clone() } else { without_optional_ends(hir) };
        let anywhere = [Piece::Gap(0)];
        let sequences = sequences(&trimmed).and_then(|sequences| {
            if anchored {
                return Some(sequences);
            }
            sequences.into_iter().map(|s| join(&join(&anywhere, &s)?, &anywhere)).collect()
        });
        let shape = sequences.and_then(|s| Self::of_sequences(s.into_iter().filter_map(anchor).collect()));
        shape.unwrap_or_else(|| Shape::Regex { prefix: leading_literal(hir, anchored) })
    }

    /// `None` where too many globs are needed.
    fn of_sequences(sequences: Vec<Sequence>) -> Option<Shape> {
        let has = |wanted: &[Piece]| sequences.iter().any(|sequence| sequence == wanted);
        if has(&[Piece::Gap(0)]) || (has(&[Piece::Gap(1)]) && has(&[])) {
            return Some(Shape::Any);
        }
        if has(&[Piece::Gap(1)]) {
            // Whatever else there is has a literal, and so is not empty.
            return Some(Shape::NonEmpty);
        }
        let texts: Option<Vec<Box<str>>> = sequences.iter().map(|sequence| text_of(sequence)).collect();
        if let Some(mut texts) = texts {
            texts.sort_unstable();
            texts.dedup();
            return Some(Shape::Set(texts));
        }
        (sequences.len() <= GLOBS_MAX).then(|| Shape::Globs(sequences.into_iter().map(glob_of).collect()))
    }

    /// The literal that every matching text starts with; empty where there is none.
    pub fn prefix(&self) -> &str {
        match self {
            Shape::Any | Shape::NonEmpty | Shape::Folded(_) => "",
            Shape::Set(texts) => match (texts.first(), texts.last()) {
                // They are sorted: what the ends share, all share.
                (Some(first), Some(last)) => common_prefix(first, last),
                _ => "",
            },
            Shape::Globs(globs) => {
                let mut prefixes = globs.iter().map(Glob::prefix);
                let first = prefixes.next().unwrap_or_default();
                prefixes.fold(first, common_prefix)
            }
            Shape::Regex { prefix } => prefix,
        }
    }

    /// Whether the text is matched from end to end; `None` where only the automaton can tell.
    #[inline]
    pub(super) fn matches(&self, text: &str) -> Option<bool> {
        match self {
            Shape::Any => Some(true),
            Shape::NonEmpty => Some(!text.is_empty()),
            Shape::Set(texts) => Some(texts.binary_search_by(|probe| (**probe).cmp(text)).is_ok()),
            Shape::Globs(globs) => Some(globs.iter().any(|glob| glob.matches(text.as_bytes()))),
            Shape::Folded(texts) => Some(texts.iter().any(|folded| folded.matches(text))),
            Shape::Regex { prefix } if !text.starts_with(&**prefix) => Some(false),
            Shape::Regex { .. } => None,
        }
    }
}

fn common_prefix<'a>(a: &'a str, b: &str) -> &'a str {
    let shared = a.char_indices().zip(b.chars()).find(|((_, a), b)| a != b);
    let length = shared.map_or(a.len().min(b.len()), |((at, _), _)| at);
    &a[..length]
}

fn text_of(sequence: &[Piece]) -> Option<Box<str>> {
    match sequence {
        [] => Some("".into()),
        [Piece::Text(text)] => Some(text.as_str().into()),
        _ => None,
    }
}

fn glob_of(sequence: Sequence) -> Glob {
    let mut prefix = String::new();
    let mut parts: Vec<(usize, Finder<'static>)> = Vec::new();
    let mut open_gap = None;
    for piece in sequence {
        match piece {
            Piece::Gap(min) => open_gap = Some(min),
            Piece::Text(text) => match open_gap.take() {
                Some(gap) => parts.push((gap, Finder::new(text.as_bytes()).into_owned())),
                None => prefix = text,
            },
            Piece::Start | Piece::End => {}
        }
    }
    if let Some(gap) = open_gap {
        parts.push((gap, Finder::new(b"").into_owned()));
    }
    Glob { prefix: prefix.into(), parts }
}

/// The literal that every match starts with, in an expression that was not taken apart.
fn leading_literal(hir: &Hir, mut anchored: bool) -> Box<str> {
    let subs = match hir.kind() {
        HirKind::Concat(subs) => subs.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    for sub in subs {
        match sub.kind() {
            HirKind::Look(Look::Start) => anchored = true,
            HirKind::Literal(literal) if anchored => {
                return str::from_utf8(&literal.0).unwrap_or_default().into();
            }
            _ => break,
        }
    }
    "".into()
}

/// The alternatives of an expression that are texts up to case; `None` where one is not, or all have a fixed case.
fn folded_texts(hir: &Hir) -> Option<Vec<Folded>> {
    let branches = match hir.kind() {
        HirKind::Alternation(branches) => branches.as_slice(),
        HirKind::Capture(capture) => return folded_texts(&capture.sub),
        _ => std::slice::from_ref(hir),
    };
    let texts: Vec<Folded> = branches.iter().map(folded_text).collect::<Option<_>>()?;
    let varies = |forms: &[char; FOLD_MAX]| forms[0] != forms[1];
    let any_varies = texts.iter().flat_map(|text| &text.chars).any(varies);
    (any_varies && texts.len() <= GLOBS_MAX).then_some(texts)
}

fn folded_text(hir: &Hir) -> Option<Folded> {
    let mut chars = Vec::new();
    let subs = match hir.kind() {
        HirKind::Concat(subs) => subs.as_slice(),
        _ => std::slice::from_ref(hir),
    };
    for sub in subs {
        match sub.kind() {
            HirKind::Literal(literal) => {
                chars.extend(str::from_utf8(&literal.0).ok()?.chars().map(|c| [c; FOLD_MAX]));
            }
            HirKind::Class(class) => {
                let forms = class_chars(class, FOLD_MAX)?;
                if !differ_in_case_only(&forms) {
                    return None;
                }
                let mut slots = [*forms.first()?; FOLD_MAX];
                // The second slot tells whether the character varies.
                for (slot, form) in slots.iter_mut().skip(1).zip(forms.iter().skip(1)) {
                    *slot = *form;
                }
                chars.push(slots);
            }
            _ => return None,
        }
    }
    Some(Folded { chars: chars.into() })
}

fn differ_in_case_only(forms: &[char]) -> bool {
    let Some(&first) = forms.first() else { return false };
    let mut class = ClassUnicode::new([ClassUnicodeRange::new(first, first)]);
    class.case_fold_simple();
    class_chars(&Class::Unicode(class), FOLD_MAX).is_some_and(|all| all == forms)
}
