//! What a query may cost.

/// Limits on the text of a query and on what it may compute.
///
/// ```
/// use logstore::logql::Limits;
/// let limits = Limits { series_max: 50, ..Limits::default() };
/// assert_eq!(limits.query_bytes_max, 128 << 10);
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Longest query text.
    pub query_bytes_max: usize,
    /// Deepest nesting of expressions, and longest chain of operators.
    pub depth_max: usize,
    /// Most series in the answer of a metric query.
    pub series_max: usize,
    /// Most steps of a range query.
    pub steps_max: usize,
    /// Most entries that a log query returns.
    pub entries_max: usize,
    /// Most bytes that one template may write for one line.
    pub template_bytes_max: usize,
    /// Most rounds of all `range` loops of one template for one line.
    pub template_rounds_max: u64,
    /// Most bytes of labels that the parsers may take from one line.
    pub line_label_bytes_max: usize,
    /// Most samples that a metric query holds at a time.
    pub samples_max: usize,
    /// Most bytes of blocks that a query reads, as they lie on disk.
    pub read_bytes_max: u64,
    /// Most bytes that a query of lines holds at a time: places of candidates and lines of the answer.
    pub held_bytes_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Limits {
            query_bytes_max: 128 << 10,
            depth_max: 200,
            series_max: 10_000,
            steps_max: 11_000,
            entries_max: 1_000_000,
            template_bytes_max: 1 << 20,
            template_rounds_max: 10_000,
            line_label_bytes_max: 16 << 20,
            samples_max: 100_000_000,
            read_bytes_max: u64::MAX,
            held_bytes_max: 1 << 30,
        }
    }
}
