//! What may be committed.

use bedrock::labels::Labels;

use crate::error::{Error, Result};

/// Limits on entries. An entry beyond one is refused with its facts; the rest of the batch is not affected.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Bytes of a line. Default 1 MiB.
    pub line_bytes_max: usize,
    /// Labels of a stream. Default 32.
    pub labels_max: usize,
    /// Bytes of a label name. Default 1024.
    pub label_name_bytes_max: usize,
    /// Bytes of a label value. Default 4096.
    pub label_value_bytes_max: usize,
    /// Pairs of structured metadata of one entry. Default 128.
    pub metadata_pairs_max: usize,
    /// Bytes of structured metadata of one entry. Default 64 KiB.
    pub metadata_bytes_max: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            line_bytes_max: 1 << 20,
            labels_max: 32,
            label_name_bytes_max: 1024,
            label_value_bytes_max: 4096,
            metadata_pairs_max: 128,
            metadata_bytes_max: 64 << 10,
        }
    }
}

impl Limits {
    /// Checks the labels of a stream. O(labels).
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] with the first limit that is broken, [`Error::NoLabels`] where there is no label.
    pub fn check_labels(&self, labels: &Labels) -> Result<()> {
        if labels.is_empty() {
            return Err(Error::NoLabels);
        }
        let stream = || labels.to_string();
        let mut count = 0;
        for (name, value) in labels {
            count += 1;
            check("bytes of a label name", name.len(), self.label_name_bytes_max, stream)?;
            check("bytes of a label value", value.len(), self.label_value_bytes_max, stream)?;
        }
        check("labels of a stream", count, self.labels_max, stream)
    }

    /// Checks line and metadata of an entry.
    ///
    /// # Errors
    ///
    /// [`Error::Limit`] with the first limit that is broken.
    pub fn check_entry(&self, labels: &Labels, line: &[u8], metadata: &[(String, String)]) -> Result<()> {
        let stream = || labels.to_string();
        check("bytes of a line", line.len(), self.line_bytes_max, stream)?;
        check("pairs of metadata", metadata.len(), self.metadata_pairs_max, stream)?;
        let bytes = metadata.iter().map(|(name, value)| name.len() + value.len()).sum();
        check("bytes of metadata", bytes, self.metadata_bytes_max, stream)
    }
}

fn check(what: &'static str, found: usize, max: usize, stream: impl Fn() -> String) -> Result<()> {
    if found > max {
        return Err(Error::Limit { what, max, found, stream: stream() });
    }
    Ok(())
}
