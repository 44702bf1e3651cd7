//! What happens to an entry before it is stored: metadata names become label names, and, where switched on, the name
//! of the service and the level of the line are found out.

use bedrock::labels::{Labels, LabelsBuilder};

use crate::level;

/// What is derived from entries as they arrive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Adds the stream label `service_name` where it is missing.
    pub service_name: bool,
    /// Adds the metadata `detected_level` where it is missing.
    pub level: bool,
}

/// The labels that can name a service, in order of preference.
const SERVICE_LABELS: [&str; 10] = [
    "service",
    "app",
    "application",
    "name",
    "app_kubernetes_io_name",
    "container",
    "container_name",
    "component",
    "workload",
    "job",
];

/// The stream label that names the service.
const SERVICE_NAME: &str = "service_name";

/// The metadata that holds the level found out.
pub const DETECTED_LEVEL: &str = "detected_level";

/// Why the metadata of an entry is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum MetadataError {
    /// The name has no letter and no digit.
    #[error("metadata name {name:?} has no letter and no digit that a label name could keep")]
    NoName {
        /// The name as it was given.
        name: String,
    },
}

/// Makes a metadata name a label name: other characters than ASCII letters and digits become `_`, runs of `_` become
/// one, a leading digit gets `key_` before it. Names in double underscores keep them.
///
/// # Errors
///
/// [`MetadataError::NoName`] where nothing but underscores would be left.
///
/// ```
/// use logstore::ingest::sanitize_name;
/// assert_eq!(sanitize_name("http.status-code")?, "http_status_code");
/// # Ok::<(), logstore::ingest::MetadataError>(())
/// ```
pub fn sanitize_name(name: &str) -> Result<String, MetadataError> {
    let inner = name.strip_prefix("__").and_then(|rest| rest.strip_suffix("__"));
    let mut clean = String::with_capacity(name.len() + 4);
    for c in inner.unwrap_or(name).chars() {
        if c.is_ascii_alphanumeric() {
            clean.push(c);
        } else if !clean.ends_with('_') {
            clean.push('_');
        }
    }
    if inner.is_some() {
        clean = format!("__{clean}__");
    }
    if clean.starts_with(|c: char| c.is_ascii_digit()) {
        clean.insert_str(0, "key_");
    }
    if clean.bytes().all(|b| b == b'_') {
        return Err(MetadataError::NoName { name: name.to_owned() });
    }
    Ok(clean)
}

/// Sanitizes the names of an entry's metadata and sorts them; of equal names the last one given stays, and empty
/// values are left out.
///
/// # Errors
///
/// As [`sanitize_name`].
pub fn sanitize_metadata(metadata: &[(String, String)]) -> Result<Vec<(String, String)>, MetadataError> {
    let mut clean: Vec<(String, String)> = Vec::with_capacity(metadata.len());
    for (name, value) in metadata {
        let name = sanitize_name(name)?;
        if value.is_empty() {
            continue;
        }
        match clean.iter_mut().find(|(known, _)| *known == name) {
            Some((_, old)) => value.clone_into(old),
            None => clean.push((name, value.clone())),
        }
    }
    clean.sort();
    Ok(clean)
}

/// The labels of a stream, with `service_name` where it is asked for and missing.
pub fn stream_labels(labels: &Labels, discovery: &Discovery) -> Labels {
    if !discovery.service_name || labels.get(SERVICE_NAME).is_some() {
        return labels.clone();
    }
    let service = SERVICE_LABELS
        .iter()
        .find_map(|name| labels.get(name).filter(|value| !value.is_empty()))
        .unwrap_or("unknown_service");
    LabelsBuilder::from(labels).set(SERVICE_NAME, service).build()
}

/// Adds `detected_level` to sanitized metadata where it is asked for; one that is there is brought to the usual form.
pub fn add_level(labels: &Labels, line: &[u8], metadata: &mut Vec<(String, String)>, discovery: &Discovery) {
    if !discovery.level {
        return;
    }
    if let Some((_, value)) = metadata.iter_mut().find(|(name, _)| name == DETECTED_LEVEL) {
        let usual = level::normalize(value).unwrap_or(value).to_owned();
        *value = usual;
        return;
    }
    let found = level::of_entry(labels, metadata, line);
    metadata.push((DETECTED_LEVEL.to_owned(), found.to_owned()));
    metadata.sort();
}
