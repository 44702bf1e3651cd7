//! A sorted set of label pairs in one allocation.
//!
//! # Layout
//!
//! The pairs, sorted by name, back to back: `length(name) name length(value) value`. A length is a little-endian
//! varint of six payload bits a byte, bit 6 set on every byte but the last. All its bytes are below 0x80, so the
//! whole is valid UTF-8 and lives in an `Arc<str>`: slices of it are `&str` without a check and without `unsafe`.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

/// An immutable set of labels, sorted by name, in one reference-counted allocation.
///
/// Names are unique and not empty. Values may be empty: whether an empty value means "absent", as it does in
/// PromQL, is up to the language. Any UTF-8 is legal in names and values.
///
/// Equality and hash are O(bytes) over one contiguous slice. Order is by name, then value, pair by pair, as
/// Prometheus orders series.
///
/// ```
/// use bedrock::labels::Labels;
///
/// let labels = Labels::from_pairs([("job", "api"), ("__name__", "up")])?;
/// assert_eq!(labels.get("job"), Some("api"));
/// assert_eq!(labels.to_string(), r#"{__name__="up", job="api"}"#);
/// # Ok::<(), bedrock::labels::LabelError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Labels {
    encoded: Arc<str>,
}

/// Why a set of pairs is no label set.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LabelError {
    /// A label has no name.
    #[error("a label with the value {value:?} has an empty name")]
    EmptyName {
        /// The value of the nameless label.
        value: String,
    },
    /// One name was given twice.
    #[error("label {name:?} is given twice: {first:?} and {second:?}")]
    Duplicate {
        /// The name that occurs twice.
        name: String,
        /// One of its values.
        first: String,
        /// The other one.
        second: String,
    },
}

impl Labels {
    /// The set without labels.
    pub fn empty() -> Self {
        Labels { encoded: Arc::from("") }
    }

    /// Builds a set from pairs in any order.
    ///
    /// # Errors
    ///
    /// [`LabelError`] where a name is empty or occurs twice.
    pub fn from_pairs<N, V>(pairs: impl IntoIterator<Item = (N, V)>) -> Result<Self, LabelError>
    where
        N: AsRef<str>,
        V: AsRef<str>,
    {
        let mut pairs: Vec<(N, V)> = pairs.into_iter().collect();
        pairs.sort_by(|(a, _), (b, _)| a.as_ref().cmp(b.as_ref()));
        for pair in pairs.windows(2) {
            let [(first, first_value), (second, second_value)] = pair else { continue };
            if first.as_ref() == second.as_ref() {
                return Err(LabelError::Duplicate {
                    name: first.as_ref().to_owned(),
                    first: first_value.as_ref().to_owned(),
                    second: second_value.as_ref().to_owned(),
                });
            }
        }
        if let Some((name, value)) = pairs.first()
            && name.as_ref().is_empty()
        {
            return Err(LabelError::EmptyName { value: value.as_ref().to_owned() });
        }
        Ok(Self::from_sorted(pairs.iter().map(|(name, value)| (name.as_ref(), value.as_ref()))))
    }

    /// Encodes pairs that are known to be sorted, unique and named.
    fn from_sorted<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)> + Clone) -> Self {
        // Lengths take one byte each, but for those of long texts.
        let bytes = pairs.clone().map(|(name, value)| name.len() + value.len() + 2).sum();
        let mut encoded = String::with_capacity(bytes);
        for (name, value) in pairs {
            push_text(&mut encoded, name);
            push_text(&mut encoded, value);
        }
        Labels { encoded: encoded.into() }
    }

    /// The value of a label, `None` where the set has no label of that name. O(labels).
    pub fn get(&self, name: &str) -> Option<&str> {
        for (candidate, value) in self {
            match candidate.cmp(name) {
                Ordering::Less => {}
                Ordering::Equal => return Some(value),
                Ordering::Greater => return None,
            }
        }
        None
    }

    /// The pairs, sorted by name.
    pub fn iter(&self) -> LabelsIter<'_> {
        LabelsIter { rest: &self.encoded }
    }

    /// The number of labels. O(labels).
    pub fn len(&self) -> usize {
        self.iter().count()
    }

    /// Whether the set has no label.
    pub fn is_empty(&self) -> bool {
        self.encoded.is_empty()
    }

    /// The bytes that the set takes in memory, without the 16 bytes of each handle.
    pub fn heap_bytes(&self) -> usize {
        self.encoded.len() + 2 * size_of::<usize>()
    }
}

impl Default for Labels {
    fn default() -> Self {
        Labels::empty()
    }
}

