//! Keys by which series are grouped and matched: made once a series.

use bedrock::labels::{Labels, LabelsBuilder, METRIC_NAME};

use super::series::{Series, is_metadata};

/// Which labels make the key.
#[derive(Clone, Debug)]
pub(crate) struct KeyOf<'a> {
    /// Sorted.
    names: Vec<&'a str>,
    /// Whether the key is made of all other labels, less the name of the metric.
    without: bool,
}

impl<'a> KeyOf<'a> {
    pub(crate) fn labels(names: impl IntoIterator<Item = &'a str>) -> Self {
        let mut names: Vec<&str> = names.into_iter().collect();
        names.sort_unstable();
        names.dedup();
        KeyOf { names, without: false }
    }

    pub(crate) fn all_but(names: impl IntoIterator<Item = &'a str>) -> Self {
        KeyOf { without: true, ..KeyOf::labels(names) }
    }

    fn takes(&self, name: &str) -> bool {
        let named = self.names.binary_search(&name).is_ok();
        if self.without { !named && name != METRIC_NAME } else { named }
    }

    /// Writes the key of a label set to `key`. `hide_metadata` where the name of the metric is to go.
    pub(crate) fn write(&self, labels: &Labels, hide_metadata: bool, key: &mut Vec<u8>) {
        key.clear();
        let last = if self.without { None } else { Some(self.names.last().copied().unwrap_or("")) };
        for (name, value) in labels {
            if last.is_some_and(|last| name > last) {
                break;
            }
            if value.is_empty() || !self.takes(name) || (hide_metadata && is_metadata(name)) {
                continue;
            }
            // Bytes that no UTF-8 text holds end names and values.
            key.extend_from_slice(name.as_bytes());
            key.push(0xff);
            key.extend_from_slice(value.as_bytes());
            key.push(0xff);
        }
    }

    /// The labels that make the key.
    pub(crate) fn project(&self, labels: &Labels, hide_metadata: bool) -> Labels {
        LabelsBuilder::from(labels)
            .retain(|name, value| {
                !value.is_empty() && self.takes(name) && !(hide_metadata && is_metadata(name))
            })
            .build()
    }
}

/// Whether a series' name counts no more, though its labels still hold it.
pub(crate) fn name_is_gone(series: &Series, names_late: bool) -> bool {
    series.drop_name && !names_late
}
