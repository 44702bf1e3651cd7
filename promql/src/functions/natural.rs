//! The order of texts with numbers in them: `a2` before `a10`.

use std::cmp::Ordering;

/// Splits the longest run of digits or of non-digits off.
fn chunk(text: &str) -> (&str, &str) {
    let digits = text.starts_with(|c: char| c.is_ascii_digit());
    let end = text.find(|c: char| c.is_ascii_digit() != digits).unwrap_or(text.len());
    text.split_at(end)
}

/// Compares run by run: runs of digits by value, others as text.
pub(crate) fn compare(mut a: &str, mut b: &str) -> Ordering {
    loop {
        let order = match (a.is_empty(), b.is_empty()) {
            (true, _) | (_, true) => return b.is_empty().cmp(&a.is_empty()),
            _ => {
                let ((chunk_a, rest_a), (chunk_b, rest_b)) = (chunk(a), chunk(b));
                (a, b) = (rest_a, rest_b);
                compare_chunks(chunk_a, chunk_b)
            }
        };
        if order != Ordering::Equal {
            return order;
        }
    }
}

fn compare_chunks(a: &str, b: &str) -> Ordering {
    let is_number = |text: &str| text.starts_with(|c: char| c.is_ascii_digit());
    if !is_number(a) || !is_number(b) {
        return a.cmp(b);
    }
    let (significant_a, significant_b) = (a.trim_start_matches('0'), b.trim_start_matches('0'));
    significant_a
        .len()
        .cmp(&significant_b.len())
        .then_with(|| significant_a.cmp(significant_b))
        .then_with(|| a.len().cmp(&b.len()))
}

#[cfg(test)]
mod tests {
    use super::compare;

    #[test]
    fn numbers_are_ordered_by_value() {
        let mut texts = ["a10", "a2", "b1", "a", "a02", "10", "9"];
        texts.sort_by(|a, b| compare(a, b));
        assert_eq!(texts, ["9", "10", "a", "a2", "a02", "a10", "b1"]);
    }
}
