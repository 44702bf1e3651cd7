//! An index leaves no row group out that holds the text, whatever the lines and the text.

use proptest::prelude::*;

use super::{WordIndex, WordsWriter, runs};
use crate::lines::LineBuffer;

/// Pieces that make words inside of words, hex numbers, words that are too long, and what is no letter.
const PIECES: [&str; 16] = [
    "face", "sur", "needle", "dead", "beef", "Error", "err", "or", " ", "-", "7", "=", "\"", "é", "\u{1}",
    "LONG",
];

fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        20 => prop::sample::select(PIECES.to_vec()).prop_map(|piece| piece.repeat(if piece == "LONG" { 20 } else { 1 }).into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 1..4),
    ]
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    prop::collection::vec(piece(), 0..6).prop_map(|pieces| pieces.concat())
}

fn index(groups: &[Vec<Vec<u8>>]) -> WordIndex {
    let mut writer = WordsWriter::new();
    for lines in groups {
        let mut buffer = LineBuffer::new();
        lines.iter().for_each(|line| buffer.push(line));
        writer.group(&buffer);
    }
    WordIndex::open(&writer.finish(u64::MAX).unwrap(), groups.len()).unwrap()
}

proptest! {
    #![proptest_config(testkit::rounds::cases(64))]

    #[test]
    fn no_group_with_the_text_is_left_out(
        groups in prop::collection::vec(prop::collection::vec(line(), 0..4), 1..8),
        picks in prop::collection::vec((any::<prop::sample::Index>(), any::<prop::sample::Index>(), 1usize..12), 1..8),
        other in line(),
    ) {
        let index = index(&groups);
        let lines: Vec<&Vec<u8>> = groups.iter().flatten().chain([&other]).collect();
        let text = |(line, from, length): &(prop::sample::Index, prop::sample::Index, usize)| {
            let line = line.get(&lines);
            let from = from.index(line.len() + 1);
            line[from..line.len().min(from + length)].to_vec()
        };
        let texts: Vec<Vec<u8>> = picks.iter().map(text).filter(|text| !text.is_empty()).collect();
        let holds = |lines: &[Vec<u8>], text: &[u8]| {
            lines.iter().any(|line| memchr::memmem::find(line, text).is_some())
        };
        for text in &texts {
            let Some(found) = index.groups_with(&[vec![text.clone()]]) else { continue };
            for (number, lines) in groups.iter().enumerate() {
                prop_assert!(found.contains(number) || !holds(lines, text), "{text:?} in {lines:?}");
            }
        }
        let any = index.groups_with(std::slice::from_ref(&texts));
        let all = index.groups_with(&texts.iter().map(|text| vec![text.clone()]).collect::<Vec<_>>());
        for (number, lines) in groups.iter().enumerate() {
            let (has_any, has_all) =
                (texts.iter().any(|text| holds(lines, text)), texts.iter().all(|text| holds(lines, text)));
            prop_assert!(any.as_ref().is_none_or(|any| any.contains(number)) || !has_any);
            prop_assert!(all.as_ref().is_none_or(|all| all.contains(number)) || !has_all);
        }
    }

    #[test]
    fn damaged_sections_are_errors(bytes in prop::collection::vec(any::<u8>(), 0..40)) {
        prop_assert!(WordIndex::open(&bytes, 1).is_err());
    }
}

#[test]
fn words_find_their_groups() {
    let lines = |lines: &[&str]| lines.iter().map(|line| line.as_bytes().to_vec()).collect::<Vec<_>>();
    let index = index(&[
        lines(&["level=info order paid", "deadbeef"]),
        lines(&["level=error order refused", "needle-77"]),
        lines(&["level=errors"]),
    ]);
    let groups = |text: &str| {
        index.groups_with(&[vec![text.as_bytes().to_vec()]]).map(|groups| groups.iter().collect::<Vec<_>>())
    };
    assert_eq!(groups("level=error"), Some(vec![1, 2]), "a word may go on behind the text");
    assert_eq!(groups("=error "), Some(vec![1]));
    assert_eq!(groups("needle-"), Some(vec![1]));
    assert_eq!(groups("adbe"), Some(vec![0]));
    assert_eq!(groups("nothing"), Some(vec![]));
    assert_eq!(groups("77"), None, "numbers are not indexed");
    assert_eq!(runs(b"a abcd-efgh1ij klmno").count(), 3);
}
