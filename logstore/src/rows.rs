//! A set of rows of one row group.

/// A set of row numbers below a fixed length, as a bitmap.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RowSet {
    words: Vec<u64>,
    rows: usize,
}

impl RowSet {
    /// The set without rows, out of `rows` possible ones.
    pub fn none(rows: usize) -> Self {
        RowSet { words: vec![0; rows.div_ceil(64)], rows }
    }

    /// The set of all `rows` rows.
    pub fn all(rows: usize) -> Self {
        let mut words = vec![u64::MAX; rows.div_ceil(64)];
        if let Some(last) = words.last_mut()
            && !rows.is_multiple_of(64)
        {
            *last = (1 << (rows % 64)) - 1;
        }
        RowSet { words, rows }
    }

    /// Adds a row. Rows beyond the length are ignored.
    #[inline]
    pub fn insert(&mut self, row: usize) {
        if row < self.rows
            && let Some(word) = self.words.get_mut(row / 64)
        {
            *word |= 1 << (row % 64);
        }
    }

    /// Whether the row is in the set.
    #[inline]
    pub fn contains(&self, row: usize) -> bool {
        self.words.get(row / 64).is_some_and(|word| word >> (row % 64) & 1 == 1)
    }

    /// Keeps only the rows that are in `other`, too.
    pub fn intersect(&mut self, other: &RowSet) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= other;
        }
    }

    /// Removes all rows of `other`.
    pub(crate) fn subtract(&mut self, other: &RowSet) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word &= !other;
        }
    }

    /// Adds all rows of `other`.
    pub fn unite(&mut self, other: &RowSet) {
        for (word, other) in self.words.iter_mut().zip(&other.words) {
            *word |= other;
        }
    }

    /// The words that hold rows from `first` to before `end`: the row of their first bit, and those rows' bits.
    fn words_in(&self, first: usize, end: usize) -> impl Iterator<Item = (usize, u64)> + '_ {
        let end = end.min(self.rows);
        let words = first / 64..end.div_ceil(64).max(first / 64);
        words.map(move |index| {
            let start = index * 64;
            let from = if first > start { u64::MAX << (first - start) } else { u64::MAX };
            let to = if end < start + 64 { !(u64::MAX << (end.saturating_sub(start))) } else { u64::MAX };
            (start, self.words.get(index).copied().unwrap_or_default() & from & to)
        })
    }

    /// The rows from `first` to before `end`, ascending.
    pub(crate) fn iter_in(&self, first: usize, end: usize) -> impl Iterator<Item = usize> + '_ {
        self.words_in(first, end).flat_map(|(start, word)| bits(word).map(move |bit| start + bit))
    }

    /// Adds the rows from `first` to before `end`.
    pub(crate) fn insert_range(&mut self, first: usize, end: usize) {
        let end = end.min(self.rows);
        for index in first / 64..end.div_ceil(64).max(first / 64) {
            let start = index * 64;
            let from = if first > start { u64::MAX << (first - start) } else { u64::MAX };
            let to = if end < start + 64 { !(u64::MAX << (end.saturating_sub(start))) } else { u64::MAX };
            if let Some(word) = self.words.get_mut(index) {
                *word |= from & to;
            }
        }
    }

    /// Removes a row.
    pub(crate) fn remove(&mut self, row: usize) {
        if let Some(word) = self.words.get_mut(row / 64) {
            *word &= !(1 << (row % 64));
        }
    }

    /// Number of rows from `first` to before `end`.
    pub(crate) fn count_in(&self, first: usize, end: usize) -> usize {
        self.words_in(first, end).map(|(_, word)| word.count_ones() as usize).sum()
    }

    /// Whether a row from `first` to before `end` is in the set.
    pub(crate) fn any_in(&self, first: usize, end: usize) -> bool {
        self.words_in(first, end).any(|(_, word)| word != 0)
    }

    /// Removes the rows from `first` to before `end` for which `keep` is false.
    pub(crate) fn keep_in(&mut self, first: usize, end: usize, mut keep: impl FnMut(usize) -> bool) {
        let end = end.min(self.rows);
        for index in first / 64..end.div_ceil(64).max(first / 64) {
            let Some(word) = self.words.get(index).copied() else { break };
            let mut kept = word;
            for bit in bits(word) {
                let row = index * 64 + bit;
                if (first..end).contains(&row) && !keep(row) {
                    kept &= !(1 << bit);
                }
            }
            self.words[index] = kept;
        }
    }

    /// Number of rows that could be in the set.
    pub(crate) fn capacity(&self) -> usize {
        self.rows
    }

    /// Number of rows in the set.
    pub fn len(&self) -> usize {
        self.words.iter().map(|word| word.count_ones() as usize).sum()
    }

    /// Whether no row is in the set.
    pub fn is_empty(&self) -> bool {
        self.words.iter().all(|&word| word == 0)
    }

    /// The rows in ascending order.
    pub fn iter(&self) -> impl Iterator<Item = usize> + '_ {
        self.words.iter().enumerate().flat_map(|(index, &word)| bits(word).map(move |bit| index * 64 + bit))
    }

    /// The bitmap as bytes, 8 for every 64 rows.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.words.iter().flat_map(|word| word.to_le_bytes()).collect()
    }

    /// The set that [`RowSet::to_bytes`] wrote; `None` where the bytes are not that of a set out of `rows`.
    pub(crate) fn from_bytes(bytes: &[u8], rows: usize) -> Option<Self> {
        let (words, rest) = bytes.as_chunks::<8>();
        let words: Vec<u64> = words.iter().map(|word| u64::from_le_bytes(*word)).collect();
        let set = RowSet { words, rows };
        let whole = rest.is_empty() && set.words.len() == rows.div_ceil(64);
        (whole && set.iter().last().is_none_or(|last| last < rows)).then_some(set)
    }
}

/// The places of the bits that are set, ascending.
fn bits(word: u64) -> impl Iterator<Item = usize> {
    let mut rest = word;
    std::iter::from_fn(move || {
        let bit = rest.trailing_zeros() as usize;
        (rest != 0).then(|| {
            rest &= rest - 1;
            bit
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_equal_a_walk_over_all_rows() {
        let rows = 200;
        let mut set = RowSet::none(rows);
        (0..rows).filter(|row| row.is_multiple_of(3) || row % 64 == 63).for_each(|row| set.insert(row));
        for first in [0, 1, 5, 63, 64, 65, 127, 128, 199, 200, 230] {
            for end in [0, 1, 6, 63, 64, 65, 128, 130, 192, 199, 200, 300] {
                let wanted: Vec<usize> =
                    (0..rows).filter(|&row| first <= row && row < end && set.contains(row)).collect();
                assert_eq!(set.iter_in(first, end).collect::<Vec<_>>(), wanted, "{first}..{end}");
                assert_eq!(set.count_in(first, end), wanted.len());
                assert_eq!(set.any_in(first, end), !wanted.is_empty());
                let mut added = RowSet::none(rows);
                added.insert_range(first, end);
                assert_eq!(added.len(), end.min(rows).saturating_sub(first), "{first}..{end}");
                let mut kept = set.clone();
                kept.keep_in(first, end, |row| row.is_multiple_of(2));
                let still = |row: &usize| !(first..end).contains(row) || row.is_multiple_of(2);
                assert_eq!(kept.iter().collect::<Vec<_>>(), set.iter().filter(still).collect::<Vec<_>>());
            }
        }
    }
}
