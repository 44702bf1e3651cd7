//! How much there is: streams, entries and bytes, and who they belong to.

use std::collections::BTreeMap;

use bedrock::labels::{Labels, LabelsBuilder, MatchOp, Matcher};

use crate::api::Result;
use crate::logql::QueryError;
use crate::source::LogSource;

/// The size of a selection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct IndexStats {
    /// Streams with at least one entry.
    pub streams: u64,
    /// Entries.
    pub entries: u64,
    /// Bytes of lines and metadata.
    pub bytes: u64,
}

/// Streams, entries and bytes of the selected streams in `[start_ns, end_ns)`.
///
/// # Errors
///
/// What the source reports.
pub fn stats(source: &dyn LogSource, matchers: &[Matcher], start_ns: i64, end_ns: i64) -> Result<IndexStats> {
    let volumes = source.volumes(matchers, start_ns, end_ns)?;
    let mut stats = IndexStats { streams: volumes.len() as u64, ..IndexStats::default() };
    for volume in volumes {
        stats.entries += volume.entries;
        stats.bytes += volume.bytes;
    }
    Ok(stats)
}

/// What volumes are summed by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AggregateBy {
    /// By the values of the labels.
    #[default]
    Series,
    /// By the names of the labels.
    Labels,
}

impl AggregateBy {
    /// Reads `series` or `labels`; the empty text is `series`.
    ///
    /// # Errors
    ///
    /// [`QueryError::Invalid`] for any other text.
    pub fn parse(text: &str) -> Result<Self> {
        match text {
            "" | "series" => Ok(AggregateBy::Series),
            "labels" => Ok(AggregateBy::Labels),
            _ => Err(QueryError::invalid(format!(
                "{text:?} is no aggregation; right are `series` and `labels`"
            ))),
        }
    }
}

/// What a volume is asked for.
#[derive(Clone, Debug)]
pub struct VolumeRequest<'q> {
    /// Conditions on the streams.
    pub matchers: &'q [Matcher],
    /// First timestamp.
    pub start_ns: i64,
    /// First timestamp no longer counted.
    pub end_ns: i64,
    /// The labels to sum by; none are those that the matchers name. Streams without them do not count.
    pub target_labels: &'q [String],
    /// Whether values or names of labels are summed by.
    pub aggregate_by: AggregateBy,
    /// The most groups that are returned, the largest first.
    pub limit: usize,
}

/// Bytes per group, the largest first.
///
/// # Errors
///
/// What the source reports.
///
/// ```
/// use bedrock::labels::Labels;
/// use logstore::api::volume::{AggregateBy, VolumeRequest, volume};
/// use logstore::logql::parse_selector;
/// use logstore::memory::MemorySource;
///
/// let mut source = MemorySource::default();
/// source.push(&Labels::from_pairs([("app", "shop"), ("pod", "1")])?, 5, b"12345", &[])?;
/// let matchers = parse_selector(r#"{app=~".+"}"#)?;
/// let request = VolumeRequest {
///     matchers: &matchers,
///     start_ns: 0,
///     end_ns: 10,
///     target_labels: &[],
///     aggregate_by: AggregateBy::Series,
///     limit: 100,
/// };
/// assert_eq!(volume(&source, &request)?, [(Labels::from_pairs([("app", "shop")])?, 5)]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn volume(source: &dyn LogSource, request: &VolumeRequest<'_>) -> Result<Vec<(Labels, u64)>> {
    let mut matchers = request.matchers.to_vec();
    let named = |name: &str| request.matchers.iter().any(|matcher| matcher.name() == name);
    for target in request.target_labels.iter().filter(|target| !named(target)) {
        let present = Matcher::new(MatchOp::Regex, target, ".+");
        matchers.push(present.map_err(|error| QueryError::invalid(error.to_string()))?);
    }
    let all = request.target_labels.is_empty()
        && (request.matchers.is_empty() || request.matchers.iter().any(|matcher| matcher.value().is_empty()));
    let wanted = |name: &str| match request.target_labels {
        [] => all || named(name),
        targets => targets.iter().any(|target| target == name),
    };
    let mut groups: BTreeMap<Labels, u64> = BTreeMap::new();
    for stream in source.volumes(&matchers, request.start_ns, request.end_ns)? {
        match request.aggregate_by {
            AggregateBy::Series => {
                let mut key = LabelsBuilder::from(&stream.labels);
                key.retain(|name, _| wanted(name));
                *groups.entry(key.build()).or_default() += stream.bytes;
            }
            AggregateBy::Labels => {
                let is_target = |name: &str| request.target_labels.is_empty() || wanted(name);
                for (name, _) in stream.labels.iter().filter(|(name, _)| is_target(name)) {
                    let key = LabelsBuilder::new().set(name, "").build();
                    *groups.entry(key).or_default() += stream.bytes;
                }
            }
        }
    }
    let mut volumes: Vec<(Labels, u64)> = groups.into_iter().collect();
    volumes.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    volumes.truncate(request.limit);
    Ok(volumes)
}

/// A volume for each step of a time range: the end of the step in nanoseconds, and bytes per group.
pub type VolumeSteps = Vec<(i64, Vec<(Labels, u64)>)>;

/// Bytes per group and step; the last step may be shorter.
///
/// # Errors
///
/// [`QueryError::Invalid`] for a step of 0 or less, [`QueryError::Limit`] for more than 11,000 steps, and what the source
/// reports.
pub fn volume_range(
    source: &dyn LogSource,
    request: &VolumeRequest<'_>,
    step_ns: i64,
) -> Result<VolumeSteps> {
    const STEPS_MAX: i64 = 11_000;
    let span = request.end_ns.saturating_sub(request.start_ns);
    if step_ns <= 0 {
        return Err(QueryError::invalid("the step of a volume has to be above 0"));
    }
    if span / step_ns > STEPS_MAX {
        let found = (span / step_ns) as u64;
        return Err(QueryError::Limit { what: "the number of steps", max: STEPS_MAX as u64, found });
    }
    let mut steps = Vec::new();
    let mut start_ns = request.start_ns;
    while start_ns < request.end_ns {
        let end_ns = start_ns.saturating_add(step_ns).min(request.end_ns);
        steps.push((end_ns, volume(source, &VolumeRequest { start_ns, end_ns, ..request.clone() })?));
        start_ns = end_ns;
    }
    Ok(steps)
}