impl PartialOrd for Labels {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Labels {
    fn cmp(&self, other: &Self) -> Ordering {
        self.iter().cmp(other.iter())
    }
}

impl fmt::Display for Labels {
    /// Writes the set as `{a="b", c="d"}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("{")?;
        for (i, (name, value)) in self.iter().enumerate() {
            let separator = if i == 0 { "" } else { ", " };
            write!(f, "{separator}{name}={value:?}")?;
        }
        f.write_str("}")
    }
}

impl fmt::Debug for Labels {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl<'a> IntoIterator for &'a Labels {
    type Item = (&'a str, &'a str);
    type IntoIter = LabelsIter<'a>;

    fn into_iter(self) -> LabelsIter<'a> {
        self.iter()
    }
}

/// The pairs of a [`Labels`], sorted by name.
#[derive(Clone, Debug)]
pub struct LabelsIter<'a> {
    rest: &'a str,
}

impl<'a> Iterator for LabelsIter<'a> {
    type Item = (&'a str, &'a str);

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let (name, rest) = take_text(self.rest);
        let (value, rest) = take_text(rest);
        self.rest = rest;
        Some((name, value))
    }
}

/// Changes a label set: a small editor over pairs that [`LabelsBuilder::build`] sorts and encodes once.
///
/// ```
/// use bedrock::labels::{Labels, LabelsBuilder};
///
/// let up = Labels::from_pairs([("__name__", "up"), ("job", "api")])?;
/// let mut builder = LabelsBuilder::from(&up);
/// builder.remove("__name__").set("dc", "eu");
/// assert_eq!(builder.build().to_string(), r#"{dc="eu", job="api"}"#);
/// # Ok::<(), bedrock::labels::LabelError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct LabelsBuilder {
    pairs: Vec<(String, String)>,
}

impl From<&Labels> for LabelsBuilder {
    fn from(labels: &Labels) -> Self {
        LabelsBuilder { pairs: labels.iter().map(|(n, v)| (n.to_owned(), v.to_owned())).collect() }
    }
}

impl LabelsBuilder {
    /// A builder that holds no label yet.
    pub fn new() -> Self {
        LabelsBuilder::default()
    }

    /// Sets a label, replacing the value that it had. An empty name is ignored: no set can hold it.
    pub fn set(&mut self, name: &str, value: &str) -> &mut Self {
        if name.is_empty() {
            return self;
        }
        match self.pairs.iter_mut().find(|(n, _)| n == name) {
            Some((_, old)) => value.clone_into(old),
            None => self.pairs.push((name.to_owned(), value.to_owned())),
        }
        self
    }

    /// Removes a label where it is present.
    pub fn remove(&mut self, name: &str) -> &mut Self {
        self.pairs.retain(|(n, _)| n != name);
        self
    }

    /// Keeps only the labels for which `keep(name, value)` is true.
    pub fn retain(&mut self, mut keep: impl FnMut(&str, &str) -> bool) -> &mut Self {
        self.pairs.retain(|(n, v)| keep(n, v));
        self
    }

    /// The current value of a label.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.pairs.iter().find(|(n, _)| n == name).map(|(_, v)| v.as_str())
    }

    /// The label set as it stands now.
    pub fn build(&self) -> Labels {
        let mut order: Vec<&(String, String)> = self.pairs.iter().collect();
        order.sort();
        Labels::from_sorted(order.into_iter().map(|(n, v)| (n.as_str(), v.as_str())))
    }
}

/// Payload bits of one byte of a length.
const LENGTH_BITS: u32 = 6;
/// Set on every byte of a length but the last.
const LENGTH_MORE: u8 = 1 << LENGTH_BITS;

fn push_text(out: &mut String, text: &str) {
    let mut length = text.len();
    while length >= LENGTH_MORE as usize {
        out.push(char::from((length % LENGTH_MORE as usize) as u8 | LENGTH_MORE));
        length >>= LENGTH_BITS;
    }
    out.push(char::from(length as u8));
    out.push_str(text);
}

/// Splits the first text off. `encoded` was written by [`push_text`], so the slices lie on character boundaries.
fn take_text(encoded: &str) -> (&str, &str) {
    if let Some(&length) = encoded.as_bytes().first()
        && length & LENGTH_MORE == 0
    {
        return encoded[1..].split_at(usize::from(length));
    }
    let mut length = 0;
    let mut head = 0;
    for (i, byte) in encoded.bytes().enumerate() {
        length |= usize::from(byte & (LENGTH_MORE - 1)) << (LENGTH_BITS as usize * i);
        if byte & LENGTH_MORE == 0 {
            head = i + 1;
            break;
        }
    }
    encoded[head..].split_at(length)
}

#[cfg(test)]
mod tests;
