//! What selects series: expressions from queries, and the label index from disk.

use bedrock::labels::{MatchOp, Matcher};
use bedrock::postings::{Ids, PostingsReader};
use bedrock::regex::GoRegex;

const FOOTER_BYTES: usize = 16;

/// An expression up to the first new line, then texts, one a line: what was taken apart must answer as the automaton.
pub fn regex(input: &[u8]) {
    let Ok(input) = str::from_utf8(input) else { return };
    let mut lines = input.split('\n');
    let Some(pattern) = lines.next() else { return };
    for regex in [GoRegex::anchored(pattern), GoRegex::unanchored(pattern)].into_iter().flatten() {
        for text in lines.clone().chain(["", pattern]) {
            let fast = regex.is_match(text);
            assert_eq!(fast, regex.automaton().is_match(text), "{regex} on {text:?}");
            assert_eq!(fast, regex.captures(text).is_some(), "{regex} on {text:?}");
            assert!(!fast || regex.required_literals().iter().all(|literal| text.contains(&**literal)));
        }
    }
    let Ok(matcher) = Matcher::new(MatchOp::Regex, "l", pattern) else { return };
    for text in lines.filter(|text| matcher.matches(text)) {
        assert!(text.starts_with(matcher.prefix()));
        assert!(matcher.set_values().is_none_or(|values| values.contains(&text)));
    }
}

/// An index that is the input: it opens or says why not, and an index that verifies answers consistently.
pub fn postings(input: &[u8]) {
    for bytes in [input.to_vec(), with_right_checksum(input)] {
        let Ok(reader) = PostingsReader::open(bytes.into(), "index", 0) else { continue };
        let verified = reader.verify().is_ok();
        let names: Vec<String> = reader.names().map(|(name, _, _)| name.to_owned()).collect();
        for name in names.iter().take(8) {
            let select = |op, value: &str| match Matcher::new(op, name, value) {
                Ok(matcher) => reader.select(&[matcher]),
                Err(error) => panic!("{error}"),
            };
            let selected = [
                select(MatchOp::Equal, "db"),
                select(MatchOp::NotEqual, "db"),
                select(MatchOp::Regex, "[a-p].*[13579]"),
                select(MatchOp::NotRegex, "[a-p].*[13579]"),
            ];
            let values = reader.label_values(name, None, 100);
            if verified {
                let all = reader.all().unwrap_or_default();
                for pair in selected.chunks(2) {
                    let [Ok(is), Ok(is_not)] = pair else { panic!("a verified index cannot be read") };
                    assert_eq!(is | is_not, all);
                    assert_eq!(is & is_not, Ids::new());
                }
                assert!(values.is_ok_and(|values| !values.is_empty()));
            }
        }
    }
}

/// The input with the CRC of its names made right.
fn with_right_checksum(input: &[u8]) -> Vec<u8> {
    let mut bytes = input.to_vec();
    let Some(footer_at) = bytes.len().checked_sub(FOOTER_BYTES) else { return bytes };
    let names_at = bytes[footer_at..footer_at + 8].iter().rev().fold(0u64, |n, b| n << 8 | u64::from(*b));
    let names_at = usize::try_from(names_at).unwrap_or(footer_at).min(footer_at);
    let crc = crc32fast::hash(&bytes[names_at..footer_at]);
    bytes[footer_at + 8..footer_at + 12].copy_from_slice(&crc.to_le_bytes());
    bytes
}
