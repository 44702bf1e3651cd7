//! One line at a time: the pipeline or the extractor of a query, for tests and for those who tail.

use bedrock::labels::Labels;

use crate::logql::ast::{LogExpr, MetricExpr};
use crate::logql::error::Result;
use crate::logql::extract::Extractor;
use crate::logql::label_sets::LabelSets;
use crate::logql::limits::Limits;
use crate::logql::pipeline::Pipeline;
pub use crate::logql::pipeline::labels::Category;

/// A line that a query keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ProcessedLine {
    /// The line as the stages have left it.
    pub line: Vec<u8>,
    /// Its labels, sorted by name, with where each comes from.
    pub labels: Vec<(String, String, Category)>,
}

/// Runs the pipeline of a log query over single lines.
///
/// ```
/// use bedrock::labels::Labels;
/// use logstore::logql::{Limits, LineProcessor, parse_log};
///
/// let query = parse_log(r#"{app="shop"} | logfmt | took > 1s"#)?;
/// let mut processor = LineProcessor::new(&query, &Limits::default())?;
/// let stream = Labels::from_pairs([("app", "shop")])?;
/// assert!(processor.process(&stream, 0, b"took=2s", &[])?.is_some());
/// assert!(processor.process(&stream, 0, b"took=5ms", &[])?.is_none());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct LineProcessor {
    pipeline: Pipeline,
}

impl LineProcessor {
    /// Compiles the stages of a query.
    ///
    /// # Errors
    ///
    /// [`crate::logql::QueryError`] for a template, an address or an expression that does not compile.
    pub fn new(query: &LogExpr, limits: &Limits) -> Result<Self> {
        Ok(LineProcessor { pipeline: Pipeline::for_lines(&query.stages, limits)? })
    }

    /// Runs one line of a stream; none where the query drops it. The matchers of the query are not looked at.
    ///
    /// # Errors
    ///
    /// [`crate::logql::QueryError`] where the stages take more labels out of the line than the limit allows.
    pub fn process(
        &mut self,
        stream: &Labels,
        ts_ns: i64,
        line: &[u8],
        metadata: &[(&str, &str)],
    ) -> Result<Option<ProcessedLine>> {
        self.pipeline.labels_mut().start_stream(stream);
        if !self.pipeline.run(ts_ns, line, metadata)? {
            return Ok(None);
        }
        let mut labels = Vec::new();
        let unchanged = self.pipeline.labels().is_unchanged();
        self.pipeline.labels().for_each(|category, name, value| {
            if !(unchanged && category == Category::Parsed) {
                labels.push((name.to_owned(), value.to_owned(), category));
            }
        });
        labels.sort();
        Ok(Some(ProcessedLine { line: self.pipeline.line(line).to_vec(), labels }))
    }
}

/// Turns single lines into the samples of a metric query.
#[derive(Debug)]
pub struct SampleExtractor {
    extractor: Extractor,
}

impl SampleExtractor {
    /// Compiles the range aggregation of a query, none where it is not about lines.
    ///
    /// # Errors
    ///
    /// As [`LineProcessor::new`].
    pub fn new(query: &MetricExpr, limits: &Limits) -> Result<Option<Self>> {
        Ok(Extractor::of_query(query, limits)?.map(|extractor| SampleExtractor { extractor }))
    }

    /// The value of a line and the labels that it is grouped under; none where the line gives no sample.
    ///
    /// # Errors
    ///
    /// As [`LineProcessor::process`].
    pub fn sample(
        &mut self,
        stream: &Labels,
        ts_ns: i64,
        line: &[u8],
        metadata: &[(&str, &str)],
    ) -> Result<Option<(f64, Labels)>> {
        self.extractor.start_stream(stream);
        let bytes = u32::try_from(line.len()).unwrap_or(u32::MAX);
        let value = self.extractor.sample(ts_ns, line, bytes, metadata)?;
        let mut sets = LabelSets::default();
        Ok(value.map(|value| {
            let number = self.extractor.group(&mut sets);
            (value, sets.get(number).clone())
        }))
    }
}
