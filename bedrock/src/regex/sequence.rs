//! Expressions multiplied out into sequences of literals and gaps.

use regex_syntax::hir::{Class, Hir, HirKind, Look, Repetition};

/// Texts that classes and optional parts may multiply out to. Alternatives that were written out do not count.
const TEXTS_MAX: usize = 1024;
/// Bytes of all texts together.
const TEXT_BYTES_MAX: usize = 1 << 20;
/// Characters of the largest class that is multiplied out.
const CLASS_CHARS_MAX: usize = 64;

/// A part of a sequence.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Piece {
    /// This text.
    Text(String),
    /// Any text of at least so many characters, 0 or 1.
    Gap(usize),
    /// The start of the text.
    Start,
    /// The end of the text.
    End,
}

/// Neighbouring texts are one, and so are neighbouring gaps; no text is empty.
pub(super) type Sequence = Vec<Piece>;

/// Both in a row; `None` where two gaps meet that need more than one character.
pub(super) fn join(left: &[Piece], right: &[Piece]) -> Option<Sequence> {
    let mut joined = left.to_vec();
    for piece in right {
        match (joined.last_mut(), piece) {
            (Some(Piece::Text(before)), Piece::Text(text)) => before.push_str(text),
            (Some(Piece::Gap(before)), Piece::Gap(gap)) => {
                *before += gap;
                if *before > 1 {
                    return None;
                }
            }
            _ => joined.push(piece.clone()),
        }
    }
    Some(joined)
}

/// Multiplies an expression out; `None` where it is not made of literals, gaps and anchors, or gets too large.
pub(super) fn sequences(hir: &Hir) -> Option<Vec<Sequence>> {
    match hir.kind() {
        HirKind::Empty => Some(vec![Vec::new()]),
        HirKind::Literal(literal) => {
            let text = String::from_utf8(literal.0.to_vec()).ok()?;
            Some(vec![vec![Piece::Text(text)]])
        }
        HirKind::Look(Look::Start) => Some(vec![vec![Piece::Start]]),
        HirKind::Look(Look::End) => Some(vec![vec![Piece::End]]),
        HirKind::Look(_) => None,
        HirKind::Class(class) => {
            let texts = class_chars(class, CLASS_CHARS_MAX)?.into_iter();
            Some(texts.map(|c| vec![Piece::Text(c.into())]).collect())
        }
        HirKind::Repetition(repetition) => repeated(repetition),
        HirKind::Capture(capture) => sequences(&capture.sub),
        HirKind::Concat(subs) => {
            let mut product = vec![Vec::new()];
            for sub in subs {
                product = multiply(&product, &sequences(sub)?)?;
            }
            Some(product)
        }
        HirKind::Alternation(subs) => {
            let mut all = Vec::new();
            for sub in subs {
                all.append(&mut sequences(sub)?);
            }
            Some(all)
        }
    }
}

fn multiply(left: &[Sequence], right: &[Sequence]) -> Option<Vec<Sequence>> {
    let count = left.len().checked_mul(right.len())?;
    // One factor alone leaves the number of alternatives as it was written.
    if left.len() > 1 && right.len() > 1 && count > TEXTS_MAX {
        return None;
    }
    let bytes_of = |all: &[Sequence]| all.iter().flatten().map(piece_bytes).sum::<usize>();
    if bytes_of(left) * right.len() + bytes_of(right) * left.len() > TEXT_BYTES_MAX {
        return None;
    }
    let mut product = Vec::with_capacity(count);
    for left in left {
        for right in right {
            product.push(join(left, right)?);
        }
    }
    Some(product)
}

fn piece_bytes(piece: &Piece) -> usize {
    match piece {
        Piece::Text(text) => text.len(),
        Piece::Gap(_) | Piece::Start | Piece::End => 1,
    }
}

fn repeated(repetition: &Repetition) -> Option<Vec<Sequence>> {
    let Repetition { min, max, sub, .. } = repetition;
    if max.is_none() && *min <= 1 && is_any_char(sub) {
        return Some(vec![vec![Piece::Gap(*min as usize)]]);
    }
    let max = (*max)?;
    let once = sequences(sub)?;
    let mut power = vec![Vec::new()];
    let mut all = Vec::new();
    for count in 0..=max {
        if count >= *min {
            all.extend(power.iter().cloned());
        }
        if all.len() > TEXTS_MAX {
            return None;
        }
        if count < max {
            power = multiply(&power, &once)?;
        }
    }
    Some(all)
}

/// Whether a class has every character, as `.` does where it matches a new line.
fn is_any_char(hir: &Hir) -> bool {
    match hir.kind() {
        HirKind::Class(Class::Unicode(class)) => {
            matches!(class.ranges(), [all] if all.start() == '\0' && all.end() == char::MAX)
        }
        HirKind::Capture(capture) => is_any_char(&capture.sub),
        _ => false,
    }
}

/// The characters of a class that has at most `max`.
pub(super) fn class_chars(class: &Class, max: usize) -> Option<Vec<char>> {
    let ranges: Vec<(char, char)> = match class {
        Class::Unicode(class) => class.ranges().iter().map(|range| (range.start(), range.end())).collect(),
        Class::Bytes(class) => {
            let ranges = class.ranges().iter();
            let ascii =
                ranges.map(|range| (range.end() < 0x80).then(|| (range.start().into(), range.end().into())));
            ascii.collect::<Option<_>>()?
        }
    };
    let count: usize = ranges.iter().map(|&(low, high)| high as usize - low as usize + 1).sum();
    (count <= max).then(|| ranges.iter().flat_map(|&(low, high)| low..=high).collect())
}

/// An expression that may match anywhere, without what may be nothing at either end: `.*a` is found where `a` is.
pub(super) fn without_optional_ends(hir: &Hir) -> Hir {
    let HirKind::Concat(subs) = hir.kind() else { return hir.clone() };
    let optional = |sub: &&Hir| matches!(sub.kind(), HirKind::Repetition(repetition) if repetition.min == 0);
    let from = subs.iter().take_while(optional).count();
    let upto = subs.len() - subs[from..].iter().rev().take_while(optional).count();
    Hir::concat(subs[from..upto].to_vec())
}

/// Takes the anchors out of a sequence. `None` where they can never hold, such as in `a^b`.
pub(super) fn anchor(mut sequence: Sequence) -> Option<Sequence> {
    let can_be_empty = |pieces: &[Piece]| {
        pieces.iter().all(|piece| match piece {
            Piece::Text(_) => false,
            Piece::Gap(min) => *min == 0,
            Piece::Start | Piece::End => true,
        })
    };
    if let Some(start) = sequence.iter().rposition(|piece| *piece == Piece::Start) {
        if !can_be_empty(&sequence[..start]) {
            return None;
        }
        // An end that came before stays: nothing may follow it.
        let ended = sequence[..start].contains(&Piece::End);
        sequence.drain(..=start);
        if ended {
            sequence.insert(0, Piece::End);
        }
    }
    if let Some(end) = sequence.iter().position(|piece| *piece == Piece::End) {
        if !can_be_empty(&sequence[end..]) {
            return None;
        }
        sequence.truncate(end);
    }
    Some(sequence)
}
