//! Names and values of labels, and the streams that have them.

use std::collections::BTreeSet;

use bedrock::labels::{Labels, Matcher};

use crate::api::Result;
use crate::source::LogSource;

/// The names of labels that the selected streams have in `[start_ns, end_ns)`, sorted. Without matchers the answer comes
/// from the index alone and is that of every stream, whatever the times: so the reference answers. O(streams × labels).
///
/// # Errors
///
/// What the source reports.
///
/// ```
/// use bedrock::labels::Labels;
/// use logstore::{api, memory::MemorySource};
///
/// let mut source = MemorySource::default();
/// source.push(&Labels::from_pairs([("app", "shop")])?, 5, b"line", &[])?;
/// assert_eq!(api::labels::names(&source, &[], 0, 10)?, ["app"]);
/// assert_eq!(api::labels::values(&source, "app", &[], 0, 10)?, ["shop"]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn names(
    source: &dyn LogSource,
    matchers: &[Matcher],
    start_ns: i64,
    end_ns: i64,
) -> Result<Vec<String>> {
    let mut names = BTreeSet::new();
    for labels in indexed(source, matchers, start_ns, end_ns)? {
        names.extend(labels.iter().map(|(name, _)| name.to_owned()));
    }
    Ok(names.into_iter().collect())
}

/// The values of one label that the selected streams have in `[start_ns, end_ns)`, sorted; without matchers that of every
/// stream, as with [`names`]. O(streams × labels).
///
/// # Errors
///
/// What the source reports.
pub fn values(
    source: &dyn LogSource,
    name: &str,
    matchers: &[Matcher],
    start_ns: i64,
    end_ns: i64,
) -> Result<Vec<String>> {
    let mut values = BTreeSet::new();
    for labels in indexed(source, matchers, start_ns, end_ns)? {
        values.extend(labels.get(name).filter(|value| !value.is_empty()).map(str::to_owned));
    }
    Ok(values.into_iter().collect())
}

fn indexed(source: &dyn LogSource, matchers: &[Matcher], start_ns: i64, end_ns: i64) -> Result<Vec<Labels>> {
    let (start_ns, end_ns) = if matchers.is_empty() { (i64::MIN, i64::MAX) } else { (start_ns, end_ns) };
    Ok(source.streams(matchers, start_ns, end_ns)?)
}

/// The streams that one of the selectors selects in `[start_ns, end_ns)`, sorted; without a selector all of them.
///
/// # Errors
///
/// What the source reports.
pub fn series(
    source: &dyn LogSource,
    selectors: &[Vec<Matcher>],
    start_ns: i64,
    end_ns: i64,
) -> Result<Vec<Labels>> {
    let mut streams = BTreeSet::new();
    if selectors.is_empty() {
        streams.extend(source.streams(&[], start_ns, end_ns)?);
    }
    for matchers in selectors {
        streams.extend(source.streams(matchers, start_ns, end_ns)?);
    }
    Ok(streams.into_iter().collect())
}
