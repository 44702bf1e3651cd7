//! The hash that orders streams at equal times.
//!
//! Entries of two streams may have one timestamp, and `first_over_time` has to choose. The reference takes the stream
//! with the smaller hash, which is xxHash64 over `name 0xff value 0xff` of the sorted labels; so do we, and the answer
//! depends neither on the order of arrival nor on how a store numbers its streams.

use bedrock::labels::Labels;
use twox_hash::XxHash64;

/// The hash of a label set. O(bytes).
pub(crate) fn label_hash(labels: &Labels) -> u64 {
    let mut text = Vec::new();
    for (name, value) in labels {
        for part in [name, value] {
            text.extend_from_slice(part.as_bytes());
            text.push(0xff);
        }
    }
    XxHash64::oneshot(0, &text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hash_is_the_one_of_the_reference() {
        let labels = Labels::from_pairs([("app", "o3"), ("n", "7")]).unwrap();
        assert_eq!(label_hash(&labels), 1_904_626_341_023_434_293);
    }
}
