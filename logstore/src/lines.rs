//! Lines back to back in one buffer, so that a scan allocates per page and not per line.

/// Lines in one allocation.
#[derive(Clone, Debug, Default)]
pub struct LineBuffer {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl LineBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        LineBuffer::default()
    }

    /// Forgets the lines and keeps the memory.
    pub fn clear(&mut self) {
        self.bytes.clear();
        self.ends.clear();
    }

    /// Appends the line that `write` appends to the bytes.
    #[inline]
    pub fn push_with(&mut self, write: impl FnOnce(&mut Vec<u8>)) {
        write(&mut self.bytes);
        self.ends.push(self.bytes.len());
    }

    /// Appends a line.
    #[inline]
    pub fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    /// The lines from `first` on that fill `bytes_max`, at least one: how many they are, and their bytes.
    pub(crate) fn chunk(&self, first: usize, bytes_max: usize) -> (usize, &[u8]) {
        let start = first.checked_sub(1).map_or(0, |before| self.ends[before]);
        let last =
            self.ends.partition_point(|&end| end <= start + bytes_max).max(first + 1).min(self.ends.len());
        (last - first, &self.bytes[start..self.ends[last - 1]])
    }

    /// Number of lines.
    pub fn len(&self) -> usize {
        self.ends.len()
    }

    /// Whether there is no line.
    pub fn is_empty(&self) -> bool {
        self.ends.is_empty()
    }

    /// All lines back to back, without separators.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// The line at `index`, `None` beyond the last one.
    pub fn get(&self, index: usize) -> Option<&[u8]> {
        let end = *self.ends.get(index)?;
        let start = index.checked_sub(1).map_or(0, |before| self.ends[before]);
        self.bytes.get(start..end)
    }

    /// The lines in order.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = &[u8]> + '_ {
        (0..self.len()).map(|index| self.get(index).unwrap_or_default())
    }
}
